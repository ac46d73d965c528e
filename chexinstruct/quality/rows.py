"""The rows of a corpus as one narrow SQL table: keys, lengths and marks instead of texts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import SPLITS, Example, arrow_schema

MEMORY = "150MB"
"""What the SQL engine may hold; more goes to a private folder on disk. Twice as much is in use with
the pages of the files that it reads."""
THREADS = 2
"""At most: each holds row groups and partial sums of its own."""
SHORT = 60
"""Characters of the longest answer that is kept as text."""

FAULTS = {
    "empty": "response = ''",
    "blank": "response <> '' AND len(response_words) = 0",
    "punctuation": r"len(response_words) > 0 AND NOT regexp_matches(response, '[\pL\pN]')",
    "one_word_again": "CASE WHEN len(response_words) > 1 "
    "AND response_words[1] = response_words[-1] "
    "THEN len(list_distinct(response_words)) = 1 ELSE false END",
    "question": "response <> '' AND response = instruction",
    "template_marks": " OR ".join(
        f"contains({text}, '{mark}')"
        for text in ("response", "instruction")
        for mark in ("{{", "}}", "{%", "%}")
    ),
    "masked": "contains(response, '___') OR contains(response, 'XXXX')",
}
"""What is wrong with an answer, as SQL; bits of ``facts.faults``, from the lowest."""

# Hashes have 64 bits: two of ten million texts share one in one of 400,000 corpora.
_MACROS = """
-- One replace a character: translate() takes five times as long, and this runs on every text.
CREATE MACRO flat(text) AS
    replace(replace(replace(text, chr(9), ' '), chr(10), ' '), chr(13), ' ');
CREATE MACRO words_of(text) AS list_filter(string_split(text, ' '), lambda w: w <> '');
CREATE MACRO unmarked(text) AS
    replace(replace(replace(replace(text, '.', ''), ',', ''), ';', ''), ':', '');
-- Options are shown with the marks that mean something to models broken up; answers are kept bare.
CREATE MACRO shown(text) AS replace(replace(text, '<|', '< |'), '<image>', '< image>');
CREATE MACRO places_of(answers, options) AS list_filter(
    list_transform(answers, lambda a: list_position(options, shown(a))), lambda p: p IS NOT NULL
);
"""
_FILL = f"""
CREATE TABLE facts AS
SELECT
    pair, split, form, finding, balance, patient, pictures, turns, said,
    hash(response) AS response,
    -- Another order of the options is the same question: a sum has the same words in any order.
    hash(turns, CASE WHEN choices = 0 THEN said ELSE
        hash(list_sum(list_transform(instruction_words, lambda w: hash(w)))) END
    ) AS question,
    hash(lower(answer)) AS answer,
    CASE WHEN length(answer) <= {SHORT} THEN answer END AS short,
    CASE lower(answer) WHEN 'yes' THEN true WHEN 'no' THEN false END AS yes,
    choices,
    places,
    list_transform(places, lambda p: options[p].label) AS labels,
    length(instruction)::UINTEGER AS instruction_characters,
    len(instruction_words)::UINTEGER AS instruction_words,
    length(response)::UINTEGER AS response_characters,
    len(response_words)::UINTEGER AS response_words,
    ({" | ".join(f"(({rule})::UTINYINT << {bit})" for bit, rule in enumerate(FAULTS.values()))})
        AS faults
