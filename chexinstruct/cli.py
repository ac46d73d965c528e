"""The command line: arguments in, messages out. Every verb is one call of the Python API.

Modules that load slowly are imported inside the verbs, so that ``--help`` starts at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from chexinstruct.errors import CallError, ChexinstructError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build the CheXinstruct instruction corpus from raw public chest X-ray releases.",
)


class Images(StrEnum):
    """Where pictures go."""

    embed = "embed"
    store = "store"
    none = "none"


class Link(StrEnum):
    """How persons of several sources are brought together beyond their ids."""

    none = "none"
    pixels = "pixels"


class MissingImage(StrEnum):
    """What a missing picture means."""

    fail = "fail"
    skip = "skip"


class Split(StrEnum):
    """The splits."""

    train = "train"
    validation = "validation"
    test = "test"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
SourceDirs = Annotated[
    list[str] | None,
    typer.Option("--source-dir", help="KEY=PATH of a release that lies elsewhere; repeatable."),
]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Only this task; repeatable.")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only this source; repeatable.")
]
Splits = Annotated[list[Split] | None, typer.Option("--split", help="Only this split; repeatable.")]
Corpus = Annotated[Path, typer.Argument(help="Folder of a built corpus.")]


def main() -> None:
    """Run the command line; exits with 0 (done), 1 (the data is wrong) or 2 (the call is wrong)."""
    try:
        app()
    except CallError as error:
        _fail(error, 2)
    except ChexinstructError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again to go on", 130)


def _fail(error: object, code: int) -> None:
    print(f"chexinstruct: {error}", file=sys.stderr)
    sys.exit(code)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def _table(rows: list[list[object]]) -> str:
    """Columns side by side, numbers to the right."""
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    right = [all(isinstance(row[i], int) for row in rows[1:]) for i in range(len(rows[0]))]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _places(values: list[str] | None) -> dict[str, str]:
    places = {}
    for value in values or ():
        key, mark, path = value.partition("=")
        if not (key and mark and path):
            raise CallError(f"--source-dir {value}: write KEY=PATH, e.g. openi=/data/openi")
        places[key] = path
    return places


@app.command("sources")
def sources_(
    key: Annotated[str | None, typer.Argument(help="Tell all about one source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sources, or tell how to get one.

    Example: chexinstruct sources nih_chestxray14
    """
    from chexinstruct.source import registry, terms

    known = registry()
    if key is None:
        if as_json:
            _print_json([source.card.model_dump(mode="json") for source in known.values()])
            return
        rows: list[list[object]] = [["key", "name", "access", "redistribution", "needs"]]
        for name, source in known.items():
            strict = terms(name, known)
            needs = ", ".join([*source.card.requires, *(f"({used})" for used in source.card.uses)])
            rows.append([name, source.card.name, strict.license, strict.redistribution, needs])
        print(_table(rows))
        return
    if key not in known:
        raise CallError(f"unknown source {key!r}; there are {', '.join(known)}")
    card = known[key].card
    if as_json:
        _print_json(card.model_dump(mode="json"))
        return
    print(f"{card.name} ({card.key})\n{card.summary}\n")
    print(f"Home: {card.home}\nVersions: {'; '.join(card.versions)}")
    print(f"Access: {card.license} ({card.license_name}). {card.terms}")
    print(f"Redistribution: {card.redistribution}")
    if card.requires:
        print(f"Needs beside it: {', '.join(card.requires)}")
    for used, lost in card.uses.items():
        print(f"Reads {used} too, if it is there; else lost: {lost}")
    print("\nHow to get it:")
    for number, step in enumerate(card.access, start=1):
        print(f"  {number}. {step}")
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
            _print_json(pairs)
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
        _print_json(
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
        print(_table(rows))
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
    as_json: AsJson = False,
) -> None:
    """Look at a data root and tell every problem at once, with the next step for each.

    Example: chexinstruct check /data/releases
    """
    from chexinstruct.check import check
    from chexinstruct.source import registry

    known = registry()
    for key in source or ():
        if key not in known:
            raise CallError(f"unknown source {key!r}; there are {', '.join(known)}")
    found = check(data_root, known, keys=source or (), source_dirs=_places(source_dir))
    if as_json:
        _print_json(found)
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
            for problem in item.problems:
                print(f"  {problem}")
        if not found:
            print(f"{data_root} holds no folder that is named like a source; there are")
            print("  " + ", ".join(known))
    if not found or not all(item.usable for item in found):
        raise typer.Exit(1)


