"""The select stage: which candidates become examples, and in which shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import code_digest, digest, once
from chexinstruct.build.candidates import Pair, lengths, read_candidates
from chexinstruct.build.executor import give_back
from chexinstruct.build.mixture import PairKey, mix
from chexinstruct.build.setting import Setting
from chexinstruct.build.spill import parts
from chexinstruct.draw import key
from chexinstruct.schema import SPLITS, VARIED, MixtureShare

if TYPE_CHECKING:
    from chexinstruct.manifest import Sampling

Bool = npt.NDArray[np.bool_]
Hash = npt.NDArray[np.uint64]

TRAIN = SPLITS.index("train")
SHARD_ROWS = 100_000
"""Most rows of a shard without pictures."""
SHARD_PICTURES = 5_000
"""Most pictures of a shard: at 70 to 100 kB each about 500 MB."""


@dataclass(frozen=True)
class Selection:
    """The candidates of a (task, source) that are kept, in the order of the corpus."""

    kept: Bool
    """One value a candidate."""
    reasons: dict[str, Bool]
    """What took the others out: reason -> the candidates it took."""


def select(table: pa.Table, sampling: Sampling, seed: int, quota: int | None = None) -> Selection:
    """Apply keep, balance and cap within each split, then the quota; the lowest hashes stay.

    Args:
        table: candidates of one (task, source) with columns split, hash and balance.
        sampling: of the pair.
        seed: of the manifest.
        quota: most of train, if there is a mixture.
    """
    split = table["split"].to_numpy()
    hashes = table["hash"]
    kept = np.ones(len(split), dtype=bool)
    reasons: dict[str, Bool] = {}

    def take_out(reason: str, lost: Bool) -> None:
        if lost.any():
            reasons[reason] = lost
            kept[lost] = False

    if sampling.keep < 1:
        parts = [_unlucky(chunk.to_numpy(), sampling.keep, seed) for chunk in hashes.chunks]
        take_out("keep", np.concatenate([np.empty(0, dtype=bool), *parts]))
    if sampling.balance:
        take_out("balance", _unbalanced(table["balance"], split, hashes, kept))
    if sampling.cap is not None:
        take_out("cap", _beyond(split, hashes, kept, sampling.cap))
    if quota is not None:
        take_out("mixture", _beyond(split, hashes, kept & (split == TRAIN), quota))
    return Selection(kept, reasons)


def _unlucky(hashes: Hash, keep: float, seed: int) -> Bool:
    """Those who lose where each is kept with a probability."""
    # Mixed anew: the hash itself decides caps, which must not depend on keep.
    mixed = (hashes ^ np.uint64(key(seed, "keep"))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed.astype(np.float64) >= keep * 2.0**64


def _beyond(group: npt.NDArray[np.int8], hashes: pa.ChunkedArray, kept: Bool, cap: int) -> Bool:
    """Of each group all but the ``cap`` lowest hashes."""
    lost = np.zeros(len(kept), dtype=bool)
    for number in np.unique(group).tolist():
        _cut(lost, _inside(kept, group, number), hashes, cap)
    return lost


def _inside(
    kept: Bool,
    group: npt.NDArray[np.int8],
    number: int,
    codes: npt.NDArray[np.int16] | None = None,
    code: int = 0,
) -> Callable[[slice], Bool]:
    """Tells of slices of the candidates who is kept, of a group, and of a stratum if one is given:
    an array of all would be made for each."""

    def inside(at: slice) -> Bool:
        found: Bool = kept[at] & (group[at] == number)
        return found if codes is None else found & (codes[at] == code)

    return inside


def _cut(lost: Bool, inside: Callable[[slice], Bool], hashes: pa.ChunkedArray, most: int) -> None:
    """Mark as lost those inside but the ``most`` lowest hashes; of equal ones the first stay.

    Goes through the mapped files, so that little is held beside the hashes of those inside.
    """
    if most == 0:
        for at, _ in _pieces(hashes):
            lost[at] |= inside(at)
        return
    count = sum(int(np.count_nonzero(inside(at))) for at, _ in _pieces(hashes))
    if count <= most:
        return
    own, start = np.empty(count, np.uint64), 0
    for at, chunk in _pieces(hashes):
        here = chunk[inside(at)]
        own[start : start + len(here)] = here
        start += len(here)
    last, room = _last(own, most)
    del own
    for at, chunk in _pieces(hashes):
        beyond = inside(at)
        equal = np.flatnonzero(beyond & (chunk == last))
        beyond &= chunk > last
        beyond[equal[room:]] = True
        room = max(room - len(equal), 0)
        lost[at] |= beyond


def _last(hashes: Hash, most: int) -> tuple[np.uint64, int]:
    """The highest of the ``most`` lowest hashes, and how many equal to it are among them."""
    hashes.partition(most - 1)
    lowest = hashes[:most]
    return lowest[-1], int(np.count_nonzero(lowest == lowest[-1]))


def _pieces(hashes: pa.ChunkedArray) -> Iterator[tuple[slice, Hash]]:
    start = 0
    for chunk in hashes.chunks:
        yield slice(start, start + len(chunk)), chunk.to_numpy()
        start += len(chunk)


def _unbalanced(
    balance: pa.ChunkedArray, split: npt.NDArray[np.int8], hashes: pa.ChunkedArray, kept: Bool
) -> Bool:
    """Of each group (``group/side``) and split, what its larger sides have too many of.

    As many of each side stay as the smallest has. Where a side is :data:`VARIED` it stays whole,
    and each other side is cut to its number.
    """
    lost = np.zeros(len(kept), dtype=bool)
    if balance.null_count == len(balance):
        return lost
    names, codes = _coded(balance)
    sizes = _sizes(codes, split, kept, len(names))
    groups: dict[str, dict[str, int]] = {}
    for code, name in enumerate(names):
        group, _, side = name.rpartition("/")
        groups.setdefault(group, {})[side] = code
    for sides in groups.values():
        for number in range(sizes.shape[1]):
            members = {side: int(sizes[code, number]) for side, code in sides.items()}
            varied = members.pop(VARIED, None)
            # A group with a single side would have a constant answer: nothing of it is kept.
            alone = 0 if len(members) < 2 else min(members.values())
            most = alone if varied is None else varied
            for side, size in members.items():
                if size > most:
                    those = _inside(kept, split, number, codes, sides[side])
                    _cut(lost, those, hashes, most)
    return lost


def _coded(balance: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int16]]:
    """The strata of candidates, and the number of each one's, -1 where it has none."""
    known: dict[str, int] = {}
    codes, start = np.empty(len(balance), np.int16), 0
    for chunk in balance.chunks:
        names = chunk.dictionary.to_pylist()
        numbers = [*(known.setdefault(name, len(known)) for name in names), -1]
        places = chunk.indices.fill_null(len(names)).to_numpy()
        codes[start : start + len(chunk)] = np.array(numbers, np.int16)[places]
        start += len(chunk)
    return list(known), codes


