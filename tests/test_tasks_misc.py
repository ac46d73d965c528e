from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_context import FakeContext, FakePolicies, over_seeds, run, worded

from chexinstruct.draw import Draw, key
from chexinstruct.reports import Filtered
from chexinstruct.schema import (
    Entities,
    Entity,
    ErrorCounts,
    Explanation,
    Facts,
    Image,
    Label,
    LabelSet,
    Pair,
    Report,
    Study,
    Text,
)
from chexinstruct.tasks import FAMILIES, Task
from chexinstruct.tasks.misc import (
    image_text_matching,
    image_text_selection,
    named_entity_recognition,
    natural_language_explanation,
    natural_language_inference,
    report_evaluation,
)
from chexinstruct.tasks.mismatch import Disputes, Spoken, alike, cannot_be_of, disputes, is_wrong
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.templating import Templates
from chexinstruct.vocabulary import NO_FINDING

TASKS = (image_text_matching, image_text_selection, natural_language_inference)

MINED = LabelSet(
    name="mined",
    findings=(
        "cardiomegaly",
        "consolidation",
        "edema",
        "fracture",
        "pleural effusion",
        "pneumonia",
        "pneumothorax",
    ),
    kind="multi",
    method="report_labeller",
    blank="not_mentioned",
)


def study(
    name: str,
    text: str | None = None,
    labels: str | None = None,
    *,
    codes: Sequence[str] = (),
    captions: Sequence[str] = (),
    language: str = "en",
    **more: Any,
) -> Study:
    """A study with findings; ``labels`` read "+edema -pneumothorax ?fracture", None: none made."""
    states: dict[str, Any] = {"+": "present", "-": "absent", "?": "uncertain"}
    content: dict[str, Any] = {
        "source": "made_up",
        "id": name,
        "images": (Image(key=f"{name}.png", path=f"{name}.png", view="PA"),),
        "report": Report(sections={"findings": text}, language=language) if text else None,
        "label_sets": ("mined",) if labels is not None else (),
        "labels": tuple(
            Label(finding=word[1:].replace("_", " "), state=states[word[0]])
            for word in (labels or "").split()
        ),
        "codes": tuple(codes),
        "texts": tuple(
            Text(id=str(n), role="caption", text=t, language=language)
            for n, t in enumerate(captions)
        ),
    }
    return Study(**(content | more))


def context(*others: Study, seed: int = 0, text: str = "clean") -> FakeContext:
    return FakeContext(seed, FakePolicies(text=text), sets=(MINED,), others=others)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_task_is_declared_with_known_words(task: Task) -> None:
    assert task.family in FAMILIES
    assert set(task.needs) <= set(NEEDS)


# ------------------------------------------------------------------------------------- mismatch


def chosen(mine: Study, *others: Study, text: str = "clean") -> str | None:
    """The wrong text that is set against the study's own."""
    facts, drops = run(image_text_selection, mine, context(*others, text=text))
    if not facts:
        assert drops == ["no_negative"]
        return None
    (fact,) = facts
    (wrong,) = set(fact.options) - set(fact.answers)
    return wrong


def spoken(made: Study) -> Spoken:
    assert made.report is not None
    return Spoken(made, Filtered(made.report.sections["findings"], {}), made.report.language)


NORMAL = "The heart is of normal size. No pneumothorax or pleural effusion."
CONGESTED = "Cardiomegaly with moderate edema."


