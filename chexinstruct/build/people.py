"""The people stage: who stands in which split, over all sources at once.

Order of precedence: benchmark holdouts, the official split of a source that is an authority for
others, other official splits, and then a hash of the person on the manifest's seed. A person stays
on the strongest side; studies whose own official split says otherwise are dropped under a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.spill import blank, parts
from chexinstruct.build.studies import StudyTable
from chexinstruct.draw import key, keys
from chexinstruct.schema import SPLITS
from chexinstruct.schema.lock import SharedPersons

if TYPE_CHECKING:
    from chexinstruct.manifest import Shares
    from chexinstruct.source import Source

Number = npt.NDArray[np.uint64]
"""Hashes of persons."""

REASONS = {-1: "split_conflict", -2: "held_out"}
"""What a negative split number means."""

_HELD_OUT = -2
_HOLDOUT, _AUTHORITY, _OFFICIAL = 3, 2, 1

NOBODY: Number = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True)
class People:
    """The slice of one source: for each row of its study table."""

    person: npt.NDArray[np.uint64]
    """Number of the person; studies with equal numbers belong together."""
    split: npt.NDArray[np.int8]
    """Index into SPLITS, or a key of REASONS."""


def in_order(persons: Number, seed: int) -> Number:
    """Numbers by which persons stand in the order of the corpus."""
    return (persons ^ _salt(seed)) * np.uint64(0x9E3779B97F4A7C15)


@cache
def _salt(seed: int) -> np.uint64:
    return np.uint64(key(seed, "sequence"))


@dataclass(frozen=True)
class Ties:
    """Studies of two sources that show the same pictures, so that their persons are the same."""

    sources: tuple[str, str]
    rows: npt.NDArray[np.int32]
    """Of the two study tables, shape (n, 2)."""


def patient_digest(person: int, seed: int) -> str:
    """A digest of a person's number, keyed by a seed: a grouping key, not an anonymisation."""
    keyed = hashlib.blake2b(person.to_bytes(8, "little"), digest_size=8, key=str(seed).encode())
    return keyed.hexdigest()


