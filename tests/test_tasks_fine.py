from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_context import FakeContext, FakePolicies, over_seeds, run, worded

from chexinstruct.schema import Box, Facts, Image, Label, LabelSet, Region, Study
from chexinstruct.tasks import Task
from chexinstruct.tasks.fine import (
    abnormality_detection,
    abnormality_grounding,
    chest_tube_segmentation,
    foreign_object_detection,
    grounded_captioning,
    grounded_diagnosis,
    phrase_grounding,
    pneumothorax_segmentation,
    rib_fracture_segmentation,
)
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.templating import Templates

TASKS = (
    abnormality_detection,
    abnormality_grounding,
    chest_tube_segmentation,
    foreign_object_detection,
    grounded_captioning,
    grounded_diagnosis,
    phrase_grounding,
    pneumothorax_segmentation,
    rib_fracture_segmentation,
)

FINDINGS = ("cardiomegaly", "hernia", "nodule", "pneumothorax", "other lesion")
FRAME = (100, 100)
HEART: Box = (30.0, 50.0, 70.0, 90.0)
LEFT: Box = (60.0, 20.0, 80.0, 40.0)
RIGHT: Box = (20.0, 20.0, 30.0, 30.0)
LOW: Box = (20.0, 70.0, 25.0, 80.0)


def label_set(**changes: Any) -> LabelSet:
    content: dict[str, Any] = {
        "name": "findings",
        "findings": FINDINGS,
        "kind": "multi",
        "method": "reader",
        "blank": "absent",
        "drawn": "all",
        "shape": "box",
    }
    return LabelSet(**(content | changes))


DRAWN = label_set()
DISEASES = label_set(name="diseases", findings=("tuberculosis",), drawn="none", shape=None)


def box(label: str | None, where: Box, **more: Any) -> Region:
    content: dict[str, Any] = {"image": "a", "shape": "box", "frame": FRAME, "label": label}
    return Region(**(content | more), box=where)


def study(*regions: Region, **more: Any) -> Study:
    content: dict[str, Any] = {
        "source": "made_up",
        "id": "s1",
        "images": (Image(key="a", path="a"),),
        "label_sets": ("findings",),
        "regions": regions,
    }
    return Study(**(content | more))


def of(task: Task, made: Study, *sets: LabelSet, **more: Any) -> tuple[list[Facts], list[str]]:
    policies = FakePolicies(**more)
    return run(task, made, FakeContext(policies=policies, sets=sets or (DRAWN,)))


def many(task: Task, made: Study, *sets: LabelSet, others: Sequence[Study] = ()) -> list[Facts]:
    return over_seeds(
        task, made, lambda seed: FakeContext(seed, sets=sets or (DRAWN,), others=others)
    )


def boxes(fact: Facts) -> list[tuple[str | None, Box]]:
    return [(r.label, r.box) for r in fact.found]


def no_finding(*who: str) -> tuple[Label, ...]:
    return tuple(Label(finding="no finding", reader=reader) for reader in who)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_task_is_declared_with_known_words(task: Task) -> None:
    assert task.family == "fine"
    assert set(task.needs) <= set(NEEDS)


# ------------------------------------------------------------------------ abnormality_detection


def test_all_boxes_are_found_with_their_names() -> None:
    made = study(box("nodule", LEFT), box("other lesion", LOW), box("nodule", RIGHT))
    (fact,), drops = of(abnormality_detection, made)
    assert drops == []
    assert fact.key == "a"
    assert fact.named == "label"
    assert sorted(boxes(fact)) == [("nodule", RIGHT), ("nodule", LEFT), ("other lesion", LOW)]


def test_a_picture_without_boxes_is_without_abnormalities() -> None:
    (fact,), drops = of(abnormality_detection, study())
    assert fact.found == ()
    assert drops == []


def test_pictures_are_asked_about_one_by_one() -> None:
    pictures = (Image(key="a", path="a", view="PA"), Image(key="b", path="b", view="AP"))
    made = study(box("nodule", LEFT), images=pictures)
    facts, _ = of(abnormality_detection, made)
    assert {f.key: boxes(f) for f in facts} == {"a": [("nodule", LEFT)], "b": []}


def test_only_sets_with_every_box_drawn_count_as_detection() -> None:
    mined = label_set(name="some", findings=("edema",), drawn="some")
    (fact,), _ = of(
        abnormality_detection, study(box("edema", LEFT), box("hernia", LOW)), DRAWN, mined
    )
    assert boxes(fact) == [("hernia", LOW)]