@pytest.mark.parametrize(
    ("mine", "text", "theirs", "wrong"),
    [
        # The text asserts what is said to be absent, or what nothing here resembles.
        ("-edema -pneumothorax", "There is moderate edema.", "+edema", True),
        ("", "There is moderate edema.", "+edema", True),
        ("+fracture", "There is moderate edema.", "+edema", True),
        # It denies what is present.
        ("+pneumothorax", NORMAL, "-pneumothorax", True),
        ("+pleural_effusion", NORMAL, "-pneumothorax -pleural_effusion", True),
        # It says that all is well where it is not.
        ("+pneumothorax", "No acute cardiopulmonary process.", "", True),
        ("+edema", "There is no evidence of acute disease.", "-pneumothorax", True),
        ("+fracture", "No acute cardiopulmonary process.", "", False),
        ("+pneumothorax", "No acute osseous abnormality.", "", False),
        ("+edema", "No acute disease other than pneumonia.", "?pneumonia", False),
        # It fits, or may fit, here too.
        ("+edema", "There is moderate edema.", "+edema", False),
        ("?edema", "There is moderate edema.", "+edema", False),
        ("+edema", "Edema and a fracture are seen.", "+edema +fracture", False),
        ("+pneumonia", "There is a consolidation.", "+consolidation", False),
        ("+fracture", NORMAL, "-pneumothorax -pleural_effusion", False),
        ("-pneumothorax", NORMAL, "-pneumothorax -pleural_effusion", False),
        # Its labels say more than the text does.
        ("", "The lungs are not hyperinflated.", "+edema", False),
        ("", "No pulmonary edema is seen.", "+edema", False),
        ("+pneumothorax", "The heart is of normal size.", "-pneumothorax", False),
        # One clear contradiction is enough beside something shared.
        ("+edema -fracture", "There is a rib fracture.", "+edema +fracture", True),
    ],
)
def test_a_text_must_be_wrong_for_certain(mine: str, text: str, theirs: str, wrong: bool) -> None:
    own, other = study("s1", "The aorta is tortuous.", mine), study("s2", text, theirs)
    assert cannot_be_of(spoken(own), spoken(other), context()) is wrong


def test_each_text_is_wrong_for_the_study_of_the_other() -> None:
    own = study("s1", "The aorta is tortuous.", "-edema")
    congested = study("s2", CONGESTED, "+edema")
    assert cannot_be_of(spoken(own), spoken(congested), context())
    assert chosen(own, congested) is None, "the other person's aorta may be tortuous too"
    denied = study("s1", "There is no edema.", "-edema")
    assert chosen(denied, congested) == CONGESTED
    assert chosen(congested, denied) == "There is no edema."


def test_a_text_is_as_often_right_as_it_is_wrong() -> None:
    """Among many studies a guess by the text alone is worth nothing."""
    texts = {
        "+edema": CONGESTED,
        "-edema": "There is no edema.",
        "+fracture": "There is a left rib fracture.",
    }
    labels = [*["-edema -fracture"] * 9, *["+edema -fracture"] * 6, *["+fracture -edema"] * 6]
    people = [study(f"s{n}", texts[given.split()[0]], given) for n, given in enumerate(labels)]
    sides: dict[str, Counter[str]] = {}
    for seed in range(12):
        for mine in people:
            others = [other for other in Draw(key(seed, mine.id)).shuffled(people) if other != mine]
            around = context(*others[:9], seed=key(seed, mine.id))
            for fact in run(image_text_matching, mine, around)[0]:
                sides.setdefault(fact.slots["text"], Counter())[fact.answers[0]] += 1
    assert len(sides) == 3
    for sums in sides.values():
        assert sums.total() > 60
        assert abs(sums["Matched"] / sums.total() - 0.5) < 0.15, sides


@pytest.mark.parametrize(
    ("mine", "text", "theirs", "wrong"),
    [
        (("normal",), "The heart is enlarged.", ("Cardiomegaly/mild",), True),
        (("Scoliosis",), "Granuloma at the left apex.", ("Granuloma/lung",), True),
        (("Spine/degenerative",), "Cardiomegaly is seen.", ("Cardiomegaly",), True),
        (("Pleural Effusion/left",), NORMAL, ("normal",), True),
        (("Scoliosis",), NORMAL, ("normal",), False),
        (("normal",), NORMAL, ("normal",), False),
        (("Cardiomegaly",), "Cardiomegaly and scoliosis.", ("Cardiomegaly", "Scoliosis"), False),
        (("Infiltrate",), "Pneumonia at the right base.", ("Pneumonia",), False),
        (("No Indexing",), "Cardiomegaly is seen.", ("Cardiomegaly",), False),
        (("normal",), "Cardiomegaly is seen.", ("No Indexing",), False),
        (("normal",), "Cardiomegaly is seen.", (), False),
    ],
)
def test_index_codes_stand_in_for_labels(
    mine: tuple[str, ...], text: str, theirs: tuple[str, ...], wrong: bool
) -> None:
    own = study("s1", "The aorta is tortuous.", codes=mine)
    other = study("s2", text, codes=theirs)
    assert cannot_be_of(spoken(own), spoken(other), context()) is wrong


