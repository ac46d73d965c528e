"""The persons of a bench as they stand in its folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from chexinstruct.build.people import Number, distinct
from chexinstruct.chexbench.recipe import RECIPES
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
            f"no bench at {bench}: it has no {PERSONS}; `chexinstruct bench build` makes one, and "
            f"{', '.join(RECIPES)} are names of benches that need none"
        ) from None
    try:
        return [msgspec.json.decode(line, type=BenchStudy) for line in lines]
    except msgspec.MsgspecError as error:
        raise ChexinstructError(f"{path}: {error}; build the bench again") from None


def numbers_of(studies: Iterable[BenchStudy]) -> Number:
    """The numbers of all persons of studies, sorted."""
    numbers = [int(person, 16) for study in studies for person in study.persons]
    return distinct(np.array(numbers, dtype=np.uint64))
