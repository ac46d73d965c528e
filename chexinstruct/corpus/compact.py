"""Structures of Thrift's compact protocol, in which Parquet writes its footer.

They are read without a schema and written as they were read, so what a later version of the format
adds is kept. The rules are those of the protocol's specification
(apache/thrift, doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_DEEPEST = 32
"""Structures in structures; the footer of Parquet has six."""


class Field(NamedTuple):
    """A value, and how it is written."""

    kind: int
    value: Any
    """A number, bytes, :class:`Items` or a :data:`Struct`; nothing for TRUE and FALSE."""


Struct = dict[int, Field]
"""Fields by their numbers, in the order of the file."""


class Items(NamedTuple):
    """A list or a set."""

    kind: int
    values: list[Any]


def decode(data: bytes) -> Struct:
    """The structure that some bytes begin with.

    Raises:
        ValueError: they are none.
    """
    try:
        return _Reader(data).struct(0)
    except IndexError:
        raise ValueError("the structure is cut off") from None


def encode(struct: Struct) -> bytes:
    """The bytes of a structure."""
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


@dataclass
class _Reader:
    data: bytes
    at: int = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise IndexError
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def number(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ValueError("structures in structures without end")
        fields: Struct = {}
        key = 0
        while head := self.byte():
            kind, step = head & 0x0F, head >> 4
            key = key + step if step else self.number()
            fields[key] = Field(kind, self.value(kind, depth))
        return fields

    def value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:  # TRUE and FALSE are their own values
                return None
            case 3:
                return self.byte()
            case 4 | 5 | 6:
                return self.number()
            case 7:
                return self.take(8)
            case 8:
                return self.take(self.varint())
            case 9 | 10:
                return self.items(depth)
            case 12:
                return self.struct(depth + 1)
        raise ValueError(f"a value of kind {kind}, which Parquet does not use")

    def items(self, depth: int) -> Items:
        head = self.byte()
        kind, count = head & 0x0F, head >> 4
        count = self.varint() if count == 0x0F else count
        if count > len(self.data):
            raise IndexError
        if kind in (TRUE, FALSE):  # in lists each is a byte
            return Items(kind, [self.byte() for _ in range(count)])
        return Items(kind, [self.value(kind, depth) for _ in range(count)])


def _write_varint(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_number(out: bytearray, value: int) -> None:
    _write_varint(out, value << 1 if value >= 0 else ~(value << 1))


def _write_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for key, (kind, value) in struct.items():
        if 0 < key - before <= 15:
            out.append((key - before) << 4 | kind)
        else:
            out.append(kind)
            _write_number(out, key)
        before = key
        _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    match kind:
        case 3:
            out.append(value)
        case 4 | 5 | 6:
            _write_number(out, value)
        case 7:
            out += value
        case 8:
            _write_varint(out, len(value))
            out += value
        case 9 | 10:
            _write_items(out, value)
        case 12:
            _write_struct(out, value)


def _write_items(out: bytearray, items: Items) -> None:
    count = len(items.values)
    out.append(min(count, 15) << 4 | items.kind)
    if count >= 15:
        _write_varint(out, count)
    for value in items.values:
        _write_value(out, BYTE if items.kind in (TRUE, FALSE) else items.kind, value)
