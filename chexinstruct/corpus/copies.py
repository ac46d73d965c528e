"""Pictures of a corpus that are copies of one another and stand on several sides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

from chexinstruct.build.executor import Processes
from chexinstruct.corpus.files import LockedFile
from chexinstruct.corpus.gallery import Gallery, Pictures, by_group, read_pictures
from chexinstruct.corpus.picture_checks import showing
from chexinstruct.corpus.tables import Rows
from chexinstruct.likeness import (
    CORRELATION,
    SIDE,
    WORDS,
    Hashes,
    Print,
    Thumbs,
    correlations,
    hashes_of,
    near,
    picture_print,
)
from chexinstruct.schema import SPLITS

LISTED = 1000
"""Copies that are named; the others are counted."""

_AT_ONCE = 1024


class Copy(msgspec.Struct, kw_only=True, frozen=True):
    """A picture of one side that is a copy of one of another side."""

    shown_by: list[str]
    """A row that shows the one, and a row that shows the other: ``id (split)``."""
    bits: int
    """How many of the 256 bits of their hashes differ."""
    correlation: float


@dataclass(frozen=True)
class Copies:
    """What the comparison of the sides found, equal bytes left out."""

    count: int
    first: list[Copy]
    compared: int
    """Distinct pictures, each counted once a side."""
    unreadable: int
    """Not compared, since they cannot be decoded."""
    plain: int
    """Not compared, since they show nothing."""


@dataclass(frozen=True)
class PrintJob:
    """Make the prints of some pictures of one file."""

    file: LockedFile
    column: str
    pictures: Pictures


UNREADABLE, PLAIN = b"", b"-"
"""In place of a print."""


def make_prints(job: PrintJob) -> list[Print | bytes]:
    """The print of each picture, or why there is none."""
    prints: list[Print | bytes] = [UNREADABLE] * len(job.pictures)
    for _, group, chosen in by_group(job.pictures):
        read = read_pictures(job.file, job.column, group, job.pictures["at"][chosen].tolist())
        for entry, (_, data) in zip(chosen.tolist(), read, strict=True):
            try:
                prints[entry] = picture_print(data) or PLAIN
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
                continue
    return prints


def make_hashes(job: PrintJob) -> list[bytes]:
    """The same, hashes alone: what a process may keep of millions of pictures."""
    return [p.hash if isinstance(p, Print) else p for p in make_prints(job)]


def make_thumbs(job: PrintJob) -> bytes:
    """The small copies alone, one after the other, of pictures that all have prints."""
    return b"".join(p.thumb for p in make_prints(job) if isinstance(p, Print))


def find_copies(rows: Rows, gallery: Gallery, executor: Processes) -> Copies:
    """Compare every picture of a side with every picture of the others.

    Every distinct picture is decoded once; candidates once more. Memory is about 60 bytes a
    distinct picture, and 4 KB a picture of a candidate pair.

    Raises:
        ChexinstructError: a file cannot be read.
    """
    pictures = gallery.pictures
    found: list[bytes] = [UNREADABLE] * len(pictures)
    jobs, members = _jobs(gallery, np.arange(len(pictures)))
    for number, made in executor.run(make_hashes, jobs):
        for entry, hash in zip(members[number].tolist(), made, strict=True):
            found[entry] = hash
    good = np.flatnonzero([len(hash) == 8 * WORDS for hash in found])
    hashes = hashes_of(b"".join(found[entry] for entry in good.tolist()))
    one, other, bits = _candidates(pictures[good], hashes, executor.workers)
    one, other = good[one], good[other]
    needed = np.unique(np.r_[one, other])
    thumbs = _thumbs(gallery, needed, executor)
    parts = [np.empty(0)]
    for start in range(0, len(one), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        places = (np.searchsorted(needed, side[part]) for side in (one, other))
        parts.append(correlations(*(thumbs[place] for place in places)))
    correlation = np.concatenate(parts)
    kept = np.flatnonzero(correlation >= CORRELATION)
    listed = kept[:LISTED]
    shown = [showing(rows, gallery, pictures[side[listed]]) for side in (one, other)]
    return Copies(
        count=len(kept),
        first=[
            Copy(shown_by=[left, right], bits=differing, correlation=alike)
            for left, right, differing, alike in zip(
                *shown, bits[listed].tolist(), correlation[listed].round(3).tolist(), strict=True
            )
        ],
        compared=len(good),
        unreadable=found.count(UNREADABLE),
        plain=found.count(PLAIN),
    )


def _jobs(
    gallery: Gallery, chosen: npt.NDArray[np.int64]
) -> tuple[list[PrintJob], list[npt.NDArray[np.int64]]]:
    """A job a file, and which pictures it is about."""
    files = gallery.pictures["file"][chosen]
    members = [chosen[files == number] for number in np.unique(files)]
    jobs = [
        PrintJob(
            gallery.files[int(gallery.pictures["file"][entries[0]])],
            gallery.column,
            gallery.pictures[entries],
        )
        for entries in members
    ]
    return jobs, members


def _candidates(
    pictures: Pictures, hashes: Hashes, threads: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """Pairs of different sides with alike hashes and other bytes, and how many bits differ."""
    sides = [np.flatnonzero(pictures["split"] == number) for number in range(len(SPLITS))]
    parts = []
    for left, right in combinations(sides, 2):
        pairs = near(hashes[left], hashes[right], threads=threads)
        one, other = left[pairs.one], right[pairs.other]
        differ = pictures["digest"][one] != pictures["digest"][other]
        parts.append((one[differ], other[differ], pairs.bits[differ]))
    ones, others, bits = zip(*parts, strict=True)
    return np.concatenate(ones), np.concatenate(others), np.concatenate(bits)


def _thumbs(gallery: Gallery, chosen: npt.NDArray[np.int64], executor: Processes) -> Thumbs:
    """Small copies of some pictures, in their order."""
    thumbs = np.empty((len(chosen), SIDE, SIDE), dtype=np.uint8)
    jobs, members = _jobs(gallery, chosen)
    for number, data in executor.run(make_thumbs, jobs):
        places = np.searchsorted(chosen, members[number])
        thumbs[places] = np.frombuffer(data, np.uint8).reshape(-1, SIDE, SIDE)
    return thumbs
