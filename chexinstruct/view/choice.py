"""Which rows of a corpus are to be looked at, and the same as conditions of SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from chexinstruct.corpus import Corpus, CorpusFile
from chexinstruct.errors import CallError

TEXT = 200
"""Characters of a search, at most."""

NONE = ""
"""Stands for null among the values of a facet."""

_TERM = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class Choice:
    """Rows that have one of the values of each facet, and all words of the search; empty: any."""

    task: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    """Of any picture of the row."""
    finding: tuple[str, ...] = ()
    """That the row is about."""
    text: str = ""
    """Words that stand in instruction or response, whatever their case; phrases in quotation
    marks; or the id of a row."""

    @property
    def terms(self) -> list[str]:
        """The words and phrases of the search."""
        return [phrase or word for phrase, word in _TERM.findall(self.text) if phrase or word]

    def without(self, facet: str) -> Choice:
        """The choice with one facet left open."""
        opened: dict[str, Any] = {facet: ()}
        return replace(self, **opened)

    def files(self, corpus: Corpus) -> list[CorpusFile]:
        """The files that can hold such rows, by their names."""
        return [
            file
            for file in corpus.files
            if (not self.task or file.task in self.task)
            and (not self.source or file.source in self.source)
            and (not self.split or file.split in self.split)
        ]

    def of_rows(self, *, by_id: bool = False) -> Condition:
        """What rows of these files must have besides; the facets of files are not in it.

        Args:
            by_id: the search is the beginning of an id.
        """
        said = [Condition("starts_with(id, ?)", (self.text,))] if by_id else map(_said, self.terms)
        return _every(
            _one_of("language", self.language),
            _one_of("license", self.license),
            _one_of("metadata.finding", self.finding),
            _any_of("metadata.views", self.view),
            *said,
        )

    def of_counts(self) -> Condition:
        """The same for the table of counts, which knows no text."""
        return _every(
            *(_one_of(name, getattr(self, name)) for name in FACETS if name != "view"),
            _any_of("views", self.view),
        )


FACETS = tuple(field.name for field in fields(Choice) if field.name != "text")


@dataclass(frozen=True)
class Condition:
    """A condition of SQL with its values; an empty one holds for all rows."""

    sql: str = ""
    values: tuple[object, ...] = ()


def choice(query: Mapping[str, Sequence[str]]) -> Choice:
    """The choice that the query of a URL asks for; names that are none of a choice are passed over.

    Raises:
        CallError: the search is too long.
    """
    text = " ".join(query.get("text", ())).strip()
    if len(text) > TEXT:
        raise CallError(f"search for at most {TEXT} characters")
    return Choice(text=text, **{name: tuple(query.get(name, ())) for name in FACETS})


def _said(term: str) -> Condition:
    return Condition(
        "(contains(lower(instruction), lower(?)) OR contains(lower(response), lower(?)))",
        (term, term),
    )


def _one_of(column: str, values: Sequence[str]) -> Condition:
    if not values:
        return Condition()
    return Condition(f"list_contains(?::VARCHAR[], coalesce({column}, '{NONE}'))", ([*values],))


def _any_of(column: str, values: Sequence[str]) -> Condition:
    if not values:
        return Condition()
    known = f"[coalesce(value, '{NONE}') FOR value IN {column}]"
    return Condition(f"list_has_any({known}, ?::VARCHAR[])", ([*values],))


def _every(*conditions: Condition) -> Condition:
    held = [condition for condition in conditions if condition.sql]
    return Condition(
        " AND ".join(condition.sql for condition in held),
        tuple(value for condition in held for value in condition.values),
    )
