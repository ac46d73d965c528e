"""What to look at in a corpus: figures past a threshold, the gravest first.

====================  ======================================================================
rule                  looks at a task (and source) if
====================  ======================================================================
people_across_splits  any of its people stands in several splits
rows_across_splits    any equal row stands in several splits
template_marks        any text holds the marks of an unfinished template
empty                 any answer is empty or blank
faulty                more than 0.1 % of its answers (:data:`FAULTY`) are of another faulty kind
constant              one answer is right in 95 % of its rows (:data:`CONSTANT`), of 20 or more
question_prior        the question alone gives the answer of half of its rows
                      (:data:`QUESTION_PRIOR`), and of a fifth (:data:`OVER_CHANCE`) more than
                      chance; of 100 rows or more
contradictions        more than 1 % of its rows (:data:`CONTRADICTING`) ask what another row
                      with the same pictures answers otherwise
repeats               more than 1 % of its rows (:data:`REPEATED`) repeat another
positions             one in ten right options (:data:`MISPLACED`) would have to move for all
                      places to be as frequent as by lot; of 50 an option place or more
yes_no                yes is right in under 20 % or over 80 % (:data:`LOPSIDED`) of the rows of
                      some finding; of 50 or more
====================  ======================================================================

The thresholds are ours: they keep the list short in a corpus that is well made, and prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chexinstruct.quality.report import (
    AcrossSplits,
    Concern,
    Faulty,
    Guess,
    Places,
    Repeats,
    YesNo,
)

FAULTY = 0.001
CONSTANT, CONSTANT_ROWS = 0.95, 20
QUESTION_PRIOR, OVER_CHANCE, PRIOR_ROWS = 0.5, 0.2, 100
CONTRADICTING = 0.01
REPEATED = 0.01
MISPLACED, ROWS_A_PLACE = 0.1, 50
LOPSIDED, SIDED_ROWS = 0.2, 50

ALWAYS = {"template_marks": "template_marks", "empty": "empty", "blank": "empty"}
"""Kinds of faulty answers of which one is enough, with their rule."""


def concerns(
    guesses: Sequence[Guess],
    places: Sequence[Places],
    yes_no: Sequence[YesNo],
    repeats: Sequence[Repeats],
    faulty: Sequence[Faulty],
    across: Sequence[AcrossSplits],
) -> list[Concern]:
    """What is past its threshold, by rule in the order of the table above, then by task."""
    rows = {(guess.task, guess.source): guess.rows for guess in guesses}
    found = [
        *_splits(across),
        *_faults(faulty, rows),
        *_guessed(guesses),
        *_repeated(repeats, rows),
        *_misplaced(places),
        *_lopsided(yes_no),
    ]
    return sorted(found, key=lambda c: (RULES.index(c.what), c.task, c.source or ""))


RULES = (
    "people_across_splits",
    "rows_across_splits",
    "template_marks",
    "empty",
    "faulty",
    "constant",
    "question_prior",
    "contradictions",
    "repeats",
    "positions",
    "yes_no",
)


def _splits(across: Sequence[AcrossSplits]) -> Iterator[Concern]:
    for item in across:
        for what, n, told in (
            ("people_across_splits", item.patients, "people stand in several splits"),
            ("rows_across_splits", item.rows, "equal rows stand in several splits"),
        ):
            if n:
                yield _concern(what, item.task, item.source, f"{n:,} {told}")


def _faults(faulty: Sequence[Faulty], rows: dict[tuple[str, str], int]) -> Iterator[Concern]:
    for item in faulty:
        total = rows[item.task, item.source]
        for kind, n in item.kinds.items():
            rule = ALWAYS.get(kind, "faulty")
            if kind in ALWAYS or n > FAULTY * total:
                told = f"{n:,} of {total:,} answers: {kind.replace('_', ' ')}"
                yield _concern(rule, item.task, item.source, told)


def _guessed(guesses: Sequence[Guess]) -> Iterator[Concern]:
    for guess in guesses:
        share = guess.majority_rows / guess.rows
        if guess.rows >= CONSTANT_ROWS and share >= CONSTANT:
            told = f"one answer is right in {share:.1%} of {guess.rows:,} rows"
            yield _concern("constant", guess.task, guess.source, told)
        elif (
            guess.rows >= PRIOR_ROWS
            and guess.question_prior >= QUESTION_PRIOR
            and guess.question_prior - guess.chance >= OVER_CHANCE
        ):
            told = (
                f"the question alone gives {guess.question_prior:.0%} of the answers, "
                f"chance {guess.chance:.0%}"
            )
            yield _concern("question_prior", guess.task, guess.source, told)


def _repeated(repeats: Sequence[Repeats], rows: dict[tuple[str, str], int]) -> Iterator[Concern]:
    for item in repeats:
        total = rows[item.task, item.source]
        if item.contradicting_rows > CONTRADICTING * total:
            told = (
                f"{item.contradictions:,} questions on the same pictures have several answers "
                f"({item.contradicting_rows / total:.1%} of the rows)"
            )
            yield _concern("contradictions", item.task, item.source, told)
        if item.rows > REPEATED * total:
            told = f"{item.rows:,} rows ({item.rows / total:.1%}) repeat another"
            yield _concern("repeats", item.task, item.source, told)


def _misplaced(places: Sequence[Places]) -> Iterator[Concern]:
    for item in places:
        if item.rows >= ROWS_A_PLACE * len(item.positions) and item.bias > MISPLACED:
            over = [n - e for n, e in zip(item.positions, item.expected, strict=True)]
            place = over.index(max(over))
            share, by_lot = (
                x[place] / sum(item.positions) for x in (item.positions, item.expected)
            )
            told = (
                f"form {item.form}: the right option stands at place {place + 1} in {share:.0%}, "
                f"by lot {by_lot:.0%}"
            )
            yield _concern("positions", item.task, None, told)


def _lopsided(yes_no: Sequence[YesNo]) -> Iterator[Concern]:
    for task in dict.fromkeys(item.task for item in yes_no):
        own = [i for i in yes_no if i.task == task and i.yes + i.no >= SIDED_ROWS]
        shares = [
            (item.yes / (item.yes + item.no), item.finding or "no finding named") for item in own
        ]
        bad = [(yes, name) for yes, name in shares if not LOPSIDED <= yes <= 1 - LOPSIDED]
        if bad:
            yes, name = max(bad, key=lambda one: abs(one[0] - 0.5))
            told = (
                f"{len(bad)} of {len(own)} findings lean to one answer, most of all {name}: "
                f"yes in {yes:.0%}"
            )
            yield _concern("yes_no", task, None, told)


def _concern(what: str, task: str, source: str | None, told: str) -> Concern:
    where = f"{task}, {source}" if source else task
    return Concern(what=what, task=task, source=source, message=f"{where}: {told}")
