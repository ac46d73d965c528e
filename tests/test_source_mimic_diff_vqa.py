"""Medical-Diff-VQA: questions on studies of MIMIC-CXR, and on what changed between two."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_support import names, placed, table
from sample_releases import Loaded, Samples

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Question, Study
from chexinstruct.source import registry
from chexinstruct.sources.mimic_diff_vqa import sample

KEY = "mimic_diff_vqa"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load(KEY)


def study(loaded: Loaded, number: int) -> Study:
    found = loaded.studies.get(f"s{number}")
    assert found is not None
    return found


def asked(loaded: Loaded, number: int, text: str) -> Question:
    (found,) = [q for q in study(loaded, number).questions if text in q.text]
    return found


def texts(loaded: Loaded, number: int) -> list[str]:
    return [question.text for question in study(loaded, number).questions]


REJECTS = {
    ("reference_not_earlier", True): 2,
    ("contradictory_answers", True): 2,
    ("duplicate_question", True): 1,
    ("not_in_parent", True): 3,
    ("two_persons", False): 1,
    ("unknown_type", False): 1,
    ("unknown_answer", False): 3,
    ("empty_question_or_answer", False): 1,
}
"""Of every layout."""
EXTRACTED = {
    ("partial_answer", True): 1,
    ("denies_a_finding", True): 1,
    ("bad_record", False): 1,
}
"""Of those with what was picked out of the reports."""


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_each_layout_gives_the_same_studies_and_names_what_it_left_out(
    samples: Samples, variant: str
) -> None:
    official, other = samples.load(KEY), samples.load(KEY, variant)
    assert [s.id for s in other.studies] == [s.id for s in official.studies]
    bare = variant == "wget"
    assert other.release.reject_counts == (REJECTS if bare else REJECTS | EXTRACTED)
    if not bare:
        said = [[(q.id, q.answers) for q in s.questions] for s in other.studies]
        assert said == [[(q.id, q.answers) for q in s.questions] for s in official.studies]


def test_a_difference_compares_with_an_earlier_picture_that_the_release_names(
    loaded: Loaded,
) -> None:
    pair = study(loaded, 50000009)
    before, older, now = (sample.dicom_id(n) for n in (50000001, 50000004, 50000009))
    assert [(i.key, i.role, i.release) for i in pair.images] == [
        (before, "prior", "mimic_cxr"),
        (older, "prior", "mimic_cxr"),
        (now, "current", "mimic_cxr"),
    ]
    whole, area = (asked(loaded, 50000009, f"what has changed {x}") for x in ("compared", "in"))
    assert (whole.prior, whole.images, whole.form) == ((before,), (now,), "open")
    assert (area.prior, area.images) == ((older,), (now,))
    assert area.answers == ("the level of pleural effusion has changed from moderate to small.",)
    (sentences,) = whole.answers
    assert sentences.count("than the reference image.") == 2 and sentences.endswith(".")
    assert asked(loaded, 50000012, "compared").answers == ("nothing has changed.",)


def test_a_reference_that_is_not_the_earlier_study_is_not_compared_with(loaded: Loaded) -> None:
    """By date and time: the table of the release has days only, and ranks days alike."""
    rows = {reject.row for reject in loaded.release.rejects if "earlier" in reject.reason}
    assert rows == {
        2 + sample.QUESTIONS.index(q)
        for q in sample.QUESTIONS
        if q.kind == "difference" and q.study in (50000004, 59999997)
    }
    assert asked(loaded, 50000001, "compared").prior == (sample.dicom_id(50000004),)


def test_other_questions_of_such_a_pair_are_about_the_main_study_and_stay(loaded: Loaded) -> None:
    assert texts(loaded, 50000004) == ["is there hernia?"]


def test_all_questions_but_differences_are_about_one_picture(loaded: Loaded) -> None:
    for one in loaded.studies:
        current = [image.key for image in one.images if image.role == "current"]
        for question in one.questions:
            assert list(question.images) == current
            assert bool(question.prior) == (question.attributes["question_type"] == "difference")


@pytest.mark.parametrize(
    ("number", "text", "form", "answers", "options"),
    [
        (
            50000009,
            "what abnormalities",
            "open",
            ("pleural effusion", "cardiomegaly", "edema"),
            (),
        ),
        (50000009, "pneumothorax in this image?", "closed", ("no",), ()),
        (50000009, "which view", "open", ("AP view",), ()),
        (50000012, "is this AP view", "closed", ("yes",), ()),
        (50000009, "where is", "open", ("left area and right lower area",), ()),
        (50000012, "left side or", "closed", ("left side",), ("left side", "right side")),
        (50000000, "what level", "open", ("small",), ()),
        (50000009, "what type", "open", ("interstitial",), ()),
        (50000012, "any abnormalities", "closed", ("yes",), ()),
    ],
)
def test_each_type_is_asked_in_its_form(
    loaded: Loaded,
    number: int,
    text: str,
    form: str,
    answers: tuple[str, ...],
    options: tuple[str, ...],
) -> None:
    question = asked(loaded, number, text)
    assert (question.form, question.answers, question.options) == (form, answers, options)
    assert not question.several


def test_a_question_with_two_answers_is_not_asked_and_with_one_it_is_asked_once(
    loaded: Loaded,
) -> None:
    assert not any("what level" in text for text in texts(loaded, 50000009))
    assert texts(loaded, 50000009).count("what type is the edema?") == 1


def test_what_was_picked_out_of_the_reports_tells_wrong_answers(
    samples: Samples, loaded: Loaded
) -> None:
    without = samples.load(KEY, "wget")
    gone = set(texts(without, 50000004)) - set(texts(loaded, 50000004))
    assert gone == {
        "what abnormalities are seen in the left lung base?",
        "is there pleural effusion in the right area?",
    }


def test_a_no_says_whether_the_report_denies_it_where_that_is_known(
    samples: Samples, loaded: Loaded
) -> None:
    assert asked(loaded, 50000009, "pneumothorax").attributes["negative"] == "denied"
    assert asked(loaded, 50000004, "hernia").attributes["negative"] == "not stated"
    assert "negative" not in asked(loaded, 50000006, "pneumonia").attributes
    assert "negative" not in asked(samples.load(KEY, "wget"), 50000009, "pneumothorax").attributes


def test_splits_are_those_of_mimic_and_not_the_column(loaded: Loaded) -> None:
    assert study(loaded, 50000012).split == "validation"
    assert {q.split for q in study(loaded, 50000012).questions} == {"train", "validation", "test"}
    assert not any(one.holdout for one in loaded.studies)


def test_pairs_of_the_benchmark_ms_cxr_t_are_in_no_training_row(
    samples: Samples, loaded: Loaded, tmp_path: Path
) -> None:
    keys = ("mimic_cxr", "ms_cxr_t", KEY)
    tables = {key: table(tmp_path, samples.load(key).studies.studies, key) for key in keys}
    people = placed(tables, [registry()[key] for key in keys])
    benchmark = {s.id for s in samples.load("ms_cxr_t").studies}
    found = names(tables[KEY], people[KEY])
    assert "s50000006_s50000002" in benchmark and study(loaded, 50000006).split == "train"
    assert found["s50000006"] == "held_out"
    assert found["s50000000"] == "test"
    held = {p for s in samples.load("ms_cxr_t").studies for p in s.people}
    assert not [s.id for s in loaded.studies if held & {*s.people} and found[s.id] == "train"]
    assert "train" in found.values()


@pytest.mark.parametrize("name", ["mimic_pair_questions.csv", "mimic_all.csv"])
def test_a_missing_table_is_one_clear_error(samples: Samples, tmp_path: Path, name: str) -> None:
    sample.write(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ReleaseError, match=rf"^mimic_diff_vqa: no {name} found [^\n]+$"):
        samples.read(KEY, "v1_0_1", tmp_path)
