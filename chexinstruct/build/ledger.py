"""Accounting: what became of every study and of every candidate, and the lock that keeps it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from chexinstruct import __version__
from chexinstruct.build.candidates import Tally
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import Line, Lock

LIBRARIES = (
    "imagecodecs",
    "jinja2",
    "msgspec",
    "numpy",
    "pillow",
    "pyarrow",
    "pydicom",
    "pylibjpeg-openjpeg",
    "xxhash",
)
"""Whose versions can change bytes."""


COMPARING = ("imagehash", "scipy")
"""Whose versions can change which pictures are taken for copies."""

MEASURING = ("matplotlib", "numpy", "pyarrow")
"""Whose versions can change the quality report and its plots."""


def library_versions(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Their versions; part of the key of whatever they wrote."""
    return {name: _version(name) for name in names}


_version = cache(version)  # each is looked for in all of Python's folders


def made_by() -> dict[str, Any]:
    """The fields by which every lock tells this program and its library versions."""
    return {
        "chexinstruct": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(sorted({*LIBRARIES, *COMPARING, *MEASURING})),
    }


def new_lock(**content: Any) -> Lock:
    """A lock of this program under these library versions."""
    return Lock(**made_by(), **content)


def line(task: str, source: str, split: str, tally: Tally) -> Line:
    """The account of a tally.

    Raises:
        ChexinstructError: the sums do not hold, which is a fault of ours.
    """
    studies = tally.used + sum(tally.study_reasons.values())
    candidates = tally.examples + sum(tally.candidate_reasons.values())
    if studies != tally.studies or candidates != tally.candidates:
        raise ChexinstructError(
            f"{task}, {source}, {split}: the account does not add up "
            f"({tally.studies} studies, {studies} told; "
            f"{tally.candidates} candidates, {candidates} told); please report this"
        )
    return Line(
        task=task,
        source=source,
        split=split,
        studies=tally.studies,
        used=tally.used,
        study_reasons=dict(sorted(tally.study_reasons.items())),
        candidates=tally.candidates,
        examples=tally.examples,
        candidate_reasons=dict(sorted(tally.candidate_reasons.items())),
        rows=tally.rows,
    )
