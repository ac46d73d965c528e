"""Boxes as a model that is trained reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chexinstruct.errors import CallError
from chexinstruct.export.pictures import Picture
from chexinstruct.export.texts import Boxes, Place, Refused
from chexinstruct.regions import (
    QWEN_PIXELS,
    box_dialect,
    format_boxes,
    is_degenerate,
    parse_boxes,
    resized_like_qwen,
)
from chexinstruct.schema import Frame


@dataclass(frozen=True)
class BoxWriter:
    """Writes the boxes of exports in one dialect.

    Args:
        dialect: a name of :data:`chexinstruct.regions.EXPORT_DIALECTS`.
        limits: ``min_pixels`` and ``max_pixels`` of the processor, where numbers are pixels.
    """

    dialect: str
    limits: tuple[int, int] = QWEN_PIXELS

    def write(self, boxes: Boxes, pictures: Sequence[Picture]) -> str:
        """Boxes side by side.

        Raises:
            Refused: a box has no width or no height in the numbers of the dialect.
        """
        return box_dialect(self.dialect).separator.join(
            self._written(place, pictures[place.picture]) for place in boxes
        )

    def _written(self, place: Place, picture: Picture) -> str:
        size = self.size(picture)
        if is_degenerate(place.box, self.dialect, size):
            raise Refused("box_too_small")
        return format_boxes([place.box], self.dialect, place.name, size)

    def size(self, picture: Picture) -> Frame | None:
        """(width, height) that the numbers refer to; None where they are parts of the picture."""
        match box_dialect(self.dialect).canvas:
            case "picture":
                return None
            case "pixels":
                return resized_like_qwen(picture.size, self.limits)
            case "square":
                return picture.size

    def reads_back(self, text: str, places: Sequence[Place], pictures: Sequence[Picture]) -> bool:
        """Whether these boxes, and no others, can be read in a text, each within a grid step."""
        form = box_dialect(self.dialect)
        spans = [found.group() for found in form.pattern.finditer(text)]
        if len(spans) != len(places):
            return False
        for span, place in zip(spans, places, strict=True):
            size = self.size(pictures[place.picture])
            (box,) = parse_boxes(span, self.dialect, size)
            # Both sides on the canvas, where a step is one in the scale.
            there, here = form.onto(box, size), form.onto(place.box, size)
            if any(abs(a - b) * form.scale > 1.001 for a, b in zip(there, here, strict=True)):
                return False
        return True

    def without_boxes(self, text: str) -> str:
        """The text without its boxes and the marks around their names."""
        form = box_dialect(self.dialect)
        bare = form.pattern.sub("", text)
        for tag in form.label.split("{}"):
            bare = bare.replace(tag, "") if tag.strip() else bare
        return bare


def limits_of(text: str) -> tuple[int, int]:
    """The limits of ``--resize-like``, e.g. ``3136:12845056``.

    Raises:
        CallError: not two whole numbers, the smaller one first.
    """
    try:
        least, most = map(int, text.split(":"))
    except ValueError:
        least = most = 0
    if not 0 < least <= most:
        raise CallError(
            f"--resize-like {text}: write min_pixels:max_pixels of the trainer, e.g. 3136:12845056"
        )
    return least, most
