"""The index stage: order in time, what each study carries, and the rings of negatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import (
    array_digest,
    code_digest,
    digest,
    private_folder,
    read_json,
    whole_file,
    write_json,
)
from chexinstruct.build.engine import SourceFiles, with_pictures_at_hand
from chexinstruct.build.imports import imports_digest
from chexinstruct.build.people import REASONS, People, distinct, in_order
from chexinstruct.build.setting import Setting
from chexinstruct.build.spill import blank, parts, spilled
from chexinstruct.build.studies import Loaded, StudyTable, open_studies
from chexinstruct.schema import SPLITS, LabelSet
from chexinstruct.tasks import registry as task_registry
from chexinstruct.tasks.needs import NEEDS, asked_sets

NEED_BITS = {name: 1 << i for i, name in enumerate(NEEDS)}
CODE = (
    "chexinstruct.build.engine",
    "chexinstruct.build.index",
    "chexinstruct.build.people",
    "chexinstruct.build.records",
    "chexinstruct.build.studies",
)
"""The modules of the builder that an index is made by."""
CHUNK = 20_000
"""Studies looked at by one job."""
SORTED = 200_000
"""Studies that are sorted at once, or a little more."""
NO_MASKS = np.empty(0, dtype=np.uint64)
NO_ROWS = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class LookJob:
    """Look at some studies of a source."""

    studies: str
    source: str
    rows: npt.NDArray[np.int32]
    label_sets: Mapping[str, LabelSet]
    needs: tuple[str, ...]
    tasks: tuple[str, ...]
    at_hand: bool


@dataclass(frozen=True)
class Looked:
    """What a look gave: a mask of needs a study, pool members, and pictures that are missing."""

    masks: npt.NDArray[np.uint64]
    pools: dict[str, npt.NDArray[np.int32]]
    pictures: int
    missing: int
    first_missing: str | None


def look(job: LookJob) -> Looked:
    """Decode each study once and note what it carries."""
    table = open_studies(job.studies)
    needs = [(NEED_BITS[name], NEEDS[name]) for name in job.needs]
    in_study = [(bit, need.in_study) for bit, need in needs if need.in_study is not None]

    @cache
    def in_sets(names: tuple[str, ...]) -> int:
        """The needs that no label sets of these names stand against."""
        sets = asked_sets(names, job.label_sets)
        return sum(bit for bit, need in needs if need.in_sets is None or need.in_sets(sets))

    tasks = task_registry()
    drawing = [tasks[name] for name in job.tasks]
    masks = np.zeros(len(job.rows), dtype=np.uint64)
    pools: dict[str, list[int]] = {}
    pictures = missing = 0
    first_missing = None
    for i, row in enumerate(job.rows.tolist()):
        study = table[row]
        for image in study.images:
            pictures += 1
            if image.path is None:
                missing += 1
                first_missing = first_missing or image.key
        if job.at_hand:
            study = with_pictures_at_hand(study)
        mask = in_sets(study.label_sets)
        for bit, holds in in_study:
            if mask & bit and not holds(study):
                mask ^= bit
        masks[i] = mask
        for task in drawing:
            assert task.pools is not None
            for pool in task.pools(study):
                pools.setdefault(f"{task.key}/{pool}", []).append(row)
    arrays = {name: np.array(members, dtype=np.int32) for name, members in pools.items()}
    return Looked(masks, arrays, pictures, missing, first_missing)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What an index counts."""

    persons: int
    """Of all studies of the source."""
    splits: dict[str, int]
    """Studies in the order of the corpus, by split."""
    left_out: dict[str, int]
    """Studies that are not, by reason."""
    pictures: int
    """Named by the studies of all splits."""
    missing: int
    first_missing: str | None
    order: str
    """Digest of the order: split, person and prior of each study, and the rows in their order."""
    rings: dict[str, str]
    """Digest of all rings of a task, by task."""


@dataclass(frozen=True)
class Indexed:
    """The index of one source in one build."""

    files: SourceFiles
    studies: str
    """Content digest of the study table."""
    rows: npt.NDArray[np.int32]
    """Rows of the study table in the order of the corpus."""
    counted: Counted


