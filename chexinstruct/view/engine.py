"""Columns of corpus files, asked of a SQL engine that writes nothing and keeps within a bound."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import duckdb

from chexinstruct.corpus import CorpusFile
from chexinstruct.errors import ChexinstructError

MEMORY = "1GB"
THREADS = 4
"""At most: the machine may be a shared one."""


class Engine:
    """Answers queries over Parquet files; may be asked from several threads at once.

    Only the columns that a query names are read, so none reads pictures unless it says so.
    """

    def __init__(self) -> None:
        self._engine = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": MEMORY,
                "temp_directory": "",  # reports are not spilled to a disk
                "threads": min(THREADS, os.cpu_count() or 1),
                "autoinstall_known_extensions": False,  # nor is anything fetched
            },
        )
        self._engine.execute("SET parquet_metadata_cache = true")
        self._lock = threading.Lock()

    def ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of an answer.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        found: list[tuple[Any, ...]] = self._ask(query, values).fetchall()
        return found

    def records(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of an answer by the names of their columns.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        found = self._ask(query, values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def columns(self, query: str, values: Sequence[object] = ()) -> dict[str, Any]:
        """The columns of an answer as NumPy arrays.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        columns: dict[str, Any] = self._ask(query, values).fetchnumpy()
        return columns

    def close(self) -> None:
        """Let go of all files; queries that run come to their end."""
        with self._lock:
            self._engine.close()

    def _ask(self, query: str, values: Sequence[object]) -> Any:
        with self._lock:
            cursor = self._engine.cursor()
        try:
            return cursor.execute(query, list(values))
        except duckdb.Error as error:
            # Its own words may quote what stands in a file.
            raise ChexinstructError(
                f"the corpus cannot be read ({type(error).__name__}); "
                "`chexinstruct verify` tells what is wrong with it"
            ) from None


def paths(files: Sequence[CorpusFile]) -> list[str]:
    """What ``read_parquet`` takes for some files; names are no patterns to it."""
    return [str(file.path).translate(_LITERAL) for file in files]


_LITERAL = {ord(mark): f"[{mark}]" for mark in "*?["}