def test_readers_must_agree() -> None:
    def three(*regions: Region) -> Study:
        return study(*regions, labels=no_finding("R1", "R2", "R3"))

    near: Box = (61.0, 20.0, 81.0, 40.0)
    agreed = three(box("nodule", LEFT, reader="R1"), box("nodule", near, reader="R2"))
    (fact,), _ = of(abnormality_detection, agreed)
    assert boxes(fact) == [("nodule", (60.5, 20.0, 80.5, 40.0))]
    # One reader's box beside what two agree on is left out; alone it leaves the picture open.
    more = three(*agreed.regions, box("hernia", LOW, reader="R3"))
    (fact,), _ = of(abnormality_detection, more)
    assert [name for name, _ in boxes(fact)] == ["nodule"]
    alone = three(box("hernia", LOW, reader="R3"))
    assert of(abnormality_detection, alone) == ([], ["no_consensus"])
    (fact,), _ = of(abnormality_detection, alone, consensus="all")
    assert boxes(fact) == [("hernia", LOW)]


def test_two_readers_who_see_it_at_two_places_leave_the_picture_open() -> None:
    made = study(
        box("nodule", LEFT, reader="R1"),
        box("nodule", RIGHT, reader="R2"),
        box("hernia", LOW),
        labels=(*no_finding("R3"), Label(finding="nodule", reader="R1")),
    )
    assert of(abnormality_detection, made) == ([], ["no_consensus"])


def test_no_abnormality_is_not_said_of_a_picture_with_an_undrawn_one() -> None:
    undrawn = study(labels=(Label(finding="nodule"),))
    assert of(abnormality_detection, undrawn) == ([], ["not_drawn"])
    beside = study(box("hernia", LOW), labels=(Label(finding="nodule"),))
    assert of(abnormality_detection, beside) == ([], ["not_drawn"])
    disease = study(labels=(Label(finding="tuberculosis"),))
    assert of(abnormality_detection, disease, DRAWN, DISEASES) == ([], ["not_drawn"])
    disputed = study(labels=(Label(finding="tuberculosis", reader="R1"), *no_finding("R2")))
    assert of(abnormality_detection, disputed, DRAWN, DISEASES) == ([], ["no_consensus"])
    # A disease as such has no box; what was seen of it may have one.
    with_box = study(box("nodule", LEFT), labels=(Label(finding="tuberculosis"),))
    (fact,), _ = of(abnormality_detection, with_box, DRAWN, DISEASES)
    assert boxes(fact) == [("nodule", LEFT)]


@pytest.mark.parametrize("task", [abnormality_detection, abnormality_grounding])
@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (box("nodule", LEFT, frame=None), "no_image_size"),
        (box("nodule", (120, 20, 130, 30)), "box_outside_picture"),
    ],
)
def test_a_box_without_a_place_is_dropped(task: Task, region: Region, reason: str) -> None:
    facts, drops = of(task, study(region))
    assert drops == [reason]
    assert all(f.found == () and f.finding != "nodule" for f in facts)


# ------------------------------------------------------------------------ abnormality_grounding


def test_as_many_findings_are_asked_for_that_are_absent() -> None:
    made = study(box("nodule", LEFT), box("nodule", RIGHT), box("hernia", LOW))
    facts, drops = of(abnormality_grounding, made)
    assert drops == []
    by_finding = {f.finding: f for f in facts}
    assert boxes(by_finding["nodule"]) == [("nodule", LEFT), ("nodule", RIGHT)]
    assert by_finding["nodule"].balance == "nodule/present"
    assert set(by_finding) == {"nodule", "hernia", "cardiomegaly", "pneumothorax"}
    for absent in ("cardiomegaly", "pneumothorax"):
        assert by_finding[absent].found == ()
        assert by_finding[absent].balance == f"{absent}/absent"
        assert by_finding[absent].slots["finding"] == absent


def test_a_picture_without_boxes_gives_one_absent_finding() -> None:
    facts = many(abnormality_grounding, study())
    assert len(facts) == 200
    assert all(f.found == () for f in facts)
    assert {f.finding for f in facts} == {"cardiomegaly", "hernia", "nodule", "pneumothorax"}


