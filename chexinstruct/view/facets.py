"""How many rows have which task, source, split, language, licence, view and finding."""

from __future__ import annotations

import threading

from chexinstruct.corpus import Corpus
from chexinstruct.view.choice import FACETS, NONE, Choice
from chexinstruct.view.engine import Engine, paths

Counts = dict[str, dict[str, int]]
"""Facet -> value -> rows; null is an empty value."""


class Facets:
    """Counts of the values of each facet, from a table that one pass over five columns makes.

    The table has one line for each combination that occurs, so asking it does not depend on the
    number of rows.
    """

    def __init__(self, corpus: Corpus, engine: Engine) -> None:
        self._corpus = corpus
        self._engine = engine
        self._lock = threading.Lock()
        self._counted = False

    def counts(self, wanted: Choice) -> Counts:
        """Rows for each value of a facet under the choice of all other facets; text aside.

        A row with several views counts for each of them.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        with self._lock:
            if not self._counted:
                self._count()
                self._counted = True
        found: Counts = {}
        for facet in FACETS:
            column = "unnest(list_distinct(views))" if facet == "view" else facet
            condition = wanted.without(facet).of_counts()
            where = f"WHERE {condition.sql}" if condition.sql else ""
            lines = self._engine.ask(
                f"SELECT value, sum(rows)::BIGINT FROM (SELECT {column} AS value, rows FROM counts "
                f"{where}) GROUP BY value ORDER BY value",
                condition.values,
            )
            found[facet] = dict(lines)
        return found

    def _count(self) -> None:
        files = self._corpus.files
        known = f"[coalesce(value, '{NONE}') FOR value IN metadata.views]"
        counted = (
            f"SELECT file_index::BIGINT + 1 AS file, coalesce(language, '{NONE}') AS language, "
            f"coalesce(license, '{NONE}') AS license, "
            f"coalesce(metadata.finding, '{NONE}') AS finding, "
            f"{known} AS views, count(*) AS rows FROM read_parquet(?) GROUP BY ALL"
        )
        self._engine.ask(
            "CREATE TABLE counts AS SELECT list_extract(?::VARCHAR[], file) AS task, "
            "list_extract(?::VARCHAR[], file) AS source, "
            "list_extract(?::VARCHAR[], file) AS split, "
            f"language, license, finding, views, rows FROM ({counted})",
            [
                [file.task for file in files],
                [file.source for file in files],
                [file.split for file in files],
                paths(files),
            ],
        )
