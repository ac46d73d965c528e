from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.draw import Draw, key, keys

CHI_SQUARE = {5: 20.5, 9: 27.9, 23: 49.7, 99: 148.2}
"""By degrees of freedom: what chance exceeds once in a thousand times."""


def chi_square(counts: Counter[object], cells: int) -> float:
    expected = counts.total() / cells
    seen = sum((n - expected) ** 2 / expected for n in counts.values())
    return seen + (cells - len(counts)) * expected


def test_keys_are_the_same_on_every_machine() -> None:
    assert key(0, "view_classification", "nih_chestxray14", "00000001_000") == 8913116964822645098


def test_keys_do_not_depend_on_the_hash_seed_of_python() -> None:
    code = "from chexinstruct.draw import Draw, key; print(key('a', 1), Draw(key('b')).below(999))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{key('a', 1)} {Draw(key('b')).below(999)}\n"}


@given(st.lists(st.text(st.characters(exclude_characters="\x1f", codec="utf-8")), min_size=1))
def test_where_one_name_ends_counts(names: list[str]) -> None:
    assert key(*names) == key(*names)
    joined = ["".join(names)]
    assert (key(*names) == key(*joined)) is (names == joined)


@given(st.integers(), st.text(), st.lists(st.one_of(st.integers(), st.text())))
def test_many_keys_are_those_of_each(seed: int, use: str, lasts: list[object]) -> None:
    assert list(keys((seed, use), lasts)) == [key(seed, use, last) for last in lasts]


def test_names_that_differ_draw_differently() -> None:
    streams = {
        tuple(Draw(key(seed, task, study)).below(1 << 32) for _ in range(2))
        for seed in range(10)
        for task in ("a", "b")
        for study in range(100)
    }
    assert len(streams) == 2000


@pytest.mark.parametrize("n", [10, 24, 100])
def test_below_is_uniform_within_a_stream(n: int) -> None:
    draw = Draw(key("uniform", n))
    assert chi_square(Counter(draw.below(n) for _ in range(20_000)), n) < CHI_SQUARE[n - 1]


@pytest.mark.parametrize("n", [10, 24, 100])
def test_below_is_uniform_over_streams(n: int) -> None:
    """Most streams are asked once or twice, so first draws matter most."""
    for ahead in range(3):
        first: Counter[object] = Counter()
        for study in range(20_000):
            draw = Draw(key("study", study))
            for _ in range(ahead):
                draw.below(n)
            first[draw.below(n)] += 1
        assert chi_square(first, n) < CHI_SQUARE[n - 1]


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**31))
def test_below_stays_below(seed: int, n: int) -> None:
    draw = Draw(seed)
    assert all(0 <= draw.below(n) < n for _ in range(5))


@pytest.mark.parametrize("p", [0.02, 0.5, 0.9])
def test_chance_holds_its_probability(p: float) -> None:
    draw = Draw(key("chance", p))
    hits = sum(draw.chance(p) for _ in range(20_000))
    assert abs(hits / 20_000 - p) < 4 * (p * (1 - p) / 20_000) ** 0.5


def test_chance_of_none_and_of_all() -> None:
    draw = Draw(key("certain"))
    assert not any(draw.chance(0) for _ in range(1000))
    assert all(draw.chance(1) for _ in range(1000))


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(), unique=True), st.data())
def test_a_sample_repeats_nothing_and_leaves_the_items_alone(
    seed: int, items: list[int], data: st.DataObject
) -> None:
    before = list(items)
    k = data.draw(st.integers(0, len(items)))
    drawn = Draw(seed).sample(items, k)
    assert len(set(drawn)) == k == len(drawn)
    assert set(drawn) <= set(items)
    assert items == before


def test_a_sample_of_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        Draw(0).sample("ab", 3)


def test_every_item_comes_into_samples_equally_often() -> None:
    counts: Counter[object] = Counter()
    for study in range(10_000):
        counts.update(Draw(key("sample", study)).sample(range(10), 3))
    assert chi_square(counts, 10) < CHI_SQUARE[9]


def test_every_order_is_as_likely() -> None:
    orders = Counter(tuple(Draw(key("shuffle", study)).shuffled("abcd")) for study in range(24_000))
    assert set(orders) == set(permutations("abcd"))
    assert chi_square(orders, 24) < CHI_SQUARE[23]


def test_every_item_comes_to_every_position() -> None:
    orders = [Draw(key("place", study)).shuffled(range(10)) for study in range(10_000)]
    for position in range(10):
        assert chi_square(Counter(order[position] for order in orders), 10) < CHI_SQUARE[9]


def test_later_draws_go_on_from_earlier_ones() -> None:
    draw = Draw(key("on"))
    assert draw.sample(range(1000), 5) != draw.sample(range(1000), 5)
    assert draw.choice(range(2**30)) != draw.choice(range(2**30))
