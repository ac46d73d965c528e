from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from task_context import FakeContext, FakePolicies, over_seeds, run, worded

from chexinstruct.draw import Draw, key
from chexinstruct.schema import Comparison, Facts, Image, Label, LabelSet, Region, Study
from chexinstruct.tasks import FAMILIES, Task
from chexinstruct.tasks.coarse import (
    image_classification,
    temporal_image_classification,
    view_classification,
    view_matching,
)
from chexinstruct.tasks.labels import readers, specific, states
from chexinstruct.tasks.needs import NEEDS, asked_sets
from chexinstruct.tasks.pictures import frontal, laterals, shown
from chexinstruct.templating import Templates
from chexinstruct.vocabulary import FINDINGS, compatible_negative

TASKS = (image_classification, view_classification, view_matching)

# Findings of which any may be absent beside any other.
PLAIN = (
    "cardiomegaly",
    "emphysema",
    "hernia",
    "nodule",
    "pleural effusion",
    "pleural thickening",
    "pneumothorax",
    "rib fracture",
)


def label_set(**changes: Any) -> LabelSet:
    content: dict[str, Any] = {
        "name": "findings",
        "findings": PLAIN,
        "kind": "multi",
        "method": "report_labeller",
        "blank": "absent",
    }
    return LabelSet(**(content | changes))


def image(key: str = "a.png", view: Any = "PA", **more: Any) -> Image:
    return Image(key=key, path=key, view=view, **more)


def study(*labels: Label, **more: Any) -> Study:
    content: dict[str, Any] = {
        "source": "made_up",
        "id": "s1",
        "images": (image(),),
        "label_sets": ("findings",),
        "labels": labels,
    }
    return Study(**(content | more))


def present(*findings: str, reader: str | None = None) -> tuple[Label, ...]:
    return tuple(Label(finding=f, reader=reader) for f in findings)


def test_plain_findings_may_all_be_absent_beside_each_other() -> None:
    assert all(compatible_negative(f, {g}) for f in PLAIN for g in PLAIN if f != g)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_task_is_declared_with_known_words(task: Task) -> None:
    assert task.family in FAMILIES
    assert set(task.needs) <= set(NEEDS)


# ------------------------------------------------------------------------------------- pictures


def test_frontal_pictures_come_first_and_prior_ones_never() -> None:
    pictures = (
        image("d", "LL"),
        image("c", None),
        image("b", "PA"),
        image("a", "LATERAL"),
        image("e", "AP"),
        image("f", "PA", role="prior"),
    )
    made = study(images=pictures)
    assert {i.key for i in shown(made)} == set("abcde")
    assert [i.key for i in shown(made)][:2] in (["b", "e"], ["e", "b"])
    assert {i.key for i in frontal(made)} == {"b", "e"}
    assert {i.key for i in laterals(made)} == {"a", "d"}
    assert shown(made) == shown(study(images=pictures[::-1]))


def test_a_lone_prior_picture_is_not_shown() -> None:
    assert shown(study(images=(image(role="prior"),))) == ()


# --------------------------------------------------------------------------------------- states


def test_blank_means_what_the_label_set_says() -> None:
    made = study(*present("nodule"), Label(finding="hernia", state="absent"))
    found = states(made, label_set(), FakePolicies())
    assert found.present == ("nodule",)
    assert found.absent == tuple(f for f in PLAIN if f != "nodule")
    found = states(made, label_set(blank="not_mentioned"), FakePolicies())
    assert found.absent == ("hernia",)
    assert not found.complete


def test_uncertain_follows_the_policy() -> None:
    made = study(
        Label(finding="nodule", state="uncertain"), Label(finding="hernia", state="uncertain")
    )
    own = label_set(uncertain="absent", uncertain_by_finding={"nodule": "present"})

    def of(policy: str) -> tuple[tuple[str, ...], tuple[str, ...], bool, bool]:
        found = states(made, own, FakePolicies(uncertain=policy))
        return found.present, found.uncertain, "hernia" in found.absent, "nodule" in found.absent

    assert of("source") == (("nodule",), (), True, False)
    assert of("ignore") == ((), ("hernia", "nodule"), False, False)
    assert of("present") == (("hernia", "nodule"), (), False, False)
    assert of("absent") == ((), (), True, True)


