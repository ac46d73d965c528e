"""Columns of corpus files, asked of a SQL engine that writes nothing and keeps within a bound."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._changed = threading.Condition()
        self._closed = False

    def ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of an answer.

        Raises:
            ChexinstructError: a file cannot be read, or the engine was closed.
        """
        with self._asked(query, values) as found:
            rows: list[tuple[Any, ...]] = found.fetchall()
        return rows

    def records(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of an answer by the names of their columns.

        Raises:
            ChexinstructError: a file cannot be read, or the engine was closed.
        """
        with self._asked(query, values) as found:
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def columns(self, query: str, values: Sequence[object] = ()) -> dict[str, Any]:
        """The columns of an answer as NumPy arrays.

        Raises:
            ChexinstructError: a file cannot be read, or the engine was closed.
        """
        with self._asked(query, values) as found:
            columns: dict[str, Any] = found.fetchnumpy()
        return columns

    def close(self) -> None:
        """Break off what runs, and let go of all files."""
        with self._changed:
            self._closed = True
            for cursor in self._running:
                cursor.interrupt()
            self._changed.wait_for(lambda: not self._running)
            self._engine.close()

    @contextmanager
    def _asked(self, query: str, values: Sequence[object]) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._changed:
            if self._closed:
                raise ChexinstructError("the corpus is no longer looked at")
            cursor = self._engine.cursor()
            self._running.add(cursor)
        try:
            yield cursor.execute(query, list(values))
        except duckdb.Error as error:
            # Its own words may quote what stands in a file.
            raise ChexinstructError(
                f"the corpus cannot be read ({type(error).__name__}); "
                "`chexinstruct verify` tells what is wrong with it"
            ) from None
        finally:
            with self._changed:
                cursor.close()
                self._running.discard(cursor)
                self._changed.notify_all()


def paths(files: Sequence[CorpusFile]) -> list[str]:
    """What ``read_parquet`` takes for some files; names are no patterns to it."""
    return [str(file.path).translate(_LITERAL) for file in files]


_LITERAL = {ord(mark): f"[{mark}]" for mark in "*?["}