def index(setting: Setting, source: str, said: Loaded, people: People) -> Indexed:
    """Order the studies of a source and note what each carries, unless it is in the cache."""
    manifest = setting.manifest
    table = open_studies(said.table)
    rows = spilled(
        sequence(
            people,
            table,
            seed=manifest.seed,
            limit=manifest.limit,
            splits=[SPLITS.index(split) for split in manifest.splits],
        ),
        setting.cache,
    )
    needs = tuple(sorted({need for task in setting.tasks.values() for need in task.needs}))
    drawing = tuple(name for name, task in setting.tasks.items() if task.pools is not None)
    stage = digest(
        said.content,
        array_digest(people.person, people.split, rows),
        needs,
        drawing,
        setting.sources[source].card.label_sets,
        setting.rules.at_hand,
        manifest.seed,
        code_digest(*CODE),
        imports_digest(
            "chexinstruct.tasks.contract",
            "chexinstruct.tasks.needs",
            *(setting.tasks[name].facts.__module__ for name in drawing),
        ),
    )
    base = private_folder(setting.cache / "index") / f"{source}-{stage}"
    files = SourceFiles(source, said.table, f"{base}.arrow", f"{base}-pools.arrow")
    account = Path(f"{base}.json")
    counted: Counted | None = read_json(account, Counted)
    if counted is None:
        sets = setting.sources[source].card.label_sets
        jobs = [
            LookJob(
                files.studies,
                source,
                rows[start : start + CHUNK],
                sets,
                needs,
                drawing,
                setting.rules.at_hand,
            )
            for start in range(0, len(rows), CHUNK)
        ]
        mask = blank(len(table), np.uint64, setting.cache)
        looks: dict[int, Looked] = {}
        for number, seen in setting.run(f"index {source}", look, jobs):
            mask[jobs[number].rows] = seen.masks
            looks[number] = _set_aside(seen, setting.cache)
        done = [looks[number] for number in range(len(jobs))]
        counted = _write_all(files, table, people, mask, done, rows, manifest.seed)
        write_json(account, counted)
    return Indexed(files, said.content, rows, counted)


def _set_aside(seen: Looked, folder: Path) -> Looked:
    """A look without its masks, and with its pools in a file."""
    ends = np.cumsum([len(members) for members in seen.pools.values()])
    members = spilled(np.concatenate([NO_ROWS, *seen.pools.values()]), folder)
    pools = dict(zip(seen.pools, np.split(members, ends[:-1]), strict=True)) if seen.pools else {}
    return replace(seen, masks=NO_MASKS, pools=pools)


def _write_all(
    files: SourceFiles,
    table: StudyTable,
    people: People,
    mask: npt.NDArray[np.uint64],
    looks: Sequence[Looked],
    rows: npt.NDArray[np.int32],
    seed: int,
) -> Counted:
    prior = priors(rows, people, table, Path(files.index).parent)
    order = array_digest(people.split, people.person, prior, rows)
    with whole_file(Path(files.index)) as draft:
        write_index(draft, people, prior, mask)
    del prior
    with whole_file(Path(files.pools)) as draft:
        rings = write_pools(draft, looks, people, seed)
    left_out = {
        reason: int(np.count_nonzero(people.split == number)) for number, reason in REASONS.items()
    }
    left_out["beyond_limit_or_split"] = len(table) - len(rows) - sum(left_out.values())
    inside = people.split[rows]
    return Counted(
        persons=_persons(people, seed),
        splits={name: int(np.count_nonzero(inside == n)) for n, name in enumerate(SPLITS)},
        left_out={reason: n for reason, n in left_out.items() if n},
        pictures=sum(seen.pictures for seen in looks),
        missing=sum(seen.missing for seen in looks),
        first_missing=next((seen.first_missing for seen in looks if seen.first_missing), None),
        order=order,
        rings=rings,
    )


def sequence(
    people: People, table: StudyTable, *, seed: int, limit: int | None, splits: Sequence[int]
) -> npt.NDArray[np.int32]:
    """Rows in the order of the corpus: split, person in keyed-hash order, time, row.

    Studies without a split, beyond the limit or of other splits are left out.
    """
    found: dict[int, list[npt.NDArray[np.int32]]] = {split: [] for split in sorted(splits)}
    left = len(table) if limit is None else limit
    for rows in _in_time(people, table, seed):
        for split, some in found.items():
            some.append(rows[:left][people.split[rows[:left]] == split])
        left -= len(rows[:left])
    return np.concatenate([NO_ROWS, *(rows for some in found.values() for rows in some)])


def _in_time(people: People, table: StudyTable, seed: int) -> Iterator[npt.NDArray[np.int32]]:
    """Rows that have a split, persons in keyed-hash order, each by time and row.

    In slices of that order, so that what is sorted at once does not grow with the source.
    """
    for rows in _sliced(np.flatnonzero(people.split >= 0).astype(np.int32), people, seed):
        places = in_order(people.person[rows], seed)
        yield rows[np.lexsort((rows, _ranks(table, rows), places))]


