from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.build import select as module
from chexinstruct.build.select import Selection, select, shard_bounds
from chexinstruct.draw import key
from chexinstruct.manifest import Sampling

SPREAD = np.random.default_rng(0)


def candidates(sides: list[str | None], splits: list[int] | None = None) -> pa.Table:
    """Candidates with the hashes of their places."""
    balance = pa.array(sides, pa.string()).dictionary_encode()
    return pa.table(
        {
            "split": pa.array(splits or [0] * len(sides), pa.int8()),
            "hash": pa.array([key("candidate", n) for n in range(len(sides))], pa.uint64()),
            "balance": balance.cast(pa.dictionary(pa.int16(), pa.string())),
        }
    )


def plain(count: int) -> pa.Table:
    return candidates([None] * count)


def chosen(table: pa.Table, **sampling: object) -> Selection:
    return select(table, Sampling.model_validate(sampling), seed=0)


def counted(table: pa.Table, kept: np.ndarray) -> Counter[tuple[int, str | None]]:
    rows = zip(table["split"].to_pylist(), table["balance"].to_pylist(), kept, strict=True)
    return Counter((split, side) for split, side, is_kept in rows if is_kept)


def test_everything_is_kept_where_nothing_is_asked_for() -> None:
    found = chosen(plain(50))
    assert found.kept.all()
    assert found.reasons == {}


def test_sides_are_equal_in_every_group_and_split() -> None:
    amounts = {
        (0, "edema/present"): 30,
        (0, "edema/absent"): 70,
        (2, "edema/present"): 5,
        (2, "edema/absent"): 3,
        (0, "mass/present"): 4,
        (0, "mass/absent"): 9,
        (0, None): 6,
    }
    rows = [name for name, n in amounts.items() for _ in range(n)]
    SPREAD.shuffle(rows)  # type: ignore[arg-type]
    table = candidates([side for _, side in rows], [split for split, _ in rows])
    found = chosen(table)
    assert counted(table, found.kept) == {
        (0, "edema/present"): 30,
        (0, "edema/absent"): 30,
        (2, "edema/present"): 3,
        (2, "edema/absent"): 3,
        (0, "mass/present"): 4,
        (0, "mass/absent"): 4,
        (0, None): 6,
    }
    assert {name: int(lost.sum()) for name, lost in found.reasons.items()} == {"balance": 47}


def test_sides_with_a_slash_in_the_group_are_told_apart() -> None:
    table = candidates(["a/b/yes", "a/b/no", "a/c/yes", "a/c/no", "a/c/no"])
    assert counted(table, chosen(table).kept).total() == 4


def test_a_group_of_one_side_goes() -> None:
    """Its answer would be the same every time; also where only one split lacks the other side."""
    sides = ["hernia/present"] * 4 + ["mass/present", "mass/absent"] * 2 + ["mass/absent"] * 3
    table = candidates(sides, [0] * 8 + [2] * 3)
    found = chosen(table)
    assert counted(table, found.kept) == {(0, "mass/present"): 2, (0, "mass/absent"): 2}
    assert chosen(table, balance=False).kept.all()


def test_constant_answers_are_cut_to_the_number_of_varied_ones() -> None:
    """Varied answers stay whole, however many; constant ones alone would teach nothing."""
    amounts = {
        (0, "list/varied"): 30,
        (0, "list/none"): 70,
        (1, "list/varied"): 8,
        (1, "list/none"): 3,
        (2, "list/none"): 5,
        (0, "other/varied"): 6,
    }
    rows = [name for name, n in amounts.items() for _ in range(n)]
    table = candidates([side for _, side in rows], [split for split, _ in rows])
    assert counted(table, chosen(table).kept) == {
        (0, "list/varied"): 30,
        (0, "list/none"): 30,
        (1, "list/varied"): 8,
        (1, "list/none"): 3,
        (0, "other/varied"): 6,
    }


def test_balance_keeps_the_lowest_hashes() -> None:
    table = candidates(["a/yes"] * 20 + ["a/no"] * 5)
    hashes = table["hash"].to_numpy()
    kept = chosen(table).kept
    assert kept[20:].all()
    assert set(hashes[:20][kept[:20]]) == set(np.sort(hashes[:20])[:5])


def test_a_cap_keeps_the_lowest_hashes_of_every_split() -> None:
    table = candidates([None] * 40, [0, 2] * 20)
    hashes, splits = table["hash"].to_numpy(), table["split"].to_numpy()
    found = chosen(table, cap=7)
    for split in (0, 2):
        inside = splits == split
        assert set(hashes[found.kept & inside]) == set(np.sort(hashes[inside])[:7])
    assert int(found.reasons["cap"].sum()) == 26