def test_labels_of_one_study_say_nothing_of_another_without() -> None:
    other = study("s2", "There is moderate edema.", None)
    assert chosen(study("s1", "The aorta is tortuous.", "-edema"), other) is None
    assert chosen(study("s1", "The aorta is tortuous.", None, codes=("normal",)), other) is None


def test_texts_without_labels_and_codes_must_share_few_words() -> None:
    own = study("s1", captions=["Chest radiograph showing a large left effusion."])
    near = study("s2", captions=["Chest radiograph showing a small left effusion."])
    far = study("s3", captions=["Posteroanterior view with bilateral hilar adenopathy."])
    assert chosen(own, near) is None
    assert chosen(own, near, far) == "Posteroanterior view with bilateral hilar adenopathy."


def test_in_another_language_the_labels_decide_alone() -> None:
    own = study("s1", "Sin alteraciones en el estudio.", "-edema", language="es")
    other = study("s2", "Signos de congestión pulmonar.", "+edema", language="es")
    assert chosen(own, other) == "Signos de congestión pulmonar."
    assert chosen(own, study("s3", "There is moderate edema.", "+edema")) is None


def test_in_another_language_what_was_taken_out_cannot_make_a_text_wrong() -> None:
    own = study("s1", "Sin alteraciones en el estudio.", "-edema", language="es")
    text = "Silueta cardiaca normal. Edema sin cambios respecto a previo."
    assert chosen(own, study("s2", text, "+edema", language="es")) is None


@pytest.mark.parametrize(("theirs", "wrong"), [("-edema", True), ("", False)])
def test_in_another_language_normal_refutes_only_what_is_said_to_be_absent(
    theirs: str, wrong: bool
) -> None:
    with_normal = msgspec.structs.replace(MINED, findings=(NO_FINDING, *MINED.findings))
    own = study("s1", "Edema intersticial bilateral.", "+edema", language="es")
    normal = study("s2", "Estudio dentro de la normalidad.", f"+no_finding {theirs}", language="es")
    sets = FakeContext(sets=(with_normal,), others=(normal,))
    facts, _ = run(image_text_selection, own, sets)
    assert bool(facts) is wrong


def test_the_same_words_are_never_set_against_themselves() -> None:
    raw = "CARDIOMEGALY with moderate edema."
    own = study("s1", raw, "-edema")
    assert chosen(own, study("s2", CONGESTED, "+edema +cardiomegaly")) is None


def test_the_wrong_text_is_filtered_as_if_it_were_the_studys_own() -> None:
    own = study("s1", "There is no edema.", "-edema")
    long = "There is moderate edema. Unchanged effusion. Nodule seen on the lateral view."
    other = study("s2", long, "+edema")
    assert chosen(own, other) == "There is moderate edema."
    assert chosen(own, study("s2", "Worsening edema.", "+edema")) is None
    assert chosen(own, other, text="raw") == long


words = st.lists(st.sampled_from(["heart", "lung", "edema", "clear", "is", "the"]), max_size=8)


@given(words, words)
def test_similarity_is_a_share(a: list[str], b: list[str]) -> None:
    value = alike(" ".join(a), " ".join(b))
    assert 0 <= value <= 1
    assert value == alike(" ".join(b).upper(), " ".join(a))
    assert (value == 1) == (set(a) == set(b))


state = st.sampled_from(["", "+{}", "-{}", "?{}"])
labelled = st.lists(state, min_size=7, max_size=7).map(
    lambda marks: " ".join(
        mark.format(finding.replace(" ", "_"))
        for mark, finding in zip(marks, MINED.findings, strict=True)
    )
)


