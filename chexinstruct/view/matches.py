"""Where the chosen rows of a corpus stand, found while the first of them are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chexinstruct.corpus import Corpus, CorpusFile
from chexinstruct.errors import ChexinstructError
from chexinstruct.view.choice import Choice, Condition
from chexinstruct.view.engine import Engine, paths

FIRST, LAST = 20_000, 500_000
"""Rows that the first query of a scan goes over; each of the next takes twice as many, up to this.
So a first page comes soon, and there are few queries."""

KEPT = 12
"""Choices whose positions are kept, at four bytes a row."""


class Place(NamedTuple):
    """Where a row stands."""

    file: int
    """Number of the file in the corpus."""
    row: int
    """In the file, from 0."""


class Matches:
    """The places of the rows of a choice, in the order of the corpus.

    Where nothing but the file decides, they are known at once; else files are gone over in a
    thread, and whoever asks for a place waits until it is known.
    """

    def __init__(
        self, corpus: Corpus, files: Sequence[CorpusFile], condition: Condition, engine: Engine
    ) -> None:
        numbers = {file.name: number for number, file in enumerate(corpus.files)}
        self._files = list(files)
        self._numbers = [numbers[file.name] for file in files]
        self._condition = condition
        self._engine = engine
        self._rows: list[npt.NDArray[np.uint32] | None] = []
        """Of each file that was gone over: its rows, None: all of them."""
        self._ends: list[int] = []
        """Matches up to the end of each of these files."""
        self._known = threading.Condition()
        self._fault: ChexinstructError | None = None
        self._stopped = False
        if condition.sql:
            threading.Thread(target=self._scan, daemon=True).start()
        else:
            for file in files:
                self._add(None, file.shard.rows)

    @property
    def found(self) -> int:
        """Rows found so far."""
        return self._ends[-1] if self._ends else 0

    @property
    def done(self) -> bool:
        """Whether all files were gone over."""
        return len(self._ends) == len(self._files)

    def places(self, start: int, count: int, *, patience: float | None = None) -> list[Place]:
        """The places of some matches; fewer at the end.

        Args:
            start: number of the first, from 0.
            count: how many.
            patience: seconds to wait for them; None: until they are known.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        with self._known:
            self._known.wait_for(
                lambda: self.done or self._fault or self.found >= start + count, patience
            )
            if self._fault:
                raise self._fault
            return list(self._between(start, min(start + count, self.found)))

    def stop(self) -> None:
        """End the scan after the query that is running."""
        self._stopped = True

    def _between(self, start: int, end: int) -> Iterator[Place]:
        at = int(np.searchsorted(self._ends, start, side="right"))
        while start < end:
            before = self._ends[at - 1] if at else 0
            rows = self._rows[at]
            for number in range(start - before, min(end, self._ends[at]) - before):
                yield Place(self._numbers[at], number if rows is None else int(rows[number]))
            start = self._ends[at]
            at += 1

    def _add(self, rows: npt.NDArray[np.uint32] | None, count: int) -> None:
        self._rows.append(rows)
        self._ends.append(self.found + count)

    def _scan(self) -> None:
        size = FIRST
        while not self.done and not self._stopped:
            start = len(self._ends)
            end, volume = start, 0
            while end < len(self._files) and (end == start or volume < size):
                volume += self._files[end].shard.rows
                end += 1
            size = min(2 * size, LAST)
            try:
                found = list(self._search(self._files[start:end]))
            except ChexinstructError as error:
                with self._known:
                    self._fault = error
                    self._known.notify_all()
                return
            with self._known:
                for rows in found:
                    self._add(rows, len(rows))
                self._known.notify_all()

    def _search(self, files: Sequence[CorpusFile]) -> Iterator[npt.NDArray[np.uint32]]:
        """The rows that match in each of some files."""
        found = self._engine.columns(
            "SELECT file_index AS file, file_row_number AS row "
            "FROM read_parquet(?, file_row_number = true) "
            f"WHERE {self._condition.sql}",
            [paths(files), *self._condition.values],
        )
        file, row = found["file"].astype(np.int64), found["row"].astype(np.uint32)
        order = np.lexsort((row, file))
        bounds = np.searchsorted(file[order], np.arange(len(files) + 1))
        for start, end in pairwise(bounds.tolist()):
            yield row[order[start:end]]


@dataclass
class Finder:
    """The matches of choices; those that were asked for last are kept."""

    corpus: Corpus
    engine: Engine

    def __post_init__(self) -> None:
        self._kept: OrderedDict[Choice, Matches] = OrderedDict()
        self._lock = threading.Lock()

    def matches(self, wanted: Choice) -> Matches:
        """The matches of a choice, found or being found."""
        with self._lock:
            if wanted not in self._kept:
                files, condition = self._narrowed(wanted)
                self._kept[wanted] = Matches(self.corpus, files, condition, self.engine)
            self._kept.move_to_end(wanted)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)[1].stop()
            return self._kept[wanted]

    def stop(self) -> None:
        """End all scans."""
        with self._lock:
            for matches in self._kept.values():
                matches.stop()

    def _narrowed(self, wanted: Choice) -> tuple[list[CorpusFile], Condition]:
        """The files to go over, and what to look for; an id is looked for where it can stand."""
        files = wanted.files(self.corpus)
        task, _, rest = wanted.text.partition("/")
        source = rest.partition("/")[0]
        if task in self.corpus.tasks() and source in self.corpus.sources():
            held = [file for file in files if (file.task, file.source) == (task, source)]
            return held, wanted.of_rows(by_id=True)
        return files, wanted.of_rows()
