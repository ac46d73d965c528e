"""What is to be known of distinct texts: numbers for them, their words, their faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.quality.columns import Hashes, Lists, Numbers

SLICE_BYTES = 1 << 20
"""Bytes of texts whose words are looked at together."""
SHORT = 60
"""Characters of the longest answer that is kept as text."""

# Hashes have 64 bits: two of ten million texts share one in one of 400,000 corpora.
_HASHES = "SELECT hash(text) AS hash FROM given"
_WORDS = r"""
SELECT
    hash(text) AS hash,
    hash(bare) AS bare,
    text <> '' AS counts,
    bare <> '' AS bare_counts,
    contains(text, '{{') OR contains(text, '}}') OR contains(text, '{%') OR contains(text, '%}')
        AS marks,
    contains(text, '___') OR contains(text, 'XXXX') AS masked,
    regexp_matches(text, '[\pL\pN]') AS letters
FROM (
    SELECT text,
        replace(replace(replace(replace(text, '.', ''), ',', ''), ';', ''), ':', '') AS bare
    FROM given
)
"""
_ANSWERS = f"""
SELECT
    hash(lower(answer)) AS answer,
    CASE WHEN length(answer) <= {SHORT} THEN answer END AS short,
    CASE lower(answer) WHEN 'yes' THEN 1 WHEN 'no' THEN 0 ELSE -1 END::TINYINT AS yes
FROM (SELECT trim(text, ' ' || chr(9) || chr(10) || chr(13)) AS answer FROM given)
"""
_TOGETHER = "SELECT array_to_string(list_sort(text), ', ') AS text FROM given"


class Worded(NamedTuple):
    """What is known of some texts, an item each."""

    characters: Numbers
    words: Numbers
    """What white space divides."""
    bare_words: Numbers
    """The same without the marks ``.,;:``."""
    bare_sum: Hashes
    """A number that follows from these words, in whatever order they stand."""
    one_word: npt.NDArray[np.bool_]
    """Whether all its words are the same, and there are several."""
    marks: npt.NDArray[np.bool_]
    """Whether marks of a template stand in it."""
    masked: npt.NDArray[np.bool_]
    """Whether something was taken out of it."""
    letters: npt.NDArray[np.bool_]
    """Whether it has a letter or a digit."""


class Texts:
    """Looks at texts, each by itself.

    Args:
        engine: for functions of texts; it is asked in the order of its rows.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def hashes(self, texts: pa.StringArray) -> Hashes:
        """A number for each text."""
        return np.asarray(self._ask(_HASHES, texts)["hash"])

    def answers(self, texts: pa.StringArray) -> pa.Table:
        """Numbers of answers; their text where it is short; and whether they are yes or no."""
        return self._ask(_ANSWERS, texts)

    def together(self, texts: pa.ListArray) -> pa.StringArray:
        """Lists of answers as one text each, whatever their order."""
        return self._ask(_TOGETHER, texts)["text"].combine_chunks()

    def worded(self, texts: pa.StringArray) -> Worded:
        """What the words of texts tell."""
        parts = [self._worded(part) for part in _slices(texts)]
        return Worded(*map(np.concatenate, zip(*parts, strict=True)))

    def _worded(self, texts: pa.StringArray) -> Worded:
        split = Lists.of([pc.ascii_split_whitespace(texts)])
        words = split.items[0].dictionary_encode()
        known = self._ask(_WORDS, words.dictionary)
        codes = words.indices.to_numpy()

        def of_words(name: str) -> npt.NDArray[Any]:
            return np.asarray(known[name])[codes]

        def added(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            sums = np.concatenate(
                [np.zeros(1, values.dtype), np.cumsum(values, dtype=values.dtype)]
            )
            return sums[split.ends[1:]] - sums[split.ends[:-1]]

        def number(name: str) -> Numbers:
            return added(of_words(name).astype(np.int64))

        counted, bare = np.asarray(known["counts"]), np.asarray(known["bare_counts"])
        hashes = np.asarray(known["hash"])
        lengths = number("counts")
        highest = np.iinfo(np.uint64).max
        starts = split.ends[:-1]
        low = np.minimum.reduceat(np.where(counted, hashes, highest)[codes], starts)
        high = np.maximum.reduceat(np.where(counted, hashes, 0)[codes], starts)
        return Worded(
            characters=pc.utf8_length(texts).to_numpy().astype(np.int64),
            words=lengths,
            bare_words=number("bare_counts"),
            bare_sum=added(np.where(bare, np.asarray(known["bare"]), np.uint64(0))[codes]),
            one_word=(lengths > 1) & (low == high),
            marks=number("marks") > 0,
            masked=number("masked") > 0,
            letters=number("letters") > 0,
        )

    def _ask(self, query: str, texts: pa.Array) -> pa.Table:
        self._engine.register("given", pa.table({"text": texts}))
        try:
            return self._engine.sql(query).to_arrow_table()
        finally:
            self._engine.unregister("given")


def _slices(texts: pa.StringArray) -> Iterator[pa.StringArray]:
    step = max(1, len(texts) * SLICE_BYTES // max(SLICE_BYTES, texts.nbytes))
    for start in range(0, len(texts), step):
        yield texts.slice(start, step)