@given(labelled, labelled)
def test_nothing_that_may_be_here_is_disputed_as_asserted(mine: str, theirs: str) -> None:
    own, other = study("s1", "x", mine), study("s2", "y", theirs)
    found = disputes(own, other, context())
    assert found is not None
    possible = {x.finding for x in own.labels if x.state != "absent"}
    assert not found.asserted & possible
    assert found.denied <= {x.finding for x in own.labels if x.state == "present"}
    assert found.denied <= {x.finding for x in other.labels if x.state == "absent"}
    same = disputes(own, own, context())
    assert same is not None
    assert not same


def test_a_finding_is_known_by_its_usual_endings() -> None:
    found = Disputes(
        asserted=frozenset({"lung opacity", "mass"}), denied=frozenset(), acute=frozenset()
    )
    assert is_wrong("Patchy opacities at both bases.", found, "en")
    assert is_wrong("A mass at the right hilum.", found, "en")
    assert not is_wrong("Left mastectomy.", found, "en")
    assert not is_wrong("No focal opacity.", found, "en")


# --------------------------------------------------------------------------- image_text_matching

OWN = study("s1", "There is no edema. Unchanged heart.", "-edema -cardiomegaly")
OTHER = study("s2", CONGESTED, "+edema +cardiomegaly")


def test_a_studys_own_text_matches_and_a_wrong_one_does_not() -> None:
    facts, drops = run(image_text_matching, OWN, context(OTHER))
    assert drops == []
    assert [(f.key, f.balance, f.answers, f.slots["text"]) for f in facts] == [
        ("findings/matched", "findings/matched", ("Matched",), "There is no edema."),
        ("findings/not_matched", "findings/not_matched", ("Not matched",), CONGESTED),
    ]
    assert {i.key for f in facts for i in f.images} == {"s1.png"}
    assert {f.slots["kind"] for f in facts} == {"findings section"}
    assert [f.dropped_sentences for f in facts] == ["prior:1", None]
    assert [f.report_form for f in facts] == ["plain", "plain"]


def test_both_sides_come_in_both_forms() -> None:
    facts = over_seeds(image_text_matching, OWN, lambda seed: context(OTHER, seed=seed))
    forms = Counter((f.answers[0], f.form) for f in facts)
    assert forms.keys() == {(a, f) for a in ("Matched", "Not matched") for f in ("free", "choice")}
    assert min(forms.values()) > 60, "about half of 200"
    assert {f.options for f in facts if f.form == "choice"} == {("Matched", "Not matched")}


def test_findings_and_impressions_are_matched_with_their_like() -> None:
    both = {"findings": "There is no edema.", "impression": "No pulmonary edema."}
    theirs = {"findings": "There is moderate edema.", "impression": "Moderate pulmonary edema."}
    own = study("s1", "x", "-edema", report=Report(sections=both))
    other = study("s2", "x", "+edema", report=Report(sections=theirs))
    facts, _ = run(image_text_matching, own, context(other))
    assert {f.key: f.slots["text"] for f in facts} == {
        "findings/matched": both["findings"],
        "findings/not_matched": theirs["findings"],
        "impression/matched": both["impression"],
        "impression/not_matched": theirs["impression"],
    }
    asked = context(study("s2", "There is moderate edema.", "+edema"))
    _, drops = run(image_text_matching, own, asked)
    assert drops == ["no_negative"], "the other study has no impression"
    assert asked.asked == ["findings", "impression"]


def test_pools_are_the_kinds_of_text_that_a_study_has() -> None:
    for task in (image_text_matching, image_text_selection):
        assert task.pools is not None
        assert list(task.pools(OWN)) == ["findings"]
        assert list(task.pools(study("s", captions=["a b c", "d e f"]))) == ["caption"]
        assert not task.pools(study("s"))
        taken_over = Report(sections={"findings": "x"}, release="elsewhere")
        assert not task.pools(study("s", report=taken_over))


