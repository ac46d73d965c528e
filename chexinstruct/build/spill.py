"""Arrays in files without a name: memory that the system may take back, whatever their size."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def spilled(array: npt.NDArray[T], folder: Path) -> npt.NDArray[T]:
    """The same array, in a file of this folder that is gone when nobody uses it any more."""
    copy = blank(len(array), array.dtype, folder)
    copy[:] = array
    return copy


def blank(length: int, kind: npt.DTypeLike, folder: Path) -> npt.NDArray[Any]:
    """An array of zeros in such a file."""
    if not length:
        return np.empty(0, kind)  # nothing cannot be mapped
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.asarray(np.memmap(file, kind, "w+", shape=(length,)))
