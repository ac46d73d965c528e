"""From one study to its facts: the context that tasks see, the same in every stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.people import in_order
from chexinstruct.build.setting import Rules
from chexinstruct.build.studies import open_studies
from chexinstruct.draw import Draw, key, stem
from chexinstruct.schema import Facts, LabelSet, Study
from chexinstruct.tasks import Drop, Task
from chexinstruct.tasks.contract import STEPS, Other
from chexinstruct.tasks.needs import asked_sets


@dataclass(frozen=True)
class SourceFiles:
    """Where the tables of one source stand, for any worker to open."""

    source: str
    studies: str
    index: str
    pools: str


@dataclass(frozen=True)
class IndexTable:
    """Columns of an index file, one value a study, memory-mapped."""

    split: npt.NDArray[np.int8]
    person: npt.NDArray[np.uint64]
    prior: npt.NDArray[np.int32]
    mask: npt.NDArray[np.uint64]


@lru_cache(maxsize=64)
def open_index(path: str) -> IndexTable:
    """The index at a path, opened once a process."""
    table = pa.ipc.open_file(pa.memory_map(path)).read_all()
    # Written in one batch, so that these are the mapped bytes; combining chunks would copy them.
    return IndexTable(*(table[f.name].to_numpy() for f in fields(IndexTable)))


Ring = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]
"""Places of persons in the order of the corpus, sorted, and the row that stands at each."""
_EMPTY: Ring = np.empty(0, np.uint64), np.empty(0, np.int32)

NEARBY = 512
"""Others that are held: most of those whom the next studies are offered."""


@lru_cache(maxsize=64)
def open_pools(path: str) -> dict[tuple[str, int], Ring]:
    """Rings of negatives by (task and pool, split)."""
    table = pa.ipc.open_file(pa.memory_map(path)).read_all()
    names = table["pool"].to_pylist()
    splits = table["split"].to_pylist()
    return {
        (name, split): (
            table["place"][i].values.to_numpy(),
            table["row"][i].values.to_numpy(),
        )
        for i, (name, split) in enumerate(zip(names, splits, strict=True))
    }


def with_pictures_at_hand(study: Study) -> Study:
    """The study without the pictures that this copy of the release lacks."""
    if all(image.path is not None for image in study.images):
        return study
    kept = tuple(image for image in study.images if image.path is not None)
    return msgspec.structs.replace(study, images=kept)


class SourceView:
    """One source as the tasks of one build see it."""

    def __init__(self, files: SourceFiles, label_sets: dict[str, LabelSet], rules: Rules) -> None:
        self.source = files.source
        self.rules = rules
        self._studies = open_studies(files.studies)
        self._pools = open_pools(files.pools)
        index = open_index(files.index)
        self.split = index.split
        self.person = index.person
        self.prior = index.prior
        self.masks = index.mask
        self.seed = str(rules.seed)  # texts alone are joined in a third of the time
        self.other = lru_cache(NEARBY)(self._other)
        self.asked_sets = lru_cache(lambda names: asked_sets(names, label_sets))

    def study(self, row: int) -> Study:
        """The study of a row, with its pictures at hand."""
        study = self._studies[row]
        return with_pictures_at_hand(study) if self.rules.at_hand else study

    def following(self, pool: str, row: int, most: int) -> list[int]:
        """Rows of a pool that come after a row's person in the order of the corpus, once round.

        The studies of a person begin at different ones, the second at the second and so on.
        """
        places, rows = self._pools.get((pool, int(self.split[row])), _EMPTY)
        own = in_order(self.person[row : row + 1], self.rules.seed)[0]
        first, last = int(places.searchsorted(own)), int(places.searchsorted(own, "right"))
        begin = last + sum(other < row for other in rows[first:last].tolist())
        found: list[int] = rows[begin : begin + most].tolist()
        if len(found) < most:  # the end is near, where it goes on at the beginning
            others = np.concatenate([rows[last:], rows[:first]])
            found = np.roll(others, last - begin)[:most].tolist()
        return found

    def _other(self, task: str, row: int) -> Other:
        return Other(self.study(row))


class StudyContext:
    """What a task may know beyond its study (:class:`chexinstruct.tasks.contract.Context`)."""

    __slots__ = ("_row", "_task", "_view", "policies", "stem", "study")

    def __init__(self, view: SourceView, task: Task, row: int, study: Study) -> None:
        self._view = view
        self._task = task
        self._row = row
        self.study = study
        self.policies = view.rules
        self.stem = stem(view.seed, task.key, view.source, study.id)

    def draw(self, *names: object) -> Draw:
        """Chance seeded by (corpus seed, task, source, study, names)."""
        return Draw(key(self.stem, *names))

    def label_sets(self) -> Sequence[LabelSet]:
        """The label sets that were applied to the study and may be asked about."""
        return self._view.asked_sets(self.study.label_sets)

    def prior(self) -> Study | None:
        """The person's study just before this one, of the same source and split."""
        row = int(self._view.prior[self._row])
        return None if row < 0 else self._view.study(row)

    def negatives(self, pool: str) -> Iterator[Other]:
        """Other people's studies of a pool.

        They follow in the order of the corpus. So a picture of theirs that a question shows stands
        in the row group of their own questions, where it is stored once; and each of them is read
        once for all who are offered it.
        """
        task = self._task.key
        for row in self._view.following(f"{task}/{pool}", self._row, STEPS):
            yield self._view.other(task, row)


def facts_of(task: Task, context: StudyContext) -> tuple[list[Facts], list[str]]:
    """The facts that a task finds in a study, and the reasons of what it dropped.

    A study gives at least one of the two; the facts keep their numbers in every stage.
    """
    facts: list[Facts] = []
    dropped: list[str] = []
    languages = context.policies.languages
    for item in task.facts(context.study, context):
        if isinstance(item, Drop):
            dropped.append(item.reason)
        elif item.language not in languages:
            dropped.append("language")
        else:
            facts.append(item)
    if not facts and not dropped:
        dropped.append("nothing_to_ask")
    return facts, dropped
