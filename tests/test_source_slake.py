"""SLAKE: questions on radiographs in two languages that are split apart."""

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
from chexinstruct.sources.slake import sample

Row = dict[str, Any]
NUMBERS = [picture.number for picture in sample.PICTURES]


read = partial(read_release, "slake")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def edit(folder: Path, file: str, change: Callable[[list[Row]], Any]) -> None:
    path = folder / "Slake1.0" / file
    rows = json.loads(path.read_text(encoding="utf-8"))
    change(rows)
    path.write_text(json.dumps(rows), encoding="utf-8")


def questions(studies: dict[str, Study]) -> list[Question]:
    return [question for study in studies.values() for question in study.questions]


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_same_studies(tmp_path: Path, folder: Path, variant: str) -> None:
    other = tmp_path / "other"
    sample.write(other, variant)
    ours, release = read(other)
    official, _ = read(folder / "Slake1.0")
    assert [int(number) for number in ours] == NUMBERS
    plain = [[(q.id, q.text, q.answers, q.split) for q in s.questions] for s in ours.values()]
    assert plain == [
        [(q.id, q.text, q.answers, q.split) for q in s.questions] for s in official.values()
    ]
    for number, study in ours.items():
        (image,) = study.images
        assert image.key == f"xmlab{number}"
        assert (image.path is None) == (int(number) == sample.MISSING)
        assert image.path is None or f"xmlab{number}" in image.path
        assert image.path is None or release.read(image.path).startswith(b"\xff\xd8")
    assert read(other)[0] == ours


def test_picture_number_zero_is_real(folder: Path) -> None:
    study = read(folder)[0]["0"]
    assert study.people == ("slake:0",)
    assert study.questions


def test_only_radiographs_are_taken_and_a_ct_of_the_lung_is_not(folder: Path) -> None:
    studies, release = read(folder)
    assert str(sample.CT) not in studies
    assert {study.selection for study in studies.values()} == {"slake_modality_x_ray"}
    assert release.reject_counts["not_a_radiograph", True] == 1  # one a picture, not a question


def test_split_is_that_of_the_english_questions_and_chinese_ones_keep_their_own(
    folder: Path,
) -> None:
    studies, _ = read(folder)
    official = {"train": "train", "validate": "validation", "test": "test"}
    for picture in sample.PICTURES:
        study = studies[str(picture.number)]
        assert study.split == official[picture.en]
        assert study.holdout == (picture.en != "train")
        splits = {(q.language, q.split) for q in study.questions}
        assert splits == {("en", official[picture.en]), ("zh", official[picture.zh])}
    leak = studies["0"]
    assert leak.split == "train"
    assert {q.split for q in leak.questions if q.language == "zh"} == {"test"}


def test_split_without_english_questions_is_that_of_the_others(folder: Path) -> None:
    edit(
        folder,
        "train.json",
        lambda rows: rows.__setitem__(
            slice(None), [r for r in rows if (r["img_id"], r["q_lang"]) != (0, "en")]
        ),
    )
    assert read(folder)[0]["0"].split == "test"


def test_closed_questions_come_as_released_without_options(folder: Path) -> None:
    closed = [q for q in questions(read(folder)[0]) if q.form == "closed"]
    assert not any(question.options for question in closed)
    english = {answer for q in closed if q.language == "en" for answer in q.answers}
    chinese = {answer for q in closed if q.language == "zh" for answer in q.answers}
    assert {"Yes", "No", "Left", "Lung"} <= english
    assert not {"Yes", "No"} & chinese


def test_answers_keep_their_spelling(folder: Path) -> None:
    assert ("Noudle",) in [q.answers for q in read(folder)[0]["6"].questions]


def test_attributes_name_the_kind_and_knowledge_carries_its_triple(folder: Path) -> None:
    studies, _ = read(folder)
    every = questions(studies)
    assert all(
        {"answer_type", "base_type", "content_type", "location"} <= q.attributes.keys()
        for q in every
    )
    knowledge = [q for q in every if q.attributes["base_type"] == "kvqa"]
    assert len(knowledge) == 4
    assert {q.attributes["triple"] for q in knowledge} == {
        "Pneumonia | prevent | ktail",
        "Cardiomegaly | belong to | ktail",
        "Pneumothorax | symptom | ktail",
    }
    assert all("triple" not in q.attributes for q in every if q not in knowledge)


def test_question_asked_twice_is_kept_once(folder: Path) -> None:
    studies, release = read(folder)
    for number in ("2", "3"):
        texts = Counter((q.language, q.text) for q in studies[number].questions)
        assert max(texts.values()) == 1
    assert release.reject_counts["duplicate_question", True] == 1
    assert release.reject_counts["contradictory_answer", False] == 1
    body = [q.answers for q in studies["3"].questions if q.text.startswith("Which part")]
    assert body == [("Chest",)]


def test_empty_answer_is_set_aside(folder: Path) -> None:
    studies, release = read(folder)
    assert release.reject_counts["empty_question_or_answer", True] == 1
    assert all(answer for q in questions(studies) for answer in q.answers)


def test_rejects_name_file_and_row(folder: Path) -> None:
    def spoil(rows: list[Row]) -> None:
        rows[0]["answer_type"] = "MAYBE"
        rows[1]["img_id"] = [1]
        rows[2]["qid"] = rows[3]["qid"]

    edit(folder, "test.json", spoil)
    _, release = read(folder)
    found = [(r.row, r.reason) for r in release.rejects if r.path == "Slake1.0/test.json"]
    assert found == [(1, "bad_question"), (2, "bad_question"), (4, "duplicate_id")]


def test_origin_points_at_the_object_in_its_file(folder: Path) -> None:
    for question in questions(read(folder)[0]):
        assert question.origin
        assert question.origin.row
        rows = json.loads((folder / question.origin.file).read_text(encoding="utf-8"))
        assert rows[question.origin.row - 1]["qid"] == int(question.id)


def test_missing_and_malformed_files_are_told_in_one_line(folder: Path) -> None:
    file = folder / "Slake1.0" / "validate.json"
    file.write_text('{"rows": []}')
    with pytest.raises(ReleaseError, match=r"^slake: Slake1\.0/validate\.json: .*array"):
        read(folder)
    file.unlink()
    with pytest.raises(ReleaseError, match=r"^slake: no validate\.json or validation\.json"):
        read(folder)
