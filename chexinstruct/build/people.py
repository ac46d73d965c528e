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

Int = npt.NDArray[np.int64]

DROPPED = -1
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
    order = sorted(tables)
    names, studies = _person_codes([tables[name] for name in order], order)
    roots = _components(len(names), studies)
    # The person of a study is the smallest name of its component: adding a study to it later
    # changes the number only when its own name is smaller.
    number = np.array([key("person", name.as_py()) for name in names], dtype=np.uint64)[roots]
    first = [codes[0] for codes in studies] if isinstance(studies, list) else studies
    component = roots[np.asarray(first)]

    split = np.concatenate([_official(tables[name]) for name in order])
    holdout = np.concatenate([_flags(tables[name]) for name in order])
    size = [len(tables[name]) for name in order]
    if policy == "clean":
        share = np.repeat([sources[name].card.validation_share for name in order], size)
        carved = _uniform(number, "validation", seed)[component] < share
        split = np.where((split == 0) & carved & ~holdout, 1, split)
    authority = {s.card.split_authority for s in sources.values()} - {None}
    strength = np.repeat([_AUTHORITY if n in authority else _OFFICIAL for n in order], size)
    strength = np.where(holdout, _HOLDOUT, strength)

    drawn = _drawn(number, seed, shares)
    if policy == "official":
        final = np.where(split >= 0, split, drawn[component])
    else:
        votes = np.where(split >= 0, strength * 3 + split, -1)
        best = np.full(len(names), -1, dtype=np.int64)
        np.maximum.at(best, component, votes)
        decided = np.where(best >= 0, best % 3, drawn)[component]
        lost = (split >= 0) & (split != decided)
        reason = np.where(best[component] // 3 == _HOLDOUT, -2, -1)
        final = np.where(lost, reason, decided)
    bounds = np.cumsum([0, *size])
    return {
        name: People(number[component[start:stop]], final[start:stop].astype(np.int8))
        for name, start, stop in zip(order, bounds[:-1], bounds[1:], strict=True)
    }


def _person_codes(
    tables: list[StudyTable], order: list[str]
) -> tuple[pa.StringArray, Int | list[list[int]]]:
    """Distinct persons, sorted, and for each study its persons as indices into them.

    A study of nobody is a person of its own.
    """
    lists = []
    for name, table in zip(order, tables, strict=True):
        people = table.table["people"]
        alone = pc.binary_join_element_wise("", name, table.table["id"], "\x1f")
        single = pc.list_element(
            pc.if_else(pc.equal(pc.list_value_length(people), 0), pa.scalar([""]), people), 0
        )
        lists.append((people, pc.if_else(pc.equal(pc.list_value_length(people), 0), alone, single)))
    first = pa.chunked_array([c for _, firsts in lists for c in firsts.chunks], pa.string())
    several = any((pc.max(pc.list_value_length(people)).as_py() or 0) > 1 for people, _ in lists)
    every = [first]
    if several:
        every += [pc.list_flatten(people) for people, _ in lists]
    names = pc.unique(pa.chunked_array([c for array in every for c in array.chunks], pa.string()))
    names = names.take(pc.sort_indices(names))
    codes = pc.index_in(first, names).to_numpy().astype(np.int64)
    if not several:
        return names, codes
    found: list[list[int]] = []
    for people, firsts in lists:
        flat = pc.index_in(pc.list_flatten(people), names).to_numpy()
        lengths = pc.list_value_length(people).to_numpy()
        ends = np.cumsum(lengths)
        own = pc.index_in(firsts, names).to_numpy()
        found += [
            flat[end - n : end].tolist() if n else [int(own[i])]
            for i, (n, end) in enumerate(zip(lengths, ends, strict=True))
        ]
    return names, found


def _components(count: int, studies: Int | list[list[int]]) -> Int:
    """For each person the smallest person it is tied to through studies of several."""
    root = np.arange(count)

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = int(root[i])
        return i

    if isinstance(studies, list):
        for codes in studies:
            for other in codes[1:]:
                a, b = find(codes[0]), find(other)
                root[max(a, b)] = min(a, b)
        return np.array([find(i) for i in range(count)])
    return root


def _official(table: StudyTable) -> Int:
    """Index into SPLITS, or -1."""
    codes = pc.index_in(table.table["split"], pa.array(SPLITS))
    numbers: Int = pc.fill_null(codes, -1).to_numpy().astype(np.int64)
    return numbers


def _flags(table: StudyTable) -> npt.NDArray[np.bool_]:
    return np.asarray(table.table["holdout"].to_numpy())


def _uniform(number: npt.NDArray[np.uint64], use: str, seed: int) -> npt.NDArray[np.float64]:
    """A number in 0..1 for each person."""
    cache = {int(n): key(seed, use, int(n)) / 2.0**64 for n in np.unique(number)}
    return np.array([cache[int(n)] for n in number])


def _drawn(number: npt.NDArray[np.uint64], seed: int, shares: Shares) -> Int:
    edges = np.array([shares.train, shares.train + shares.validation])
    return np.searchsorted(edges, _uniform(number, "split", seed), side="right")
