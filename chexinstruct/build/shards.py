"""The shards stage: facts once more, now rendered, and written as Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.build.cache import whole_file
from chexinstruct.build.columns import Rows, corpus_schema
from chexinstruct.build.engine import Rules, SourceFiles, SourceView, facts_of
from chexinstruct.build.rows import Lost, Row, RowMaker, Wording
from chexinstruct.schema import LabelSet
from chexinstruct.source import Terms
from chexinstruct.tasks import Task

GROUP_PICTURES = 150
"""Pictures of a row group, at most; the Hub's viewer wants groups that it can read at once."""
GROUP_ROWS = 10_000
GROUP_BYTES = 64 * 2**20
"""Bytes of pictures in a row group, every copy counted: what a writer and a reader hold."""

PICTURE_LEAF = "images.list.element.bytes"


@dataclass(frozen=True)
class ShardJob:
    """One shard: which candidates, and everything that its bytes follow from."""

    name: str
    """``<task>/<split>-<source>-00000-of-00002``."""
    path: str
    key: str
    task: str
    files: SourceFiles
    label_sets: Mapping[str, LabelSet]
    rules: Rules
    terms: Terms
    rows: npt.NDArray[np.int32]
    ordinals: npt.NDArray[np.int16]
    wording: Wording


class Shard(msgspec.Struct, frozen=True):
    """What stands in a finished shard; written when the shard stands under its name."""

    name: str
    key: str
    sha256: str
    size: int
    rows: int
    examples: int
    pictures: int
    """Distinct pictures."""
    reasons: dict[str, int]
    """Of candidates that became no example."""


def build_shard(job: ShardJob, tasks: Mapping[str, Task]) -> Shard:
    """Write the shard's file and say what it holds; done twice it gives the same bytes."""
    work = _Work(job, tasks[job.task])
    with whole_file(Path(job.path)) as draft:
        with pq.ParquetWriter(draft, corpus_schema(), **parquet_options()) as writer:
            for table in work.groups():
                writer.write_table(table)
        with draft.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = draft.stat().st_size
    return Shard(
        name=job.name,
        key=job.key,
        sha256=sha256,
        size=size,
        rows=work.rows,
        examples=work.examples,
        pictures=len(work.pictures),
        reasons=dict(sorted(work.reasons.items())),
    )


class _Work:
    """Goes through the candidates of a shard and counts what becomes of them."""

    def __init__(self, job: ShardJob, task: Task) -> None:
        self.job = job
        self.task = task
        self.view = SourceView(job.files, dict(job.label_sets), job.rules)
        self.maker = RowMaker(task, job.files.source, job.rules, job.wording, job.terms)
        self.rows = 0
        self.examples = 0
        self.pictures: set[str] = set()
        self.reasons: dict[str, int] = {}

    def made(self) -> Iterator[Row]:
        """The rows, in the order of the corpus."""
        job = self.job
        starts = np.flatnonzero(np.r_[True, job.rows[1:] != job.rows[:-1]])
        for start, stop in zip(starts, np.r_[starts[1:], len(job.rows)], strict=True):
            number = int(job.rows[start])
            study = self.view.study(number)
            facts, _ = facts_of(self.view, self.task, number, study)
            person = int(self.view.person[number])
            patient = self.maker.patient(person) if study.people else None
            for ordinal in job.ordinals[start:stop].tolist():
                try:
                    rows = list(self.maker.rows(study, patient, facts[ordinal]))
                except Lost as lost:
                    self.reasons[lost.reason] = self.reasons.get(lost.reason, 0) + 1
                    continue
                self.examples += 1
                self.rows += len(rows)
                yield from rows

    def groups(self) -> Iterator[pa.Table]:
        """The rows in groups that end where the pictures change."""
        rows = Rows()
        here: set[str] = set()
        volume = 0
        for pictures, same in groupby(self.made(), key=lambda row: row.pictures):
            members = list(same)
            weight = sum(row.weight for row in members)
            full = (
                len(here) >= GROUP_PICTURES
                or rows.count + len(members) > GROUP_ROWS
                or volume + weight > GROUP_BYTES
            )
            if rows.count and full:
                yield rows.close()
                here.clear()
                volume = 0
            if weight:
                here.update(pictures)
            self.pictures.update(pictures)
            volume += weight
            for row in members:
                rows.append(row.values)
        if rows.count:
            yield rows.close()


@lru_cache(maxsize=1)
def parquet_options() -> dict[str, Any]:
    """How corpus files are written: text compressed; a picture once a row group, and as it is."""
    sink = pa.BufferOutputStream()
    pq.write_table(corpus_schema().empty_table(), sink)
    columns = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    leaves = [columns.column(i).path for i in range(len(columns))]
    return {
        "compression": {leaf: "none" if leaf == PICTURE_LEAF else "zstd" for leaf in leaves},
        "compression_level": {leaf: 3 for leaf in leaves if leaf != PICTURE_LEAF},
        "use_dictionary": True,
        # So that a row group of pictures never falls back to plain copies.
        "dictionary_pagesize_limit": 256 * 2**20,
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }
