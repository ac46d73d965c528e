"""In which order the rows of a corpus are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from chexinstruct.corpus.files import CorpusFile, opened, row_groups

LEADS = 100
"""Rows of a split that may lead a file: enough for 50 GB of text."""

_AT_ONCE = 64
"""Rows that are plain values at a time; they hold the bytes of their pictures."""

Group = tuple[Path, int]
"""A row group: its file, and its number there."""


def interleaved(files: Sequence[CorpusFile]) -> list[Group]:
    """The row groups of some files, each file spread evenly over the whole.

    A corpus has its rows by task and source. Trainers that stream shuffle within a buffer, and
    would see one task after the other; row groups of one or two hundred rows in turn are mixed well
    by any buffer, and only one of them is in memory.
    """
    placed = []
    for number, file in enumerate(files):
        with opened(file.path) as parquet:
            count = parquet.num_row_groups
        # Files of one group must not all stand in the middle.
        start = xxh3_64_intdigest(file.name.encode()) / 2**64
        placed += [((group + start) / count, number, group) for group in range(count)]
    return [(files[number].path, group) for _, number, group in sorted(placed)]


def leading(groups: Sequence[Group]) -> dict[Group, set[str]]:
    """Ids of some rows that have something in every list of a record, by row group.

    Rows with pictures and with boxes in the answer, named there, first; then rows whose boxes have
    no name, then rows with pictures.
    """
    named: list[tuple[Group, str]] = []
    boxed: list[tuple[Group, str]] = []
    pictured: list[tuple[Group, str]] = []
    for group in groups:
        if len(named) >= LEADS:
            break
        parts = [f"regions.list.element.{name}" for name in ("role", "label", "phrase")]
        for table in _read(group, ["id", "image_ids", "response", *parts]):
            shown = table.filter(pc.greater(pc.list_value_length(table["image_ids"]), 0))
            for row in shown.select(["id", "response", "regions"]).to_pylist():
                answers = [r for r in row["regions"] if r["role"] == "answer"]
                names = [name for r in answers for name in (r["label"], r["phrase"]) if name]
                is_named = any(name in row["response"] for name in names)
                kind = named if is_named else boxed if answers else pictured
                kind.append((group, row["id"]))
        del boxed[LEADS:], pictured[LEADS:]
    chosen: dict[Group, set[str]] = {}
    for group, id in [*named, *boxed, *pictured][:LEADS]:
        chosen.setdefault(group, set()).add(id)
    return chosen


def rows_of(group: Group, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a group as plain values."""
    for table in _read(group, columns):
        for start in range(0, len(table), _AT_ONCE):
            yield from table.slice(start, _AT_ONCE).to_pylist()


def _read(group: Group, columns: Sequence[str]) -> Iterator[pa.Table]:
    path, number = group
    return (table for _, table in row_groups(path, columns, [number]))
