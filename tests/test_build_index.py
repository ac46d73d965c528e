from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from build_support import placed, study, table

from chexinstruct.build import index as module
from chexinstruct.build import spill
from chexinstruct.build.engine import SourceFiles, SourceView, StudyContext
from chexinstruct.build.index import (
    NEED_BITS,
    LookJob,
    look,
    priors,
    sequence,
    write_index,
    write_pools,
)
from chexinstruct.build.people import People
from chexinstruct.build.setting import Rules
from chexinstruct.build.studies import StudyTable
from chexinstruct.schema import SPLITS, Image, Study
from chexinstruct.source import registry as sources
from chexinstruct.tasks import registry
from chexinstruct.tasks.contract import STEPS
from chexinstruct.tasks.needs import NEEDS, asked_sets

EVERY = range(len(SPLITS))
RULES = Rules(seed=0, consensus="", uncertain="", text="", languages=("en",), pictures=True)


def prior_of(tmp_path: Path, studies: Sequence[Study]) -> dict[str, str | None]:
    """By study the study before it."""
    made = table(tmp_path, studies)
    people = placed({"a": made})["a"]
    rows = sequence(people, made, seed=0, limit=None, splits=EVERY)
    ids = made.table["id"].to_pylist()
    found = priors(rows, people, made)
    return {ids[i]: None if p < 0 else ids[p] for i, p in enumerate(found.tolist())}


def test_the_prior_is_the_persons_study_before(tmp_path: Path) -> None:
    studies = [
        study("3", "p:1", order="0010"),
        study("1", "p:1", order="0002"),
        study("other", "p:2", order="0003"),
        study("2", "p:1", order="0009"),
    ]
    found = prior_of(tmp_path, studies)
    assert found == {"1": None, "2": "1", "3": "2", "other": None}


def test_studies_at_the_same_time_are_not_priors_of_each_other(tmp_path: Path) -> None:
    studies = [
        study("b", "p:1", order="2"),
        study("a", "p:1", order="1"),
        study("c", "p:1", order="2"),
        study("d", "p:1", order="3"),
        study("q", "p:2", order="1"),
        study("r", "p:2", order="1"),
    ]
    found = prior_of(tmp_path, studies)
    assert found == {"a": None, "b": "a", "c": "a", "d": "c", "q": None, "r": None}


def test_priors_stay_inside_the_split(tmp_path: Path) -> None:
    """Under ``official`` a person may stand in two splits; a prior of the other one would leak."""
    studies = [
        study("1", "p:1", order="1", split="train"),
        study("2", "p:1", order="2", split="test"),
        study("3", "p:1", order="3", split="train"),
        study("4", "p:1", order="4", split="test"),
    ]
    made = table(tmp_path, studies)
    people = placed({"a": made}, policy="official")["a"]
    rows = sequence(people, made, seed=0, limit=None, splits=EVERY)
    assert priors(rows, people, made).tolist() == [-1, -1, 0, 1]


def test_studies_of_nobody_or_without_time_have_no_prior(tmp_path: Path) -> None:
    studies = [
        study("1", order="1"),
        study("2", order="2"),
        study("3", "p:1", order="1"),
        study("4", "p:1"),
        study("5", "p:1", order="2"),
    ]
    found = prior_of(tmp_path, studies)
    assert found == {"1": None, "2": None, "3": None, "4": None, "5": "3"}


def test_studies_left_out_are_nobodys_prior(tmp_path: Path) -> None:
    made = table(
        tmp_path,
        [
            study("1", "p:1", order="1", split="train"),
            study("2", "p:1", order="2", split="test"),
            study("3", "p:1", order="3", split="test"),
        ],
    )
    people = placed({"a": made})["a"]  # the first is dropped: its person is tested on
    rows = sequence(people, made, seed=0, limit=None, splits=EVERY)
    assert rows.tolist() == [1, 2]
    assert priors(rows, people, made).tolist() == [-1, -1, 1]


def test_an_empty_source_has_an_empty_order(tmp_path: Path) -> None:
    made = table(tmp_path, [])
    people = placed({"a": made, "b": table(tmp_path, [study("1", "p:1")], "b")})["a"]
    rows = sequence(people, made, seed=0, limit=3, splits=EVERY)
    assert len(rows) == len(priors(rows, people, made)) == 0


def crowd(tmp_path: Path, count: int = 300) -> tuple[StudyTable, People]:
    """Three studies a person, far apart in the table and in no order of time."""
    studies = [
        study(f"{n}-{person}", f"p:{person}", order=f"{(n * 2) % 3}")
        for n in range(3)
        for person in range(count)
    ]
    made = table(tmp_path, studies)
    return made, placed({"a": made})["a"]


def test_the_sequence_keeps_splits_and_persons_together(tmp_path: Path) -> None:
    made, people = crowd(tmp_path)
    rows = sequence(people, made, seed=0, limit=None, splits=EVERY)
    assert sorted(rows.tolist()) == list(range(900))
    assert [int(s) for s, _ in groupby(people.split[rows])] == [0, 1, 2]
    runs = [(int(p), list(same)) for p, same in groupby(rows, key=lambda r: people.person[r])]
    assert len({person for person, _ in runs}) == len(runs) == 300
    orders = made.table["order"].to_pylist()
    assert all([orders[row] for row in same] == ["0", "1", "2"] for _, same in runs)
    assert rows.tolist() != sorted(rows.tolist())


def test_the_sequence_of_other_splits_is_left_out(tmp_path: Path) -> None:
    made, people = crowd(tmp_path)
    every = sequence(people, made, seed=0, limit=None, splits=EVERY)
    tested = sequence(people, made, seed=0, limit=None, splits=[2])
    assert tested.tolist() == every[people.split[every] == 2].tolist()


