"""Some rows of a data file as arrays: numbers for what they say, and what is right in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.quality import texts
from chexinstruct.quality.columns import Coded, Codes, Hashes, Lists, Numbers, Rows, joined, mixed


class Batch:
    """What is counted of some rows.

    Args:
        rows: of one file.
    """

    def __init__(self, rows: Rows) -> None:
        self.form = rows.texts("form")
        self.instruction, self.response = rows.texts("instruction"), rows.texts("response")
        self.finding = rows.texts("metadata", "finding")
        self.balance = rows.texts("metadata", "balance")
        self.patient = rows.texts("patient")
        self.options, self.right = rows.lists("options"), rows.lists("answers")
        self.images = rows.lists("image_ids")
        self.pictures = self.images.texts()
        self.asked = texts.asked(self.instruction.values)
        self.told = texts.told(self.response.values)
        self.choices = self.options.sizes.astype(np.uint64)
        self.picture = texts.hashes(self.pictures.values)
        """Of each picture, not of each row, as what follows."""
        self.responses = texts.hashes(self.response.values)
        """Of each response."""
        self.people = texts.hashes(self.patient.values)
        """Of each patient."""
        said = texts.hashes(self.instruction.values)[self.instruction.codes]
        self.echo = said == self.responses[self.response.codes]
        """Whether response and instruction are the same."""
        turns = _turns(rows.lists("history"))
        pictures = self.images.hashes(self.picture[self.pictures.codes])
        # Another order of the options is the same question: a sum has the same words in any order.
        words = mixed(self.asked.in_any_order)[self.instruction.codes]
        self.question = joined(turns, np.where(self.choices == 0, said, words))
        self.shown = joined(pictures, self.question)
        """The question on these pictures."""
        self.same = joined(pictures, turns, said, self.responses[self.response.codes])
        self.answer = Answers(self.response, self.right)

    def __len__(self) -> int:
        return len(self.form.codes)


class Answers:
    """The right option or the accepted answers of each row, else its response."""

    def __init__(self, response: Coded, right: Lists) -> None:
        several, sizes = right.texts(), right.sizes
        codes = response.codes.astype(np.int64)
        one = sizes == 1
        codes[one] = len(response.values) + several.codes[right.ends[:-1][one]]
        values = [response.values, several.values]
        more = np.flatnonzero(sizes > 1)
        if len(more):
            kinds = right.hashes(texts.hashes(several.values)[several.codes])[more]
            _, first, which = np.unique(kinds, return_index=True, return_inverse=True)
            codes[more] = len(response.values) + len(several.values) + which
            values.append(texts.together(_taken(right, several, more[first])))
        used = np.zeros(sum(map(len, values)), bool)
        used[codes] = True
        self.codes = (np.cumsum(used) - 1)[codes]
        """Of each row."""
        self.known = texts.answered(pa.concat_arrays(values).filter(pa.array(used)))
        """The answers that the codes mean."""
        self.hashes = self.known.hashes[self.codes]
        """Of each row."""


def _taken(right: Lists, several: Coded, rows: Numbers) -> pa.ListArray:
    """The answers of some rows, spelled out."""
    sizes = right.sizes[rows]
    ends = np.cumsum(sizes)
    items = np.arange(ends[-1]) + np.repeat(right.ends[rows] - (ends - sizes), sizes)
    spelled = several.values.take(pa.array(several.codes[items]))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), spelled)


def _turns(history: Lists) -> Hashes:
    """A number for the earlier turns of each row."""
    if not history.ends[-1]:
        return np.zeros(len(history.ends) - 1, np.uint64)
    sides = [history.texts(name) for name in ("question", "answer")]
    first, second = (texts.hashes(side.values)[side.codes] for side in sides)
    return history.hashes(joined(first, second))


class Right(NamedTuple):
    """A right option in each of some rows."""

    rows: Numbers
    places: Numbers
    """From 0 on."""
    labels: Codes
    """Of the values of the column of labels."""


def right_options(options: Lists, right: Lists) -> Iterator[Right]:
    """Where the right options stand: of all rows the first, then the second, and so on.

    Args:
        options: as shown: with the marks that mean something to models broken up.
        right: answers, which are kept bare.
    """
    shown, several, labels = options.texts("text"), right.texts(), options.texts("label")
    bare = pc.replace_substring(several.values, "<|", "< |")
    wanted = pc.replace_substring(bare, "<image>", "< image>")
    # Values are distinct within a row group alone, so texts are compared by their first place.
    known = pc.index_in(shown.values, shown.values).to_numpy()[shown.codes]
    place = pc.fill_null(pc.index_in(wanted, shown.values), -1).to_numpy()[several.codes]
    rows = np.flatnonzero((options.sizes > 0) & (right.sizes > 0))
    number = 0
    while len(rows):
        sizes = options.sizes[rows]
        ends = np.cumsum(sizes)
        # All options of these rows, one behind the other.
        starts = options.ends[rows] - (ends - sizes)
        items = np.arange(ends[-1]) + np.repeat(starts, sizes)
        aims = np.repeat(place[right.ends[rows] + number], sizes)
        hits = np.flatnonzero(known[items] == aims)
        owner = np.searchsorted(ends, hits, side="right")
        first = np.append(True, owner[1:] != owner[:-1]) if len(owner) else owner.astype(bool)
        hits, owner = hits[first], owner[first]
        found = items[hits]
        yield Right(rows[owner], found - options.ends[rows[owner]], labels.codes[found])
        number += 1
        rows = rows[right.sizes[rows] > number]


def kinds(numbers: Hashes) -> tuple[Numbers, Numbers]:
    """A row of each number, and how many rows have it."""
    _, first, n = np.unique(numbers, return_index=True, return_counts=True)
    return first, n


def used(codes: npt.NDArray[Any]) -> Numbers:
    """The codes that rows have, null left out."""
    seen = np.zeros(int(codes.max(initial=-1)) + 1, bool)
    seen[codes[codes >= 0]] = True
    return np.flatnonzero(seen)
