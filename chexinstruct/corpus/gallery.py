"""The distinct pictures of each split of a corpus, and where a copy of each of them lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from chexinstruct.corpus.files import LockedFile, row_groups
from chexinstruct.corpus.tables import Numbers

PICTURES = np.dtype(
    [("digest", "u8"), ("split", "u1"), ("file", "i4"), ("group", "i4"), ("at", "i4")]
)
"""First 64 bits of the SHA-256 of the bytes; number of the split; number of the file, of the row
group in it, and of the picture among all pictures of the row group."""

Pictures = npt.NDArray[np.void]

_MERGED_AT = 1 << 16


@dataclass(frozen=True)
class Gallery:
    """The distinct pictures of each split, sorted by digest and split."""

    files: tuple[LockedFile, ...]
    column: str
    """Of the files: ``images`` of rows, or ``image`` of stored pictures."""
    pictures: Pictures
    """As PICTURES has it, one entry a picture and split."""

    def in_several_splits(self) -> Numbers:
        """Digests of the pictures that stand in several splits, each once."""
        digests = self.pictures["digest"]
        return np.unique(digests[1:][digests[1:] == digests[:-1]])


class Collector:
    """Takes pictures as they are found, and keeps the first of each kind and split.

    Memory grows with the distinct pictures, not with their copies.
    """

    def __init__(self) -> None:
        self._held: Pictures = np.empty(0, PICTURES)
        self._fresh: list[Pictures] = []
        self._waiting = 0

    def add(self, pictures: Pictures) -> None:
        """More pictures, in any order."""
        self._fresh.append(pictures)
        self._waiting += len(pictures)
        if self._waiting > max(_MERGED_AT, len(self._held)):
            self._merge()

    def pictures(self) -> Pictures:
        """All of them, each kind and split once, sorted."""
        self._merge()
        return self._held

    def _merge(self) -> None:
        every = np.concatenate([self._held, *self._fresh])
        every = every[np.lexsort([every[name] for name in reversed(PICTURES.names or ())])]
        alike = (every["digest"][1:] == every["digest"][:-1]) & (
            every["split"][1:] == every["split"][:-1]
        )
        self._held = every[np.r_[True, ~alike][: len(every)]]
        self._fresh, self._waiting = [], 0


def found(entries: Iterable[tuple[int, int, int]], *, split: int, file: int) -> Pictures:
    """Pictures of one file: (digest, row group, place in it) of each."""
    return np.array([(digest, split, file, group, at) for digest, group, at in entries], PICTURES)


def by_group(pictures: Pictures) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
    """(number of the file, of the row group, which pictures), so that each is read once."""
    order = np.lexsort((pictures["at"], pictures["group"], pictures["file"]))

    def place(number: int) -> tuple[int, int]:
        return int(pictures["file"][number]), int(pictures["group"][number])

    for (file, group), same in groupby(order.tolist(), place):
        yield file, group, np.array(list(same))


def read_pictures(
    file: LockedFile, column: str, group: int, at: Sequence[int]
) -> Iterator[tuple[str, bytes]]:
    """Row id or name, and bytes, of some pictures of a row group, in the order asked.

    Raises:
        ChexinstructError: the file cannot be read.
    """
    for name, data in _columns(file, column, group, "bytes", at):
        yield name, data or b""


def read_names(file: LockedFile, column: str, group: int, at: Sequence[int]) -> list[str]:
    """Row ids or names of some pictures of a row group; no picture is read."""
    return [name for name, _ in _columns(file, column, group, "path", at)]


def _columns(
    file: LockedFile, column: str, group: int, field: str, at: Sequence[int]
) -> Iterator[tuple[str, Any]]:
    embedded = column == "images"
    name = "id" if embedded else "image_id"
    leaf = f"images.list.element.{field}" if embedded else f"image.{field}"
    ((_, table),) = row_groups(file.path, [name, leaf], [group])
    names, pictures = (table[part].combine_chunks() for part in (name, column))
    rows = np.arange(len(table))
    if embedded:
        rows, pictures = pc.list_parent_indices(pictures).to_numpy(), pc.list_flatten(pictures)
    values = pc.struct_field(pictures, field)
    for place in at:
        yield names[int(rows[place])].as_py(), values[place].as_py()
