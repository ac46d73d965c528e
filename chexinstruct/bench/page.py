"""The report as one HTML page: what is above its baseline is seen at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from chexinstruct.bench.page_style import CSS
from chexinstruct.bench.reporting import (
    JUDGED,
    Scored,
    about,
    count_tables,
    described,
    models_of,
    row_name,
    rows_of,
    shared_tables,
    standing,
    standings,
    told,
)
from chexinstruct.bench.scores import Cell, Slice

_SIGNS = {"above": "&#9650;", "level": "=", "below": "&#9660;", "few": "&#183;"}

_SHORT = 24
"""Characters of the longest interval, and some."""

_FOOT = """Baselines see no picture: a random option, the option that stands first, the most
frequent answer of the task, the most frequent answer to the same question, the longest or shortest
option, one box around everything, the text of somebody else. The best of them is what a score is
held against. Answers that name no option count as wrong."""


def page(runs: Sequence[Scored]) -> str:
    """One self-contained page: no script, and nothing loaded from elsewhere."""
    models = models_of(runs)
    others = [run.label for run in runs if run not in models]
    body = [
        "<h1>CheXbench</h1>",
        '<p class="quiet">In percent, with 95 % intervals over patients. Each score is held '
        "against the best baseline that sees no picture.</p>",
        "<ul>",
        *(f"<li><b>{escape(run.label)}</b>: {_described(run)}</li>" for run in models),
        f"<li>Baselines: {escape(', '.join(others))}</li>" if others else "",
        "</ul>",
    ]
    for mode, title in (("generate", "Answers"), ("likelihood", "Likelihoods, mean of a token")):
        chosen = [run for run in models if run.mode == mode]
        if chosen:
            body += [f"<h2>{title}</h2>", _verdicts(chosen), _figure(chosen)]
    if tables := shared_tables(runs):
        body.append("<h2>Shared with training</h2>")
        body += [f"<p>{escape(head)}</p>{_table(rows)}" for head, rows in tables]
    body.append("<h2>Number of items</h2>")
    body += [f"<p>{escape(head)}</p>{_table(rows)}" for head, rows in count_tables(runs)]
    body += ["<h2>Baselines</h2>", _baselines(models), "<h2>Numbers</h2>"]
    body += [*(_details(run) for run in runs), f'<p class="quiet">{_FOOT}</p>']
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>CheXbench</title><style>{CSS}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _described(run: Scored) -> str:
    text, *warning = described(run).split("**")
    return escape(text) + (f'<span class="warn">{escape(warning[0])}</span>' if warning else "")


def _verdicts(runs: Sequence[Scored]) -> str:
    """How often each model is above its baseline."""
    heads = "".join(f'<th class="n">{text}</th>' for text in JUDGED.values())
    lines = [f'<div class="wide"><table><tr><th>against the baseline</th>{heads}</tr>']
    for run in runs:
        counts = standings(run)
        numbers = ""
        for name in JUDGED:
            look = name if counts[name] else "few"
            numbers += f'<td class="n {look}"><b>{_SIGNS[name]} {counts[name]}</b></td>'
        lines.append(f"<tr><td><b>{escape(run.label)}</b></td>{numbers}</tr>")
    return "".join([*lines, "</table></div>"])


def _figure(runs: Sequence[Scored]) -> str:
    """A block a cell: for each model a track on which grey is what needs no picture."""
    ticks = "".join(f'<span style="left:{tick}%">{tick}</span>' for tick in range(0, 101, 20))
    axis = f'<div class="row axis quiet"><span></span><div class="scale">{ticks}</div></div>'
    cells = {name: [run.cell(*name) for run in runs] for name in rows_of(runs)}
    few = {
        name: found
        for name, found in cells.items()
        if all(cell is None or standing(cell) == "few" for cell in found)
    }
    parts = [
        '<p class="quiet">Grey: had without the picture. Dot and line: the score and its interval. '
        f"{_SIGNS['above']} above the baseline, {_SIGNS['level']} not told from it, "
        f"{_SIGNS['below']} below; {_SIGNS['few']} too few items to tell.</p>",
    ]
    judged = {name: found for name, found in cells.items() if name not in few}
    if judged:
        parts += [axis, _blocks(runs, judged)]
    if few:
        parts += [
            f"<details{'' if judged else ' open'}><summary>Too few items to tell: {len(few)} tasks "
            f"and sources</summary>{axis}{_blocks(runs, few)}</details>"
        ]
    return "".join(parts)


def _blocks(
    runs: Sequence[Scored],
    cells: Mapping[tuple[str, str | None, str | None], Sequence[Cell | None]],
) -> str:
    parts = []
    last = None
    for (task, source, subtask), found in cells.items():
        if task != last:
            parts.append(f"<h3>{escape(task.replace('_', ' '))}</h3>")
        last = task
        place = " / ".join(filter(None, (source or "all sources", subtask)))
        first = next(cell for cell in found if cell is not None)
        lines = (
            _line(run.label, cell)
            for run, cell in zip(runs, found, strict=True)
            if cell is not None
        )
        parts.append(
            f'<div class="cell"><p><b>{escape(place)}</b> '
            f'<span class="quiet">{escape(about(first))}</span></p>{"".join(lines)}</div>'
        )
    return "".join(parts)


def _line(label: str, cell: Cell) -> str:
    verdict = standing(cell)
    estimate = cell.metrics.get(cell.headline or "")
    base = ""
    if cell.best_baseline:
        value = cell.baselines[cell.best_baseline]
        base = f'<div class="base" style="width:{_percent(value)}"></div>'
    if estimate is None:
        drawn, value_told = "", "not computed"
    else:
        span = ""
        if estimate.low is not None and estimate.high is not None:
            width = _percent(estimate.high - estimate.low)
            span = f'<div class="span" style="left:{_percent(estimate.low)};width:{width}"></div>'
        drawn = f'{span}<div class="dot" style="left:{_percent(estimate.value)}"></div>'
        value_told = told(estimate)
    return (
        f'<div class="row"><span>{escape(label)}</span>'
        f'<div class="track {verdict}">{base}{drawn}</div>'
        f'<span class="{verdict}"><b class="{verdict}">{_SIGNS[verdict]}</b> {value_told}</span>'
        "</div>"
    )


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the head; columns of numbers stand to the right. No other row: no table."""
    head, *others = rows
    if not others:
        return ""
    numbers = [
        all(row[n].replace(",", "").isdecimal() or not row[n] for row in others)
        for n in range(len(head))
    ]

    def line(row: Sequence[str], tag: str) -> str:
        cells = (
            f"<{tag}{_class(text, is_number)}>{escape(text)}</{tag}>"
            for text, is_number in zip(row, numbers, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    lines = [line(head, "th"), *(line(row, "td") for row in others)]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _class(text: str, is_number: bool) -> str:
    """How a cell of a table is set: short texts, such as intervals, stay on one line."""
    return " class=n" if is_number else " class=short" if len(text) <= _SHORT else ""


def _baselines(runs: Sequence[Scored]) -> str:
    """What each of them earns; they see no answer of a model, so one run tells of all."""
    rows: dict[tuple[str, str | None, str | None], Cell] = {}
    for run in runs:
        for name in rows_of([run]):
            if (cell := run.cell(*name)) and cell.baselines:
                rows.setdefault(name, cell)
    names = list(dict.fromkeys(name for cell in rows.values() for name in cell.baselines))
    table = [["task", "n", *names]]
    for name, cell in rows.items():
        values = (cell.baselines.get(one) for one in names)
        earned = ["" if value is None else f"{100 * value:.1f}" for value in values]
        table.append([row_name(*name), f"{cell.n:,}", *earned])
    return _table(table)


def _details(run: Scored) -> str:
    parts = [f"<details><summary>{escape(run.label)}</summary>"]
    table = [["task", "metric", "n", "value", "without the picture", "gain", "read"]]
    for name in rows_of([run]):
        cell = run.cell(*name)
        assert cell is not None
        best = cell.best_baseline
        read = cell.metrics.get("parse_rate")
        table.append(
            [
                row_name(*name),
                cell.headline or "not computed",
                f"{cell.n:,}",
                told(cell.metrics.get(cell.headline or "")),
                f"{100 * cell.baselines[best]:.1f} ({best})" if best else "",
                told(cell.gain),
                f"{100 * read.value:.1f}" if read else "",
            ]
        )
    parts.append(_table(table))
    for cell in run.scores.cells:
        if cell.source is None and cell.slices:
            parts.append(
                f"<details><summary>{escape(cell.task.replace('_', ' '))} by group</summary>"
            )
            parts += [_slice(one) for one in cell.slices]
            parts.append("</details>")
    missing = {
        f"{what}: {why}" for cell in run.scores.cells for what, why in cell.not_computed.items()
    }
    parts += [f'<p class="quiet">{escape(one)}</p>' for one in sorted(missing)]
    return "".join([*parts, "</details>"])


def _slice(one: Slice) -> str:
    rows = [[one.name, "n", "value", "gap to the rest"]]
    for group in one.groups:
        worst = " (worst)" if group.value == one.worst else ""
        name = f"{group.value}{worst}"
        rows.append([name, f"{group.n:,}", told(group.estimate), told(group.gap)])
    return _table(rows)
