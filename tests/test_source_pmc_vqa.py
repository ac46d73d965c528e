"""PMC-VQA: questions on chest radiographs among the figures of articles."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from build_support import names, placed, table
from sample_releases import read_release
from task_context import FakeContext, run

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Row
from chexinstruct.schema import Question, Study
from chexinstruct.source import registry
from chexinstruct.sources.pmc_vqa import loader, sample
from chexinstruct.tasks.qa import close_ended_vqa, open_ended_vqa

KEY = "pmc_vqa"
read = partial(read_release, KEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def ask(studies: dict[str, Study], text: str) -> Question:
    (found,) = [q for study in studies.values() for q in study.questions if q.text == text]
    return found


def test_version_two_is_read_under_both_its_names_and_before_version_one(
    folder: Path, tmp_path: Path
) -> None:
    official, release = read(folder)
    assert {q.attributes["version"] for s in official.values() for q in s.questions} == {"2"}
    for variant in ("readme", "both"):
        other = tmp_path / variant
        sample.write(other, variant)
        ours, again = read(other)
        assert [
            (s.id, s.split, [(q.id, q.text, q.answers) for q in s.questions]) for s in ours.values()
        ] == [
            (s.id, s.split, [(q.id, q.text, q.answers) for q in s.questions])
            for s in official.values()
        ]
        assert again.reject_counts == release.reject_counts


def test_what_is_left_out_is_named(folder: Path) -> None:
    _, release = read(folder)
    assert release.reject_counts == {
        ("not_a_chest_radiograph", True): 4,
        ("choice_on_choices", True): 2,
        ("contradictory_answers", True): 2,
        ("empty_question_or_choice", True): 1,
        ("duplicate_question", True): 1,
        ("figure_in_test", True): 1,
        ("no_such_choice", False): 1,
        ("no_article", False): 1,
    }


def row(caption: str, question: str = "What is seen?", right: str = "An opacity") -> Row:
    choices = {"A": right, "B": "CT", "C": "chest X-ray", "D": ""}
    return Row(caption=caption, question=question, answer="A", **choices)


@pytest.mark.parametrize(
    "caption",
    [
        "Chest X-ray of the patient.",
        "Chest x ray",
        "chest xray (PA)",
        "Posteroanterior chest radiograph",
        "Chest anteroposterior (AP) radiograph",
        "X-rays of the chest",
        "Plain film of the thorax",
        "Initial CXR.",
        "Thoracic radiograph with ectopic calcification",
        "Chest roentgenogram. The objects and structures are normal.",
    ],
)
def test_a_chest_radiograph_is_known_by_its_words(caption: str) -> None:
    assert loader._on_chest_radiograph(row(caption))


@pytest.mark.parametrize(
    "caption",
    [
        "Lateral X-ray of the knee.",
        "A patient with chest pain.",
        "X-ray of the wrist of a patient who also had an injury of the chest",
        "Chest X-ray (a) and CT (b)",
        "Chest radiograph and HRCT scan",
        "Chest radiograph, and computed tomography",
        "Chest radiograph. PET/CT of the same patient",
        "Chest X-ray and transthoracic echocardiography",
        "Chest X-ray, and histology of the resected lobe",
        "Chest X-ray and Bronchoscopy",
        "Chest X-rays of mice",
        "Chest radiograph with Grad-CAM heat map",
        "ROC curves of models on chest X-rays",
    ],
)
def test_other_pictures_are_known_by_theirs(caption: str) -> None:
    assert not loader._on_chest_radiograph(row(caption))


def test_question_and_right_choice_count_and_wrong_ones_do_not(folder: Path) -> None:
    assert loader._on_chest_radiograph(row("", "What does the chest X-ray show?"))
    assert loader._on_chest_radiograph(row("", "How was it made?", "By chest X-ray"))
    assert not loader._on_chest_radiograph(row("", "How was it made?"))
    assert not loader._on_chest_radiograph(row("Chest X-ray", "What does the CT show?"))
    assert not loader._on_chest_radiograph(row("Chest X-ray", "How was it made?", "CT"))
    studies, _ = read(folder)
    assert ask(studies, "How was the picture made?").options[0] == "CT scan"


def test_choices_lose_their_letters_and_nothing_else(folder: Path) -> None:
    studies, _ = read(folder)
    asked = ask(studies, "Where does the tube end?")
    assert asked.options == ("Stomach", "Right lower lobe bronchus", "Esophagus", "Trachea")
    assert asked.answers == ("Right lower lobe bronchus",)
    assert asked.attributes == {"answer_label": "B", "version": "2"}
    assert loader._choice(" A: A: seen twice", "A") == "A: seen twice"
    assert loader._choice("B: line", "A") == "B: line"
    assert loader._choice("Ask: why", "A") == "Ask: why"


def test_an_empty_wrong_choice_is_no_option(folder: Path) -> None:
    studies, _ = read(folder)
    assert ask(studies, "Is the heart enlarged?").options == ("No", "Yes", "It cannot be told")


def test_equal_choices_are_kept_and_not_asked(folder: Path) -> None:
    study = read(folder)[0]["PMC9000002_Fig2_2"]
    assert study.questions[0].options == ("Both lungs", "Left lung", "Left lung", "Right lung")
    facts, drops = run(close_ended_vqa, study, FakeContext())
    assert (facts, drops) == ([], ["equal_options"])


def test_a_question_that_points_at_its_choices_is_asked_with_them_alone(folder: Path) -> None:
    studies, _ = read(folder)
    asked = ask(studies, "Which of the following is seen?")
    assert asked.form == "closed"
    study = studies["PMC9000001_Fig1_1"]
    opened, _ = run(open_ended_vqa, study, FakeContext())
    closed, _ = run(close_ended_vqa, study, FakeContext())
    assert [f.key for f in opened] == [f.key for f in closed] == [q.id for q in study.questions]
    assert {f.form for f in closed} == {"choice"}


@pytest.mark.parametrize(
    ("choice", "speaks"),
    [
        ("All of the above", True),
        ("None of these", True),
        ("Both A and B", True),
        ("A, B and C", True),
        ("C", True),
        ("None of the other options", True),
        ("Above the diaphragm", False),
        ("Both lungs", False),
        ("Both of the lungs", False),
        ("None", False),
        ("A mass", False),
        ("Hepatitis B and C", False),
    ],
)
def test_choices_that_speak_of_others_are_told(choice: str, speaks: bool) -> None:
    assert bool(loader.ON_CHOICES.search(choice)) == speaks


def test_an_article_stands_on_one_side(folder: Path, tmp_path: Path) -> None:
    """Its train figures are left out where it is in test too."""
    studies, _ = read(folder)
    assert studies["PMC9000005_Fig1_1"].people == studies["PMC9000005_Fig2_1"].people
    assert studies["PMC9000005_Fig2_1"].split == "test"
    tables = {KEY: table(tmp_path, list(studies.values()), KEY)}
    sides = names(tables[KEY], placed(tables, [registry()[KEY]])[KEY])
    assert sides["PMC9000005_Fig1_1"] == "split_conflict"
    assert sides["PMC9000005_Fig2_1"] == sides["PMC9000009_Fig1_1"] == "test"


def test_version_one_has_letters_of_its_own_and_checked_questions(tmp_path: Path) -> None:
    sample.write(tmp_path, "version_1")
    studies, release = read(tmp_path)
    assert release.reject_counts == {("not_a_chest_radiograph", True): 2}
    shown = ask(studies, "What does the chest X-ray show?")
    assert (shown.answers, shown.options[1]) == (("Pleural effusion",), "Pneumothorax")
    checked = {q.text: q.attributes.get("checked") for q in studies["PMC9000009_F1"].questions}
    assert sorted(checked.values(), key=str) == [None, "yes"]
    assert checked["Which structures are enlarged on the chest radiograph?"] == "yes"
    path = studies["PMC9000001_F1"].images[0].path
    assert path == "images.zip/images/PMC9000001_F1.jpg"


def test_a_letter_and_a_text_that_differ_are_set_aside(tmp_path: Path) -> None:
    sample.write(tmp_path, "version_1")
    file = tmp_path / "train.csv"
    file.write_text(file.read_text().replace(", Free air", ",Edema"))
    studies, release = read(tmp_path)
    assert release.reject_counts["contradictory_answer", False] == 1
    assert "PMC9000006_F1" not in studies


def test_a_file_under_the_name_of_the_other_version_is_one_clear_error(tmp_path: Path) -> None:
    sample.write(tmp_path, "version_1")
    (tmp_path / "train.csv").rename(tmp_path / "train_2.csv")
    (tmp_path / "test.csv").rename(tmp_path / "test_2.csv")
    with pytest.raises(ReleaseError, match=r"train_2\.csv.*columns are not those of version 2"):
        read(tmp_path)


def test_a_version_without_its_test_file_is_one_clear_error(folder: Path) -> None:
    (folder / "test_2.csv").unlink()
    with pytest.raises(ReleaseError, match=r"^pmc_vqa: no test_2\.csv or test2\.csv"):
        read(folder)