def resolve(
    tables: Mapping[str, StudyTable],
    sources: Mapping[str, Source],
    *,
    seed: int,
    shares: Shares,
    policy: str,
    ties: Sequence[Ties] = (),
    held: Number = NOBODY,
    folder: Path | None = None,
) -> dict[str, People]:
    """Persons and splits of all studies.

    Args:
        tables: the study tables by source.
        sources: the registry.
        seed: of the manifest.
        shares: of persons without an official split.
        policy: ``clean``, or ``official``: every release keeps its own split, leaks included.
        ties: what the pixels say of persons beyond their ids.
        held: persons who may not stand in train: they stand in test instead, and studies that
            their release has in train are left out, under either policy.
        folder: for arrays of all studies; None: the system's folder for temporary files.
    """
    found = {name: _persons(name, table, folder) for name, table in sorted(tables.items())}
    pairs = [pair for _, by_ids in found.values() for pair in by_ids]
    pairs += [pair for tie in ties for pair in _tied_pairs(tie, found)]
    tied = _components(pairs)
    own = {name: _tie(first, tied) for name, (first, _) in found.items()}
    quoted = {name: _quoted(table) for name, table in tables.items()}
    persons = _everyone(own.values())
    said = {name: blank(len(table), np.int8, folder) for name, table in tables.items()}
    best = np.full(len(persons), -1, dtype=np.int8)
    authorities = {source.card.split_authority for source in sources.values()}
    for name, table in tables.items():
        for part in parts(len(table)):
            said[name][part] = _official(table, part)
        if policy != "clean":
            continue
        share = sources[name].card.validation_share
        if (said[name] == SPLITS.index("validation")).any():
            share = 0
        carved = _lucky(persons, "validation", seed, share) if share else None
        strength = _AUTHORITY if name in authorities else _OFFICIAL
        for part in parts(len(table)):
            at, here = np.searchsorted(persons, own[name][part]), said[name][part]
            holdout = table.table["holdout"][part].to_numpy()
            if carved is not None:
                here[(here == 0) & carved[at] & ~holdout] = 1
            weight = np.where(holdout, _HOLDOUT, strength).astype(np.int8)
            np.maximum.at(best, at, np.where(here >= 0, weight * np.int8(3) + here, np.int8(-1)))
    decided = np.where(best >= 0, best % 3, _drawn(persons, seed, shares)).astype(np.int8)
    at, known = _places(persons, _tied(held, tied))
    benched = np.zeros(len(persons), dtype=np.bool_)
    benched[at[known]] = True
    moved = benched & (decided == SPLITS.index("train"))
    decided[moved] = SPLITS.index("test")
    best[moved] = _HOLDOUT * 3 + SPLITS.index("test")
    lost = np.where(best // 3 == _HOLDOUT, _HELD_OUT, -1).astype(np.int8)
    people = {}
    for name, table in tables.items():
        final = said[name]
        for part in parts(len(table)):
            at, here = np.searchsorted(persons, own[name][part]), final[part]
            if policy == "official":
                here = np.where(here >= 0, here, decided[at])
                here[(here == SPLITS.index("train")) & benched[at]] = _HELD_OUT
            else:
                here = np.where((here >= 0) & (here != decided[at]), lost[at], decided[at])
            final[part] = here
        if policy != "official":
            rows, numbers = quoted[name]
            at, known = _places(persons, _tied(numbers, tied))
            apart = known & (final[rows] >= 0) & (decided[at] != final[rows])
            final[rows[apart]] = lost[at[apart]]
        people[name] = People(own[name], final)
    return people


def shared_persons(
    people: Mapping[str, People],
    tables: Mapping[str, StudyTable],
    ties: Sequence[Ties] = (),
    folder: Path | None = None,
) -> list[SharedPersons]:
    """The pairs of sources that have persons in common, by their names.

    Args:
        people: as resolved.
        tables: the study tables by source.
        ties: with which they were resolved.
        folder: as for :func:`resolve`.
    """
    if len(people) < 2:
        return []
    persons = _everyone(item.person for item in people.values())
    crowds = {name: _Crowd.of(people[name], persons) for name in sorted(people)}
    ids = persons_by_ids(tables, folder) if ties else {}
    shared = []
    for one, other in combinations(crowds, 2):
        if both := _shared(one, other, crowds):
            if ids:
                known = people[one].person[np.isin(ids[one], ids[other])]
                both.by_pixels = both.persons - len(distinct(known))
            shared.append(both)
    return shared


def persons_by_ids(
    tables: Mapping[str, StudyTable], folder: Path | None = None
) -> dict[str, Number]:
    """The person of each study, by source, as ids alone tell."""
    found = {name: _persons(name, table, folder) for name, table in tables.items()}
    tied = _components([pair for _, pairs in found.values() for pair in pairs])
    return {name: _tie(first, tied) for name, (first, _) in found.items()}


@dataclass(frozen=True)
class _Crowd:
    """Who of all persons is in a source, and on which sides."""

    place: npt.NDArray[np.int32]
    """For each study the number of its person."""
    split: npt.NDArray[np.int8]
    sides: npt.NDArray[np.uint8]
    """For each person of all sources: a bit a split in which it has studies here, one more for
    studies left out."""

    @classmethod
    def of(cls, people: People, persons: Number) -> _Crowd:
        """The crowd of one source among the persons of all."""
        place = np.searchsorted(persons, people.person).astype(np.int32)
        sides = np.zeros(len(persons), dtype=np.uint8)
        left_out = people.split < 0
        bits = np.left_shift(1, np.where(left_out, len(SPLITS), people.split)).astype(np.uint8)
        np.bitwise_or.at(sides, place, bits)
        return cls(place, people.split, sides)


def _shared(one: str, other: str, crowds: Mapping[str, _Crowd]) -> SharedPersons | None:
    """The persons of two sources, as if all of them were known by ids; None when there are none."""
    pair = crowds[one], crowds[other]
    common = (pair[0].sides > 0) & (pair[1].sides > 0)
    if not common.any():
        return None
    studies, left_out = [], []
    for crowd in pair:
        split = crowd.split[common[crowd.place]]
        studies.append(len(split))
        counts = {reason: int(np.count_nonzero(split == n)) for n, reason in REASONS.items()}
        left_out.append({reason: n for reason, n in counts.items() if n})
    standing = (pair[0].sides | pair[1].sides)[common] & np.uint8(2 ** len(SPLITS) - 1)
    return SharedPersons(
        sources=[one, other],
        persons=int(np.count_nonzero(common)),
        by_pixels=0,
        studies=studies,
        left_out=left_out,
        on_several_sides=int(np.count_nonzero(np.bitwise_count(standing) > 1)),
    )


def distinct(numbers: Number) -> Number:
    """The distinct numbers, sorted; np.unique makes a table of nodes of them, which stays."""
    ordered = np.sort(numbers)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def _everyone(crowds: Iterable[Number]) -> Number:
    """The distinct numbers of all, sorted."""
    persons = NOBODY
    for numbers in crowds:
        for part in parts(len(numbers)):
            persons = distinct(np.concatenate([persons, distinct(numbers[part])]))
    return persons


def _persons(
    source: str, table: StudyTable, folder: Path | None
) -> tuple[Number, list[tuple[int, int]]]:
    """The first person of each study, and pairs of persons that share a study, as numbers.

    A study of nobody is a person of its own.
    """
    first = blank(len(table), np.uint64, folder)
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


def _tied_pairs(
    tie: Ties, found: Mapping[str, tuple[Number, list[tuple[int, int]]]]
) -> list[tuple[int, int]]:
    """Pairs of persons whose studies show the same picture."""
    numbers = (found[name][0][tie.rows[:, i]].tolist() for i, name in enumerate(tie.sources))
    return list(zip(*numbers, strict=True))


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
    known = np.fromiter(keys(("person",), names.dictionary.to_pylist()), np.uint64)
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


def _tie(numbers: Number, tied: dict[int, int]) -> Number:
    """The same array, in which :func:`_tied` was done."""
    if tied:
        for part in parts(len(numbers)):
            numbers[part] = _tied(numbers[part], tied)
    return numbers


def _official(table: StudyTable, part: slice) -> npt.NDArray[np.int8]:
    """Index into SPLITS, or -1."""
    codes = pc.fill_null(pc.index_in(table.table["split"][part], pa.array(SPLITS)), -1)
    numbers: npt.NDArray[np.int8] = codes.to_numpy().astype(np.int8)
    return numbers


def _uniform(persons: Number, use: str, seed: int) -> npt.NDArray[np.float64]:
    """A number in 0..1 for each person."""
    drawn = np.fromiter(keys((seed, use), persons.tolist()), np.uint64, count=len(persons))
    return drawn / 2.0**64


def _lucky(persons: Number, use: str, seed: int, share: float) -> npt.NDArray[np.bool_]:
    """Whether each person is of a share that is drawn."""
    drawn = [_uniform(persons[part], use, seed) < share for part in parts(len(persons))]
    return np.concatenate([np.empty(0, np.bool_), *drawn])


def _drawn(persons: Number, seed: int, shares: Shares) -> npt.NDArray[np.int8]:
    """Index into SPLITS for each person."""
    edges = np.array([shares.train, shares.train + shares.validation])
    drawn = np.empty(len(persons), np.int8)
    for part in parts(len(persons)):
        drawn[part] = edges.searchsorted(_uniform(persons[part], "split", seed), side="right")
    return drawn
