"""What became of each item of a run: the answers read, and compared with what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from chexinstruct.bench.answers import Reading, Status, read_answer
from chexinstruct.bench.asking import rotated
from chexinstruct.bench.grounding import Boxes, Located, locate, read_boxes
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.legacy import legacy_choice
from chexinstruct.bench.models.baselines import WHOLE_PICTURE
from chexinstruct.bench.opening import Bench, item_digest, open_bench
from chexinstruct.bench.predictions import Prediction, RunLock, read_lock, read_predictions
from chexinstruct.bench.text_metrics import cleaned, item_scores
from chexinstruct.errors import CallError, ChexinstructError

LIKELIHOODS = ("accuracy_sum", "accuracy_mean", "accuracy_prior")
"""Columns of likelihood mode: by the sum over tokens, by the mean of a token, and by the sum less
that of the same option without pictures."""

HEADLINES = ("accuracy", "accuracy_mean", "miou_union", "rouge_l", "sentence_bleu")
"""The number that stands for an item, the first that its form and mode have."""


@dataclass
class Outcome:
    """One item."""

    item: BenchItem
    status: Status | None = None
    """How a choice was read; for free answers ``error`` or None."""
    missing: bool = False
    """The run did not come to it. It counts as wrong."""
    finish: str | None = None
    columns: dict[str, float] = field(default_factory=dict)
    """Metrics whose mean over items is meant, 0..1."""
    choice: int | None = None
    """Index of the option taken."""
    permuted: tuple[int | None, ...] = ()
    """The same under each rotation of the options, as index into the item's options."""
    legacy: tuple[bool, bool] | None = None
    """Right, and guessed, by the published scorer."""
    boxes: Boxes | None = None
    located: Located | None = None
    text: str = ""

    @property
    def headline(self) -> str | None:
        """Name of its main metric, or None where the package for it is missing."""
        return next((name for name in HEADLINES if name in self.columns), None)


@dataclass(frozen=True)
class Judged:
    """A run with its items."""

    lock: RunLock
    outcomes: tuple[Outcome, ...]
    """In the order of the bench; items of text tasks without a reference are left out."""
    dropped: tuple[str, ...]
    """Ids of those."""
    bench: Bench


def judge(run: Path, bench: Path | None = None) -> Judged:
    """Read the answers of a run.

    Args:
        run: its folder.
        bench: where the bench lies now; default: where it lay.

    Raises:
        CallError: no run, no bench, or a bench other than the run's.
        ChexinstructError: a file is damaged.
    """
    lock = read_lock(run)
    opened = open_bench(bench or Path(lock.bench))
    items = _items_of(lock, opened)
    lines: dict[str, dict[int, Prediction]] = {}
    for (name, rotation), line in read_predictions(run).items():
        lines.setdefault(name, {})[rotation] = line
    changed = [
        item.id
        for item in items
        if any(line.item != item_digest(item) for line in lines.get(item.id, {}).values())
    ]
    if changed:
        raise ChexinstructError(f"{run}: {len(changed)} answers are to items that have changed")
    dropped = tuple(i.id for i in items if i.form == "text" and not cleaned(i.reference or ""))
    kept = [item for item in items if item.id not in set(dropped)]
    outcomes = tuple(_outcome(item, lines.get(item.id, {}), lock) for item in kept)
    score_texts([outcome for outcome in outcomes if outcome.item.form == "text"])
    return Judged(lock, outcomes, dropped, opened)


def _items_of(lock: RunLock, bench: Bench) -> Sequence[BenchItem]:
    part = bench.part(tasks=lock.tasks, sources=lock.sources, limit=lock.limit, seed=lock.seed)
    for forms in (("choice", "boxes", "text"), ("choice",), ("boxes",), ("text",)):
        items = tuple(item for item in part.items if item.form in forms)
        if replace(part, items=items).digest == lock.bench_digest:
            return items
    raise CallError(
        f"{bench.path} is not the bench of this run: its items differ; name it by --bench"
    )


def _outcome(item: BenchItem, lines: Mapping[int, Prediction], lock: RunLock) -> Outcome:
    line = lines.get(0)
    answer = line.answer if line and line.status == "answered" else None
    outcome = Outcome(item, missing=line is None, finish=line.finish if line else None)
    if line is None or line.status == "error":
        outcome.status = "error"
    if item.form == "boxes":
        references = [(box.x1, box.y1, box.x2, box.y2) for box in item.boxes]
        if not references or len({box.image for box in item.boxes}) > 1:
            raise ChexinstructError(f"{item.id}: reference boxes have to lie in one picture")
        outcome.boxes = read_boxes(answer, lock.dialect)
        outcome.located = locate(outcome.boxes, references)
        outcome.columns["miou_union"] = outcome.located.region_iou
        outcome.columns["miou_first"] = outcome.located.first
    elif item.form == "text":
        outcome.text = answer or ""
    elif line is not None and line.credit is not None:
        outcome.columns["accuracy"] = line.credit
    elif lock.mode == "likelihood":
        _likelihood(outcome, line)
    else:
        _generated(outcome, lines, answer, lock.seed)
    return outcome


def _generated(
    outcome: Outcome, lines: Mapping[int, Prediction], answer: str | None, seed: int
) -> None:
    item = outcome.item
    reading = _read(item, lines.get(0), 0)
    outcome.status, outcome.choice = reading.status, reading.choice
    outcome.columns["accuracy"] = float(reading.choice == item.answer)
    guess, guessed = legacy_choice(answer, len(item.options), seed=seed, item=item.id)
    outcome.legacy = guess == item.answer, guessed
    count = len(item.options)
    choices = (_read(item, lines.get(by), by).choice for by in range(max(lines, default=0) + 1))
    outcome.permuted = tuple(
        None if choice is None else (choice + by) % count for by, choice in enumerate(choices)
    )


def _read(item: BenchItem, line: Prediction | None, rotation: int) -> Reading:
    said = line.answer if line and line.status == "answered" else None
    return read_answer(said, rotated(item.options, rotation))


def _likelihood(outcome: Outcome, line: Prediction | None) -> None:
    outcome.columns |= dict.fromkeys(LIKELIHOODS, 0.0)
    if line is None or line.status == "error":
        return
    by_column = {
        "accuracy_sum": [one.total for one in line.likelihoods],
        "accuracy_mean": [one.total / max(one.tokens, 1) for one in line.likelihoods],
        "accuracy_prior": [
            one.total - prior.total
            for one, prior in zip(line.likelihoods, line.priors, strict=True)
        ],
    }
    outcome.status = "letter"
    for column, scores in by_column.items():
        taken = scores.index(max(scores))  # the first of equals, as in the published code
        outcome.columns[column] = float(taken == outcome.item.answer)
        if column == "accuracy_mean":
            outcome.choice = taken


def score_texts(outcomes: Sequence[Outcome]) -> None:
    """Write the scores of texts, item by item, into their columns."""
    if not outcomes:
        return
    references = [outcome.item.reference or "" for outcome in outcomes]
    scores = item_scores([outcome.text for outcome in outcomes], references)
    for metric, values in scores.items.items():
        for outcome, value in zip(outcomes, values, strict=True):
            outcome.columns[metric] = value


def whole_picture(item: BenchItem) -> float:
    """What one box around everything earns."""
    references = [(box.x1, box.y1, box.x2, box.y2) for box in item.boxes]
    return locate(Boxes((WHOLE_PICTURE,)), references).region_iou
