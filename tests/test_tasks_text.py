from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_context import FakeContext, FakePolicies, run, worded

from chexinstruct.reports import LEAK_CLASSES, POLICIES, LeakClass, find_leaks, sentences
from chexinstruct.reports.leaks import Filtered
from chexinstruct.schema import Image, Report, Study, Text
from chexinstruct.tasks import FAMILIES, Task
from chexinstruct.tasks.contract import Drop
from chexinstruct.tasks.needs import NEEDS, lacks
from chexinstruct.tasks.targets import dropped_sentences, target
from chexinstruct.tasks.text import (
    caption_generation,
    findings_generation,
    findings_generation_with_indication,
    findings_summarization,
    impression_generation,
    impression_generation_with_indication,
    indication,
    progression_findings_generation,
    progression_impression_generation,
)
from chexinstruct.templating import Templates

PLAIN = (findings_generation, impression_generation)
INDICATED = (findings_generation_with_indication, impression_generation_with_indication)
PROGRESSION = (progression_findings_generation, progression_impression_generation)
TASKS = (*PLAIN, *INDICATED, *PROGRESSION, findings_summarization)

RAW = FakeContext(policies=FakePolicies(text="raw"))

FINDINGS = "Heart size is normal. The effusion persists. Seen by Dr. ___. The lungs are  clear."
IMPRESSION = "1. Mild cardiomegaly is present. 2. Unchanged right effusion."


def image(key: str = "a", view: Any = "PA", **more: Any) -> Image:
    return Image(key=key, path=f"{key}.png", view=view, **more)


def study(images: tuple[Image, ...] = (image(),), /, **sections: str) -> Study:
    return Study(
        source="made_up",
        id="s1",
        order="2",
        images=images,
        report=Report(sections=sections or {"findings": FINDINGS, "impression": IMPRESSION}),
    )


def in_language(made: Study, language: str) -> Study:
    assert made.report is not None
    report = Report(sections=made.report.sections, language=language)
    return Study(source="made_up", id="s1", images=made.images, report=report)


def only_drop(task: Task, made: Study, context: FakeContext | None = None) -> str:
    facts, drops = run(task, made, context or FakeContext())
    assert facts == []
    assert len(drops) == 1
    return drops[0]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_task_is_declared_with_known_words(task: Task) -> None:
    assert task.family in FAMILIES
    assert set(task.needs) <= set(NEEDS)
    assert ("images" in task.needs) == (task is not findings_summarization)


# --------------------------------------------------------------------------------------- target


def test_a_clean_target_keeps_what_the_pictures_show_and_counts_the_rest() -> None:
    kept = target(FINDINGS, "image_target", FakePolicies())
    assert isinstance(kept, Filtered)
    assert kept.text == "Heart size is normal. The lungs are clear."
    assert dropped_sentences(kept) == "deidentified:1 prior:1"


def test_a_raw_target_is_the_released_text_in_one_line() -> None:
    kept = target("Seen\n again  at ___.", "image_target", FakePolicies(text="raw"))
    assert kept == Filtered("Seen again at ___.", {})
    assert dropped_sentences(kept) is None


def test_the_class_that_dropped_most_comes_first() -> None:
    text = "Seen by Dr. ___. No change. Stable edema. The heart is of normal size."
    kept = target(text, "image_target", FakePolicies())
    assert isinstance(kept, Filtered)
    assert dropped_sentences(kept) == "prior:2 deidentified:1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("No change. The effusion persists. Seen by Dr. ___.", "emptied_by_prior"),
        ("The ___ is clear. Seen by Dr. ___. No change.", "emptied_by_deidentified"),
        ("Single frontal view of the chest.", "emptied_by_view"),
        ("Discussed with the team.", "emptied_by_communication"),
        ("Normal chest.", "too_short"),
        ("No change. Normal chest.", "too_short"),
        ("...", "too_short"),
    ],
)
def test_a_text_that_is_no_target_says_why(text: str, reason: str) -> None:
    assert target(text, "image_target", FakePolicies()) == Drop(reason=reason)


