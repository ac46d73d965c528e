"""From answers to scores: metrics with intervals, beside what can be had without the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from chexinstruct.bench.answers import STATUSES
from chexinstruct.bench.clinical_metrics import clinical_scores
from chexinstruct.bench.contamination import WHAT, Shared, shared_with
from chexinstruct.bench.gaps import part_counts
from chexinstruct.bench.grounding import (
    ACCURACY_AT,
    average_precision,
    mean_average_precision,
)
from chexinstruct.bench.models import baselines
from chexinstruct.bench.outcomes import Outcome, judge, score_texts, whole_picture
from chexinstruct.bench.scores import (
    SCORES,
    Cell,
    Classes,
    Contamination,
    Estimate,
    Scores,
    SharedItems,
)
from chexinstruct.bench.slices import slices_of
from chexinstruct.bench.statistics import (
    RESAMPLES,
    Floats,
    Statistic,
    bootstrap,
    mean_of,
    ratio_of,
    value_of,
    wilson,
)
from chexinstruct.bench.text_metrics import set_scores
from chexinstruct.build.cache import write_json

_FEW = 30


@dataclass(frozen=True)
class Resampling:
    """How intervals are made."""

    resamples: int = RESAMPLES
    seed: int = 0

    def estimates(
        self, statistics: Mapping[str, Statistic], outcomes: Sequence[Outcome]
    ) -> dict[str, Estimate]:
        """Values of statistics of these items, with both kinds of intervals."""
        every = list(statistics.values())
        clusters = [outcome.item.cluster for outcome in outcomes]
        options = {"resamples": self.resamples, "seed": self.seed}
        wide = bootstrap(every, clusters, **options)
        narrow = bootstrap(every, range(len(outcomes)), **options)
        return {
            name: Estimate(
                value=value_of(statistic, len(outcomes)),
                low=one.low,
                high=one.high,
                item_low=other.low,
                item_high=other.high,
            )
            for (name, statistic), one, other in zip(statistics.items(), wide, narrow, strict=True)
        }


def score(
    run: Path,
    bench: Path | None = None,
    *,
    corpus: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Scores:
    """Score the answers of a run, and write ``scores.json`` into it.

    It needs no model, so metrics can be added later, and elsewhere.

    Args:
        run: folder of the run.
        bench: folder of the bench, if it no longer lies where it lay.
        corpus: one that the model was trained on, if it is not the one that the run names.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        CallError: no run, no bench, no corpus, or a bench other than the run's.
        ChexinstructError: a file is damaged.
    """
    judged = judge(run, bench)
    resampling = Resampling(resamples, seed)
    without = _without_pictures(judged.outcomes, judged.lock.seed)
    named = corpus or (Path(judged.lock.corpus) if judged.lock.corpus else None)
    # A run may be scored elsewhere; its corpus need not be there for it.
    away = named is not None and corpus is None and not named.exists()
    shared = shared_with(judged.bench, named) if named and not away else None
    cells = [
        _cell(names, outcomes, without, shared, resampling)
        for names, outcomes in _cells(judged.outcomes).items()
    ]
    overall, parts = _overall(judged.outcomes, resampling)
    scores = Scores(
        run=msgspec.structs.replace(judged.lock, bench="", corpus=None),
        resamples=resamples,
        seed=seed,
        cells=cells,
        overall=overall,
        overall_cells=parts,
        parts=part_counts(judged.bench.lock),
        contamination=_contamination(named, shared) if named else None,
        dropped=list(judged.dropped),
    )
    write_json(run / SCORES, scores)
    return scores


def _cells(
    outcomes: Sequence[Outcome],
) -> dict[tuple[str, str | None, str | None], list[Outcome]]:
    """Items by task, by task and source, and by task, source and subtask where there are any."""
    found: dict[tuple[str, str | None, str | None], list[Outcome]] = {}
    for outcome in outcomes:
        item = outcome.item
        names: list[tuple[str, str | None, str | None]] = [
            (item.task, None, None),
            (item.task, item.source, None),
        ]
        if item.subtask is not None:
            names.append((item.task, item.source, item.subtask))
        for name in names:
            found.setdefault(name, []).append(outcome)
    return dict(sorted(found.items(), key=lambda pair: tuple(name or "" for name in pair[0])))


def _without_pictures(outcomes: Sequence[Outcome], seed: int) -> dict[str, dict[str, float]]:
    """Baseline -> what it earns on each item, by the headline metric."""
    earned: dict[str, dict[str, float]] = {}
    choices = [outcome.item for outcome in outcomes if outcome.item.form == "choice"]
    for name, credit in baselines.CHOICE.items():
        found = zip(choices, credit(choices), strict=True)
        earned[name] = {item.id: value for item, value in found}
    placed = [outcome.item for outcome in outcomes if outcome.item.form == "boxes"]
    earned["whole-picture"] = {item.id: whole_picture(item) for item in placed}
    texts = [outcome.item for outcome in outcomes if outcome.item.form == "text"]
    others = baselines.other_references(texts, seed=seed)
    made = [Outcome(item, text=other) for item, other in zip(texts, others, strict=True)]
    score_texts(made)
    earned["other-reference"] = {
        one.item.id: one.columns[one.headline] for one in made if one.headline
    }
    return earned


def _cell(
    names: tuple[str, str | None, str | None],
    outcomes: Sequence[Outcome],
    without: Mapping[str, Mapping[str, float]],
    shared: Shared | None,
    resampling: Resampling,
) -> Cell:
    task, source, subtask = names
    form, headline = outcomes[0].item.form, outcomes[0].headline
    counts: Counter[str] = Counter(outcome.status or "answered" for outcome in outcomes)
    counts["missing"] = sum(outcome.missing for outcome in outcomes)
    counts["cut off"] = sum(outcome.finish == "length" for outcome in outcomes)
    cell = Cell(
        task=task,
        source=source,
        subtask=subtask,
        form=form,
        n=len(outcomes),
        clusters=len({outcome.item.cluster for outcome in outcomes}),
        headline=headline,
        metrics={},
        counts={name: counts[name] for name in (*STATUSES, "answered", *counts) if counts[name]},
        baselines={},
    )
    columns = {name: _column(outcomes, name) for name in outcomes[0].columns}
    statistics: dict[str, Statistic] = {name: mean_of(v) for name, v in columns.items()}
    if form == "choice":
        statistics |= _of_choices(cell, outcomes, columns)
    elif form == "boxes":
        statistics |= _of_boxes(cell, outcomes)
    if headline is not None:
        values = columns[headline]
        for name, earned in without.items():
            if all(outcome.item.id in earned for outcome in outcomes):
                cell.baselines[name] = float(np.mean([earned[o.item.id] for o in outcomes]))
        if cell.baselines:
            cell.best_baseline = max(cell.baselines, key=cell.baselines.__getitem__)
            best = [without[cell.best_baseline][outcome.item.id] for outcome in outcomes]
            statistics["gain"] = mean_of(values - best)
    cell.metrics = resampling.estimates(statistics, outcomes)
    cell.gain = cell.metrics.pop("gain", None)
    _add_wilson(cell, columns)
    if form == "text":
        _add_texts(cell, outcomes, clinical=source is not None and subtask is None)
    if shared is not None:
        cell.shared = _shared_items(shared, outcomes, headline, resampling)
    if source is None:
        cell.slices = slices_of(outcomes, resampling.resamples, resampling.seed)
    return cell


def _contamination(named: Path, shared: Shared | None) -> Contamination:
    if shared is None:
        return Contamination(corpus=named.name, not_checked=dict.fromkeys(WHAT, "it is not here"))
    manifest = shared.corpus.lock.manifest
    return Contamination(
        corpus=f"{manifest['name']} {manifest['version']}", not_checked=shared.not_checked
    )


def _shared_items(
    shared: Shared, outcomes: Sequence[Outcome], headline: str | None, resampling: Resampling
) -> SharedItems:
    """How many items of a cell a corpus shares, and the score on them and on the others."""

    def estimate(some: Sequence[Outcome]) -> Estimate | None:
        if not some or headline is None:
            return None
        values = mean_of(_column(some, headline))
        return resampling.estimates({headline: values}, some)[headline]

    among = [outcome for outcome in outcomes if outcome.item.id in shared.items]
    others = [outcome for outcome in outcomes if outcome.item.id not in shared.items]
    return SharedItems(
        found={key: sum(o.item.id in ids for o in outcomes) for key, ids in shared.found.items()},
        items=len(among),
        among=estimate(among),
        without=estimate(others),
    )


def _column(outcomes: Sequence[Outcome], name: str) -> Floats:
    return np.array([outcome.columns[name] for outcome in outcomes])


def _of_choices(
    cell: Cell, outcomes: Sequence[Outcome], columns: Mapping[str, Floats]
) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {}
    if "accuracy" in columns and outcomes[0].legacy is not None:
        read = np.array([float(outcome.status == "letter") for outcome in outcomes])
        found["parse_rate"] = mean_of(read)
        found["accuracy_parsed"] = ratio_of(columns["accuracy"], read)
        legacy = [outcome.legacy for outcome in outcomes if outcome.legacy is not None]
        cell.legacy = {
            "accuracy": float(np.mean([right for right, _ in legacy])),
            "guessed": float(np.mean([guessed for _, guessed in legacy])),
        }
        if (rotations := max(len(outcome.permuted) for outcome in outcomes)) > 1:
            cell.rotations = rotations
            found["permuted_accuracy"] = mean_of(
                [sum(c == o.item.answer for c in o.permuted) / len(o.permuted) for o in outcomes]
            )
            found["consistent"] = mean_of(
                [float(len({*o.permuted}) == 1 and None not in o.permuted) for o in outcomes]
            )
    offered = {frozenset(outcome.item.options) for outcome in outcomes}
    if len(offered) == 1 and any(outcome.choice is not None for outcome in outcomes):
        found |= _of_classes(cell, outcomes)
    return found


def _of_classes(cell: Cell, outcomes: Sequence[Outcome]) -> dict[str, Statistic]:
    """Metrics of classes, where all items offer the same options, in whatever order."""
    names = sorted(outcomes[0].item.options)
    right = np.array([names.index(o.item.options[o.item.answer or 0]) for o in outcomes])
    said = np.array(
        [
            len(names) if o.choice is None else names.index(o.item.options[o.choice])
            for o in outcomes
        ]
    )
    confusion = np.zeros((len(names), len(names) + 1), int)
    np.add.at(confusion, (right, said), 1)
    cell.classes = Classes(names=names, confusion=confusion.tolist())
    is_right = [(right == k) * 1.0 for k in range(len(names))]
    is_said = [(said == k) * 1.0 for k in range(len(names))]
    recalls = [ratio_of(a * b, a) for a, b in zip(is_right, is_said, strict=True)]
    f1s = [ratio_of(2 * a * b, a + b) for a, b in zip(is_right, is_said, strict=True)]

    def mean_over_classes(parts: Sequence[Statistic]) -> Statistic:
        def statistic(weights: Floats) -> Floats:
            there = np.array([weights @ one > 0 for one in is_right])
            values = np.array([part(weights) for part in parts])
            mean: Floats = (values * there).sum(0) / np.maximum(there.sum(0), 1)
            return mean

        return statistic

    found = {
        "balanced_accuracy": mean_over_classes(recalls),
        "macro_f1": mean_over_classes(f1s),
    }
    if names == ["no", "yes"]:
        return found | {"sensitivity": recalls[1], "specificity": recalls[0], "f1": f1s[1]}
    return found | {f"recall: {name}": one for name, one in zip(names, recalls, strict=True)}


def _of_boxes(cell: Cell, outcomes: Sequence[Outcome]) -> dict[str, Statistic]:
    located = [outcome.located for outcome in outcomes if outcome.located is not None]
    written = [outcome.boxes for outcome in outcomes if outcome.boxes is not None]
    cell.counts["malformed boxes"] = sum(boxes.malformed for boxes in written)
    cell.counts["without a box"] = sum(not boxes.written for boxes in written)
    regions = np.array([one.region_iou for one in located])
    found: dict[str, Statistic] = {
        "iou_dataset": ratio_of([x.overlap for x in located], [x.union for x in located]),
        "ap@0.5": average_precision(located, 0.5),
        "map": mean_average_precision(located),
    }
    for threshold in ACCURACY_AT:
        found[f"acc@{threshold}"] = mean_of((regions >= threshold).astype(np.float64))
    return found


def _add_texts(cell: Cell, outcomes: Sequence[Outcome], *, clinical: bool) -> None:
    """Metrics of a set as a whole, which have no interval."""
    said = [outcome.text for outcome in outcomes]
    references = [outcome.item.reference or "" for outcome in outcomes]
    scores = set_scores(said, references)
    if clinical:
        scores.merge(clinical_scores(said, references))
    for name, values in scores.items.items():
        cell.metrics[name] = Estimate(value=float(np.mean(values)))
    cell.metrics |= {name: Estimate(value=value) for name, value in scores.whole.items()}
    cell.signatures, cell.not_computed = scores.signatures, scores.not_computed
    cell.counts["empty"] = sum(not text.strip() for text in said)


def _add_wilson(cell: Cell, columns: Mapping[str, Floats]) -> None:
    for name, values in columns.items():
        whole = bool(np.isin(values, (0, 1)).all())
        if name.startswith("accuracy") and cell.n < _FEW and whole:
            interval = wilson(int(values.sum()), cell.n)
            cell.metrics[name].wilson_low = interval.low
            cell.metrics[name].wilson_high = interval.high


def _overall(
    outcomes: Sequence[Outcome], resampling: Resampling
) -> tuple[Estimate | None, list[str]]:
    """Mean over the cells of task and source; papers print no single number, so this is ours."""
    choices = [outcome for outcome in outcomes if "accuracy" in outcome.columns]
    names = sorted({(outcome.item.task, outcome.item.source) for outcome in choices})
    if not names:
        return None, []
    values = _column(choices, "accuracy")
    inside = [
        np.array([float((o.item.task, o.item.source) == name) for o in choices]) for name in names
    ]
    parts = [ratio_of(values * mask, mask) for mask in inside]

    def mean(weights: Floats) -> Floats:
        # A cell that was not drawn at all leaves the mean of the others.
        there = np.array([weights @ mask > 0 for mask in inside])
        each = np.array([part(weights) for part in parts])
        result: Floats = (each * there).sum(0) / np.maximum(there.sum(0), 1)
        return result

    found = resampling.estimates({"overall": mean}, choices)
    return found["overall"], ["/".join(name) for name in names]
