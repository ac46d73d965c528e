"""Boxes as text, and boxes found in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from chexinstruct.errors import CallError
from chexinstruct.schema import Box, Frame


@dataclass(frozen=True)
class BoxDialect:
    """How boxes are written for a model."""

    grid: Callable[[float], float]
    """From 0..1 to the number that stands in the text."""
    scale: float
    """The number in the text that means 1."""
    box: str
    """Format of the four numbers of a box."""
    label: str
    """What stands before a box that is named."""
    separator: str
    """Between boxes."""
    pattern: re.Pattern[str]
    """Finds the four numbers of each box."""
    after: str = ""
    """What stands after a box that is named."""
    y_first: bool = False
    """Whether y stands before x in each corner."""
    canvas: Literal["picture", "pixels", "square"] = "picture"
    """What the numbers are parts of: the picture; its pixels; the picture in the middle of the
    smallest square around it. The last two need the size of the picture."""

    def onto(self, box: Box, size: Frame | None) -> Box:
        """A box (0..1 of the picture) in 0..1, or pixels, of the canvas, corners in the order of
        the text.

        Raises:
            CallError: the canvas needs the size of the picture.
        """
        (width, height), (left, top) = self._extent(size)
        x1, y1, x2, y2 = (
            (value + start) * side
            for value, start, side in zip(box, (left, top) * 2, (width, height) * 2, strict=True)
        )
        return (y1, x1, y2, x2) if self.y_first else (x1, y1, x2, y2)

    def off(self, box: Box, size: Frame | None) -> Box:
        """The way back from :meth:`onto`.

        Raises:
            CallError: the canvas needs the size of the picture.
        """
        (width, height), (left, top) = self._extent(size)
        x1, y1, x2, y2 = (box[1], box[0], box[3], box[2]) if self.y_first else box
        return (x1 / width - left, y1 / height - top, x2 / width - left, y2 / height - top)

    def _extent(self, size: Frame | None) -> tuple[tuple[float, float], tuple[float, float]]:
        """Sides of the picture on the canvas, and what lies before it, in parts of those sides."""
        if self.canvas == "picture":
            return (1, 1), (0, 0)
        if size is None:
            raise CallError("this box dialect needs the size of the picture")
        if self.canvas == "pixels":
            return size, (0, 0)
        side = max(size)
        # LLaVA pads by whole pixels, the odd one on the right or at the bottom.
        margins = [(side - extent) // 2 / extent for extent in size]
        return (size[0] / side, size[1] / side), (margins[0], margins[1])


def _chexagent2_grid(value: float) -> int:
    """0..100 by the cut, the cap and the rounding of the original CheXinstruct code.

    The multiplication is left to binary floats on purpose: where 1000 times a value falls just
    short of a whole number, the original fell short too.
    """
    return round(min(int(1000 * value), 999) / 10)


_BRACKETS = r"\[\s*{0}\s*,\s*{0}\s*,\s*{0}\s*,\s*{0}\s*\]"

BOX_DIALECTS: dict[str, BoxDialect] = {
    # CheXagent-2: its data writer rounds to 0..100, its reader divides by 100.
    "chexagent2": BoxDialect(
        grid=_chexagent2_grid,
        scale=100,
        box="<|box|>({},{}),({},{})<|/box|>",
        label="<|ref|>{}<|/ref|>",
        separator="",
        pattern=re.compile(
            r"<\|box\|>\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*,\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*<\|/box\|>"
        ),
    ),
    # RadVLM: hundredths of the picture.
    "unit": BoxDialect(
        grid=lambda value: round(value, 2),
        scale=1,
        box="[{:.2f}, {:.2f}, {:.2f}, {:.2f}]",
        label="{} ",
        separator=", ",
        pattern=re.compile(_BRACKETS.format(r"(\d*\.?\d+)")),
    ),
    # Qwen2-VL and Qwen3-VL: thousandths of the picture.
    "qwen": BoxDialect(
        grid=lambda value: round(1000 * value),
        scale=1000,
        box="[{}, {}, {}, {}]",
        label="{} ",
        separator=", ",
        pattern=re.compile(_BRACKETS.format(r"(\d+)")),
    ),
}
"""The dialects that a manifest may name."""

EXPORT_DIALECTS: dict[str, BoxDialect] = {
    **BOX_DIALECTS,
    # LLaVA 1.5 sees the picture padded to a square, and its own box data count from that square.
    "square": replace(BOX_DIALECTS["unit"], canvas="square"),
    # Qwen2.5-VL: pixels of the picture as its processor has resized it.
    "qwen2.5-vl": replace(BOX_DIALECTS["qwen"], grid=round, scale=1, canvas="pixels"),
    # PaliGemma: number of the bin among 1024, y before x, the name after the box.
    "paligemma": BoxDialect(
        grid=lambda value: min(int(1024 * value), 1023),
        scale=1024,
        box="<loc{:04d}><loc{:04d}><loc{:04d}><loc{:04d}>",
        label="",
        separator=" ; ",
        pattern=re.compile(r"<loc(\d{4})>\s*<loc(\d{4})>\s*<loc(\d{4})>\s*<loc(\d{4})>"),
        after=" {}",
        y_first=True,
    ),
}
"""The dialects that exports may be written in."""


def box_dialect(name: str) -> BoxDialect:
    """The dialect of a name.

    Raises:
        CallError: there is none; those there are are listed.
    """
    try:
        return EXPORT_DIALECTS[name]
    except KeyError:
        raise CallError(
            f"unknown box dialect {name!r}; there are {', '.join(EXPORT_DIALECTS)}"
        ) from None


def format_boxes(
    boxes: Iterable[Box], dialect: str, label: str | None = None, size: Frame | None = None
) -> str:
    """Boxes (0..1) as text, in the order of their top left corners (x1, then y1).

    Args:
        boxes: in 0..1 of the picture; none gives an empty text.
        dialect: a name of :data:`EXPORT_DIALECTS`.
        label: written beside each box.
        size: (width, height) of the picture in pixels, for dialects that need it.

    Raises:
        CallError: the dialect is unknown, or needs the size.
    """
    form = box_dialect(dialect)
    before, after = ("", "") if label is None else (form.label, form.after)
    return form.separator.join(
        before.format(label)
        + form.box.format(*map(form.grid, form.onto(box, size)))
        + after.format(label)
        for box in sorted(boxes)
    )


def parse_boxes(text: str, dialect: str, size: Frame | None = None) -> list[Box]:
    """The boxes (0..1) of a text, in the order they stand in, whatever stands around them.

    The text may come from a model: numbers past the scale and boxes turned inside out are given
    back as they stand.

    Raises:
        CallError: the dialect is unknown, or needs the size of the picture.
    """
    form = box_dialect(dialect)
    found = (tuple(float(n) / form.scale for n in m.groups()) for m in form.pattern.finditer(text))
    return [form.off((a, b, c, d), size) for a, b, c, d in found]


def is_degenerate(box: Box, dialect: str, size: Frame | None = None) -> bool:
    """True when a box (0..1) is so small that its text has no width or no height.

    Raises:
        CallError: the dialect is unknown, or needs the size of the picture.
    """
    form = box_dialect(dialect)
    a1, b1, a2, b2 = map(form.grid, form.onto(box, size))
    return a1 >= a2 or b1 >= b2
