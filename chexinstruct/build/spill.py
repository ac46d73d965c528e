"""Large arrays: in files without a name, memory that the system may take back; and in parts.

Where no folder is given the files lie in the system's folder for temporary files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)

PART = 200_000
"""Items of an array that are looked at together."""
_PIECE = 1 << 20
"""Bytes."""


def parts(length: int) -> Iterator[slice]:
    """An array of so many items in parts, so that what is made of one does not grow with it."""
    return (slice(start, start + PART) for start in range(0, length, PART))


def spilled(array: npt.NDArray[T], folder: Path | None) -> npt.NDArray[T]:
    """The same array, in a file of this folder that is gone when nobody uses it any more.

    Raises:
        OSError: there is no room.
    """
    return _mapped([np.ascontiguousarray(array).data], array.dtype, folder)


def blank(length: int, kind: npt.DTypeLike, folder: Path | None) -> npt.NDArray[Any]:
    """An array of zeros in such a file.

    Raises:
        OSError: there is no room.
    """
    dtype = np.dtype(kind)
    size = length * dtype.itemsize
    zeros = (bytes(min(_PIECE, size - start)) for start in range(0, size, _PIECE))
    return _mapped(zeros, dtype, folder)


def _mapped(
    content: Iterable[bytes | memoryview], kind: np.dtype[Any], folder: Path | None
) -> npt.NDArray[Any]:
    with tempfile.TemporaryFile(dir=folder) as file:
        # Written, for a hole for which there is no room ends the process when it is filled.
        for piece in content:
            file.write(piece)
        file.flush()
        if not file.tell():
            return np.empty(0, kind)  # nothing cannot be mapped
        return np.asarray(np.memmap(file, kind, "r+"))
