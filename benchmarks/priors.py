"""How far a model gets that reads the questions of a corpus and looks at no picture.

    python benchmarks/priors.py CORPUS

prints, for each task, form and source with closed answers, the accuracy of three guessers:
``chance`` picks any option, ``majority`` always gives the answer that is right most often, and
``prior`` gives for each question, without its phrasing, the answer that was right most often where
the same was asked, or the option that was right most often where it was offered. ``prior`` learns
on four fifths of the studies and is scored on the rest, so that it does not count its own answers.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import pyarrow.parquet as pq

from chexinstruct.config import load_yaml, shipped
from chexinstruct.templating import MULTIPLE, Template

FOLDS = 5
CLOSED = 4
"""Answers without options are closed if there are no more kinds of them than this in a group."""
FAITH = 2
"""Weight of what holds of an option anywhere, in rows, against what holds of it in one question."""
COLUMNS = ["task", "form", "source", "study_id", "instruction", "options", "answers", "template"]

Answer = tuple[str, ...]


class Row(NamedTuple):
    """What a guesser needs of a row."""

    task: str
    form: str
    source: str
    study: str
    question: tuple[tuple[str, str], ...]
    """What the phrasing was filled with, options and history aside."""
    options: tuple[str, ...]
    answer: Answer


class Guess(NamedTuple):
    """Accuracies of the guessers on the rows of one task, form and source."""

    task: str
    form: str
    source: str
    rows: int
    chance: float | None
    """None where several options may be right."""
    majority: float
    prior: float

    @property
    def noise(self) -> float:
        """Standard error of a guess that is right by chance."""
        share = self.chance or 0.5
        return float((share * (1 - share) / self.rows) ** 0.5)


@cache
def _template(task: str) -> Template:
    return load_yaml(shipped("templates") / f"{task}.yaml", Template)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The phrasing of a row as a pattern of the instructions that it makes."""
    task, _, rest = name.partition("@")
    _, form, number = rest.split("/")
    pattern, seen = "", set()
    for text, slot in re.findall(
        r"([^{]*)(?:\{\{ (\w+) \}\})?", _template(task).forms[form].phrasings[int(number)]
    ):
        pattern += re.escape(text)
        if slot:
            pattern += f"(?P={slot})" if slot in seen else f"(?P<{slot}>.*)"
            seen.add(slot)
    return re.compile(rf"{pattern}(?:\n.*)?", re.DOTALL)


def _question(template: str, instruction: str) -> tuple[tuple[str, str], ...]:
    match = _pattern(template).fullmatch(instruction)
    slots = match.groupdict() if match else {"instruction": instruction}
    return tuple(sorted((k, v) for k, v in slots.items() if k not in ("options", "history")))


def rows_of(corpus: Path, tasks: Iterable[str] | None = None) -> list[Row]:
    """The rows of a corpus that was built with the shipped templates."""
    found = []
    for path in sorted((corpus / "data").glob("*/*.parquet")):
        if tasks is not None and path.parent.name not in tasks:
            continue
        for row in pq.read_table(path, columns=COLUMNS).to_pylist():
            options = tuple(option["text"] for option in row["options"])
            found.append(
                Row(
                    row["task"],
                    row["form"],
                    row["source"],
                    row["study_id"],
                    _question(row["template"], row["instruction"]),
                    options,
                    tuple(sorted(row["answers"])),
                )
            )
    return found


def guesses(rows: Iterable[Row]) -> list[Guess]:
    """The accuracies of the guessers in every group of closed answers."""
    ordered = sorted(rows, key=lambda row: row[:3])
    found = []
    for (task, form, source), group in groupby(ordered, key=lambda row: row[:3]):
        members = [row for row in group if row.answer]
        if members and (members[0].options or len({row.answer for row in members}) <= CLOSED):
            found.append(Guess(task, form, source, len(members), *_accuracies(form, members)))
    return found


def _accuracies(form: str, rows: Sequence[Row]) -> tuple[float | None, float, float]:
    kinds = Counter(row.answer for row in rows)
    chance = sum(1 / (len(row.options) or len(kinds)) for row in rows) / len(rows)
    hits = 0.0
    for fold in range(FOLDS):
        held = [row for row in rows if crc32(row.study.encode()) % FOLDS == fold]
        learnt = _Learnt(row for row in rows if crc32(row.study.encode()) % FOLDS != fold)
        hits += sum(learnt.hit(row, several=form in MULTIPLE) for row in held)
    return (
        None if form in MULTIPLE else chance,
        max(kinds.values()) / len(rows),
        hits / len(rows),
    )


class _Learnt:
    """How often answers were right by question, and options by question and anywhere."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.answers: defaultdict[object, Counter[Answer]] = defaultdict(Counter)
        self.offered: Counter[object] = Counter()
        self.right: Counter[object] = Counter()
        for row in rows:
            self.answers[row.question][row.answer] += 1
            self.answers[None][row.answer] += 1
            for option in row.options:
                for key in (option, (row.question, option)):
                    self.offered[key] += 1
                    self.right[key] += option in row.answer

    def hit(self, row: Row, *, several: bool) -> float:
        """The probability that the best guess is right; equally good ones share it."""
        scores: dict[Answer, float]
        if row.options and not several:
            scores = {(option,): self._score(row, option) for option in row.options}
        else:
            scores = dict(self.answers.get(row.question) or self.answers[None])
        if not scores:
            return 0.0
        top = max(scores.values())
        best = [answer for answer, score in scores.items() if score > top - 1e-9]
        return (row.answer in best) / len(best)

    def _score(self, row: Row, option: str) -> float:
        base = 1 / len(row.options)
        anywhere = (self.right[option] + FAITH * base) / (self.offered[option] + FAITH)
        key = (row.question, option)
        return (self.right[key] + FAITH * anywhere) / (self.offered[key] + FAITH)


def main() -> None:
    """Print the table of a corpus in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    print("| task | form | source | rows | chance | majority | prior |")
    print("|---|---|---|---:|---:|---:|---:|")
    for g in guesses(rows_of(parser.parse_args().corpus)):
        chance = "" if g.chance is None else f"{g.chance:.2f}"
        cells = [f"`{g.task}`", f"`{g.form}`", f"`{g.source}`", f"{g.rows:,}", chance]
        print("|", " | ".join([*cells, f"{g.majority:.2f}", f"{g.prior:.2f}"]), "|")


if __name__ == "__main__":
    main()
