"""Verbs that get releases: which pictures are needed, and downloads that need no account."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, SourceDirs, Sources, Splits, Tasks, places_of
from chexinstruct.cli.printing import print_json, table
from chexinstruct.errors import CallError


class ListFormat(StrEnum):
    """How pictures are written down."""

    plain = "plain"
    urls = "urls"
    gs = "gs"
    csv = "csv"


@app.command("files")
def files_(
    manifest: Annotated[str, typer.Argument(help="Shipped manifest, e.g. full, or a YAML path.")],
    data_root: Annotated[str, typer.Option(help="Folder with one folder a source key.")],
    form: Annotated[
        ListFormat,
        typer.Option(
            "--format",
            help="Paths in the release; addresses at PhysioNet or in its bucket; or a table.",
        ),
    ] = ListFormat.plain,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only pictures that are not here.")
    ] = False,
    source: Sources = None,
    task: Tasks = None,
    split: Splits = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE over the manifest, VALUE in YAML; repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Studies a source, in keyed order.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    available: Annotated[
        bool, typer.Option("--available", help="Leave out sources that are not there.")
    ] = False,
    source_dir: SourceDirs = None,
    cache: Annotated[
        Path | None, typer.Option(help="Cache folder; default $CHEXINSTRUCT_CACHE or your own.")
    ] = None,
) -> None:
    """List the pictures that a build would show, from the tables alone.

    Sums by source go to the error stream.

    Example: chexinstruct files full --data-root /data/releases --format urls --missing
    """
    from chexinstruct.access import bytes_told, picture_url
    from chexinstruct.build import BuildOptions, list_pictures
    from chexinstruct.manifest import load_manifest, overridden
    from chexinstruct.source import registry

    recipe = overridden(
        load_manifest(manifest, assignments or ()),
        sources=source,
        tasks=task,
        splits=[str(name) for name in split] if split else None,
        limit=limit,
    )
    options = BuildOptions(
        workers=workers,
        cache=cache,
        progress=sys.stderr.isatty(),
        source_dirs=places_of(source_dir),
        available=available,
    )
    found = list_pictures(recipe, data_root, options)
    known = registry()
    keys = list(dict.fromkeys(picture.release for picture in found.pictures))
    rows: list[list[object]] = [["release", "pictures", "here", "missing", "still to download"]]
    out = csv.writer(sys.stdout, lineterminator="\n")
    if form is ListFormat.csv:
        out.writerow(["source", "path", "published", "url", "bytes", "here"])
    told: list[str] = []
    for key in keys:
        card = known[key].card
        without = 0
        for picture in found.of(key, missing=missing):
            wanted = picture.published or picture.path
            url = picture_url(card, wanted, cloud=form is ListFormat.gs)
            if form is ListFormat.csv:
                here = "no" if picture.size is None else "yes"
                out.writerow(
                    [key, picture.path, picture.published, url, picture.size, here]
                )  # fmt: skip
            elif form is ListFormat.plain:
                print(picture.path if len(keys) == 1 else f"{key}/{picture.path}")
            elif url:
                print(url)
            else:
                without += 1
        if without:
            told.append(
                f"{key}: {without:,} pictures have no address of their own; "
                f"`chexinstruct sources {key}` tells how to get them"
            )
        lacking = sum(1 for _ in found.of(key, missing=True))
        total = sum(1 for _ in found.of(key))
        size = found.missing_bytes(known[key].card)
        amount = "" if not lacking else f"about {bytes_told(size)}" if size else "unknown"
        rows.append([key, total, total - lacking, lacking, amount])
    told += [
        f"{key}: no row of it shows a picture, or its tables name none" for key in found.silent
    ]
    told += [f"{key}: {reason}" for key, reason in found.skipped.items()]
    if recipe.link != "none":
        told.append("people are not linked by pixels here; the build may move some between splits")
    if len(rows) > 1:
        print(table(rows), file=sys.stderr)
    for line in told:
        print(line, file=sys.stderr)


@app.command("fetch")
def fetch_(
    key: Annotated[str, typer.Argument(help="Source key.")],
    data_root: Annotated[Path, typer.Option(help="Folder with one folder a source key.")],
    tables_only: Annotated[bool, typer.Option("--tables-only", help="Leave pictures out.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download a release that needs no account, or go on with a download.

    Example: chexinstruct fetch slake --data-root /data/releases
    """
    from chexinstruct.access import bytes_told
    from chexinstruct.fetch import fetch
    from chexinstruct.source import registry

    known = registry()
    if key not in known:
        raise CallError(f"unknown source {key!r}; there are {', '.join(known)}")
    found = fetch(
        known[key], data_root, tables_only=tables_only, progress=sys.stderr.isatty()
    )  # fmt: skip
    if as_json:
        print_json(found)
        return
    for item in found:
        how = "checksum matches" if item.checked else "no checksum is published"
        print(f"{data_root / key / item.file}: {item.state}, {bytes_told(item.size)}, {how}")
    print(f"\nNext: chexinstruct check {data_root} --source {key}")
