"""The candidates stage: what each task could ask of each study.

What later stages choose by stands in columns; the facts themselves stand beside, one record each,
and are read again only of those candidates that become rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import (
    array_digest,
    code_digest,
    digest,
    file_digest,
    private_folder,
    read_json,
    whole_file,
    write_json,
)
from chexinstruct.build.engine import SourceFiles, SourceView, StudyContext, facts_of, open_index
from chexinstruct.build.executor import without_collector
from chexinstruct.build.facts import FactsWriter, facts_writer
from chexinstruct.build.imports import imports_digest
from chexinstruct.build.index import CHUNK, NEED_BITS, Indexed
from chexinstruct.build.references import write_reference
from chexinstruct.build.setting import Rules, Setting
from chexinstruct.build.spill import blank, parts
from chexinstruct.draw import key
from chexinstruct.schema import LabelSet
from chexinstruct.tasks import Task
from chexinstruct.tasks import registry as task_registry
from chexinstruct.tasks.needs import lacks

CODE = (
    "chexinstruct.build.candidates",
    "chexinstruct.build.engine",
    "chexinstruct.build.facts",
    "chexinstruct.build.people",
    "chexinstruct.build.records",
    "chexinstruct.build.references",
    "chexinstruct.build.setting",
    "chexinstruct.build.studies",
)
"""The modules of the builder that candidates are found by; a task brings its own."""

COLUMNS = pa.schema(
    [
        pa.field("row", pa.int32()),
        pa.field("split", pa.int8()),
        pa.field("hash", pa.uint64()),
        pa.field("balance", pa.dictionary(pa.int16(), pa.string())),
        pa.field("pictures", pa.list_(pa.string())),
    ]
)


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


class Found(msgspec.Struct, frozen=True):
    """What was found for a task, in the studies of a job or in all of a source, beside the files
    that were written."""

    content: str
    """Digest of the files."""
    tallies: dict[int, Tally]
    """By split."""


@dataclass(frozen=True)
class CandidatesJob:
    """Some studies of a source, and the tasks to run on those that have what they need."""

    files: SourceFiles
    label_sets: Mapping[str, LabelSet]
    rules: Rules
    rows: npt.NDArray[np.int32]
    tasks: tuple[tuple[str, int, str], ...]
    """Task key, mask of its needs, and the file to write."""


class _Sink:
    """Takes the candidates of one task, facts and columns apart."""

    def __init__(self, facts: FactsWriter) -> None:
        self.facts = facts
        self.row: list[int] = []
        self.split: list[int] = []
        self.hash: list[int] = []
        self.balance: list[str | None] = []
        self.pictures: list[list[str]] = []

    def table(self) -> pa.Table:
        """The columns, as :data:`COLUMNS` says."""
        strata = pa.array(self.balance, pa.string()).dictionary_encode()
        arrays = [
            pa.array(self.row, pa.int32()),
            pa.array(self.split, pa.int8()),
            pa.array(self.hash, pa.uint64()),
            strata.cast(COLUMNS.field("balance").type),
            pa.array(self.pictures or [[]] * len(self.row), pa.list_(pa.string())),
        ]
        return pa.table(arrays, schema=COLUMNS)


@without_collector()
def find_candidates(job: CandidatesJob) -> dict[str, Found]:
    """Run the tasks, write the candidates of each, and say by task what was found."""
    with ExitStack() as stack:
        sinks = {
            name: _Sink(stack.enter_context(facts_writer(facts_file(Path(path)))))
            for name, _, path in job.tasks
        }
        tallies = _run(job, sinks)
    found = {}
    for name, _, path in job.tasks:
        with whole_file(Path(path)) as draft:
            with (
                pa.OSFile(str(draft), "wb") as file,
                pa.ipc.new_file(file, COLUMNS) as writer,
            ):
                writer.write_table(sinks[name].table())
            content = digest(file_digest(draft), file_digest(facts_file(Path(path))))
        found[name] = Found(content, tallies[name])
    return found


def _run(job: CandidatesJob, sinks: Mapping[str, _Sink]) -> dict[str, dict[int, Tally]]:
    view = SourceView(job.files, dict(job.label_sets), job.rules)
    masks = view.masks
    tasks = task_registry()
    tallies: dict[str, dict[int, Tally]] = {name: {} for name in sinks}
    for row in job.rows.tolist():
        mask, split = int(masks[row]), int(view.split[row])
        study = None
        for name, needed, _ in job.tasks:
            if mask & needed != needed:
                continue
            if study is None:
                study = view.study(row)
            context = StudyContext(view, tasks[name], row, study)
            facts, dropped = facts_of(tasks[name], context)
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
            out = sinks[name]
            for item in facts:
                out.row.append(row)
                out.split.append(split)
                out.hash.append(key(context.stem, item.key))
                out.balance.append(item.balance)
                out.facts.add(item)
                if job.rules.pictures:
                    listed = job.rules.listed
                    out.pictures.append(
                        [write_reference(i, view.source, listed=listed) for i in item.images]
                    )
    return tallies


def facts_file(candidates: Path) -> Path:
    """Where the facts of a file of candidates stand."""
    return candidates.with_name(f"{candidates.stem}-facts.arrow")


def read_candidates(paths: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    """The candidates of a (task, source), chunk after chunk in the order of the corpus."""
    tables = [
        pa.ipc.open_file(pa.memory_map(str(path))).read_all().select(columns) for path in paths
    ]
    return pa.concat_tables(tables)


def lengths(paths: Sequence[Path]) -> tuple[int, ...]:
    """Candidates in each file."""
    return tuple(read_candidates([path], ["row"]).num_rows for path in paths)


@dataclass(frozen=True)
class Pair:
    """A (task, source) that some study can feed."""

    task: Task
    source: str
    content: str
    """Digest of its candidates. Later stages have it in their keys, and not what the candidates
    were made of: the same ones, found again, change nothing."""
    files: tuple[Path, ...]
    tallies: dict[int, Tally]
    """By split; later stages count on."""


def candidates(setting: Setting, source: str, item: Indexed) -> list[Pair]:
    """All pairs of a source, with the candidates of each in files."""
    index = open_index(item.files.index)
    masks, splits = blank(len(item.rows), np.uint64, setting.cache), index.split[item.rows]
    for part in parts(len(masks)):
        masks[part] = index.mask[item.rows[part]]
    chunks = -(-len(item.rows) // CHUNK)
    homes: dict[str, tuple[Path, tuple[Path, ...]]] = {}
    for name, task in setting.tasks.items():
        met = _met(masks, _mask(task))
        if setting.manifest.builds(name, source) and np.any(met):
            key = _stage_key(setting, item, task, met)
            home = private_folder(setting.cache / "candidates" / f"{name}-{source}-{key}")
            files = tuple(home / f"{number:05d}.arrow" for number in range(chunks))
            homes[name] = (home / "done.json", files)
    _find(setting, source, item, homes)
    pairs = []
    for name, (done, files) in homes.items():
        found: Found = read_json(done, Found)
        _count_unmet(setting.tasks[name], masks, splits, found.tallies)
        pairs.append(Pair(setting.tasks[name], source, found.content, files, found.tallies))
    return pairs


def _stage_key(setting: Setting, item: Indexed, task: Task, met: npt.NDArray[np.bool_]) -> str:
    """All that a task can reach, and nothing that others alone do.

    Args:
        setting: of the build.
        item: the index of the source.
        task: whose candidates are asked for.
        met: for each study, in the order of the corpus, whether it has what the task needs.
    """
    return digest(
        item.studies,
        item.counted.order,
        item.counted.rings.get(task.key),
        array_digest(np.packbits(met)),
        CHUNK,
        setting.rules,
        setting.sources[item.files.source].card.label_sets,
        code_digest(*CODE),
        imports_digest(
            "chexinstruct.tasks.contract", "chexinstruct.tasks.needs", task.facts.__module__
        ),
    )


def _find(
    setting: Setting,
    source: str,
    item: Indexed,
    homes: Mapping[str, tuple[Path, tuple[Path, ...]]],
) -> None:
    """Run the tasks whose candidates are not in the cache, all of them in one pass."""
    missing = [name for name, (done, _) in homes.items() if not done.exists()]
    if not missing:
        return
    jobs = [
        CandidatesJob(
            item.files,
            setting.sources[source].card.label_sets,
            setting.rules,
            item.rows[start : start + CHUNK],
            tuple((n, _mask(setting.tasks[n]), str(homes[n][1][number])) for n in missing),
        )
        for number, start in enumerate(range(0, len(item.rows), CHUNK))
    ]
    sums: dict[str, dict[int, Tally]] = {name: {} for name in missing}
    contents: dict[str, dict[int, str]] = {name: {} for name in missing}
    for number, result in setting.run(f"candidates {source}", find_candidates, jobs):
        for name, found in result.items():
            contents[name][number] = found.content
            for split, tally in found.tallies.items():
                sums[name].setdefault(split, Tally()).add(tally)
    for name in missing:
        content = digest([contents[name][number] for number in range(len(jobs))])
        found = Found(content, sums[name])
        write_json(homes[name][0], msgspec.to_builtins(found, str_keys=True))


def _mask(task: Task) -> int:
    return sum(NEED_BITS[need] for need in task.needs)


def _met(masks: npt.NDArray[np.uint64], needed: int) -> npt.NDArray[np.bool_]:
    """Where all the bits that are needed are set."""
    found, bits = np.empty(len(masks), np.bool_), np.uint64(needed)
    for part in parts(len(masks)):
        found[part] = (masks[part] & bits) == bits
    return found


def _count_unmet(
    task: Task,
    masks: npt.NDArray[np.uint64],
    splits: npt.NDArray[np.int8],
    tallies: dict[int, Tally],
) -> None:
    """Count all studies of each split, and those that lack a need under the first they lack."""
    for split in np.unique(splits).tolist():
        inside = splits == split
        tally = tallies.setdefault(split, Tally())
        tally.studies = int(np.count_nonzero(inside))
        for need in task.needs:
            lacking = inside & ~_met(masks, NEED_BITS[need])
            if count := int(np.count_nonzero(lacking)):
                reason = lacks(need)
                tally.study_reasons[reason] = tally.study_reasons.get(reason, 0) + count
            inside &= ~lacking
