"""Parquet files, row by row and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.release.store import Store

S = TypeVar("S", bound=msgspec.Struct)

_BATCH = 512
"""Rows that are in memory at once at most, besides one packed column chunk of each column."""
_VALUE = 8
"""Bytes that a value takes in memory at least, however well it was packed."""
_SHOWN = 40
"""Characters up to which a column is named in an error, and columns that it names."""


def parquet(store: Store, path: str, type: type[S]) -> Iterator[tuple[int, S]]:
    """See :meth:`chexinstruct.release.Release.parquet`."""
    with store.open(path) as stream:
        try:
            file = pq.ParquetFile(stream, pre_buffer=False)
            columns = _columns(store, path, file.schema_arrow.names, type)
            rows = _rows_at_once(store, path, file.metadata, set(columns))
            number = 0
            # One thread: the memory does not depend on the machine.
            for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    try:
                        # A null stands for a value that is not there.
                        told = {name: value for name, value in row.items() if value is not None}
                        yield number, msgspec.convert(told, type)
                    except msgspec.ValidationError:
                        store.log.add(path, number, "bad_row", f"not as {type.__name__} wants it")
        # Arrow's own kinds of error, and what it makes of bytes that are no text or no file.
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise store.damaged(path) from error


def _columns(store: Store, path: str, names: list[str], type: type[msgspec.Struct]) -> list[str]:
    """The columns to read: those that the type names and the file has."""
    fields = msgspec.structs.fields(type)
    missing = [f.encode_name for f in fields if f.required and f.encode_name not in names]
    if missing:
        shown = ", ".join(name if len(name) <= _SHOWN else "..." for name in names[:_SHOWN])
        raise store.error(
            f"no column {', no column '.join(map(repr, missing))}; its columns are: {shown}",
            path,
            fix="take the file of the release that the source's card names",
        )
    return [f.encode_name for f in fields if f.encode_name in names]


def _rows_at_once(store: Store, path: str, about: pq.FileMetaData, columns: set[str]) -> int:
    """Rows of which a batch stays within ``limits.json``, even if each is the longest there can be.

    A value that many rows share is stored once, so that their number has to be bounded too. Column
    chunks that say themselves that they grow beyond the limits are refused.
    """
    limits, largest = store.limits, 1
    for group in range(about.num_row_groups):
        row_group = about.row_group(group)
        for place in range(row_group.num_columns):
            chunk = row_group.column(place)
            if chunk.path_in_schema.partition(".")[0] not in columns:
                continue
            size = chunk.total_uncompressed_size + _VALUE * chunk.num_values
            if size > limits.file:
                problem = f"a column chunk of more than the {limits.file:,} bytes read at once"
                raise store.error(problem, path)
            if size > max(limits.ratio_from, limits.ratio * chunk.total_compressed_size):
                problem = f"grows over {limits.ratio} times when unpacked; refused"
                raise store.error(problem, path)
            largest = max(largest, chunk.total_uncompressed_size)
    return max(1, min(_BATCH, limits.json // largest))