@pytest.mark.parametrize("task", [image_text_matching, image_text_selection], ids=lambda t: t.key)
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (study("s", "No change. The effusion persists."), "emptied_by_prior"),
        (study("s", "Normal."), "too_short"),
        (study("s", captions=["Chest X-ray."]), "emptied_by_view"),
    ],
)
def test_a_study_without_a_usable_text_is_counted(task: Task, made: Study, reason: str) -> None:
    assert run(task, made, context(OTHER)) == ([], [reason])


@pytest.mark.parametrize("task", [image_text_matching, image_text_selection], ids=lambda t: t.key)
def test_a_study_without_pictures_lacks_what_the_task_needs(task: Task) -> None:
    made = study("s", "The lungs are clear.", images=())
    assert [need for need in task.needs if not NEEDS[need].holds(made, {})] == ["images"]


def test_without_a_wrong_text_the_right_one_is_not_asked_about_either() -> None:
    assert run(image_text_matching, OWN, context()) == ([], ["no_negative"])


# -------------------------------------------------------------------------- image_text_selection


def test_the_true_text_stands_against_one_wrong_text() -> None:
    (fact,), drops = run(image_text_selection, OWN, context(OTHER))
    assert drops == []
    assert (fact.key, fact.form, fact.balance) == ("findings", "choice", None)
    assert fact.options == ("There is no edema.", CONGESTED)
    assert fact.answers == ("There is no edema.",)


def test_each_caption_is_a_question_of_its_own() -> None:
    own = study("s1", captions=["Large left pleural effusion.", "Large hiatal hernia."])
    other = study("s2", captions=["Bilateral hilar adenopathy."])
    facts, _ = run(image_text_selection, own, context(other))
    assert [(f.key, f.answers[0]) for f in facts] == [
        ("caption/0", "Large left pleural effusion."),
        ("caption/1", "Large hiatal hernia."),
    ]
    assert {f.slots["kind"] for f in facts} == {"caption"}
    assert {f.report_form for f in facts} == {None}


def test_no_wrong_text_no_choice() -> None:
    assert run(image_text_selection, OWN, context()) == ([], ["no_negative"])


# -------------------------------------------------------------------- natural_language_inference


def pair(relation: Any = "entailment", **more: Any) -> Pair:
    content: dict[str, Any] = {
        "id": "dev-1",
        "kind": "inference",
        "first": "There is no effusion.",
        "second": "The pleura is free of fluid.",
    }
    return Pair(relation=relation, **(content | more))


def pairs(*items: Pair) -> Study:
    return Study(source="made_up", id="s1", pairs=items)


@pytest.mark.parametrize("relation", ["entailment", "neutral", "contradiction"])
def test_a_pair_keeps_its_direction_and_its_relation(relation: str) -> None:
    facts = over_seeds(natural_language_inference, pairs(pair(relation)), FakeContext)
    assert {f.form for f in facts} == {"choice", "free"}
    for fact in facts:
        assert fact.key == "dev-1"
        assert fact.images == ()
        assert fact.answers == (relation,)
        assert fact.slots["premise"] == "There is no effusion."
        assert fact.slots["hypothesis"] == "The pleura is free of fluid."
        listed = ("entailment", "neutral", "contradiction")
        assert fact.options == (listed if fact.form == "choice" else ())


def test_a_pair_that_a_program_labelled_says_so() -> None:
    made = pairs(pair(), pair(id="silver-1", annotator="program"))
    facts, _ = run(natural_language_inference, made, FakeContext())
    assert [f.attributes for f in facts] == [None, '{"annotator":"program"}']


def test_other_pairs_are_no_inference() -> None:
    made = pairs(pair(kind="similarity"), pair("paraphrase", id="dev-2"), pair(id="dev-3"))
    facts, drops = run(natural_language_inference, made, FakeContext())
    assert [f.key for f in facts] == ["dev-3"]
    assert drops == ["other_relation"]


