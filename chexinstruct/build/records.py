"""MessagePack records in a binary Arrow column, read where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa

T = TypeVar("T")

encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder(order="deterministic").encode


class Records(Generic[T]):
    """One batch of records; making an Arrow scalar of each would cost as much again as decoding.

    Args:
        column: binary values.
        decode: of one value.
    """

    __slots__ = ("_data", "_decode", "_offsets")

    def __init__(self, column: pa.BinaryArray, decode: Callable[[memoryview], T]) -> None:
        _, offsets, data = column.buffers()
        first = column.offset
        self._offsets = memoryview(offsets).cast("i")[first : first + len(column) + 1]
        self._data = memoryview(data if data is not None else b"")
        self._decode = decode

    def __getitem__(self, at: int) -> T:
        return self._decode(self._data[self._offsets[at] : self._offsets[at + 1]])
