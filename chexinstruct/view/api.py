"""What a page asks for: paths and queries in, JSON and pictures out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from chexinstruct.corpus import Corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.view.accounts import funnel, rejects
from chexinstruct.view.choice import choice
from chexinstruct.view.details import Detail, detail
from chexinstruct.view.engine import Engine
from chexinstruct.view.facets import Facets
from chexinstruct.view.matches import Finder, Place
from chexinstruct.view.pictures import THUMB, Pictures, kind_of, smaller
from chexinstruct.view.rows import Excerpt, Rows

PAGE = 50
"""Rows of a list, and at most four times as many."""
PATIENCE = 1.0
"""Seconds that a list waits for a search; then it shows what was found."""

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """What goes back to the page."""

    body: bytes
    kind: str
    """Media type."""


class Missing(ChexinstructError):
    """There is nothing by this name or number."""


class About(msgspec.Struct, kw_only=True, frozen=True):
    """The corpus as a whole."""

    name: str
    version: str
    folder: str
    """Its own name, not its path."""
    chexinstruct: str
    rows: int
    files: int
    images: str
    """``embed``, ``store`` or ``none``."""
    dialect: str


class Page(msgspec.Struct, kw_only=True, frozen=True):
    """Some of the rows that match."""

    found: int
    done: bool
    """False: the search goes on, and ``found`` will grow."""
    start: int
    rows: list[Excerpt]


class One(msgspec.Struct, kw_only=True, frozen=True):
    """One of the rows that match."""

    found: int
    done: bool
    number: int
    """Among them, from 0."""
    place: tuple[int, int]
    """File and row, for its pictures."""
    detail: Detail


class Api:
    """Answers the requests of a page about one corpus; may be asked from several threads."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.images: str = corpus.lock.manifest["images"]["mode"]
        self.dialect: str = corpus.lock.manifest["box_dialect"]
        self._engine = Engine()
        self._finder = Finder(corpus, self._engine)
        self._facets = Facets(corpus, self._engine)
        self._rows = Rows(corpus, self._engine)
        self._pictures = Pictures(corpus)
        self._paths: dict[str, Callable[[Query], msgspec.Struct | object]] = {
            "about": self._about,
            "facets": self._counts,
            "rows": self._page,
            "row": self._one,
            "funnel": lambda query: funnel(corpus),
            "rejects": self._rejects,
        }
        # Counted while the first page is looked at.
        threading.Thread(target=self._count, daemon=True).start()

    def answer(self, path: str, query: Query) -> Answer:
        """The answer to a request.

        Args:
            path: after the token, without the first slash: ``api/rows``, ``picture/FILE/ROW/0``.
            query: names to values.

        Raises:
            Missing: there is no such path, row or picture.
            CallError: the query is wrong.
            ChexinstructError: a file of the corpus cannot be read.
        """
        first, _, rest = path.partition("/")
        if first == "api" and rest in self._paths:
            return Answer(msgspec.json.encode(self._paths[rest](query)), "application/json")
        if first in ("picture", "thumb"):
            return self._picture(rest, small=first == "thumb")
        raise Missing("there is no such page")

    def close(self) -> None:
        """Let go of the corpus."""
        self._finder.stop()
        self._engine.close()

    def _about(self, query: Query) -> About:
        manifest = self.corpus.lock.manifest
        return About(
            name=str(manifest["name"]),
            version=str(manifest["version"]),
            folder=self.corpus.path.resolve().name,
            chexinstruct=self.corpus.lock.chexinstruct,
            rows=sum(file.shard.rows for file in self.corpus.files),
            files=len(self.corpus.files),
            images=self.images,
            dialect=self.dialect,
        )

    def _count(self) -> None:
        with suppress(ChexinstructError):  # told to whoever asks for the counts
            self._facets.counts(choice({}))

    def _counts(self, query: Query) -> object:
        return self._facets.counts(choice(query))

    def _page(self, query: Query) -> Page:
        start, count = _number(query, "start", 0), _number(query, "count", PAGE)
        matches = self._finder.matches(choice(query))
        places = matches.places(start, min(count, 4 * PAGE), patience=PATIENCE)
        done, found = matches.done, matches.found  # in this order: found may grow in between
        return Page(found=found, done=done, start=start, rows=self._rows.excerpts(places))

    def _one(self, query: Query) -> One:
        number = _number(query, "number", 0)
        matches = self._finder.matches(choice(query))
        places = matches.places(number, 1)
        if not places:
            raise Missing("no row matches" if not matches.found else f"there is no row {number}")
        row = self._rows.example(places[0])
        return One(
            found=matches.found,
            done=matches.done,
            number=number,
            place=places[0],
            detail=detail(self.corpus.files[places[0].file], row, self.dialect),
        )

    def _rejects(self, query: Query) -> object:
        return rejects(
            self.corpus,
            source=_text(query, "source"),
            reason=_text(query, "reason"),
            start=_number(query, "start", 0),
        )

    def _picture(self, path: str, *, small: bool) -> Answer:
        try:
            file, row, number = map(int, path.split("/"))
            if not 0 <= file < len(self.corpus.files) or row < 0 or number < 0:
                raise ValueError
        except ValueError:
            raise Missing("there is no such picture") from None
        place = Place(file, row)
        names = self._rows.picture_names(place)
        data = self._pictures.of(place, number, names[number]) if number < len(names) else None
        if data and small:
            data = smaller(data, THUMB)
        kind = kind_of(data) if data else None
        if data is None or kind is None:
            raise Missing("the corpus holds no such picture, or it is neither a JPEG nor a PNG")
        return Answer(data, kind)


def _text(query: Query, name: str) -> str:
    return "".join(query.get(name, ())[:1])


def _number(query: Query, name: str, default: int) -> int:
    text = _text(query, name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise CallError(f"{name} is not a whole number")
    return int(text)