def test_what_cannot_be_absent_beside_a_present_finding_is_unknown() -> None:
    findings = ("consolidation", "lung opacity", "pneumothorax")
    found = states(study(*present("consolidation")), label_set(findings=findings), FakePolicies())
    assert found.present == ("consolidation",)
    assert found.absent == ("pneumothorax",)
    # Nor beside one of which the source is not sure.
    doubtful = study(Label(finding="consolidation", state="uncertain"))
    found = states(doubtful, label_set(findings=findings), FakePolicies())
    assert found.absent == ("pneumothorax",)


def test_a_majority_of_all_readers_decides() -> None:
    made = study(
        *present("nodule", "hernia", reader="R1"),
        *present("nodule", reader="R2"),
        *present("no finding", reader="R3"),
    )
    assert readers(made) == {"R1", "R2", "R3"}
    found = states(made, label_set(), FakePolicies())
    assert (found.present, found.disputed) == (("nodule",), ("hernia",))
    assert "hernia" not in found.absent
    assert not found.complete
    for scheme in ("upstream", "all"):
        found = states(made, label_set(), FakePolicies(consensus=scheme))
        assert (found.present, found.disputed) == (("hernia", "nodule"), ())


def test_half_of_the_readers_is_no_majority() -> None:
    made = study(*present("nodule", reader="R1"), *present("no finding", reader="R2"))
    assert states(made, label_set(), FakePolicies()).disputed == ("nodule",)


def test_a_box_is_a_vote_where_boxes_were_drawn_and_a_doubt_elsewhere() -> None:
    box = Region(image="a.png", shape="box", box=(1, 1, 5, 5), frame=(9, 9), label="nodule")
    made = study(regions=(box,))
    drawn = states(made, label_set(drawn="some", shape="box"), FakePolicies())
    assert drawn.present == ("nodule",)
    mined = states(made, label_set(), FakePolicies())
    assert (mined.present, mined.disputed) == ((), ("nodule",))
    assert "nodule" not in mined.absent
    assert not mined.complete


def test_labels_of_another_picture_say_nothing_of_this_one() -> None:
    made = study(
        Label(finding="nodule", image="b.png"),
        Label(finding="hernia"),
        images=(image(), image("b.png")),
    )
    assert states(made, label_set(), FakePolicies(), image="a.png").present == ("hernia",)
    assert states(made, label_set(), FakePolicies(), image="b.png").present == ("hernia", "nodule")


def test_exclusive_classes_are_absent_beside_the_present_one() -> None:
    classes = label_set(kind="exclusive", blank="not_mentioned")
    assert "hernia" in states(study(*present("nodule")), classes, FakePolicies()).absent
    assert states(study(), classes, FakePolicies()).absent == ()


@given(
    votes=st.dictionaries(
        st.sampled_from(["R1", "R2", "R3", "R4"]),
        st.dictionaries(
            st.sampled_from(PLAIN), st.sampled_from(["present", "absent", "uncertain"])
        ),
    ),
    blank=st.sampled_from(["absent", "not_mentioned"]),
    scheme=st.sampled_from(["majority", "upstream", "all"]),
    policy=st.sampled_from(["source", "ignore", "present", "absent"]),
)
def test_states_never_overlap_and_an_absence_is_never_contradicted(
    votes: dict[str, dict[str, Any]], blank: Any, scheme: str, policy: str
) -> None:
    labels = tuple(
        Label(finding=f, state=s, reader=who)
        for who, said in votes.items()
        for f, s in said.items()
    )
    made = study(*labels)
    found = states(made, label_set(blank=blank), FakePolicies(consensus=scheme, uncertain=policy))
    groups = [found.present, found.absent, found.uncertain, found.disputed]
    together = [f for group in groups for f in group]
    assert len(together) == len(set(together))
    for group in groups:
        assert list(group) == [f for f in PLAIN if f in group]
    said_present = {label.finding for label in labels if label.state == "present"}
    assert not said_present & set(found.absent)
    mentioned = {label.finding for label in labels}
    if blank == "not_mentioned":
        assert set(found.absent) <= mentioned
    else:
        assert set(PLAIN) - mentioned <= set(found.absent)
    if found.complete:
        assert said_present <= set(found.present)
        assert not found.uncertain
        assert not found.disputed


