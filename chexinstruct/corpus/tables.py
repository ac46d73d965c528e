"""Questions over all rows of a corpus at once, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.columns import corpus_schema
from chexinstruct.corpus.files import CorpusFile, read_batches
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import SPLITS

MEMORY = "1GB"
"""What the SQL engine may hold; more goes to a private folder on disk."""

OF_FILE = ("split", "file_task", "file_source", "root")

_MACROS = f"""
-- A number of 62 bits from a text: two are left for the number of the split.
CREATE MACRO text_key(text) AS md5_number_lower(text) >> 2;
CREATE MACRO split_number(split) AS
    (list_position([{", ".join(f"'{split}'" for split in SPLITS)}], split) - 1)::UBIGINT;
-- Texts and a list as one; the unit separator stands in none of them.
CREATE MACRO joined(a, b, list) AS concat_ws(chr(31), a, b, array_to_string(list, chr(31)));
-- Options are shown with the marks that mean something to models broken up; answers are kept bare.
CREATE MACRO shown(text) AS replace(replace(text, '<|', '< |'), '<image>', '< image>');
"""

Numbers = npt.NDArray[np.uint64]

SPLIT_BITS = np.uint64(2)


@dataclass(frozen=True)
class Kinds:
    """Rows told apart by keys of 62 bits.

    Two of ten million texts share a key by chance in one of a hundred thousand corpora.
    """

    keys: Numbers
    """Key and number of the split (two bits) of every row, sorted."""

    def repeated(self) -> Numbers:
        """The key of every row beyond the first of its kind."""
        bare = self.keys >> SPLIT_BITS
        repeated: Numbers = bare[1:][bare[1:] == bare[:-1]]
        return repeated

    def across_splits(self) -> Numbers:
        """The keys that stand in several splits, each once."""
        bare = np.unique(self.keys) >> SPLIT_BITS
        return np.unique(bare[1:][bare[1:] == bare[:-1]])


class Rows:
    """The rows of some files as the SQL table ``rows``, only the columns asked for.

    Besides columns of the corpus there are ``split``, ``file_task`` and ``file_source``, from the
    file's name, and ``root``, the source whose pictures the row's source shows. The table can be
    read once a query. Use it as a context manager.

    Args:
        files: whose rows.
        roots: source -> root; sources that are not there are their own.
        skip_damaged: leave out what cannot be read and note it in ``damaged``, instead of raising.
    """

    def __init__(
        self,
        files: Iterable[CorpusFile],
        *,
        roots: Mapping[str, str] | None = None,
        skip_damaged: bool = False,
    ) -> None:
        self.files = tuple(files)
        self.roots = roots or {}
        self.skip_damaged = skip_damaged
        self.damaged: dict[str, str] = {}
        """Name of the file -> what happened."""

    def __enter__(self) -> Rows:
        self._spill = tempfile.TemporaryDirectory(prefix="chexinstruct-")  # readable by us alone
        self._engine = duckdb.connect(
            ":memory:", config={"memory_limit": MEMORY, "temp_directory": self._spill.name}
        )
        self._engine.execute(_MACROS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close()
        self._spill.cleanup()

    def ask(self, columns: Sequence[str], query: str) -> list[tuple[Any, ...]]:
        """The answer to an SQL query.

        Args:
            columns: of the corpus; those that the query names.
            query: over ``rows``.

        Raises:
            ChexinstructError: a file cannot be read, or has other columns.
        """
        with self._asked(columns) as engine:
            found: list[tuple[Any, ...]] = engine.execute(query).fetchall()
        return found

    def kinds(self, columns: Sequence[str], table: str) -> Kinds:
        """The keys of a query, to be compared over the whole corpus at eight bytes a row.

        The engine's own grouping holds some hundred bytes a row, and fails where they are too many.

        Args:
            columns: of the corpus; those that the query names.
            table: a query that gives ``key``, from ``text_key``, and ``split``.

        Raises:
            ChexinstructError: a file cannot be read, or has other columns.
        """
        query = f"SELECT (key << {SPLIT_BITS}) | split_number(split) FROM ({table})"
        with self._asked(columns) as engine:
            (keys,) = engine.execute(query).fetchnumpy().values()
        return Kinds(np.sort(keys))

    def text_keys(self, texts: pa.Array) -> Numbers:
        """``text_key`` of some texts, in their order."""
        with self._engine.cursor() as cursor:
            cursor.register("texts", pa.table({"text": texts}))
            (keys,) = cursor.execute("SELECT text_key(text) FROM texts").fetchnumpy().values()
        return np.asarray(keys)

    @contextmanager
    def _asked(self, columns: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """The engine with ``rows``."""
        schema = pa.schema(
            [
                *(corpus_schema().field(name) for name in columns),
                *(pa.field(name, pa.string()) for name in OF_FILE),
            ]
        )
        faults: list[ChexinstructError] = []
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(columns, schema, faults))
        with self._engine.cursor() as cursor:
            cursor.register("rows", reader)
            try:
                yield cursor
            except duckdb.Error:
                if faults:  # the engine tells only that its input failed
                    raise faults[0] from None
                raise

    def _batches(
        self, columns: Sequence[str], schema: pa.Schema, faults: list[ChexinstructError]
    ) -> Iterator[pa.RecordBatch]:
        ours = pa.schema(list(schema)[: len(columns)])
        for file in self.files:
            named = (file.split, file.task, file.source, self.roots.get(file.source, file.source))
            try:
                for batch in read_batches(file.path, columns):
                    chosen = batch.select(columns)
                    if not chosen.schema.equals(ours):
                        raise ChexinstructError(
                            f"{file.path}: its columns are not those of this version; "
                            "build the corpus again"
                        )
                    constant = [pa.repeat(text, len(chosen)) for text in named]
                    yield pa.RecordBatch.from_arrays([*chosen.columns, *constant], schema=schema)
            except ChexinstructError as error:
                if not self.skip_damaged:
                    faults.append(error)
                    raise
                self.damaged[file.name] = str(error)
