"""Rows of an interleaved table brought together by key, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from sys import getsizeof
from typing import IO, Any

import msgspec

from chexinstruct.release.tables import Row

# A merge sort on disk and not an SQL engine: DuckDB 2.0 sorts narrow rows as fast, but runs out of
# a limit of 256 MiB on rows of 10 kB, which is what tables of reports have.

_Item = tuple[Any, ...]
"""The cells of the key, the line, the list of all cells. Lines differ, so that no list is compared;
a flat tuple that begins with text is what Python sorts fastest."""
_Block = tuple[int, int]
"""Offset and length in the temporary file."""

_BESIDES = 250
"""Bytes of an item besides its cells."""
_BLOCK = 32 << 10
"""Bytes of cells from which a block is full. Merging holds a block of each run."""


def grouped(
    rows: Iterator[Row], by: tuple[str, ...], memory_mb: int
) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """See :meth:`chexinstruct.release.Release.grouped`."""
    first = next(rows, None)
    if first is None:
        return
    names = list(first)
    with tempfile.TemporaryFile(prefix="chexinstruct-") as spool:
        runs = list(_runs(chain([first], rows), by, memory_mb << 20, spool))
        for key, items in groupby(merge(*runs), itemgetter(slice(len(by)))):
            yield key, [_row(names, item) for item in items]


def _row(names: list[str], item: _Item) -> Row:
    row = Row(zip(names, item[-1], strict=True))
    row.line = item[-2]
    return row


def _runs(
    rows: Iterable[Row], by: tuple[str, ...], most: int, spool: IO[bytes]
) -> Iterator[Iterable[_Item]]:
    """Sorted runs of about ``most`` bytes, all but the last one written to the file."""
    run: list[_Item] = []
    size = 0
    for row in rows:
        cells = list(row.values())
        run.append((*[row[name] for name in by], row.line, cells))
        size += _BESIDES + sum(map(getsizeof, cells))
        if size > most:
            run.sort()
            yield _read(list(_write(run, spool)), spool)
            run, size = [], 0
    run.sort()
    yield run


def _write(run: list[_Item], spool: IO[bytes]) -> Iterator[_Block]:
    encode = msgspec.msgpack.Encoder().encode
    block: list[Any] = []
    size = 0
    for item in run:
        block.append(item)
        size += sum(map(len, item[-1]))
        if size > _BLOCK or item is run[-1]:
            yield spool.tell(), spool.write(encode(block))
            block, size = [], 0


def _read(blocks: list[_Block], spool: IO[bytes]) -> Iterator[_Item]:
    decode = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode
    for offset, length in blocks:
        spool.seek(offset)
        yield from decode(spool.read(length))