def _sliced(
    rows: npt.NDArray[np.int32], people: People, seed: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Rows in slices of the order of persons; those of a person stand in one."""
    bits = min(max(len(rows) // SORTED, 1).bit_length() - 1, 16)
    of = np.zeros(len(rows), np.uint16)
    for part in parts(len(rows) if bits else 0):
        of[part] = in_order(people.person[rows[part]], seed) >> np.uint64(64 - bits)
    for number in range(2**bits):
        yield rows[of == number]


def _persons(people: People, seed: int) -> int:
    every = np.arange(len(people.person), dtype=np.int32)
    return sum(len(distinct(people.person[rows])) for rows in _sliced(every, people, seed))


def _ranks(table: StudyTable, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The place of some studies in time; equal orders rank equal."""
    order = pc.fill_null(table.table["order"].take(pa.array(rows)), "")
    ranks: npt.NDArray[np.int64] = pc.rank(order, tiebreaker="dense").to_numpy().astype(np.int64)
    return ranks


def priors(
    rows: npt.NDArray[np.int32], people: People, table: StudyTable, folder: Path | None = None
) -> npt.NDArray[np.int32]:
    """For each row of the table the row of the same person's study before it, or -1.

    ``rows`` are in the order of the corpus, where one person's studies stand together in time.
    Studies of nobody, and those without a place in time, have no prior; of two at the same time
    neither is the other's.

    Args:
        rows: of the studies that stand in the corpus.
        people: of the source.
        table: its studies.
        folder: for the array; None: the system's folder for temporary files.
    """
    prior = blank(len(table), np.int32, folder)
    prior[:] = -1
    known = np.concatenate([np.zeros(0, bool), *map(_has_place, table.table.to_batches())])
    start = 0
    while start < len(rows):
        stop = min(start + SORTED, len(rows))
        while stop < len(rows) and people.person[rows[stop]] == people.person[rows[stop - 1]]:
            stop += 1
        _find_priors(prior, rows[start:stop], known, people, table)
        start = stop
    return prior


def _has_place(studies: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Whether studies have a person and a place in time."""
    somebody = pc.greater(pc.list_value_length(studies["people"]), 0)
    known: npt.NDArray[np.bool_] = pc.and_(somebody, studies["order"].is_valid()).to_numpy(
        zero_copy_only=False
    )
    return known


def _find_priors(
    prior: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int32],
    known: npt.NDArray[np.bool_],
    people: People,
    table: StudyTable,
) -> None:
    """Set the priors of some studies, all those of their persons."""
    kept = rows[known[rows]]
    person, split, rank = people.person[kept], people.split[kept], _ranks(table, kept)
    changes = (person[1:] != person[:-1]) | (split[1:] != split[:-1])
    later = np.r_[True, changes | (rank[1:] != rank[:-1])][: len(kept)]
    # The study just before the first of those at the same time.
    before = np.maximum.accumulate(np.where(later, np.arange(len(kept)), 0)) - 1
    same = (before >= 0) & (person == person[before]) & (split == split[before])
    prior[kept[same]] = kept[before[same]]


def write_index(
    path: Path, people: People, prior: npt.NDArray[np.int32], mask: npt.NDArray[np.uint64]
) -> None:
    """One row a study, in the order of the study table."""
    columns = {"split": people.split, "person": people.person, "prior": prior, "mask": mask}
    _write(path, pa.table({name: pa.array(values) for name, values in columns.items()}))


_POOLS = pa.schema(
    [
        ("pool", pa.string()),
        ("split", pa.int8()),
        ("place", pa.list_(pa.uint64())),
        ("row", pa.list_(pa.int32())),
    ]
)


def write_pools(path: Path, looks: Sequence[Looked], people: People, seed: int) -> dict[str, str]:
    """The rings: for each pool and split, members in the order of the corpus.

    Returns:
        By task a digest of all its rings.
    """
    names = sorted({name for look in looks for name in look.pools})
    rings: dict[str, str] = {}
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, _POOLS) as writer:
        for name in names:
            members = np.concatenate([look.pools[name] for look in looks if name in look.pools])
            split = people.split[members]
            for number in np.unique(split):
                ring = members[split == number]
                places = blank(len(ring), np.uint64, path.parent)
                ordered = blank(len(ring), np.int32, path.parent)
                start = 0
                for rows in _sliced(ring, people, seed):
                    stop = start + len(rows)
                    here = in_order(people.person[rows], seed)
                    order = np.lexsort((rows, here))
                    places[start:stop], ordered[start:stop] = here[order], rows[order]
                    start = stop
                task = name.partition("/")[0]
                ring_digest = array_digest(places, ordered)
                rings[task] = digest(rings.get(task), name, int(number), ring_digest)
                lists = [_one_list(places), _one_list(ordered)]
                columns = [pa.array([name]), pa.array([number], pa.int8()), *lists]
                writer.write_batch(pa.record_batch(columns, schema=_POOLS))
    return rings


def _one_list(values: npt.NDArray[Any]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), pa.array(values))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
