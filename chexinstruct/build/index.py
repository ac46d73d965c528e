"""The index stage: order in time, what each study carries, and the rings of negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.engine import open_studies, with_pictures_at_hand
from chexinstruct.build.people import People
from chexinstruct.build.studies import StudyTable
from chexinstruct.draw import key
from chexinstruct.schema import LabelSet
from chexinstruct.tasks import Task
from chexinstruct.tasks.needs import NEEDS

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
    pictures: bool
    seed: int


@dataclass(frozen=True)
class Looked:
    """What a look gave: a mask of needs a study, pool members, and pictures that are missing."""

    masks: npt.NDArray[np.uint64]
    pools: dict[str, tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]]
    pictures: int
    missing: int
    first_missing: str | None


def look(job: LookJob, tasks: Mapping[str, Task]) -> Looked:
    """Decode each study once and note what it carries."""
    table = open_studies(job.studies)
    tests = [(NEED_BITS[name], NEEDS[name].holds) for name in job.needs]
    drawing = [tasks[name] for name in job.tasks]
    masks = np.zeros(len(job.rows), dtype=np.uint64)
    pools: dict[str, tuple[list[int], list[int]]] = {}
    pictures = missing = 0
    first_missing = None
    for i, row in enumerate(job.rows.tolist()):
        study = table[row]
        for image in study.images:
            pictures += 1
            if image.path is None:
                missing += 1
                first_missing = first_missing or image.key
        if job.pictures:
            study = with_pictures_at_hand(study)
        mask = 0
        for bit, holds in tests:
            if holds(study, job.label_sets):
                mask |= bit
        masks[i] = mask
        for task in drawing:
            assert task.pools is not None
            for pool in task.pools(study):
                name = f"{task.key}/{pool}"
                hashes, members = pools.setdefault(name, ([], []))
                hashes.append(key(job.seed, name, job.source, study.id))
                members.append(row)
    arrays = {
        name: (np.array(hashes, dtype=np.uint64), np.array(members, dtype=np.int32))
        for name, (hashes, members) in pools.items()
    }
    return Looked(masks, arrays, pictures, missing, first_missing)


def sequence(
    people: People, table: StudyTable, *, seed: int, limit: int | None, splits: Sequence[int]
) -> npt.NDArray[np.int32]:
    """Rows in the order of the corpus: split, person in keyed-hash order, time, row.

    Studies without a split, beyond the limit or of other splits are left out.
    """
    mixed = (people.person ^ np.uint64(key(seed, "sequence"))) * np.uint64(0x9E3779B97F4A7C15)
    order = pc.rank(table.table["order"], null_placement="at_start", tiebreaker="dense")
    rank = order.to_numpy().astype(np.int64)
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


def priors(rows: npt.NDArray[np.int32], people: People, table: StudyTable) -> npt.NDArray[np.int32]:
    """For each row of the table the row of the same person's study before it, or -1.

    ``rows`` are in the order of the corpus, where one person's studies stand together in time.
    Studies of nobody, and those without a place in time, have no prior.
    """
    prior = np.full(len(table), -1, dtype=np.int32)
    timed = pc.is_valid(table.table["order"]).to_numpy()
    known = timed & (pc.list_value_length(table.table["people"]).to_numpy() > 0)
    kept = rows[known[rows]]
    same = people.person[kept[1:]] == people.person[kept[:-1]]
    same &= people.split[kept[1:]] == people.split[kept[:-1]]
    prior[kept[1:][same]] = kept[:-1][same]
    return prior


def write_index(
    path: Path, people: People, prior: npt.NDArray[np.int32], mask: npt.NDArray[np.uint64]
) -> None:
    """One row a study, in the order of the study table."""
    columns = {"split": people.split, "person": people.person, "prior": prior, "mask": mask}
    _write(path, pa.table({name: pa.array(values) for name, values in columns.items()}))


def write_pools(path: Path, looks: Sequence[Looked], people: People) -> None:
    """The rings: for each pool and split, members sorted by hash."""
    names = sorted({name for look in looks for name in look.pools})
    rows: dict[str, list[object]] = {"pool": [], "split": [], "hash": [], "row": []}
    for name in names:
        parts = [look.pools[name] for look in looks if name in look.pools]
        hashes = np.concatenate([part[0] for part in parts])
        members = np.concatenate([part[1] for part in parts])
        for split in np.unique(people.split[members]):
            inside = people.split[members] == split
            order = np.argsort(hashes[inside], kind="stable")
            rows["pool"].append(name)
            rows["split"].append(int(split))
            rows["hash"].append(hashes[inside][order])
            rows["row"].append(members[inside][order])
    types = [pa.string(), pa.int8(), pa.list_(pa.uint64()), pa.list_(pa.int32())]
    arrays = [pa.array(v, t) for v, t in zip(rows.values(), types, strict=True)]
    _write(path, pa.table(arrays, names=list(rows)))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
