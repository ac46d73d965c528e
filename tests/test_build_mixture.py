"""The mixture of train: shares by weight, nothing repeated, other splits as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from build_support import recipe
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.build import BuildOptions, build
from chexinstruct.build.mixture import divide, mix
from chexinstruct.manifest import Mixture
from chexinstruct.schema import Lock

NAMES = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 7.0]), st.integers(0, 50)),
    max_size=8,
)


@given(st.integers(1, 300), NAMES)
def test_the_total_is_met_as_far_as_there_is_anything(
    total: int, names: dict[str, tuple[float, int]]
) -> None:
    weights = {name: weight for name, (weight, _) in names.items()}
    available = {name: count for name, (_, count) in names.items()}
    shares = divide(total, weights, available)
    assert shares.keys() == weights.keys()
    assert all(0 <= shares[name] <= available[name] for name in shares)
    assert all(shares[name] == 0 for name in shares if weights[name] == 0)
    usable = sum(count for name, count in available.items() if weights[name] > 0)
    assert sum(shares.values()) == min(total, usable)


@given(st.integers(1, 300), NAMES)
def test_what_is_not_used_up_follows_the_weights(
    total: int, names: dict[str, tuple[float, int]]
) -> None:
    weights = {name: weight for name, (weight, _) in names.items() if weight > 0}
    available = {name: count for name, (_, count) in names.items()}
    shares = divide(total, weights, available)
    rates = {name: shares[name] / weights[name] for name in shares}
    for name in shares:
        if shares[name] < available[name]:
            slack = 1 / weights[name]
            assert all(rates[other] <= rates[name] + slack + 1 / weights[other] for other in rates)


@given(st.integers(1, 300), NAMES, st.randoms())
def test_shares_do_not_depend_on_order(
    total: int, names: dict[str, tuple[float, int]], random: Any
) -> None:
    items = list(names.items())
    random.shuffle(items)
    orders = [
        divide(total, {n: w for n, (w, _) in order}, {n: c for n, (_, c) in order})
        for order in (list(names.items()), items)
    ]
    assert orders[0] == orders[1]


def test_what_one_cannot_fill_goes_to_the_others_by_weight() -> None:
    assert divide(100, {"a": 1, "b": 1, "c": 2}, {"a": 4, "b": 90, "c": 90}) == {
        "a": 4,
        "b": 32,
        "c": 64,
    }


def test_pairs_of_a_task_share_in_proportion_to_what_they_have() -> None:
    available = {("views", "nih"): 300, ("views", "brax"): 100, ("text", "radqa"): 50}
    quotas, shares = mix(Mixture(total=102), available)
    assert quotas == {("views", "nih"): 39, ("views", "brax"): 13, ("text", "radqa"): 50}
    assert [(s.name, s.weight, s.available, s.chosen) for s in shares] == [
        ("text", 1.0, 50, 50),
        ("views", 1.0, 400, 52),
    ]


def test_a_pair_with_a_weight_is_no_part_of_its_task() -> None:
    available = {("views", "nih"): 300, ("views", "brax"): 100, ("text", "radqa"): 50}
    mixture = Mixture(total=60, weights={"views/nih": 3, "views": 2, "text": 0})
    quotas, shares = mix(mixture, available)
    assert quotas == {("views", "nih"): 36, ("views", "brax"): 24, ("text", "radqa"): 0}
    assert [(s.name, s.chosen) for s in shares] == [("text", 0), ("views", 24), ("views/nih", 36)]


# In a build

SOURCES = ["nih_chestxray14", "openi", "mimic_cxr"]
TASKS = ["view_classification", "findings_generation", "impression_generation"]


def made(data_root: Path, folder: Path, **content: Any) -> Lock:
    manifest = recipe(sources=SOURCES, tasks=TASKS, images={"mode": "none"}, **content)
    return build(manifest, data_root, folder, BuildOptions(cache=folder.parent / "cache"))


def rows(folder: Path) -> dict[str, set[str]]:
    """Ids by split."""
    found: dict[str, set[str]] = {}
    for path in (folder / "data").rglob("*.parquet"):
        ids = pq.read_table(path, columns=["id"])["id"].to_pylist()
        found.setdefault(path.name.partition("-")[0], set()).update(ids)
    return found


@pytest.fixture(scope="module")
def whole(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lock]:
    folder = tmp_path_factory.mktemp("mixture") / "whole"
    return folder, made(data_root, folder)


def test_train_is_mixed_and_the_other_splits_stay(
    data_root: Path, whole: tuple[Path, Lock]
) -> None:
    everything, _ = whole
    folder = everything.parent / "mixed"
    weights = {"findings_generation": 2, "view_classification/nih_chestxray14": 0}
    lock = made(data_root, folder, mixture={"total": 12, "weights": weights})
    all_rows, mixed = rows(everything), rows(folder)
    assert len(mixed["train"]) == 12
    assert mixed["train"] < all_rows["train"]
    assert {split: ids for split, ids in mixed.items() if split != "train"} == {
        split: ids for split, ids in all_rows.items() if split != "train"
    }
    assert {share.name: share.chosen for share in lock.mixture} == {
        "findings_generation": 6,
        "impression_generation": 3,
        "view_classification": 3,
        "view_classification/nih_chestxray14": 0,
    }
    train = [line for line in lock.ledger if line.split == "train"]
    assert sum(line.examples for line in train) == 12
    lost = sum(line.candidate_reasons.get("mixture", 0) for line in train)
    assert lost == sum(share.available - share.chosen for share in lock.mixture)
    assert not any("mixture" in x.candidate_reasons for x in lock.ledger if x.split != "train")
    assert lock.manifest["mixture"] == {"total": 12, "weights": weights}
    card = (folder / "README.md").read_text()
    assert "Train was mixed to 12 examples" in card
    assert "| findings_generation | 2 | " in card


def test_a_larger_mixture_holds_a_smaller_one_and_a_mixture_of_all_is_the_corpus(
    data_root: Path, whole: tuple[Path, Lock]
) -> None:
    everything, plain = whole
    train: list[set[str]] = []
    for total in (6, 18, 10_000):
        folder = everything.parent / f"mixed-{total}"
        lock = made(data_root, folder, mixture={"total": total})
        train.append(rows(folder)["train"])
    assert train[0] < train[1] < train[2]
    assert rows(folder) == rows(everything)
    assert lock.ledger == plain.ledger and plain.mixture == []


def test_sampling_comes_before_the_mixture(data_root: Path, whole: tuple[Path, Lock]) -> None:
    folder = whole[0].parent / "capped"
    lock = made(
        data_root,
        folder,
        sampling={"view_classification": {"cap": 1}},
        mixture={"total": 10_000},
    )
    held = {share.name: share.available for share in lock.mixture}
    assert held["view_classification"] == 2
    assert held["findings_generation"] > 2
