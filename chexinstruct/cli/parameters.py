"""Arguments and options that several verbs share, and their values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chexinstruct.errors import CallError

if TYPE_CHECKING:
    from chexinstruct.manifest import Manifest


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


class ExecutorName(StrEnum):
    """What runs the jobs of a build."""

    processes = "processes"
    dask = "dask"


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
ManifestName = Annotated[str, typer.Argument(help="Shipped manifest, e.g. full, or a YAML path.")]
DataRoot = Annotated[str, typer.Option(help="Folder or URL with one folder a source key.")]
Out = Annotated[str, typer.Option(help="Folder of the corpus, or a URL such as s3://...")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE over the manifest, VALUE in YAML; repeatable."),
]
Limit = Annotated[int | None, typer.Option(help="Studies a source, in keyed order.")]
ImagesChoice = Annotated[Images | None, typer.Option(help="Where pictures go.")]
LinkChoice = Annotated[
    Link | None, typer.Option(help="Compare pictures of sources that are known to share some.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes.")]
Available = Annotated[
    bool, typer.Option("--available", help="Leave out sources that are not there.")
]
OnMissing = Annotated[
    MissingImage, typer.Option(help="Stop at missing pictures, or count and skip them.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Cache folder; default $CHEXINSTRUCT_CACHE or your own.")
]
Corpus = Annotated[Path, typer.Argument(help="Folder of a built corpus.")]


def recipe_of(
    manifest: str,
    *,
    assignments: list[str] | None,
    source: list[str] | None,
    task: list[str] | None,
    split: list[Split] | None,
    limit: int | None,
    images: Images | None,
    link: Link | None,
) -> Manifest:
    """The manifest as the command line changes it."""
    from chexinstruct.manifest import load_manifest, overridden

    return overridden(
        load_manifest(manifest, assignments or ()),
        sources=source,
        tasks=task,
        splits=[str(name) for name in split] if split else None,
        limit=limit,
        images=str(images) if images else None,
        link=str(link) if link else None,
    )


def places_of(values: list[str] | None) -> dict[str, str]:
    """The releases that ``--source-dir`` named, by source key."""
    places = {}
    for value in values or ():
        key, mark, path = value.partition("=")
        if not (key and mark and path):
            raise CallError(f"--source-dir {value}: write KEY=PATH, e.g. openi=/data/openi")
        places[key] = path
    return places


def numbers_of(option: str, values: list[str] | None) -> dict[str, str]:
    """The values that an option named, by name; they are numbers in text."""
    found = {}
    for value in values or ():
        name, mark, number = value.partition("=")
        if not (name and mark and number):
            raise CallError(f"{option} {value}: write NAME=NUMBER, e.g. vqa=2")
        found[name] = number
    return found