@given(st.integers(0, 60), st.floats(0.2, 1), st.booleans())
def test_a_larger_cap_holds_a_smaller_one(cap: int, keep: float, balance: bool) -> None:
    table = candidates(["a/yes", "a/no", None] * 20)
    smaller = chosen(table, cap=cap, keep=keep, balance=balance).kept
    larger = chosen(table, cap=cap + 1, keep=keep, balance=balance).kept
    assert not (smaller & ~larger).any()
    assert 0 <= larger.sum() - smaller.sum() <= 1


def test_every_candidate_is_accounted_for_once() -> None:
    table = candidates(["a/yes", "a/no", "a/no", None] * 50)
    found = chosen(table, cap=20, keep=0.5)
    lost = np.sum(list(found.reasons.values()), axis=0)
    assert ((lost == 0) | (lost == 1)).all()
    assert np.array_equal(lost == 0, found.kept)
    assert set(found.reasons) == {"keep", "balance", "cap"}


def test_keep_is_a_probability_whatever_the_cap() -> None:
    """A cap looks at hashes too; the lowest of them must not be kept more often than others."""
    table = plain(20_000)
    order = np.argsort(table["hash"].to_numpy())
    kept = chosen(table, keep=0.3).kept[order]
    for part in (kept, *np.split(kept, 10)):
        assert abs(part.mean() - 0.3) < 4 * (0.21 / len(part)) ** 0.5


def test_more_kept_holds_what_less_kept() -> None:
    table = plain(2000)
    less, more = (chosen(table, keep=keep).kept for keep in (0.2, 0.5))
    assert not (less & ~more).any()


def test_the_seed_keeps_others() -> None:
    table = plain(2000)
    first, second = (select(table, Sampling(keep=0.5), seed).kept for seed in (0, 1))
    assert abs((first == second).mean() - 0.5) < 0.06


@pytest.mark.parametrize("sampling", [{"keep": 0}, {"cap": 0}])
def test_nothing_may_be_kept(sampling: dict[str, int]) -> None:
    assert not chosen(candidates(["a/yes", "a/no", None]), **sampling).kept.any()


def test_no_candidates_are_no_trouble() -> None:
    assert len(chosen(plain(0), keep=0.5, cap=1).kept) == 0


# Shards


@given(
    st.lists(st.integers(1, 9), max_size=40),
    st.integers(0, 60),
    st.integers(1, 3),
)
def test_shards_hold_everything_once_and_cut_no_study(
    sizes: list[int], pictures: int, phrasings: int
) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "SHARD_ROWS", 10)
    patch.setattr(module, "SHARD_PICTURES", 4)
    with patch.context():
        rows = np.repeat(np.arange(len(sizes), dtype=np.int32)[::-1], sizes)
        bounds = shard_bounds(rows, pictures, phrasings)
    patch.undo()
    assert [at for start, stop in bounds for at in range(start, stop)] == list(range(len(rows)))
    assert all(stop > start for start, stop in bounds)
    for (_, stop), (start, _) in pairwise(bounds):
        assert stop == start
        assert rows[stop - 1] != rows[start]


@given(st.integers(1, 400_000), st.integers(0, 40_000))
def test_shards_are_as_many_as_needed_and_of_equal_size(count: int, pictures: int) -> None:
    rows = np.arange(count, dtype=np.int32)
    bounds = shard_bounds(rows, min(pictures, count), 1)
    sizes = [stop - start for start, stop in bounds]
    assert max(sizes) <= module.SHARD_ROWS
    assert max(sizes) - min(sizes) <= 1
    assert len(bounds) == max(
        -(-count // module.SHARD_ROWS), -(-min(pictures, count) // module.SHARD_PICTURES)
    )


def test_rows_of_several_phrasings_count() -> None:
    rows = np.arange(60_000, dtype=np.int32)
    assert len(shard_bounds(rows, 0, 1)) == 1
    assert len(shard_bounds(rows, 0, 5)) == 3


# Quotas


def test_a_quota_is_of_train_alone_and_comes_last() -> None:
    table = candidates(["a/yes", "a/no", "a/no", None] * 20, [0, 0, 1, 2] * 20)
    free, held = chosen(table, cap=15), select(table, Sampling(cap=15), 0, quota=6)
    splits, hashes = table["split"].to_numpy(), table["hash"].to_numpy()
    assert (free.kept[splits == 0].sum(), held.kept[splits == 0].sum()) == (15, 6)
    assert np.array_equal(free.kept[splits != 0], held.kept[splits != 0])
    lowest = np.sort(hashes[free.kept & (splits == 0)])[:6]
    assert set(hashes[held.kept & (splits == 0)]) == set(lowest)
    assert int(held.reasons["mixture"].sum()) == 9


def test_of_equal_hashes_the_first_stay() -> None:
    same = plain(9).set_column(1, "hash", pa.array([5, 5, 9, 5, 1, 5, 9, 5, 5], pa.uint64()))
    assert np.flatnonzero(chosen(same, cap=4).kept).tolist() == [0, 1, 3, 4]
    assert not chosen(same, cap=0).kept.any()
    assert chosen(same, cap=9).kept.all()
