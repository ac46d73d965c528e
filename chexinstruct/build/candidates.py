"""The candidates stage: what each task could ask of each study, without any text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import whole_file
from chexinstruct.build.engine import Rules, SourceFiles, SourceView, facts_of
from chexinstruct.draw import key
from chexinstruct.schema import LabelSet
from chexinstruct.tasks import Task

COLUMNS = pa.schema(
    [
        pa.field("row", pa.int32()),
        pa.field("ordinal", pa.int16()),
        pa.field("split", pa.int8()),
        pa.field("hash", pa.uint64()),
        pa.field("balance", pa.dictionary(pa.int16(), pa.string())),
        pa.field("pictures", pa.list_(pa.string())),
    ]
)

REFERENCE_END = "\x1f"
"""Between the parts of a picture reference: release, path and key."""


class Tally(msgspec.Struct):
    """What became of the studies and candidates of one (task, source, split)."""

    studies: int = 0
    used: int = 0
    study_reasons: dict[str, int] = msgspec.field(default_factory=dict)
    candidates: int = 0
    candidate_reasons: dict[str, int] = msgspec.field(default_factory=dict)
    examples: int = 0
    rows: int = 0

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.studies += other.studies
        self.used += other.used
        self.candidates += other.candidates
        self.examples += other.examples
        self.rows += other.rows
        for mine, theirs in (
            (self.study_reasons, other.study_reasons),
            (self.candidate_reasons, other.candidate_reasons),
        ):
            for reason, n in theirs.items():
                mine[reason] = mine.get(reason, 0) + n


@dataclass(frozen=True)
class CandidatesJob:
    """Some studies of a source, and the tasks to run on those that have what they need."""

    files: SourceFiles
    label_sets: Mapping[str, LabelSet]
    rules: Rules
    rows: npt.NDArray[np.int32]
    tasks: tuple[tuple[str, int, str], ...]
    """Task key, mask of its needs, and the file to write."""


@dataclass
class _Columns:
    row: list[int] = field(default_factory=list)
    ordinal: list[int] = field(default_factory=list)
    split: list[int] = field(default_factory=list)
    hash: list[int] = field(default_factory=list)
    balance: list[str | None] = field(default_factory=list)
    pictures: list[list[str]] = field(default_factory=list)


def find_candidates(job: CandidatesJob, tasks: Mapping[str, Task]) -> dict[str, dict[int, Tally]]:
    """Run the tasks, write a file of candidates for each, and return the tallies by split."""
    view = SourceView(job.files, dict(job.label_sets), job.rules)
    masks = view.masks
    columns = {name: _Columns() for name, _, _ in job.tasks}
    tallies: dict[str, dict[int, Tally]] = {name: {} for name, _, _ in job.tasks}
    for row in job.rows.tolist():
        mask, split = int(masks[row]), int(view.split[row])
        study = None
        for name, needed, _ in job.tasks:
            if mask & needed != needed:
                continue
            if study is None:
                study = view.study(row)
            facts, dropped = facts_of(view, tasks[name], row, study)
            tally = tallies[name].setdefault(split, Tally())
            if not facts:
                reason = dropped[0]
                tally.study_reasons[reason] = tally.study_reasons.get(reason, 0) + 1
                continue
            tally.used += 1
            tally.candidates += len(facts) + len(dropped)
            if dropped:
                for reason, n in Counter(dropped).items():
                    tally.candidate_reasons[reason] = tally.candidate_reasons.get(reason, 0) + n
            out = columns[name]
            for ordinal, item in enumerate(facts):
                out.row.append(row)
                out.ordinal.append(ordinal)
                out.split.append(split)
                out.hash.append(key(job.rules.seed, name, view.source, study.id, item.key))
                out.balance.append(item.balance)
                if job.rules.pictures:
                    out.pictures.append(
                        [
                            REFERENCE_END.join((i.release or view.source, str(i.path), i.key))
                            for i in item.images
                        ]
                    )
    for name, _, path in job.tasks:
        _write(Path(path), columns[name])
    return tallies


def _write(path: Path, columns: _Columns) -> None:
    pictures = columns.pictures or [[]] * len(columns.row)
    arrays = [
        pa.array(columns.row, pa.int32()),
        pa.array(columns.ordinal, pa.int16()),
        pa.array(columns.split, pa.int8()),
        pa.array(columns.hash, pa.uint64()),
        pa.array(columns.balance, pa.string()).dictionary_encode().cast(COLUMNS.field(4).type),
        pa.array(pictures, pa.list_(pa.string())),
    ]
    with whole_file(path) as draft:
        table = pa.table(arrays, schema=COLUMNS)
        with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, COLUMNS) as writer:
            writer.write_table(table)


def read_candidates(paths: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    """The candidates of a (task, source), chunk after chunk in the order of the corpus."""
    tables = [
        pa.ipc.open_file(pa.memory_map(str(path))).read_all().select(columns) for path in paths
    ]
    return pa.concat_tables(tables).unify_dictionaries()
