"""A sample of a corpus as one HTML file that needs no server and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from chexinstruct.corpus import Corpus, open_corpus
from chexinstruct.draw import Draw, key
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import Example
from chexinstruct.view.details import Detail, detail
from chexinstruct.view.engine import Engine
from chexinstruct.view.matches import Place
from chexinstruct.view.pictures import Pictures, kind_of, smaller
from chexinstruct.view.rows import Rows
from chexinstruct.view.server import page_file

MAX_BYTES = 20_000_000
"""Of the file, at most."""
SIDE = 512
"""Pixels of the longer side of a picture, at most."""

_SCRIPTS = ("dom.js", "example.js", "sample.js")


class Sampled(msgspec.Struct, kw_only=True, frozen=True):
    """What a sample page holds."""

    rows: int
    pictures: int
    """Distinct ones."""
    left_out: int
    """Drawn rows that would have made the file too large."""
    bytes: int
    licenses: dict[str, int]
    """Licence class -> rows."""


class _Shown(msgspec.Struct, kw_only=True, frozen=True):
    """A row of the page."""

    detail: Detail
    pictures: list[str | None]
    """Names of its pictures among all of the page; None: the corpus does not hold it."""


def write_sample(
    path: str | Path,
    out: str | Path,
    *,
    n: int = 2,
    seed: int = 0,
    tasks: Sequence[str] = (),
    sources: Sequence[str] = (),
    splits: Sequence[str] = (),
    max_bytes: int = MAX_BYTES,
) -> Sampled:
    """Write some rows of each task and source, with pictures and regions, as one HTML file.

    The file is readable by its owner alone. It holds text and pictures of the corpus, so it may go
    where they may. The same corpus, seed and library versions give the same bytes.

    Args:
        path: the corpus.
        out: the file; one that is there is replaced.
        n: rows of each task and source; fewer where there are not so many.
        seed: of the draw.
        tasks: keys; none: all. So for ``sources`` and ``splits``.
        max_bytes: of the file. Of each task and source the first row comes before any second one,
            and when the file is full the rest is left out and counted.

    Raises:
        CallError: an unknown name, or ``n`` is less than 1, or nothing fits into the file.
        ChexinstructError: there is no corpus, a file cannot be read, or ``out`` cannot be written.
    """
    if n < 1:
        raise CallError(f"cannot show {n} rows; ask for at least one")
    corpus = open_corpus(path)
    files = corpus.select(tasks=tasks, sources=sources, splits=splits)
    chosen = {file.name for file in files}
    places = _drawn(corpus, chosen, n, seed)
    page = _Page(corpus, max_bytes)
    engine = Engine()
    rows, pictures = Rows(corpus, engine), Pictures(corpus)
    try:
        for place in places:
            example = rows.example(place)
            named = enumerate(example.image_ids)
            page.add(place, example, [_fitting(pictures.of(place, k, name)) for k, name in named])
    finally:
        engine.close()
    if not page.shown:
        raise CallError(f"no row fits into {max_bytes:,} bytes; allow for more")
    text = page.html()
    target = Path(out)
    try:
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(text)
    except OSError as error:
        raise ChexinstructError(f"{target}: cannot be written: {error.strerror}") from None
    return Sampled(
        rows=len(page.shown),
        pictures=len(page.pictures),
        left_out=page.left_out,
        bytes=len(text),
        licenses=page.licenses(),
    )


def _drawn(corpus: Corpus, chosen: set[str], n: int, seed: int) -> Iterator[Place]:
    """Places by chance: the first of each task and source, then the second of each, and so on."""
    pairs: dict[tuple[str, str], list[int]] = {}
    for number, file in enumerate(corpus.files):
        if file.name in chosen:
            pairs.setdefault((file.task, file.source), []).append(number)
    drawn: dict[tuple[str, str], list[Place]] = {}
    for pair, numbers in pairs.items():
        held = [(number, corpus.files[number].shard.rows) for number in numbers]
        total = sum(rows for _, rows in held)
        wanted: dict[int, None] = {}
        draw = Draw(key("sample", seed, *pair))
        while len(wanted) < min(n, total):
            wanted[draw.below(total)] = None
        drawn[pair] = [_place(held, number) for number in wanted]
    for turn in range(n):
        for places in drawn.values():
            yield from places[turn : turn + 1]


def _place(held: Sequence[tuple[int, int]], number: int) -> Place:
    for file, rows in held:
        if number < rows:
            return Place(file, number)
        number -= rows
    raise IndexError(number)


def _fitting(data: bytes | None) -> bytes | None:
    """A picture no larger than it is shown; None: there is none that a browser shows."""
    if data is None or kind_of(data) is None:
        return None
    small = smaller(data, SIDE, quality=85)
    return data if small is None or len(small) >= len(data) else small


class _Page:
    """Takes rows until the file is full."""

    def __init__(self, corpus: Corpus, max_bytes: int) -> None:
        self.shown: list[_Shown] = []
        self.order: list[tuple[Place, int]] = []
        self.pictures: dict[str, str] = {}
        """Digest -> data URI; a picture that several rows show is there once."""
        self.left_out = 0
        self._corpus = corpus
        self._room = max_bytes - len(self.html())

    def add(self, place: Place, example: Example, pictures: Sequence[bytes | None]) -> None:
        file = self._corpus.files[place.file]
        dialect = self._corpus.lock.manifest["box_dialect"]
        names = [None if data is None else hashlib.sha256(data).hexdigest() for data in pictures]
        fresh = {
            name: f"data:{kind_of(data)};base64,{base64.b64encode(data).decode()}"
            for name, data in zip(names, pictures, strict=True)
            if name and data and name not in self.pictures
        }
        row = _Shown(detail=detail(file, example, dialect), pictures=names)
        size = len(_json(row)) + len(_json(fresh)) + 2
        if size > self._room:
            self.left_out += 1
            return
        self._room -= size
        self.pictures |= fresh
        self.order.append((place, len(self.shown)))
        self.shown.append(row)

    def licenses(self) -> dict[str, int]:
        return dict(sorted(Counter(item.detail.row.license for item in self.shown).items()))

    def html(self) -> bytes:
        """The whole file, its rows in the order of the corpus."""
        manifest = self._corpus.lock.manifest
        told = {
            "name": manifest["name"],
            "version": manifest["version"],
            "left_out": self.left_out,
            "licenses": self.licenses(),
            "redistribution": sorted({item.detail.row.redistribution for item in self.shown}),
            "rows": [self.shown[number] for _, number in sorted(self.order)],
            "pictures": self.pictures,
        }
        style = page_file("style.css").decode()
        script = "\n".join(page_file(name).decode() for name in _SCRIPTS)
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
            f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
        )
        page = page_file("sample.html").decode()
        parts = {
            "policy": html.escape(policy),
            "title": html.escape(f"{told['name']} {told['version']}"),
            "style": style,
            "script": script,
            "data": _json(told).decode(),
        }
        # In one go, so that what the parts hold is not looked into.
        return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], page).encode()


def _digest(text: str) -> str:
    """The name of an inline script or style in a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: object) -> bytes:
    """JSON that can stand in a script element: no text of it can end the element."""
    text = msgspec.json.encode(value, order="deterministic")
    return text.replace(b"<", b"\\u003c").replace(b"\xe2\x80\xa8", b"\\u2028")
