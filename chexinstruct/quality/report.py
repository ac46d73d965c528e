"""The quality report of a corpus: plain records, every figure with its unit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

TITLES = {
    "rows": "Rows by task and by source",
    "people": "People by source and split",
    "priors": "Accuracy without looking at the picture, by task",
    "balance": "Balance of answers, by task",
    "lengths": "Words of an answer and of its instruction, by task",
}
"""Of the plots, in the order in which they are read; the keys are names of files."""


class Count(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of one (task, source, split)."""

    task: str
    source: str
    split: str
    rows: int


class Guess(msgspec.Struct, kw_only=True, frozen=True):
    """How far the answers of a (task, source) can be guessed without the picture.

    An answer is the right option or the accepted answers, else the response; case and the order of
    several answers do not matter. A question is the instruction with its earlier turns; where it
    shows options, its words in any order, so that another order of the options is the same
    question.
    """

    task: str
    source: str
    rows: int
    answers: int
    """Distinct answers."""
    majority_rows: int
    """Rows with the most frequent answer."""
    majority: str | None
    """That answer; None where it is longer than 60 characters or no answer is given twice."""
    question_prior: float
    """Expected accuracy, 0 to 1, of giving each row the most frequent answer that the other rows
    with its question have; ties are broken by lot, a question that no other row asks is answered
    by chance."""
    chance: float
    """Expected accuracy of drawing one of the options; without options, one of two for yes or no,
    one of the answers where a form has five or fewer for all its rows (ten rows an answer at
    least), and 0 for free text."""
    asked_once: int
    """Rows whose question no other row asks."""


class Places(msgspec.Struct, kw_only=True, frozen=True):
    """Where the right options of a (task, form) stand among the options shown."""

    task: str
    form: str
    rows: int
    """Rows with options, of which at least one is right."""
    positions: list[int]
    """Right options that stand first, second, ..."""
    expected: list[float]
    """The same if the order were drawn by lot."""
    labels: dict[str, int]
    """Right options by the label they carry (A, b, 3); those without are not counted."""

    @property
    def bias(self) -> float:
        """Share of the right options that would have to move, 0 to 1 (total variation)."""
        total = sum(self.positions)
        moved = sum(abs(n - e) for n, e in zip(self.positions, self.expected, strict=True))
        return moved / (2 * total) if total else 0.0


class YesNo(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of a (task, finding) that are answered by yes or no."""

    task: str
    finding: str | None
    """None where the row names none."""
    yes: int
    no: int


class Balance(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of each side of a question with sides, such as a finding present or absent."""

    task: str
    group: str
    """What has the sides: a finding, a question; empty where several are counted together, such as
    all beyond the hundred largest of a task."""
    groups: int
    """How many are counted here: one, unless the group is empty."""
    sides: dict[str, int]


class Lengths(msgspec.Struct, kw_only=True, frozen=True):
    """Lengths of a text of a task. Words are what white space divides, of instructions without
    the marks ``.,;:``."""

    task: str
    text: str
    """``instruction`` or ``response``."""
    unit: str
    """``characters`` or ``words``."""
    minimum: int
    p5: int
    median: int
    p95: int
    maximum: int
    histogram: list[int]
    """Rows by length: of length 0, then from 1, 2, 4, 8, ... up to below the next of them."""


class Repeats(msgspec.Struct, kw_only=True, frozen=True):
    """What a (task, source) says more than once.

    Pictures are the same where their release and name are.
    """

    task: str
    source: str
    rows: int
    """Rows beyond the first of equal pictures, earlier turns, instruction and response."""
    responses: int
    """Rows beyond the first of equal response, whatever was asked."""
    contradictions: int
    """Questions on the same pictures that have several answers (:class:`Guess` says what is the
    same question and the same answer)."""
    contradicting_rows: int
    """Rows that ask them."""


class AcrossSplits(msgspec.Struct, kw_only=True, frozen=True):
    """What stands on two sides; nothing of it does in a clean corpus."""

    task: str
    source: str
    patients: int
    """People with rows of this task and source in several splits."""
    rows: int
    """Kinds of equal rows (see :class:`Repeats`) that stand in several splits."""


class Faulty(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of a (task, source) that hold no proper answer, by kind; a row may be of several.

    ``empty``: no character; ``blank``: white space alone; ``punctuation``: no letter and no digit;
    ``one_word_again``: one word said two times or more; ``question``: equal to the instruction;
    ``template_marks``: ``{{``, ``}}``, ``{%`` or ``%}`` in response or instruction; ``masked``:
    ``___`` or ``XXXX``, which releases put for what they took out.
    """

    task: str
    source: str
    kinds: dict[str, int]


class People(msgspec.Struct, kw_only=True, frozen=True):
    """Distinct people of a (source, split)."""

    source: str
    split: str
    patients: int


class Shared(msgspec.Struct, kw_only=True, frozen=True):
    """Patients that stand in all of these splits and in no other."""

    splits: list[str]
    patients: int


class Reuse(msgspec.Struct, kw_only=True, frozen=True):
    """Pictures that rows of so many tasks show."""

    tasks: int
    pictures: int


class Concern(msgspec.Struct, kw_only=True, frozen=True):
    """Something to look at, because a figure is past its threshold."""

    what: str
    """The rule, see :mod:`chexinstruct.quality.concerns`."""
    task: str
    source: str | None
    """None where the rule looks at all sources of a task."""
    message: str
    """One line; names keys and findings, never quotes a text of the corpus."""


class Quality(msgspec.Struct, kw_only=True, frozen=True):
    """Figures of a corpus, counted in its rows; lists are sorted by their keys.

    Two fields can quote a text of the corpus, ``majority`` and ``group``; see :meth:`unquoted`.
    """

    name: str
    version: str
    rows: int = 0
    concerns: list[Concern] = []
    counts: list[Count] = []
    guesses: list[Guess] = []
    places: list[Places] = []
    yes_no: list[YesNo] = []
    balance: list[Balance] = []
    lengths: list[Lengths] = []
    repeats: list[Repeats] = []
    faulty: list[Faulty] = []
    """Only tasks and sources that have any."""
    across_splits: list[AcrossSplits] = []
    """Only tasks and sources that have any."""
    patients: dict[str, int] = {}
    """Distinct people by split."""
    people: list[People] = []
    shared_patients: list[Shared] = []
    """Over all tasks and sources; empty in a corpus whose splits are clean."""
    reuse: list[Reuse] = []

    def unquoted(self) -> Quality:
        """The report without any text of the corpus, to stand where the rows may not.

        Frequent answers are left out, and the groups with sides of a task are counted as one.
        """
        sums: dict[str, list[Balance]] = {}
        for item in self.balance:
            sums.setdefault(item.task, []).append(item)
        return msgspec.structs.replace(
            self,
            guesses=[msgspec.structs.replace(guess, majority=None) for guess in self.guesses],
            balance=[_summed(task, items) for task, items in sums.items()],
        )


def _summed(task: str, items: Sequence[Balance]) -> Balance:
    sides: dict[str, int] = {}
    for item in items:
        for side, n in item.sides.items():
            sides[side] = sides.get(side, 0) + n
    groups = sum(item.groups for item in items)
    return Balance(task=task, group="", groups=groups, sides=dict(sorted(sides.items())))
