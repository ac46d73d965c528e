"""Intervals and tests, against exact values and SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy import stats

from chexinstruct.bench.statistics import (
    Interval,
    Statistic,
    bootstrap,
    holm,
    mcnemar,
    mean_of,
    randomisation,
    ratio_of,
    value_of,
    wilson,
)


def interval(statistic: Statistic, clusters: Sequence[object], **options: int) -> Interval:
    (found,) = bootstrap([statistic], clusters, **options)
    return found


def test_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).normal(size=80)
    ours = interval(mean_of(values), range(80), resamples=20_000, seed=2)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=3)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def test_clusters_of_equal_items_are_as_wide_as_one_item_each() -> None:
    values = np.random.default_rng(1).integers(0, 2, 40) * 1.0
    alone = interval(mean_of(values), range(40), seed=5)
    clustered = interval(mean_of(np.repeat(values, 4)), np.repeat(range(40), 4).tolist(), seed=5)
    as_items = interval(mean_of(np.repeat(values, 4)), range(160), seed=5)
    assert clustered == alone
    assert as_items.high - as_items.low < 0.6 * (clustered.high - clustered.low)


def test_bootstrap_depends_on_the_seed_and_not_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic = mean_of(np.arange(30.0))
    one = interval(statistic, range(30), resamples=500, seed=1)
    assert interval(statistic, range(30), resamples=500, seed=2) != one
    monkeypatch.setattr("chexinstruct.bench.statistics._BLOCK", 100)
    assert interval(statistic, range(30), resamples=500, seed=1) == one


def test_clusters_of_different_size_weigh_by_their_items() -> None:
    """Three clusters: all 27 resamples can be listed, and their share of each value."""
    values, clusters = [1.0, 1.0, 1.0, 0.0, 1.0], ["a", "a", "a", "b", "c"]
    sums = {"a": (3, 3), "b": (0, 1), "c": (1, 1)}
    every = [
        sum(sums[c][0] for c in drawn) / sum(sums[c][1] for c in drawn)
        for drawn in product(sums, repeat=3)
    ]
    found = interval(mean_of(values), clusters, resamples=50_000)
    assert (found.low, found.high) == (min(every), max(every)) == (0.0, 1.0)
    assert value_of(mean_of(values), 5) == 0.8


def test_ratio_of_nothing_is_zero() -> None:
    assert value_of(ratio_of([0.0, 0.0], [0.0, 0.0]), 2) == 0.0


@pytest.mark.parametrize(("right", "n"), [(0, 5), (3, 10), (29, 29), (23, 29)])
def test_wilson_agrees_with_scipy(right: int, n: int) -> None:
    theirs = stats.binomtest(right, n).proportion_ci(method="wilson")
    ours = wilson(right, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 6), (3, 9), (12, 12), (40, 61)])
def test_mcnemar_agrees_with_scipy(b: int, c: int) -> None:
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_randomisation_agrees_with_all_exchanges() -> None:
    a, b = [0.9, 0.7, 0.8, 0.4, 0.6, 0.9], [0.5, 0.6, 0.8, 0.5, 0.2, 0.4]
    differences = np.subtract(a, b)
    signs = np.array(list(product([1, -1], repeat=6)))
    exact = np.mean(abs(signs @ differences) >= abs(differences.sum()) - 1e-9)
    assert randomisation(a, b, range(6), trials=40_000) == pytest.approx(exact, abs=0.01)


def test_randomisation_exchanges_clusters_as_a_whole() -> None:
    a, b = np.ones(20), np.zeros(20)
    assert randomisation(a, b, range(20)) < 0.001
    assert randomisation(a, b, [0] * 10 + [1] * 10) == pytest.approx(0.5, abs=0.03)


def test_equal_models_do_not_differ() -> None:
    assert randomisation([0.1, 0.2], [0.1, 0.2], range(2)) == 1.0


def test_holm_on_a_known_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
