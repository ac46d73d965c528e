"""Two runs on the same items: is one better, or do they differ by less than their interval."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from chexinstruct.bench.opening import item_digest
from chexinstruct.bench.outcomes import Outcome, judge
from chexinstruct.bench.scores import FEWEST_CLUSTERS, SMALLEST_GROUP
from chexinstruct.bench.statistics import (
    RESAMPLES,
    bootstrap,
    holm,
    mcnemar,
    mean_of,
    randomisation,
)
from chexinstruct.errors import CallError

_LEVEL = 0.05
"""Of the tests, where an interval says nothing."""


class Difference(msgspec.Struct, kw_only=True):
    """One task, on the items that both runs have."""

    task: str
    metric: str
    n: int
    clusters: int
    a: float
    b: float
    difference: float
    """b less a."""
    low: float
    high: float
    """95 %, clusters resampled, the same for both runs."""
    only_a: int | None = None
    """Items that only the one has right; None unless answers are right or wrong."""
    only_b: int | None = None
    test: str
    """``McNemar``, exact, or ``randomisation``."""
    p: float
    holm: float = 1.0
    """p adjusted for the number of tasks."""

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Comparison(msgspec.Struct, kw_only=True):
    """Of two runs."""

    differences: list[Difference]
    only_in_a: int
    """Items that the other run does not have; they are left out."""
    only_in_b: int
    notes: list[str]
    """What else the runs differ in, such as the style."""


def compare(
    a: Path,
    b: Path,
    *,
    bench: Path | None = None,
    other_bench: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two runs task by task, on their main metric.

    Args:
        a: folder of a run.
        b: folder of the other one.
        bench: where the bench of ``a`` lies now; default: where it lay.
        other_bench: of ``b``; default: ``bench``.
        resamples: of the bootstrap.
        seed: of all draws.

    Raises:
        CallError: items of the same id differ, or the runs share none, or they are of different
            modes: likelihoods and answers are different protocols.
        ChexinstructError: a file is damaged.
    """
    one, two = judge(a, bench), judge(b, other_bench or bench)
    left = {outcome.item.id: outcome for outcome in one.outcomes}
    right = {outcome.item.id: outcome for outcome in two.outcomes}
    shared = [name for name in left if name in right]
    differing = sum(item_digest(left[n].item) != item_digest(right[n].item) for n in shared)
    if differing:
        raise CallError(
            f"the runs cannot be compared: {differing} of {len(shared)} items that both have differ"
        )
    if one.lock.mode != two.lock.mode and "baseline" not in (
        one.lock.model["kind"],
        two.lock.model["kind"],
    ):
        raise CallError("the runs cannot be compared: one generates, the other tells likelihoods")
    tasks: dict[str, list[tuple[Outcome, Outcome]]] = {}
    for name in shared:
        tasks.setdefault(left[name].item.task, []).append((left[name], right[name]))
    if not tasks:
        raise CallError("the runs cannot be compared: they have no item in common")
    found = [_difference(task, pairs, resamples, seed) for task, pairs in sorted(tasks.items())]
    for each, adjusted in zip(found, holm([each.p for each in found]), strict=True):
        each.holm = adjusted
    return Comparison(
        differences=found,
        only_in_a=len(left) - len(shared),
        only_in_b=len(right) - len(shared),
        notes=[name for name in one.lock.differs(two.lock) if name not in ("model", "items")],
    )


def _difference(
    task: str, pairs: list[tuple[Outcome, Outcome]], resamples: int, seed: int
) -> Difference:
    metric = next((p.headline for p, q in pairs if p.headline and p.headline in q.columns), None)
    if metric is None:
        raise CallError(
            f"{task}: the runs share no metric; text needs chexinstruct[bench], "
            "and likelihoods are compared with likelihoods only"
        )
    a = np.array([one.columns[metric] for one, _ in pairs])
    b = np.array([two.columns[metric] for _, two in pairs])
    clusters = [one.item.cluster for one, _ in pairs]
    (interval,) = bootstrap([mean_of(b - a)], clusters, resamples=resamples, seed=seed)
    whole = bool(np.isin([a, b], (0, 1)).all()) and metric.startswith("accuracy")
    only_a, only_b = int(((a == 1) & (b == 0)).sum()), int(((b == 1) & (a == 0)).sum())
    return Difference(
        task=task,
        metric=metric,
        n=len(pairs),
        clusters=len(set(clusters)),
        a=float(a.mean()),
        b=float(b.mean()),
        difference=float((b - a).mean()),
        low=interval.low,
        high=interval.high,
        only_a=only_a if whole else None,
        only_b=only_b if whole else None,
        test="McNemar" if whole else "randomisation",
        p=mcnemar(only_a, only_b) if whole else randomisation(a, b, clusters, seed=seed),
    )


def render_comparison(comparison: Comparison) -> str:
    """Markdown."""
    lines = [
        "| task | metric | n | A | B | B - A | 95 % interval | p | p (Holm) | |",
        "| --- | --- | --: | --: | --: | --: | --- | --: | --: | --- |",
    ]
    for d in comparison.differences:
        told = "differs by less than its interval"
        is_small = d.n < SMALLEST_GROUP or d.clusters < FEWEST_CLUSTERS
        if is_small and d.holm >= _LEVEL:  # the tests are exact, intervals of few patients are not
            told = "too few items to tell"
        elif d.clear:
            told = "B is better" if d.low > 0 else "A is better"
        lines.append(
            f"| {d.task} | {d.metric} | {d.n:,} | {100 * d.a:.1f} | {100 * d.b:.1f} "
            f"| {100 * d.difference:+.1f} | {100 * d.low:+.1f} to {100 * d.high:+.1f} "
            f"| {_chance(d.p)} | {_chance(d.holm)} | {told} |"
        )
    if comparison.only_in_a or comparison.only_in_b:
        lines.append(
            f"\nLeft out: {comparison.only_in_a:,} items of A alone, "
            f"{comparison.only_in_b:,} of B alone."
        )
    if comparison.notes:
        lines.append(f"\nThe runs also differ in: {', '.join(comparison.notes)}.")
    return "\n".join(lines)


def _chance(p: float) -> str:
    """A p value; none is nothing."""
    return f"{p:.3f}" if p >= 0.0005 else "< 0.001"
