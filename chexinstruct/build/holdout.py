"""The persons of a bench, who are kept out of the train split of a corpus."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from chexinstruct.build.people import NOBODY, Number, distinct
from chexinstruct.errors import CallError, ChexinstructError

PERSONS = "persons.jsonl"
"""The file of a bench that lists them; one line a study."""


class BenchStudy(msgspec.Struct, kw_only=True, frozen=True):
    """A study of a bench and its persons."""

    source: str
    study_id: str
    persons: list[str]
    """Numbers of the people stage, 16 hexadecimal digits: of all names that the study has for its
    person, and the one that the stage settled on. They depend on no seed."""


def read_persons(bench: Path) -> list[BenchStudy]:
    """The studies of a bench with their persons.

    Raises:
        CallError: there is no bench.
        ChexinstructError: its file is damaged.
    """
    path = bench / PERSONS
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        raise CallError(
            f"no bench at {bench}: it has no {PERSONS}; `chexinstruct bench build` makes one"
        ) from None
    try:
        return [msgspec.json.decode(line, type=BenchStudy) for line in lines]
    except msgspec.MsgspecError as error:
        raise ChexinstructError(f"{path}: {error}; build the bench again") from None


def held_persons(bench: Path | None) -> Number:
    """The numbers of all persons of a bench, sorted; none without a bench."""
    if bench is None:
        return NOBODY
    numbers = [int(person, 16) for study in read_persons(bench) for person in study.persons]
    return distinct(np.array(numbers, dtype=np.uint64))
