"""Intervals and tests: how far a score can be trusted, and a difference of two.

A statistic is a function of weights: it is given an array (resamples, items) of how often each item
was drawn and returns one value a resample. So means, ratios and whole confusion matrices are
resampled in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From weights (resamples, items) to values (resamples,)."""

RESAMPLES = 2000
_BLOCK = 1 << 22
"""Weights held at once."""


@dataclass(frozen=True)
class Interval:
    """Ends of a 95 % interval."""

    low: float
    high: float


def mean_of(values: Sequence[float] | Floats) -> Statistic:
    """The mean over items."""
    return ratio_of(values, np.ones(len(values)))


def ratio_of(above: Sequence[float] | Floats, below: Sequence[float] | Floats) -> Statistic:
    """A sum over items divided by another; 0 where the other is 0."""
    top, bottom = np.asarray(above, float), np.asarray(below, float)

    def statistic(weights: Floats) -> Floats:
        divisor = weights @ bottom
        values: Floats = np.zeros(len(weights))
        np.divide(weights @ top, divisor, out=values, where=divisor > 0)
        return values

    return statistic


def difference(a: Statistic, b: Statistic) -> Statistic:
    """One statistic less another, of the same resamples."""
    return lambda weights: a(weights) - b(weights)


def value_of(statistic: Statistic, items: int) -> float:
    """The statistic of the items as they are."""
    return float(statistic(np.ones((1, items)))[0])


def bootstrap(
    statistics: Sequence[Statistic],
    clusters: Sequence[object],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """95 % intervals by the percentile bootstrap over clusters, of the same resamples.

    Whole clusters are drawn with replacement, as many as there are; items of one patient or one
    picture are no independent evidence. With a cluster an item it is the ordinary bootstrap.

    Args:
        statistics: of the items.
        clusters: of each item, in the items' order.
        resamples: at least 1.
        seed: of the draws.
    """
    names: dict[object, int] = {}
    codes = np.array([names.setdefault(cluster, len(names)) for cluster in clusters])
    draws = np.random.default_rng(seed)
    even: Floats = np.full(len(names), 1 / len(names))
    step = max(1, _BLOCK // len(codes))
    values: list[list[Floats]] = [[] for _ in statistics]
    for at in range(0, resamples, step):
        drawn = draws.multinomial(len(names), even, min(step, resamples - at))
        weights = drawn[:, codes].astype(np.float64)
        for statistic, held in zip(statistics, values, strict=True):
            held.append(statistic(weights))
    ends = [np.percentile(np.concatenate(held), [2.5, 97.5]) for held in values]
    return [Interval(float(low), float(high)) for low, high in ends]


def wilson(right: int, n: int) -> Interval:
    """95 % interval of a share after Wilson (1927), for few items."""
    z = NormalDist().inv_cdf(0.975)
    share, rest = right / n, z * z / n
    middle = (share + rest / 2) / (1 + rest)
    half = z * sqrt(share * (1 - share) / n + rest / (4 * n)) / (1 + rest)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value, from the items that only one of two models has right."""
    n = only_a + only_b
    tail = sum(comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, tail / (1 << n) * 2)


def randomisation(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    clusters: Sequence[object],
    *,
    trials: int = 10_000,
    seed: int = 0,
) -> float:
    """Two-sided p-value of the difference of two means, by approximate randomisation.

    The two models change places in whole clusters at random (Noreen 1989); the share of such
    exchanges with a difference as large, the observed one counted among them.
    """
    names: dict[object, int] = {}
    codes = [names.setdefault(cluster, len(names)) for cluster in clusters]
    sums = np.bincount(codes, np.asarray(a, float) - np.asarray(b, float))
    draws = np.random.default_rng(seed)
    observed = abs(sums.sum()) * (1 - 1e-12)  # equal sums may differ in their last bits
    reached, step = 0, max(1, _BLOCK // len(sums))
    for at in range(0, trials, step):
        signs = draws.integers(0, 2, (min(step, trials - at), len(sums))) * 2 - 1
        reached += int((abs(signs @ sums) >= observed).sum())
    return (reached + 1) / (trials + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number after Holm (1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