def test_words_on_the_lateral_view_stay_when_one_is_shown() -> None:
    text = "A small effusion is seen on the lateral view."
    shown = (image(), image("b", "LL"))
    assert isinstance(target(text, "image_target", FakePolicies(), images=shown), Filtered)
    alone = target(text, "image_target", FakePolicies(), images=shown[:1])
    assert alone == Drop(reason="emptied_by_other_image")


@pytest.mark.parametrize(
    ("leaks", "use", "kept"),
    [
        (
            (),
            "image_target",
            "Unchanged mass. Seen by Dr. ___. Biopsy is recommended. Hx of cough.",
        ),
        (("prior",), "image_target", "Seen by Dr. ___. Biopsy is recommended. Hx of cough."),
        (
            ("prior",),
            "progression",
            "Unchanged mass. Seen by Dr. ___. Biopsy is recommended. Hx of cough.",
        ),
        (("deidentified", "recommendation"), "progression", "Unchanged mass. Hx of cough."),
        (("recommendation", "history"), "summarization", "Unchanged mass. Seen by Dr. ___."),
    ],
)
def test_only_the_classes_that_are_switched_on_go(
    leaks: tuple[LeakClass, ...], use: str, kept: str
) -> None:
    """A class that a use can do without is not looked for, whatever is switched on."""
    text = "Unchanged mass. Seen by Dr. ___. Biopsy is recommended. Hx of cough."
    found = target(text, use, FakePolicies(leaks=leaks))
    assert isinstance(found, Filtered)
    assert found.text == kept


SENTENCES = (
    "The lungs are clear.",
    "Heart size is normal.",
    "The effusion persists.",
    "There is a new opacity at the left base.",
    "Seen by Dr. ___.",
    "Findings were discussed at 9:15 p.m. with the team.",
    "CT showed a nodule.",
    "Single frontal view of the chest.",
    "No pneumothorax.",
)


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=8))
def test_no_leak_is_left_and_every_sentence_is_accounted_for(parts: list[str]) -> None:
    kept = target(" ".join(parts), "image_target", FakePolicies())
    if isinstance(kept, Drop):
        assert kept.reason.removeprefix("emptied_by_") in {*LEAK_CLASSES, "too_short"}
        return
    left = sentences(kept.text)
    assert not any(find_leaks(s, POLICIES["image_target"]) for s in left)
    counts = (dropped_sentences(kept) or "").split()
    assert len(left) + sum(int(part.partition(":")[2]) for part in counts) == len(parts)


# ----------------------------------------------------------------------------------- generation


def test_findings_are_written_from_all_current_pictures_frontal_first() -> None:
    pictures = (image("l", "LATERAL"), image("f", "AP"), image("old", "PA", role="prior"))
    (fact, by_organ), drops = run(findings_generation, study(pictures), FakeContext())
    assert drops == []
    assert (fact.form, by_organ.form) == ("write", "structured")
    assert [i.key for i in fact.images] == ["f", "l"]
    assert fact.slots == {"answer": "Heart size is normal. The lungs are clear."}
    assert fact.answers == ("Heart size is normal. The lungs are clear.",)
    assert (fact.language, fact.report_form) == ("en", "plain")
    assert fact.dropped_sentences == "deidentified:1 prior:1"


def test_an_impression_loses_its_numbers_and_its_comparisons() -> None:
    (fact,), _ = run(impression_generation, study(), FakeContext())
    assert fact.slots["answer"] == "Mild cardiomegaly is present."
    (fact,), _ = run(impression_generation, study(), RAW)
    assert fact.slots["answer"] == IMPRESSION
    assert fact.dropped_sentences is None


@pytest.mark.parametrize("task", [*PLAIN, *INDICATED], ids=lambda task: task.key)
def test_a_study_of_prior_pictures_alone_lacks_what_the_task_needs(task: Task) -> None:
    made = study((image(role="prior"),), findings=FINDINGS, impression=IMPRESSION, indication="X.")
    assert [need for need in task.needs if not NEEDS[need].holds(made, {})] == ["images"]


