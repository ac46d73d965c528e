"""The rows of a corpus, counted: small sums here, and what may be large in narrow SQL tables."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from chexinstruct.quality.batch import Batch, kinds, used
from chexinstruct.quality.columns import batches, check, joined, mixed
from chexinstruct.quality.sums import DataFile, Sums
from chexinstruct.schema import SPLITS

MEMORY = "64MB"
"""What the SQL engine may hold; more goes to a private folder on disk."""

FLUSH_ROWS = 30_000
"""Rows that a table gets at once; a call costs as much as thousands of them."""

_TABLES = {
    # Rows of one answer to one question; among how many options it stood.
    "asked": "pair USMALLINT, question UBIGINT, answer UBIGINT, yes TINYINT, form USMALLINT, "
    "choices UINTEGER, n UINTEGER",
    # A row each: equal ones have one number, those of one question on the same pictures another.
    "kinds": "pair USMALLINT, split UTINYINT, shown UBIGINT, same UBIGINT, answer UBIGINT",
    # The rest may hold a thing several times.
    "said": "pair USMALLINT, response UBIGINT",
    "shorts": "pair USMALLINT, answer UBIGINT, short VARCHAR",
    "patients": "pair USMALLINT, split UTINYINT, patient UBIGINT",
    "shown": "pair USMALLINT, picture UBIGINT",
}


class Facts:
    """The rows of some files; a context manager.

    ``sums`` has what is few. SQL tables lie in a private folder until the end: ``pairs`` has the
    task and source of each ``pair``, ``forms`` the numbers of forms, and :data:`_TABLES` are as
    told there. Pictures are never read.

    Args:
        files: whose rows.

    Raises:
        ChexinstructError: a file cannot be read, or has other columns than this version writes.
    """

    def __init__(self, files: Sequence[DataFile]) -> None:
        self.files = tuple(files)
        self.pairs = sorted({(file.task, file.source) for file in self.files})
        self.sums = Sums()
        self._forms: dict[str, int] = {}
        self._waiting: defaultdict[str, list[pa.Table]] = defaultdict(list)

    def __enter__(self) -> Facts:
        for file in self.files:
            check(file.path)
        self._folder = tempfile.TemporaryDirectory(prefix="chexinstruct-")  # ours alone
        self._engine = duckdb.connect(
            str(Path(self._folder.name) / "facts.duckdb"),
            config={
                "memory_limit": MEMORY,
                "threads": 1,  # each holds partial sums of its own, beside the limit
                "temp_directory": self._folder.name,
            },
        )
        try:
            self._fill()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._engine.close()
        self._folder.cleanup()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        found: list[tuple[Any, ...]] = self._engine.execute(query).fetchall()
        return found

    def run(self, statement: str) -> None:
        """Make a table, for questions that follow."""
        self._engine.execute(statement)

    def _fill(self) -> None:
        numbers = {pair: number for number, pair in enumerate(self.pairs)}
        self.run("CREATE TABLE pairs (pair USMALLINT, task VARCHAR, source VARCHAR)")
        for (task, source), number in numbers.items():
            self._engine.execute("INSERT INTO pairs VALUES (?, ?, ?)", [number, task, source])
        for name, columns in _TABLES.items():
            self.run(f"CREATE TABLE {name} ({columns})")
        for file in self.files:
            pair = numbers[file.task, file.source]
            for rows in batches(file.path):
                batch = Batch(rows)
                self.sums.add(batch, file, pair)
                self._add(batch, file, pair)
        for name in _TABLES:
            self._flush(name)

    def _add(self, batch: Batch, file: DataFile, pair: int) -> None:
        answer, split = batch.answer, np.uint8(SPLITS.index(file.split))
        form = np.array([self._form(name) for name in batch.form.values.to_pylist()], np.uint16)
        forms = form[batch.form.codes]
        one, n = kinds(
            joined(batch.question, answer.hashes, forms.astype(np.uint64), batch.choices)
        )
        self._insert(
            "asked",
            pair,
            question=batch.question[one],
            answer=answer.hashes[one],
            yes=answer.known.yes[answer.codes[one]],
            form=forms[one],
            choices=batch.choices[one].astype(np.uint32),
            n=n.astype(np.uint32),
        )
        self._insert(
            "kinds",
            pair,
            split=np.full(len(batch), split),
            shown=batch.shown,
            same=batch.same,
            answer=answer.hashes,
        )
        self._insert("said", pair, response=batch.responses[used(batch.response.codes)])
        short = answer.known.short.is_valid().to_numpy(zero_copy_only=False)
        self._insert(
            "shorts",
            pair,
            answer=answer.known.hashes[short],
            short=answer.known.short.drop_null(),
        )
        people = batch.people[used(batch.patient.codes)]
        self._insert("patients", pair, split=np.full(len(people), split), patient=people)
        root = np.uint64(xxh3_64_intdigest(file.root.encode()))
        pictures = batch.picture[used(batch.pictures.codes)]
        self._insert("shown", pair, picture=mixed(pictures + root))

    def _form(self, name: str) -> int:
        return self._forms.setdefault(name, len(self._forms))

    def _insert(self, table: str, pair: int, **columns: Any) -> None:
        """Rows of a pair, the columns in the order of the table; some wait for others."""
        length = len(next(iter(columns.values())))
        waiting = self._waiting[table]
        waiting.append(pa.table({"pair": np.full(length, np.uint16(pair)), **columns}))
        if sum(map(len, waiting)) >= FLUSH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if waiting := self._waiting.pop(table, None):
            self._engine.register("given", pa.concat_tables(waiting))
            self._engine.execute(f"INSERT INTO {table} SELECT * FROM given")
            self._engine.unregister("given")
