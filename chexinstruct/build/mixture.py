"""The mixture of train: how many examples each (task, source) may give."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from chexinstruct.schema import MixtureShare

if TYPE_CHECKING:
    from chexinstruct.manifest import Mixture

PairKey = tuple[str, str]
"""Task and source."""


def divide(
    total: int, weights: Mapping[str, float], available: Mapping[str, int]
) -> dict[str, int]:
    """Shares of a total in proportion to weights, none above what is available.

    What one cannot fill goes to the others in proportion to their weights, so the shares add up to
    the total unless everything with a weight is used up. Fractions go to the largest remainders,
    names deciding between equal ones.
    """
    shares = dict.fromkeys(weights, 0)
    left = total
    unfilled = {name: Fraction(weight) for name, weight in weights.items() if weight > 0}
    while unfilled:
        whole = sum(unfilled.values())
        full = [n for n, weight in unfilled.items() if available[n] * whole <= left * weight]
        for name in full:
            shares[name] = available[name]
            del unfilled[name]
        left -= sum(available[name] for name in full)
        if not full:
            break
    whole = sum(unfilled.values())
    exact = {name: left * weight / whole for name, weight in unfilled.items()}
    shares.update({name: int(share) for name, share in exact.items()})
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[: left - sum(int(share) for share in exact.values())]:
        shares[name] += 1
    return shares


def mix(
    mixture: Mixture, available: Mapping[PairKey, int]
) -> tuple[dict[PairKey, int], list[MixtureShare]]:
    """The most examples of train of each pair, and the account of it.

    Pairs that go under one name (their task, or the pair itself) share what the name gets in
    proportion to what they have, as if they were one.

    Args:
        mixture: of the manifest.
        available: examples of train of each pair, after its sampling.
    """
    members: dict[str, dict[str, int]] = {}
    for (task, source), count in sorted(available.items()):
        pair = f"{task}/{source}"
        name = pair if pair in mixture.weights else task
        members.setdefault(name, {})[pair] = count
    weights = {name: mixture.weights.get(name, 1.0) for name in members}
    held = {name: sum(pairs.values()) for name, pairs in members.items()}
    chosen = divide(mixture.total, weights, held)
    quotas: dict[PairKey, int] = {}
    for name, pairs in members.items():
        for pair, quota in divide(chosen[name], pairs, pairs).items():
            task, _, source = pair.partition("/")
            quotas[task, source] = quota
    return quotas, [
        MixtureShare(name=n, weight=weights[n], available=held[n], chosen=chosen[n])
        for n in members
    ]
