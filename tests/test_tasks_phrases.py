"""Tasks that quote the report of a picture: what is shown, what is the answer, what is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_context import FakeContext, FakePolicies, run, worded

from chexinstruct.schema import Box, Facts, Image, Region, Report, Study
from chexinstruct.tasks import Task
from chexinstruct.tasks.fine import (
    grounded_phrase_extraction,
    phrase_extraction_and_grounding,
    phrase_grounding,
)
from chexinstruct.tasks.needs import NEEDS, own_sections
from chexinstruct.templating import Templates

QUOTING = (grounded_phrase_extraction, phrase_extraction_and_grounding)

FRAME = (100, 100)
LEFT: Box = (60.0, 20.0, 80.0, 40.0)
RIGHT: Box = (20.0, 20.0, 30.0, 30.0)
LOW: Box = (20.0, 70.0, 25.0, 80.0)

FINDINGS = """There is a small left
  apical pneumothorax.  The heart is normal in size. No pleural effusion is seen."""


def box(phrase: str | None, where: Box = LEFT, label: str | None = "pneumothorax") -> Region:
    return Region(image="a", shape="box", frame=FRAME, label=label, phrase=phrase, box=where)


def study(*regions: Region, images: tuple[str, ...] = ("a",), **sections: str) -> Study:
    return Study(
        source="made_up",
        id="s1",
        images=tuple(Image(key=key, path=key) for key in images),
        regions=regions,
        report=Report(sections=sections or {"findings": FINDINGS}, release="elsewhere"),
    )


def of(task: Task, made: Study, text: str = "clean") -> tuple[list[Facts], list[str]]:
    return run(task, made, FakeContext(policies=FakePolicies(text=text)))


def reason(task: Task, made: Study) -> str:
    facts, drops = of(task, made)
    assert facts == []
    (only,) = drops
    return only


def extracted(made: Study, text: str = "clean") -> Facts:
    (fact,), drops = of(grounded_phrase_extraction, made, text)
    assert drops == []
    return fact


def quotations(fact: Facts) -> list[tuple[str | None, Box]]:
    return [(region.phrase, region.box) for region in fact.found]


# ------------------------------------------------------------------- grounded_phrase_extraction


def test_the_phrase_is_quoted_as_the_report_spells_it() -> None:
    fact = extracted(study(box("Small left apical  pneumothorax."), box(None, LOW)))
    assert fact.answers == ("small left apical pneumothorax",)
    assert fact.slots["report"] == " ".join(FINDINGS.split())
    assert fact.answers[0] in fact.slots["report"]
    assert [region.box for region in fact.asked] == [LEFT]
    assert "pneumothorax" not in fact.key
    assert fact.found == ()


@pytest.mark.parametrize("task", QUOTING)
@pytest.mark.parametrize(
    "phrase",
    [
        "small apical pneumothorax",  # edited
        "left apical pneumo",  # the beginning of a word
        "normal in size. No effusion",
        "small left, apical pneumothorax",
    ],
)
def test_a_phrase_that_the_report_does_not_say_is_counted(task: Task, phrase: str) -> None:
    assert reason(task, study(box(phrase))) == "phrase_not_in_report"


@pytest.mark.parametrize("task", QUOTING)
def test_a_part_of_a_compound_is_not_the_word(task: Task) -> None:
    made = study(box("left side"), findings="A left side-port is seen. There is a line.")
    assert reason(task, made) == "phrase_not_in_report"


def test_the_section_that_says_it_is_shown_alone() -> None:
    fact = extracted(
        study(
            box("left pneumothorax"),
            indication="Known left pneumothorax. Pain.",
            findings="A pneumothorax is seen on the left. The heart is normal.",
            impression="There is a left pneumothorax. No fracture.",
        )
    )
    assert fact.slots["report"] == "There is a left pneumothorax. No fracture."


def test_the_reason_for_the_study_is_no_description_of_the_picture() -> None:
    made = study(box("left pneumothorax"), indication="Known left pneumothorax. Pain.")
    assert reason(grounded_phrase_extraction, made) == "phrase_not_in_report"


def test_a_report_without_headers_is_its_last_paragraph() -> None:
    fact = extracted(study(box("left edema"), last_paragraph="There is left edema. No fluid."))
    assert fact.answers == ("left edema",)


def test_what_is_shown_keeps_comparisons_and_loses_masks_times_and_calls() -> None:
    fact = extracted(
        study(
            box("unchanged left pneumothorax"),
            findings=(
                "There is an unchanged left pneumothorax since ___. The line was placed by ___. "
                "Discussed with the nurse at 9:15. Comparison is made with the prior film."
            ),
        )
    )
    assert fact.slots["report"] == (
        "There is an unchanged left pneumothorax. Comparison is made with the prior film."
    )
    assert fact.answers == ("unchanged left pneumothorax",)
    assert fact.dropped_sentences == "deidentified:1 time:1"


@pytest.mark.parametrize("task", QUOTING)
def test_a_mask_in_the_answer_drops_it(task: Task) -> None:
    text = "Left pneumothorax as of ___ is seen. The heart is normal. The lungs are clear."
    made = study(box("Left pneumothorax as of ___"), findings=text)
    assert reason(task, made) == "leak_deidentified"
    kept, drops = run(task, made, FakeContext(policies=FakePolicies(leaks=("time",))))
    assert (len(kept), drops) == (1, []), "the class is switched off"
    (fact,), _ = of(task, made, text="raw")
    assert fact.slots["report"] == text


@pytest.mark.parametrize("task", QUOTING)
def test_a_phrase_goes_with_its_sentence(task: Task) -> None:
    text = "A left pneumothorax was reported to the ward. The heart is normal. No fracture."
    assert reason(task, study(box("left pneumothorax"), findings=text)) == "sentence_filtered"
    again = "Left pneumothorax. No fracture."
    (fact,), _ = of(task, study(box("left pneumothorax"), findings=text, impression=again))
    assert fact.slots["report"] == again


@pytest.mark.parametrize("task", QUOTING)
@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("left pneumothorax", "There is a left pneumothorax."),
        ("Small left pneumothorax.", "1. SMALL LEFT PNEUMOTHORAX"),
        ("Left pneumothorax. No effusion.", "Left pneumothorax. No effusion."),
        ("left pneumothorax", "A left pneumothorax is seen. Comparison is made to ___."),
    ],
)
def test_a_phrase_is_not_all_that_the_text_says(task: Task, phrase: str, text: str) -> None:
    assert reason(task, study(box(phrase), findings=text)) == "only_sentence"


def test_the_box_of_two_phrases_asks_for_neither() -> None:
    text = "There is left edema. It may be a left infiltrate. The heart is normal."
    near = (60.0, 20.0, 80.0, 39.0)
    made = study(box("left edema"), box("left infiltrate", near), findings=text)
    facts, drops = of(grounded_phrase_extraction, made)
    assert facts == []
    assert drops == ["ambiguous_box", "ambiguous_box"]
    apart = study(box("left edema"), box("left infiltrate", RIGHT), findings=text)
    assert len(of(grounded_phrase_extraction, apart)[0]) == 2


def test_one_phrase_of_two_findings_is_asked_for_once() -> None:
    words = "small left apical pneumothorax"
    fact = extracted(study(box(words), box(words, label="pneumonia")))
    assert len(fact.asked) == 1


# -------------------------------------------------------------- phrase_extraction_and_grounding

TWO = "There is right upper edema. The heart is normal. Also there is left lower edema."


def test_phrases_stand_in_the_order_of_the_report_with_all_their_boxes() -> None:
    made = study(
        box("left lower edema", RIGHT, "edema"),
        box("Right upper edema.", LEFT, "edema"),
        box("right upper edema", LOW, "edema"),
        box("the heart", RIGHT, "cardiomegaly"),
        findings=TWO,
    )
    facts, drops = of(phrase_extraction_and_grounding, made)
    assert drops == []
    edema, heart = facts
    assert edema.slots == {"finding": "edema", "a_finding": "edema", "report": TWO}
    assert edema.finding == "edema"
    assert edema.named == "phrase"
    assert quotations(edema) == [
        ("right upper edema", LEFT),
        ("right upper edema", LOW),
        ("left lower edema", RIGHT),
    ]
    assert quotations(heart) == [("The heart", RIGHT)]
    written = "<|ref|>{}<|/ref|><|box|>({}),({})<|/box|>".format
    (row,) = worded(
        Templates().load("phrase_extraction_and_grounding"), edema, FakeContext().draw()
    )
    assert row.response == (
        written("right upper edema", "20,70", "25,80")
        + written("right upper edema", "60,20", "80,40")
        + written("left lower edema", "20,20", "30,30")
    )
    (row,) = worded(
        Templates().load("phrase_extraction_and_grounding"), edema, FakeContext().draw(), "qwen"
    )
    assert row.response == (
        "right upper edema [200, 700, 250, 800], right upper edema [600, 200, 800, 400], "
        "left lower edema [200, 200, 300, 300]"
    )


def test_a_finding_is_answered_whole_or_not_at_all() -> None:
    made = study(
        box("left lower edema", LEFT, "edema"), box("edema on the right", RIGHT, "edema"),
        findings=TWO,
    )  # fmt: skip
    assert reason(phrase_extraction_and_grounding, made) == "phrase_not_in_report"
    made = study(
        box("left lower edema", LEFT, "edema"),
        box("edema on the right", RIGHT, "edema"),
        findings="There is left lower edema. The heart is normal.",
        impression="There is edema on the right. No fracture.",
    )
    assert reason(phrase_extraction_and_grounding, made) == "phrases_in_several_sections"


def test_a_phrase_is_asked_for_by_each_of_its_findings() -> None:
    words = "small left apical pneumothorax"
    facts, drops = of(
        phrase_extraction_and_grounding, study(box(words), box(words, label="pneumonia"))
    )
    assert drops == []
    assert [fact.finding for fact in facts] == ["pneumothorax", "pneumonia"]
    assert len({fact.key for fact in facts}) == 2
    assert all(quotations(fact) == [(words, LEFT)] for fact in facts)


def test_only_what_has_a_name_is_asked_for() -> None:
    words = "small left apical pneumothorax"
    task = phrase_extraction_and_grounding
    assert reason(task, study(box(words, label="other lesion"))) == "unspecific_finding"
    assert reason(task, study(box(words, label=None))) == "no_phrase_of_a_finding"
    assert reason(task, study(box(None))) == "no_phrase_of_a_finding"


# ------------------------------------------------------------------------------------- all three


@pytest.mark.parametrize("task", (*QUOTING, phrase_grounding))
def test_a_phrase_without_a_place_is_dropped(task: Task) -> None:
    words = "small left apical pneumothorax"
    away = Region(image="a", shape="box", frame=None, label="pneumonia", phrase=words, box=LEFT)
    assert reason(task, study(away)) == "no_image_size"
    out = Region(image="a", shape="box", frame=(9, 9), label="pneumonia", phrase=words, box=LEFT)
    assert reason(task, study(out)) == "box_outside_picture"
    nowhere = reason(task, study(box(words), images=("b",)))
    assert nowhere in {"no_picture_of_region", "no_phrase_of_a_finding"}


def test_a_masked_phrase_is_not_asked_for() -> None:
    """The answer repeats the phrase, mask and all."""
    made = study(box("left pneumothorax since ___"), box("unchanged hernia", LOW))
    facts, drops = of(phrase_grounding, made)
    assert [fact.slots["phrase"] for fact in facts] == ["unchanged hernia"]
    assert drops == ["leak_deidentified"]


def test_a_report_of_a_parent_is_enough() -> None:
    made = study(box("small left apical pneumothorax"))
    assert NEEDS["report"].holds(made, {})
    assert not own_sections(made)
    assert not NEEDS["report"].holds(Study(source="made_up", id="s"), {})
    assert not NEEDS["report"].holds(
        Study(source="made_up", id="s", report=Report(sections={}, raw="text")), {}
    )


SENTENCES = st.sampled_from(
    [
        "There is a left pneumothorax.",
        "Unchanged LEFT pneumothorax compared with ___.",
        "2. Left pneumothorax",
        "Left pneumothorax was discussed with Dr. A at 9:15.",
        "No effusion.",
        "___.",
        "The heart is large;  the aorta is tortuous.",
    ]
)


@given(findings=st.lists(SENTENCES, max_size=4), impression=st.lists(SENTENCES, max_size=3))
def test_an_answer_always_stands_in_the_text_and_is_not_all_of_it(
    findings: list[str], impression: list[str]
) -> None:
    sections = {"findings": " \n".join(findings), "impression": " ".join(impression)}
    made: dict[str, Any] = {name: text for name, text in sections.items() if text}
    regions = (box("left pneumothorax"), box("heart is large", LOW, "cardiomegaly"))
    for fact in of(grounded_phrase_extraction, study(*regions, **made))[0]:
        (answer,) = fact.answers
        assert answer in fact.slots["report"]
        assert "___" not in fact.slots["report"]
        rest = fact.slots["report"].replace(answer, "")
        assert sum(map(str.isalpha, rest)) > 5
    for fact in of(phrase_extraction_and_grounding, study(*regions, **made))[0]:
        places = [fact.slots["report"].index(str(phrase)) for phrase, _ in quotations(fact)]
        assert places == sorted(places)


@pytest.mark.parametrize("task", QUOTING)
@pytest.mark.parametrize("dialect", ["chexagent2", "unit", "qwen"])
def test_every_phrasing_shows_the_text_and_no_answer_in_it(task: Task, dialect: str) -> None:
    loaded = Templates().load(task.key)
    (fact,), _ = of(task, study(box("small left apical pneumothorax")))
    rows = worded(loaded, fact, FakeContext().draw(), dialect, count=loaded.phrasings(fact.form))
    assert len(rows) >= 12
    for row in rows:
        assert fact.slots["report"] in row.instruction
        # What is asked for stands in the report shown, and nowhere else.
        assert row.instruction.count("small left apical pneumothorax") == 1
        assert "small left apical pneumothorax" in row.response