@pytest.mark.parametrize("task", PLAIN, ids=lambda task: task.key)
def test_a_section_that_only_compares_gives_no_plain_target(task: Task) -> None:
    text = "Unchanged cardiomegaly. No new consolidation."
    assert only_drop(task, study(findings=text, impression=text)) == "emptied_by_prior"


def test_a_spanish_report_loses_what_its_pictures_cannot_show() -> None:
    text = "Infiltrado basal derecho. Sin cambios respecto al control previo."
    (fact,), _ = run(findings_generation, in_language(study(findings=text), "es"), FakeContext())
    assert fact.slots["answer"] == "Infiltrado basal derecho."
    assert fact.dropped_sentences == "prior:1"


def test_a_report_in_another_language_is_asked_for_by_its_name() -> None:
    made = in_language(study(findings="Sin alteraciones significativas en el estudio."), "es")
    (fact,), _ = run(findings_generation, made, FakeContext())
    assert (fact.form, fact.language) == ("in_language", "es")
    loaded = Templates().load("findings_generation")
    for row in worded(loaded, fact, FakeContext().draw(), count=99):
        assert "Spanish" in row.instruction
    unknown = in_language(study(), "tlh")
    assert only_drop(findings_generation, unknown) == "unnamed_language"


# ----------------------------------------------------------------------------------- indication


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Cough and fever", "Cough and fever."),
        ("___ year old woman with dyspnea.", "Woman with dyspnea."),
        ("___ year old with dyspnea.", "Dyspnea."),
        ("___-year-old female with chest pain", "Female with chest pain."),
        ("XXXX-year-old male, XXXX-day cough. Fever.", "Fever."),
        ("History: ___M with cough, ? pneumonia", "History: M with cough, ? pneumonia."),
        ("___ yo F s/p fall", "F s/p fall."),
        ("___yoM with chills", "M with chills."),
        ("A ___ y/o man with edema", "A man with edema."),
        ("Chest pain since yesterday. Rule out pneumonia.", "Rule out pneumonia."),
        ("Cough. Please call Dr. ___ with results.", "Cough."),
        ("Follow-up of pneumonia, interval change", "Follow-up of pneumonia, interval change."),
    ],
)
def test_an_indication_keeps_its_words_and_loses_masks(told: str, kept: str) -> None:
    assert indication(study(indication=told), FakePolicies()) == kept


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("___", "masked_indication"),
        ("XXXX, XXXX.", "masked_indication"),
        ("[**Hospital 12**]", "masked_indication"),
        ("Ms. ___ is a patient of Dr. ___.", "masked_indication"),
        ("None.", "no_indication"),
        ("N/A", "no_indication"),
        ("Not provided", "no_indication"),
        ("No history available.", "no_indication"),
        ("Page the team at 5 p.m.", "empty_indication"),
    ],
)
@pytest.mark.parametrize("task", INDICATED, ids=lambda task: task.key)
def test_an_indication_that_tells_nothing_drops_the_study(
    task: Task, told: str, reason: str
) -> None:
    made = study(findings=FINDINGS, impression=IMPRESSION, indication=told)
    assert only_drop(task, made) == reason


def test_an_indication_keeps_its_masks_where_they_are_no_leak_and_is_history_itself() -> None:
    told = "___ year old with history of cough. Page the team at 5 p.m."
    policies = FakePolicies(leaks=("time", "communication", "history"))
    assert indication(study(indication=told), policies) == "___ year old with history of cough."


def test_the_history_stands_in_for_a_missing_indication() -> None:
    assert indication(study(history="Asthma."), FakePolicies()) == "Asthma."
    both = study(history="Asthma.", indication="Cough.")
    assert indication(both, FakePolicies()) == "Cough."
    nothing = study(history="Asthma.", indication="None")
    assert indication(nothing, FakePolicies()) == "Asthma."


def test_no_is_an_indication_when_something_follows() -> None:
    for told in ("No breath sounds on the left.", "Unknown fever.", "None of the leads captures."):
        assert indication(study(indication=told), FakePolicies()) == told


