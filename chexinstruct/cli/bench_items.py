"""Verbs that make the items of a bench, and check them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from chexinstruct.cli.bench_app import bench_app
from chexinstruct.cli.parameters import AsJson, MissingImage, SourceDirs, places_of
from chexinstruct.cli.printing import print_json, table


class Recipe(StrEnum):
    """How many items are taken."""

    core = "core"
    full = "full"
    clean = "clean"


class Edition(StrEnum):
    """Which paper's tasks."""

    v1 = "v1"
    v2 = "v2"


class View(StrEnum):
    """Which picture stands for a study."""

    frontal = "frontal"
    any = "any"


BenchFolder = Annotated[Path, typer.Argument(help="Folder of a bench.")]


@bench_app.command("build")
def build_(
    data_root: Annotated[str, typer.Option(help="Folder with one folder a source key.")],
    out: Annotated[Path, typer.Option(help="Folder of the bench.")],
    recipe: Annotated[
        Recipe, typer.Option(help="As many items as published, all, or all that are unleaked.")
    ] = Recipe.core,
    edition: Annotated[Edition, typer.Option(help="Tasks of which paper.")] = Edition.v2,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    views: Annotated[
        View, typer.Option(help="Show the first frontal picture of a study, or any one.")
    ] = View.frontal,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Items without pictures; none is needed.")
    ] = False,
    image_size: Annotated[
        int, typer.Option(min=32, max=4096, help="Shorter side of pictures.")
    ] = 512,
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
    """Build the items of CheXbench from raw releases.

    Example: chexinstruct bench build --data-root /data/releases --out bench
    """
    from chexinstruct.bench.build import BenchOptions, build_bench
    from chexinstruct.build import BuildOptions
    from chexinstruct.images import ImageSettings

    lock = build_bench(
        data_root,
        out,
        BenchOptions(
            recipe=recipe.value,
            edition=edition.value,
            seed=seed,
            views=views.value,
            pictures=not no_images,
            images=ImageSettings(size=image_size),
        ),
        BuildOptions(
            workers=workers,
            cache=cache,
            progress=sys.stderr.isatty(),
            source_dirs=places_of(source_dir),
            available=available,
            on_missing_image=on_missing_image.value,
        ),
    )
    if as_json:
        print_json(lock)
        return
    print(_parts(lock))
    for source, why in lock.skipped_sources.items():
        print(f"{source}: {why}")
    print(f"\nThe bench is in {out}; `chexinstruct bench verify {out}` tells what it lacks.")


@bench_app.command("verify")
def verify_(
    folder: BenchFolder,
    corpus: Annotated[
        Path | None, typer.Option(help="Corpus whose train split may not share anything with it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bench against its lock, published counts, and a corpus.

    Example: chexinstruct bench verify bench --corpus corpus
    """
    from chexinstruct.bench.verify import verify_bench

    found = verify_bench(folder, corpus=corpus)
    if as_json:
        print_json(found)
    else:
        for finding in found.findings:
            print(f"{finding.level}: {finding.check}: {finding.message}")
        for gap in found.gaps:
            print(f"gap: {gap.what}: {gap.found:,} items, {gap.published:,} published: {gap.why}")
    if any(finding.level == "failed" for finding in found.findings):
        raise typer.Exit(1)


@bench_app.command("import-upstream")
def import_(
    file: Annotated[Path, typer.Argument(help="The authors' data.json.")],
    root: Annotated[Path, typer.Option(help="Folder that its picture paths start from.")],
    out: Annotated[Path, typer.Option(help="Folder of the bench.")],
    image_size: Annotated[
        int, typer.Option(min=32, max=4096, help="Shorter side of pictures.")
    ] = 512,
    as_json: AsJson = False,
) -> None:
    """Take over the authors' own items; those whose pictures are missing are named and left out.

    Example: chexinstruct bench import-upstream data.json --root /data/chexbench --out upstream
    """
    from chexinstruct.bench.upstream import import_upstream
    from chexinstruct.images import ImageSettings

    lock = import_upstream(file, root, out, ImageSettings(size=image_size))
    if as_json:
        print_json(lock)
        return
    print(_parts(lock))
    told = lock.upstream
    assert told is not None
    if told.missing:
        shown = ", ".join(told.missing[:10])
        more = f" and {len(told.missing) - 10:,} more" if len(told.missing) > 10 else ""
        print(f"{len(told.missing):,} pictures are not in {root}: {shown}{more}")


def _parts(lock: Any) -> str:
    rows: list[list[object]] = [["task", "source", "candidates", "items", "published"]]
    for part in lock.parts:
        task = "/".join(filter(None, (part.task, part.subtask)))
        published = "" if part.published is None else f"{part.published:,}"
        rows.append([task, part.source, part.candidates, part.items, published])
    rows.append(["all", "", sum(p.candidates for p in lock.parts), lock.items, ""])
    return table(rows)
