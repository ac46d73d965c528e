"""A task broken down by who is in the picture, and by what is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.outcomes import Outcome
from chexinstruct.bench.scores import SMALLEST_GROUP, Estimate, Group, Slice
from chexinstruct.bench.statistics import Statistic, bootstrap, difference, ratio_of, value_of

UNKNOWN = "unknown"
_AGES = ((18, "0-17"), (40, "18-39"), (65, "40-64"))


def properties(item: BenchItem) -> dict[str, str]:
    """What an item can be broken down by; what is not known is ``unknown``."""
    found = dict(item.slices)
    views = sorted({image.view or UNKNOWN for image in item.images})
    found.setdefault("view", "+".join(views) or UNKNOWN)
    found["sex"] = item.sex or UNKNOWN
    found["race"] = item.race or UNKNOWN
    found["source"] = item.source
    found["age_group"] = found["age_65"] = UNKNOWN
    if item.age is not None:
        age = item.age
        found["age_group"] = next((name for end, name in _AGES if age < end), "65+")
        found["age_65"] = "0-64" if age < 65 else "65+"
    return found


def slices_of(outcomes: Sequence[Outcome], resamples: int, seed: int) -> list[Slice]:
    """All slices of one task that have more than one group.

    Args:
        outcomes: of one task.
        resamples: of the bootstrap over clusters.
        seed: of the bootstrap.
    """
    headline = outcomes[0].headline
    if headline is None:
        return []
    values = np.array([outcome.columns[headline] for outcome in outcomes])
    every = [properties(outcome.item) for outcome in outcomes]
    found = []
    for name in sorted(set().union(*every)):
        of = np.array([one.get(name, UNKNOWN) for one in every])
        if len(set(of.tolist())) < 2:
            continue
        masks = {value: (of == value) * 1.0 for value in sorted(set(of.tolist()))}
        statistics: list[Statistic] = []
        for mask in masks.values():
            inside, outside = ratio_of(values * mask, mask), ratio_of(values * (1 - mask), 1 - mask)
            statistics += [inside, difference(inside, outside)]
        clusters = [outcome.item.cluster for outcome in outcomes]
        intervals = bootstrap(statistics, clusters, resamples=resamples, seed=seed)
        estimates = [
            Estimate(value=value_of(one, len(outcomes)), low=interval.low, high=interval.high)
            for one, interval in zip(statistics, intervals, strict=True)
        ]
        groups = []
        for number, (value, mask) in enumerate(masks.items()):
            group = Group(value=value, n=int(mask.sum()))
            if group.n >= SMALLEST_GROUP:
                group.estimate, group.gap = estimates[2 * number : 2 * number + 2]
            groups.append(group)
        told = [g for g in groups if g.estimate is not None and g.value != UNKNOWN]
        worst = min(told, key=lambda g: g.estimate.value if g.estimate else 1, default=None)
        found.append(Slice(name=name, groups=groups, worst=worst.value if worst else None))
    return found
