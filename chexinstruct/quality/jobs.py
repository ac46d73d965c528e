"""Counting some data files: a job of its own, for what each of them gives is independent."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_64_intdigest

from chexinstruct.quality.batch import Batch, kinds, used
from chexinstruct.quality.columns import batches, joined, mixed
from chexinstruct.quality.spool import Spool
from chexinstruct.quality.sums import DataFile, Sums
from chexinstruct.schema import SPLITS

JOB_ROWS = 150_000
"""Rows of a job of several files, at most; some 0.3 s."""

_SPOOLS: Mapping[str, Mapping[str, Any]] = {
    # Rows of a pair that give one answer to one question, which is the key; among how many options.
    "asked": {
        "pair": np.uint16,
        "answer": np.uint64,
        "yes": np.int8,
        "form": np.uint64,
        "choices": np.uint32,
        "n": np.uint32,
    },
    # Rows of a pair; equal ones have one key.
    "kinds": {"pair": np.uint16, "split": np.uint8},
    # Rows of a pair; those with one question on the same pictures have one key.
    "shown": {"pair": np.uint16, "answer": np.uint64},
    # Responses of a pair, some of them several times, as in the next two.
    "said": {"pair": np.uint16},
    "people": {"pair": np.uint16, "split": np.uint8},
    "pictures": {"task": np.uint16},
}
_SHORTS = pa.schema([("pair", pa.uint16()), ("answer", pa.uint64()), ("short", pa.string())])


@dataclass(frozen=True)
class CountJob:
    """Some data files of a corpus."""

    files: tuple[DataFile, ...]
    pairs: tuple[tuple[str, str], ...]
    """Tasks with their sources, of the whole corpus; a number stands for a pair."""
    folder: Path
    """That all jobs and who reads what they leave see; it must stay as long as that is read."""

    @property
    def name(self) -> str:
        """For messages."""
        return f"the report on {self.files[0].task}/{self.files[0].path.stem}"


@dataclass(frozen=True)
class Counted:
    """What a job counted; few, but for what stands in files of the folder."""

    sums: Sums
    spools: dict[str, Spool]
    shorts: Path
    """Parquet: pairs and their answers, as texts where they are short; some of them again."""


Run = Callable[[Callable[[CountJob], Counted], Sequence[CountJob]], Iterator[tuple[int, Counted]]]
"""Runs jobs; gives (number of the job, result) as they come, each once."""


def in_turn(
    function: Callable[[CountJob], Counted], jobs: Sequence[CountJob]
) -> Iterator[tuple[int, Counted]]:
    """Run the jobs in this process."""
    return enumerate(map(function, jobs))


def grouped(files: Iterable[DataFile]) -> Iterator[tuple[DataFile, ...]]:
    """The files in their order, as many together as make a job; a large one is a job alone."""
    group: list[DataFile] = []
    rows = 0
    for file in files:
        if group and rows + file.rows > JOB_ROWS:
            yield tuple(group)
            group, rows = [], 0
        group.append(file)
        rows += file.rows
    if group:
        yield tuple(group)


def count(job: CountJob) -> Counted:
    """Count the rows of the files; pictures are never read.

    Done twice it leaves files twice: those count that the result names.

    Raises:
        ChexinstructError: a file cannot be read.
        OSError: there is no room in the folder.
    """
    folder = Path(tempfile.mkdtemp(dir=job.folder))  # what a killed attempt left is in another
    sums, shorts = Sums(), folder / "shorts.parquet"
    numbers = {pair: number for number, pair in enumerate(job.pairs)}
    tasks = sorted({task for task, _ in job.pairs})
    with ExitStack() as stack:
        spools = {
            name: stack.enter_context(Spool(folder / name, columns))
            for name, columns in _SPOOLS.items()
        }
        writer = stack.enter_context(pq.ParquetWriter(shorts, _SHORTS))
        for file in job.files:
            pair = numbers[file.task, file.source]
            for rows in batches(file.path):
                batch = Batch(rows)
                sums.add(batch, file, pair)
                _spool(spools, batch, file, pair, tasks.index(file.task))
                writer.write_table(_short_answers(batch, pair))
    return Counted(sums, spools, shorts)


def form_key(task: str, form: str) -> int:
    """A number for a form of a task."""
    return xxh3_64_intdigest(f"{task}/{form}".encode())


def _spool(spools: Mapping[str, Spool], batch: Batch, file: DataFile, pair: int, task: int) -> None:
    answer, own, split = batch.answer, np.uint64(pair), SPLITS.index(file.split)
    names = batch.form.values.to_pylist()
    forms = np.array([form_key(file.task, name) for name in names], np.uint64)[batch.form.codes]
    one, n = kinds(joined(batch.question, answer.hashes, forms, batch.choices))
    spools["asked"].add(
        mixed(batch.question[one] + own),
        pair=pair,
        answer=answer.hashes[one],
        yes=answer.known.yes[answer.codes[one]],
        form=forms[one],
        choices=batch.choices[one],
        n=n,
    )
    spools["kinds"].add(mixed(batch.same + own), pair=pair, split=split)
    spools["shown"].add(mixed(batch.shown + own), pair=pair, answer=answer.hashes)
    responses = batch.responses[used(batch.response.codes)]
    spools["said"].add(mixed(responses + own), pair=pair)
    spools["people"].add(batch.people[used(batch.patient.codes)], pair=pair, split=split)
    root = np.uint64(xxh3_64_intdigest(file.root.encode()))
    pictures = batch.picture[used(batch.pictures.codes)]
    spools["pictures"].add(mixed(pictures + root), task=task)


def _short_answers(batch: Batch, pair: int) -> pa.Table:
    known = batch.answer.known
    short = known.short.is_valid().to_numpy(zero_copy_only=False)
    texts = known.short.drop_null()
    pairs = np.full(len(texts), pair, np.uint16)
    return pa.table([pairs, known.hashes[short], texts], schema=_SHORTS)
