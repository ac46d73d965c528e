"""Accounting: what became of every study and of every candidate, and the lock that keeps it."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import msgspec

from chexinstruct import __version__
from chexinstruct.build.candidates import Tally
from chexinstruct.build.shards import Shard
from chexinstruct.errors import ChexinstructError

LIBRARIES = (
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


class Line(msgspec.Struct, kw_only=True):
    """The account of one (task, source, split).

    studies = used + the sum of study_reasons; candidates = examples + the sum of candidate_reasons.
    """

    task: str
    source: str
    split: str
    studies: int
    used: int
    study_reasons: dict[str, int]
    candidates: int
    examples: int
    candidate_reasons: dict[str, int]
    rows: int


class SourceAccount(msgspec.Struct, kw_only=True):
    """The account of one source, before any task."""

    source: str
    studies_key: str
    studies: int
    splits: dict[str, int]
    """Studies by split, after the manifest's limits."""
    left_out: dict[str, int]
    """Studies without a split, by reason."""
    pictures: int
    """Pictures named by the studies of all splits."""
    missing_pictures: int
    """Of them, those whose file is not in this copy of the release."""
    bad_pictures: dict[str, int]
    """Of the used ones, those that could not be read, by reason."""
    rejects: dict[str, int]
    expected_rejects: dict[str, int]
    expected: list[dict[str, Any]]
    """Published counts, and what was found where it can be counted."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file of pictures of a corpus built with ``images: store``."""

    name: str
    sha256: str
    size: int


class Lock(msgspec.Struct, kw_only=True):
    """Everything needed to build the same bytes again, and what stands in them."""

    chexinstruct: str
    python: str
    libraries: dict[str, str]
    manifest: dict[str, Any]
    sources: list[SourceAccount]
    ledger: list[Line]
    shards: list[Shard]
    pictures: list[StoredFile]
    skipped_sources: dict[str, str]
    """Sources that were asked for and left out, with the reason."""


def new_lock(**content: Any) -> Lock:
    """A lock of this program under these library versions."""
    return Lock(
        chexinstruct=__version__,
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
        **content,
    )


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
