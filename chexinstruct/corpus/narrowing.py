"""Files of a corpus of which only some rows are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chexinstruct.build.shards import parquet_options
from chexinstruct.corpus.files import CorpusFile, ImageFile, opened, row_groups
from chexinstruct.corpus.splicing import Group, splice
from chexinstruct.schema import Line, Shard, StoredFile

Masks = Mapping[int, pa.ChunkedArray]
"""Row group -> which of its rows stay."""


PART = 32
"""Rows of a row group that are read at once where pictures are copied."""


def masks_of(
    path: Path, columns: Sequence[str], keep: Callable[[pa.Table], pa.ChunkedArray]
) -> Masks:
    """What ``keep`` says of the rows of each row group; only these columns are read."""
    return {number: keep(table) for number, table in row_groups(path, columns)}


def kept(masks: Masks) -> tuple[int, int]:
    """How many rows stay, and of how many."""
    return (
        sum(pc.sum(mask).as_py() or 0 for mask in masks.values()),
        sum(len(mask) for mask in masks.values()),
    )


def narrow_shard(file: CorpusFile, masks: Masks, folder: Path, reason: str) -> Shard:
    """Write the rows that stay into another corpus; pictures are copied as they are.

    Args:
        file: of the corpus.
        masks: of all its row groups.
        folder: of the other corpus.
        reason: under which the examples that go are counted.
    """
    target = folder / file.name
    size, sha256 = _write(file.path, masks, target, parquet_options())
    ids: list[str] = []
    named = []
    for _, table in row_groups(target, ["id", "image_ids"]):
        ids += table["id"].to_pylist()
        named.append(pc.unique(pc.list_flatten(table["image_ids"])))
    shard = file.shard
    examples = len(example_names(ids, file))
    return msgspec.structs.replace(
        shard,
        key="",  # a build never takes it for its own
        sha256=sha256,
        size=size,
        rows=len(ids),
        examples=examples,
        pictures=len(pc.unique(pa.chunked_array(named, pa.string()))),
        reasons={**shard.reasons, reason: shard.examples - examples},
    )


_REPEATED = re.compile(r"(#\d+)+$")
"""What a mixture puts behind the id of a row that stands there again."""


def example_names(ids: Sequence[str], file: CorpusFile) -> set[str]:
    """The examples whose rows have these ids.

    Args:
        ids: some of those of a file, or of what was made of it.
        file: tells how ids of the corpus are made.

    Raises:
        ChexinstructError: the file cannot be read.
    """
    shard = file.shard
    if shard.rows == shard.examples:
        return set(ids)
    first = shard.rows
    if not shard.key:  # not as a build wrote it: rows may be repeated
        ids = [_REPEATED.sub("", id) for id in ids]
        every = (id for _, table in row_groups(file.path, ["id"]) for id in table["id"].to_pylist())
        first = sum(not _REPEATED.search(id) for id in every)
    if first != shard.examples:  # several phrasings an example: ids end in their number
        ids = [id.rpartition("/")[0] for id in ids]
    return set(ids)


def narrow_images(file: ImageFile, masks: Masks, folder: Path) -> StoredFile:
    """Write the stored pictures that stay into another corpus."""
    size, sha256 = _write(file.path, masks, folder / file.name, {"compression": "none"})
    return msgspec.structs.replace(file.stored, key="", size=size, sha256=sha256)


def _write(path: Path, masks: Masks, target: Path, options: Mapping[str, Any]) -> tuple[int, str]:
    """Row groups of which all rows stay are copied as they are; the others are written anew."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rewritten = target.with_suffix(".rewritten")
    groups: list[Group] = []
    count = 0
    with (
        opened(path) as file,
        pq.ParquetWriter(rewritten, file.schema_arrow, **options) as writer,
    ):
        for number, mask in masks.items():
            if pc.all(mask).as_py():
                groups.append(Group(path, number))
            elif len(left := rows_left(file, number, mask)):
                writer.write_table(left)
                groups.append(Group(rewritten, count))
                count += 1
    if count == len(groups):
        rewritten.replace(target)
    else:
        splice(groups, target)
        rewritten.unlink()
    with target.open("rb") as content:
        return target.stat().st_size, file_digest(content, "sha256").hexdigest()


def rows_left(file: pq.ParquetFile, number: int, mask: pa.ChunkedArray) -> pa.Table:
    """The rows of a row group that stay.

    It is read in small parts: a picture that many rows of it show is one in the file, and would
    else stand in memory once a row, whether the row stays or not.
    """
    if not pc.any(mask).as_py():
        return file.schema_arrow.empty_table()
    parts, start = [], 0
    for batch in file.iter_batches(batch_size=PART, row_groups=[number], use_threads=False):
        parts.append(batch.filter(mask.slice(start, len(batch)).combine_chunks()))
        start += len(batch)
    return pa.Table.from_batches(parts, file.schema_arrow)


def narrowed_lines(lines: Sequence[Line], shards: Sequence[Shard], reason: str) -> list[Line]:
    """The ledger after rows went: what is no example any more is counted under a reason.

    Args:
        lines: of the ledger before.
        shards: all that are left.
        reason: under which the examples that went are counted.
    """
    rows: dict[tuple[str, str, str], int] = {}
    examples: dict[tuple[str, str, str], int] = {}
    for shard in shards:
        task, _, file = shard.name.partition("/")
        split, source, *_ = file.split("-")
        place = (task, source, split)
        rows[place] = rows.get(place, 0) + shard.rows
        examples[place] = examples.get(place, 0) + shard.examples
    found = []
    for line in lines:
        place = (line.task, line.source, line.split)
        lost = line.examples - examples.get(place, 0)
        reasons = {**line.candidate_reasons, reason: lost} if lost else line.candidate_reasons
        found.append(
            msgspec.structs.replace(
                line,
                rows=rows.get(place, 0),
                examples=line.examples - lost,
                candidate_reasons=dict(sorted(reasons.items())),
            )
        )
    return found