def test_free_phrasings_name_all_relations_and_the_direction() -> None:
    facts = over_seeds(natural_language_inference, pairs(pair()), FakeContext)
    loaded = Templates().load("natural_language_inference")
    for fact in {f.form: f for f in facts}.values():
        for row in worded(loaded, fact, FakeContext().draw(), count=99):
            words = row.instruction.casefold()
            assert all(relation in words for relation in ("entail", "neutral", "contradict"))
            assert words.index("no effusion") < words.index("free of fluid")


# ------------------------------------------------------------------ natural_language_explanation


def explained(*items: Explanation, **more: Any) -> Study:
    return study("s1", explanations=items, **more)


def explanation(text: str, *diagnoses: str, **more: Any) -> Explanation:
    return Explanation(**{"id": "0", "diagnoses": diagnoses, "text": text} | more)


def test_a_question_names_the_diagnoses_and_how_sure_they_are() -> None:
    made = explained(
        explanation(
            "Left basal opacity, either atelectasis or pneumonia.",
            "atelectasis",
            "other pleural abnormality",
            "pneumonia",
            suspected=("pneumonia",),
            evidence=("lung opacity",),
        ),
        explanation("Vascular congestion in keeping with edema.", "edema", id="3"),
    )
    facts, drops = run(natural_language_explanation, made, FakeContext())
    assert [(f.key, f.slots["diagnosis"], f.finding) for f in facts] == [
        ("0", "atelectasis and possible pneumonia", None),
        ("3", "edema", "edema"),
    ]
    assert [f.attributes for f in facts] == ['{"evidence":["lung opacity"]}', None]
    assert all(f.answers == (f.slots["answer"],) and f.images for f in facts)
    assert drops == []


def test_explanations_of_the_same_diagnosis_are_all_accepted() -> None:
    made = explained(
        explanation("Basal opacity, likely pneumonia.", "pneumonia"),
        explanation("Worse opacity, likely pneumonia.", "pneumonia", id="2"),
        explanation("Right basal consolidation suggests pneumonia.", "pneumonia", id="4"),
        explanation("Opacity may be pneumonia.", "pneumonia", id="5", suspected=("pneumonia",)),
    )
    facts, drops = run(natural_language_explanation, made, FakeContext())
    assert [(f.key, f.answers) for f in facts] == [
        (
            "0",
            ("Basal opacity, likely pneumonia.", "Right basal consolidation suggests pneumonia."),
        ),
        ("5", ("Opacity may be pneumonia.",)),
    ]
    assert drops == ["emptied_by_prior"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Unchanged opacity suggests atelectasis.", "emptied_by_prior"),
        ("Opacity in the ___ lobe may be pneumonia.", "emptied_by_deidentified"),
        ("Opacity suggesting pneumonia was discussed with the team.", "emptied_by_communication"),
        ("With a history of fever, the opacity is pneumonia.", "emptied_by_history"),
        ("Opacity, pneumonia on CT.", "emptied_by_other_image"),
        # a clean clause is not enough: the reason may have stood in the other
        ("Opacity suggests pneumonia; the effusion is unchanged.", "emptied_by_prior"),
        ("Pneumonia.", "too_short"),
    ],
)
def test_an_explanation_that_the_pictures_cannot_give_goes_altogether(
    text: str, reason: str
) -> None:
    made = explained(explanation(text, "pneumonia"))
    assert run(natural_language_explanation, made, FakeContext()) == ([], [reason])
    raw = FakeContext(policies=FakePolicies(text="raw"))
    assert [f.slots["answer"] for f in run(natural_language_explanation, made, raw)[0]] == [text]


def test_a_vague_diagnosis_alone_is_not_asked_about() -> None:
    made = explained(explanation("Blunted angle, likely scar.", "other pleural abnormality"))
    assert run(natural_language_explanation, made, FakeContext()) == ([], ["vague_diagnosis"])


def test_a_piece_of_a_sentence_is_written_as_one() -> None:
    made = explained(explanation("superimposed pneumonia cannot be excluded;", "pneumonia"))
    (fact,), _ = run(natural_language_explanation, made, FakeContext())
    assert fact.slots["answer"] == "Superimposed pneumonia cannot be excluded."


