"""The shards stage: the facts that were selected are rendered, and written as Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128

from chexinstruct.build.boxes import Lost
from chexinstruct.build.cache import code_digest, digest
from chexinstruct.build.candidates import Tally, facts_file
from chexinstruct.build.columns import corpus_schema, corpus_table
from chexinstruct.build.engine import SourceFiles, open_index
from chexinstruct.build.executor import without_collector
from chexinstruct.build.facts import read_facts
from chexinstruct.build.finished import finished, mark, unseal
from chexinstruct.build.home import Home
from chexinstruct.build.index import Indexed
from chexinstruct.build.ledger import library_versions
from chexinstruct.build.parts import Share
from chexinstruct.build.pictures import Pictured
from chexinstruct.build.references import read_reference
from chexinstruct.build.rows import Made, RowMaker, Wording
from chexinstruct.build.select import Planned
from chexinstruct.build.setting import Part, Setting
from chexinstruct.build.studies import open_studies
from chexinstruct.schema import SPLITS, Shard
from chexinstruct.source import Terms, terms
from chexinstruct.tasks import Task
from chexinstruct.tasks import registry as task_registry

CODE = (
    "chexinstruct.draw",
    "chexinstruct.headers",
    "chexinstruct.images",
    "chexinstruct.regions",
    "chexinstruct.schema",
    "chexinstruct.source",
    "chexinstruct.templating",
    "chexinstruct.build.boxes",
    "chexinstruct.build.columns",
    "chexinstruct.build.engine",
    "chexinstruct.build.facts",
    "chexinstruct.build.people",
    "chexinstruct.build.pictures",
    "chexinstruct.build.records",
    "chexinstruct.build.rows",
    "chexinstruct.build.shards",
    "chexinstruct.build.studies",
)
"""The modules that rows are made by, of facts that were found."""

GROUP_PICTURES = 150
"""Pictures of a row group, at most; the Hub's viewer wants groups that it can read at once."""
GROUP_ROWS = 10_000
GROUP_BYTES = 64 * 2**20
"""Bytes of pictures in a row group, every copy counted: what a writer and a reader hold."""
CONVERTED = 500
"""Candidates whose rows become Arrow columns together."""

PICTURE_LEAF = "images.list.element.bytes"
TEXTS = ("instruction", "response", "options", "answers", "history", "images", "regions")
"""Columns of which no smallest and largest value is noted: nobody skips row groups by them."""


@dataclass(frozen=True)
class ShardJob:
    """One shard: which candidates, and everything that its bytes follow from."""

    name: str
    """``<task>/<split>-<source>-00000-of-00002``."""
    home: Home
    key: str
    task: str
    files: SourceFiles
    seed: int
    """Of the manifest."""
    terms: Terms
    facts: tuple[Path, ...]
    """Files with the facts of all candidates of the task and source."""
    counts: tuple[int, ...]
    """Facts in each."""
    rows: npt.NDArray[np.int32]
    """Study of each candidate of the shard."""
    places: npt.NDArray[np.int32]
    """Of the facts of each in these files, taken as one."""
    wording: Wording


def build_shard(job: ShardJob) -> Shard:
    """Write the shard's file and say what it holds; done twice it gives the same bytes."""
    work = _Work(job, task_registry()[job.task])
    with without_collector(), job.home.whole_file(f"data/{job.name}.parquet") as draft:
        with pq.ParquetWriter(draft, corpus_schema(), **parquet_options()) as writer:
            work.write(writer)
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
        self.studies = open_studies(job.files.studies)
        self.person = open_index(job.files.index).person
        self.maker = RowMaker(task, job.files.source, job.seed, job.wording, job.terms)
        # The studies of a person stand together.
        self.patient = lru_cache(maxsize=1)(self.maker.patient)
        self.rows = 0
        self.examples = 0
        self.pictures: set[str] = set()
        self.reasons: dict[str, int] = {}

    def made(self) -> Iterator[Made]:
        """What is made of the candidates, in the order of the corpus."""
        job = self.job
        candidates = zip(
            job.rows.tolist(), read_facts(job.facts, job.counts, job.places), strict=True
        )
        for number, same in groupby(candidates, key=itemgetter(0)):
            study = self.studies[number]
            patient = self.patient(int(self.person[number])) if study.people else None
            for _, facts in same:
                try:
                    made = self.maker.make(study, patient, facts)
                except Lost as lost:
                    self.reasons[lost.reason] = self.reasons.get(lost.reason, 0) + 1
                    continue
                self.examples += 1
                self.rows += made.rows
                yield made

    def write(self, writer: pq.ParquetWriter) -> None:
        """Write all rows, in groups that end where the pictures change."""
        group = _Group()
        before: tuple[str, ...] = ()
        for made in self.made():
            # Rows of the same pictures stay together, so that a picture is stored once.
            apart = not made.pictures or made.pictures != before
            if apart and group.is_full(made):
                writer.write_table(group.table())
                group = _Group()
            before = made.pictures
            self.pictures.update(made.pictures)
            group.add(made)
        if group.rows:
            writer.write_table(group.table())


