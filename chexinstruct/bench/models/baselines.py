"""What can be had without looking at a picture. A model has to be better than the best of these.

All are exact: where a baseline would guess among k options, it earns 1/k.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence

from chexinstruct.bench.item import BenchItem
from chexinstruct.chexbench.recipe import Form
from chexinstruct.draw import key
from chexinstruct.schema import Box

WHOLE_PICTURE: Box = (0.0, 0.0, 1.0, 1.0)


def _right(item: BenchItem) -> str:
    """Text of the right option; letters mean nothing across items."""
    assert item.answer is not None
    return item.options[item.answer]


def _cell(item: BenchItem) -> Hashable:
    return item.task, item.source


def random(items: Sequence[BenchItem]) -> list[float]:
    """Any option: 1 in the number of options."""
    return [1 / len(item.options) for item in items]


def first_option(items: Sequence[BenchItem]) -> list[float]:
    """Always the option that stands first."""
    return [float(item.answer == 0) for item in items]


def majority(items: Sequence[BenchItem]) -> list[float]:
    """The right answer that is most frequent in the task and source.

    Where several are, each for its share of the time; where the item does not offer it, a guess.
    """
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for item in items:
        counts[_cell(item)][_right(item)] += 1
    credits = []
    for item in items:
        found = counts[_cell(item)]
        most = max(found.values())
        top = [text for text, n in found.items() if n == most]
        guess = 1 / len(item.options)
        earned = [float(t == _right(item)) if t in item.options else guess for t in top]
        credits.append(sum(earned) / len(earned))
    return credits


def question_prior(items: Sequence[BenchItem]) -> list[float]:
    """The answer that is most frequent among *other* items of the same question and options.

    So a model that has only read the questions of a similar set would do. Ties are shared; an item
    that no other resembles is guessed.
    """
    answers: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for item in items:
        answers[_asked(item)][_right(item)] += 1
    credits = []
    for item in items:
        others = answers[_asked(item)] - Counter([_right(item)])
        votes = [others[option] for option in item.options]
        most = max(votes)
        right = item.options.index(_right(item))
        credits.append(1 / votes.count(most) if votes[right] == most else 0.0)
    return credits


def _asked(item: BenchItem) -> Hashable:
    question = " ".join((item.question or "").casefold().split())
    return _cell(item), question, frozenset(item.options)


def longest_option(items: Sequence[BenchItem]) -> list[float]:
    """The option with most characters."""
    return [_by_length(item, max) for item in items]


def shortest_option(items: Sequence[BenchItem]) -> list[float]:
    """The option with fewest characters."""
    return [_by_length(item, min) for item in items]


def _by_length(item: BenchItem, best: Callable[[list[int]], int]) -> float:
    lengths = [len(option) for option in item.options]
    wanted = best(lengths)
    return 1 / lengths.count(wanted) if len(_right(item)) == wanted else 0.0


CHOICE: dict[str, Callable[[Sequence[BenchItem]], list[float]]] = {
    "random": random,
    "first-option": first_option,
    "majority": majority,
    "question-prior": question_prior,
    "longest-option": longest_option,
    "shortest-option": shortest_option,
}
"""Name -> the credit (0..1) that it earns on each item, given all items of the run."""

FORMS: dict[str, Form] = {
    **dict.fromkeys(CHOICE, "choice"),
    "whole-picture": "boxes",
    "other-reference": "text",
}
"""All baselines, and the form of the items that each is for. ``whole-picture`` answers with one box
around everything."""


def other_references(items: Sequence[BenchItem], *, seed: int) -> list[str]:
    """For each item the reference of another person or study in the same task and source.

    Drawn by the seed; empty where there is no other.
    """
    rings: dict[Hashable, list[BenchItem]] = defaultdict(list)
    for item in sorted(items, key=lambda item: key(seed, "other-reference", item.id)):
        rings[_cell(item)].append(item)
    found: dict[str, str] = {}
    for ring in rings.values():
        for at, item in enumerate(ring):
            others = (o for o in ring[at + 1 :] + ring[:at] if o.cluster != item.cluster)
            found[item.id] = next((other.reference or "" for other in others), "")
    return [found[item.id] for item in items]
