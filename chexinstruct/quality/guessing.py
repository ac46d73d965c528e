"""What a model can answer without looking: priors of answers and questions, places of options."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.quality.columns import mixed
from chexinstruct.quality.jobs import form_key
from chexinstruct.quality.report import Guess, Places, YesNo
from chexinstruct.quality.rows import Facts
from chexinstruct.quality.spool import Records, Spool, starts
from chexinstruct.quality.sums import FEW_ANSWERS

ROWS_AN_ANSWER = 10
"""Rows that such a form has at least for each of its few answers."""


class _Counts:
    """What the priors of all pairs follow from."""

    def __init__(self) -> None:
        self.among: Counter[tuple[int, int]] = Counter()
        """Rows by pair and number of answers that a draw by lot would be among; 0 for free text."""
        self.alone: Counter[tuple[int, int]] = Counter()
        """The same of questions that one row asks."""
        self.leading: Counter[tuple[int, int]] = Counter()
        """Rows with the most frequent answer of their question, where it is one, by pair and the
        number of answers that are given once less."""

    def add(self, given: Records, among: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> None:
        """Questions with their answers, sorted by question.

        Args:
            given: a record an answer.
            among: how many it is drawn from.
            n: rows that give it.
        """
        _add(self.among, given["pair"], among, n)
        first = starts(given, "key")
        of = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(given))))
        pair, top = given["pair"][first], np.maximum.reduceat(n, first)
        single = np.add.reduceat(n, first) == 1
        _add(self.alone, pair[single], among[first][single], top[single])
        # Left out of its own count, an answer that n rows give is given by n - 1 others. It is the
        # guess if no other answer of the question has as many, and one of several if some have
        # just as many.
        tops = np.bincount(of[n == top[of]], minlength=len(first))
        rivals = np.bincount(of[n == top[of] - 1], minlength=len(first))
        lead = (top > 1) & (tops == 1)
        _add(self.leading, pair[lead], rivals[lead], top[lead])


def _add(
    sums: Counter[tuple[int, int]],
    pair: npt.NDArray[np.uint16],
    number: npt.NDArray[np.int64],
    n: npt.NDArray[np.int64],
) -> None:
    """Count rows by pair and number."""
    keys, which = np.unique(np.stack([pair.astype(np.int64), number]), axis=1, return_inverse=True)
    rows = np.bincount(which, n, keys.shape[1]).astype(np.int64)
    for one, other, many in zip(*keys.tolist(), rows.tolist(), strict=True):
        sums[one, other] += many


@dataclass
class _Majority:
    answers: int = 0
    """Distinct answers."""
    rows: int = 0
    answer: int = 0
    """The most frequent, and how many give it; of several the one with the greatest number."""


def guesses(facts: Facts) -> list[Guess]:
    """How far answers can be guessed, one record a task and source."""
    counts = _Counts()
    majorities = _majorities(_look(facts, counts))
    texts = facts.texts_of({pair: most.answer for pair, most in majorities.items()})
    rows: Counter[int] = Counter()
    by_chance: dict[int, float] = {}
    for (pair, among), n in sorted(counts.among.items()):
        rows[pair] += n
        by_chance[pair] = by_chance.get(pair, 0.0) + _share(among) * n
    right: dict[int, float] = {}
    alone: Counter[int] = Counter()
    for (pair, rivals), n in sorted(counts.leading.items()):
        right[pair] = right.get(pair, 0.0) + n / (1 + rivals)
    for (pair, among), n in sorted(counts.alone.items()):
        right[pair] = right.get(pair, 0.0) + _share(among) * n
        alone[pair] += n
    return [
        Guess(
            task=task,
            source=source,
            rows=rows[pair],
            answers=majority.answers,
            majority_rows=majority.rows,
            majority=texts.get(pair) if majority.rows > 1 else None,
            question_prior=right.get(pair, 0.0) / rows[pair],
            chance=by_chance[pair] / rows[pair],
            asked_once=alone[pair],
        )
        for pair, (task, source) in enumerate(facts.pairs)
        if (majority := majorities.get(pair))  # else files without rows
    ]


def _look(facts: Facts, counts: _Counts) -> Spool:
    """Count the answers of each question; gives all answers with the rows that give them."""
    answers = facts.spool("answers", {"pair": np.uint16, "answer": np.uint64, "n": np.uint32})
    few = _few(facts)
    forms, sizes = pa.array(list(few), pa.uint64()), np.array([*few.values(), 0])
    with answers:
        for records in facts.spools["asked"].sorted("answer"):
            first = starts(records, "key", "answer")
            form = pc.fill_null(pc.index_in(pa.array(records["form"]), forms), -1).to_numpy()
            drawn = np.where(records["yes"] >= 0, 2, sizes[form])
            among = np.where(records["choices"] > 0, records["choices"], drawn).astype(np.int64)
            n = np.add.reduceat(records["n"].astype(np.int64), first)
            given = records[first]
            counts.add(given, np.maximum.reduceat(among, first), n)
            own = mixed(given["answer"] + given["pair"].astype(np.uint64))
            answers.add(own, pair=given["pair"], answer=given["answer"], n=n)
    return answers


def _few(facts: Facts) -> dict[int, int]:
    """By key of the form: how many answers those have that have few."""
    found = {}
    for (task, form), known in facts.sums.few.items():
        answers, rows = len(known), facts.sums.free[task, form]
        if answers <= FEW_ANSWERS and rows >= ROWS_AN_ANSWER * answers:
            found[form_key(task, form)] = max(answers, 2)
    return found


def _majorities(answers: Spool) -> dict[int, _Majority]:
    """By pair."""
    found: defaultdict[int, _Majority] = defaultdict(_Majority)
    for records in answers.sorted():
        first = starts(records, "key")
        n = np.add.reduceat(records["n"].astype(np.int64), first)
        given = records[first]
        order = np.lexsort([given["answer"], n, given["pair"]])
        pairs, begin, kinds = np.unique(given["pair"][order], return_index=True, return_counts=True)
        for pair, last, many in zip(
            pairs.tolist(), order[begin + kinds - 1].tolist(), kinds.tolist(), strict=True
        ):
            own = found[pair]
            own.answers += many
            best = int(n[last]), int(given["answer"][last])
            own.rows, own.answer = max((own.rows, own.answer), best)
    return dict(found)


def _share(among: int) -> float:
    return 1 / among if among else 0.0


def places(facts: Facts) -> list[Places]:
    """Where the right options stand, one record a task and form."""
    sums = facts.sums
    sizes = [(*key, n, sums.right[key]) for key, n in sorted(sums.chosen.items())]
    stand = sums.stand.items()
    found = []
    for task, form in dict.fromkeys((task, form) for task, form, *_ in sizes):
        own = [(choices, n, right) for t, f, choices, n, right in sizes if (t, f) == (task, form)]
        length = max(choices for choices, *_ in own)
        positions = [0] * length
        labels: dict[str, int] = {}
        for (t, f, place, label), n in stand:
            if (t, f) == (task, form):
                positions[place] += n
                if label:
                    labels[label] = labels.get(label, 0) + n
        found.append(
            Places(
                task=task,
                form=form,
                rows=sum(n for _, n, _ in own),
                positions=positions,
                expected=[
                    sum(right / choices for choices, _, right in own if choices >= place)
                    for place in range(1, length + 1)
                ],
                labels=dict(sorted(labels.items())),
            )
        )
    return found


def yes_no(facts: Facts) -> list[YesNo]:
    """Answers by yes and by no, one record a task and finding."""
    counted = facts.sums.yes_no
    keys = {(task, finding) for task, finding, _ in counted}
    return [
        YesNo(
            task=task,
            finding=finding,
            yes=counted[task, finding, True],
            no=counted[task, finding, False],
        )
        for task, finding in sorted(keys, key=lambda k: (k[0], k[1] is not None, k[1] or ""))
    ]
