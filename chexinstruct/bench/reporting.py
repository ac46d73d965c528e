"""What a report on one or several runs says, whatever it is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chexinstruct.bench.contamination import WHAT
from chexinstruct.bench.gaps import PartCount
from chexinstruct.bench.scores import (
    FEWEST_CLUSTERS,
    SCORES,
    SMALLEST_GROUP,
    Cell,
    Estimate,
    Scores,
)
from chexinstruct.errors import CallError, ChexinstructError

JUDGED = {
    "above": "above",
    "level": "level",
    "below": "below",
    "few": "too few items",
}
"""Where a run stands against the best baseline without pictures, and how it is told."""


_HEADS = {
    "persons": "persons",
    "studies": "studies",
    "pictures": "picture names",
    "picture_bytes": "picture bytes",
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
    model, shown = scores.run.model, scores.run.pictures
    name = str(model["name"]).removesuffix(".jsonl")
    if model["kind"] == "callable":
        name = name.rpartition(":")[2]
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
    """Where it is seen against its best baseline, a key of JUDGED.

    Few items, or few patients, make an interval that is narrow by chance: they are not judged.
    """
    gain = cell.gain
    if cell.n < SMALLEST_GROUP or cell.clusters < FEWEST_CLUSTERS:
        return "few"
    if gain is None or gain.low is None or gain.high is None:
        return "level"
    return "above" if gain.low > 0 else "below" if gain.high < 0 else "level"


def standings(run: Scored) -> Counter[str]:
    """In how many tasks and sources the run stands where."""
    cells = (run.cell(*name) for name in rows_of([run]) if name[1] is not None and name[2] is None)
    return Counter(standing(cell) for cell in cells if cell is not None)


def about(cell: Cell) -> str:
    """Its metric, its number of items, and what is had without the picture."""
    text = f"{cell.headline or 'not computed'}, n {cell.n:,}"
    if cell.best_baseline:
        base = 100 * cell.baselines[cell.best_baseline]
        text += f", without the picture {base:.1f} ({cell.best_baseline})"
    return text


def models_of(runs: Sequence[Scored]) -> list[Scored]:
    """Those that are no baselines; all, where there are no others."""
    models = [run for run in runs if run.scores.run.model["kind"] != "baseline"]
    return models or list(runs)


def row_name(task: str, source: str | None, subtask: str | None) -> str:
    """As it stands in tables."""
    return " / ".join((task.replace("_", " "), *filter(None, (source or "all sources", subtask))))


Table = tuple[str, list[list[str]]]
"""A sentence, and rows of text, the first of which is the head."""


def count_tables(runs: Sequence[Scored]) -> list[Table]:
    """How many items were asked of how many, and why there are no more: a table a bench."""
    benches: list[tuple[list[PartCount], list[Scored]]] = []
    for run in runs:
        for parts, same in benches:
            if parts == run.scores.parts:
                same.append(run)
                break
        else:
            benches.append((run.scores.parts, [run]))
    tables = []
    for parts, same in benches:
        asked = {item for run in same for item in _asked(run)}
        rows = [["task", "source", "in the bench", "published", "why"]]
        for part in parts:
            if part.task in asked:
                rows.append(
                    [
                        " / ".join((part.task.replace("_", " "), *filter(None, (part.subtask,)))),
                        part.source,
                        f"{part.items:,}",
                        "" if part.published is None else f"{part.published:,}",
                        part.why,
                    ]
                )
        names = ", ".join(run.label for run in same)
        head = "Where a bench has few items, its releases are partial or hold no more of the kind."
        tables.append((head if len(benches) == 1 else f"{names}. {head}", rows))
    return tables


def _asked(run: Scored) -> set[str]:
    """Keys of tasks: of a whole bench those too of which it has no item."""
    return set(run.scores.run.tasks) or {part.task for part in run.scores.parts}


def shared_tables(runs: Sequence[Scored]) -> list[Table]:
    """What the train split of a corpus shares with the items: a table a run that names one."""
    tables = []
    for run in runs:
        note = run.scores.contamination
        if note is None:
            continue
        looked = [key for key in WHAT if key not in note.not_checked]
        heads = (_HEADS[key] for key in looked)
        rows = [["task", "n", *heads, "any", "score", "without them", "of them"]]
        clean = 0
        for name in rows_of([run]):
            cell = run.cell(*name)
            if cell is None or cell.shared is None:
                continue
            shared = cell.shared
            if not shared.items:
                clean += 1
                continue
            rows.append(
                [
                    row_name(*name),
                    f"{cell.n:,}",
                    *(f"{shared.found[key]:,}" for key in looked),
                    f"{shared.items:,}",
                    told(cell.metrics.get(cell.headline or "")),
                    told(shared.without),
                    told(shared.among),
                ]
            )
        head = f"{run.label}: items that share something with the train split of {note.corpus}."
        if looked:
            head += f" In {clean} of {clean + len(rows) - 1} tasks and sources there are none."
        unseen = note.not_checked.items()
        head += "".join(f" Not checked: {WHAT[key]}, {why}." for key, why in unseen)
        tables.append((head, rows))
    return tables


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
