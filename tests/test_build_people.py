from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from build_support import names, placed, source, study, table
from hypothesis import given, settings
from hypothesis import strategies as st

from chexinstruct.build import spill
from chexinstruct.build.people import People, Ties, shared_persons
from chexinstruct.schema import Study
from chexinstruct.schema.lock import SharedPersons
from chexinstruct.source import Source


@pytest.fixture(autouse=True, scope="module", params=[spill.PART, 3])
def _part(request: pytest.FixtureRequest) -> Iterator[None]:
    """All of this holds in whatever parts large arrays are looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "PART", request.param)
        yield


def crowd(space: str, count: int) -> list[Study]:
    return [study(f"{space}{n}", f"{space}:{n}") for n in range(count)]


def splits_of(
    tmp_path: Path, studies: dict[str, list[Study]], *rules: Source, policy: str = "clean"
) -> dict[str, dict[str, str]]:
    """By source and study: its split, or the reason why it has none."""
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    found = placed(tables, rules, policy=policy)
    return {name: names(tables[name], people) for name, people in found.items()}


def test_holdout_beats_authority_beats_official_beats_hash(tmp_path: Path) -> None:
    """One person in four sources; one source after the other is taken away."""
    studies = {
        "bench": [study("b", "p:1", split="test", holdout=True)],
        "parent": [study("p", "p:1", split="train")],
        "other": [study("o", "p:1", split="validation")],
        "free": [study("f", "p:1")],
    }
    rules = [source("parent", split_authority="parent")]
    assert splits_of(tmp_path, studies, *rules) == {
        "bench": {"b": "test"},
        "parent": {"p": "held_out"},
        "other": {"o": "held_out"},
        "free": {"f": "test"},
    }
    del studies["bench"]
    assert splits_of(tmp_path, studies, *rules) == {
        "parent": {"p": "train"},
        "other": {"o": "split_conflict"},
        "free": {"f": "train"},
    }
    del studies["parent"]
    assert splits_of(tmp_path, studies, *rules) == {
        "other": {"o": "validation"},
        "free": {"f": "validation"},
    }
    del studies["other"]
    drawn = splits_of(tmp_path, studies, *rules)["free"]["f"]
    assert drawn == splits_of(tmp_path, {"free": crowd("p", 5)})["free"]["p1"]


def test_a_child_of_the_authority_does_not_become_one(tmp_path: Path) -> None:
    studies = {
        "child": [study("c", "p:1", split="test")],
        "parent": [study("p", "p:1", split="train")],
    }
    rules = [
        source("child", split_authority="parent", requires=("parent",)),
        source("parent", split_authority="parent"),
    ]
    assert splits_of(tmp_path, studies, *rules) == {
        "child": {"c": "split_conflict"},
        "parent": {"p": "train"},
    }


def test_of_equal_claims_the_side_that_is_tested_on_wins(tmp_path: Path) -> None:
    studies = {
        "a": [study("1", "p:1", split="train"), study("2", "p:1", split="test")],
        "b": [study("3", "p:1", split="validation")],
    }
    assert splits_of(tmp_path, studies) == {
        "a": {"1": "split_conflict", "2": "test"},
        "b": {"3": "split_conflict"},
    }


def test_persons_tied_through_others_stay_together(tmp_path: Path) -> None:
    """a:1 and d:4 share no study; b and c tie them in a chain."""
    studies = {
        "a": [study("1", "a:1"), study("2", "a:2")],
        "b": [study("3", "a:1", "b:3"), study("4")],
        "c": [study("5", "c:5", "b:3"), study("6", "d:4", "c:5")],
        "d": [study("7", "d:4", split="test")],
    }
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    found = placed(tables)
    person = {
        id: number
        for name, people in found.items()
        for id, number in zip(
            tables[name].table["id"].to_pylist(), people.person.tolist(), strict=True
        )
    }
    assert len({person[id] for id in "13567"}) == 1
    assert len({person[id] for id in "124"}) == 3
    split = {id: name for key in found for id, name in names(tables[key], found[key]).items()}
    assert {split[id] for id in "13567"} == {"test"}


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), min_size=1, max_size=15))
def test_ties_are_those_of_a_graph_search(
    tmp_path_factory: pytest.TempPathFactory, ties: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("ties")
    studies = [study(f"{n}", *(f"p:{i:02}" for i in ids)) for n, ids in enumerate(ties)]
    people = placed({"a": table(folder, studies)})["a"]
    together = {i: {i} for i in range(13)}
    for ids in ties:
        joined = set().union(*(together[i] for i in ids))
        for i in joined:
            together[i] = joined
    for i, first in enumerate(ties):
        for j, second in enumerate(ties):
            same = people.person[i] == people.person[j]
            assert same == (second[0] in together[first[0]])


def test_a_person_goes_by_the_smallest_of_its_numbers(tmp_path: Path) -> None:
    """Whatever the order of the ties; so one more id of a person seldom draws another split."""
    alone = placed({"a": table(tmp_path, [study(f"{n}", f"p:{n}") for n in range(1, 5)])})["a"]
    ties = [study("1", "p:3", "p:4"), study("2", "p:1", "p:3"), study("3", "p:4", "p:2")]
    for turn, order in enumerate(permutations(ties)):
        people = placed({"a": table(tmp_path, order, f"t{turn}")})["a"]
        assert people.person.tolist() == [alone.person.min()] * 3


def test_words_of_another_person_leave_the_training_rows_with_him(tmp_path: Path) -> None:
    """Pairs of sentences: p:1 is held out, and everybody else stays where he is."""
    studies = {
        "bench": [study("b", "p:1", split="test", holdout=True)],
        "parent": [study(f"p{n}", f"p:{n}", split="train") for n in range(1, 5)]
        + [study("p5", "p:5", split="validation")],
        "pairs": [
            study("held", "p:2", quoted=("p:1",), split="train"),
            study("good", "p:2", quoted=("p:3",), split="train"),
            study("apart", "p:3", quoted=("p:4", "p:5"), split="train"),
            study("free", "p:4", quoted=("p:5",)),
            study("unknown", "p:4", quoted=("q:9",)),
        ],
    }
    found = splits_of(tmp_path, studies, source("parent", split_authority="parent"))
    assert found["pairs"] == {
        "held": "held_out",
        "good": "train",
        "apart": "split_conflict",
        "free": "split_conflict",
        "unknown": "train",
    }
    assert found["parent"] == {
        "p1": "held_out",
        "p2": "train",
        "p3": "train",
        "p4": "train",
        "p5": "validation",
    }
    official = splits_of(tmp_path, studies, policy="official")["pairs"]
    assert official["held"] == "train"


def test_texts_of_nobody_are_persons_of_their_own(tmp_path: Path) -> None:
    """The same id in two sources is not the same item."""
    tables = {name: table(tmp_path, [study("1"), study("2")], name) for name in ("a", "b")}
    found = placed(tables)
    assert len({*found["a"].person.tolist(), *found["b"].person.tolist()}) == 4


def test_validation_is_carved_from_train_by_person(tmp_path: Path) -> None:
    official = [
        study(f"{person}-{n}", f"p:{person}", split="train" if person < 800 else "test")
        for person in range(1000)
        for n in range(2)
    ]
    held = [study(f"held-{n}", f"h:{n}", split="train", holdout=True) for n in range(200)]
    split = splits_of(tmp_path, {"a": official + held}, source("a", validation_share=0.25))["a"]
    assert all(split[f"{person}-0"] == split[f"{person}-1"] for person in range(1000))
    assert {split[f"{person}-0"] for person in range(800, 1000)} == {"test"}
    assert {split[f"held-{n}"] for n in range(200)} == {"train"}
    carved = Counter(split[f"{person}-0"] for person in range(800))
    assert set(carved) == {"train", "validation"}
    assert abs(carved["validation"] - 200) < 50


def test_nothing_is_carved_where_the_release_has_its_own_validation(tmp_path: Path) -> None:
    studies = [study(f"{n}", f"p:{n}", split="train") for n in range(200)]
    assert set(splits_of(tmp_path, {"a": studies})["a"].values()) == {"train"}
    studies.append(study("v", "p:v", split="validation"))  # as later versions of a release have it
    split = splits_of(tmp_path, {"a": studies}, source("a", validation_share=0.5))["a"]
    assert [name for name, side in split.items() if side == "validation"] == ["v"]


def test_official_keeps_the_split_of_every_release(tmp_path: Path) -> None:
    studies = {
        "bench": [study("b", "p:1", split="test", holdout=True)],
        "other": [study("o", "p:1", split="train"), study("v", "p:1", split="validation")],
        "free": crowd("q", 300),
    }
    rules = [source("other", validation_share=0.99)]
    found = splits_of(tmp_path, studies, *rules, policy="official")
    assert found["bench"] == {"b": "test"}
    assert found["other"] == {"o": "train", "v": "validation"}
    assert set(found["free"].values()) == {"train", "validation", "test"}


def test_no_person_stands_on_two_sides(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sides = ("train", "validation", "test", None)
    studies = {
        name: [
            study(
                f"{n}",
                *{f"p:{person}" for person in rng.integers(0, 150, rng.integers(1, 3))},
                split=sides[rng.integers(4)],
                holdout=False,
            )
            for n in range(300)
        ]
        for name in ("a", "b", "c")
    }
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    found = placed(tables, [source("b", split_authority="b")])
    sides_of: dict[int, set[int]] = {}
    for people in found.values():
        for person, split in zip(people.person.tolist(), people.split.tolist(), strict=True):
            if split >= 0:
                sides_of.setdefault(person, set()).add(split)
    assert all(len(sides) == 1 for sides in sides_of.values())


def drawn(people: People, count: int) -> list[int]:
    return people.split[:count].tolist()


def test_others_change_nobodys_split(tmp_path: Path) -> None:
    """More studies, more sources and another order leave every drawn split as it is."""
    some = {"m": table(tmp_path, crowd("p", 500), "m")}
    before = drawn(placed(some)["m"], 500)
    more = crowd("p", 500) + crowd("q", 300)
    tables = {
        "a": table(tmp_path, crowd("r", 200), "a"),
        "m": table(tmp_path, more, "m2"),
        "z": table(tmp_path, [study("1", "s:1", "t:2", split="test")], "z"),
    }
    assert drawn(placed(tables)["m"], 500) == before
    backwards = placed({"m": table(tmp_path, crowd("p", 500)[::-1], "m3")})["m"]
    assert drawn(backwards, 500) == before[::-1]


def test_the_seed_draws_other_splits(tmp_path: Path) -> None:
    tables = {"a": table(tmp_path, crowd("p", 500))}
    first, second = (drawn(placed(tables, seed=seed)["a"], 500) for seed in (0, 1))
    assert 50 < sum(a != b for a, b in zip(first, second, strict=True)) < 300


def test_shares_of_5000_persons(tmp_path: Path) -> None:
    counts = Counter(splits_of(tmp_path, {"a": crowd("p", 5000)})["a"].values())
    assert abs(counts["train"] - 4000) < 120
    assert abs(counts["validation"] - 500) < 90
    assert abs(counts["test"] - 500) < 90


def ties(one: str, other: str, *rows: tuple[int, int]) -> Ties:
    return Ties((one, other), np.array(rows, dtype=np.int32).reshape(-1, 2))


def test_persons_of_several_sources_are_accounted_for(tmp_path: Path) -> None:
    """One person by ids, on two official sides; one by pixels alone; one whom a benchmark holds."""
    studies = {
        "bench": [study("h", "p:3", split="test", holdout=True)],
        "lists": [
            study("1", "p:1", split="test"),
            study("2", "q:2", split="train"),
            study("3", "p:3", split="train"),
            study("4", "p:4", split="train"),
        ],
        "other": [
            study("a", "p:1", split="train"),
            study("b", "p:1"),
            study("c", "x:c"),
            study("d", "x:d"),
        ],
    }
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    linked = [ties("lists", "other", (1, 2))]
    found = placed(tables, ties=linked)
    assert shared_persons(found, tables, linked) == [
        SharedPersons(
            sources=["bench", "lists"],
            persons=1,
            by_pixels=0,
            studies=[1, 1],
            left_out=[{}, {"held_out": 1}],
            on_several_sides=0,
        ),
        SharedPersons(
            sources=["lists", "other"],
            persons=2,
            by_pixels=1,
            studies=[2, 3],
            left_out=[{}, {"split_conflict": 1}],
            on_several_sides=0,
        ),
    ]
    split = names(tables["other"], found["other"])
    assert (split["b"], split["c"]) == ("test", "train")


def test_official_splits_tell_who_stands_on_two_sides(tmp_path: Path) -> None:
    studies = {
        "a": [study("1", "p:1", split="test"), study("2", "p:2", split="train")],
        "b": [study("3", "p:1", split="train"), study("4", "p:2", split="train")],
    }
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    (shared,) = shared_persons(placed(tables, policy="official"), tables)
    assert (shared.persons, shared.on_several_sides) == (2, 1)
    assert shared.left_out == [{}, {}]


def test_pixels_tie_whole_groups_and_say_nothing_new_of_those_tied_by_ids(tmp_path: Path) -> None:
    studies = {
        "a": [study("1", "p:1", "p:2"), study("2", "p:3"), study("3", "p:4")],
        "b": [study("4", "p:2"), study("5", "x:5"), study("6", "x:5", "x:6")],
    }
    tables = {name: table(tmp_path, items, name) for name, items in studies.items()}
    linked = [ties("a", "b", (0, 0), (1, 1), (2, 2))]
    found = placed(tables, ties=linked)
    person = {name: people.person.tolist() for name, people in found.items()}
    assert person["a"][1] == person["a"][2] == person["b"][1] == person["b"][2]
    assert person["a"][0] == person["b"][0] != person["a"][1]
    (shared,) = shared_persons(found, tables, linked)
    assert (shared.persons, shared.by_pixels, shared.studies) == (2, 1, [3, 3])


def test_sources_without_a_common_person_are_no_pair(tmp_path: Path) -> None:
    tables = {name: table(tmp_path, crowd(name, 5), name) for name in ("a", "b")}
    assert shared_persons(placed(tables), tables) == []
    assert shared_persons(placed(tables, ties=[ties("a", "b")]), tables, [ties("a", "b")]) == []
