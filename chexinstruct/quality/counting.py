"""Rows, lengths, repeats, faults, people and pictures, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

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


_KINDS = """
CREATE TABLE equal AS
SELECT pair, count(*) AS kinds, count(*) FILTER (low <> high) AS across
FROM (SELECT pair, min(split) AS low, max(split) AS high FROM kinds GROUP BY pair, same)
GROUP BY pair
"""


def repeats(facts: Facts) -> list[Repeats]:
    """What each task and source says more than once."""
    total: Counter[int] = Counter()
    for (pair, _), n in facts.sums.rows.items():
        total[pair] += n
    facts.run(_KINDS)
    kinds = dict(facts.ask("SELECT pair, kinds FROM equal"))
    responses = dict(
        facts.ask(
            "SELECT pair, count(*) FROM (SELECT DISTINCT pair, response FROM said) GROUP BY pair"
        )
    )
    contradictions = {
        pair: (questions, rows)
        for pair, questions, rows in facts.ask(
            """
            SELECT pair, count(*), sum(n)::BIGINT
            FROM (
                SELECT pair, count(*) AS n FROM kinds GROUP BY pair, shown
                HAVING min(answer) <> max(answer)
            )
            GROUP BY pair
            """
        )
    }
    found = []
    for pair, (task, source) in enumerate(facts.pairs):
        if pair in total:
            questions, rows = contradictions.get(pair, (0, 0))
            found.append(
                Repeats(
                    task=task,
                    source=source,
                    rows=total[pair] - kinds[pair],
                    responses=total[pair] - responses[pair],
                    contradictions=questions,
                    contradicting_rows=rows,
                )
            )
    return found


def across_splits(facts: Facts) -> list[AcrossSplits]:
    """People and equal rows that stand in several splits of a task and source, where any do."""

    patients = dict(
        facts.ask(
            """
            SELECT pair, count(*)
            FROM (SELECT pair FROM patients GROUP BY pair, patient HAVING min(split) <> max(split))
            GROUP BY pair
            """
        )
    )
    rows = dict(facts.ask("SELECT pair, across FROM equal WHERE across > 0"))
    return [
        AcrossSplits(
            task=facts.pairs[pair][0],
            source=facts.pairs[pair][1],
            patients=patients.get(pair, 0),
            rows=rows.get(pair, 0),
        )
        for pair in sorted(patients.keys() | rows.keys())
    ]


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
    facts.run(
        "CREATE TABLE people AS SELECT DISTINCT source, split, patient "
        "FROM patients JOIN pairs USING (pair)"
    )
    by_split = {
        SPLITS[split]: n
        for split, n in facts.ask(
            "SELECT split, count(DISTINCT patient) FROM people GROUP BY split ORDER BY split"
        )
    }
    by_source = [
        People(source=source, split=SPLITS[split], patients=n)
        for source, split, n in facts.ask(
            "SELECT source, split, count(*) FROM people GROUP BY ALL ORDER BY ALL"
        )
    ]
    shared = [
        Shared(splits=[name for bit, name in enumerate(SPLITS) if sides >> bit & 1], patients=n)
        for sides, n in facts.ask(
            """
            SELECT sides, count(*)
            FROM (SELECT bit_or(1 << split) AS sides FROM people GROUP BY patient)
            WHERE bit_count(sides) > 1 GROUP BY sides ORDER BY sides
            """
        )
    ]
    return by_split, by_source, shared


def reuse(facts: Facts) -> list[Reuse]:
    """Pictures by the number of tasks that show them."""
    return [
        Reuse(tasks=tasks, pictures=n)
        for tasks, n in facts.ask(
            """
            SELECT tasks, count(*)
            FROM (
                SELECT count(*) AS tasks
                FROM (SELECT DISTINCT picture, task FROM shown JOIN pairs USING (pair))
                GROUP BY picture
            )
            GROUP BY tasks ORDER BY tasks
            """
        )
    ]