# ------------------------------------------------------------------------- image_classification


def classify(
    made: Study, *sets: LabelSet, seed: int = 0, others: Sequence[Study] = ()
) -> tuple[list[Facts], list[str]]:
    context = FakeContext(seed, sets=sets or (label_set(),), others=others)
    return run(image_classification, made, context)


def many(made: Study, *sets: LabelSet, others: Sequence[Study] = ()) -> list[Facts]:
    return over_seeds(
        image_classification,
        made,
        lambda seed: FakeContext(seed, sets=sets or (label_set(),), others=others),
    )


def each(*sets: tuple[str, ...]) -> list[Study]:
    """Studies that show one set of findings each."""
    return [study(*present(*findings), id=f"other {n}") for n, findings in enumerate(sets)]


def test_a_study_gives_every_kind_of_question() -> None:
    made = study(*present("nodule", "hernia"), images=(image("b", "LL"), image("a", "PA")))
    facts, drops = classify(made, others=each(("pneumothorax", "rib fracture")))
    assert drops == []
    assert [f.key for f in facts] == [
        "findings/list",
        "findings/set_choice",
        "findings/present",
        "findings/absent",
    ]
    assert {f.label_set for f in facts} == {"findings"}
    assert all([i.key for i in f.images] == ["a", "b"] for f in facts)


def test_a_list_offers_what_is_known_and_none_of_these() -> None:
    made = study(*present("nodule"), Label(finding="hernia", state="uncertain"))
    facts = [f for f in many(made) if f.key == "findings/list"]
    assert {f.form for f in facts} == {"list"}, "an uncertain finding: no complete free list"
    known = {*PLAIN, "none of these"} - {"hernia"}
    assert all(set(f.options) == known and f.answers == ("nodule",) for f in facts)
    assert {f.balance for f in facts} == {"list/varied"}
    facts = [f for f in many(study()) if f.form == "list"]
    assert facts
    assert all(f.answers == ("none of these",) for f in facts)
    assert {f.balance for f in facts} == {"list/none"}


def test_a_free_list_names_all_that_is_present_in_order_or_says_no_finding() -> None:
    facts = [f for f in many(study(*present("nodule", "hernia"))) if f.key == "findings/list"]
    free = [f for f in facts if f.form == "free_list"]
    assert 20 <= len(free) <= 60, "one in five of 200"
    assert {f.slots["answer"] for f in free} == {"hernia, nodule"}
    assert {f.balance for f in free} == {"free_list/varied"}
    assert all(f.options == () for f in free)
    free = [f for f in many(study()) if f.form == "free_list"]
    assert {f.slots["answer"] for f in free} == {"no finding"}
    assert {f.answers for f in free} == {("no finding",)}


def test_no_free_list_where_blank_means_nothing_or_another_set_shows_more() -> None:
    closed = label_set(blank="not_mentioned")
    made = study(*present("nodule"), Label(finding="hernia", state="absent"))
    assert not [f for f in many(made, closed) if f.form == "free_list"]
    part = label_set(findings=PLAIN[:4])
    assert not [f for f in many(study(*present("pneumothorax")), part) if f.form == "free_list"]


