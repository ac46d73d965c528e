"""Boxes as text, and boxes found in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chexinstruct.errors import CallError
from chexinstruct.schema import Box


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


def _dialect(name: str) -> BoxDialect:
    try:
        return BOX_DIALECTS[name]
    except KeyError:
        raise CallError(
            f"unknown box dialect {name!r}; there are {', '.join(BOX_DIALECTS)}"
        ) from None


def format_boxes(boxes: Iterable[Box], dialect: str, label: str | None = None) -> str:
    """Boxes (0..1) as text, in the order of their top left corners (x1, then y1).

    Args:
        boxes: in 0..1 of the picture; none gives an empty text.
        dialect: a name of :data:`BOX_DIALECTS`.
        label: written before each box.

    Raises:
        CallError: the dialect is unknown.
    """
    form = _dialect(dialect)
    named = "" if label is None else form.label.format(label)
    return form.separator.join(
        named + form.box.format(*map(form.grid, box)) for box in sorted(boxes)
    )


def parse_boxes(text: str, dialect: str) -> list[Box]:
    """The boxes (0..1) of a text, in the order they stand in, whatever stands around them.

    The text may come from a model: numbers past the scale and boxes turned inside out are given
    back as they stand.

    Raises:
        CallError: the dialect is unknown.
    """
    form = _dialect(dialect)
    found = (tuple(float(n) / form.scale for n in m.groups()) for m in form.pattern.finditer(text))
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in found]


def is_degenerate(box: Box, dialect: str) -> bool:
    """True when a box (0..1) is so small that its text has no width or no height.

    Raises:
        CallError: the dialect is unknown.
    """
    x1, y1, x2, y2 = map(_dialect(dialect).grid, box)
    return x1 >= x2 or y1 >= y2
