"""MIMIC-CXR-VQA: composed questions on pictures of MIMIC-CXR, and its test patients held out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_support import names, placed, table
from sample_releases import Loaded, Samples

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question
from chexinstruct.source import registry
from chexinstruct.sources.mimic_cxr_vqa import sample

KEY = "mimic_cxr_vqa"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load(KEY)


@pytest.fixture(scope="module")
def questions(loaded: Loaded) -> dict[str, Question]:
    return {q.id: q for study in loaded.studies for q in study.questions}


def ask(questions: dict[str, Question], text: str) -> Question:
    (found,) = [question for question in questions.values() if text in question.text]
    return found


def test_each_layout_gives_the_same_studies_and_names_what_it_left_out(samples: Samples) -> None:
    official = samples.load(KEY)
    for variant in sample.VARIANTS:
        other = samples.load(KEY, variant)
        assert [s.id for s in other.studies] == [s.id for s in official.studies]
        assert [[q.id for q in s.questions] for s in other.studies] == [
            [q.id for q in s.questions] for s in official.studies
        ]
        assert other.release.reject_counts == {
            ("not_in_parent", True): 2,
            ("duplicate_question", True): 2,
            ("contradictory_answers", False): 2,
            ("bad_answer", False): 4,
            ("bad_question", False): 2,
            ("duplicate_id", False): 1,
        }


def test_a_picture_is_a_study_of_a_person_of_mimic(samples: Samples, loaded: Loaded) -> None:
    parent = samples.load("mimic_cxr").studies
    assert len({study.images[0].key for study in loaded.studies}) == len(loaded.studies)
    for study in loaded.studies:
        exam = parent.get(study.id.partition("_")[0])
        (image,) = study.images
        assert exam is not None and study.people == exam.people
        assert image.release == "mimic_cxr"
        assert (image.key, image.path) in {(i.key, i.path) for i in exam.images}
        assert study.report is None and study.labels == ()


def test_yes_no_questions_are_closed_and_lists_are_open(questions: dict[str, Question]) -> None:
    closed, listed = (
        ask(questions, "pleural effusion?"),
        ask(questions, "Name all anatomical findings"),
    )
    assert (closed.form, closed.answers, closed.options) == ("closed", ("yes",), ())
    assert (listed.form, listed.options) == ("open", ())
    assert listed.answers == (
        "costophrenic angle blunting",
        "enlarged cardiac silhouette",
        "lung opacity",
    )
    assert listed.attributes["category"] == "anatomical finding"


def test_an_empty_answer_is_an_answer(questions: dict[str, Question]) -> None:
    assert ask(questions, "every site of a pneumothorax").answers == ("none",)
    assert ask(questions, "a lung lesion or a pneumothorax").answers == ("neither",)


def test_a_choice_of_two_shows_the_same_options_whatever_is_right(
    questions: dict[str, Question],
) -> None:
    """Else one could tell from the form of the question how many are right."""
    one, both, neither = (
        ask(questions, text)
        for text in ("pneumonia or atelectasis", "On which side", "or a pneumothorax")
    )
    assert [len(q.answers) for q in (one, both, neither)] == [1, 2, 1]
    for question in (one, both, neither):
        assert question.several and question.form == "closed"
        assert len(question.options) == 3 and question.options[-1] == "neither"
    assert neither.options == ("lung lesion", "pneumothorax", "neither")
    assert sum(q.several for q in questions.values()) == 3


def test_views_and_sexes_are_written_out_and_exclude_each_other(
    questions: dict[str, Question],
) -> None:
    for text, answer, options in (
        ("In which view", "PA", ()),
        ("an AP or a PA", "PA", ("AP", "PA")),
        ("Of which sex", "female", ()),
        ("a man or a woman", "female", ("female", "male")),
    ):
        question = ask(questions, text)
        assert (question.answers, question.options) == ((answer,), options)
        assert not question.several


def test_questions_about_anything_abnormal_are_kept(questions: dict[str, Question]) -> None:
    for text in ("in the right lower lung zone?", "show any abnormalities"):
        abnormal = ask(questions, text)
        assert abnormal.attributes["category"] == (
            "anatomical finding, device, disease, tubes and lines"
        )


def test_the_question_in_other_words_is_asked_once_and_two_answers_are_none(
    loaded: Loaded, questions: dict[str, Question]
) -> None:
    texts = {question.text for question in questions.values()}
    assert "Does the film show any abnormalities?" in texts
    assert "Is anything abnormal to be seen?" not in texts
    assert not any("hernia" in text for text in texts)


def test_only_the_test_file_is_a_benchmark(loaded: Loaded) -> None:
    """train.json and valid.json share patients, so their pictures follow MIMIC-CXR."""
    found = {s.id.partition("_")[0]: (s.split, s.holdout, s.split_origin) for s in loaded.studies}
    mimic = "MIMIC-CXR-JPG split table"
    assert found["s59999990"] == ("test", True, "MIMIC-CXR-VQA test file")
    assert found["s50000009"] == ("train", False, mimic)  # with a question of valid.json
    assert found["s50000007"] == ("validation", False, mimic)  # of train.json
    assert found["s50000008"] == ("test", False, mimic)  # of train.json


def test_its_test_patients_leave_the_training_rows_of_mimic(
    samples: Samples, loaded: Loaded, tmp_path: Path
) -> None:
    known = registry()
    tables = {
        key: table(tmp_path, samples.load(key).studies.studies, key) for key in ("mimic_cxr", KEY)
    }
    people = placed(tables, [known[key] for key in tables])
    mimic, ours = (names(tables[key], people[key]) for key in tables)
    assert mimic["s59999990"] == "held_out"
    assert {mimic[s.id.partition("_")[0]] for s in loaded.studies if not s.holdout} == {
        "train",
        "validation",
        "test",
    }
    assert "split_conflict" not in ours.values()


def test_files_without_answers_are_one_clear_error(samples: Samples, tmp_path: Path) -> None:
    sample.write(tmp_path, "builder")
    home = tmp_path / "mimiccxrvqa" / "dataset"
    for name in ("train", "valid", "test"):
        (home / f"{name}.json").unlink()
    with pytest.raises(ReleaseError, match=r"no train\.json found"):
        samples.read(KEY, "builder", tmp_path)
    for name in ("train", "valid", "test"):
        (home / f"_{name}.json").rename(home / f"{name}.json")
    with pytest.raises(ReleaseError, match=r"^mimic_cxr_vqa: [^\n]*no answers; [^\n]*PhysioNet"):
        samples.read(KEY, "builder", tmp_path)


def test_a_picture_is_looked_for_in_the_study_that_is_named(
    samples: Samples, tmp_path: Path
) -> None:
    """So no question goes to another person's picture."""
    sample.write(tmp_path)
    (file,) = tmp_path.rglob("test.json")
    items = json.loads(file.read_text())
    for item in items:
        item["study_id"] = 50000001
    file.write_text(json.dumps(items))
    read = samples.read(KEY, "physionet", tmp_path)
    assert read.release.reject_counts["not_in_parent", True] == 4
    assert not any(study.holdout for study in read.studies)
