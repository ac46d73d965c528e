"""What a corpus gives away to a model that looks at no picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from corpus_support import rows_of as all_rows
from priors import Guess, Row, guesses, rows_of

from chexinstruct.build import BuildOptions, build
from chexinstruct.draw import Draw
from chexinstruct.manifest import Manifest
from chexinstruct.source import registry
from chexinstruct.tasks.company import companions
from chexinstruct.vocabulary import canonical, implied_by

PEOPLE = 1500
SHARES = {
    "Infiltration": 0.18,
    "Effusion": 0.12,
    "Atelectasis": 0.1,
    "Nodule": 0.06,
    "Mass": 0.05,
    "Pneumothorax": 0.05,
    "Cardiomegaly": 0.025,
    "Emphysema": 0.02,
    "Hernia": 0.01,
}
"""How frequent findings are: as uneven as in a hospital."""
GENERATED = ("image_classification", "view_classification", "view_matching", "grounded_diagnosis")
EXCESS = 0.04
"""By how much a guess may beat chance, besides four standard errors."""


def table() -> dict[str, list[str]]:
    """Picture -> findings, of people with one study each."""
    draw = Draw(7)
    return {
        f"{person:08d}_000.png": [name for name, share in SHARES.items() if draw.chance(share)]
        for person in range(1, PEOPLE + 1)
    }


TRUTH = {picture: {canonical(name) for name in names} for picture, names in table().items()}


def write_nih(folder: Path) -> None:
    """ChestX-ray14 with these findings, a third of it AP, and a box of each finding of some."""
    registry()["nih_chestxray14"].sample.write(folder, "no_lists")
    path, boxes = folder / "Data_Entry_2017_v2020.csv", folder / "BBox_List_2017.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    draw = Draw(8)
    rows, drawn = [header], [boxes.read_text(encoding="utf-8").splitlines()[0]]
    for number, (picture, names) in enumerate(table().items(), start=1):
        view = "AP" if draw.below(3) == 0 else "PA"
        findings = "|".join(names) or "No Finding"
        rows.append(f"{picture},{findings},0,{number},50,F,{view},2682,2749,0.143,0.143")
        for place, name in enumerate(names):
            box_name = "Infiltrate" if name == "Infiltration" else name
            if name not in ("Emphysema", "Hernia"):
                drawn.append(f"{picture},{box_name},{100 + 300 * place},200,150,150,,,")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    boxes.write_text("\n".join(drawn) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with uneven findings, and the synthetic releases of the sources with laterals."""
    home = tmp_path_factory.mktemp("priors")
    (home / "raw" / "nih_chestxray14").mkdir(parents=True)
    write_nih(home / "raw" / "nih_chestxray14")
    manifest = Manifest.model_validate(
        {
            "name": "priors",
            "version": "1.0.0",
            "sources": ["nih_chestxray14"],
            "tasks": GENERATED[:2] + GENERATED[3:],
            "images": {"mode": "none"},
        }
    )
    options = BuildOptions(cache=home / "cache", on_missing_image="skip")
    build(manifest, home / "raw", home / "corpus", options)
    return home / "corpus"


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[dict[str, Any]]:
    return all_rows(corpus)


def of_form(rows: Sequence[dict[str, Any]], *forms: str) -> list[dict[str, Any]]:
    found = [row for row in rows if row["form"] in forms]
    assert len(found) > 50, forms
    return found


def texts(row: dict[str, Any]) -> list[str]:
    return [option["text"] for option in row["options"]]


def test_wrong_options_are_never_true(rows: list[dict[str, Any]]) -> None:
    for row in of_form(rows, "set_choice", "list"):
        holds = implied_by(TRUTH[row["study_id"] + ".png"])
        for option in set(texts(row)) - set(row["answers"]):
            assert holds.isdisjoint(option.split(", ")), row
        for answer in set(row["answers"]) - {"none of these"}:
            assert holds.issuperset(answer.split(", ")), row
    boxed = [row for row in rows if row["task"] == "grounded_diagnosis"]
    for row in of_form(boxed, "choice"):
        holds = implied_by(TRUTH[row["study_id"] + ".png"])
        assert holds.isdisjoint(set(texts(row)) - set(row["answers"])), row


def test_sets_to_choose_from_are_of_one_size(rows: list[dict[str, Any]]) -> None:
    for row in of_form(rows, "set_choice"):
        assert len({len(option.split(", ")) for option in texts(row)}) == 1
        assert len(texts(row)) >= 2


