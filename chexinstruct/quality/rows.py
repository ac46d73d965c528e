"""The rows of a corpus, counted: small sums here, and what may be large in narrow SQL tables."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_64_intdigest

from chexinstruct.quality.batch import Batch, kinds, used
from chexinstruct.quality.columns import batches, check, joined, mixed
from chexinstruct.quality.sums import DataFile, Sums
from chexinstruct.schema import SPLITS

MEMORY = "48MB"
"""What the SQL engine may hold; more goes to a private folder on disk."""

GROUP_ROWS = 100_000
"""Rows that wait until they are written."""

_PAIR = ("pair", pa.uint16())
_TABLES = {
    # Rows of one answer to one question; among how many options it stood.
    "asked": pa.schema(
        [
            _PAIR,
            ("question", pa.uint64()),
            ("answer", pa.uint64()),
            ("yes", pa.int8()),
            ("form", pa.uint16()),
            ("choices", pa.uint32()),
            ("n", pa.uint32()),
        ]
    ),
    # A row each: equal ones have one number, those of one question on the same pictures another.
    "kinds": pa.schema(
        [
            _PAIR,
            ("split", pa.uint8()),
            ("shown", pa.uint64()),
            ("same", pa.uint64()),
            ("answer", pa.uint64()),
        ]
    ),
    # The rest may hold a thing several times.
    "said": pa.schema([_PAIR, ("response", pa.uint64())]),
    "shorts": pa.schema([_PAIR, ("answer", pa.uint64()), ("short", pa.string())]),
    "patients": pa.schema([_PAIR, ("split", pa.uint8()), ("patient", pa.uint64())]),
    "shown": pa.schema([_PAIR, ("picture", pa.uint64())]),
}


class _Table:
    """A table that is written once; an engine reads it afterwards."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="none",  # numbers as if drawn by lot
            use_dictionary=False,
            write_statistics=False,
        )

    def add(self, pair: int, **columns: Any) -> None:
        """Rows of a pair."""
        length = len(next(iter(columns.values())))
        pairs = np.full(length, pair)
        self._waiting.append(pa.table({"pair": pairs, **columns}).cast(self._schema))
        if sum(map(len, self._waiting)) >= GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=GROUP_ROWS)
            self._waiting.clear()

    def close(self) -> None:
        """Write what waits."""
        self._write()
        self._writer.close()


class Facts:
    """The rows of some files; a context manager.

    ``sums`` has what is few. SQL tables lie in a private folder until the end: ``pairs`` has the
    task and source of each ``pair``, and :data:`_TABLES` are as told there; forms are numbers.
    Pictures are never read.

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

    def __enter__(self) -> Facts:
        for file in self.files:
            check(file.path)
        self._folder = tempfile.TemporaryDirectory(prefix="chexinstruct-")  # ours alone
        folder = Path(self._folder.name)
        try:
            self._fill(folder)
            self._engine = duckdb.connect(
                str(folder / "facts.duckdb"),
                config={
                    "memory_limit": MEMORY,
                    "threads": 1,  # each holds partial sums of its own, beside the limit
                    "temp_directory": self._folder.name,
                    "preserve_insertion_order": False,
                },
            )
            self._open(folder)
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close()
        self._folder.cleanup()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        found: list[tuple[Any, ...]] = self._engine.execute(query).fetchall()
        return found

    def run(self, statement: str) -> None:
        """Make a table, for questions that follow."""
        self._engine.execute(statement)

    def _fill(self, folder: Path) -> None:
        tables = {name: _Table(_file(folder, name), schema) for name, schema in _TABLES.items()}
        numbers = {pair: number for number, pair in enumerate(self.pairs)}
        for file in self.files:
            pair = numbers[file.task, file.source]
            for rows in batches(file.path):
                batch = Batch(rows)
                self.sums.add(batch, file, pair)
                self._add(tables, batch, file, pair)
        for table in tables.values():
            table.close()

    def _open(self, folder: Path) -> None:
        for name in _TABLES:
            file = glob.escape(str(_file(folder, name))).replace("'", "''")
            self.run(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{file}')")
        self.run("CREATE TABLE pairs (pair USMALLINT, task VARCHAR, source VARCHAR)")
        for number, (task, source) in enumerate(self.pairs):
            self._engine.execute("INSERT INTO pairs VALUES (?, ?, ?)", [number, task, source])

    def _add(self, tables: Mapping[str, _Table], batch: Batch, file: DataFile, pair: int) -> None:
        answer, split = batch.answer, np.uint8(SPLITS.index(file.split))
        form = np.array([self._form(name) for name in batch.form.values.to_pylist()], np.uint16)
        forms = form[batch.form.codes]
        one, n = kinds(
            joined(batch.question, answer.hashes, forms.astype(np.uint64), batch.choices)
        )
        tables["asked"].add(
            pair,
            question=batch.question[one],
            answer=answer.hashes[one],
            yes=answer.known.yes[answer.codes[one]],
            form=forms[one],
            choices=batch.choices[one].astype(np.uint32),
            n=n.astype(np.uint32),
        )
        tables["kinds"].add(
            pair,
            split=np.full(len(batch), split),
            shown=batch.shown,
            same=batch.same,
            answer=answer.hashes,
        )
        tables["said"].add(pair, response=batch.responses[used(batch.response.codes)])
        short = answer.known.short.is_valid().to_numpy(zero_copy_only=False)
        tables["shorts"].add(
            pair,
            answer=answer.known.hashes[short],
            short=answer.known.short.drop_null(),
        )
        people = batch.people[used(batch.patient.codes)]
        tables["patients"].add(pair, split=np.full(len(people), split), patient=people)
        root = np.uint64(xxh3_64_intdigest(file.root.encode()))
        pictures = batch.picture[used(batch.pictures.codes)]
        tables["shown"].add(pair, picture=mixed(pictures + root))

    def _form(self, name: str) -> int:
        return self._forms.setdefault(name, len(self._forms))


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"
