"""The report as one HTML page: what is above its baseline is seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chexinstruct.bench.reporting import (
    Scored,
    described,
    row_name,
    rows_of,
    standing,
    told,
)
from chexinstruct.bench.scores import Cell, Slice

_COLOURS = ("#0b6e99", "#c2571a", "#2e7d32", "#7b3fa0", "#a61c3c", "#6b5b00")
_LEFT, _WIDTH, _RIGHT, _STEP, _GAP = 330, 560, 150, 15, 13

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2126; background: #fff; max-width: 1080px;
  margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #dde2e6; text-align: left }
td.n { text-align: right } .above { font-weight: 600; color: #14632a } .below { color: #a61c3c }
.quiet { color: #5c666f } .warn { background: #fff3d6; padding: .2rem .5rem }
summary { cursor: pointer; font-weight: 600; margin-top: .6rem }
svg text { font: 13px system-ui, sans-serif; fill: #1c2126 } svg .quiet { fill: #5c666f }
svg { max-width: 100%; height: auto }
"""


_FOOT = """Baselines see no picture: a random option, the most frequent answer of the task, the most
frequent answer to the same question, the longest or shortest option, one box around everything, the
text of somebody else. Answers that name no option count as wrong."""


def page(runs: Sequence[Scored]) -> str:
    """One self-contained page: no script, and nothing loaded from elsewhere."""
    body = [
        "<h1>CheXbench</h1>",
        '<p class="quiet">In percent, with 95 % intervals over patients.</p>',
    ]
    body.append("<ul>")
    for number, run in enumerate(runs):
        text = escape(described(run)).replace("**", "")
        dot = f'<span style="color:{_COLOURS[number % len(_COLOURS)]}">&#9679;</span>'
        body.append(f"<li>{dot} <b>{escape(run.label)}</b>: {text}</li>")
    body.append("</ul>")
    colours = {id(run): _COLOURS[n % len(_COLOURS)] for n, run in enumerate(runs)}
    for mode, title in (("generate", "Answers"), ("likelihood", "Likelihoods, mean of a token")):
        chosen = [run for run in runs if run.mode == mode]
        if chosen:
            body += [f"<h2>{title}</h2>", _figure(chosen, [colours[id(run)] for run in chosen])]
    body += [
        "<h2>Numbers</h2>",
        *(_details(run) for run in runs),
        f'<p class="quiet">{_FOOT}</p>',
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>CheXbench</title>'
        f"<style>{_CSS}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _x(value: float) -> float:
    return _LEFT + _WIDTH * min(max(value, 0.0), 1.0)


def _figure(runs: Sequence[Scored], colours: Sequence[str]) -> str:
    """A row a cell: in grey what needs no picture, and for each run a dot with its interval."""
    rows = rows_of(runs)
    tall = _STEP * len(runs) + _GAP
    height = 34 + tall * len(rows) + 30
    parts = [
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img" '
        f'width="{_LEFT + _WIDTH + _RIGHT}" xmlns="http://www.w3.org/2000/svg" '
        'aria-label="Scores of each run against its baseline">'
    ]
    bottom = 34 + tall * len(rows)
    for tick in range(0, 101, 20):
        x = _x(tick / 100)
        parts.append(f'<line x1="{x}" x2="{x}" y1="28" y2="{bottom}" stroke="#e4e8eb"/>')
        parts.append(f'<text x="{x}" y="20" text-anchor="middle" class="quiet">{tick}</text>')
    for number, name in enumerate(rows):
        top = 34 + tall * number
        cells = [run.cell(*name) for run in runs]
        first = next(cell for cell in cells if cell is not None)
        deep = 14 if name[2] else 0
        label = escape(f"{name[1]} / {name[2]}" if name[2] else row_name(*name))
        parts.append(f'<text x="{deep}" y="{top + tall / 2 + 1}">{label}</text>')
        about = f"{first.headline or 'not computed'}, n {first.n:,}"
        parts.append(
            f'<text x="{_LEFT + _WIDTH + 10}" y="{top + tall / 2 + 1}" class="quiet">{about}</text>'
        )
        if first.best_baseline:
            base = first.baselines[first.best_baseline]
            parts.append(
                f'<rect x="{_LEFT}" y="{top + 2}" width="{_x(base) - _LEFT:.1f}" '
                f'height="{tall - 5}" fill="#dfe4e8"><title>without the picture: '
                f"{escape(first.best_baseline)} {100 * base:.1f}</title></rect>"
            )
            end = f"{_x(base):.1f}"
            parts.append(
                f'<line x1="{end}" x2="{end}" y1="{top + 2}" y2="{top + tall - 3}" '
                'stroke="#6d7880" stroke-width="2"/>'
            )
        for place, (cell, colour) in enumerate(zip(cells, colours, strict=True)):
            if cell is not None:
                parts.append(_dot(cell, colour, top + _GAP / 2 + _STEP * (place + 0.5) - 1))
    parts.append(
        f'<text x="{_LEFT}" y="{bottom + 20}" class="quiet">grey: had without the picture. Filled: '
        "above it, beyond chance. Hollow: not.</text></svg>"
    )
    return "".join(parts)


def _dot(cell: Cell, colour: str, y: float) -> str:
    estimate = cell.metrics.get(cell.headline or "")
    if estimate is None:
        return ""
    fill = colour if standing(cell) == "above" else "#fff"
    line = ""
    if estimate.low is not None and estimate.high is not None:
        line = (
            f'<line x1="{_x(estimate.low):.1f}" x2="{_x(estimate.high):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
    return (
        f'{line}<circle cx="{_x(estimate.value):.1f}" cy="{y}" r="4.6" fill="{fill}" '
        f'stroke="{colour}" stroke-width="2"><title>{told(estimate)}</title></circle>'
    )


def _details(run: Scored) -> str:
    parts = [f"<details open><summary>{escape(run.label)}</summary>", "<table><tr>"]
    parts.append(
        "<th>task</th><th>metric</th><th>n</th><th>value</th><th>without the picture</th>"
        "<th>gain</th><th>read</th></tr>"
    )
    for name in rows_of([run]):
        cell = run.cell(*name)
        assert cell is not None
        best = cell.best_baseline
        base = f"{100 * cell.baselines[best]:.1f} ({escape(best)})" if best else ""
        read = cell.metrics.get("parse_rate")
        parts.append(
            f"<tr><td>{escape(row_name(*name))}</td><td>{cell.headline or 'not computed'}</td>"
            f'<td class="n">{cell.n:,}</td><td>{told(cell.metrics.get(cell.headline or ""))}</td>'
            f'<td>{base}</td><td class="{standing(cell)}">{told(cell.gain)}</td>'
            f"<td>{f'{100 * read.value:.1f}' if read else ''}</td></tr>"
        )
    parts.append("</table>")
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
    rows = [f"<table><tr><th>{escape(one.name)}</th><th>n</th><th>value</th><th>gap</th></tr>"]
    for group in one.groups:
        worst = " (worst)" if group.value == one.worst else ""
        rows.append(
            f'<tr><td>{escape(group.value)}{worst}</td><td class="n">{group.n:,}</td>'
            f"<td>{told(group.estimate)}</td><td>{told(group.gap)}</td></tr>"
        )
    return "".join([*rows, "</table>"])
