"""Verbs that build a corpus."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import (
    AsJson,
    Assignments,
    Available,
    Cache,
    DataRoot,
    ExecutorName,
    ImagesChoice,
    Limit,
    LinkChoice,
    ManifestName,
    MissingImage,
    OnMissing,
    Out,
    SourceDirs,
    Sources,
    Splits,
    Tasks,
    Workers,
    places_of,
    recipe_of,
)
from chexinstruct.cli.printing import print_json, size, summary, table
from chexinstruct.errors import CallError

if TYPE_CHECKING:
    from chexinstruct.build import Part, Plan


@app.command("build")
def build_(
    manifest: ManifestName,
    data_root: DataRoot,
    out: Out,
    source: Sources = None,
    task: Tasks = None,
    split: Splits = None,
    assignments: Assignments = None,
    limit: Limit = None,
    images: ImagesChoice = None,
    link: LinkChoice = None,
    workers: Workers = 1,
    executor: Annotated[
        ExecutorName, typer.Option(help="Processes of this machine, or a Dask cluster.")
    ] = ExecutorName.processes,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a running Dask scheduler.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(help="K/N: make only this share, for job arrays; then build without it."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Minutes that a part waits while no other makes pictures.")
    ] = 30.0,
    available: Available = False,
    on_missing_image: OnMissing = MissingImage.fail,
    source_dir: SourceDirs = None,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Build a corpus, or go on with one that was interrupted.

    Example: chexinstruct build full --data-root /data/releases --out corpus --workers 8
    """
    from chexinstruct.build import BuildOptions, build, build_part

    recipe = recipe_of(
        manifest,
        assignments=assignments,
        source=source,
        task=task,
        split=split,
        limit=limit,
        images=images,
        link=link,
    )
    options = BuildOptions(
        workers=workers,
        cache=cache,
        progress=sys.stderr.isatty(),
        source_dirs=places_of(source_dir),
        available=available,
        on_missing_image=on_missing_image.value,
        executor=executor.value,
        scheduler=scheduler,
        part=_part(part) if part else None,
        wait=wait,
    )
    if options.part:
        share = build_part(recipe, data_root, out, options)
        if as_json:
            print_json(share)
            return
        print(f"part {share.part} of {share.of}: its {share.written:,} shards stand")
        print(
            f"{share.standing:,} of {share.shards:,} shards of the corpus stand; when all parts "
            "have ended, the same command without --part seals it"
        )
        return
    lock = build(recipe, data_root, out, options)
    if as_json:
        print_json(lock)
        return
    print(summary(lock))
    print(f"\nThe corpus is in {out}; its README.md tells what became of every study.")
    print(f"Look at it with `chexinstruct view {quote(str(out))}`.")


def _part(text: str) -> Part:
    from chexinstruct.build import Part

    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise CallError(f"--part {text}: write K/N with K from 1 to N, e.g. 3/8")
    return Part(int(number), int(count))


@app.command("plan")
def plan_(
    manifest: ManifestName,
    data_root: DataRoot,
    out: Out,
    source: Sources = None,
    task: Tasks = None,
    split: Splits = None,
    assignments: Assignments = None,
    limit: Limit = None,
    images: ImagesChoice = None,
    link: LinkChoice = None,
    workers: Workers = 1,
    available: Available = False,
    on_missing_image: OnMissing = MissingImage.fail,
    source_dir: SourceDirs = None,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a build would do, for how long, and how much disk it takes.

    The tables of the releases are read for it, and stay read for the build.

    Example: chexinstruct plan full --data-root /data/releases --out corpus --workers 8
    """
    from chexinstruct.build import BuildOptions, plan

    recipe = recipe_of(
        manifest,
        assignments=assignments,
        source=source,
        task=task,
        split=split,
        limit=limit,
        images=images,
        link=link,
    )
    options = BuildOptions(
        workers=workers,
        cache=cache,
        progress=sys.stderr.isatty(),
        source_dirs=places_of(source_dir),
        available=available,
        on_missing_image=on_missing_image.value,
    )
    found = plan(recipe, data_root, out, options)
    if as_json:
        print_json(found)
    else:
        print(_told(found))


def _told(plan: Plan) -> str:
    """A plan as text."""
    splits = ("train", "validation", "test")
    rows: list[list[object]] = [["task", *splits]]
    rows += [[task, *(n.get(s, 0) for s in splits)] for task, n in plan.rows.items()]
    lines = [table(rows), ""]
    if not plan.shards_to_write:
        lines.append(f"Nothing is to be done: all {plan.shards:,} shards stand.")
    else:
        lines += [f"Why: {reason}" for reason in plan.reasons]
        lines.append(f"{len(plan.shards_to_write):,} of {plan.shards:,} shards are to be written")
    lines += [
        f"{item.release}: {item.to_make:,} of {item.used:,} pictures are to be made"
        for item in plan.pictures
    ]
    lines.append(f"About {plan.seconds / 60:,.0f} minutes")
    disk: list[list[object]] = [["images", "corpus", "cache"]]
    disk += [[item.images, size(item.output), size(item.cache)] for item in plan.disk]
    lines += ["", "Disk, about:", table(disk)]
    if plan.advice:
        lines.append(plan.advice)
    return "\n".join(lines)


@app.command("cache")
def cache_(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it.")] = False,
    keep: Annotated[
        str | None,
        typer.Option(help="Remove what was not used for longest until this is left, e.g. 200GB."),
    ] = None,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Show what the cache holds, or make room in it; not while a build runs.

    Example: chexinstruct cache --keep 200GB
    """
    from chexinstruct.build.upkeep import contents, shrink

    removed = shrink(cache, 0 if clear else _bytes(keep)) if clear or keep else []
    held = contents(cache)
    if as_json:
        print_json({"removed": removed, "held": held})
        return
    if removed:
        print(f"removed {size(sum(item.size for item in removed))}")
    rows: list[list[object]] = [["stage", "files", "size", "last used"]]
    rows += [[item.stage, item.files, size(item.size), item.used] for item in held]
    print(table(rows) if held else "the cache is empty")


def _bytes(text: str | None) -> int:
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number = (text or "").rstrip("BbKkMmGgTt ")
    unit = (text or "")[len(number) :].strip().upper()
    try:
        return int(float(number) * units[unit])
    except (KeyError, ValueError):
        raise CallError(f"--keep {text}: write a size, e.g. 500MB or 200GB") from None


@app.command("demo")
def demo_(
    out: Annotated[Path, typer.Option(help="Folder of all that is made.")] = Path("demo"),
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Write synthetic releases of all sources, build a corpus from them, and a bench.

    Example: chexinstruct demo --out demo
    """
    from chexinstruct.demo import demo

    made = demo(out, workers=workers, progress=sys.stderr.isatty(), with_bench=True)
    print(summary(made.lock))
    print("What is missing and rejected was made so, to show how a build tells it.")
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
    print(f"and look at it with\n  chexinstruct view {quote(made.corpus)}")
    assert made.bench is not None
    print(f"\nCheXbench from these releases has {made.bench.items} items; of two toys,")
    print(made.bench.overview)
    report = Path(made.bench.report)
    print(f"\nThe bench is in {made.bench.bench}. Open the report on {len(made.bench.runs)} runs:")
    for path in (report, report.with_suffix(".md"), report.with_suffix(".json")):
        print(f"  {path}")
