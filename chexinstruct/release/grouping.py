"""Rows of an interleaved table brought together by key, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

from chexinstruct.release.tables import Row

_BATCH = 4096
"""Rows handed over at once."""


def grouped(
    rows: Iterator[Row], by: tuple[str, ...], memory_mb: int
) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """The rows of each key, keys in the order of their code points, rows in the order given.

    DuckDB sorts, and spills to a private temporary folder past ``memory_mb``; so memory is bounded
    by that and by the largest group.
    """
    first = next(rows, None)
    if first is None:
        return
    names = list(first)
    order = ", ".join(f"c{names.index(name)}" for name in by)
    with (
        tempfile.TemporaryDirectory(prefix="chexinstruct-") as folder,
        _connect(folder, memory_mb) as database,
    ):
        database.register("given", _batches(first, rows, names))
        database.execute(f"SELECT * FROM given ORDER BY {order}, line")
        ordered = _rows(database, names)
        for key, group in groupby(ordered, lambda row: tuple(row[name] for name in by)):
            yield key, list(group)


def _connect(folder: str, memory_mb: int) -> Any:
    import duckdb  # slow to import, and few sources need it

    return duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": folder,
            "threads": "1",  # more threads hold more memory, and the reader is one anyway
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )


def _batches(first: Row, rows: Iterator[Row], names: list[str]) -> Any:
    """The rows as a stream of Arrow batches: ``line`` and the columns as c0, c1, ..."""
    import pyarrow as pa

    schema = pa.schema([("line", pa.int64()), *((f"c{i}", pa.string()) for i in range(len(names)))])

    def batches() -> Iterator[Any]:
        batch = [first, *islice(rows, _BATCH - 1)]
        while batch:
            columns = [pa.array([row.line for row in batch], pa.int64())]
            columns += [pa.array([row[name] for row in batch], pa.string()) for name in names]
            yield pa.record_batch(columns, schema=schema)
            batch = list(islice(rows, _BATCH))

    return pa.RecordBatchReader.from_batches(schema, batches())


def _rows(database: Any, names: list[str]) -> Iterator[Row]:
    while batch := database.fetchmany(_BATCH):
        for line, *cells in batch:
            row = Row(zip(names, cells, strict=True))
            row.line = line
            yield row
