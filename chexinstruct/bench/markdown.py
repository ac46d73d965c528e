"""The report as Markdown, for a terminal or an issue."""

from __future__ import annotations

from collections.abc import Sequence

from chexinstruct.bench.reporting import (
    Scored,
    count_tables,
    described,
    row_name,
    rows_of,
    shared_tables,
    standing,
    told,
)
from chexinstruct.bench.scores import SMALLEST_GROUP, Cell, Estimate

_MAIN = {
    "generate": ("accuracy", "miou_union", "rouge_l"),
    "likelihood": ("accuracy_sum", "accuracy_mean", "accuracy_prior"),
}


def markdown(runs: Sequence[Scored]) -> str:
    """The report as Markdown: results, numbers of items, details, and slices."""
    notes = []
    for title, tables in (
        ("Shared with training", shared_tables(runs)),
        ("Number of items", count_tables(runs)),
    ):
        notes += [f"\n## {title}"] if tables else []
        for head, (names, *rows) in tables:
            notes.append(f"\n{head}\n")
            if rows:
                notes += [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
            notes += [f"| {' | '.join(row)} |" for row in rows]
    details = [line for run in runs for line in _details(run)]
    return "\n".join([overview(runs), *notes, *details]) + "\n"


def overview(runs: Sequence[Scored]) -> str:
    """The runs and their results, as Markdown."""
    parts = ["# CheXbench\n"]
    for run in runs:
        parts.append(f"- **{run.label}**: {described(run)}")
    parts.append(
        "\nIn percent, with 95 % intervals over patients. *Without the picture*: the best baseline "
        f"that sees none. **Bold**: above it by more than chance, in {SMALLEST_GROUP} items or "
        "more.\n"
    )
    for mode in ("generate", "likelihood"):
        chosen = [run for run in runs if run.mode == mode]
        if chosen:
            parts += _results(mode, chosen)
    return "\n".join(parts)


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