@app.command("build")
def build_(
    manifest: Annotated[str, typer.Argument(help="Shipped manifest, e.g. full, or a YAML path.")],
    data_root: Annotated[str, typer.Option(help="Folder with one folder a source key.")],
    out: Annotated[Path, typer.Option(help="Folder of the corpus.")],
    source: Sources = None,
    task: Tasks = None,
    split: Splits = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE over the manifest, VALUE in YAML; repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Studies a source, in keyed order.")] = None,
    images: Annotated[Images | None, typer.Option(help="Where pictures go.")] = None,
    link: Annotated[
        Link | None, typer.Option(help="Compare pictures of sources that are known to share some.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    available: Annotated[
        bool, typer.Option("--available", help="Leave out sources that are not there.")
    ] = False,
    on_missing_image: Annotated[
        MissingImage, typer.Option(help="Stop at missing pictures, or count and skip them.")
    ] = MissingImage.fail,
    source_dir: SourceDirs = None,
    cache: Annotated[
        Path | None, typer.Option(help="Cache folder; default $CHEXINSTRUCT_CACHE or your own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a corpus, or go on with one that was interrupted.

    Example: chexinstruct build full --data-root /data/releases --out corpus --workers 8
    """
    from chexinstruct.build import BuildOptions, build
    from chexinstruct.manifest import load_manifest, overridden

    recipe = overridden(
        load_manifest(manifest, assignments or ()),
        sources=source,
        tasks=task,
        splits=[str(name) for name in split] if split else None,
        limit=limit,
        images=str(images) if images else None,
        link=str(link) if link else None,
    )
    options = BuildOptions(
        workers=workers,
        cache=cache,
        progress=sys.stderr.isatty(),
        source_dirs=_places(source_dir),
        available=available,
        on_missing_image=on_missing_image.value,
    )
    lock = build(recipe, data_root, out, options)
    if as_json:
        _print_json(lock)
        return
    print(_summary(lock))
    print(f"\nThe corpus is in {out}; its README.md tells what became of every study.")


def _summary(lock: Any) -> str:
    """Rows by task and split, and what is missing."""
    splits = ("train", "validation", "test")
    sums: dict[str, dict[str, int]] = {}
    for entry in lock.ledger:
        sums.setdefault(entry.task, dict.fromkeys(splits, 0))[entry.split] += entry.rows
    rows: list[list[object]] = [["task", *splits, "rows"]]
    for name, by_split in sums.items():
        if total := sum(by_split.values()):
            rows.append([name, *by_split.values(), total])
    rows.append(["all", *(sum(s[k] for s in sums.values()) for k in splits), _rows(lock)])
    lines = [_table(rows)]
    for account in lock.sources:
        if account.missing_pictures and lock.manifest["images"]["mode"] != "none":
            lines.append(
                f"{account.source}: {account.missing_pictures:,} of {account.pictures:,} pictures "
                "are not in the release; what needs them was left out"
            )
        if account.rejects or account.bad_pictures:
            counts = {**account.rejects, **account.bad_pictures}
            told = ", ".join(f"{reason} {n:,}" for reason, n in counts.items())
            lines.append(f"{account.source}: rejected: {told} (see rejects/)")
    lines += [f"{key}: {reason}" for key, reason in lock.skipped_sources.items()]
    return "\n".join(lines)


def _rows(lock: Any) -> int:
    return sum(shard.rows for shard in lock.shards)


@app.command("filter")
def filter_(
    corpus: Corpus,
    out: Annotated[Path, typer.Option(help="Folder of the new corpus.")],
    task: Tasks = None,
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="coarse, fine, text, qa or misc; repeatable."),
    ] = None,
    source: Sources = None,
    split: Splits = None,
) -> None:
    """Make a smaller corpus of one, without opening pictures.

    Example: chexinstruct filter corpus --family fine --split train --out grounding
    """
    from chexinstruct.corpus import filter_corpus

    lock = filter_corpus(
        corpus,
        out,
        tasks=task or (),
        families=family or (),
        sources=source or (),
        splits=[str(name) for name in split or ()],
    )
    print(_summary(lock))


@app.command("stats")
def stats_(corpus: Corpus, as_json: AsJson = False) -> None:
    """Count rows, answer priors, lengths and duplicates.

    Example: chexinstruct stats corpus
    """
    from chexinstruct.corpus import render_stats, stats

    found = stats(corpus)
    if as_json:
        _print_json(found)
    else:
        print(render_stats(found))


@app.command("show")
def show_(
    corpus: Corpus,
    id: Annotated[str | None, typer.Argument(help="Id of a row; default: some rows.")] = None,
    task: Annotated[str | None, typer.Option(help="Rows of this task.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows.")] = 1,
    seed: Annotated[int, typer.Option(help="Which rows.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print rows.

    Example: chexinstruct show corpus --task view_classification -n 3
    """
    from chexinstruct.corpus import render_example, show

    rows = show(corpus, id, task=task, n=n, seed=seed)
    if as_json:
        _print_json(rows)
    else:
        print("\n\n".join(render_example(row) for row in rows))


@app.command("verify")
def verify_(corpus: Corpus, as_json: AsJson = False) -> None:
    """Check a corpus against its lock, for leaks, and row by row.

    Example: chexinstruct verify corpus
    """
    from chexinstruct.corpus import verify

    findings = verify(corpus)
    if as_json:
        _print_json(findings)
    else:
        for finding in findings:
            print(f"{finding.level}: {finding.check}: {finding.message}")
    if any(finding.level == "failed" for finding in findings):
        raise typer.Exit(1)


@app.command("audit")
def audit_(
    corpus: Corpus,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode pictures.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Look for people and pictures that stand in several splits, by ids and by pixels.

    Example: chexinstruct audit corpus --workers 8
    """
    from chexinstruct.corpus import audit, render_audit

    found = audit(corpus, workers=workers)
    if as_json:
        _print_json(found)
    else:
        print(render_audit(found))
    if not found.passed:
        raise typer.Exit(1)


@app.command("demo")
def demo_(
    out: Annotated[Path, typer.Option(help="Folder for releases and corpus.")] = Path("demo"),
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Write synthetic releases of all sources and build a corpus from them.

    Example: chexinstruct demo --out demo
    """
    from chexinstruct.demo import demo

    made = demo(out, workers=workers, progress=sys.stderr.isatty())
    print(_summary(made.lock))
    for example in made.examples:
        print(f"\n[{example.task}] {example.id}")
        for picture in example.pictures:
            print(f"  picture: {picture}")
        print("  Q: " + example.instruction.replace("\n", "\n     "))
        print("  A: " + example.response.replace("\n", "\n     "))
    first = made.examples[0].task
    print(f"\nThe releases are in {made.releases}, the corpus in {made.corpus}. Load it with")
    print(
        '  python -c "from datasets import load_dataset; '
        f"print(load_dataset('{made.corpus}', '{first}'))\""
    )