def test_a_raw_indication_stays_as_released() -> None:
    raw = FakePolicies(text="raw")
    assert indication(study(indication="___M with  cough"), raw) == "___M with cough"
    assert indication(study(indication="___"), raw) == Drop(reason="masked_indication")


@pytest.mark.parametrize("task", INDICATED, ids=lambda task: task.key)
def test_the_indication_is_part_of_every_question(task: Task) -> None:
    made = study(findings=FINDINGS, impression=IMPRESSION, indication="Fever and cough.")
    facts, _ = run(task, made, FakeContext())
    assert facts
    for fact in facts:
        rows = worded(Templates().load(task.key), fact, FakeContext().draw(), count=99)
        assert len(rows) >= 10
        assert all("Fever and cough." in row.instruction for row in rows)
        assert {row.response for row in rows} == {fact.slots["answer"]}


def test_a_missing_indication_is_a_missing_need() -> None:
    assert "indication" in findings_generation_with_indication.needs
    assert not NEEDS["indication"].holds(study(findings=FINDINGS), {})
    # Words that say there is none are counted in the same place.
    assert lacks("indication") == "no_indication"


# ---------------------------------------------------------------------------------- progression

CHANGED = "Compared to ___, the right effusion has decreased. The heart is enlarged."


def earlier(*images: Image) -> Study:
    return Study(source="made_up", id="s0", order="1", images=images)


def follow(
    current: tuple[Image, ...] = (image("now", "PA"),),
    prior: Study | None = None,
    **sections: str,
) -> tuple[Study, FakeContext]:
    content = {"findings": CHANGED, "impression": CHANGED} | sections
    prior = prior or earlier(image("old", "PA"))
    return study(current, **content), FakeContext(earlier=prior)


@pytest.mark.parametrize("task", PROGRESSION, ids=lambda task: task.key)
def test_the_prior_picture_comes_first_and_comparisons_stay(task: Task) -> None:
    (fact,), drops = run(task, *follow())
    assert drops == []
    assert [i.key for i in fact.images] == ["old", "now"]
    assert fact.slots["answer"] == "The right effusion has decreased. The heart is enlarged."


@pytest.mark.parametrize("task", PROGRESSION, ids=lambda task: task.key)
def test_every_phrasing_tells_the_earlier_picture_from_the_current_one(task: Task) -> None:
    (fact,), _ = run(task, *follow())
    rows = worded(Templates().load(task.key), fact, FakeContext().draw(), count=99)
    for row in rows:
        words = row.instruction.casefold()
        assert any(w in words for w in ("prior", "earlier", "previous", "older", "preceding"))
        assert any(w in words for w in ("first", "image 1")), words


@pytest.mark.parametrize(
    ("prior", "current", "pair"),
    [
        (("AP", "PA"), ("AP", "PA"), ("PA", "PA")),
        (("AP",), ("PA", "AP"), ("AP", "AP")),
        (("PA", "AP", "LATERAL"), ("AP", "LL"), ("AP", "AP")),
        (("AP",), ("PA",), ("AP", "PA")),
    ],
)
def test_frontal_is_paired_with_frontal_of_the_best_common_view(
    prior: tuple[str, ...], current: tuple[str, ...], pair: tuple[str, str]
) -> None:
    made, context = follow(
        tuple(image(f"now{v}", v) for v in current),
        earlier(*(image(f"old{v}", v) for v in prior)),
    )
    (fact,), _ = run(progression_findings_generation, made, context)
    assert tuple(i.view for i in fact.images) == pair
    assert [i.key[:3] for i in fact.images] == ["old", "now"]


def test_progression_needs_a_prior() -> None:
    made, _ = follow()
    assert only_drop(progression_findings_generation, made) == "no_prior"


@pytest.mark.parametrize(
    "prior", [(image("old", "LATERAL"),), (), (image("old", None),)], ids=["lateral", "none", "?"]
)
def test_progression_needs_frontal_pictures(prior: tuple[Image, ...]) -> None:
    made, context = follow(prior=earlier(*prior))
    assert only_drop(progression_findings_generation, made, context) == "no_common_view"


