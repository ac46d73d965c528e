"""Verbs that build a corpus."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, SourceDirs, Sources, Splits, Tasks, places_of
from chexinstruct.cli.printing import print_json, summary


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
        source_dirs=places_of(source_dir),
        available=available,
        on_missing_image=on_missing_image.value,
    )
    lock = build(recipe, data_root, out, options)
    if as_json:
        print_json(lock)
        return
    print(summary(lock))
    print(f"\nThe corpus is in {out}; its README.md tells what became of every study.")


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
    print(summary(made.lock))
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
