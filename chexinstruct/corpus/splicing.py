"""Row groups of Parquet files put together into one file, byte by byte: nothing is decoded.

pyarrow reads row groups and writes rows, but cannot copy a group as it is. What has to change
are places in the file: those in the footer, and those in the offset indexes of the pages. All else,
values, statistics, column indexes, is copied. The names of the numbered fields are those of
parquet.thrift of apache/parquet-format.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import BinaryIO, NamedTuple

from chexinstruct.corpus.compact import Field, Items, Struct, decode, encode
from chexinstruct.errors import ChexinstructError

_MAGIC = b"PAR1"
_AT_ONCE = 8 * 2**20
"""Bytes that are copied at once."""

_NUM_ROWS, _ROW_GROUPS = 3, 4  # of FileMetaData
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _ORDINAL = 1, 3, 5, 7  # of RowGroup
_CHUNK_OFFSET, _META = 2, 3  # of ColumnChunk
_OFFSET_INDEX, _COLUMN_INDEX, _ENCRYPTED = (4, 5), (6, 7), (8, 9)  # place and length; crypto
_SIZE, _DATA, _INDEX, _DICTIONARY, _BLOOM = 7, 9, 10, 11, (14, 15)  # of ColumnMetaData
_LOCATIONS, _PAGE_OFFSET = 1, 1  # of OffsetIndex and of PageLocation


class Group(NamedTuple):
    """A row group of a file."""

    path: Path
    number: int


class _Placed(NamedTuple):
    """A column chunk at its new place, and what remains to be written about its pages."""

    chunk: Struct
    column_index: bytes
    offset_index: bytes


def splice(groups: Sequence[Group], target: Path) -> None:
    """Write a file of these row groups, in this order; schema and metadata are those of the first.

    Args:
        groups: at least one, of files of the same schema.
        target: the new file.

    Raises:
        ChexinstructError: a file is no Parquet file, or encrypted.
        OSError: it cannot be read, or the target cannot be written.
    """
    footers = {path: _footer(path) for path in dict.fromkeys(group.path for group in groups)}
    placed: list[_Placed] = []
    rows: list[Struct] = []
    with target.open("wb") as out:
        out.write(_MAGIC)
        for group in groups:
            row_group = deepcopy(footers[group.path][_ROW_GROUPS].value.values[group.number])
            _set(row_group, _GROUP_OFFSET, out.tell())
            _set(row_group, _ORDINAL, len(rows))
            with group.path.open("rb") as file:
                for chunk in row_group[_COLUMNS].value.values:
                    placed.append(_copy(file, chunk, out))
            rows.append(row_group)
        for item in placed:
            _write_index(out, item.chunk, _COLUMN_INDEX, item.column_index)
        for item in placed:
            _write_index(out, item.chunk, _OFFSET_INDEX, item.offset_index)
        footer = dict(footers[groups[0].path])
        _set(footer, _NUM_ROWS, sum(row_group[_GROUP_ROWS].value for row_group in rows))
        held = footer[_ROW_GROUPS]
        footer[_ROW_GROUPS] = Field(held.kind, Items(held.value.kind, rows))
        data = encode(footer)
        out.write(data + len(data).to_bytes(4, "little") + _MAGIC)


def _footer(path: Path) -> Struct:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] == _MAGIC and length <= size - 12:
            file.seek(size - 8 - length)
            try:
                return decode(file.read(length))
            except ValueError:
                pass
    raise ChexinstructError(f"{path}: not a Parquet file that can be copied")


def _copy(file: BinaryIO, chunk: Struct, out: BinaryIO) -> _Placed:
    """Copy the pages of a column chunk, and tell the chunk where they are now."""
    meta: Struct | None = chunk[_META].value if _META in chunk else None
    if meta is None or any(key in chunk for key in _ENCRYPTED):
        raise ChexinstructError("encrypted Parquet files cannot be copied")
    indexes = [_read_index(file, chunk, keys) for keys in (_COLUMN_INDEX, _OFFSET_INDEX)]
    places = [meta[key].value for key in (_DICTIONARY, _INDEX, _DATA) if key in meta]
    start = min(place for place in places if place > 0)
    moved = out.tell() - start
    file.seek(start)
    left = meta[_SIZE].value
    while left:
        data = file.read(min(left, _AT_ONCE))
        if not data:
            raise ChexinstructError("a Parquet file is shorter than its footer says")
        out.write(data)
        left -= len(data)
    for struct, key in (
        (chunk, _CHUNK_OFFSET),
        *((meta, key) for key in (_DATA, _INDEX, _DICTIONARY)),
    ):
        if key in struct and struct[key].value > 0:
            _set(struct, key, struct[key].value + moved)
    for key in _BLOOM:  # corpora have no Bloom filters, so none is copied
        meta.pop(key, None)
    return _Placed(chunk, indexes[0], _moved_pages(indexes[1], moved))


def _moved_pages(index: bytes, moved: int) -> bytes:
    if not index:
        return index
    struct = decode(index)
    for location in struct[_LOCATIONS].value.values:
        _set(location, _PAGE_OFFSET, location[_PAGE_OFFSET].value + moved)
    return encode(struct)


def _read_index(file: BinaryIO, chunk: Struct, keys: tuple[int, int]) -> bytes:
    if any(key not in chunk for key in keys):
        return b""
    file.seek(chunk[keys[0]].value)
    return file.read(chunk[keys[1]].value)


def _write_index(out: BinaryIO, chunk: Struct, keys: tuple[int, int], index: bytes) -> None:
    if index:
        _set(chunk, keys[0], out.tell())
        _set(chunk, keys[1], len(index))
        out.write(index)


def _set(struct: Struct, key: int, value: int) -> None:
    """A number of a field that stands there; what a file does not tell is not told anew."""
    if key in struct:
        struct[key] = Field(struct[key].kind, value)
