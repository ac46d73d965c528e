"""What a model can answer without looking: priors of answers and questions, places of options."""

from __future__ import annotations

from chexinstruct.quality.report import Guess, Places, YesNo
from chexinstruct.quality.rows import Facts

FEW_ANSWERS = 5
"""Distinct answers of a form without options that is taken for a choice among them."""
ROWS_AN_ANSWER = 10
"""Rows such a form has at least for each of its answers."""

_CHANCES = f"""
-- Rows by the number of answers that a draw by lot would be among; 0 for free text.
CREATE TABLE chances AS
SELECT task, form, CASE
    WHEN answers > {FEW_ANSWERS} OR n < {ROWS_AN_ANSWER} * answers THEN 0
    ELSE greatest(answers, 2) END::UINTEGER AS few
FROM (
    SELECT task, form, count(DISTINCT answer) AS answers, sum(n) AS n
    FROM asked JOIN pairs USING (pair) WHERE choices = 0 AND yes < 0 GROUP BY task, form
)
"""
_GIVEN = """
CREATE TABLE given AS
SELECT asked.pair, question, answer, sum(n)::BIGINT AS n, max(CASE
    WHEN choices > 0 THEN choices WHEN yes >= 0 THEN 2 ELSE coalesce(few, 0) END) AS among
FROM asked JOIN pairs USING (pair) LEFT JOIN chances USING (task, form)
GROUP BY asked.pair, question, answer
"""
# Left out of its own count, an answer that n rows give is given by n - 1 others. It is the guess if
# no other answer of the question has as many, and one of several if some have just as many.
_PRIORS = """
SELECT pair, rivals, sum(top)::BIGINT
FROM (
    SELECT pair, question, any_value(top) AS top,
        count(*) FILTER (n = top) AS tops, count(*) FILTER (n = top - 1) AS rivals
    FROM given JOIN (
        SELECT pair, question, max(n) AS top FROM given GROUP BY pair, question HAVING max(n) > 1
    ) USING (pair, question)
    GROUP BY pair, question
)
WHERE tops = 1 GROUP BY pair, rivals ORDER BY pair, rivals
"""
_ALONE = """
SELECT pair, among, count(*)
FROM (
    SELECT pair, any_value(among) AS among
    FROM given GROUP BY pair, question HAVING sum(n) = 1
)
GROUP BY pair, among ORDER BY pair, among
"""
_MAJORITIES = """
WITH answers AS (SELECT pair, answer, sum(n) AS n FROM given GROUP BY pair, answer),
    tops AS (SELECT pair, count(*) AS answers, max_by(answer, (n, answer)) AS answer, max(n) AS n
        FROM answers GROUP BY pair)
SELECT tops.pair, any_value(answers), any_value(tops.n)::BIGINT, min(short)
FROM tops LEFT JOIN shorts USING (pair, answer) GROUP BY tops.pair
"""


def guesses(facts: Facts) -> list[Guess]:
    """How far answers can be guessed, one record a task and source."""
    facts.run(_CHANCES)
    facts.run(_GIVEN)
    by_chance: dict[int, float] = {}
    rows: dict[int, int] = {}
    for pair, among, n in facts.ask(
        "SELECT pair, among, sum(n)::BIGINT FROM given GROUP BY pair, among ORDER BY pair, among"
    ):
        rows[pair] = rows.get(pair, 0) + n
        by_chance[pair] = by_chance.get(pair, 0.0) + _share(among) * n
    right: dict[int, float] = {}
    alone: dict[int, int] = {}
    for pair, rivals, n in facts.ask(_PRIORS):
        right[pair] = right.get(pair, 0.0) + n / (1 + rivals)
    for pair, among, n in facts.ask(_ALONE):
        right[pair] = right.get(pair, 0.0) + _share(among) * n
        alone[pair] = alone.get(pair, 0) + n
    majorities = {pair: found for pair, *found in facts.ask(_MAJORITIES)}
    found = []
    for pair, (task, source) in enumerate(facts.pairs):
        if pair not in rows:
            continue  # a file without rows
        answers, n, text = majorities[pair]
        found.append(
            Guess(
                task=task,
                source=source,
                rows=rows[pair],
                answers=answers,
                majority_rows=n,
                majority=text if n > 1 else None,
                question_prior=right.get(pair, 0.0) / rows[pair],
                chance=by_chance[pair] / rows[pair],
                asked_once=alone.get(pair, 0),
            )
        )
    return found


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