def test_unspecific_findings_are_never_asked_for() -> None:
    facts, drops = of(abnormality_grounding, study(box("other lesion", LOW)))
    assert drops == ["unspecific_finding"]
    assert all(f.finding != "other lesion" for f in facts)


def test_a_present_finding_without_box_is_neither_present_nor_absent() -> None:
    some = label_set(drawn="some")
    made = study(box("hernia", LOW), labels=(Label(finding="nodule"),))
    facts, drops = of(abnormality_grounding, made, some)
    assert drops == ["not_drawn"]
    assert "nodule" not in {f.finding for f in facts}


def test_a_disputed_finding_is_never_called_absent() -> None:
    made = study(box("nodule", LEFT, reader="R1"), labels=no_finding("R2", "R3"))
    facts = many(abnormality_grounding, made)
    assert "nodule" not in {f.finding for f in facts}
    assert of(abnormality_grounding, made)[1] == ["no_consensus"]


def test_a_finding_is_absent_only_from_the_picture_it_is_not_in() -> None:
    pictures = (Image(key="a", path="a"), Image(key="b", path="b"))
    made = study(box("nodule", LEFT), images=pictures, labels=(Label(finding="hernia"),))
    facts = many(abnormality_grounding, made)
    absent = {(f.images[0].key, f.finding) for f in facts if not f.found}
    assert ("b", "nodule") in absent
    assert ("a", "nodule") not in absent
    assert not {("a", "hernia"), ("b", "hernia")} & absent


def test_nothing_known_to_be_absent() -> None:
    closed = label_set(blank="not_mentioned")
    facts, drops = of(abnormality_grounding, study(box("nodule", LEFT)), closed)
    assert [f.finding for f in facts] == ["nodule"]
    assert drops == ["no_absent_finding"]


# --------------------------------------------------------------------------- grounded_diagnosis


def others_with(*findings: str) -> list[Study]:
    """Studies with a box of one finding each."""
    return [study(box(f, LEFT), id=f"other {n}") for n, f in enumerate(findings)]


def test_a_box_is_named_with_and_without_options() -> None:
    facts = many(
        grounded_diagnosis,
        study(box("nodule", LEFT)),
        others=others_with("hernia", "pneumothorax", "cardiomegaly", "other lesion"),
    )
    assert {f.form for f in facts} == {"choice", "free"}
    for f in facts:
        assert f.key == "a/nodule"
        assert f.answers == ("nodule",)
        assert [r.box for r in f.asked] == [LEFT]
        if f.form == "choice":
            assert set(f.options) == {"nodule", "hernia", "pneumothorax", "cardiomegaly"}
        else:
            assert f.options == ()
            assert f.slots == {"answer": "nodule"}


def test_options_hold_nothing_else_that_is_there() -> None:
    made = study(box("nodule", LEFT), box("hernia", LOW), labels=(Label(finding="pneumothorax"),))
    others = others_with("hernia", "pneumothorax", "nodule", "cardiomegaly")
    facts = [f for f in many(grounded_diagnosis, made, others=others) if f.form == "choice"]
    assert {f.options for f in facts if f.finding == "nodule"} == {("nodule", "cardiomegaly")}
    assert {f.options for f in facts if f.finding == "hernia"} == {("hernia", "cardiomegaly")}


def test_findings_that_nobody_else_has_a_box_of_are_not_offered() -> None:
    facts = many(grounded_diagnosis, study(box("nodule", LEFT)), others=others_with("nodule"))
    assert {f.form for f in facts} == {"free"}


def test_without_a_known_absence_no_options_are_shown() -> None:
    closed = label_set(blank="not_mentioned", drawn="some")
    assert {f.form for f in many(grounded_diagnosis, study(box("nodule", LEFT)), closed)} == {
        "free"
    }


@pytest.mark.parametrize(
    ("regions", "sets", "reasons"),
    [
        ((box("nodule", LEFT), box("hernia", (60, 20, 80, 41))), DRAWN, ["ambiguous_box"] * 2),
        (
            (box("nodule", LEFT), box("nodule", RIGHT), box("nodule", LOW)),
            DRAWN,
            ["too_many_boxes"],
        ),
        ((box("other lesion", LEFT),), DRAWN, ["unspecific_finding"]),
        ((box("nodule", LEFT, frame=None),), DRAWN, ["no_image_size"]),
        (
            (box("pneumonia", LEFT),),
            label_set(findings=("pneumonia",), kind="binary"),
            ["single_finding"],
        ),
        ((box("nodule", LEFT, image="elsewhere"),), DRAWN, ["no_picture_of_region"]),
    ],
)
def test_a_box_that_does_not_tell_is_dropped(
    regions: tuple[Region, ...], sets: LabelSet, reasons: list[str]
) -> None:
    assert of(grounded_diagnosis, study(*regions), sets) == ([], reasons)


