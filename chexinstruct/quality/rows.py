"""The rows of a corpus: what is few as sums, and what may be much in files of numbers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chexinstruct.quality.columns import check
from chexinstruct.quality.jobs import CountJob, Run, count, grouped, in_turn
from chexinstruct.quality.spool import Spool
from chexinstruct.quality.sums import DataFile, Sums

REMOVALS = 100
"""How often a folder is removed, until it is gone."""


class Facts:
    """The rows of some files; a context manager.

    Whatever runs the jobs, in whatever order they end: what is counted is the same.

    Args:
        files: whose rows; one at least.
        run: runs the jobs that count them; all of them see the system's folder for temporary files.

    Attributes:
        pairs: tasks with their sources, sorted; elsewhere a number stands for a pair.
        sums: of what is few.
        spools: records of the rest, in a private folder until the end.

    Raises:
        ChexinstructError: a file cannot be read, or has other columns than this version writes.
        OSError: there is no room.
    """

    def __init__(self, files: Sequence[DataFile], run: Run = in_turn) -> None:
        self.files = tuple(files)
        self.pairs = sorted({(file.task, file.source) for file in self.files})
        self.sums = Sums()
        self.spools: dict[str, Spool] = {}
        self._shorts: list[Path] = []
        self._run = run

    def __enter__(self) -> Facts:
        for file in self.files:
            check(file.path)
        # Ours alone. A job that goes on after another has failed may write while it is removed.
        self._folder = tempfile.TemporaryDirectory(
            prefix="chexinstruct-", ignore_cleanup_errors=True
        )
        try:
            self._count(Path(self._folder.name))
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        """Remove the folder; again where a job wrote meanwhile, which it cannot once it is gone."""
        for _ in range(REMOVALS):
            self._folder.cleanup()
            if not Path(self._folder.name).exists():
                return
            time.sleep(0.01)

    def spool(self, name: str, columns: Mapping[str, Any]) -> Spool:
        """One more, of what follows from others."""
        return Spool(Path(self._folder.name) / name, columns)

    def _count(self, folder: Path) -> None:
        jobs = [CountJob(files, tuple(self.pairs), folder) for files in grouped(self.files)]
        spools: dict[int, dict[str, Spool]] = {}
        for number, counted in self._run(count, jobs):
            self.sums.take(counted.sums)
            spools[number] = counted.spools
            self._shorts.append(counted.shorts)
        for number in sorted(spools):
            for name, spool in spools[number].items():
                if name in self.spools:
                    self.spools[name].take(spool)
                else:
                    self.spools[name] = spool

    def texts_of(self, answers: Mapping[int, int]) -> dict[int, str]:
        """The first in order of the texts of one answer of each pair, where they are short."""
        found: dict[int, str] = {}
        wanted = pa.array(answers.values(), pa.uint64())
        for path in self._shorts:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    here = batch.filter(pc.is_in(batch["answer"], wanted))
                    columns = (column.to_pylist() for column in here.columns)
                    for pair, answer, text in zip(*columns, strict=True):
                        if answers[pair] == answer:
                            found[pair] = min(text, found.get(pair, text))
        return found
