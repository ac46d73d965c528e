"""Reports on one or several runs: Markdown for a terminal or an issue, HTML for readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chexinstruct.bench.scores import SCORES, Cell, Estimate, Scores
from chexinstruct.errors import CallError, ChexinstructError

_MAIN = {
    "generate": ("accuracy", "miou_union", "rouge_l"),
    "likelihood": ("accuracy_sum", "accuracy_mean", "accuracy_prior"),
}


@dataclass(frozen=True)
class Scored:
    """A run with its scores."""

    label: str
    """What it is called in the report."""
    scores: Scores

    @property
    def mode(self) -> str:
        """``generate`` or ``likelihood``: two protocols, which never share a column."""
        return self.scores.run.mode

    def cell(self, task: str, source: str | None, subtask: str | None) -> Cell | None:
        """Its cell of these names."""
        for cell in self.scores.cells:
            if (cell.task, cell.source, cell.subtask) == (task, source, subtask):
                return cell
        return None


def read_scored(runs: Sequence[Path]) -> list[Scored]:
    """The scores of runs, labelled by model, and by folder where two have the same.

    Raises:
        CallError: a run has no scores yet.
        ChexinstructError: a file is damaged.
    """
    found = []
    for run in runs:
        try:
            scores = msgspec.json.decode((run / SCORES).read_bytes(), type=Scores)
        except FileNotFoundError:
            raise CallError(f"{run} has no {SCORES}; run: chexinstruct bench score {run}") from None
        except msgspec.MsgspecError:
            raise ChexinstructError(f"{run / SCORES}: damaged; score the run again") from None
        found.append((run, scores))
    names = [_named(scores) for _, scores in found]
    return [
        Scored(name if names.count(name) == 1 else f"{name} ({run.name})", scores)
        for name, (run, scores) in zip(names, found, strict=True)
    ]


def _named(scores: Scores) -> str:
    name, shown = str(scores.run.model["name"]).removesuffix(".jsonl"), scores.run.pictures
    return name if shown == "shown" else f"{name}, {shown} pictures"


def rows_of(runs: Sequence[Scored]) -> list[tuple[str, str | None, str | None]]:
    """Names of all cells of any run, in order: a task, its sources, their subtasks.

    A task of one source is that source: its sum is left out.
    """
    names = {(c.task, c.source, c.subtask) for run in runs for c in run.scores.cells}
    rows = []
    for name in sorted(names, key=lambda name: tuple(part or "" for part in name)):
        task, source, _ = name
        sources = {s for t, s, _ in names if t == task and s is not None}
        if source is not None or len(sources) > 1:
            rows.append(name)
    return rows


def told(estimate: Estimate | None) -> str:
    """In percent, with the interval over clusters."""
    if estimate is None:
        return ""
    text = f"{100 * estimate.value:.1f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def standing(cell: Cell) -> str:
    """Where it is seen against its best baseline: ``above``, ``level`` or ``below``."""
    gain = cell.gain
    if gain is None or gain.low is None or gain.high is None:
        return "level"
    return "above" if gain.low > 0 else "below" if gain.high < 0 else "level"


def row_name(task: str, source: str | None, subtask: str | None) -> str:
    """As it stands in tables."""
    return " / ".join((task.replace("_", " "), *filter(None, (source or "all sources", subtask))))


def markdown(runs: Sequence[Scored]) -> str:
    """The report as Markdown: results, details, and slices."""
    details = [line for run in runs for line in _details(run)]
    return "\n".join([overview(runs), *details]) + "\n"


def overview(runs: Sequence[Scored]) -> str:
    """The runs and their results, as Markdown."""
    parts = ["# CheXbench\n"]
    for run in runs:
        parts.append(f"- **{run.label}**: {described(run)}")
    parts.append(
        "\nIn percent, with 95 % intervals over patients. *Without the picture*: the best baseline "
        "that sees none. **Bold**: above it by more than chance.\n"
    )
    for mode in ("generate", "likelihood"):
        chosen = [run for run in runs if run.mode == mode]
        if chosen:
            parts += _results(mode, chosen)
    return "\n".join(parts)


def described(run: Scored) -> str:
    """How it was made, in one line."""
    lock = run.scores.run
    style = f"style {lock.style} {lock.style_version}, " if lock.style else ""
    said = f"{lock.model['kind']}, {style}{lock.items:,} items"
    overall = run.scores.overall
    if overall is not None:
        cells = len(run.scores.overall_cells)
        said += f"; mean accuracy {told(overall)} over {cells} cells of equal weight"
    if run.scores.dropped:
        said += f"; {len(run.scores.dropped)} items without a reference left out"
    if missing := sum(c.counts.get("missing", 0) for c in run.scores.cells if c.source is None):
        said += f"; **not finished: {missing} items were not asked and count as wrong**"
    return said


def _results(mode: str, runs: Sequence[Scored]) -> list[str]:
    columns = (
        [(run, "", run.label) for run in runs]
        if mode == "generate"
        else [(run, name, f"{run.label}: {name[9:]}") for run in runs for name in _MAIN[mode]]
    )
    heads = ["task", "metric", "n", "without the picture", *(label for _, _, label in columns)]
    if mode == "likelihood":
        heads[1:2] = []
    lines = [
        f"\n## {'Answers' if mode == 'generate' else 'Likelihoods'}\n",
        f"| {' | '.join(heads)} |",
        "|" + " --- |" * len(heads),
    ]
    for name in rows_of(runs):
        cells = [run.cell(*name) for run, _, _ in columns]
        first = next(cell for cell in cells if cell is not None)
        best = first.best_baseline
        base = f"{100 * first.baselines[best]:.1f} ({best})" if best else ""
        values = [_value(cell, metric) for cell, (_, metric, _) in zip(cells, columns, strict=True)]
        metric = [first.headline or ""] if mode == "generate" else []
        lines.append(f"| {' | '.join([row_name(*name), *metric, f'{first.n:,}', base, *values])} |")
    return lines


def _value(cell: Cell | None, metric: str) -> str:
    if cell is None or cell.headline is None:
        return "not computed" if cell else ""
    text = told(cell.metrics.get(metric or cell.headline))
    is_main = metric in ("", cell.headline)
    return f"**{text}**" if is_main and standing(cell) == "above" else text


def _details(run: Scored) -> list[str]:
    lines = [f"\n## {run.label}\n"]
    for name in rows_of([run]):
        cell = run.cell(*name)
        assert cell is not None
        lines.append(f"\n### {row_name(*name)}\n")
        lines.append(f"{cell.n:,} items of {cell.clusters:,} clusters.")
        counts = ", ".join(f"{what} {n:,}" for what, n in cell.counts.items())
        lines.append(f"Answers: {counts}.\n")
        lines += ["| metric | value | 95 %, clusters | 95 %, items |", "| --- | --: | --- | --- |"]
        for metric, estimate in cell.metrics.items():
            lines.append(
                f"| {metric} | {100 * estimate.value:.1f} "
                f"| {_ends(estimate.low, estimate.high)}{_wilson(estimate)} "
                f"| {_ends(estimate.item_low, estimate.item_high)} |"
            )
        for baseline, value in cell.baselines.items():
            lines.append(f"| without the picture: {baseline} | {100 * value:.1f} | | |")
        if cell.gain:
            lines.append(
                f"| gain over {cell.best_baseline} | {100 * cell.gain.value:+.1f} "
                f"| {_ends(cell.gain.low, cell.gain.high)} | |"
            )
        if cell.legacy:
            lines.append(
                f"\nBy the published scorer: {100 * cell.legacy['accuracy']:.1f}, of which "
                f"{100 * cell.legacy['guessed']:.1f} % of the answers are guesses."
            )
        lines += [f"\n{what}: {why}" for what, why in cell.not_computed.items()]
        lines += _confusion(cell) + _slices(run.cell(cell.task, None, None), cell)
    return lines


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"


def _wilson(estimate: Estimate) -> str:
    ends = _ends(estimate.wilson_low, estimate.wilson_high)
    return f" (Wilson {ends})" if ends else ""


def _confusion(cell: Cell) -> list[str]:
    if cell.classes is None:
        return []
    heads = [*cell.classes.names, "no option"]
    lines = [f"\n| right \\ answered | {' | '.join(heads)} |", "| --- |" + " --: |" * len(heads)]
    for name, row in zip(cell.classes.names, cell.classes.confusion, strict=True):
        lines.append(f"| {name} | {' | '.join(map(str, row))} |")
    return lines


def _slices(whole: Cell | None, cell: Cell) -> list[str]:
    """Of the task, under its first cell."""
    if whole is None or not whole.slices or (cell.source and cell.n != whole.n) or cell.subtask:
        return []
    lines = ["\n| slice | group | n | " + (whole.headline or "") + " | gap to the rest |"]
    lines.append("| --- | --- | --: | --- | --- |")
    for one in whole.slices:
        for group in one.groups:
            worst = " (worst)" if group.value == one.worst else ""
            lines.append(
                f"| {one.name} | {group.value}{worst} | {group.n:,} | {told(group.estimate)} "
                f"| {told(group.gap)} |"
            )
    return lines