def _sizes(
    codes: npt.NDArray[np.int16], split: npt.NDArray[np.int8], kept: Bool, strata: int
) -> npt.NDArray[np.int64]:
    """How many candidates are kept of each stratum and split."""
    splits = len(SPLITS)
    found = np.zeros(strata * splits, np.int64)
    for those in parts(len(codes)):
        inside = kept[those] & (codes[those] >= 0)
        numbers = codes[those][inside].astype(np.int64) * splits + split[those][inside]
        found += np.bincount(numbers, minlength=len(found))
    return found.reshape(strata, splits)


def shard_bounds(
    rows: npt.NDArray[np.int32], pictures: int, phrasings: int
) -> list[tuple[int, int]]:
    """Where to cut the kept candidates of a (task, source, split) into shards of equal size.

    Args:
        rows: row of the study of each candidate; all of one study stay together.
        pictures: distinct pictures of them; 0 without pictures.
        phrasings: rows made of each candidate.

    Returns:
        Half-open ranges of candidates.
    """
    count = len(rows)
    wanted = max(-(-count * phrasings // SHARD_ROWS), -(-pictures // SHARD_PICTURES))
    if not count:
        return []
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    aims = np.arange(1, wanted) * count // wanted
    cuts = starts[np.minimum(np.searchsorted(starts, aims), len(starts) - 1)]
    edges = np.unique(np.r_[0, cuts, count])
    return [(int(a), int(b)) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Planned:
    """A shard to be."""

    pair: Pair
    split: int
    number: int
    count: int
    rows: npt.NDArray[np.int32]
    """Study of each candidate."""
    places: npt.NDArray[np.int32]
    """Of the candidates in the files of their pair, taken as one."""
    counts: tuple[int, ...]
    """Candidates in each of these files."""
    references: tuple[str, ...]
    """Pictures of all shards of the pair and split."""


def plan_all(setting: Setting, pairs: Sequence[Pair]) -> tuple[list[Planned], list[MixtureShare]]:
    """The shards of all pairs, and how the mixture of train came about, if there is one."""
    quotas: dict[PairKey, int] = {}
    shares: list[MixtureShare] = []
    if setting.manifest.mixture is not None:
        available = {(pair.task.key, pair.source): _train(setting, pair) for pair in pairs}
        quotas, shares = mix(setting.manifest.mixture, available)
    planned = [
        plan
        for pair in pairs
        for plan in _plan(setting, pair, quotas.get((pair.task.key, pair.source)))
    ]
    return planned, shares


def _train(setting: Setting, pair: Pair) -> int:
    """How many candidates of train the sampling of a pair keeps."""
    table = read_candidates(pair.files, ["split", "hash", "balance"])
    sampling = setting.manifest.sampling_of(pair.task.key, pair.source)
    kept = select(table, sampling, setting.manifest.seed).kept
    return int(np.count_nonzero(kept & (table["split"].to_numpy() == TRAIN)))


def _plan(setting: Setting, pair: Pair, quota: int | None) -> list[Planned]:
    """Select among the candidates of a pair, count what is lost, and cut the rest into shards."""
    table = read_candidates(pair.files, ["split", "hash", "balance"])
    sampling = setting.manifest.sampling_of(pair.task.key, pair.source)
    chosen = select(table, sampling, setting.manifest.seed, quota)
    splits = table["split"].to_numpy()
    del table
    for reason, lost in chosen.reasons.items():
        for split in np.unique(splits[lost]).tolist():
            count = int(np.count_nonzero(lost & (splits == split)))
            reasons = pair.tallies[split].candidate_reasons
            reasons[reason] = reasons.get(reason, 0) + count
    phrasings = setting.manifest.phrasings_of(pair.task.key, pair.source)
    how = sampling.model_dump(exclude={"phrasings"})
    counts = lengths(pair.files)
    planned: list[Planned] = []
    for split in np.unique(splits[chosen.kept]).tolist():
        inside = chosen.kept & (splits == split)
        code = code_digest("chexinstruct.build.select")
        stage = digest(pair.content, how, quota, setting.manifest.seed, split, code)
        file = setting.cache / "selection" / f"{pair.task.key}-{pair.source}-{stage}.int32"
        once(file, partial(_write, candidates=pair.files, inside=inside))
        rows, places = _open(file)
        references = _references(pair, inside) if setting.rules.pictures else ()
        bounds = shard_bounds(rows, len(references), phrasings)
        planned += [
            Planned(
                pair,
                split,
                number,
                len(bounds),
                rows[start:stop],
                places[start:stop],
                counts,
                references,
            )
            for number, (start, stop) in enumerate(bounds)
        ]
    del chosen
    give_back()
    return planned


def _write(path: Path, *, candidates: Sequence[Path], inside: Bool) -> None:
    """The rows of some candidates and then their places, a piece at a time."""
    with path.open("wb") as file:
        start = 0
        for chunk in read_candidates(candidates, ["row"])["row"].chunks:
            file.write(chunk.to_numpy()[inside[start : start + len(chunk)]].data)
            start += len(chunk)
        for part in parts(len(inside)):
            at = part.start + np.flatnonzero(inside[part])
            file.write(at.astype(np.int32).data)


def _open(path: Path) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Rows and places, mapped: a corpus of millions of candidates stays out of memory."""
    rows, places = np.asarray(np.memmap(path, np.int32, "r")).reshape(2, -1)
    return rows, places


def _references(pair: Pair, inside: Bool) -> tuple[str, ...]:
    """Distinct pictures of some candidates, in the order of their first use."""
    table = read_candidates(pair.files, ["pictures"])
    flat = pc.list_flatten(table["pictures"].take(pa.array(np.flatnonzero(inside))))
    return tuple(pc.unique(flat).to_pylist())
