"""Reports by organ: local and structured targets. All texts are made up."""

from __future__ import annotations

import pytest
from task_context import FakeContext, FakePolicies, run, worded

from chexinstruct.reports import POLICIES, find_leaks, sentences
from chexinstruct.schema import Image, OrganText, Report, Study
from chexinstruct.tasks import Task
from chexinstruct.tasks.text import (
    findings_generation,
    local_findings_generation,
    local_impression_generation,
    local_progression_findings_generation,
    local_progression_impression_generation,
)
from chexinstruct.templating import Templates

LOCAL = {
    local_findings_generation: "findings",
    local_impression_generation: "impression",
    local_progression_findings_generation: "findings",
    local_progression_impression_generation: "impression",
}
COMPARED = (local_progression_findings_generation, local_progression_impression_generation)
TEXT = (
    "The heart is large. There is a small right effusion, which has increased. No pneumothorax is "
    "seen. The lungs are clear and the bones are intact. It was discussed with Dr. ___."
)


def picture(key: str, **more: object) -> Image:
    return Image(key=key, path=f"{key}.png", view="PA", **more)  # type: ignore[arg-type]


def study(text: str = TEXT, *, language: str = "en", organs: tuple[OrganText, ...] = ()) -> Study:
    report = Report(
        sections={"findings": text, "impression": text}, language=language, organs=organs
    )
    return Study(source="made_up", id="s", order="2", images=(picture("now"),), report=report)


PRIOR = FakeContext(earlier=Study(source="made_up", id="p", order="1", images=(picture("old"),)))


def answers(task: Task, made: Study, context: FakeContext = PRIOR) -> dict[str, str]:
    return {f.slots["organ"]: f.slots["answer"] for f in run(task, made, context)[0]}


@pytest.mark.parametrize("task", [t for t in LOCAL if t not in COMPARED], ids=lambda t: t.key)
def test_each_organ_has_its_clauses_without_what_one_picture_cannot_show(task: Task) -> None:
    assert answers(task, study()) == {
        "lungs": "The lungs are clear.",
        "pleura": "No pneumothorax is seen.",
        "heart": "The heart is large.",
        "bones": "The bones are intact.",
    }


@pytest.mark.parametrize("task", COMPARED, ids=lambda t: t.key)
def test_with_a_prior_only_organs_that_changed_are_asked_for(task: Task) -> None:
    facts, drops = run(task, study(), PRIOR)
    (fact,) = facts
    assert [image.key for image in fact.images] == ["old", "now"]
    assert fact.slots == {
        "organ": "pleura",
        "answer": "There is a small right effusion, which has increased. No pneumothorax is seen.",
    }
    assert drops == ["no_change_cue"] * 3


@pytest.mark.parametrize("task", COMPARED, ids=lambda t: t.key)
def test_without_a_prior_nothing_is_compared(task: Task) -> None:
    assert run(task, study(), FakeContext()) == ([], ["no_prior"])


@pytest.mark.parametrize("task", LOCAL, ids=lambda t: t.key)
def test_words_of_no_known_organ_are_not_asked_for(task: Task) -> None:
    assert run(task, study("Unchanged. No acute abnormality."), PRIOR) == ([], ["no_known_organ"])


@pytest.mark.parametrize("task", LOCAL, ids=lambda t: t.key)
def test_other_languages_have_no_lexicon(task: Task) -> None:
    made = study("Sin derrame pleural.", language="es")
    assert run(task, made, PRIOR) == ([], ["no_lexicon_of_organs"])


def test_a_release_that_structures_its_reports_replaces_the_lexicon() -> None:
    told = (
        OrganText(section="findings", organ="lungs and airways", text="Both lungs are clear."),
        OrganText(section="impression", organ="pleura", text="A small effusion on the right."),
    )
    made = study(organs=told)
    assert answers(local_findings_generation, made) == {"lungs and airways": told[0].text}
    assert answers(local_impression_generation, made) == {"pleura": told[1].text}


def test_structured_findings_are_those_of_the_release_where_it_has_them() -> None:
    told = (
        OrganText(section="findings", organ="pleura", text="Stable effusion. No pneumothorax."),
        OrganText(section="findings", organ="lungs and airways", text="Worse edema."),
        OrganText(section="findings", organ="heart and vessels", text="Large heart."),
        OrganText(section="impression", organ="upper abdomen", text="No free air."),
    )
    facts, drops = run(findings_generation, study(organs=told), FakeContext())
    (by_organ,) = [f for f in facts if f.form == "structured"]
    assert drops == []
    assert by_organ.answers == ("Pleura: No pneumothorax.\nHeart and vessels: Large heart.",)
    assert by_organ.dropped_sentences == "prior:2"
    raw = FakeContext(policies=FakePolicies(text="raw"))
    facts, _ = run(findings_generation, study(organs=told), raw)
    (by_organ,) = [f for f in facts if f.form == "structured"]
    assert "Worse edema." in by_organ.answers[0]
    assert run(findings_generation, study(organs=told[:2]), FakeContext())[1] == ["one_organ"]


def test_structured_findings_have_a_line_an_organ_in_reading_order() -> None:
    facts, drops = run(findings_generation, study(), FakeContext())
    (by_organ,) = [f for f in facts if f.form == "structured"]
    assert drops == []
    assert by_organ.report_form == "structured"
    assert by_organ.slots["answer"].splitlines() == [
        "Lungs: The lungs are clear.",
        "Pleura: No pneumothorax is seen.",
        "Heart: The heart is large.",
        "Bones: The bones are intact.",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The heart is large. This may be normal.", "clause_of_no_organ"),
        ("The heart is large.", "one_organ"),
    ],
)
def test_findings_that_do_not_fall_into_organs_stay_plain(text: str, reason: str) -> None:
    (fact,), drops = run(findings_generation, study(text), FakeContext())
    assert (fact.form, drops) == ("write", [reason])


@pytest.mark.parametrize("task", LOCAL, ids=lambda t: t.key)
def test_every_phrasing_names_the_organ_and_not_the_answer(task: Task) -> None:
    facts, _ = run(task, study(), PRIOR)
    template = Templates().load(task.key)
    for fact in facts:
        rows = worded(template, fact, PRIOR.draw(), count=99)
        assert len(rows) >= 10
        for row in rows:
            assert fact.slots["organ"] in row.instruction
            assert row.response == fact.slots["answer"] not in row.instruction
            if task in COMPARED:
                order = ("first", "image 1", "then the new one", "in order of time")
                assert any(words in row.instruction.lower() for words in order)


def test_raw_text_is_kept_whole() -> None:
    raw = FakeContext(policies=FakePolicies(text="raw"))
    assert "increased" in answers(local_findings_generation, study(), raw)["pleura"]


def test_local_targets_hold_no_leak() -> None:
    for text in answers(local_findings_generation, study()).values():
        for sentence in sentences(text):
            assert not find_leaks(sentence, POLICIES["image_target"])
