"""The YAML files by which lm-evaluation-harness and lmms-eval know tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chexinstruct.bench.harness.contract import GROUP, Cell

_VERSION = "metadata: {version: 1.0}"


def task_files(
    cells: list[Cell], lines: Callable[[Cell], list[str]], metric: str
) -> Mapping[str, str]:
    """A file a task, and one for the group of all choices, each task with the same weight.

    Args:
        cells: what is to be a task.
        lines: of a task, without its name, its scoring and its version.
        metric: of the group.
    """
    found = {}
    for cell in cells:
        head = [f"task: {GROUP}_{cell.name}", "test_split: test", "output_type: generate_until"]
        score = [f"process_results: !function utils.process_{cell.form}"]
        found[f"{cell.name}.yaml"] = _text([*head, *lines(cell), *score, _VERSION])
    if choices := [cell for cell in cells if cell.form == "choice"]:
        group = [f"group: {GROUP}", "task:", *(f"  - {GROUP}_{cell.name}" for cell in choices)]
        mean = f"{{metric: {metric}, aggregation: mean, weight_by_size: false}}"
        found[f"_{GROUP}.yaml"] = _text([*group, f"aggregate_metric_list: [{mean}]", _VERSION])
    return found


def metrics(cell: Cell, accuracy: str, aggregation: str) -> list[str]:
    """What a task is told by.

    Args:
        cell: the task.
        accuracy: what the harness calls it.
        aggregation: how values of items become one.
    """
    names = [accuracy, "parse_rate"] if cell.form == "choice" else ["rouge_l"]
    rest = f"aggregation: {aggregation}, higher_is_better: true"
    return ["metric_list:", *(f"  - {{metric: {name}, {rest}}}" for name in names)]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