def test_progression_needs_a_change() -> None:
    text = "The lungs are clear. No prior for comparison."
    made, context = follow(findings=text)
    assert only_drop(progression_findings_generation, made, context) == "no_change_cue"


@pytest.mark.parametrize(
    ("comparison", "dropped"),
    [
        ("None.", True),
        ("None available", True),
        ("No prior studies available for comparison.", True),
        ("There are no prior studies.", True),
        ("Not available.", True),
        ("N/A", True),
        ("This is the first study.", True),
        ("First chest radiograph.", True),
        ("Prior studies are not available.", True),
        ("Chest radiograph ___.", False),
        ("___", False),
        ("Nonenhanced CT of ___.", False),
        ("Radiographs of 1/2/2008.", False),
    ],
)
def test_a_report_without_comparison_speaks_of_no_prior_picture(
    comparison: str, dropped: bool
) -> None:
    facts, drops = run(
        progression_impression_generation, *follow(comparison=comparison, impression=CHANGED)
    )
    assert drops == (["no_comparison"] if dropped else [])
    assert len(facts) == (not dropped)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Unchanged since Dr. ___ looked.", "emptied_by_deidentified"),
        ("Unchanged since Dr. ___ looked. The heart is of normal size.", "change_cue_filtered"),
    ],
)
def test_a_change_that_is_filtered_out_is_none(text: str, reason: str) -> None:
    made, context = follow(findings=text)
    assert only_drop(progression_findings_generation, made, context) == reason


# -------------------------------------------------------------------------------- summarization


def summarized(findings: str, impression: str, context: FakeContext | None = None) -> Any:
    made = study((), findings=findings, impression=impression)
    return run(findings_summarization, made, context or FakeContext())


def test_findings_are_summed_up_without_a_picture() -> None:
    (fact,), _ = summarized(
        "The heart is enlarged. The ___ is clear. Small right effusion.",
        "Cardiomegaly and effusion",
    )
    assert fact.images == ()
    assert fact.form == "summarize"
    assert fact.slots == {
        "examination": "chest X-ray",
        "findings": "The heart is enlarged. Small right effusion.",
        "answer": "Cardiomegaly and effusion.",
    }
    assert fact.dropped_sentences == "deidentified:1"


def test_pictures_of_the_study_are_not_shown_for_a_summary() -> None:
    made = study(findings="The heart is large.", impression="There is cardiomegaly.")
    (fact,), _ = run(findings_summarization, made, FakeContext())
    assert fact.images == ()


@pytest.mark.parametrize(
    ("findings", "impression", "reason"),
    [
        ("The heart is large.", "Cardiomegaly seen by ___.", "leak_deidentified"),
        ("The heart is large.", "Cardiomegaly, seen at 9:15 p.m.", "leak_time"),
        ("The heart is large.", "Cardiomegaly, discussed with the team.", "leak_communication"),
        ("The heart is large.", "Worsening cardiomegaly of moderate degree.", "leak_prior"),
        ("The ___ is large.", "There is cardiomegaly.", "emptied_by_deidentified"),
        ("Normal.", "There is no abnormality.", "too_short"),
        ("The heart is large.", "Large heart.", "too_short"),
        ("The heart is large.", "THE HEART IS LARGE", "repeats_findings"),
        ("Clear lungs are seen.", "1. Clear lungs are seen. 2. No effusion.", "repeats_findings"),
    ],
)
def test_a_pair_that_teaches_nothing_good_is_dropped(
    findings: str, impression: str, reason: str
) -> None:
    assert summarized(findings, impression) == ([], [reason])


@pytest.mark.parametrize(
    ("impression", "switched_off"),
    [("Cardiomegaly seen by ___.", "deidentified"), ("Worsening cardiomegaly is seen.", "prior")],
)
def test_a_pair_stays_where_its_leak_is_switched_off(
    impression: str, switched_off: LeakClass
) -> None:
    leaks = tuple(name for name in LEAK_CLASSES if name != switched_off)
    context = FakeContext(policies=FakePolicies(leaks=leaks))
    (fact,), _ = summarized("The heart is large.", impression, context)
    assert fact.answers == (impression,)


