"""Columns of data files as codes and distinct values: what is said again is looked at once.

A column of a data file holds each of its values once a row group, and a number a row. They are
taken as they stand; texts are never spelled out row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import Example, arrow_schema

READ = (
    *("form", "instruction", "response", "options", "answers", "history", "patient", "image_ids"),
    *("metadata.finding", "metadata.balance"),
)
"""The columns that are looked at."""
BATCH_ROWS = 20_000
"""Rows that are looked at together, of as many row groups as that takes."""
BATCH_BYTES = 3 << 20
"""Bytes of them as they stand in the file, unpacked; one row group is taken whole."""

Bool = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


class Coded(NamedTuple):
    """A column of texts."""

    codes: Codes
    """The value of each row, -1 where it is null."""
    values: pa.StringArray
    """Distinct within a row group."""

    @classmethod
    def of(cls, chunks: Sequence[pa.DictionaryArray]) -> Coded:
        """The rows of several row groups; their dictionaries stand one behind the other."""
        codes, before = [], 0
        for chunk in chunks:
            known = chunk.indices.to_numpy(zero_copy_only=False)
            if chunk.null_count:
                known = chunk.indices.fill_null(-1 - before).to_numpy()
            codes.append(known.astype(np.int32) + np.int32(before))
            before += len(chunk.dictionary)
        return cls(np.concatenate(codes), pa.concat_arrays([c.dictionary for c in chunks]))

    def counts(self) -> Numbers:
        """Rows of each value."""
        known = self.codes[self.codes >= 0] if len(self.codes) else self.codes
        return np.bincount(known, minlength=len(self.values))


class Lists(NamedTuple):
    """A column of lists."""

    ends: Numbers
    """Where the list of each row ends among the items, after a zero."""
    items: list[pa.Array]
    """Of each row group."""

    @classmethod
    def of(cls, chunks: Sequence[pa.ListArray]) -> Lists:
        """The rows of several row groups."""
        sizes = [np.diff(chunk.offsets.to_numpy()) for chunk in chunks]
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))])
        return cls(ends, [chunk.flatten() for chunk in chunks])

    def texts(self, name: str | None = None) -> Coded:
        """The items, or a field of them."""
        return Coded.of([item.field(name) if name else item for item in self.items])

    @property
    def sizes(self) -> Numbers:
        """Items of each row."""
        return np.diff(self.ends)

    def hashes(self, items: Hashes) -> Hashes:
        """A number for each row that follows from the numbers of its items and their order."""
        places = np.arange(len(items)) - np.repeat(self.ends[:-1], self.sizes)
        placed = mixed(items + places.astype(np.uint64) * _STEP)
        sums = np.append(np.uint64(0), np.cumsum(placed, dtype=np.uint64))
        found: Hashes = sums[self.ends[1:]] - sums[self.ends[:-1]]
        return found


_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(numbers: Hashes) -> Hashes:
    """Other numbers, as different as these, whose every bit depends on all (SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))


def joined(first: Hashes, *others: Hashes) -> Hashes:
    """A number for each row that follows from several."""
    found = first
    for other in others:
        found = mixed(found * _STEP + other)
    return found


def check(path: Path) -> None:
    """Whether a file is one of rows as this version writes it.

    Raises:
        ChexinstructError: it cannot be read, or has other columns.
    """
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        raise _unreadable(path) from None
    if not schema.equals(arrow_schema(Example)):
        raise ChexinstructError(
            f"{path}: its columns are not those of this version; build the corpus again"
        )


class Rows:
    """Some row groups of a file."""

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self.columns = {
            name: [chunk for table in tables for chunk in table[name].chunks]
            for name in tables[0].schema.names
        }

    def texts(self, name: str, field: str | None = None) -> Coded:
        """A column of texts, or a field of a column of records."""
        return Coded.of([c.field(field) if field else c for c in self.columns[name]])

    def lists(self, name: str) -> Lists:
        """A column of lists."""
        return Lists.of(self.columns[name])


def batches(path: Path) -> Iterator[Rows]:
    """The rows without their pictures, some row groups at a time.

    Raises:
        ChexinstructError: the file cannot be read.
    """
    try:
        with pq.ParquetFile(path, memory_map=True, read_dictionary=_leaves()) as file:
            for groups in _groups(file.metadata):
                # One by one: nested dictionaries of several are not read together.
                tables = [
                    file.read_row_group(number, columns=list(READ), use_threads=False)
                    for number in groups
                ]
                yield Rows(tables)
    except (OSError, pa.ArrowException):
        raise _unreadable(path) from None


@cache
def _leaves() -> list[str]:
    """The columns of a file that hold what is looked at, by their full paths."""
    sink = pa.BufferOutputStream()
    pq.write_table(arrow_schema(Example).empty_table(), sink)
    schema = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    paths = [schema.column(number).path for number in range(len(schema))]
    return [path for path in paths if f"{path}.".startswith(tuple(f"{name}." for name in READ))]


def _groups(about: pq.FileMetaData) -> Iterator[list[int]]:
    """Numbers of the row groups, those together that are looked at together."""
    wanted = set(_leaves())
    taken: list[int] = []
    rows = volume = 0
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        columns = map(group.column, range(group.num_columns))
        size = sum(c.total_uncompressed_size for c in columns if c.path_in_schema in wanted)
        if taken and (rows + group.num_rows > BATCH_ROWS or volume + size > BATCH_BYTES):
            yield taken
            taken, rows, volume = [], 0, 0
        if group.num_rows:
            taken.append(number)
            rows += group.num_rows
            volume += size
    if taken:
        yield taken


def _unreadable(path: Path) -> ChexinstructError:
    return ChexinstructError(
        f"{path}: cannot be read; `chexinstruct verify` tells what else is wrong with the corpus"
    )