def test_no_free_list_of_nothing_where_the_source_says_that_there_is_something() -> None:
    for state in ("absent", "uncertain"):
        made = study(Label(finding="no finding", state=state))
        assert not [f for f in many(made) if f.form == "free_list"]
        # the list with options says no more than it knows
        assert {f.answers for f in many(made) if f.form == "list"} == {("none of these",)}
        found = [f for f in many(study(*made.labels, *present("hernia"))) if f.form == "free_list"]
        assert {f.answers for f in found} == {("hernia",)}


def test_a_set_that_is_context_makes_no_question_and_no_negative() -> None:
    context = label_set(name="context", findings=("fracture",), role="context")
    made = study(Label(finding="fracture"), label_sets=("context",))
    sets = {"context": context, "findings": label_set()}
    assert not NEEDS["labels"].holds(made, asked_sets(made.label_sets, sets))
    both = study(Label(finding="fracture"), label_sets=("findings", "context"))
    assert NEEDS["labels"].holds(both, asked_sets(both.label_sets, sets))
    found = states(both, sets["findings"], FakePolicies())
    assert "hernia" in found.absent and "rib fracture" not in found.absent
    assert not found.complete


def test_a_long_list_keeps_every_present_finding_and_as_many_options_as_letters() -> None:
    long = label_set(findings=specific(tuple(FINDINGS)))
    made = study(*present("hernia", "scoliosis"))
    facts = [f for f in many(made, long) if f.form == "list"]
    assert {len(f.options) for f in facts} == {26}
    assert all({"hernia", "scoliosis", "none of these"} <= set(f.options) for f in facts)
    everything = study(*present(*long.findings[:26]))
    reasons = [classify(everything, long, seed=seed)[1] for seed in range(20)]
    assert ["too_many_present"] * 2 in reasons


def test_a_list_of_true_findings_alone_is_not_asked() -> None:
    mentioned = label_set(blank="not_mentioned")
    made = study(*present("hernia", "nodule"))
    facts, drops = classify(made, mentioned)
    assert "list" not in {f.form for f in facts}
    assert "too_few_absent" in drops
    told = study(*present("hernia", "nodule"), Label(finding="emphysema", state="absent"))
    facts, _ = classify(told, mentioned)
    assert {f.form for f in facts} >= {"list"}


def test_one_known_finding_makes_no_list() -> None:
    made = study(Label(finding="nodule", state="absent"))
    facts, drops = classify(made, label_set(blank="not_mentioned"))
    assert drops == ["too_few_known"]
    assert [f.key for f in facts] == ["findings/absent"]


shown_sets = st.lists(st.sets(st.sampled_from(PLAIN), min_size=1), min_size=1, max_size=17)


@given(shown_sets, st.integers(0, 2**32))
def test_wrong_sets_are_as_large_as_the_true_one_and_true_of_somebody_else(
    sets: list[set[str]], seed: int
) -> None:
    mine, *theirs = sets
    facts, drops = classify(study(*present(*mine)), seed=seed, others=each(*map(tuple, theirs)))
    choice = [f for f in facts if f.form == "set_choice"]
    if len(mine) > 5:
        assert drops.count("too_many_present") == 1
        return
    if len(PLAIN) < 2 * len(mine):
        assert drops == ["too_few_absent"]
        return
    usable = [s for s in theirs if len(s) == len(mine) and not s & mine]
    if not usable:
        assert drops == ["no_negative"]
    for fact in choice:
        right = ", ".join(f for f in PLAIN if f in mine)
        assert fact.answers == (right,)
        offered = [set(option.split(", ")) for option in fact.options]
        wrong = [s for s in offered if s != mine]
        assert 1 <= len(wrong) == len(offered) - 1 <= 3
        assert all(s in usable for s in wrong)
        assert len(set().union(*offered)) == len(mine) * len(offered), "no two share a finding"


