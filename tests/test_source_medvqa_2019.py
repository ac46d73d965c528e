"""VQA-Med 2019: chest films told by the answers of other categories, and shared with VQA-RAD."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from build_support import names, placed, table
from sample_releases import Samples, read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question, Study
from chexinstruct.source import registry
from chexinstruct.sources.medvqa_2019 import sample

TRAINING = "ImageClef-2019-VQA-Med-Training/QAPairsByCategory"

read = partial(read_release, "medvqa_2019")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path, "unpacked")
    return tmp_path


def question(studies: dict[str, Study], number: int, category: str) -> Question:
    every = studies[f"synpic{number}"].questions
    (found,) = [q for q in every if q.attributes["category"] == category]
    return found


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_plain_films_of_lung_and_heart_are_taken(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, _ = read(tmp_path)
    split = {int(key.removeprefix("synpic")): study.split for key, study in studies.items()}
    assert split == dict.fromkeys((90001, 90004, 90005, 90007, 90008, 90010), "train") | {
        91001: "validation",
        92003: "test",
        92004: "test",
    }
    for key, study in studies.items():
        assert study.people == (f"medpix:{key}",)
        (image,) = study.images
        assert (image.path is None) == (key == f"synpic{sample.MISSING}")


def test_every_line_is_a_question_or_a_reject(folder: Path) -> None:
    studies, release = read(folder)
    lists = sum(4 - (not p.abnormality) for p in (*sample.TRAIN, *sample.VALIDATION))
    kept = sum(len(study.questions) for study in studies.values())
    assert kept + release.reject_counts.total() == lists + len(sample.TEST)
    assert release.reject_counts.keys() == {("not_a_chest_radiograph", True)}


def test_a_test_picture_is_an_x_ray_in_the_words_of_its_question_alone(folder: Path) -> None:
    file = folder / "VQAMed2019Test" / "VQAMed2019_Test_Questions_w_Ref_Answers.txt"
    file.write_text(file.read_text().replace("does this x-ray show", "does this image show"))
    studies, _ = read(folder)
    assert "synpic92003" not in studies
    # In the other lists an answer tells the modality, whatever the question calls the picture.
    organs = folder / TRAINING / "C3_Organ_train.txt"
    organs.write_text(organs.read_text().replace("which organ system", "which part of the x-ray"))
    assert set(read(folder)[0]) == set(studies)


def test_questions_of_all_categories_are_open_unless_answered_yes_or_no(folder: Path) -> None:
    studies, _ = read(folder)
    categories = {q.attributes["category"] for q in studies["synpic90001"].questions}
    assert categories == {"modality", "plane", "organ", "abnormality"}
    assert len(studies["synpic90004"].questions) == 3
    assert question(studies, 90001, "abnormality").form == "open"
    assert question(studies, 90005, "abnormality").form == "closed"
    assert question(studies, 91001, "abnormality").answers == ("no",)


def test_codes_are_written_out_and_accepted_as_released(folder: Path) -> None:
    studies, _ = read(folder)
    plane = question(studies, 90001, "plane")
    assert (plane.answers, plane.references) == (("PA",), ("pa",))
    modality = question(studies, 90001, "modality")
    assert (modality.answers, modality.references) == (("plain film",), ("xr - plain film",))
    lateral = question(studies, 90004, "plane")
    assert (lateral.answers, lateral.references) == (("lateral",), ())
    assert question(studies, 90007, "abnormality").answers == ("fat-laden hernia – morgagni.",)


def test_of_alternatives_the_first_is_the_answer_and_all_are_accepted(folder: Path) -> None:
    organ = question(read(folder)[0], 92004, "organ")
    assert (organ.answers, organ.references) == ((sample.HEART,), (sample.LUNG,))


def test_pictures_of_vqa_rad_stand_on_its_side(tmp_path: Path) -> None:
    samples = Samples(tmp_path)
    sources = {key: registry()[key] for key in ("medvqa_2019", "vqa_rad")}
    tables = {key: table(tmp_path, samples.load(key).studies.studies, key) for key in sources}
    people = placed(tables, list(sources.values()))
    shown = {key: names(tables[key], people[key]) for key in sources}
    assert shown["vqa_rad"]["synpic90010"] == "test"
    assert shown["medvqa_2019"]["synpic90010"] == "split_conflict"
    both = set(shown["vqa_rad"]) & set(shown["medvqa_2019"]) - {"synpic90010"}
    assert both
    sides = {(shown["vqa_rad"][key], shown["medvqa_2019"][key]) for key in both}
    assert sides <= {("train", "train"), ("validation", "split_conflict")}


def test_broken_lines_are_named(folder: Path) -> None:
    file = folder / TRAINING / "C2_Plane_train.txt"
    file.write_text(file.read_text() + "synpic90001|what plane?\nsynpic90001|what plane?|#\n")
    test = folder / "VQAMed2019Test" / "VQAMed2019_Test_Questions_w_Ref_Answers.txt"
    test.write_text(test.read_text() + "synpic93000|colour|why?|grey\nsynpic91001|plane|how?|pa")
    found = {(r.path, r.row, r.reason) for r in read(folder)[1].rejects}
    row = len(sample.TRAIN) + 1
    name = f"{TRAINING}/C2_Plane_train.txt"
    assert {(name, row, "wrong_field_count"), (name, row + 1, "empty_question_or_answer")} <= found
    row = len(sample.TEST) + 1
    assert (str(test.relative_to(folder)), row, "unknown_category") in found
    assert {reason for *_, reason in found} >= {"picture_in_two_lists"}


def test_lists_may_be_missing_and_categories_may_not(folder: Path) -> None:
    (folder / "VQAMed2019Test" / "VQAMed2019_Test_Questions_w_Ref_Answers.txt").unlink()
    assert {study.split for study in read(folder)[0].values()} == {"train", "validation"}
    (folder / TRAINING / "C3_Organ_train.txt").unlink()
    with pytest.raises(ReleaseError, match=r"no C3_Organ_train\.txt beside"):
        read(folder)


def test_no_list_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "All_QA_Pairs_train.txt").write_text("synpic1|what?|pa")
    with pytest.raises(ReleaseError, match=r"no C1_Modality_train\.txt and no VQAMed2019"):
        read(tmp_path)