# ---------------------------------------------------------------------------- report_evaluation


KINDS: tuple[Any, ...] = (
    "false finding",
    "missing finding",
    "wrong location",
    "wrong severity",
    "unfounded comparison",
    "missing comparison",
)


def rated(*counts: tuple[int | None, ...], candidate: str = "bleu") -> Study:
    """A study of which each rater counted so many errors of the six kinds; None: not rated."""
    return Study(
        source="made_up",
        id="s1",
        error_counts=tuple(
            ErrorCounts(
                id=candidate,
                reference="Left effusion.",
                candidate="Right effusion.",
                annotator=str(rater),
                significant={k: n for k, n in zip(KINDS, one, strict=True) if n is not None},
                insignificant={"wrong severity": 7},
            )
            for rater, one in enumerate(counts)
        ),
    )


def answer(made: Study, form: str) -> str:
    facts = over_seeds(report_evaluation, made, FakeContext)
    (found,) = {f.slots["answer"] for f in facts if f.form == form}
    return found


def test_errors_stand_that_more_than_half_of_the_raters_counted() -> None:
    """Six raters, three of them for each number: the lower one stands."""
    made = rated(
        (0, 1, 1, 0, 0, 2),
        (0, 1, 1, 0, 0, 2),
        (0, 1, 1, 0, 0, 1),
        (1, 2, 0, 0, 0, 1),
        (1, 2, 0, 0, 0, 3),
        (1, 2, 1, 4, 0, 0),
    )
    assert answer(made, "errors") == "Missing finding: 1\nWrong location: 1\nMissing comparison: 1"
    assert answer(made, "all_kinds").splitlines() == [
        "False finding: 0",
        "Missing finding: 1",
        "Wrong location: 1",
        "Wrong severity: 0",
        "Unfounded comparison: 0",
        "Missing comparison: 1",
    ]


def test_an_answer_without_errors_says_so() -> None:
    made = rated(*[(0,) * 6] * 6)
    assert answer(made, "errors") == "No clinically significant errors."
    assert answer(made, "all_kinds").count(": 0") == 6


def test_what_each_rater_counted_stays_with_the_row() -> None:
    made = rated((0,) * 6, (1,) * 6, (None, 2, 2, 2, 2, 2), (0,) * 6)
    (fact,), _ = run(report_evaluation, made, FakeContext())
    assert fact.images == ()
    assert json.loads(fact.attributes or "") == {
        "raters": ["0", "1", "2", "3"],
        "significant": {"false finding": [0, 1, None, 0]}
        | {kind: [0, 1, 2, 0] for kind in KINDS[1:]},
    }


def test_two_raters_are_no_majority() -> None:
    made = rated((0,) * 6, (1,) * 6, (None, 0, 0, 0, 0, 0))
    assert run(report_evaluation, made, FakeContext()) == ([], ["too_few_raters"])


def test_every_candidate_is_a_question_of_its_own() -> None:
    one, other = rated(*[(0,) * 6] * 3), rated(*[(1,) * 6] * 3, candidate="radgraph")
    made = Study(source="made_up", id="s1", error_counts=one.error_counts + other.error_counts)
    facts, _ = run(report_evaluation, made, FakeContext())
    assert [f.key for f in facts] == ["bleu", "radgraph"]


# ------------------------------------------------------------------- named_entity_recognition


TEXT = "No left effusion . Lungs : left effusion ?"


def marked(*found: tuple[int, str, Any], annotator: str | None = None) -> Entities:
    items = tuple(
        Entity(start=start, end=start + len(text), text=text, type=kind)
        for start, text, kind in found
    )
    return Entities(id="text", text=TEXT, items=items, annotator=annotator)


ABSENT, UNCERTAIN = "observation (definitely absent)", "observation (uncertain)"
FIRST = marked(
    (3, "left", "anatomy"),
    (8, "effusion", ABSENT),
    (19, "Lungs", "anatomy"),
    (27, "left", "anatomy"),
    (32, "effusion", UNCERTAIN),
    annotator="1",
)
SECOND = marked((8, "effusion", ABSENT), (27, "left effusion", UNCERTAIN), annotator="2")