def test_a_box_of_one_reader_is_not_asked_about() -> None:
    made = study(box("nodule", LEFT, reader="R1"), labels=no_finding("R2", "R3"))
    assert of(grounded_diagnosis, made) == ([], ["no_consensus"])


def test_each_phrase_is_a_question_and_its_words_stand_in_no_key() -> None:
    made = study(
        box("nodule", LEFT, phrase="Left nodule."),
        box("nodule", (60, 60, 70, 70), phrase="left nodule"),
        box("nodule", RIGHT, phrase="right nodule"),
    )
    facts, drops = of(grounded_diagnosis, made)
    assert drops == []
    assert [len(f.asked) for f in facts] == [2, 1]
    assert all("left" not in f.key.casefold() for f in facts)


# -------------------------------------------------------- segmentation, foreign_object_detection

MASKS = label_set(name="mask", findings=("pneumothorax",), kind="binary", shape="mask")
RIBS = label_set(
    name="ribs", findings=("rib fracture",), kind="binary", shape="mask", blank="not_mentioned"
)
TUBES = label_set(
    name="tubes", findings=("chest tube",), kind="binary", shape="mask", blank="not_mentioned"
)
OBJECTS = label_set(name="objects", findings=("foreign object",), kind="binary", shape="mixed")


def mask(where: Box, **more: Any) -> Region:
    x1, y1, x2, y2 = where
    ring = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    return box("pneumothorax", where, shape="polygon", rings=(ring,), **more)


def test_drawn_regions_or_their_absence() -> None:
    (fact,), drops = of(pneumothorax_segmentation, study(mask(LEFT), mask(RIGHT)), MASKS)
    assert drops == []
    assert [r.box for r in fact.found] == [LEFT, RIGHT]
    assert all(r.rings for r in fact.found)
    assert fact.balance == "pneumothorax/present"
    (fact,), drops = of(pneumothorax_segmentation, study(), MASKS)
    assert drops == []
    assert (fact.found, fact.balance) == ((), "pneumothorax/absent")


@pytest.mark.parametrize(
    ("made", "sets", "reason"),
    [
        (study(labels=(Label(finding="pneumothorax"),)), MASKS, "not_drawn"),
        (study(labels=(Label(finding="pneumothorax", state="uncertain"),)), MASKS, "no_consensus"),
        (study(), label_set(**{"blank": "not_mentioned", "shape": "mask"}), "no_known_finding"),
        (study(mask(LEFT, frame=None)), MASKS, "no_image_size"),
    ],
)
def test_a_mask_that_is_not_known_is_dropped(made: Study, sets: LabelSet, reason: str) -> None:
    assert of(pneumothorax_segmentation, made, sets) == ([], [reason])


@pytest.mark.parametrize(
    ("task", "finding", "sets"),
    [
        (rib_fracture_segmentation, "rib fracture", RIBS),
        (chest_tube_segmentation, "chest tube", TUBES),
    ],
)
def test_each_segmentation_asks_for_its_own_finding_where_it_is_known(
    task: Task, finding: str, sets: LabelSet
) -> None:
    ring = ((60.0, 20.0), (80.0, 20.0), (80.0, 40.0))
    drawn = box(finding, LEFT, shape="polygon", rings=(ring,))
    (fact,), _ = of(task, study(drawn, mask(RIGHT)), sets, MASKS)
    assert [r.box for r in fact.found] == [LEFT]
    assert fact.balance == f"{finding}/present"
    inferred = Label(finding=finding, state="absent", method="inferred", image="a")
    (fact,), _ = of(task, study(mask(RIGHT), labels=(inferred,)), sets, MASKS)
    assert (fact.found, fact.balance) == ((), f"{finding}/absent")
    assert of(task, study(mask(RIGHT)), sets, MASKS) == ([], ["no_known_finding"])


