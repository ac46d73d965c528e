"""The index stage: order in time, what each study carries, and the rings of negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import (
    code_digest,
    digest,
    once,
    private_folder,
    read_json,
    write_json,
)
from chexinstruct.build.engine import SourceFiles, with_pictures_at_hand
from chexinstruct.build.people import REASONS, People, distinct, in_order
from chexinstruct.build.setting import Setting
from chexinstruct.build.studies import Loaded, StudyTable, open_studies
from chexinstruct.schema import SPLITS, LabelSet
from chexinstruct.tasks import registry as task_registry
from chexinstruct.tasks.needs import NEEDS, asked_sets

NEED_BITS = {name: 1 << i for i, name in enumerate(NEEDS)}
CHUNK = 20_000
"""Studies looked at by one job."""


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
    asked = lru_cache(lambda names: asked_sets(names, job.label_sets))
    tests = [(NEED_BITS[name], NEEDS[name].holds) for name in job.needs]
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
        sets = asked(study.label_sets)
        mask = 0
        for bit, holds in tests:
            if holds(study, sets):
                mask |= bit
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


@dataclass(frozen=True)
class Indexed:
    """The index of one source in one build."""

    files: SourceFiles
    key: str
    rows: npt.NDArray[np.int32]
    """Rows of the study table in the order of the corpus."""
    counted: Counted


def index(setting: Setting, source: str, said: Loaded, people: People) -> Indexed:
    """Order the studies of a source and note what each carries, unless it is in the cache."""
    manifest = setting.manifest
    table = open_studies(said.table)
    rows = sequence(
        people,
        table,
        seed=manifest.seed,
        limit=manifest.limit,
        splits=[SPLITS.index(split) for split in manifest.splits],
    )
    needs = tuple(sorted({need for task in setting.tasks.values() for need in task.needs}))
    drawing = tuple(name for name, task in setting.tasks.items() if task.pools is not None)
    stage = digest(
        said.key,
        digest(people.person.tobytes(), people.split.tobytes(), rows.tobytes()),
        needs,
        drawing,
        setting.sources[source].card.label_sets,
        setting.rules.at_hand,
        manifest.seed,
        code_digest("chexinstruct.tasks", "chexinstruct.vocabulary", "chexinstruct.build.index"),
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
        looks = dict(setting.run(f"index {source}", look, jobs))
        done = [looks[number] for number in range(len(jobs))]
        counted = _write_all(files, table, people, jobs, done, rows, manifest.seed)
        write_json(account, counted)
    return Indexed(files, stage, rows, counted)


def _write_all(
    files: SourceFiles,
    table: StudyTable,
    people: People,
    jobs: Sequence[LookJob],
    looks: Sequence[Looked],
    rows: npt.NDArray[np.int32],
    seed: int,
) -> Counted:
    mask = np.zeros(len(table), dtype=np.uint64)
    for job, seen in zip(jobs, looks, strict=True):
        mask[job.rows] = seen.masks
    prior = priors(rows, people, table)
    once(Path(files.index), lambda draft: write_index(draft, people, prior, mask))
    once(Path(files.pools), lambda draft: write_pools(draft, looks, people, seed))
    left_out = {
        reason: int(np.count_nonzero(people.split == number)) for number, reason in REASONS.items()
    }
    left_out["beyond_limit_or_split"] = len(table) - len(rows) - sum(left_out.values())
    inside = people.split[rows]
    return Counted(
        persons=len(distinct(people.person)),
        splits={name: int(np.count_nonzero(inside == n)) for n, name in enumerate(SPLITS)},
        left_out={reason: n for reason, n in left_out.items() if n},
        pictures=sum(seen.pictures for seen in looks),
        missing=sum(seen.missing for seen in looks),
        first_missing=next((seen.first_missing for seen in looks if seen.first_missing), None),
    )


def sequence(
    people: People, table: StudyTable, *, seed: int, limit: int | None, splits: Sequence[int]
) -> npt.NDArray[np.int32]:
    """Rows in the order of the corpus: split, person in keyed-hash order, time, row.

    Studies without a split, beyond the limit or of other splits are left out.
    """
    mixed = in_order(people.person, seed)
    rank = _ranks(table)
    rows = np.arange(len(table), dtype=np.int32)
    kept = people.split >= 0
    if limit is not None:
        first = np.lexsort((rows, rank, mixed))
        first = first[kept[first]][:limit]
        kept = np.zeros(len(table), dtype=bool)
        kept[first] = True
    kept &= np.isin(people.split, list(splits))
    ordered = np.lexsort((rows, rank, mixed, people.split))
    return ordered[kept[ordered]].astype(np.int32)


def _ranks(table: StudyTable) -> npt.NDArray[np.int64]:
    """The place of each study in time, comparable within a person; equal orders rank equal."""
    order = pc.fill_null(table.table["order"], "")
    ranks: npt.NDArray[np.int64] = pc.rank(order, tiebreaker="dense").to_numpy().astype(np.int64)
    return ranks


def priors(rows: npt.NDArray[np.int32], people: People, table: StudyTable) -> npt.NDArray[np.int32]:
    """For each row of the table the row of the same person's study before it, or -1.

    ``rows`` are in the order of the corpus, where one person's studies stand together in time.
    Studies of nobody, and those without a place in time, have no prior; of two at the same time
    neither is the other's.
    """
    prior = np.full(len(table), -1, dtype=np.int32)
    timed = pc.is_valid(table.table["order"]).to_numpy()
    known = timed & (pc.list_value_length(table.table["people"]).to_numpy() > 0)
    kept = rows[known[rows]]
    person, split, rank = people.person[kept], people.split[kept], _ranks(table)[kept]
    changes = (person[1:] != person[:-1]) | (split[1:] != split[:-1])
    later = np.r_[True, changes | (rank[1:] != rank[:-1])][: len(kept)]
    # The study just before the first of those at the same time.
    before = np.maximum.accumulate(np.where(later, np.arange(len(kept)), 0)) - 1
    same = (before >= 0) & (person == person[before]) & (split == split[before])
    prior[kept[same]] = kept[before[same]]
    return prior


def write_index(
    path: Path, people: People, prior: npt.NDArray[np.int32], mask: npt.NDArray[np.uint64]
) -> None:
    """One row a study, in the order of the study table."""
    columns = {"split": people.split, "person": people.person, "prior": prior, "mask": mask}
    _write(path, pa.table({name: pa.array(values) for name, values in columns.items()}))


def write_pools(path: Path, looks: Sequence[Looked], people: People, seed: int) -> None:
    """The rings: for each pool and split, members in the order of the corpus."""
    names = sorted({name for look in looks for name in look.pools})
    places = in_order(people.person, seed)
    rows: dict[str, list[object]] = {"pool": [], "split": [], "place": [], "row": []}
    for name in names:
        members = np.concatenate([look.pools[name] for look in looks if name in look.pools])
        for split in np.unique(people.split[members]):
            inside = members[people.split[members] == split]
            ring = inside[np.lexsort((inside, places[inside]))]
            rows["pool"].append(name)
            rows["split"].append(int(split))
            rows["place"].append(places[ring])
            rows["row"].append(ring)
    types = [pa.string(), pa.int8(), pa.list_(pa.uint64()), pa.list_(pa.int32())]
    arrays = [pa.array(v, t) for v, t in zip(rows.values(), types, strict=True)]
    _write(path, pa.table(arrays, names=list(rows)))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
