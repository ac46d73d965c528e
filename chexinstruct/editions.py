"""How much of a published release a copy holds, and of which edition: by rows and files alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal

import msgspec
from msgspec import Raw

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.source import Edition

Status = Literal["complete", "partial", "different version", "unknown"]
"""``different version``: a table of another length than in any edition. ``unknown``: the card
has no edition, or nothing is there that one counts."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of an edition, and what the copy holds of it."""

    what: Literal["rows", "files"]
    pattern: str
    published: int
    found: int | None
    """None: no file matches."""

    @property
    def met(self) -> bool:
        """Whether all of it is there; files beyond it (copies, unlabelled pictures) do no harm."""
        if self.found is None:
            return False
        return self.found == self.published or (
            self.what == "files" and self.found > self.published
        )

    @property
    def told(self) -> str:
        """For people, e.g. ``train.csv: 9 of 223,414 rows``."""
        if self.found is None:
            return f"{self.pattern}: none of {self.published:,} {self.what}"
        share = ""
        if self.found < self.published:
            share = f" ({max(self.found / self.published, 0.001):.1%})"
        return f"{self.pattern}: {self.found:,} of {self.published:,} {self.what}{share}"


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """A copy held against the editions of its card."""

    status: Status
    edition: str | None
    """The edition that it is, or is nearest to."""
    counted: list[Counted]
    """All figures of that edition."""

    @property
    def differing(self) -> list[Counted]:
        """The figures that are not as published."""
        return [item for item in self.counted if not item.met]


def completeness(release: Release, editions: Sequence[Edition]) -> Completeness:
    """Hold a copy against the published editions; reads the tables that they count, no picture."""
    tables: dict[str, int | None] = {}
    held = [_hold(release, edition, tables) for edition in editions]
    if not any(c.found for counted in held for c in counted):
        return Completeness(status="unknown", edition=None, counted=[])
    nearest = max(range(len(held)), key=lambda i: (*_nearness(held[i]), -i))
    counted = held[nearest]
    return Completeness(status=_status(counted), edition=editions[nearest].name, counted=counted)


def _hold(release: Release, edition: Edition, tables: dict[str, int | None]) -> list[Counted]:
    counted = []
    for pattern, published in edition.rows.items():
        if pattern not in tables:
            path = release.find(pattern, required=False)
            tables[pattern] = _rows(release, path) if path else None
        counted.append(
            Counted(what="rows", pattern=pattern, published=published, found=tables[pattern])
        )
    for pattern, published in edition.files.items():
        found = {
            path.rpartition(".")[0] or path  # a picture and its copy in another format are one
            for one in pattern.split("|")
            for path in release.find_all(one)
        }
        counted.append(
            Counted(what="files", pattern=pattern, published=published, found=len(found) or None)
        )
    return counted


def _rows(release: Release, path: str) -> int:
    """Rows of a table without its header, lines of a text, entries of a JSON file; of one in the
    form of SQuAD its questions, counted once a passage."""
    name = path.removesuffix(".gz")
    if name.endswith((".txt", ".jsonl")):
        return sum(1 for _ in release.lines(path, encoding="latin-1"))
    if name.endswith(".json"):
        # Undecoded: there may be hundreds of thousands.
        entries: Any = list[Raw] | dict[str, Raw]
        try:
            content = release.json(path, entries)
        except ReleaseError:
            if not _json_lines(release, path):
                raise
            return sum(1 for _ in release.lines(path, encoding="latin-1"))
        return _questions(content) if isinstance(content, dict) else len(content)
    return sum(1 for _ in release.table(path, {}))


def _json_lines(release: Release, path: str) -> bool:
    """Whether a ``.json`` file holds an object a line, as MIMIC-NLE's do."""
    first = [text for _, text in islice(release.lines(path, encoding="latin-1"), 2)]
    return len(first) == 2 and all(text[0] == "{" and text[-1] == "}" for text in first)


class _Passage(msgspec.Struct):
    qas: list[Raw]


class _Document(msgspec.Struct):
    paragraphs: list[_Passage]


def _questions(content: dict[str, Raw]) -> int:
    """Questions of a file in the form of SQuAD, else the entries of the object."""
    try:
        documents = msgspec.json.decode(content["data"], type=list[_Document])
    except (KeyError, msgspec.ValidationError):
        return len(content)
    return sum(len(passage.qas) for document in documents for passage in document.paragraphs)


def _nearness(counted: Sequence[Counted]) -> tuple[int, float]:
    """Figures met, then the share of all figures that is there."""
    shares = [min(item.found or 0, item.published) / item.published for item in counted]
    return sum(item.met for item in counted), sum(shares) / len(shares)


def _status(counted: Sequence[Counted]) -> Status:
    if all(item.met for item in counted):
        return "complete"
    # A table is shipped as a whole: another length is another table, or a broken download.
    if any(item.what == "rows" and item.found is not None and not item.met for item in counted):
        return "different version"
    return "partial"