def test_a_label_of_one_picture_says_nothing_of_the_other() -> None:
    two = (Image(key="a", path="a"), Image(key="b", path="b"))
    absent = Label(finding="chest tube", state="absent", image="b")
    facts, drops = of(chest_tube_segmentation, study(images=two, labels=(absent,)), TUBES)
    assert [f.key for f in facts] == ["b"]
    assert drops == ["no_known_finding"]


def test_foreign_objects_of_any_shape_are_boxed_in_one_answer() -> None:
    ring = ((20.0, 70.0), (25.0, 70.0), (25.0, 80.0))
    shapes = (
        box("foreign object", LEFT),
        box("foreign object", HEART, shape="ellipse"),
        box("foreign object", LOW, shape="polygon", rings=(ring,)),
    )
    (fact,), drops = of(foreign_object_detection, study(*shapes), OBJECTS)
    assert drops == []
    assert [r.box for r in fact.found] == [LEFT, HEART, LOW]
    assert (fact.form, fact.named, fact.balance) == ("detect", "label", "foreign object/present")
    (fact,), drops = of(foreign_object_detection, study(), OBJECTS)
    assert (fact.found, fact.balance) == ((), "foreign object/absent")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (study(labels=(Label(finding="foreign object"),)), "not_drawn"),
        (study(box("foreign object", LEFT, frame=None)), "no_image_size"),
        (study(box("foreign object", (-30, -30, 1, 1), shape="ellipse")), "box_outside_picture"),
    ],
)
def test_a_foreign_object_without_a_place_is_dropped(made: Study, reason: str) -> None:
    assert of(foreign_object_detection, made, OBJECTS) == ([], [reason])


def test_support_devices_are_no_foreign_objects() -> None:
    devices = label_set(name="devices", findings=("support devices",), kind="binary")
    made = study(box("support devices", LEFT), label_sets=("devices",))
    assert not NEEDS["foreign_objects"].holds(made, [devices])
    # Beside a device nobody can say that there is no foreign object.
    both = study(box("support devices", LEFT), label_sets=("devices", "objects"))
    assert of(foreign_object_detection, both, devices, OBJECTS) == ([], ["no_known_finding"])


@pytest.mark.parametrize(
    ("need", "sets"),
    [
        ("pneumothorax_masks", MASKS),
        ("rib_fracture_masks", RIBS),
        ("chest_tube_masks", TUBES),
        ("foreign_objects", OBJECTS),
    ],
)
def test_a_need_is_met_by_the_set_of_its_finding_alone(need: str, sets: LabelSet) -> None:
    for other in (MASKS, RIBS, TUBES, OBJECTS):
        made = study(label_sets=(other.name,))
        assert NEEDS[need].holds(made, [other]) is (other is sets)


# ------------------------------------------------------- phrase_grounding, grounded_captioning


def test_a_phrase_is_one_in_any_case_and_with_or_without_full_stop() -> None:
    made = study(
        box("nodule", LEFT, phrase="Small  nodules ."),
        box("nodule", RIGHT, phrase="small nodules"),
        box("hernia", LOW, phrase="hiatal hernia"),
    )
    facts, drops = of(phrase_grounding, made)
    assert drops == []
    assert [(f.slots["phrase"], [r.box for r in f.found]) for f in facts] == [
        ("Small nodules", [LEFT, RIGHT]),
        ("hiatal hernia", [LOW]),
    ]
    assert {r.phrase for r in facts[0].found} == {"Small nodules"}
    assert all(f.named == "phrase" for f in facts)
    assert all("hernia" not in f.key for f in facts)
    asked, _ = of(grounded_captioning, made)
    assert [(f.slots["phrase"], [r.box for r in f.asked]) for f in asked] == [
        ("Small nodules", [LEFT, RIGHT]),
        ("hiatal hernia", [LOW]),
    ]


def test_a_box_given_under_two_findings_is_one_box_of_the_phrase() -> None:
    words = "left lower lobe opacity"
    made = study(box("pneumonia", LEFT, phrase=words), box("lung opacity", LEFT, phrase=words))
    (fact,), _ = of(phrase_grounding, made)
    assert [r.box for r in fact.found] == [LEFT]


