"""Rad-ReStruct: questions with a history, and the split that it lends to Open-i."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from build_support import names, placed, table
from msgspec.structs import replace
from sample_releases import Loaded, Samples
from task_context import FakeContext, run

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question, Study, joined
from chexinstruct.source import registry
from chexinstruct.sources.rad_restruct import sample
from chexinstruct.tasks.qa import close_ended_vqa, open_ended_vqa

KEY = "rad_restruct"
USABLE = sorted(exam.number for exam in sample.EXAMS if exam.number != sample.NOT_IN_PARENT)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load(KEY)


def study(loaded: Loaded, number: int) -> Study:
    found = loaded.studies.get(str(number))
    assert found is not None
    return found


def ask(loaded: Loaded, number: int, text: str) -> list[Question]:
    return [q for q in study(loaded, number).questions if q.text == text]


def test_each_layout_gives_the_same_studies_and_names_what_it_left_out(samples: Samples) -> None:
    official = samples.load(KEY)
    assert [study.id for study in official.studies] == list(map(str, USABLE))
    for variant in sample.VARIANTS:
        other = samples.load(KEY, variant)
        assert [[q.id for q in s.questions] for s in other.studies] == [
            [q.id for q in s.questions] for s in official.studies
        ]
        assert other.release.reject_counts == {
            ("not_stated", True): 5,
            ("not_in_parent", True): 1,
            ("bad_question", False): 3,
            ("no_pictures", False): 1,
            ("no_questions", False): 1,
            ("not_listed", False): 1,
            ("no_report_id", False): 1,
            ("listed_before", False): 1,
        }
        doubts = Counter(q.doubt for s in other.studies for q in s.questions if q.doubt)
        assert doubts == {"contradicted_no": 32}


def test_every_question_of_a_usable_report_is_asked_or_left_out_by_name(loaded: Loaded) -> None:
    asked = sum(len(sample.questions(e)) for e in sample.EXAMS if e.number in USABLE)
    by_row = ("not_stated", "bad_question")
    left_out = sum(n for (why, _), n in loaded.release.reject_counts.items() if why in by_row)
    kept = sum(len(study.questions) for study in loaded.studies)
    assert kept + left_out == asked + 3  # three more are spoilt


def test_pictures_and_people_are_those_of_openi(samples: Samples, loaded: Loaded) -> None:
    parent = samples.load("openi").studies
    for item in loaded.studies:
        exam = parent.get(f"CXR{item.id}")
        assert exam is not None
        assert item.people == exam.people == (f"openi:{item.id}",)
        known = {image.key: image for image in exam.images}
        assert item.images == tuple(replace(known[i.key], release="openi") for i in item.images)
        assert all(q.images == tuple(i.key for i in item.images) for q in item.questions)
    assert [image.key for image in study(loaded, 15).images] == [
        "CXR15_IM-0324-1001",
        "CXR15_IM-0324-3001",
    ]


def test_the_three_lists_are_the_split_and_test_is_held_out(loaded: Loaded) -> None:
    official = {"train": "train", "val": "validation", "test": "test"}
    for exam in sample.EXAMS:
        if exam.number in USABLE:
            found = study(loaded, exam.number)
            assert found.split == official[exam.split]
            assert found.holdout == (exam.split == "test")


@pytest.mark.parametrize("seed", range(3))
def test_reports_of_openi_follow_the_split(
    samples: Samples, loaded: Loaded, tmp_path: Path, seed: int
) -> None:
    """Open-i has none of its own; a report that Rad-ReStruct lacks is drawn by hash."""
    ours = list(loaded.studies)
    tables = {
        KEY: table(tmp_path, ours, KEY),
        "openi": table(tmp_path, list(samples.load("openi").studies), "openi"),
    }
    known = registry()
    found = placed(tables, [known[KEY], known["openi"]], seed=seed)
    here, there = (names(tables[key], found[key]) for key in (KEY, "openi"))
    assert here == {item.id: item.split for item in ours}
    assert {id: there[f"CXR{id}"] for id in here} == here
    assert set(there.values()) <= {"train", "validation", "test"}


def test_a_question_has_the_path_before_it_as_its_history(loaded: Loaded) -> None:
    last = ask(loaded, 4, "Is there another opacity in the lung?")[-1]
    assert [(turn.question, turn.answer) for turn in last.history] == [
        ("Are there any signs in the lung?", "yes"),
        ("Is there an opacity in the lung?", "yes"),
        ("In which part of the body?", "left lower lobe"),
        ("What are the attributes?", "streaky"),
        ("Is there another opacity in the lung?", "yes"),
        ("In which part of the body?", "left upper lobe, right lower lobe"),
        ("Is there another opacity in the lung?", "yes"),
        ("In which part of the body?", "right lower lobe"),
        ("What is the degree?", "mild"),
    ]
    assert last.answers == ("no",)


def test_what_the_report_does_not_say_is_never_asked_offered_or_told(loaded: Loaded) -> None:
    words = {"no selection", "unspecified"}
    for item in loaded.studies:
        for question in item.questions:
            assert words.isdisjoint((*question.answers, *question.options))
            assert words.isdisjoint(turn.answer for turn in question.history)
    assert [q.answers for q in ask(loaded, 4, "What is the degree?")] == [("mild",)]


@pytest.mark.parametrize(
    ("number", "text", "stands"),
    [
        # nothing is there at all
        (1, "Are there any signs in the lung?", True),
        (1, "Is there anything abnormal in the lung?", True),
        (1, "Are there any diseases in the thorax?", True),
        # an opacity in the lung
        (4, "Is there anything abnormal in the lung?", False),
        (4, "Are there any diseases in the lung?", False),
        (4, "Are there any diseases in the thorax?", False),
        (4, "Are there any diseases in the pleura?", True),
        (4, "Is there an density in the lung?", False),
        (4, "Is there an airspace disease in the lung?", True),
        # an effusion, which fills the recesses of the lung, and a large heart
        (2, "Is there anything abnormal in the lung?", False),
        (2, "Is there anything abnormal in the heart?", False),
        (2, "Is there pneumothorax in the pleura?", True),
        (2, "Are there any diseases in the skeletal system?", True),
        # an aorta, which is thoracic in a chest radiograph
        (5, "Is there anything abnormal in the aorta, thoracic?", False),
        (5, "Is there anything abnormal in the heart?", True),
        # a calcified granuloma
        (18, "Is there granuloma in the lung?", False),
        (18, "Is there pulmonary atelectasis in the lung?", True),
        (18, "Is there kyphosis in the skeletal system?", True),
        # a catheter
        (15, "Are there medical device?", False),
        (15, "Are there stents?", True),
        # airspace disease is an opacity, and denser than the lung
        (13, "Is there an opacity in the lung?", False),
        (13, "Is there an density in the lung?", False),
    ],
)
def test_a_no_stands_only_where_nothing_speaks_against_it(
    loaded: Loaded, number: int, text: str, stands: bool
) -> None:
    (asked,) = ask(loaded, number, text)
    assert (asked.answers, asked.doubt) == (("no",), None if stands else "contradicted_no")
    _, reasons = run(close_ended_vqa, study(loaded, number), FakeContext())
    doubts = sum(q.doubt is not None for q in study(loaded, number).questions)
    assert reasons.count("contradicted_no") == doubts


def test_yes_and_no_of_a_question_are_balanced(loaded: Loaded) -> None:
    for item in loaded.studies:
        for question in item.questions:
            yes_no = set(question.options) == {"yes", "no"}
            assert question.group == (question.text if yes_no else None)
            assert yes_no == (question.attributes["level"] != "attribute")
    facts, _ = run(close_ended_vqa, study(loaded, 2), FakeContext())
    sides = {fact.balance for fact in facts}
    assert "Are there any diseases in the pleura?/Yes" in sides
    assert "Is there pneumothorax in the pleura?/No" in sides
    assert None in sides  # the degree of cardiomegaly


def test_attributes_are_asked_with_options_and_without(loaded: Loaded) -> None:
    (place,) = ask(loaded, 2, "In which part of the body?")
    assert (place.form, place.several) == ("either", True)
    assert place.options == ("aorta", "aorta, thoracic", "heart")
    facts = {f.key: f for f in run(close_ended_vqa, study(loaded, 2), FakeContext())[0]}
    assert facts[place.id].form == "list"
    opened = {f.key: f for f in run(open_ended_vqa, study(loaded, 2), FakeContext())[0]}
    assert opened[place.id].slots["answer"] == "aorta, thoracic; heart"
    assert joined(["left", "right"]) == "left, right"
    sides = [q for q in study(loaded, 2).questions if q.text == "In which area?"]
    assert [(q.options, q.several) for q in sides] == [(("left", "right"), False)]


def test_a_single_option_is_no_question(loaded: Loaded) -> None:
    single = [q for q in study(loaded, 18).questions if len(q.options) == 1]
    assert sorted(q.answers[0] for q in single) == ["diffuse", "healed"]
    facts, drops = run(close_ended_vqa, study(loaded, 18), FakeContext())
    assert Counter(drops)["single_option"] == 2
    opened, _ = run(open_ended_vqa, study(loaded, 18), FakeContext())
    assert {q.id for q in single}.isdisjoint(fact.key for fact in (*facts, *opened))


def test_origin_points_at_the_element_of_the_file(loaded: Loaded) -> None:
    for item in loaded.studies:
        for question in item.questions:
            assert question.origin and question.origin.row
            content: list[Any] = json.loads(loaded.release.read(question.origin.file))
            assert content[question.origin.row - 1][0] == question.text


def test_a_list_that_is_not_there_is_told_in_one_line(samples: Samples, tmp_path: Path) -> None:
    sample.write(tmp_path)
    (tmp_path / "data/radrestruct/val_ids.json").unlink()
    with pytest.raises(ReleaseError, match=r"^rad_restruct: no val_ids\.json"):
        samples.read(KEY, sample.VARIANTS[0], tmp_path)
