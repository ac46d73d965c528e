"""RadQA: questions on two sections of each report."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question, Study
from chexinstruct.sources.radqa import sample

read = partial(read_release, "radqa")
Content = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path, "zip")
    return tmp_path


def edit(folder: Path, change: Callable[[list[Content]], Any], name: str = "train") -> None:
    """Change the entries of a list."""
    path = next(folder.rglob(f"{name}.json"))
    content = json.loads(path.read_text())
    change(content["data"])
    path.write_text(json.dumps(content))


def questions(studies: dict[str, Study], study: str) -> dict[str, Question]:
    return {question.id: question for question in studies[study].questions}


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_same_reports(tmp_path: Path, folder: Path, variant: str) -> None:
    sample.write(tmp_path / "other", variant)
    ours, release = read(tmp_path / "other")
    official, _ = read(next(folder.glob("radqa-*")))
    assert [(s.id, s.split, s.split_origin) for s in ours.values()] == [
        ("test-31", "test", "test.json"),
        ("test-32", "test", "test.json"),
        ("dev-21", "validation", "dev.json"),
        ("train-11", "train", "train.json"),
        ("train-12", "train", "train.json"),
        ("train-13", "train", "train.json"),
    ]
    for key, study in ours.items():
        assert [(q.text, q.answers, q.references, q.section) for q in study.questions] == [
            (q.text, q.answers, q.references, q.section) for q in official[key].questions
        ]
        assert study.people == (f"radqa:{key}",)
        assert study.report is None and not study.images and not study.holdout
    assert release.reject_counts == {
        ("wrong_offset", False): 2,
        ("duplicate_question", True): 2,
        ("no_answer", False): 1,
        ("not_of_the_chest", True): 1,
    }


def test_validation_is_not_test(folder: Path) -> None:
    studies, _ = read(folder)
    contexts = {
        split: {q.context for s in studies.values() if s.split == split for q in s.questions}
        for split in ("train", "validation", "test")
    }
    assert all(contexts.values())
    assert not contexts["validation"] & contexts["test"]


def test_a_question_stands_once_a_section_and_says_which(folder: Path) -> None:
    asked = questions(read(folder)[0], "train-11")
    findings, impression = asked["11_1-findings"], asked["11_1-impression"]
    assert findings.text == impression.text == "Is there fluid around the lung?"
    assert (findings.section, impression.section) == ("findings", "impression")
    assert findings.answers == ("No pleural effusion is seen",)
    assert impression.answers == () == impression.references


def test_line_breaks_and_masks_are_alike_in_passage_and_answer(folder: Path) -> None:
    asked = questions(read(folder)[0], "train-11")
    where, when = asked["11_0-findings"], asked["11_4-findings"]
    assert where.answers == ("2.5 cm mass in the left upper lobe",)
    assert when.answers == ("Compared to ___",)
    for question in asked.values():
        assert question.context and "\n" not in question.context
        assert "[**" not in question.context
        assert all(answer in question.context for answer in question.answers)


def test_other_readers_answers_are_accepted_too(folder: Path) -> None:
    question = questions(read(folder)[0], "test-31")["31_0-findings"]
    assert question.answers == ("moderate left pleural effusion",)
    assert question.references == ("moderate",), "each once"


def test_a_report_may_lack_a_section(folder: Path) -> None:
    asked = questions(read(folder)[0], "test-32")
    assert {question.section for question in asked.values()} == {"impression"}


def test_long_passages_are_whole(folder: Path) -> None:
    question = questions(read(folder)[0], "train-13")["13_0-findings"]
    assert question.context is not None and len(question.context) > 3_000
    assert question.context.endswith(f"{question.answers[0]}.")


# ---------------------------------------------------------------------------------------- spans


def first(entries: list[Content]) -> Content:
    """The first question on the findings of the first report."""
    question: Content = entries[0]["paragraphs"][0]["qas"][0]
    return question


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answers": [{"text": "2.5 cm mass", "answer_start": 10}]}, "wrong_offset"),
        ({"answers": [{"text": "2.5 cm mass", "answer_start": 9_999}]}, "wrong_offset"),
        ({"answers": [{"text": ".", "answer_start": -1}]}, "wrong_offset"),
        ({"answers": [{"text": " ", "answer_start": 5}]}, "answer_is_no_span"),
        ({"answers": []}, "no_answer"),
        ({"is_impossible": True}, "answered_and_impossible"),
        ({"question": " "}, "empty_question_or_passage"),
        ({"id": "11_1"}, "duplicate_question_id"),
    ],
)
def test_a_question_that_does_not_hold_is_counted(
    folder: Path, change: Content, reason: str
) -> None:
    whole, before = read(folder)
    edit(folder, lambda entries: first(entries).update(change))
    studies, release = read(folder)
    assert len(studies["train-11"].questions) == len(whole["train-11"].questions) - 1
    assert list(release.reject_counts - before.reject_counts) == [(reason, False)]
    (record,) = [r for r in release.rejects if r.reason == reason][:1]
    assert record.row is not None and "mass" not in record.detail


def test_a_span_that_cuts_a_mask_is_none(folder: Path) -> None:
    text = "2150-1-1**], the mass is larger"

    def cut(entries: list[Content]) -> None:
        start = entries[0]["paragraphs"][0]["context"].index(text)
        first(entries)["answers"] = [{"text": text, "answer_start": start}]

    edit(folder, cut)
    studies, release = read(folder)
    assert "11_0-findings" not in questions(studies, "train-11")
    assert release.reject_counts["answer_is_no_span", False] == 1


def test_one_wrong_span_does_not_cost_the_others(folder: Path) -> None:
    edit(folder, lambda e: first(e)["answers"].append({"text": "no such", "answer_start": 0}))
    studies, release = read(folder)
    assert questions(studies, "train-11")["11_0-findings"].answers
    assert release.reject_counts["wrong_offset", False] == 3


def test_the_same_question_with_another_answer_is_a_contradiction(folder: Path) -> None:
    def again(entries: list[Content]) -> None:
        asked = entries[0]["paragraphs"][0]["qas"]
        asked.append(asked[0] | {"id": "11_99", "is_impossible": True, "answers": []})

    edit(folder, again)
    studies, release = read(folder)
    assert release.reject_counts["contradictory_answer", False] == 1
    assert questions(studies, "train-11")["11_0-findings"].answers, "the first one stays"


# -------------------------------------------------------------------------------------- reports


def test_a_report_that_stands_in_two_lists_stays_in_the_one_held_out(folder: Path) -> None:
    test = json.loads(next(folder.rglob("test.json")).read_text())["data"][0]
    edit(folder, lambda entries: entries.append(json.loads(json.dumps(test).replace("31_", "77_"))))
    studies, release = read(folder)
    assert "test-31" in studies and "train-77" not in studies
    assert release.reject_counts["duplicate_report", False] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: e.append(e[0]), "duplicate_id"),
        (lambda e: e[0]["paragraphs"][0].update(document_id="99_F"), "mixed_report"),
        (lambda e: e[0]["paragraphs"][0].update(document_id="11_I"), "mixed_report"),
        (lambda e: e[0].update(paragraphs=[]), "no_text"),
    ],
)
def test_an_entry_that_is_no_report_is_counted(
    folder: Path, change: Callable[[list[Content]], Any], reason: str
) -> None:
    edit(folder, change)
    _, release = read(folder)
    assert release.reject_counts[reason, False] == 1


def test_numbers_may_begin_anew_in_each_list(folder: Path) -> None:
    path = next(folder.rglob("dev.json"))
    path.write_text(path.read_text().replace('"21_', '"11_'))
    studies, _ = read(folder)
    assert {"dev-11", "train-11"} <= studies.keys()
    assert studies["dev-11"].people != studies["train-11"].people


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The heart is enlarged.", True),
        ("No acute cardiopulmonary process.", True),
        ("LUNG BASES: Atelectasis.", True),
        ("Fracture of the thoracic spine.", False),
        ("Gallstones without cholecystitis.", False),
    ],
)
def test_reports_are_chosen_by_words_of_the_chest(folder: Path, text: str, kept: bool) -> None:
    question = {"id": "1", "question": "What?", "is_impossible": True}
    paragraph = {"document_id": "88_F", "context": text, "qas": [question]}
    edit(folder, lambda entries: entries.append({"paragraphs": [paragraph]}))
    studies, _ = read(folder)
    assert ("train-88" in studies) == kept
    assert {study.selection for study in studies.values()} == {"radqa_words_of_the_chest"}


# ---------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("letter", ["F", "O", "f"])
def test_the_letter_beside_i_means_findings(folder: Path, letter: str) -> None:
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace('_F"', f'_{letter}"'))
    asked = questions(read(folder)[0], "train-11")
    assert {question.section for question in asked.values()} == {"findings", "impression"}


@pytest.mark.parametrize(
    ("old", "new"), [('_I"', '_X"'), ('"11_F"', '"11_C"'), ('"11_F"', '"11"'), ('"11_F"', '""')]
)
def test_sections_that_are_not_known_are_one_line(folder: Path, old: str, new: str) -> None:
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ReleaseError, match="document_id does not end in I") as caught:
        read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        [{"context": "SECRET", "question": "?", "answer": "SECRET"}],
        {"data": [{"context": "SECRET", "question": "?", "answers": {"text": ["SECRET"]}}]},
        {"data": [{"paragraphs": [{"context": "SECRET", "qas": []}]}]},
    ],
)
def test_converted_copies_are_refused_in_one_line(folder: Path, content: Any) -> None:
    next(folder.rglob("train.json")).write_text(json.dumps(content))
    with pytest.raises(ReleaseError, match="converted copies are not read") as caught:
        read(folder)
    assert "train.json" in str(caught.value)
    assert "\n" not in str(caught.value) and "SECRET" not in str(caught.value)


def test_a_broken_file_is_not_taken_for_a_converted_one(folder: Path) -> None:
    path = next(folder.rglob("dev.json"))
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ReleaseError, match=r"dev\.json: Input data was truncated"):
        read(folder)


@pytest.mark.parametrize("name", ["train", "dev", "test"])
def test_a_missing_list_is_named(folder: Path, name: str) -> None:
    next(folder.rglob(f"{name}.json")).unlink()
    with pytest.raises(ReleaseError, match=rf"^radqa: no {name}\.json found"):
        read(folder)
