"""The studies stage: a release becomes a table of studies.

A study is kept as one MessagePack record beside the few columns that later stages read by column:
decoding a record takes a microsecond, reading the same study from nested Arrow columns 35.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import (
    code_digest,
    digest,
    file_digest,
    read_json,
    whole_file,
    write_json,
)
from chexinstruct.build.records import Records, encode
from chexinstruct.build.setting import Setting
from chexinstruct.draw import key
from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.source import Parent, Source, read_source

BATCH = 4096
"""Studies per record batch of the table."""

COLUMNS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("people", pa.list_(pa.string()), nullable=False),
        pa.field("quoted", pa.list_(pa.string()), nullable=False),
        pa.field("order", pa.string()),
        pa.field("split", pa.string()),
        pa.field("holdout", pa.bool_(), nullable=False),
        pa.field("record", pa.binary(), nullable=False),
    ]
)

_DECODE = msgspec.msgpack.Decoder(Study).decode


class StudyTable:
    """The studies of one source, memory-mapped; rows are numbered in the loader's order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self._records = [Records(chunk, _DECODE) for chunk in self.table["record"].chunks]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, row: int) -> Study:
        return self._records[row // BATCH][row % BATCH]

    def __iter__(self) -> Iterator[Study]:
        return map(self.__getitem__, range(len(self)))

    def get(self, study_id: str) -> Study | None:
        """The study of that id."""
        row = self._by_id.get(key(study_id))
        return None if row is None else self[row]

    def with_image(self, image: str) -> Study | None:
        """The study that holds the picture of that key."""
        row = self._by_image.get(key(image))
        return None if row is None else self[row]

    @cached_property
    def _by_id(self) -> dict[int, int]:
        return {key(i.as_py()): row for row, i in enumerate(self.table["id"])}

    @cached_property
    def _by_image(self) -> dict[int, int]:
        return {key(i.key): row for row, study in enumerate(self) for i in study.images}


@lru_cache(maxsize=64)
def open_studies(path: str) -> StudyTable:
    """The table at a path, opened once a process."""
    return StudyTable(Path(path))


class Rejection(msgspec.Struct, frozen=True):
    """A row or file that could not be used."""

    file: str
    row: int | None
    reason: str
    detail: str
    expected: bool


class Loaded(msgspec.Struct, frozen=True):
    """What the studies stage says of a source, beside its table."""

    source: str
    content: str
    """Digest of the table. It stands in the keys of all that reads the table, so that nothing is
    done again when the stage gives the same studies again."""
    table: str
    """Path of the study table."""
    studies: int
    rejects: list[Rejection]
    """The first of them, as many as the release keeps."""
    reject_counts: dict[str, int]
    expected_counts: dict[str, int]
    """Of rejects that are known of the release."""


@dataclass(frozen=True)
class LoadJob:
    """Load the studies of a source whose parents, as far as they are there, are loaded."""

    source: str
    package: str
    """Of its card and loader."""
    location: str
    cache: Path
    parents: Mapping[str, tuple[str, Path]]
    """Content digest and table of each parent."""


def load(job: LoadJob) -> Loaded:
    """Scan the release and write its study table, unless it stands in the cache."""
    source = read_source(job.source, job.package)
    with Release.open(job.location, source=job.source) as release:
        listing = release.digest()
    parents = {name: content for name, (content, _) in job.parents.items()}
    key = studies_key(source, listing, parents)
    tables = {name: path for name, (_, path) in job.parents.items()}
    return load_studies(source, job.location, job.cache, key, tables)


def load_all(setting: Setting, locations: Mapping[str, str]) -> dict[str, Loaded]:
    """Load all sources, parents before children, the others side by side."""
    loaded: dict[str, Loaded] = {}
    left = dict(locations)

    def parents(key: str) -> list[str]:
        card = setting.sources[key].card
        return [*card.requires, *(used for used in card.uses if used in locations)]

    def parent(name: str) -> tuple[str, Path]:
        return loaded[name].content, Path(loaded[name].table)

    with setting.bar("studies", len(left)) as bar:
        while left:
            ready = [key for key in left if all(name in loaded for name in parents(key))]
            jobs = [
                LoadJob(
                    key,
                    setting.sources[key].package,
                    left.pop(key),
                    setting.cache,
                    {name: parent(name) for name in parents(key)},
                )
                for key in ready
            ]
            for number, said in setting.executor.run(load, jobs):
                loaded[ready[number]] = said
                bar.update()
    return loaded


def studies_key(source: Source, release_digest: str, parents: Mapping[str, str]) -> str:
    """The cache key: release, parents, and the code that reads them, helpers of the loader too.

    Args:
        source: whose release it is.
        release_digest: of its listing.
        parents: content digests of the study tables that the loader is given.
    """
    code = code_digest(
        "chexinstruct.schema",
        "chexinstruct.headers",
        "chexinstruct.release",
        "chexinstruct.reports",
        "chexinstruct.regions",
        "chexinstruct.vocabulary",
        "chexinstruct.shared",
        "chexinstruct.build.studies",
        "chexinstruct.build.records",
        source.package,
    )
    return digest(source.key, release_digest, dict(parents), code)


def load_studies(
    source: Source, location: str, cache: Path, stage_key: str, parents: Mapping[str, Path]
) -> Loaded:
    """Run the loader of a source and write its table, unless both stand in the cache already.

    Raises:
        ReleaseError: the release is not what the card describes, two studies share an id, or too
            many rows were rejected.
    """
    table = cache / "studies" / f"{source.key}-{stage_key}.arrow"
    said = table.with_suffix(".json")
    if table.exists() and (loaded := read_json(said, Loaded)):
        # The cache may have been moved since.
        return _judged(msgspec.structs.replace(loaded, table=str(table)))
    with Release.open(location, source=source.key) as release:
        tables: dict[str, Parent] = {name: StudyTable(path) for name, path in parents.items()}
        with whole_file(table) as draft:
            count = write_table(draft, source.loader.studies(release, tables), source.key)
            content = file_digest(draft)
        split = {expected: Counter[str]() for expected in (True, False)}
        for (reason, expected), n in release.reject_counts.items():
            split[expected][reason] += n
        rejects = [
            Rejection(r.path, r.row, r.reason, r.detail, r.expected) for r in release.rejects
        ]
    loaded = Loaded(source.key, content, str(table), count, rejects, split[False], split[True])
    write_json(said, loaded)
    return _judged(loaded)


def _judged(loaded: Loaded) -> Loaded:
    """Rejects are judged when the stage has ended: all of them are known then."""
    bad = sum(loaded.reject_counts.values())
    allowed = max(20, loaded.studies // 1000)
    if bad > allowed:
        counts = ", ".join(f"{n} {reason}" for reason, n in sorted(loaded.reject_counts.items()))
        first = next(r for r in loaded.rejects if not r.expected)
        raise ReleaseError(
            loaded.source,
            f"{bad} rows rejected, more than the {allowed} allowed ({counts}); "
            f"the first: {first.reason} {first.detail}".rstrip(),
            file=first.file,
            row=first.row,
            fix="compare the file with the publisher's",
        )
    return loaded


def write_table(path: Path, studies: Iterator[Study], source: str) -> int:
    """Write the table of a source and return how many studies it has.

    Raises:
        ReleaseError: two studies share an id.
    """
    ids = array("Q")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, COLUMNS) as writer:
        batch: list[Study] = []
        for study in studies:
            ids.append(key(study.id))
            batch.append(study)
            if len(batch) == BATCH:
                writer.write_batch(_columns(batch))
                batch.clear()
        if batch:
            writer.write_batch(_columns(batch))
    _refuse_copies(path, np.frombuffer(ids, dtype=np.uint64), source)
    return len(ids)


def _refuse_copies(path: Path, ids: npt.NDArray[np.uint64], source: str) -> None:
    """Told when the table is written: eight bytes a study are kept, not a set of names."""
    ordered = np.sort(ids)
    if not np.any(ordered[1:] == ordered[:-1]):
        return
    order = np.argsort(ids, kind="stable")
    copies = order[1:][ids[order[1:]] == ids[order[:-1]]]
    study = StudyTable(path)[int(copies.min())]
    where = study.origin
    raise ReleaseError(
        source,
        f"study {study.id} stands there twice",
        file=where.file if where else None,
        row=where.row if where else None,
        fix="remove the copy",
    )


def _columns(studies: list[Study]) -> pa.RecordBatch:
    columns = [
        [s.id for s in studies],
        [s.people for s in studies],
        [s.quoted for s in studies],
        [s.order for s in studies],
        [s.split for s in studies],
        [s.holdout for s in studies],
        [encode(s) for s in studies],
    ]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, COLUMNS, strict=True)]
    return pa.record_batch(arrays, schema=COLUMNS)
