"""Texts of a row, taken apart into words and boxes, so that boxes can be written in other ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chexinstruct.export.marks import broken_up
from chexinstruct.regions import box_dialect, format_boxes
from chexinstruct.schema import Box, RegionRow


class Refused(Exception):
    """A row that cannot be exported; ``reason`` is what is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """A box that stands in a text."""

    box: Box
    """Exact, in 0..1 of the picture."""
    picture: int
    """Index into the row's pictures."""
    name: str | None
    """What is written beside the box."""


Boxes = tuple[Place, ...]
"""Boxes that stand side by side."""

Text = tuple[str | Boxes, ...]
"""Words and boxes as they follow one another."""


def taken_apart(text: str, regions: Sequence[RegionRow], dialect: str, *, named: bool) -> Text:
    """Words and boxes of a text of the corpus; marks in the words are broken up.

    Each box of the text must be, to the letter, what the dialect makes of one of the regions, and
    each region must stand in the text once. Nothing is matched by likeness.

    Args:
        text: instruction or response.
        regions: those of its role.
        dialect: the manifest's.
        named: whether names may stand before boxes.

    Raises:
        Refused: boxes and regions differ, or a part of a box is left among the words.
    """
    form = box_dialect(dialect)
    spans = list(form.pattern.finditer(text))
    if len(spans) != len(regions):
        raise Refused("boxes_differ_from_regions")
    waiting = sorted(regions, key=_box)
    parts: list[str | Boxes] = []
    run: list[Place] = []
    end = 0
    for span in spans:
        before = text[end : span.start()]
        region, name = _match(span.group(), before, waiting, dialect, named)
        waiting.remove(region)
        if name is not None:
            before = before.removesuffix(form.label.format(name))
        if run and before != form.separator:
            parts.append(tuple(run))
            run = []
        if not run:
            parts.append(before)
        run.append(Place(_box(region), region.image, name and broken_up(name)))
        end = span.end()
    if run:
        parts.append(tuple(run))
    parts.append(text[end:])
    words = [part for part in parts if isinstance(part, str)]
    if spans and any(mark in part for mark in _tags(dialect) for part in words):
        raise Refused("boxes_differ_from_regions")
    return tuple(broken_up(part) if isinstance(part, str) else part for part in parts if part)


def _match(
    written: str, before: str, waiting: Sequence[RegionRow], dialect: str, named: bool
) -> tuple[RegionRow, str | None]:
    """The region that a box of the text is, and the name that stands before it."""
    label = box_dialect(dialect).label
    same = [region for region in waiting if format_boxes([_box(region)], dialect) == written]
    if not same:
        raise Refused("boxes_differ_from_regions")
    for region in same if named else ():
        for name in (region.phrase, region.label):
            if name and before.endswith(label.format(name)):
                return region, name
    return same[0], None


def _box(region: RegionRow) -> Box:
    return region.x1, region.y1, region.x2, region.y2


def _tags(dialect: str) -> list[str]:
    """What of a named box is neither number nor name, where the dialect has marks of its own."""
    form = box_dialect(dialect)
    pieces = (*form.label.split("{}"), *form.box.split("({},{}),({},{})"))
    return [piece for piece in pieces if piece.startswith("<|")]


def written(text: Text, boxes: Callable[[Boxes], str]) -> str:
    """The text in one piece, boxes as ``boxes`` writes them."""
    return "".join(part if isinstance(part, str) else boxes(part) for part in text)


def places(text: Text) -> list[Place]:
    """The boxes of a text in their order."""
    return [place for part in text if not isinstance(part, str) for place in part]
