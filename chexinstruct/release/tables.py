"""Delimited tables, row by row and bounded."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from operator import itemgetter
from typing import BinaryIO, cast

from chexinstruct.errors import ReleaseError
from chexinstruct.release.store import Store

Columns = Mapping[str, Sequence[str]]
"""Our name of a column -> its name in the file (a str), or the spellings that are accepted."""

_SHOWN = 40
"""Characters up to which a column is named in an error: longer ones may be text of a row."""
_ESCAPED = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of undecodable bytes


class Row(dict[str, str]):
    """The cells of a row by our names of the columns, as released save for outer white space."""

    __slots__ = ("line",)
    line: int
    """Line of the file on which the row begins, from 1 with the header."""


class _Reader:
    """A csv reader that is told of bytes it cannot hold and of files that end too early."""

    def __init__(self, store: Store, text: io.TextIOWrapper, path: str, delimiter: str) -> None:
        self._store, self._text, self._path = store, text, path
        self.csv = csv.reader(self._lines(), delimiter=delimiter)
        self.length = 0
        """Characters of the row being read; to be set back after each row."""
        self.problem: tuple[str, str] | None = None
        """Reason and detail why the last row cannot be used; to be set back after each row."""

    def _lines(self) -> Iterator[str]:
        limit, readline = self._store.limits.line, self._text.readline
        while line := readline(limit + 1):
            self.length += len(line)
            if self.length > limit:
                raise self.endless(limit)
            if not line.isascii() and _ESCAPED.search(line):
                self.problem = ("undecodable", f"not {self._text.encoding}")
            yield line
        # Only a row that waits for its closing quotation mark asks for lines beyond the last.
        self.problem = ("unclosed_quote", "the file ends inside a quoted field")

    def endless(self, limit: int) -> ReleaseError:
        return self._store.error(
            f"a field or row of more than {limit:,} characters",
            self._path,
            row=self.csv.line_num,
            fix="look for a quotation mark above it that is opened and not closed",
        )

    def header(self) -> list[str]:
        """The first row that is not blank, stripped."""
        for cells in self.csv:
            if self.problem:
                raise self._store.error(f"the header is {self.problem[1]}", self._path, row=1)
            if cells:
                self.length = 0
                return [cell.strip() for cell in cells]
        raise self._store.error(
            "empty, where a header was expected", self._path, fix="download it again"
        )


@contextmanager
def _opened(
    store: Store, path: str, delimiter: str | None, encoding: str, content: bytes | None = None
) -> Iterator[_Reader]:
    if delimiter is None:
        delimiter = "\t" if path.removesuffix(".gz").endswith((".tsv", ".tab")) else ","
    given = nullcontext(cast(BinaryIO, io.BytesIO(content or b"")))
    with store.open_unpacked(path) if content is None else given as stream:
        text = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
        reader = _Reader(store, text, path, delimiter)
        try:
            yield reader
        except csv.Error:
            raise reader.endless(csv.field_size_limit()) from None


def header(store: Store, path: str, delimiter: str | None, encoding: str) -> list[str]:
    """See :meth:`chexinstruct.release.Release.header`."""
    with _opened(store, path, delimiter, encoding) as reader:
        return reader.header()


def table(
    store: Store,
    path: str,
    columns: Columns | None,
    optional: Columns,
    delimiter: str | None,
    encoding: str,
    content: bytes | None = None,
) -> Iterator[Row]:
    """See :meth:`chexinstruct.release.Release.table`."""
    with _opened(store, path, delimiter, encoding, content) as reader:
        names = reader.header()
        if columns is None:
            columns, optional = {name: name for name in names if name}, {}
        places = _places(store, path, names, columns, optional)
        pick, width = _picker(list(places.values())), len(names)
        named = [place for place, name in enumerate(names) if name]
        least = 1 + max([*named, *places.values()], default=-1)
        blanks = {name: "" for name in optional if name not in places}
        last = reader.csv.line_num
        for cells in reader.csv:
            line, last = last + 1, reader.csv.line_num
            reader.length = 0
            if reader.problem:
                store.log.add(path, line, *reader.problem)
                reader.problem = None
                continue
            if len(cells) != width:
                if not cells:
                    continue
                if len(cells) < least or any(map(str.strip, cells[width:])):
                    detail = f"{len(cells)} fields, expected {width}"
                    if last > line:  # a stray quotation mark swallows rows
                        detail += f", down to line {last}"
                    store.log.add(path, line, "wrong_field_count", detail)
                    continue
            row = Row(zip(places, map(str.strip, pick(cells))))  # noqa: B905  a tenth slower
            if blanks:
                row.update(blanks)
            row.line = line
            yield row


def _picker(places: list[int]) -> Callable[[list[str]], Iterable[str]]:
    """What takes the cells at those places out of a row, fast."""
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places) if places else lambda _: ()


def _places(
    store: Store, path: str, names: list[str], columns: Columns, optional: Columns
) -> dict[str, int]:
    """Where each of our columns stands in the file; absent optional ones are left out."""
    places: dict[str, int] = {}
    missing: list[str] = []
    for ours, accepted in [*columns.items(), *optional.items()]:
        spellings = (accepted,) if isinstance(accepted, str) else accepted
        spelling = next((one for one in spellings if one in names), None)
        if spelling is None:
            if ours in columns:
                missing.append(" or ".join(map(repr, spellings)))
        elif names.count(spelling) > 1:
            raise store.error(f"several columns are called {spelling!r}", path, row=1)
        else:
            places[ours] = names.index(spelling)
    if missing:
        shown = ", ".join(name if len(name) <= _SHOWN else "..." for name in names[:30])
        raise store.error(
            f"no column {', no column '.join(missing)}; its columns are: {shown}",
            path,
            row=1,
            fix=_hint(names),
        )
    return places


def _hint(names: list[str]) -> str:
    if names[0].startswith("<"):
        return "this looks like a web page: sign in and download the file again"
    if names[0].startswith("version https://git-lfs"):
        return "this is a Git LFS pointer: run `git lfs pull`"
    return "take the file of the release that the source's card names"