FROM (
    SELECT
        files.pair, files.split, form, instruction, response, options,
        metadata.finding AS finding,
        metadata.balance AS balance,
        CASE WHEN patient IS NOT NULL THEN hash(patient) END AS patient,
        hash(root, image_ids) AS pictures,
        hash(history) AS turns,
        hash(instruction) AS said,
        trim(CASE WHEN len(answers) > 0 THEN array_to_string(list_sort(answers), ', ')
            ELSE response END, ' ' || chr(9) || chr(10) || chr(13)) AS answer,
        len(options)::UINTEGER AS choices,
        CASE WHEN len(options) > 0 THEN
            places_of(answers, list_transform(options, lambda o: o.text)) END AS places,
        words_of(unmarked(flat(instruction))) AS instruction_words,
        words_of(flat(response)) AS response_words
    FROM read_parquet($paths, filename = true) AS rows JOIN files ON rows.filename = files.path
);
"""
_SHOWS = """
CREATE TABLE shows AS
SELECT DISTINCT hash(root, id) AS picture, task
FROM (
    SELECT root, files.task, unnest(image_ids) AS id
    FROM read_parquet($paths, filename = true) AS rows JOIN files ON rows.filename = files.path
);
"""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of rows, and what its name says of them."""

    path: Path
    task: str
    source: str
    split: str
    root: str
    """The source whose pictures the source shows."""


class Facts:
    """SQL over the rows of some files; a context manager.

    ``facts`` has a row for each row of the corpus, ``pairs`` the task and source of each ``pair``,
    ``shows`` a row for each picture and task that shows it. They lie in a private folder until the
    end. Pictures are never read.

    Args:
        files: whose rows.

    Raises:
        ChexinstructError: a file cannot be read, or has other columns than this version writes.
    """

    def __init__(self, files: Sequence[DataFile]) -> None:
        self.files = tuple(files)
        self.pairs = sorted({(file.task, file.source) for file in self.files})

    def __enter__(self) -> Facts:
        for file in self.files:
            _check(file.path)
        self._folder = tempfile.TemporaryDirectory(prefix="chexinstruct-")  # ours alone
        self._engine = duckdb.connect(
            str(Path(self._folder.name) / "facts.duckdb"),
            config={
                "memory_limit": MEMORY,
                "threads": min(THREADS, os.cpu_count() or 1),
                "temp_directory": self._folder.name,
                "preserve_insertion_order": False,
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
        self._load(
            "pairs",
            {
                "pair": pa.array(numbers.values(), pa.uint16()),
                "task": pa.array([task for task, _ in numbers], pa.string()),
                "source": pa.array([source for _, source in numbers], pa.string()),
            },
        )
        self._load(
            "files",
            {
                "path": pa.array([str(file.path) for file in self.files], pa.string()),
                "pair": pa.array([numbers[f.task, f.source] for f in self.files], pa.uint16()),
                "split": pa.array([SPLITS.index(f.split) for f in self.files], pa.uint8()),
                "task": pa.array([file.task for file in self.files], pa.string()),
                "root": pa.array([file.root for file in self.files], pa.string()),
            },
        )
        self.run(_MACROS)
        paths = [_literal(file.path) for file in self.files]
        try:
            for statement in (_FILL, _SHOWS):
                self._engine.execute(statement, {"paths": paths})
        except duckdb.Error:  # names no file where a page of one is damaged
            for file in self.files:
                _read_through(file.path)
            raise

    def _load(self, name: str, columns: dict[str, pa.Array]) -> None:
        self._engine.register("given", pa.table(columns))
        self._engine.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        self._engine.unregister("given")


def _check(path: Path) -> None:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        raise _unreadable(path) from None
    if not schema.equals(arrow_schema(Example)):
        raise ChexinstructError(
            f"{path}: its columns are not those of this version; build the corpus again"
        )


def _read_through(path: Path) -> None:
    """Raise if a column of texts cannot be read to its end."""
    columns = [name for name in arrow_schema(Example).names if name != "images"]
    try:
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches(columns=columns):
                pass
    except (OSError, pa.ArrowException):
        raise _unreadable(path) from None


def _unreadable(path: Path) -> ChexinstructError:
    return ChexinstructError(
        f"{path}: cannot be read; `chexinstruct verify` tells what else is wrong with the corpus"
    )


def _literal(path: Path) -> str:
    """The path as a pattern that matches nothing else."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
