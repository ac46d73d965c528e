"""Verbs on what there is: sources, tasks, and what lies in a data root."""

from __future__ import annotations

from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, SourceDirs, Sources, places_of
from chexinstruct.cli.printing import print_json, table
from chexinstruct.errors import CallError


@app.command("sources")
def sources_(
    key: Annotated[str | None, typer.Argument(help="Tell all about one source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sources, or tell how to get one.

    Example: chexinstruct sources nih_chestxray14
    """
    from chexinstruct.access import bytes_told, commands, sizes_told
    from chexinstruct.source import registry, terms

    known = registry()
    if key is None:
        if as_json:
            print_json([source.card.model_dump(mode="json") for source in known.values()])
            return
        rows: list[list[object]] = [["key", "name", "access", "redistribution", "needs"]]
        for name, source in known.items():
            strict = terms(name, known)
            needs = ", ".join([*source.card.requires, *(f"({used})" for used in source.card.uses)])
            rows.append([name, source.card.name, strict.license, strict.redistribution, needs])
        print(table(rows))
        return
    if key not in known:
        raise CallError(f"unknown source {key!r}; there are {', '.join(known)}")
    card = known[key].card
    if as_json:
        print_json(card.model_dump(mode="json"))
        return
    print(f"{card.name} ({card.key})\n{card.summary}\n")
    print(f"Home: {card.home}\nVersions: {'; '.join(card.versions)}")
    print(f"Access: {card.license} ({card.license_name}). {card.terms}")
    print(f"Redistribution: {card.redistribution}")
    if size := sizes_told(card):
        print(f"Size: {size}")
    if card.requires:
        print(f"Needs beside it: {', '.join(card.requires)}")
    for used, lost in card.uses.items():
        print(f"Reads {used} too, if it is there; else lost: {lost}")
    print("\nHow to get it:")
    for number, step in enumerate(card.access, start=1):
        print(f"  {number}. {step}")
    if typed := list(commands(card)):
        print("\nWhat to type:")
        for what, command in typed:
            print(f"  # {what}\n  {command}" if what else f"  {command}")
    if card.downloads:
        print("\nWhat `fetch` downloads:")
    for item in card.downloads:
        size = f", {bytes_told(item.size)}" if item.size else ""
        print(f"  {item.file}{size}: {item.what}\n    {item.url}")
    if any(project.pictures for project in card.physionet):
        print("\nOnly the pictures that a manifest shows: `chexinstruct files`, e.g.")
        print("  chexinstruct files full --data-root DATA_ROOT --format urls --missing \\")
        print(f"    --source {key} > urls.txt")
    print(f"\nPut it into DATA_ROOT/{key}/. Files:")
    for file in card.files:
        print(f"  {file.pattern}{'' if file.needed else ' (optional)'}: {file.what}")
    print(f"\nSplit: {card.split}")
    for overlap in card.overlaps:
        print(f"Overlaps with {overlap.source}: {overlap.how}")
    for note in card.notes:
        print(f"Note: {note}")
    print(f"\nCite: {card.citation}")


@app.command("tasks")
def tasks_(
    name: Annotated[str | None, typer.Argument(help="Tell all about one task.")] = None,
    matrix: Annotated[
        bool,
        typer.Option("--matrix", help="Tasks by sources: what the synthetic releases give."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the tasks, or tell what one needs and asks, or which source feeds which task.

    Example: chexinstruct tasks phrase_grounding
    """
    if matrix:
        from chexinstruct.coverage import render_grid, synthetic_coverage

        if name is not None:
            raise CallError("--matrix shows all tasks; leave the name out")
        pairs = synthetic_coverage()
        if as_json:
            print_json(pairs)
        else:
            print(render_grid(pairs))
        return
    from chexinstruct.tasks import FAMILIES, registry
    from chexinstruct.tasks.needs import NEEDS
    from chexinstruct.templating import Templates

    known = registry()
    if name is not None and name not in known:
        raise CallError(f"unknown task {name!r}; there are {', '.join(known)}")
    chosen = known if name is None else {name: known[name]}
    if as_json:
        print_json(
            [
                {
                    "key": task.key,
                    "family": task.family,
                    "title": task.title,
                    "needs": {need: NEEDS[need].what for need in task.needs},
                }
                for task in chosen.values()
            ]
        )
        return
    if name is None:
        rows: list[list[object]] = [["task", "family", "a study needs"]]
        for task in known.values():
            rows.append([task.key, task.family, "; ".join(NEEDS[n].what for n in task.needs)])
        print(table(rows))
        return
    task = known[name]
    template = Templates().load(name)
    print(f"{task.title} ({task.key}), {FAMILIES[task.family]}")
    print(f"{(task.facts.__doc__ or '').strip()}\n")
    print("A study carries: " + "; ".join(NEEDS[need].what for need in task.needs))
    for form in template.forms:
        print(f"Form {form}: {template.phrasings(form)} phrasings (template {template.version})")


@app.command("check")
def check_(
    data_root: Annotated[str, typer.Argument(help="Folder with one folder a source key.")],
    source: Sources = None,
    source_dir: SourceDirs = None,
    sums: Annotated[
        bool,
        typer.Option("--sums", help="Read all files and compare the publisher's SHA256SUMS.txt."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a data root and tell every problem at once, with the next step for each.

    Example: chexinstruct check /data/releases
    """
    from chexinstruct.check import check, strangers
    from chexinstruct.source import registry

    known = registry()
    for key in source or ():
        if key not in known:
            raise CallError(f"unknown source {key!r}; there are {', '.join(known)}")
    places = places_of(source_dir)
    found = check(data_root, known, keys=source or (), source_dirs=places, sums=sums)
    if as_json:
        print_json(found)
    else:
        for item in found:
            state = "ready" if item.usable else "cannot be built"
            held = item.completeness
            named = (
                f", {held.status}" + (f" ({held.edition})" if held.edition else "") if held else ""
            )
            print(f"{item.source}: {state}{named}")
            for file in item.files:
                if file.found:
                    many = f" and {file.count - 1:,} more" if file.count > 1 else ""
                    print(f"  found {file.found}{many}")
            if item.sums:
                absent = f", {item.sums.missing:,} listed files are not here" * (
                    item.sums.missing > 0
                )
                print(f"  {item.sums.matching:,} files match the publisher's checksums{absent}")
            for problem in item.problems:
                print(f"  {problem}")
        if not source and (others := strangers(data_root, found, known)):
            print(f"not read, since no source has this key: {', '.join(others)}")
        if not found:
            print(f"{data_root} holds no folder that is named like a source; there are")
            print("  " + ", ".join(known))
        else:
            usable = [item for item in found if item.usable]
            parts = sum(held.status == "partial" for i in usable if (held := i.completeness))
            print(f"{len(usable)} of {len(found)} can be built, {parts} of them in part")
    if not found or not all(item.usable for item in found):
        raise typer.Exit(1)
