"""Rows of an interleaved table brought together by key, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from typing import IO, Any

import msgspec

from chexinstruct.release.tables import Row

# A merge sort on disk and not an SQL engine: DuckDB 2.0 runs out of a memory limit of 256 MiB on
# rows of 10 kB, which is what tables of reports have.

_Item = tuple[Any, ...]
"""The cells of the key, the line, all cells as msgpack. Lines differ, so that the last is never
compared; a flat tuple that begins with text is what Python sorts fastest."""

_BESIDES = 250
"""Bytes of an item besides its cells."""
_BLOCK = 32 << 10
"""Bytes from which a block is full. Merging holds a block of each run."""


def derived(
    rows: Iterable[Row], derive: Callable[[Row], Mapping[str, str] | None]
) -> Iterator[Row]:
    """The rows with the cells that ``derive`` gives; those for which it gives None are left out."""
    for row in rows:
        cells = derive(row)
        if cells is not None:
            row.update(cells)
            yield row


def grouped(
    rows: Iterator[Row], by: tuple[str, ...], memory_mb: int
) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """See :meth:`chexinstruct.release.Release.grouped`."""
    first = next(rows, None)
    if first is None:
        return
    names = list(first)
    decode = msgspec.msgpack.Decoder(list[str]).decode
    with tempfile.TemporaryFile(prefix="chexinstruct-") as spool:
        runs = list(_runs(chain([first], rows), by, memory_mb << 20, spool))
        for key, items in groupby(merge(*runs), itemgetter(slice(len(by)))):
            group = []
            for item in items:
                row = Row(zip(names, decode(item[-1]), strict=True))
                row.line = item[-2]
                group.append(row)
            yield key, group


def _runs(
    rows: Iterable[Row], by: tuple[str, ...], most: int, spool: IO[bytes]
) -> Iterator[Iterable[_Item]]:
    """Sorted runs of about ``most`` bytes, all but the last one written to the file."""
    encode = msgspec.msgpack.Encoder().encode
    run: list[_Item] = []
    size = 0
    for row in rows:
        cells = encode(list(row.values()))
        run.append((*[row[name] for name in by], row.line, cells))
        size += _BESIDES + len(cells)
        if size > most:
            run.sort()
            yield _read(list(_write(run, spool)), spool)
            run, size = [], 0
    run.sort()
    yield run


def _write(run: list[_Item], spool: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Offset and length of each block written."""
    encode = msgspec.msgpack.Encoder().encode
    block: list[_Item] = []
    size = 0
    for item in run:
        block.append(item)
        size += len(item[-1])
        if size > _BLOCK or item is run[-1]:
            yield spool.tell(), spool.write(encode(block))
            block, size = [], 0


def _read(blocks: list[tuple[int, int]], spool: IO[bytes]) -> Iterator[_Item]:
    decode = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode
    for offset, length in blocks:
        spool.seek(offset)
        yield from decode(spool.read(length))