class _Group:
    """Rows that are to stand in one row group."""

    def __init__(self) -> None:
        self.rows = 0
        self._weight = 0
        self._pictures: set[str] = set()
        self._waiting: list[Made] = []
        self._tables: list[pa.Table] = []

    def is_full(self, made: Made) -> bool:
        """Whether there is no room for these."""
        return bool(self.rows) and (
            len(self._pictures) >= GROUP_PICTURES
            or self.rows + made.rows > GROUP_ROWS
            or self._weight + made.weight > GROUP_BYTES
        )

    def add(self, made: Made) -> None:
        """Put rows at the end."""
        if made.weight:
            self._pictures.update(made.pictures)
        self.rows += made.rows
        self._weight += made.weight
        self._waiting.append(made)
        if len(self._waiting) == CONVERTED:
            self._convert()

    def table(self) -> pa.Table:
        """All of them."""
        self._convert()
        return pa.concat_tables(self._tables)

    def _convert(self) -> None:
        """As Arrow columns they take a tenth of the memory."""
        if self._waiting:
            self._tables.append(corpus_table(self._waiting))
            self._waiting.clear()


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
        # Ids are all different: a dictionary would hold each of them, and a number beside.
        "use_dictionary": [leaf for leaf in leaves if leaf != "id"],
        "write_statistics": [leaf for leaf in leaves if leaf.partition(".")[0] not in TEXTS],
        # So that a row group of pictures never falls back to plain copies.
        "dictionary_pagesize_limit": 256 * 2**20,
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }


def write_shards(
    setting: Setting,
    planned: Sequence[Planned],
    indexed: Mapping[str, Indexed],
    pictured: Pictured | None,
) -> list[Shard]:
    """Write the shards that do not stand yet, and count what became of their candidates.

    Args:
        setting: of the build.
        planned: all shards of the corpus.
        indexed: by source.
        pictured: the normalised pictures; None for a corpus without.
    """
    jobs = shard_jobs(setting, planned, indexed, pictured)
    known = finished(setting.home, Shard)
    left = unwritten(jobs, known)
    if left:
        unseal(setting.home)
    for _, made in setting.run("shards", build_shard, left):
        mark(setting.home, made)
        known[made.name] = made
    done = [known[job.name] for job in jobs]
    for plan, shard in zip(planned, done, strict=True):
        counted = Tally(
            candidate_reasons=dict(shard.reasons), examples=shard.examples, rows=shard.rows
        )
        plan.pair.tallies[plan.split].add(counted)
    return sorted(done, key=lambda shard: shard.name)


def share_of_shards(
    setting: Setting,
    planned: Sequence[Planned],
    indexed: Mapping[str, Indexed],
    pictured: Pictured | None,
    part: Part,
) -> Share:
    """Write those shards of a part's share that do not stand yet."""
    jobs = shard_jobs(setting, planned, indexed, pictured)
    mine = [job for number, job in enumerate(jobs) if part.has(number)]
    left = unwritten(mine, finished(setting.home, Shard))
    if left:
        unseal(setting.home)
    for _, made in setting.run("shards", build_shard, left):
        mark(setting.home, made)
    undone = len(unwritten(jobs, finished(setting.home, Shard)))
    return Share(*part, written=len(mine), standing=len(jobs) - undone, shards=len(jobs))


def shard_jobs(
    setting: Setting,
    planned: Sequence[Planned],
    indexed: Mapping[str, Indexed],
    pictured: Pictured | None,
) -> list[ShardJob]:
    """The job of each shard, with the key that its bytes follow from."""
    code = code_digest(*CODE)
    stamps = _stamps(planned, pictured)
    return [
        _job(setting, plan, indexed[plan.pair.source], pictured, stamps[id(plan.references)], code)
        for plan in planned
    ]


def unwritten(jobs: Sequence[ShardJob], known: Mapping[str, Shard]) -> list[ShardJob]:
    """Those whose shard does not stand under its key."""
    return [job for job in jobs if job.name not in known or known[job.name].key != job.key]


def _job(
    setting: Setting,
    plan: Planned,
    item: Indexed,
    pictured: Pictured | None,
    stamps: str,
    code: str,
) -> ShardJob:
    manifest, task, source = setting.manifest, plan.pair.task, plan.pair.source
    name = f"{task.key}/{SPLITS[plan.split]}-{source}-{plan.number:05d}-of-{plan.count:05d}"
    wording = Wording(
        overlay=str(manifest.templates) if manifest.templates else None,
        template=setting.templates.digest(task.key),
        dialect=manifest.box_dialect,
        phrasings=manifest.phrasings_of(task.key, source),
        labels=manifest.options.labels,
        answers=manifest.options.answers,
        shelf=str(pictured.shelf) if pictured else None,
        embed=manifest.images.mode == "embed",
        suffix=manifest.images.suffix,
    )
    own = terms(source, setting.sources)
    key = digest(
        plan.pair.content,
        item.studies,
        item.counted.order,
        task.family,
        setting.manifest.seed,
        plan.rows.tobytes(),
        plan.places.tobytes(),
        replace(wording, overlay=None, shelf=None),
        manifest.images.model_dump(),
        stamps,
        own,
        code,
        library_versions(),
    )
    return ShardJob(
        name=name,
        home=setting.home,
        key=key,
        task=task.key,
        files=item.files,
        seed=setting.manifest.seed,
        terms=own,
        facts=tuple(map(facts_file, plan.pair.files)),
        counts=plan.counts,
        rows=plan.rows,
        places=plan.places,
        wording=wording,
    )


def _stamps(planned: Sequence[Planned], pictured: Pictured | None) -> dict[int, str]:
    """By identity of the references: a digest of the picture files as they stand now."""
    known = {
        (release, item.path): item.stamp
        for release, items in (pictured.wanted if pictured else {}).items()
        for item in items
    }
    digests: dict[int, str] = {}
    for plan in planned:
        if id(plan.references) in digests:
            continue
        state = xxh3_128()
        for reference in plan.references:
            picture = read_reference(reference)
            state.update(f"{reference}{known.get((picture.release, picture.path))}".encode())
        digests[id(plan.references)] = state.hexdigest()
    return digests
