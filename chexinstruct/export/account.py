"""What an export says of itself: its manifest, its terms, and how to train on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path

import msgspec

from chexinstruct.export.formats import Format
from chexinstruct.markdown import table
from chexinstruct.source import Source

MANIFEST = "export.json"
"""Its file in the export."""


class ExportedFile(msgspec.Struct, kw_only=True, frozen=True):
    """A data file of an export."""

    name: str
    """Path inside the export."""
    rows: int
    size: int
    sha256: str


class Export(msgspec.Struct, kw_only=True, frozen=True):
    """What was exported, and what was not."""

    format: str
    chexinstruct: str
    """Version that exported."""
    corpus: str
    """Name and version of its manifest."""
    lock: str
    """SHA-256 of the corpus' lock."""
    tasks: list[str]
    """As asked for; empty: all. So for sources and splits."""
    sources: list[str]
    splits: list[str]
    text_only: bool
    boxes: str
    """Dialect of the boxes in the texts; ``objects`` where they stand beside the texts."""
    resize_like: list[int] | None
    """``min_pixels`` and ``max_pixels`` that pixels of boxes follow, where they do."""
    read: int
    """Rows of the corpus; those written and those refused."""
    rows: dict[str, int]
    """Written, by split."""
    refused: dict[str, int]
    """By reason."""
    pictures: int
    """Files of pictures beside the data; 0 where they lie in the data files."""
    files: list[ExportedFile]


def licenses(used: Mapping[str, Counter[tuple[str, str]]], sources: Mapping[str, Source]) -> str:
    """The terms of the exported rows as a page.

    Args:
        used: source -> rows by (licence class, redistribution), as the rows say.
        sources: the registry.
    """
    rows: list[list[object]] = []
    for key in sorted(used):
        card = sources[key].card if key in sources else None
        for (access, redistribution), count in sorted(used[key].items()):
            told = [card.license_name, card.terms, card.home] if card else ["", "", ""]
            rows.append([key, count, access, redistribution, *told])
    head = ["source", "rows", "access", "redistribution", "licence", "terms", "home"]
    return (
        "# Terms of the exported rows\n\n"
        "An export is a copy of parts of these releases and stands under their terms; the "
        "strictest of them holds for the whole. `redistribution: no` or `unknown`: do not pass "
        "it on.\n\n" + table(head, rows)
    )


def readme(export: Export, format: Format) -> str:
    """How to train on an export."""
    rows = ", ".join(f"{split} {count:,}" for split, count in export.rows.items()) or "none"
    refused = "; ".join(f"{reason} {count:,}" for reason, count in export.refused.items()) or "none"
    return (
        f"# {export.corpus} for {format.name}\n\n"
        f"{format.what}. Rows: {rows}. Refused: {refused}. Boxes: {export.boxes}.\n\n"
        f"{_guide(format, export)}\n\n"
        "Terms: see LICENSES.md. What was exported, with digests: export.json.\n"
    )


def _guide(format: Format, export: Export) -> str:
    """Without the lines for a split that has no rows: commands would look for its files."""
    lines = format.guide.splitlines()
    return "\n".join(x for x in lines if "validation" in export.rows or "validation" not in x)


def measured(folder: Path, name: str, rows: int) -> ExportedFile:
    """A data file as it stands."""
    path = folder / name
    with path.open("rb") as content:
        sha256 = file_digest(content, "sha256").hexdigest()
    return ExportedFile(name=name, rows=rows, size=path.stat().st_size, sha256=sha256)
