"""Records beyond memory, of which those with one key are looked at together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chexinstruct.quality.columns import Hashes, Numbers

Records = npt.NDArray[np.void]

PARTS = 64
"""Files of a spool; one at a time is read whole, some 3 MB for ten million records."""
WAITING = 30_000
"""Records that wait until they are written, a little to each file."""
_BITS = np.uint64(64 - PARTS.bit_length() + 1)


class Spool:
    """Records with a key of 64 bits, in files by the highest bits of it.

    Args:
        folder: that only this spool writes to; it is made.
        columns: what a record holds beside its key, and as which type.
    """

    def __init__(self, folder: Path, columns: Mapping[str, Any]) -> None:
        folder.mkdir()
        self._folder = folder
        self._kind = np.dtype([("key", np.uint64), *columns.items()])
        self._waiting: list[Records] = []

    def add(self, key: Hashes, **columns: Any) -> None:
        """Records; a single value in place of a column is that of all of them."""
        records = np.empty(len(key), self._kind)
        records["key"] = key
        for name, values in columns.items():
            records[name] = values
        self._waiting.append(records)
        if sum(map(len, self._waiting)) >= WAITING:
            self._write()

    def _write(self) -> None:
        records = np.concatenate(self._waiting)
        self._waiting.clear()
        parts = (records["key"] >> _BITS).astype(np.uint8)
        records = records[np.argsort(parts, kind="stable")]
        ends = np.append(0, np.cumsum(np.bincount(parts, minlength=PARTS)))
        for part in np.unique(parts).tolist():
            with self._file(part).open("ab") as file:
                file.write(records[ends[part] : ends[part + 1]].data)

    def _file(self, part: int) -> Path:
        return self._folder / f"{part:02d}"

    def sorted(self, *then: str) -> Iterator[Records]:
        """All records, part by part, sorted by key and then by these columns."""
        if self._waiting:
            self._write()
        for part in range(PARTS):
            if self._file(part).exists():
                records = np.fromfile(self._file(part), self._kind)
                by = [records[name] for name in reversed(then)]
                yield records[np.lexsort([*by, records["key"]])]


def starts(records: Records, *columns: str) -> Numbers:
    """Where other values of these columns begin, in sorted records."""
    new = np.zeros(len(records), bool)
    new[:1] = True
    for name in columns:
        new[1:] |= records[name][1:] != records[name][:-1]
    return np.flatnonzero(new)