def entities(*items: Entities) -> Study:
    return Study(source="made_up", id="s1", entities=items)


def test_entities_are_written_in_reading_order_and_by_type() -> None:
    facts = over_seeds(named_entity_recognition, entities(FIRST), FakeContext)
    assert {f.form: f.slots["answer"] for f in facts} == {
        "in_order": f"left: anatomy\neffusion: {ABSENT}\nLungs: anatomy\nleft: anatomy\n"
        f"effusion: {UNCERTAIN}",
        "by_type": f"anatomy: left; Lungs; left\n{UNCERTAIN}: effusion\n{ABSENT}: effusion",
    }
    for fact in facts:
        assert fact.images == ()
        assert all(kind in fact.slots["types"] for kind in ("anatomy", ABSENT, UNCERTAIN))


def test_of_two_radiologists_the_first_answers_and_both_are_accepted() -> None:
    made = entities(FIRST, SECOND)
    for fact in over_seeds(named_entity_recognition, made, FakeContext, seeds=20):
        (alone,), _ = run(named_entity_recognition, entities(FIRST), FakeContext(0))
        assert fact.key == "text" and len(fact.answers) == 2
        assert fact.slots["answer"] == fact.answers[0]
        if fact.form == alone.form:
            assert fact.answers[0] == alone.answers[0]
        spans = json.loads(fact.attributes or "")["spans"]
        assert [s["annotator"] for s in spans] == ["1", "2"]
        assert spans[1]["entities"] == [[8, 16, ABSENT], [27, 40, UNCERTAIN]]


def test_a_text_without_entities_is_not_asked_about() -> None:
    empty = marked(annotator="1")
    assert run(named_entity_recognition, entities(empty), FakeContext()) == ([], ["no_entities"])
    (fact,), _ = run(named_entity_recognition, entities(empty, SECOND), FakeContext())
    assert len(fact.answers) == 1


# ------------------------------------------------------------------------------------ rendering


def test_all_facts_render_and_the_right_answer_comes_out() -> None:
    items: list[tuple[Task, Facts]] = [
        *(
            (task, f)
            for task in (image_text_matching, image_text_selection)
            for f in over_seeds(task, OWN, lambda seed: context(OTHER, seed=seed), seeds=10)
        ),
        *(
            (natural_language_inference, f)
            for f in over_seeds(natural_language_inference, pairs(pair()), FakeContext, seeds=10)
        ),
    ]
    forms = set()
    for number, (task, fact) in enumerate(items):
        forms.add((task.key, fact.form))
        loaded = Templates().load(task.key)
        count = loaded.phrasings(fact.form)
        for row in worded(loaded, fact, FakeContext().draw(number), count=count):
            if fact.form == "free":
                assert row.response == fact.answers[0]
            else:
                assert {o.text for o in row.options} == set(fact.options)
                right = [o for o in row.options if o.text == fact.answers[0]]
                assert right[0].text in row.response or right[0].label in row.response
            if task is image_text_matching:
                assert fact.slots["text"] in row.instruction
                words = row.instruction.casefold()
                assert "not matched" in words, "the answer's words are named"
    assert forms == {(t.key, form) for t in TASKS for form in Templates().load(t.key).forms}


@pytest.mark.parametrize(
    ("wrong", "asked"),
    [
        ("Right upper lobe shows a rib fracture.", True),
        ("Radiograph: minor effusion at the right base.", False),  # both show an effusion
        ("Film without any pneumothorax.", False),  # denied, so it may be true
        ("Unusual vessel on the other side.", False),  # names no finding
    ],
)
def test_a_caption_is_wrong_only_if_it_names_another_finding(wrong: str, asked: bool) -> None:
    own = study("s1", captions=["Large left pleural effusion."])
    facts, _ = run(image_text_selection, own, context(study("s2", captions=[wrong])))
    assert bool(facts) == asked
