"""The people stage: who stands in which split, over all sources at once.

Order of precedence: benchmark holdouts, the official split of a source that is an authority for
others, other official splits, and then a hash of the person on the manifest's seed. A person stays
on the strongest side; studies whose own official split says otherwise are dropped under a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.studies import StudyTable
from chexinstruct.draw import key
from chexinstruct.manifest import Shares
from chexinstruct.schema import SPLITS
from chexinstruct.source import Source

Number = npt.NDArray[np.uint64]
"""Hashes of persons."""

REASONS = {-1: "split_conflict", -2: "held_out"}
"""What a negative split number means."""

_HOLDOUT, _AUTHORITY, _OFFICIAL = 3, 2, 1


@dataclass(frozen=True)
class People:
    """The slice of one source: for each row of its study table."""

    person: npt.NDArray[np.uint64]
    """Number of the person; studies with equal numbers belong together."""
    split: npt.NDArray[np.int8]
    """Index into SPLITS, or a key of REASONS."""


def resolve(
    tables: Mapping[str, StudyTable],
    sources: Mapping[str, Source],
    *,
    seed: int,
    shares: Shares,
    policy: str,
) -> dict[str, People]:
    """Persons and splits of all studies.

    Args:
        tables: the study tables by source.
        sources: the registry.
        seed: of the manifest.
        shares: of persons without an official split.
        policy: ``clean``, or ``official``: every release keeps its own split, leaks included.
    """
    found = {name: _persons(name, table) for name, table in sorted(tables.items())}
    quoted = {name: _quoted(table) for name, table in tables.items()}
    tied = _components([pair for _, pairs in found.values() for pair in pairs])
    own = {name: _tied(first, tied) for name, (first, _) in found.items()}
    persons = distinct(np.concatenate([distinct(numbers) for numbers in own.values()]))
    place = {name: np.searchsorted(persons, numbers) for name, numbers in own.items()}
    drawn = _drawn(persons, seed, shares)

    authorities = {source.card.split_authority for source in sources.values()}
    split = {name: _official(table) for name, table in tables.items()}
    best = np.full(len(persons), -1, dtype=np.int8)
    if policy == "clean":
        for name, table in tables.items():
            holdout = np.asarray(table.table["holdout"].to_numpy())
            share = sources[name].card.validation_share
            if share and not (split[name] == SPLITS.index("validation")).any():
                carved = (_uniform(persons, "validation", seed) < share)[place[name]]
                split[name][(split[name] == 0) & carved & ~holdout] = 1
            strength = np.where(
                holdout, _HOLDOUT, _AUTHORITY if name in authorities else _OFFICIAL
            ).astype(np.int8)
            votes = np.where(split[name] >= 0, strength * np.int8(3) + split[name], np.int8(-1))
            np.maximum.at(best, place[name], votes)
    decided = np.where(best >= 0, best % 3, drawn).astype(np.int8)
    lost = np.where(best // 3 == _HOLDOUT, -2, -1).astype(np.int8)
    people = {}
    for name in tables:
        said, final = split[name], decided[place[name]]
        if policy == "official":
            final = np.where(said >= 0, said, drawn[place[name]]).astype(np.int8)
        else:
            final = np.where((said >= 0) & (said != final), lost[place[name]], final)
            rows, numbers = quoted[name]
            at, known = _places(persons, _tied(numbers, tied))
            apart = known & (final[rows] >= 0) & (decided[at] != final[rows])
            final[rows[apart]] = lost[at[apart]]
        people[name] = People(own[name], final)
    return people


def distinct(numbers: Number) -> Number:
    """The distinct numbers, sorted; np.unique makes a table of nodes of them, which stays."""
    ordered = np.sort(numbers)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def _persons(source: str, table: StudyTable) -> tuple[Number, list[tuple[int, int]]]:
    """The first person of each study, and pairs of persons that share a study, as numbers.

    A study of nobody is a person of its own.
    """
    first = np.empty(len(table), dtype=np.uint64)
    pairs: list[tuple[int, int]] = []
    start = 0
    for batch in table.table.select(["people", "id"]).to_batches():
        lengths, numbers = _hashed(batch["people"])
        ends = np.cumsum(lengths)
        here = first[start : start + len(lengths)]
        here[lengths > 0] = numbers[(ends - lengths)[lengths > 0]]
        for row in np.flatnonzero(lengths == 0).tolist():
            here[row] = key("person", f"{source}\x1f{batch['id'][row].as_py()}")
        for row in np.flatnonzero(lengths > 1).tolist():
            shared = numbers[ends[row] - lengths[row] : ends[row]].tolist()
            pairs += [(shared[0], other) for other in shared[1:]]
        start += len(lengths)
    return first, pairs


def _quoted(table: StudyTable) -> tuple[npt.NDArray[np.int64], Number]:
    """Rows that quote further persons, once a person, and the persons as numbers."""
    rows, numbers, start = [], [], 0
    for batch in table.table.select(["quoted"]).to_batches():
        lengths, found = _hashed(batch["quoted"])
        rows.append(start + np.repeat(np.arange(len(lengths)), lengths))
        numbers.append(found)
        start += len(lengths)
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    return np.concatenate(rows), np.concatenate(numbers)


def _hashed(column: pa.ListArray) -> tuple[npt.NDArray[np.int64], Number]:
    """How many names stand in each row, and all names as numbers."""
    lengths = pc.list_value_length(column).to_numpy()
    names = pc.list_flatten(column).dictionary_encode()
    # Hashed once a name: in most tables the studies of a person stand together.
    known = np.array([key("person", name) for name in names.dictionary.to_pylist()], np.uint64)
    return lengths, known[names.indices.to_numpy()]


def _places(
    persons: Number, numbers: Number
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Where numbers stand among the persons, and which of them stand there at all."""
    at = np.minimum(np.searchsorted(persons, numbers), max(len(persons) - 1, 0))
    return at, persons[at] == numbers


def _components(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """For each person of a pair the smallest number it is tied to, directly or through others."""
    root: dict[int, int] = {}

    def find(number: int) -> int:
        while (above := root.setdefault(number, number)) != number:
            root[number] = root[above]
            number = above
        return number

    for a, b in pairs:
        one, other = find(a), find(b)
        root[max(one, other)] = min(one, other)
    return {number: find(number) for number in root}


def _tied(numbers: Number, tied: dict[int, int]) -> Number:
    """The numbers with those of tied persons replaced by the smallest."""
    if tied:
        known = np.array(sorted(tied), dtype=np.uint64)
        smallest = np.array([tied[number] for number in sorted(tied)], dtype=np.uint64)
        at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
        return np.where(known[at] == numbers, smallest[at], numbers)
    return numbers


def _official(table: StudyTable) -> npt.NDArray[np.int8]:
    """Index into SPLITS, or -1."""
    codes = pc.fill_null(pc.index_in(table.table["split"], pa.array(SPLITS)), -1)
    numbers: npt.NDArray[np.int8] = codes.cast(pa.int8()).to_numpy()
    return numbers.copy()


def _uniform(persons: Number, use: str, seed: int) -> npt.NDArray[np.float64]:
    """A number in 0..1 for each person."""
    drawn = (key(seed, use, number) / 2.0**64 for number in persons)
    return np.fromiter(drawn, dtype=np.float64, count=len(persons))


def _drawn(persons: Number, seed: int, shares: Shares) -> npt.NDArray[np.int8]:
    edges = np.array([shares.train, shares.train + shares.validation])
    return np.searchsorted(edges, _uniform(persons, "split", seed), side="right").astype(np.int8)
