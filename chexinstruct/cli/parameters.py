"""Arguments and options that several verbs share, and their values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.errors import CallError


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
