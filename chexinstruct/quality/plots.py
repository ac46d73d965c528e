"""Plots of a quality report, one function each. They show keys and findings, never a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from chexinstruct.quality import style
from chexinstruct.quality.report import TITLES, Quality
from chexinstruct.schema import SPLITS

LABELS = 215.0
"""Points for the names of tasks."""
SPLIT_LEGEND = [
    ("■", colour, split) for colour, split in zip(style.SPLIT_COLOURS, SPLITS, strict=True)
]


def draw(quality: Quality) -> dict[str, bytes]:
    """SVG of every plot that has something to show.

    The same report gives the same bytes under the same version of matplotlib.

    Returns:
        Name of the file -> its content, in the order in which they are read.
    """
    with style.styled():
        figures = {name: PLOTS[name](quality) for name in TITLES}
        return {
            f"{name}.svg": style.svg(figure)
            for name, figure in figures.items()
            if figure is not None
        }


def _rows(quality: Quality) -> Figure | None:
    tasks: dict[str, dict[str, int]] = {}
    sources: dict[str, dict[str, int]] = {}
    for count in quality.counts:
        for table, key in ((tasks, count.task), (sources, count.source)):
            own = table.setdefault(key, {})
            own[count.split] = own.get(count.split, 0) + count.rows
    if not tasks:
        return None
    rows = max(len(tasks), len(sources))
    figure = style.rows_figure(TITLES["rows"], rows)
    style.legend(figure, SPLIT_LEGEND, LABELS)
    _stacked(figure, LABELS, 370, tasks, rows)
    _stacked(figure, 490, 585, sources, rows)
    return figure


def _people(quality: Quality) -> Figure | None:
    sources: dict[str, dict[str, int]] = {}
    for item in quality.people:
        sources.setdefault(item.source, {})[item.split] = item.patients
    if not sources:
        return None
    figure = style.rows_figure(TITLES["people"], len(sources))
    style.legend(figure, SPLIT_LEGEND, 110)
    _stacked(figure, 110, 580, sources, len(sources))
    return figure


def _stacked(
    figure: Figure, left: float, right: float, table: Mapping[str, Mapping[str, int]], rows: int
) -> None:
    """Bars by split with their sums, the longest on top of so many rows."""
    order = sorted(table, key=lambda name: (-sum(table[name].values()), name))
    axes = style.rows_axes(figure, left, right, order, rows)
    start = [0] * len(order)
    for split, colour in zip(SPLITS, style.SPLIT_COLOURS, strict=True):
        widths = [table[name].get(split, 0) for name in order]
        axes.barh(range(len(order)), widths, left=start, height=0.68, color=colour, linewidth=0)
        start = [a + b for a, b in zip(start, widths, strict=True)]
    for place, total in enumerate(start):
        axes.annotate(
            style.short(total), (total, place), (3, 0), textcoords="offset points",
            va="center", fontsize=7.5, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(0, max(start))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _lengths(quality: Quality) -> Figure | None:
    found = [item for item in quality.lengths if item.unit == "words"]
    answers = {item.task: item for item in found if item.text == "response"}
    asked = {item.task: item for item in found if item.text == "instruction"}
    if not answers:
        return None
    order = sorted(answers, key=lambda task: (-answers[task].median, -answers[task].p95, task))
    figure = style.rows_figure(TITLES["lengths"], len(order))
    entries = [
        ("●", style.BLUE, "answer: median, line from 5 % to 95 %"),
        ("●", style.ORANGE, "instruction"),
    ]
    style.legend(figure, entries, LABELS)
    axes = style.rows_axes(figure, LABELS, 600, order, len(order))
    for items, colour, shift in ((asked, style.ORANGE, 0.17), (answers, style.BLUE, -0.17)):
        places = [place + shift for place in range(len(order))]
        own = [items[task] for task in order]
        axes.hlines(
            places, [max(i.p5, 1) for i in own], [i.p95 for i in own], colour, linewidth=1.4
        )
        axes.plot([max(i.median, 1) for i in own], places, "o", color=colour, markersize=3.6)
    axes.set_xscale("log", base=2)
    top = max(2, *(item.p95 for item in found))
    ticks = [2**power for power in range(0, top.bit_length() + 1, 1 if top < 64 else 2)]
    axes.set_xlim(0.9, top * 1.15)
    axes.set_xticks([t for t in ticks if t <= top], [f"{t:,}" for t in ticks if t <= top])
    axes.xaxis.set_minor_locator(NullLocator())
    _grid(axes)
    return figure


def _priors(quality: Quality) -> Figure | None:
    sums: dict[str, list[float]] = {}
    for guess in quality.guesses:
        own = sums.setdefault(guess.task, [0.0, 0.0, 0.0, 0.0])
        for place, share in enumerate((guess.chance, guess.question_prior)):
            own[place] += share * guess.rows
        own[2] += guess.majority_rows if guess.majority_rows > 1 else 0
        own[3] += guess.rows
    shares = {task: [part / own[3] for part in own[:3]] for task, own in sums.items()}
    if not shares:
        return None
    order = sorted(
        shares, key=lambda task: (shares[task][0] - shares[task][1], -shares[task][1], task)
    )
    figure = style.rows_figure(TITLES["priors"], len(order))
    entries = [
        ("○", style.MUTED, "chance"),
        ("|", style.ORANGE, "most frequent answer"),
        ("●", style.BLUE, "most frequent answer to the same question"),
    ]
    style.legend(figure, entries, LABELS)
    axes = style.rows_axes(figure, LABELS, 600, order, len(order))
    places = range(len(order))
    chance, prior, majority = zip(*(shares[task] for task in order), strict=True)
    axes.hlines(places, chance, prior, style.SKY, linewidth=2)
    axes.plot(majority, places, "|", color=style.ORANGE, markersize=7, markeredgewidth=1.6)
    axes.plot(chance, places, "o", color="white", markeredgecolor=style.MUTED, markersize=4.4)
    axes.plot(prior, places, "o", color=style.BLUE, markersize=4.4)
    _percent(axes, 0, 1)
    return figure


def _balance(quality: Quality) -> Figure | None:
    """Yes by finding, and how far places of options are from uniform; tasks that have either."""
    yes: dict[str, list[tuple[float, int]]] = {}
    for item in quality.yes_no:
        rows = item.yes + item.no
        yes.setdefault(item.task, []).append((item.yes / rows, rows))
    excess: dict[str, list[float]] = {}
    totals: dict[str, list[float]] = {}
    for place in quality.places:
        here, lot = excess.setdefault(place.task, []), totals.setdefault(place.task, [])
        for number, (n, by_lot) in enumerate(zip(place.positions, place.expected, strict=True)):
            if number == len(here):
                here.append(0.0)
                lot.append(0.0)
            here[number] += n
            lot[number] += by_lot
    order = sorted({*yes, *excess})
    if not order:
        return None
    figure = style.rows_figure(TITLES["balance"], len(order))
    style.legend(
        figure, [("●", style.BLUE, "yes, of yes and no"), ("○", style.SKY, "one finding")], LABELS
    )
    meaning = "right option at one place, less by lot"
    style.legend(figure, [("●", style.ORANGE, meaning)], 415)
    left = style.rows_axes(figure, LABELS, 395, order, len(order))
    right = style.rows_axes(figure, 420, 600, [""] * len(order), len(order))
    largest = 0.1
    for row, task in enumerate(order):
        if task in yes:
            rows = sum(n for _, n in yes[task])
            shares = [share for share, _ in yes[task]]
            left.plot(
                shares,
                [row] * len(shares),
                "o",
                color="none",
                markersize=4,
                markeredgecolor=style.SKY,
                markeredgewidth=0.8,
            )
            mean = sum(share * n for share, n in yes[task]) / rows
            left.plot([mean], [row], "o", color=style.BLUE, markersize=4.8)
        if task in excess:
            total = sum(excess[task])
            moved = [(n - e) / total for n, e in zip(excess[task], totals[task], strict=True)]
            largest = max(largest, *map(abs, moved))
            right.plot(
                moved, [row] * len(moved), "o", color=style.ORANGE, markersize=3.6, alpha=0.8
            )
    left.axvline(0.5, color=style.MUTED, linewidth=0.8)
    right.axvline(0, color=style.MUTED, linewidth=0.8)
    _percent(left, 0, 1)
    _percent(right, -largest * 1.1, largest * 1.1)
    return figure


def _grid(axes: Axes) -> None:
    axes.grid(axis="x", color=style.FAINT, linewidth=0.6)


def _percent(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _grid(axes)


PLOTS: Mapping[str, Callable[[Quality], Figure | None]] = {
    "rows": _rows,
    "people": _people,
    "priors": _priors,
    "balance": _balance,
    "lengths": _lengths,
}
"""By name of the file."""
