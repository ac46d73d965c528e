"""VQA-RAD: questions on pictures of MedPix, split apart on one and the same picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question, Study
from chexinstruct.sources.vqa_rad import sample

Row = dict[str, Any]

PUBLIC = "VQA_RAD Dataset Public.json"

read = partial(read_release, "vqa_rad")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "release"
    sample.write(release)
    return release


def edit(folder: Path, change: Callable[[list[Row]], Any], file: str = PUBLIC) -> None:
    path = folder / file
    rows = json.loads(path.read_text(encoding="utf-8"))
    change(rows)
    path.write_text(json.dumps(rows), encoding="utf-8")


def questions(studies: dict[str, Study]) -> list[Question]:
    return [question for study in studies.values() for question in study.questions]


def asked(studies: dict[str, Study], text: str) -> Question:
    (found,) = [question for question in questions(studies) if text in question.text]
    return found


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_asks_the_same(tmp_path: Path, folder: Path, variant: str) -> None:
    sample.write(tmp_path / variant, variant)
    ours, release = read(tmp_path / variant)
    official, _ = read(folder)
    plain = [
        {
            key: (study.split, [(q.text, q.answers, q.form, q.split) for q in study.questions])
            for key, study in found.items()
        }
        for found in (ours, official)
    ]
    assert plain[0] == plain[1]
    templated = len(sample.TRAIN) + 1 if variant == "mevf" else 0
    assert release.reject_counts["templated_question", True] == templated
    assert all(known for _, known in release.reject_counts)
    for key, study in ours.items():
        (image,) = study.images
        assert (image.path is None) == (key == f"synpic{sample.MISSING}")
        assert image.path is None or image.path.endswith(f"/{key}.jpg")


def test_every_record_is_a_question_or_a_reject(folder: Path) -> None:
    studies, release = read(folder)
    rows = json.loads((folder / PUBLIC).read_text(encoding="utf-8"))
    assert len(questions(studies)) + sum(release.reject_counts.values()) == len(rows)
    assert release.reject_counts == {
        ("not_of_the_chest", True): 1,
        ("broken_text", True): 2,
        ("undecided_answer", True): 1,
        ("answer_does_not_fit", True): 1,
        ("duplicate_question", True): 2,
    }


def test_only_chests_are_taken(folder: Path) -> None:
    studies, _ = read(folder)
    assert set(studies) == {f"synpic{n}" for n in (*sample.TRAIN, *sample.TEST)}
    assert {study.selection for study in studies.values()} == {"vqa_rad_image_organ_chest"}


def test_a_picture_with_any_test_question_is_a_test_picture(folder: Path) -> None:
    studies, _ = read(folder)
    test = {key for key, study in studies.items() if study.split == "test"}
    assert test == {f"synpic{n}" for n in sample.TEST}
    both = studies[f"synpic{sample.BOTH}"].questions
    assert {q.split for q in both} == {"train", "test"}
    assert all(q.attributes["official_split"] == q.split for q in questions(studies))
    # Its one test question answers nothing, but others are scored on that picture.
    assert {q.split for q in studies["synpic90011"].questions} == {"train"}


def test_of_a_question_in_both_lists_the_test_one_stays(folder: Path) -> None:
    question = asked(read(folder)[0], "Which lung is collapsed?")
    assert (question.split, question.answers) == ("test", ("left lung",))


def test_paraphrases_stand_on_one_side(folder: Path) -> None:
    studies, _ = read(folder)
    rows = json.loads((folder / PUBLIC).read_text(encoding="utf-8"))
    link = {str(row["qid"]): row["qid_linked_id"] for row in rows}
    sides: dict[str, set[str]] = {}
    for study in studies.values():
        for question in study.questions:
            sides.setdefault(link[question.id], set()).add(str(study.split))
    pairs = Counter(link[q.id] for q in questions(studies))
    assert max(pairs.values()) > 1
    assert all(len(sides[name]) == 1 for name, n in pairs.items() if n > 1 and "4000-8000" in name)


def test_questions_that_contradict_one_another_are_all_left_out(folder: Path) -> None:
    def contradict(rows: list[Row]) -> None:
        twice = [row for row in rows if row["question"] == "Is the aortic knob enlarged?"]
        twice[1]["answer"] = "Yes"

    edit(folder, contradict)
    studies, release = read(folder)
    assert release.reject_counts["contradictory_answers", False] == 2
    assert not any("aortic knob" in q.text for q in questions(studies))


def test_types_and_answers_are_mended_where_they_are_misspelt(folder: Path) -> None:
    studies, _ = read(folder)
    every = questions(studies)
    assert {q.attributes["answer_type"] for q in every} == {"OPEN", "CLOSED"}
    assert all((q.form == "closed") == (q.attributes["answer_type"] == "CLOSED") for q in every)
    assert asked(studies, "How many chest tubes").answers == ("2",)
    assert asked(studies, "Is the film of the chest").answers == ("Chest film",)
    assert asked(studies, "Is the trachea in the middle").attributes["question_type"] == "ATTRIB"
    assert asked(studies, "Where is the opacity").attributes["question_type"] == "POS, PRES"
    assert {q.attributes["phrase_type"] for q in every} == {"freeform", "para"}


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Are heart \tlung s\tand ribs seen?", "Yes", "broken_text"),
        ('What is the hump" here?"', "Aorta", "broken_text"),
        ("What is it\ufffds name?", "Aorta", "broken_text"),
        ("Is it asbestos?", "Maybe.", "undecided_answer"),
        ("In which lung is it?", "no", "answer_does_not_fit"),
    ],
)
def test_what_teaches_nothing_is_set_aside(
    folder: Path, question: str, answer: str, reason: str
) -> None:
    before = read(folder)[1].reject_counts[reason, True]
    edit(folder, lambda rows: rows[1].update(question=question, answer=answer))
    studies, release = read(folder)
    assert release.reject_counts[reason, True] == before + 1
    assert (2, reason) in {(reject.row, reject.reason) for reject in release.rejects}
    assert not any(q.id == "1" for q in questions(studies))


def test_ordinary_quotation_marks_and_negations_stay(folder: Path) -> None:
    text = 'Is the "sail" sign absent, and when is it seen?'
    edit(folder, lambda rows: rows[1].update(question=text, answer="No"))
    assert asked(read(folder)[0], text).answers == ("No",)


def test_a_person_is_a_case_whose_number_drifts_at_the_end(folder: Path) -> None:
    studies, _ = read(folder)
    for key, study in studies.items():
        picture, case = study.people
        assert picture == f"medpix:{key}"
        assert case.startswith(f"medpix:case-{int(key.removeprefix('synpic')):08x}-")
    edit(
        folder,
        lambda rows: [row.update(image_case_url=rows[1]["image_case_url"]) for row in rows],
    )
    assert len({study.people[1] for study in read(folder)[0].values()}) == 1


def test_unknown_records_are_named(folder: Path) -> None:
    def spoil(rows: list[Row]) -> None:
        rows[1]["answer"] = None
        rows[2]["answer_type"] = "MAYBE"
        rows[3]["image_organ"] = "KNEE"
        rows[4]["phrase_type"] = "dev_freeform"
        rows[5]["qid"] = rows[6]["qid"]

    edit(folder, spoil)
    found = {(r.row, r.reason) for r in read(folder)[1].rejects}
    assert {(n, "bad_question") for n in (2, 3, 4, 5)} | {(7, "duplicate_id")} <= found


def test_the_parquet_copy_is_told_what_it_lacks(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train-00000-of-00001-eb8844602202be60.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReleaseError, match=r"neither organs nor pictures.*Dataset Public\.json"):
        read(tmp_path)
    sample.write(tmp_path)
    assert read(tmp_path)[0]


def test_a_list_that_is_missing_is_told(tmp_path: Path) -> None:
    sample.write(tmp_path, "mevf")
    (tmp_path / "trainset.json").unlink()
    with pytest.raises(ReleaseError, match=r"or trainset\.json found"):
        read(tmp_path)
