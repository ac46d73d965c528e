"""Text of a row in pieces: where boxes stand in it, and which regions they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import msgspec

from chexinstruct.regions import BOX_DIALECTS, format_boxes
from chexinstruct.schema import RegionRow


class Piece(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A stretch of a text."""

    text: str
    box: bool = False
    """Whether it is a box with what names it."""
    regions: list[int] = []
    """Numbers of the row's regions that the box is the text of; none: it is of none."""


def pieces(text: str, regions: Sequence[RegionRow], dialect: str) -> list[Piece]:
    """A text cut at its boxes; together the pieces are the text.

    Args:
        text: instruction, response or an earlier turn.
        regions: of the row, of either role.
        dialect: that the text was written in, a name of ``BOX_DIALECTS``; another cuts nothing.
    """
    if dialect not in BOX_DIALECTS:
        return [Piece(text=text)] if text else []
    form = BOX_DIALECTS[dialect]
    written: dict[tuple[float, ...], list[int]] = {}
    for number, region in enumerate(regions):
        box = format_boxes([(region.x1, region.y1, region.x2, region.y2)], dialect)
        written.setdefault(_numbers(form.pattern, box), []).append(number)
    cut, start = [], 0
    for found in _named(dialect).finditer(text):
        if found.start() > start:
            cut.append(Piece(text=text[start : found.start()]))
        box = found.group()
        cut.append(Piece(text=box, box=True, regions=written.get(_numbers(form.pattern, box), [])))
        start = found.end()
    if start < len(text):
        cut.append(Piece(text=text[start:]))
    return cut


def _numbers(pattern: re.Pattern[str], box: str) -> tuple[float, ...]:
    found = pattern.search(box)
    return tuple(map(float, found.groups())) if found else ()


@cache
def _named(dialect: str) -> re.Pattern[str]:
    """Finds boxes, with the name before them where marks show where it begins."""
    form = BOX_DIALECTS[dialect]
    before, _, after = form.label.partition("{}")
    name = f"(?:{re.escape(before)}[^<]{{0,300}}{re.escape(after)})?" if before else ""
    return re.compile(name + form.pattern.pattern)
