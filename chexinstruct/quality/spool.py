"""Records beyond memory, of which those with one key are looked at together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from chexinstruct.quality.columns import Hashes, Numbers

Records = npt.NDArray[np.void]

PARTS = 64
"""Parts by key; one at a time is read whole, some 3 MB for ten million records."""
WAITING = 100_000
"""Records that wait until they are written, all parts one behind the other."""
_BITS = np.uint64(64 - PARTS.bit_length() + 1)


class _Run(NamedTuple):
    """Records that were written together."""

    path: Path
    ends: Numbers
    """Of each part in the file, in records, after the start of the first."""


class Spool:
    """Records with a key of 64 bits, in a file, by the highest bits of it.

    A context manager, within which records are added. Behind it they can be read, also by another
    process, and together with those of other spools.

    Args:
        path: of its file, which must not be there.
        columns: what a record holds beside its key, and as which type.
    """

    def __init__(self, path: Path, columns: Mapping[str, Any]) -> None:
        self._path = path
        self._kind = np.dtype([("key", np.uint64), *columns.items()])
        self._waiting: list[Records] = []
        self._runs: list[_Run] = []
        self._written = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Spool:
        self._file = self._path.open("xb")
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        assert self._file is not None
        with self._file:
            if error is None and self._waiting:
                self._write(self._file)
        self._file = None

    def add(self, key: Hashes, **columns: Any) -> None:
        """Records; a single value in place of a column is that of all of them.

        Raises:
            OSError: there is no room.
        """
        assert self._file is not None
        records = np.empty(len(key), self._kind)
        records["key"] = key
        for name, values in columns.items():
            records[name] = values
        self._waiting.append(records)
        if sum(map(len, self._waiting)) >= WAITING:
            self._write(self._file)

    def _write(self, file: BinaryIO) -> None:
        records = np.concatenate(self._waiting)
        self._waiting.clear()
        parts = (records["key"] >> _BITS).astype(np.uint8)
        file.write(records.take(np.argsort(parts, kind="stable")).data)
        sizes = np.bincount(parts, minlength=PARTS)
        self._runs.append(_Run(self._path, self._written + np.append(0, np.cumsum(sizes))))
        self._written += len(records)

    def take(self, other: Spool) -> None:
        """Have the records of another one too, behind the own; its file must stay."""
        self._runs += other._runs

    def sorted(self, *then: str) -> Iterator[Records]:
        """All records, part by part, sorted by key and then by these columns, if there are any."""
        for part in range(PARTS):
            pieces = [self._piece(run.path, *run.ends[part : part + 2]) for run in self._runs]
            if any(map(len, pieces)):
                records = np.concatenate(pieces)
                key, by = records["key"], [records[name] for name in reversed(then)]
                # Far faster than sorting the records; nobody asks how those with one key stand.
                yield records.take(np.lexsort([*by, key]) if by else np.argsort(key))

    def _piece(self, path: Path, start: np.int64, end: np.int64) -> Records:
        size = self._kind.itemsize
        return np.fromfile(path, self._kind, int(end - start), offset=int(start) * size)


def starts(records: Records, *columns: str) -> Numbers:
    """Where other values of these columns begin, in sorted records."""
    new = np.zeros(len(records), bool)
    new[:1] = True
    for name in columns:
        new[1:] |= records[name][1:] != records[name][:-1]
    return np.flatnonzero(new)