def test_a_larger_limit_holds_the_studies_of_a_smaller_one(tmp_path: Path) -> None:
    made, people = crowd(tmp_path)
    limits = (1, 10, 11, 100, 899, 5000)
    kept = [set(sequence(people, made, seed=0, limit=n, splits=EVERY).tolist()) for n in limits]
    assert [len(rows) for rows in kept] == [1, 10, 11, 100, 899, 900]
    for smaller, larger in pairwise(kept):
        assert smaller < larger
    persons = {int(people.person[row]) for row in kept[3]}
    assert len(persons) == 34, "whole persons, the last one cut"


def test_a_limit_takes_persons_of_all_splits(tmp_path: Path) -> None:
    made, people = crowd(tmp_path)
    rows = sequence(people, made, seed=0, limit=300, splits=EVERY)
    share = np.bincount(people.split[rows], minlength=3) / 300
    assert abs(share[0] - 0.8) < 0.1
    assert share[1] > 0.03
    assert share[2] > 0.03


def test_order_and_priors_are_the_same_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def order(n: int) -> str | None:
        return None if n % 7 == 0 else f"{n * 31 % 4}"

    studies = [study(f"{n}", f"p:{n * 13 % 90}", order=order(n)) for n in range(400)]
    made = table(tmp_path, studies)
    people = placed({"a": made})["a"]

    def found() -> list[list[int]]:
        limits = (None, 100)
        rows = [sequence(people, made, seed=0, limit=n, splits=EVERY) for n in limits]
        return [r.tolist() for r in (*rows, priors(rows[0], people, made))]

    whole = found()
    monkeypatch.setattr(module, "SORTED", 10)
    monkeypatch.setattr(spill, "PART", 7)
    assert found() == whole
    assert len(whole[0]) == 400
    assert max(whole[2]) > 0


# Rings of negatives


def pictured(n: int, person: int) -> Study:
    """A study with a frontal and a lateral picture."""
    images = tuple(
        Image(key=f"{n}{view}", path=f"{n}{view}.png", view=view, view_source="table")
        for view in ("PA", "LATERAL")
    )
    return study(f"{n}", f"p:{person}", images=images)


def negatives(folder: Path, studies: Sequence[Study], count: int = 1) -> dict[str, list[str]]:
    """By study the first studies that view matching is offered as negatives."""
    folder.mkdir()
    made = table(folder, studies)
    people = placed({"a": made})["a"]
    rows = sequence(people, made, seed=0, limit=None, splits=EVERY)
    task = registry()["view_matching"]
    half = len(rows) // 2
    looks = [
        look(LookJob(str(made.path), "a", part, {}, task.needs, (task.key,), True))
        for part in (rows[half:], rows[:half])
    ]
    mask = np.zeros(len(made), dtype=np.uint64)
    files = SourceFiles("a", str(made.path), str(folder / "index"), str(folder / "pools"))
    write_index(folder / "index", people, priors(rows, people, made), mask)
    write_pools(folder / "pools", looks, people, 0)
    view = SourceView(files, {}, RULES)
    found = {}
    for row in rows.tolist():
        item = view.study(row)
        context = StudyContext(view, task, row, item)
        offered = [other.study for other in context.negatives("lateral")]
        assert len(offered) <= STEPS
        for other in offered:
            assert people.split[int(other.id)] == people.split[int(item.id)]
            assert other.people != item.people
        assert len({other.id for other in offered}) == len(offered)
        found[item.id] = [other.id for other in islice(offered, count)]
    return found


def test_negatives_are_other_people_of_the_same_split(tmp_path: Path) -> None:
    found = negatives(tmp_path / "a", [pictured(n, n // 3) for n in range(300)])
    assert len(found) == 300
    picks = [other for others in found.values() for other in others]
    assert len(set(picks)) > 120, "not always the same few"


def test_negatives_are_the_same_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = [pictured(n, n // 2) for n in range(200)]
    whole = negatives(tmp_path / "whole", studies, 3)
    monkeypatch.setattr(module, "SORTED", 10)
    monkeypatch.setattr(spill, "PART", 7)
    assert negatives(tmp_path / "slices", studies, 3) == whole


def test_one_added_study_changes_few_negatives(tmp_path: Path) -> None:
    studies = [pictured(n, n) for n in range(400)]
    before = negatives(tmp_path / "before", studies)
    after = negatives(tmp_path / "after", [*studies, pictured(400, 400)])
    changed = [id for id in before if before[id] != after[id]]
    assert all(after[id] == ["400"] for id in changed)
    assert 0 < len(changed) < 20


def test_a_lone_study_has_no_negative(tmp_path: Path) -> None:
    found = negatives(tmp_path / "a", [pictured(0, 0), pictured(1, 0)])
    assert found == {"0": [], "1": []}


def test_what_is_noted_of_a_study_is_what_each_need_says(demo: Path) -> None:
    """Of all sources; each need holds of some study and not of another."""
    said: dict[str, set[bool]] = {name: set() for name in NEEDS}
    for path in (demo / "cache" / "studies").glob("*.arrow"):
        source = path.name.rpartition("-")[0]
        made, sets = StudyTable(path), sources()[source].card.label_sets
        rows = np.arange(len(made), dtype=np.int32)
        masks = look(LookJob(str(path), source, rows, sets, tuple(NEEDS), (), False)).masks
        for item, mask in zip(made, masks.tolist(), strict=True):
            asked = asked_sets(item.label_sets, sets)
            for name, need in NEEDS.items():
                holds = need.holds(item, asked)
                assert bool(mask & NEED_BITS[name]) is holds, (item.id, name)
                said[name].add(holds)
    assert all(answers == {True, False} for answers in said.values())
