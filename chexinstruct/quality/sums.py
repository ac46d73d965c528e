"""Sums that are few whatever the number of rows: by task, length, place and side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.quality.batch import Batch, kinds, right_options, used
from chexinstruct.quality.columns import Coded, Numbers, joined
from chexinstruct.schema import SPLITS

FEW_ANSWERS = 5
"""Distinct answers of a form without options that is taken for a choice among them."""

FAULTS = (
    *("empty", "blank", "punctuation", "one_word_again"),
    *("question", "template_marks", "masked"),
)
"""What is wrong with an answer, in the order in which it is told."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of rows, and what its name says of them."""

    path: Path
    task: str
    source: str
    split: str
    root: str
    """The source whose pictures the source shows."""
    rows: int
    """As the lock has it."""


class Sums:
    """What is few, whatever the number of rows."""

    def __init__(self) -> None:
        self.rows: Counter[tuple[int, int]] = Counter()
        """By pair and split."""
        self.lengths: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
        """Rows by length; by task, text and unit."""
        self.faults: Counter[tuple[int, str]] = Counter()
        """By pair and kind."""
        self.sided: Counter[tuple[str, str]] = Counter()
        """By task and ``metadata.balance``."""
        self.yes_no: Counter[tuple[str, str | None, bool]] = Counter()
        """By task, finding and whether it is yes."""
        self.chosen: Counter[tuple[str, str, int]] = Counter()
        """Rows with right options by task, form and number of options."""
        self.right: Counter[tuple[str, str, int]] = Counter()
        """Right options in them."""
        self.stand: Counter[tuple[str, str, int, str | None]] = Counter()
        """Right options by task, form, place and label."""
        self.few: dict[tuple[str, str], set[int]] = defaultdict(set)
        """Answers without options that are not yes or no, some more than are few; by task, form."""
        self.free: Counter[tuple[str, str]] = Counter()
        """Rows that give them."""

    def add(self, batch: Batch, file: DataFile, pair: int) -> None:
        """Count some rows of a file."""
        self.rows[pair, SPLITS.index(file.split)] += len(batch)
        for name, column, known in (
            ("instruction", batch.instruction, batch.asked),
            ("response", batch.response, batch.told),
        ):
            n = column.counts()
            self._measure((file.task, name, "characters"), known.characters, n)
            self._measure((file.task, name, "words"), known.words, n)
        self._find_faults(batch, pair)
        self._take_sides(batch, file.task)
        self._find_places(batch, file.task)
        self._find_few(batch, file.task)

    def take(self, other: Sums) -> None:
        """Add what was counted of other rows."""
        for name, added in vars(other).items():
            if isinstance(added, Counter):
                getattr(self, name).update(added)
        for key, rows in other.lengths.items():
            self.lengths[key].update(rows)
        for form, answers in other.few.items():
            known = self.few[form]
            if len(known) <= FEW_ANSWERS:
                known |= answers

    def _measure(self, key: tuple[str, str, str], lengths: Numbers, n: Numbers) -> None:
        sizes, which = np.unique(lengths, return_inverse=True)
        rows = np.bincount(which, n).astype(np.int64)
        self.lengths[key].update(dict(zip(sizes.tolist(), rows.tolist(), strict=True)))

    def _find_faults(self, batch: Batch, pair: int) -> None:
        told, n = batch.told, batch.response.counts()
        empty = told.characters == 0
        of_responses = {
            "empty": empty,
            "blank": ~empty & (told.words == 0),
            "punctuation": (told.words > 0) & ~told.letters,
            "one_word_again": told.one_word,
            "masked": told.masked,
        }
        for kind, those in of_responses.items():
            self.faults[pair, kind] += int(n[those].sum())
        self.faults[pair, "question"] += int(
            np.count_nonzero(batch.echo & ~empty[batch.response.codes])
        )
        if told.marks.any() or batch.asked.marks.any():
            marked = told.marks[batch.response.codes] | batch.asked.marks[batch.instruction.codes]
            self.faults[pair, "template_marks"] += int(np.count_nonzero(marked))

    def _take_sides(self, batch: Batch, task: str) -> None:
        for balance, n in _counted(batch.balance):
            self.sided[task, balance] += n
        yes = batch.answer.known.yes[batch.answer.codes]
        for is_yes in (True, False):
            codes = batch.finding.codes[yes == is_yes]
            for finding, n in _counted(Coded(codes, batch.finding.values)):
                self.yes_no[task, finding, is_yes] += n
            if none := int(np.count_nonzero(codes < 0)):
                self.yes_no[task, None, is_yes] += none

    def _find_places(self, batch: Batch, task: str) -> None:
        forms = batch.form.values.to_pylist()
        labels = batch.options.texts("label").values.to_pylist()
        found = np.zeros(len(batch), np.int64)
        for right in right_options(batch.options, batch.right):
            found[right.rows] += 1
            form = batch.form.codes[right.rows]
            for (f, place, label), n in _together(form, right.places, right.labels):
                self.stand[task, forms[f], place, labels[label] if label >= 0 else None] += n
        rows = np.flatnonzero(found)
        for (f, choices, n_right), n in _together(
            batch.form.codes[rows], batch.choices[rows], found[rows]
        ):
            self.chosen[task, forms[f], choices] += n
            self.right[task, forms[f], choices] += n * n_right

    def _find_few(self, batch: Batch, task: str) -> None:
        answer = batch.answer
        free = (batch.choices == 0) & (answer.known.yes[answer.codes] < 0)
        for code in used(batch.form.codes[free]).tolist():
            name = batch.form.values[code].as_py()
            those = free & (batch.form.codes == code)
            self.free[task, name] += int(np.count_nonzero(those))
            known = self.few[task, name]
            if len(known) <= FEW_ANSWERS:
                known.update(np.unique(answer.hashes[those])[: FEW_ANSWERS + 1].tolist())


def _counted(column: Coded) -> Iterator[tuple[str, int]]:
    """The values that rows have, and how many have them."""
    n = column.counts()
    there = np.flatnonzero(n)
    return zip(column.values.take(pa.array(there)).to_pylist(), n[there].tolist(), strict=True)


def _together(*columns: npt.NDArray[Any]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Each combination of small numbers, and how many rows have it."""
    first, n = kinds(joined(*(column.astype(np.uint64) for column in columns)))
    return zip(
        zip(*(column[first].tolist() for column in columns), strict=True), n.tolist(), strict=True
    )
