"""The quality report of a corpus that stands, as records, plots and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from chexinstruct.build.cache import whole_file
from chexinstruct.corpus.files import open_corpus
from chexinstruct.corpus.text import columns_text, one_line
from chexinstruct.corpus.verifying import picture_roots
from chexinstruct.quality import Quality, measure
from chexinstruct.quality.report import Lengths
from chexinstruct.schema import SPLITS
from chexinstruct.source import registry

TOLD = 30
"""Concerns that the text spells out."""
SHOWN = 6
"""Places of options that it spells out."""


def stats(path: str | Path, *, plots: str | Path | None = None) -> Quality:
    """The quality report of a corpus, counted in its rows as they stand.

    Reads the columns of text, never a picture, in bounded memory.

    Args:
        path: the corpus.
        plots: folder for plots of the report as SVG; None: nothing is drawn.

    Raises:
        ChexinstructError: there is no corpus, or a file of it cannot be read.
    """
    corpus = open_corpus(path)
    found = measure(corpus.path, corpus.lock, picture_roots(corpus, registry()))
    if plots is not None:
        from chexinstruct.quality.plots import draw  # matplotlib loads slowly

        for name, content in draw(found).items():
            with whole_file(Path(plots) / name) as draft:
                draft.write_bytes(content)
    return found


def render_stats(quality: Quality) -> str:
    """The report for a terminal: what to look at first, then tables; the records tell more."""
    parts = [f"{quality.name} {quality.version}: {quality.rows:,} rows"]
    if quality.concerns:
        lines = [f"- {concern.message}" for concern in quality.concerns[:TOLD]]
        if (more := len(quality.concerns) - TOLD) > 0:
            lines.append(f"- and {more:,} more (--json tells all)")
        parts.append("\n".join(["To look at", *lines]))
    else:
        parts.append("To look at: nothing is past its threshold")
    sections = (_rows, _guesses, _places, _yes_no, _sides, _words, _repeats, _faulty, _people)
    for section in sections:
        parts += section(quality)
    return "\n\n".join(parts)


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], left: int
) -> Iterator[str]:
    """A table under its title, unless it has no rows; cells from number ``left`` on are numbers."""
    if rows:
        yield f"{title}\n{columns_text(head, rows, right=range(left, len(head)))}"


def _rows(quality: Quality) -> Iterator[str]:
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for count in quality.counts:
        cells.setdefault((count.task, count.source), {})[count.split] = count.rows
    rows = [
        [task, source, *(f"{by.get(split, 0):,}" for split in SPLITS)]
        for (task, source), by in cells.items()
    ]
    yield from _table("Rows", ["task", "source", *SPLITS], rows, 2)


def _guesses(quality: Quality) -> Iterator[str]:
    rows = [
        [
            guess.task,
            guess.source,
            one_line(guess.majority or "", 36),
            f"{guess.majority_rows / guess.rows:.0%}" if guess.majority_rows > 1 else "",
            f"{guess.question_prior:.0%}",
            f"{guess.chance:.0%}",
            f"{guess.asked_once / guess.rows:.0%}",
        ]
        for guess in quality.guesses
    ]
    head = [
        "task",
        "source",
        "most frequent answer",
        "share",
        "by question",
        "chance",
        "asked once",
    ]
    yield from _table("Right without looking", head, rows, 3)


def _places(quality: Quality) -> Iterator[str]:
    rows = [
        [
            item.task,
            item.form,
            f"{item.rows:,}",
            f"{item.bias:.0%}",
            _shares(item.positions, sum(item.positions)),
            _shares(item.expected, sum(item.positions)),
        ]
        for item in quality.places
    ]
    if rows:
        head = ["task", "form", "rows", "off", "right options by place", "by lot"]
        yield f"Where the right options stand\n{columns_text(head, rows, right=(2, 3))}"


def _shares(counts: Sequence[float], total: int) -> str:
    """Those of the first places."""
    told = [f"{n / total:.0%}" for n in counts[:SHOWN]]
    return " ".join([*told, *(["..."] if len(counts) > SHOWN else [])])


def _yes_no(quality: Quality) -> Iterator[str]:
    rows = []
    for task in dict.fromkeys(item.task for item in quality.yes_no):
        own = [item for item in quality.yes_no if item.task == task]
        yes, no = sum(item.yes for item in own), sum(item.no for item in own)
        shares = sorted((i.yes / (i.yes + i.no), i.finding or "no finding named") for i in own)
        (low, least), (high, most) = shares[0], shares[-1]
        ends = [f"{low:.0%} {least}", f"{high:.0%} {most}"]
        rows.append([task, *ends, f"{yes:,}", f"{no:,}", f"{yes / (yes + no):.0%}"])
    head = ["task", "least yes", "most yes", "yes", "no", "share"]
    yield from _table("Yes and no, with the findings at the ends", head, rows, 3)


def _sides(quality: Quality) -> Iterator[str]:
    rows = []
    for task in dict.fromkeys(item.task for item in quality.balance):
        own = [item for item in quality.balance if item.task == task]
        sums: dict[str, int] = {}
        for item in own:
            for side, n in item.sides.items():
                sums[side] = sums.get(side, 0) + n
        told = ", ".join(f"{side} {n:,}" for side, n in sorted(sums.items()))
        rows.append([task, one_line(told, 70), f"{sum(item.groups for item in own):,}"])
    yield from _table("Sides", ["task", "rows", "groups"], rows, 2)


def _words(quality: Quality) -> Iterator[str]:
    rows = [
        [
            item.task,
            item.text,
            _bars(item),
            *(f"{n:,}" for n in (item.minimum, item.p5, item.median, item.p95, item.maximum)),
        ]
        for item in quality.lengths
        if item.unit == "words"
    ]
    head = ["task", "text", "0 1 2 4 ...", "min", "5%", "median", "95%", "max"]
    yield from _table("Words", head, rows, 3)


def _bars(item: Lengths) -> str:
    """The histogram as one character a bin."""
    most = max(item.histogram)
    return "".join(" ▁▂▃▄▅▆▇█"[-(-8 * n // most)] for n in item.histogram)


def _repeats(quality: Quality) -> Iterator[str]:
    totals = {(guess.task, guess.source): guess.rows for guess in quality.guesses}
    rows = [
        [
            item.task,
            item.source,
            f"{item.rows:,}",
            f"{item.contradictions:,}",
            f"{item.contradicting_rows:,}",
            f"{item.responses / totals[item.task, item.source]:.0%}",
        ]
        for item in quality.repeats
        if item.rows or item.contradictions
    ]
    head = ["task", "source", "rows", "questions", "their rows", "same response"]
    title = "Rows said again, and questions with several answers on the same pictures"
    yield from _table(title, head, rows, 2) if rows else [f"{title}: none"]


def _faulty(quality: Quality) -> Iterator[str]:
    rows = [
        [item.task, item.source, ", ".join(f"{k} {n:,}" for k, n in item.kinds.items())]
        for item in quality.faulty
    ]
    if rows:
        yield f"Faulty answers\n{columns_text(['task', 'source', 'rows'], rows)}"
    else:
        yield "Faulty answers: none"


def _people(quality: Quality) -> Iterator[str]:
    across = [
        [item.task, item.source, f"{item.patients:,}", f"{item.rows:,}"]
        for item in quality.across_splits
    ]
    yield from _table("In several splits", ["task", "source", "people", "rows"], across, 2)
    people = ", ".join(
        f"{split} {quality.patients[split]:,}" for split in SPLITS if split in quality.patients
    )
    shared = ", ".join(
        f"{item.patients:,} in {' and '.join(item.splits)}" for item in quality.shared_patients
    )
    yield f"People: {people or 'none named'}; in several splits: {shared or 'none'}"
    shown = ", ".join(f"{item.tasks}: {item.pictures:,}" for item in quality.reuse)
    yield f"Pictures by the number of tasks that show them: {shown or 'none'}"