def test_a_change_told_in_the_findings_may_be_summed_up() -> None:
    facts, _ = summarized("The heart has become larger since.", "Worsening cardiomegaly is seen.")
    assert len(facts) == 1


def test_a_raw_pair_stays_as_released() -> None:
    (fact,), _ = summarized("The ___ is large.", "Cardiomegaly seen by ___.", RAW)
    assert fact.slots["findings"] == "The ___ is large."
    assert fact.slots["answer"] == "Cardiomegaly seen by ___."


@pytest.mark.parametrize(("modality", "name"), [("radiograph", "chest X-ray"), ("CT", "chest CT")])
def test_a_report_on_ct_is_not_called_one_on_a_radiograph(modality: Any, name: str) -> None:
    sections = {"findings": "The heart is large.", "impression": "There is cardiomegaly."}
    made = Study(source="made_up", id="s1", report=Report(sections=sections, modality=modality))
    (fact,), _ = run(findings_summarization, made, FakeContext())
    rows = worded(Templates().load("findings_summarization"), fact, FakeContext().draw(), count=99)
    assert any(name in row.instruction for row in rows)
    other = {"chest X-ray", "chest CT"} - {name}
    assert not any(word in row.instruction for word in other for row in rows)


# ------------------------------------------------------------------------------------ rendering


def test_all_facts_render_with_the_text_as_response() -> None:
    made, context = follow(
        indication="Cough.", findings=CHANGED, impression="The effusion has decreased."
    )
    course = "Ha disminuido el derrame pleural."
    in_spanish = in_language(follow(findings=course, impression=course)[0], "es")
    summary = study(findings="The heart is large.", impression="There is cardiomegaly.")
    plain = study(findings=FINDINGS, impression=IMPRESSION, indication="Cough.")
    pairs = [
        *((task, plain) for task in (*PLAIN, *INDICATED)),
        *((task, in_language(plain, "es")) for task in (*PLAIN, *INDICATED)),
        *((task, made) for task in PROGRESSION),
        *((task, in_spanish) for task in PROGRESSION),
        (findings_summarization, summary),
        (findings_summarization, in_language(summary, "es")),
    ]
    forms = set()
    for task, each in pairs:
        facts, _ = run(task, each, context)
        loaded = Templates().load(task.key)
        for fact in facts:
            forms.add((task.key, fact.form))
            count = loaded.phrasings(fact.form)
            for row in worded(loaded, fact, context.draw(), count=count):
                assert row.response == fact.slots["answer"]
                assert fact.slots["answer"] not in row.instruction
    assert forms == {(t.key, form) for t in TASKS for form in Templates().load(t.key).forms}


def captioned(caption: str, view: Any = None, language: str = "en") -> Study:
    text = Text(id="c", role="caption", text=caption, language=language)
    return Study(source="made_up", id="s1", images=(image(view=view),), texts=(text,))


def test_a_caption_is_written_without_what_the_picture_cannot_tell() -> None:
    made = captioned("Cavity found after surgery. Large left effusion (arrow). It has resolved.")
    (facts,), drops = run(caption_generation, made, FakeContext())
    assert (facts.answers, drops) == (("Large left effusion.",), [])
    assert facts.dropped_sentences == "prior:1 course:1"
    (raw,), _ = run(caption_generation, made, RAW)
    assert raw.answers == (made.texts[0].text,)


def test_a_lateral_picture_may_be_called_lateral_in_its_caption() -> None:
    caption = "Lateral chest radiograph with a mediastinal mass."
    (facts,), _ = run(caption_generation, captioned(caption, "LATERAL"), FakeContext())
    assert facts.answers == (caption,)
    assert only_drop(caption_generation, captioned(caption)) == "emptied_by_other_image"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (captioned("Left effusion of a 3-year-old girl."), "emptied_by_history"),
        (captioned("Chest X-ray, PA view."), "emptied_by_view"),
        (captioned("Grand épanchement pleural gauche.", language="fr"), "not_english"),
    ],
)
def test_a_caption_that_is_no_target_says_why(made: Study, reason: str) -> None:
    assert only_drop(caption_generation, made) == reason