def test_a_set_is_as_often_right_as_its_share_of_the_options() -> None:
    """However frequent a finding is, its name is no better a guess than any other option."""
    shares = {"nodule": 12, "hernia": 6, "pneumothorax": 4, "rib fracture": 2}
    people = each(*((name,) for name, count in shares.items() for _ in range(count)))
    offered, right, expected = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(40):
        for mine in people:
            others = [o for o in Draw(key(seed, mine.id)).shuffled(people) if o.id != mine.id]
            facts, _ = classify(mine, seed=key(seed, mine.id), others=others[:16])
            for fact in (f for f in facts if f.form == "set_choice"):
                right.update(fact.answers)
                offered.update(fact.options)
                for option in fact.options:
                    expected[option] += 1 / len(fact.options)  # type: ignore[assignment]
    assert set(right) == set(shares)
    for name in shares:
        assert offered[name] > 80
        assert abs(right[name] / expected[name] - 1) < 0.2, (right, expected)


def test_yes_and_no_are_asked_with_and_without_options() -> None:
    facts = many(study(*present("nodule", "hernia")))
    yes = [f for f in facts if f.key == "findings/present"]
    no = [f for f in facts if f.key == "findings/absent"]
    assert len(yes) == len(no) == 200
    assert {f.answers for f in yes} == {("Yes",)}
    assert {f.answers for f in no} == {("No",)}
    assert {f.finding for f in yes} == {"nodule", "hernia"}
    assert {f.finding for f in no} == set(PLAIN) - {"nodule", "hernia"}
    for f in (*yes, *no):
        assert f.balance == f"{f.finding}/{f.key.removeprefix('findings/')}"
        assert f.slots["finding"] == f.finding
        assert f.options == (("Yes", "No") if f.form == "yes_no_options" else ())
    forms = Counter(f.form for f in yes)
    assert set(forms) == {"yes_no", "yes_no_options"}
    assert min(forms.values()) > 60


def test_what_a_test_of_the_patient_found_is_asked_of_the_patient() -> None:
    tested = label_set(findings=("COVID-19",), kind="binary", method="test")
    facts = many(study(*present("COVID-19")), tested)
    assert {f.form for f in facts} == {"patient", "patient_options"}
    template = Templates().load("image_classification")
    for form in ("patient", "patient_options"):
        fact = next(f for f in facts if f.form == form)
        for row in worded(template, fact, FakeContext().draw(), count=99):
            words = row.instruction.lower()
            assert any(w in words for w in ("patient", "someone", "case", "test"))
            assert not any(w in words for w in ("evidence", "signs of", "show"))


def test_a_binary_set_asks_yes_or_no_on_its_finding() -> None:
    binary = label_set(name="target", findings=("pneumonia",), kind="binary")
    facts, drops = classify(study(*present("pneumonia")), binary)
    assert [(f.key, f.answers) for f in facts] == [("target/present", ("Yes",))]
    facts, drops = classify(study(), binary)
    assert [(f.key, f.answers) for f in facts] == [("target/absent", ("No",))]
    assert drops == []


def test_exclusive_classes_are_one_choice() -> None:
    classes = label_set(kind="exclusive")
    facts, drops = classify(study(*present("nodule")), classes)
    assert [(f.form, f.options, f.answers) for f in facts] == [("choice", PLAIN, ("nodule",))]
    assert drops == []
    assert classify(study(*present("nodule", "hernia")), classes) == ([], ["no_known_finding"])


