"""How all plots look: one width, one font, few inks, and the same bytes for the same figures.

Sizes are in points. GitHub shows a README 830 pixels wide, which is :data:`WIDTH` at 96 pixels an
inch, so that text of 8 points is read as 11 pixels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 620.0
ROW = 13.0
"""Height of a row of a chart."""
TOP, BOTTOM = 46.0, 30.0
"""Room for title and legend, and for the axis."""

INK, MUTED, FAINT = "#222222", "#777777", "#d9d9d9"
BLUE, ORANGE, GREEN, SKY = "#0072b2", "#e69f00", "#009e73", "#9ecae9"
"""Of Okabe and Ito, told apart by colour-blind readers too (and a lighter blue)."""
SPLIT_COLOURS = (BLUE, ORANGE, GREEN)

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "chexinstruct",  # else ids in the file come from chance
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],  # the first sets widths
    "font.size": 8.0,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def styled() -> Iterator[None]:
    """Settings of all plots; those of the user do not matter."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def rows_figure(title: str, rows: int) -> Figure:
    """A white figure with room for so many rows."""
    height = TOP + ROW * max(rows, 1) + BOTTOM
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="white")
    figure.text(8 / WIDTH, 1 - 15 / height, title, fontsize=9.5, fontweight="bold")
    return figure


def rows_axes(figure: Figure, left: float, right: float, names: Sequence[str], rows: int) -> Axes:
    """Axes between two places (points from the left): a named row each, from the top.

    Args:
        figure: from :func:`rows_figure`.
        left: where the names end and the plot begins.
        right: where it ends.
        names: of the rows.
        rows: for how many the figure has room, so that panels side by side keep one pace.
    """
    height = figure.get_figheight() * 72
    bottom, top = BOTTOM / height, 1 - TOP / height
    axes = figure.add_axes((left / WIDTH, bottom, (right - left) / WIDTH, top - bottom))
    axes.set_ylim(max(rows, 1) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, pad=5)
    axes.tick_params(axis="x", length=2.5, width=0.6, color=MUTED, labelcolor=MUTED, labelsize=7.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def legend(figure: Figure, entries: Sequence[tuple[str, str, str]], left: float) -> None:
    """Marks and what they mean, in one line below the title: (mark, colour, meaning)."""
    height = figure.get_figheight() * 72
    at = left
    for mark, colour, meaning in entries:
        y = 1 - 30 / height
        figure.text(at / WIDTH, y, mark, color=colour, fontsize=8)
        figure.text((at + 11) / WIDTH, y, meaning, color=INK, fontsize=8)
        at += 11 + 4.7 * len(meaning) + 14


def svg(figure: Figure) -> bytes:
    """The figure as SVG that names no date and no version of the library."""
    written = io.BytesIO()
    named = {"Date": None, "Creator": "chexinstruct"}
    figure.savefig(written, format="svg", metadata=named)
    return written.getvalue()


def short(number: float) -> str:
    """A count in at most five characters: 950, 12.3k, 4.5M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return f"{number:.0f}"
