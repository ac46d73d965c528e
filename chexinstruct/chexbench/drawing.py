"""Which candidates become items: quotas, balance of sides, and draws that depend on names alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chexinstruct.chexbench.candidates import Candidate
from chexinstruct.chexbench.recipe import Choice

NOT_DRAWN = "not_drawn"
"""The reason of a candidate that others were taken before."""
ONE_SIDED = "one_sided"
"""The reason of a candidate whose group lacks another side, where sides are balanced."""


@dataclass
class Drawn:
    """What was chosen of the candidates of a part."""

    items: list[Candidate]
    reasons: Counter[str] = field(default_factory=Counter)
    """Of the others."""
    shortfall: dict[str, int] = field(default_factory=dict)
    """How many items are wanted and not there, by side and group."""


def draw(
    candidates: Sequence[Candidate],
    choice: Choice,
    rank: Callable[[Candidate], int],
    *,
    sides: Sequence[str],
    groups: Sequence[str] = (),
) -> Drawn:
    """Choose items.

    Args:
        candidates: of one part.
        choice: how many of what.
        rank: of candidates that stand for one another the lowest ranks are taken.
        sides: all that there should be.
        groups: all that there should be.
    """
    by_side: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=rank):
        group = candidate.group if choice.by_group else ""
        by_side[group, candidate.side].append(candidate)
    if choice.balance:
        drawn = _balanced(by_side, choice, rank, sides)
    else:
        drawn = _capped(by_side, choice, rank, sides, groups if choice.by_group else ("",))
    kept = set(map(id, drawn.items))
    drawn.items = [candidate for candidate in candidates if id(candidate) in kept]
    lost = len(candidates) - len(drawn.items) - drawn.reasons[ONE_SIDED]
    drawn.reasons = +(drawn.reasons + Counter({NOT_DRAWN: lost}))
    if choice.total is not None and len(drawn.items) < choice.total:
        drawn.shortfall["all"] = choice.total - len(drawn.items)
    return drawn


def _balanced(
    by_side: dict[tuple[str, str], list[Candidate]],
    choice: Choice,
    rank: Callable[[Candidate], int],
    sides: Sequence[str],
) -> Drawn:
    """Bundles of one candidate a side; of each group as many as its rarest side has."""
    drawn = Drawn([])
    bundles: list[list[Candidate]] = []
    for group in {group: None for group, _ in by_side}:
        parts = [by_side.get((group, side), []) for side in sides]
        if not all(parts):
            drawn.reasons[ONE_SIDED] += sum(map(len, parts))
        bundles += [list(bundle) for bundle in zip(*parts, strict=False)]
    bundles.sort(key=lambda bundle: min(map(rank, bundle)))
    if choice.total is not None:
        bundles = bundles[: choice.total // len(sides)]
    drawn.items = [candidate for bundle in bundles for candidate in bundle]
    return drawn


def _capped(
    by_side: dict[tuple[str, str], list[Candidate]],
    choice: Choice,
    rank: Callable[[Candidate], int],
    sides: Sequence[str],
    groups: Sequence[str],
) -> Drawn:
    drawn = Drawn([])
    wanted = choice.per_side
    for group, side in dict.fromkeys([*((g, s) for g in groups for s in sides), *by_side]):
        found = by_side.get((group, side), [])
        most = wanted.get(side) if isinstance(wanted, dict) else wanted
        drawn.items += found[:most]
        if most is not None and len(found) < most:
            drawn.shortfall["/".join(filter(None, (group, side)))] = most - len(found)
    if choice.total is not None:
        drawn.items = sorted(drawn.items, key=rank)[: choice.total]
    return drawn
