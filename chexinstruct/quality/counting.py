"""Rows, lengths, repeats, faults, people and pictures, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chexinstruct.quality.report import (
    AcrossSplits,
    Balance,
    Count,
    Faulty,
    Lengths,
    People,
    Repeats,
    Reuse,
    Shared,
)
from chexinstruct.quality.rows import Facts
from chexinstruct.quality.spool import Records, starts
from chexinstruct.quality.sums import FAULTS
from chexinstruct.schema import SPLITS


def counts(facts: Facts) -> list[Count]:
    """Rows of each task, source and split that has any."""
    return [
        Count(task=facts.pairs[pair][0], source=facts.pairs[pair][1], split=SPLITS[split], rows=n)
        for (pair, split), n in sorted(facts.sums.rows.items())
    ]


GROUPS = 100
"""Groups with sides that are told apart, a task: those with most rows. Some releases have a group a
question, tens of thousands."""


def balance(facts: Facts) -> list[Balance]:
    """Rows by the side that they are balanced by; ``metadata.balance`` is ``group/side``."""
    tasks: dict[str, dict[str, Counter[str]]] = {}
    for (task, place), n in sorted(facts.sums.sided.items()):
        group, _, side = place.rpartition("/")
        tasks.setdefault(task, {}).setdefault(group, Counter())[side] += n
    found = []
    for task, groups in tasks.items():
        order = sorted(groups, key=lambda group: (-groups[group].total(), group))
        found += [
            Balance(task=task, group=group, groups=1, sides=dict(groups[group]))
            for group in sorted(order[:GROUPS])
        ]
        if others := order[GROUPS:]:
            sides = sum((groups[group] for group in others), Counter())
            found.append(
                Balance(task=task, group="", groups=len(others), sides=dict(sorted(sides.items())))
            )
    return found


def lengths(facts: Facts) -> list[Lengths]:
    """Lengths of instructions and responses in characters and words, by task."""
    return [
        _lengths(task, text, unit, sorted(rows.items()))
        for (task, text, unit), rows in sorted(facts.sums.lengths.items())
    ]


def _lengths(task: str, text: str, unit: str, table: Sequence[tuple[int, int]]) -> Lengths:
    """The record of (length, rows), sorted by length."""
    sizes = [length for length, _ in table]
    sums = list(accumulate(n for _, n in table))

    def quantile(q: float) -> int:
        """The smallest length that at least this share of the rows does not exceed."""
        return next(size for size, until in zip(sizes, sums, strict=True) if until >= q * sums[-1])

    histogram = [0] * (sizes[-1].bit_length() + 1)
    for length, n in table:
        histogram[length.bit_length()] += n
    return Lengths(
        task=task,
        text=text,
        unit=unit,
        minimum=sizes[0],
        p5=quantile(0.05),
        median=quantile(0.5),
        p95=quantile(0.95),
        maximum=sizes[-1],
        histogram=histogram,
    )


class Kinds(NamedTuple):
    """Distinct things, by pair."""

    n: list[int]
    across: list[int]
    """Those that stand in several splits."""


def rows(facts: Facts) -> Kinds:
    """The distinct rows."""
    return _kinds(facts.spools["kinds"].sorted(), len(facts.pairs))


def repeats(facts: Facts, rows: Kinds) -> list[Repeats]:
    """What each task and source says more than once."""
    total: Counter[int] = Counter()
    for (pair, _), n in facts.sums.rows.items():
        total[pair] += n
    responses = _kinds(facts.spools["said"].sorted("pair"), len(facts.pairs))
    questions, contradicting = _contradictions(facts)
    found = []
    for pair, (task, source) in enumerate(facts.pairs):
        if pair in total:
            found.append(
                Repeats(
                    task=task,
                    source=source,
                    rows=total[pair] - rows.n[pair],
                    responses=total[pair] - responses.n[pair],
                    contradictions=questions[pair],
                    contradicting_rows=contradicting[pair],
                )
            )
    return found


def across_splits(facts: Facts, rows: Kinds) -> list[AcrossSplits]:
    """People and equal rows that stand in several splits of a task and source, where any do."""
    people = _kinds(facts.spools["people"].sorted("pair"), len(facts.pairs))
    return [
        AcrossSplits(task=task, source=source, patients=people.across[pair], rows=rows.across[pair])
        for pair, (task, source) in enumerate(facts.pairs)
        if people.across[pair] or rows.across[pair]
    ]


def _kinds(spooled: Iterator[Records], pairs: int) -> Kinds:
    kinds, across = np.zeros((2, pairs), np.int64)
    for records in spooled:
        first = starts(records, "key", "pair")
        pair = records["pair"][first]
        kinds += np.bincount(pair, minlength=pairs)
        if "split" in (records.dtype.names or ()):
            low, high = (how.reduceat(records["split"], first) for how in (np.minimum, np.maximum))
            across += np.bincount(pair[low != high], minlength=pairs)
    return Kinds(kinds.tolist(), across.tolist())


def _contradictions(facts: Facts) -> tuple[list[int], list[int]]:
    """Of each pair the questions on the same pictures that have several answers, and their rows."""
    questions, rows = np.zeros((2, len(facts.pairs)), np.int64)
    for records in facts.spools["shown"].sorted():
        first = starts(records, "key")
        low, high = (how.reduceat(records["answer"], first) for how in (np.minimum, np.maximum))
        several, pair = low != high, records["pair"][first]
        n = np.diff(np.append(first, len(records)))
        questions += np.bincount(pair[several], minlength=len(questions))
        np.add.at(rows, pair[several], n[several])
    return questions.tolist(), rows.tolist()


def faulty(facts: Facts) -> list[Faulty]:
    """Rows without a proper answer, of the tasks and sources that have any."""
    found = []
    for pair, (task, source) in enumerate(facts.pairs):
        kinds = {kind: n for kind in FAULTS if (n := facts.sums.faults[pair, kind])}
        if kinds:
            found.append(Faulty(task=task, source=source, kinds=kinds))
    return found


def people(facts: Facts) -> tuple[dict[str, int], list[People], list[Shared]]:
    """Distinct people by split, by source and split, and those who stand in several splits."""
    sources = sorted({source for _, source in facts.pairs})
    source_of = np.array([sources.index(source) for _, source in facts.pairs])
    by_source = np.zeros((len(sources), len(SPLITS)), np.int64)
    by_sides = [0] * 2 ** len(SPLITS)
    for records in facts.spools["people"].sorted():
        patient = np.repeat(*_numbered(records))
        place = source_of[records["pair"]] * len(SPLITS) + records["split"]
        stand = np.unique(patient * by_source.size + place) % by_source.size
        by_source += np.bincount(stand, minlength=by_source.size).reshape(by_source.shape)
        side = np.left_shift(1, records["split"].astype(np.int64))
        sides = np.bitwise_or.reduceat(side, starts(records, "key"))
        for bits, n in zip(*_counted(sides), strict=True):
            by_sides[bits] += n
    standing: dict[int, list[str]] = {
        bits: [name for bit, name in enumerate(SPLITS) if bits >> bit & 1]
        for bits, n in enumerate(by_sides)
        if n
    }
    by_split: Counter[str] = Counter()
    for bits, names in standing.items():
        for name in names:
            by_split[name] += by_sides[bits]
    return (
        {name: by_split[name] for name in SPLITS if name in by_split},
        [
            People(source=source, split=name, patients=n)
            for source, row in zip(sources, by_source.tolist(), strict=True)
            for name, n in zip(SPLITS, row, strict=True)
            if n
        ],
        [
            Shared(splits=names, patients=by_sides[bits])
            for bits, names in standing.items()
            if len(names) > 1
        ],
    )


def _numbered(records: Records) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the keys, and how many records each has."""
    first = starts(records, "key")
    return np.arange(len(first)), np.diff(np.append(first, len(records)))


def _counted(numbers: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """The distinct numbers, and how often each stands there."""
    values, n = np.unique(numbers, return_counts=True)
    return values.tolist(), n.tolist()


def reuse(facts: Facts) -> list[Reuse]:
    """Pictures by the number of tasks that show them."""
    tasks: Counter[int] = Counter()
    for records in facts.spools["pictures"].sorted("task"):
        shown = records[starts(records, "key", "task")]
        for number, n in zip(
            *_counted(np.diff(np.append(starts(shown, "key"), len(shown)))), strict=True
        ):
            tasks[number] += n
    return [Reuse(tasks=number, pictures=n) for number, n in sorted(tasks.items())]