def test_a_study_of_doubts_alone_is_dropped() -> None:
    made = study(Label(finding="nodule", state="uncertain"))
    closed = label_set(blank="not_mentioned")
    assert classify(made, closed) == ([], ["no_known_finding"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_study_without_current_picture_lacks_what_the_task_needs(task: Task) -> None:
    prior = (image("a", role="prior"), image("b", "LATERAL", role="prior"))
    made = study(*present("nodule"), images=prior)
    lacking = [n for n in task.needs if not NEEDS[n].holds(made, {"findings": label_set()})]
    assert lacking == [need for need in task.needs if need != "labels"]


def test_a_set_inside_another_asks_nothing_of_its_own() -> None:
    boxes = label_set(name="boxes", findings=PLAIN[:3], drawn="some", shape="box")
    facts, _ = classify(study(*present("nodule")), label_set(), boxes)
    assert {f.label_set for f in facts} == {"findings"}
    beside = label_set(name="diseases", findings=("pneumonia", "tuberculosis"))
    facts, _ = classify(study(*present("nodule")), label_set(), beside)
    assert {f.label_set for f in facts} == {"findings", "diseases"}


# -------------------------------------------------------------------------- view_classification


def views(*pictures: Image) -> list[Facts]:
    return over_seeds(view_classification, study(images=pictures), FakeContext)


@pytest.mark.parametrize(
    ("view", "answer", "short"),
    [
        ("AP", "anteroposterior (AP)", "AP"),
        ("PA", "posteroanterior (PA)", "PA"),
        ("LATERAL", "lateral", "lateral"),
        ("LL", "lateral", "lateral"),
    ],
)
def test_a_view_is_named(view: Any, answer: str, short: str) -> None:
    facts = views(image(view=view))
    choice = [f for f in facts if f.form == "choice"]
    free = [f for f in facts if f.form == "free"]
    assert 40 <= len(free) <= 100, "one in three of 200"
    assert {f.answers for f in free} == {(short,)}
    assert {f.slots["answer"] for f in free} == {short}
    # The same options for every picture: a left lateral among them would tell of the source.
    assert {f.options for f in choice} == {
        ("anteroposterior (AP)", "posteroanterior (PA)", "lateral")
    }
    assert {f.answers for f in choice} == {(answer,)}
    assert {f.balance for f in facts} == {f"view/{short}"}


def test_each_picture_is_asked_about_alone_and_others_are_counted() -> None:
    made = study(
        images=(image("a", "PA"), image("b", "LL"), image("c", "OBLIQUE"), image("d", None))
    )
    facts, drops = run(view_classification, made, FakeContext())
    assert [(f.key, [i.key for i in f.images]) for f in facts] == [("a", ["a"]), ("b", ["b"])]
    assert sorted(drops) == ["no_view", "other_view"]


# -------------------------------------------------------------------------------- view_matching

PAIR = study(images=(image("f", "AP"), image("l", "LATERAL")))
OTHER = study(id="s2", images=(image("f2", "PA"), image("l2", "LL")))


def test_a_pair_of_one_study_matches_and_a_lateral_of_another_does_not() -> None:
    context = FakeContext(others=[OTHER])
    facts, drops = run(view_matching, PAIR, context)
    assert drops == []
    assert [(f.key, f.balance, f.answers) for f in facts] == [
        ("yes", "match/yes", ("Yes",)),
        ("no", "match/no", ("No",)),
    ]
    assert [{i.key for i in f.images} for f in facts] == [{"f", "l"}, {"f", "l2"}]
    assert context.asked == ["lateral"]


def test_both_orders_and_both_forms_come_up_on_both_sides() -> None:
    facts = over_seeds(view_matching, PAIR, lambda seed: FakeContext(seed, others=[OTHER]))
    for side in ("yes", "no"):
        mine = [f for f in facts if f.key == side]
        assert {f.images[0].key == "f" for f in mine} == {True, False}
        assert {f.form for f in mine} == {"yes_no", "yes_no_options"}
        assert {f.options for f in mine} == {(), ("Yes", "No")}


def test_ap_pictures_are_paired_too() -> None:
    both = study(images=(image("ap", "AP"), image("pa", "PA"), image("l", "LATERAL")))
    facts = over_seeds(view_matching, both, lambda seed: FakeContext(seed, others=[OTHER]))
    assert {i.key for f in facts for i in f.images} == {"ap", "pa", "l", "l2"}
    for first, second in zip(facts[::2], facts[1::2], strict=True):
        assert {i.key for i in first.images} & {i.key for i in second.images} & {"ap", "pa"}


def test_without_another_study_the_pair_still_counts() -> None:
    frontal_only = study(id="s3", images=(image("f3", "PA"),))
    for others in ([], [frontal_only]):
        facts, drops = run(view_matching, PAIR, FakeContext(others=others))
        assert [f.key for f in facts] == ["yes"]
        assert drops == ["no_negative"]


def test_only_studies_with_both_views_stand_in_the_pool() -> None:
    assert view_matching.pools is not None
    assert tuple(view_matching.pools(PAIR)) == ("lateral",)
    assert not view_matching.pools(study(images=(image("l", "LL"),)))


def test_pictures_of_a_parent_are_matched_there() -> None:
    assert view_matching.pools is not None
    borrowed = study(images=tuple(replace(i, release="parent") for i in PAIR.images))
    assert not view_matching.pools(borrowed)
    assert not NEEDS["frontal_and_lateral"].holds(borrowed, {})
    assert NEEDS["frontal_and_lateral"].holds(PAIR, {})


# ------------------------------------------------------------------------------------ rendering


def test_all_facts_render_and_the_right_answer_comes_out() -> None:
    pairs: list[tuple[Task, Facts]] = [
        *(
            (image_classification, f)
            for f in many(study(*present("nodule")), others=each(("hernia",)))
        ),
        *(
            (image_classification, f)
            for f in many(study(*present("nodule")), label_set(kind="exclusive"))
        ),
        *(
            (image_classification, f)
            for f in many(study(*present("nodule")), label_set(method="test"))
        ),
        *((view_classification, f) for f in views(image(view="LL"))),
        *(
            (view_matching, f)
            for f in over_seeds(view_matching, PAIR, lambda s: FakeContext(s, others=[OTHER]))
        ),
    ]
    templates = Templates()
    loaded = {task.key: templates.load(task.key) for task in TASKS}
    forms = set()
    for number, (task, fact) in enumerate(pairs):
        (row,) = worded(loaded[task.key], fact, FakeContext().draw(number))
        forms.add((task.key, fact.form))
        assert row.response
        if fact.form in ("yes_no", "patient", "free"):
            assert row.response == fact.answers[0]
        elif row.options:
            shown_texts = {o.text for o in row.options}
            assert shown_texts == set(fact.options)
            assert all(text in row.instruction for text in shown_texts)
    assert forms == {(task.key, form) for task in TASKS for form in loaded[task.key].forms}


# ------------------------------------------------------------------------------------ change


def compared(change: str, quality: str | None = None, prior: str = "old") -> Study:
    return Study(
        source="made_up",
        id="s",
        images=(
            Image(key="old", path="old.png", view="AP", role="prior"),
            Image(key="now", path="now.png", view="PA"),
        ),
        comparisons=(
            Comparison(
                id="edema",
                finding="edema",
                change=change,  # type: ignore[arg-type]
                prior=(prior,),
                current=("now",),
                quality=quality,
            ),
        ),
    )


@pytest.mark.parametrize("change", ["improving", "stable", "worsening"])
def test_change_is_asked_of_the_prior_and_then_the_current_picture(change: str) -> None:
    study = compared(change, "disagreement")
    facts = over_seeds(temporal_image_classification, study, lambda seed: FakeContext(seed=seed))
    assert {f.form for f in facts} == {"choice", "free"}
    for fact in facts:
        assert [i.key for i in fact.images] == ["old", "now"]
        assert fact.answers == (change,)
        assert fact.options in ((), ("improving", "stable", "worsening"))
        assert fact.attributes == '{"label_quality":"disagreement"}'


def test_change_without_both_pictures_is_dropped() -> None:
    study = compared("stable", prior="lost")
    assert run(temporal_image_classification, study, FakeContext()) == ([], ["missing_picture"])
