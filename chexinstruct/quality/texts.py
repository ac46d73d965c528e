"""What is to be known of distinct texts: numbers for them, their words, answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from chexinstruct.quality.columns import Bool, Codes, Hashes, Lists, Numbers

SLICE_BYTES = 1 << 20
"""Bytes of texts whose words are looked at together."""
SHORT = 60
"""Characters of the longest answer that is kept as text."""
WHITE = " \t\n\r"
"""What is no part of an answer at its ends."""

_N = TypeVar("_N", np.int64, np.uint64, np.bool_)

TEMPLATE_MARKS = ("{{", "}}", "{%", "%}")
MASKS = ("___", "XXXX")
_ALL_ONES = np.uint64(np.iinfo(np.uint64).max)


def hashes(texts: pa.StringArray) -> Hashes:
    """A number for each text.

    It has 64 bits: two of ten million texts share one in one of 400,000 corpora.
    """
    found = map(xxh3_64_intdigest, map(str.encode, texts.to_pylist()))
    return np.fromiter(found, np.uint64, len(texts))


class Answered(NamedTuple):
    """What is known of some answers, an item each."""

    hashes: Hashes
    """Equal where only case and the white space around them differ."""
    short: pa.StringArray
    """The text, null where it is long."""
    yes: npt.NDArray[np.int8]
    """1 for yes, 0 for no, else -1."""


def answered(texts: pa.StringArray) -> Answered:
    """What answers tell."""
    bare = pc.utf8_trim(texts, characters=WHITE)
    lower = pc.utf8_lower(bare)
    short = pc.if_else(
        pc.less_equal(pc.utf8_length(bare), SHORT), bare, pa.scalar(None, pa.string())
    )
    yes, no = (pc.equal(lower, word).to_numpy(zero_copy_only=False) for word in ("yes", "no"))
    return Answered(hashes(lower), short, np.where(yes, 1, np.where(no, 0, -1)).astype(np.int8))


def together(answers: pa.ListArray) -> pa.StringArray:
    """Several answers as one text, whatever their order."""
    return pa.array([", ".join(sorted(several)) for several in answers.to_pylist()], pa.string())


class Asked(NamedTuple):
    """What is known of some instructions, an item each. Their words are without ``.,;:``."""

    characters: Numbers
    words: Numbers
    in_any_order: Hashes
    """A number that follows from the words, in whatever order they stand."""
    marks: Bool
    """Whether marks of a template stand in it."""


class Told(NamedTuple):
    """What is known of some responses, an item each."""

    characters: Numbers
    words: Numbers
    one_word: Bool
    """Whether all its words are the same, and there are several."""
    letters: Bool
    """Whether it has a letter or a digit."""
    marks: Bool
    """Whether marks of a template stand in it."""
    masked: Bool
    """Whether something was taken out of it."""


def asked(texts: pa.StringArray) -> Asked:
    """What instructions tell."""
    parts = [_asked(_Words(part)) for part in _slices(texts)]
    return Asked(*map(np.concatenate, zip(*parts, strict=True)))


def told(texts: pa.StringArray) -> Told:
    """What responses tell."""
    parts = [_told(_Words(part)) for part in _slices(texts)]
    return Told(*map(np.concatenate, zip(*parts, strict=True)))


def _asked(words: _Words) -> Asked:
    bare = words.values
    for mark in ".,;:":
        bare = pc.replace_substring(bare, mark, "")
    there = pc.not_equal(bare, "").to_numpy(zero_copy_only=False)
    return Asked(
        characters=words.characters(),
        words=words.sums(there.astype(np.int64)),
        in_any_order=words.sums(np.where(there, hashes(bare), np.uint64(0))),
        marks=words.any(_contain(words.values, TEMPLATE_MARKS)),
    )


def _told(words: _Words) -> Told:
    there = pc.not_equal(words.values, "").to_numpy(zero_copy_only=False)
    numbers = hashes(words.values)
    low = words.reduced(np.minimum, np.where(there, numbers, _ALL_ONES))
    high = words.reduced(np.maximum, np.where(there, numbers, np.uint64(0)))
    count = words.sums(there.astype(np.int64))
    letters = pc.match_substring_regex(words.values, r"[\pL\pN]")
    return Told(
        characters=words.characters(),
        words=count,
        one_word=(count > 1) & (low == high),
        letters=words.any(letters.to_numpy(zero_copy_only=False)),
        marks=words.any(_contain(words.values, TEMPLATE_MARKS)),
        masked=words.any(_contain(words.values, MASKS)),
    )


class _Words:
    """The words of some texts: what white space divides, so that none of it is in what is found in
    one of them. At the ends of a text an empty one may stand."""

    def __init__(self, texts: pa.StringArray) -> None:
        self._texts = texts
        split = Lists.of([pc.ascii_split_whitespace(texts)])
        coded = split.items[0].dictionary_encode()
        self.values: pa.StringArray = coded.dictionary
        """Distinct."""
        self._codes: Codes = coded.indices.to_numpy()
        self._ends = split.ends

    def characters(self) -> Numbers:
        """Of each text."""
        found: Numbers = pc.utf8_length(self._texts).to_numpy().astype(np.int64)
        return found

    def sums(self, values: npt.NDArray[_N]) -> npt.NDArray[_N]:
        """Of each text, of what is known of the words."""
        return self.reduced(np.add, values)

    def reduced(self, how: np.ufunc, values: npt.NDArray[_N]) -> npt.NDArray[_N]:
        """One value a text, of those of its words; each has one at least."""
        found: npt.NDArray[_N] = how.reduceat(values[self._codes], self._ends[:-1])
        return found

    def any(self, values: Bool) -> Bool:
        """Whether any word of each text is so."""
        if not values.any():
            return np.zeros(len(self._texts), bool)
        return self.reduced(np.logical_or, values)


def _contain(texts: pa.StringArray, marks: tuple[str, ...]) -> Bool:
    found = np.zeros(len(texts), bool)
    for mark in marks:
        found |= pc.match_substring(texts, mark).to_numpy(zero_copy_only=False)
    return found


def _slices(texts: pa.StringArray) -> Iterator[pa.StringArray]:
    step = max(1, len(texts) * SLICE_BYTES // max(SLICE_BYTES, texts.nbytes))
    for start in range(0, len(texts), step):
        yield texts.slice(start, step)