def test_yes_and_no_are_as_frequent_for_every_finding(rows: list[dict[str, Any]]) -> None:
    sides: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in of_form(rows, "yes_no", "yes_no_options"):
        sides[row["split"], row["metadata"]["finding"]][row["answers"][0]] += 1
    assert len({finding for _, finding in sides}) == len(SHARES)
    for group, counts in sides.items():
        assert counts["Yes"] == counts["No"], group


def test_views_are_as_frequent_as_each_other(rows: list[dict[str, Any]]) -> None:
    views = [row for row in rows if row["task"] == "view_classification"]
    counts = Counter((row["split"], row["metadata"]["views"][0]) for row in views)
    for split in ("train", "validation", "test"):
        assert counts[split, "AP"] == counts[split, "PA"] > 10


def test_right_options_stand_anywhere(rows: list[dict[str, Any]]) -> None:
    """Chi-square of the place of the right option, for each number of options."""
    places: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row["options"] and len(row["answers"]) == 1:
            places[len(row["options"])][texts(row).index(row["answers"][0])] += 1
    assert len(places) > 3
    for count, found in places.items():
        even = found.total() / count
        if even < 5:
            continue
        statistic = sum((found[place] - even) ** 2 / even for place in range(count))
        # Mean and variance of chi-square are its degrees of freedom, and twice as many.
        freedom = count - 1
        assert statistic < freedom + 4 * (2 * freedom) ** 0.5, (count, found)


def test_a_guess_by_the_text_is_worth_no_more_than_chance(corpus: Path) -> None:
    found = guesses(rows_of(corpus))
    assert {g.form for g in found} >= {"set_choice", "yes_no", "yes_no_options", "list", "choice"}
    for g in found:
        if g.rows < 30:
            continue
        # No picture of this source is a lateral, and of two views one is as frequent as the other.
        views = g.task == "view_classification"
        chance = 0.5 if g.chance is None or views else g.chance
        assert max(g.prior, g.majority) < chance + EXCESS + 4 * g.noise, g


def a_row(option: str, *others: str, study: str) -> Row:
    return Row("t", "choice", "s", study, (), (option, *others), (option,))


def test_the_guesser_finds_a_prior_where_there_is_one() -> None:
    """Else the tests above would say nothing."""
    biased = [a_row("edema", "hernia", study=str(n)) for n in range(50)]
    (guess,) = guesses(biased)
    assert guess == Guess("t", "choice", "s", 50, 0.5, 1.0, 1.0)
    fair = [
        a_row(*(("edema", "hernia") if n % 2 else ("hernia", "edema")), study=f"{n}")
        for n in range(200)
    ]
    (guess,) = guesses(fair)
    assert guess.majority == 0.5
    assert guess.prior < 0.6
    asked = [
        Row("t", "yes_no", "s", str(n), (("q", str(n % 2)),), (), (("Yes", "No")[n % 2],))
        for n in range(100)
    ]
    (guess,) = guesses(asked)
    assert (guess.chance, guess.majority, guess.prior) == (0.5, 0.5, 1.0)


def test_whoever_is_asked_stands_in_the_same_company() -> None:
    """Who fits whom is uneven, and yet each answer is right in its share of the groups it is in."""
    shares = {"a": 12, "b": 6, "c": 3, "d": 1}
    crowd = [name for name, count in shares.items() for _ in range(count)]
    offered, right = Counter[str](), Counter[str]()
    draw = Draw(1)
    for _ in range(30_000):
        mine, *others = draw.sample(crowd, 6)
        # d goes with a alone, as a finding that is seldom known to be absent.
        group = companions(mine, others, lambda x, y: x != y and {x, y} != {"b", "d"}, 3, draw)
        if group:
            right[mine] += 1
            for name in (mine, *group):
                offered[name] += 1 / (1 + len(group))  # type: ignore[assignment]
    for name in shares:
        assert abs(right[name] / offered[name] - 1) < 0.06, (right, offered)


def test_company_is_mutual_and_no_larger_than_wanted() -> None:
    for seed in range(200):
        draw = Draw(seed)
        numbers = draw.sample(range(40), 9)
        group = companions(numbers[0], numbers[1:], lambda x, y: (x + y) % 3 != 0, 4, draw)
        members = [numbers[0], *group]
        assert len(set(members)) == len(members) <= 4
        assert all((x + y) % 3 for x in members for y in members if x != y)
