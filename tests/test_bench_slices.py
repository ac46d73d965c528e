"""Results by who is in the picture and by what is: groups, gaps, and the worst of them."""

from __future__ import annotations

import pytest

from chexinstruct.bench.item import BenchImage, BenchItem, Construction
from chexinstruct.bench.outcomes import Outcome
from chexinstruct.bench.scores import Slice
from chexinstruct.bench.slices import slices_of

AGES = (10.0, 30.0, 50.0, 64.9, 65.0, None)


def outcome(number: int, right: bool) -> Outcome:
    """Item ``number`` of 120; properties go round at different speeds."""
    item = BenchItem(
        id=f"t/s/{number}/a",
        task="t",
        source=("openi", "slake")[number % 2],
        form="choice",
        split="test",
        study_id=str(number),
        cluster=str(number // 2),
        images=(
            BenchImage(
                id=str(number),
                file="",
                sha256="",
                width=1,
                height=1,
                view=("AP", "PA", "lateral")[number % 3],
            ),
        ),
        options=("yes", "no"),
        answer=0,
        slices=(("finding", ("edema", "fracture")[number // 60]),),
        sex=("female", "male")[number % 2],
        age=AGES[number % 6],
        race=("Asian", "Black", "White", None)[number % 4],
        license="open",
        redistribution="yes",
        construction=Construction(rule="synthetic/1", seed=0, candidates=120),
    )
    return Outcome(item, status="letter", columns={"accuracy": float(right)})


@pytest.fixture(scope="module")
def found() -> dict[str, Slice]:
    """Every second item is right of the women, and every item of the men."""
    every = [outcome(n, n % 2 == 1 or n % 4 == 0) for n in range(120)]
    return {one.name: one for one in slices_of(every, 200, 0)}


def test_all_properties_are_broken_down(found: dict[str, Slice]) -> None:
    groups = {name: {g.value: g.n for g in one.groups} for name, one in found.items()}
    assert groups == {
        "age_65": {"0-64": 80, "65+": 20, "unknown": 20},
        "age_group": {"0-17": 20, "18-39": 20, "40-64": 40, "65+": 20, "unknown": 20},
        "finding": {"edema": 60, "fracture": 60},
        "race": {"Asian": 30, "Black": 30, "White": 30, "unknown": 30},
        "sex": {"female": 60, "male": 60},
        "source": {"openi": 60, "slake": 60},
        "view": {"AP": 40, "PA": 40, "lateral": 40},
    }


def test_a_gap_is_to_all_others(found: dict[str, Slice]) -> None:
    women, men = found["sex"].groups
    assert women.estimate is not None and women.estimate.value == 0.5
    assert women.gap is not None and women.gap.value == -0.5 and women.gap.high is not None
    assert women.gap.high < 0 and men.gap is not None and men.gap.value == 0.5
    assert found["sex"].worst == "female"
    race = {g.value: g.estimate.value for g in found["race"].groups if g.estimate}
    assert race == {"Asian": 1.0, "Black": 1.0, "White": 0.0, "unknown": 1.0}
    assert found["race"].worst == "White"


def test_a_group_that_nobody_knows_is_never_the_worst() -> None:
    every = [outcome(n, n % 4 != 3) for n in range(120)]
    (race,) = (one for one in slices_of(every, 100, 0) if one.name == "race")
    assert race.worst in {"Asian", "Black", "White"}