def test_a_caption_that_speaks_of_an_earlier_picture_is_dropped_when_texts_are_clean() -> None:
    made = study(
        box("nodule", LEFT, phrase="unchanged left nodule"), box("hernia", LOW, phrase="hernia")
    )
    facts, drops = of(grounded_captioning, made)
    assert [f.answers for f in facts] == [("hernia",)]
    assert drops == ["leak_prior"]
    facts, drops = of(grounded_captioning, made, text="raw")
    assert len(facts) == 2
    assert drops == []
    facts, drops = of(phrase_grounding, made)
    assert len(facts) == 2


@pytest.mark.parametrize("task", [phrase_grounding, grounded_captioning])
def test_a_phrase_without_a_place_is_dropped(task: Task) -> None:
    made = study(box(None, LEFT, phrase="a", frame=None))
    assert of(task, made) == ([], ["no_image_size"])
    made = study(box(None, LEFT, phrase="a", image="elsewhere"))
    assert of(task, made) == ([], ["no_picture_of_region"])


# ----------------------------------------------------------------------------------- properties

READER_BOXES = st.lists(
    st.tuples(
        st.sampled_from(["R1", "R2", "R3", None]),
        st.sampled_from(FINDINGS),
        st.sampled_from([HEART, LEFT, RIGHT, LOW, (61.0, 21.0, 81.0, 41.0)]),
    ),
    max_size=8,
)


@given(
    drawn=READER_BOXES,
    scheme=st.sampled_from(["majority", "upstream", "all"]),
    seed=st.integers(0, 2**32),
)
def test_no_question_calls_absent_or_wrong_what_anybody_drew(
    drawn: list[tuple[str | None, str, Box]], scheme: str, seed: int
) -> None:
    made = study(
        *(box(finding, where, reader=who) for who, finding, where in drawn),
        labels=no_finding("R1", "R2", "R3"),
    )
    context = FakeContext(seed, FakePolicies(consensus=scheme), (DRAWN,))
    anybody = {finding for _, finding, _ in drawn}
    for fact in run(abnormality_grounding, made, context)[0]:
        if not fact.found:
            assert fact.finding not in anybody
    for fact in run(grounded_diagnosis, made, context)[0]:
        assert not (set(fact.options) - {fact.finding}) & anybody
    facts, drops = run(abnormality_detection, made, context)
    assert len(facts) + len(drops) == 1
    if facts and not facts[0].found:
        assert not anybody


def test_all_facts_render() -> None:
    phrased = study(
        box("nodule", LEFT, phrase="left nodule"), box("nodule", RIGHT, phrase="right nodule")
    )
    cases: list[tuple[Task, Study, LabelSet]] = [
        (abnormality_detection, study(), DRAWN),
        (abnormality_detection, phrased, DRAWN),
        (abnormality_grounding, phrased, DRAWN),
        (grounded_diagnosis, phrased, DRAWN),
        (pneumothorax_segmentation, study(), MASKS),
        (pneumothorax_segmentation, study(mask(LEFT)), MASKS),
        (rib_fracture_segmentation, study(), label_set(findings=("rib fracture",), shape="mask")),
        (chest_tube_segmentation, study(), label_set(findings=("chest tube",), shape="mask")),
        (foreign_object_detection, study(), OBJECTS),
        (foreign_object_detection, study(box("foreign object", LEFT, shape="ellipse")), OBJECTS),
        (phrase_grounding, phrased, DRAWN),
        (grounded_captioning, phrased, DRAWN),
    ]
    templates = Templates()
    responses = set()
    for task, made, sets in cases:
        loaded = templates.load(task.key)
        for fact in many(task, made, sets)[:40]:
            for row in worded(
                loaded,
                fact,
                FakeContext().draw(fact.key),
                "chexagent2",
                count=loaded.phrasings(fact.form),
            ):
                assert bool(fact.asked) == ("<|box|>" in row.instruction)
                assert ("<|box|>" in row.response) == bool(fact.found)
                responses.add(row.response)
    nodules = "<|ref|>nodule<|/ref|><|box|>({}),({})<|/box|>".format
    assert nodules("20,20", "30,30") + nodules("60,20", "80,40") in responses
    assert "<|ref|>left nodule<|/ref|><|box|>(60,20),(80,40)<|/box|>" in responses
    nothing = {text for text in responses if text.startswith("No ")}
    named = ("abnormalities", "pneumothorax", "hernia", "rib fracture", "chest tube")
    assert {f"No {name} detected." for name in (*named, "foreign objects")} <= nothing
    assert "<|ref|>foreign object<|/ref|><|box|>(60,20),(80,40)<|/box|>" in responses
