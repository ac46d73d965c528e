"""Clauses of a report by organ. All texts are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports.organs import MOST_ORGANS, ORGANS, by_organ, clauses, organs, structured

DEVICES = "tubes, lines and devices"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The trachea is midline.", ["trachea and bronchi"]),
        ("Patchy opacity in the left lower lobe.", ["lungs"]),
        ("No pleural effusion or pneumothorax.", ["pleura"]),
        ("Heart size is normal.", ["heart"]),
        ("The cardiomediastinal silhouette is normal.", ["heart", "mediastinum and hila"]),
        ("Air under the right hemidiaphragm.", ["diaphragm and upper abdomen"]),
        ("The aorta is tortuous.", ["mediastinum and hila"]),
        ("Healing rib fracture on the right.", ["bones"]),
        ("Subcutaneous gas in the chest wall.", ["soft tissues"]),
        ("Small effusion with adjacent atelectasis.", ["pleura", "lungs"]),
        ("It is larger.", []),
        # A clause is first of all on what it begins with.
        ("Heart size and pulmonary vascularity are normal.", ["heart", "lungs"]),
        (
            "The cardiomediastinal contours are normal allowing for low lung volumes.",
            ["heart", "mediastinum and hila", "lungs"],
        ),
        ("Lungs and pleural spaces are clear.", ["lungs", "pleura"]),
        # A shadow of soft tissue density may lie anywhere.
        ("Soft tissue density in the upper mediastinum.", ["mediastinum and hila"]),
        # A device names places of the body, which are not what is spoken of.
        ("Right catheter with its tip in the right atrium.", [DEVICES]),
        ("Endotracheal tube above the carina.", [DEVICES]),
        ("Tracheostomy in place.", [DEVICES]),
        ("NG is coiled in the stomach.", [DEVICES]),
        ("ICD leads end in the right ventricle.", [DEVICES]),
        ("Median sternotomy wires are intact.", [DEVICES]),
        # Words that look like devices.
        ("Portable technique exaggerates the heart.", ["heart"]),
        ("Kerley B lines at both lung bases.", ["lungs"]),
        ("A fracture line crosses the clavicle.", ["bones"]),
        ("This may lead to atelectasis.", ["lungs"]),
        ("Mitral valve calcification projects over the heart.", ["heart"]),
        ("Subcutaneous emphysema of the neck.", ["soft tissues"]),
    ],
)
def test_organs_of_a_clause(text: str, found: list[str]) -> None:
    assert list(organs(text)) == found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The heart is large and the lungs are clear.", 2),
        ("The heart is large; lungs are clear.", 2),
        ("No effusion, and there is no pneumothorax.", 1),  # no verb in the first part
        ("There is no effusion, and there is no pneumothorax.", 2),
        ("The lungs are clear and are well expanded.", 1),
        ("Low lung volumes are seen and the basal opacity that is larger.", 1),
        ("There is an effusion and the other is small in the left pleural space.", 1),
        ("Opacity of the left lower lobe and pleural effusion are stable.", 1),
    ],
)
def test_sentences_are_cut_where_each_part_can_stand_alone(text: str, parts: int) -> None:
    assert len(clauses(text)) == parts


def test_parts_are_sentences() -> None:
    assert [c.text for c in clauses("The heart is large; lungs are clear.")] == [
        "The heart is large.",
        "Lungs are clear.",
    ]


def test_local_texts_stand_under_every_organ_in_reading_order() -> None:
    found = clauses("No rib fracture. The cardiomediastinal silhouette is wide. Lungs are clear.")
    assert by_organ(found) == {
        "lungs": ["Lungs are clear."],
        "heart": ["The cardiomediastinal silhouette is wide."],
        "mediastinum and hila": ["The cardiomediastinal silhouette is wide."],
        "bones": ["No rib fracture."],
    }


def test_structured_report_says_each_clause_once() -> None:
    text = "The heart is large. No effusion. The cardiomediastinal silhouette is wide."
    assert structured(clauses(text)) == (
        "Pleura: No effusion.\nHeart: The heart is large. The cardiomediastinal silhouette is wide."
    )


def test_report_with_a_clause_of_no_known_organ_is_not_structured() -> None:
    assert structured(clauses("The heart is large. It may be normal.")) is None


@given(st.lists(st.sampled_from(["heart", "line", "lung", "is", "and", "the", ";", "rib", "."])))
def test_nothing_is_lost_or_made_up(words: list[str]) -> None:
    text = " ".join(words)
    found = clauses(text)
    kept = {"heart", "line", "lung", "rib"}
    said = [w.strip(".;").lower() for c in found for w in c.text.split()]
    assert [w for w in said if w in kept] == [w for w in words if w in kept]
    for clause in found:
        assert len(clause.organs) <= MOST_ORGANS and set(clause.organs) <= set(ORGANS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "There is no focal consolidation, pleural effusion, or pneumothorax identified.",
            ["No focal consolidation.", "No pleural effusion or pneumothorax."],
        ),
        ("No effusion and no infiltrate.", ["No effusion.", "No infiltrate."]),
        # What weakens the denial is said of each.
        (
            "No evidence of pneumonia or acute fracture.",
            ["No evidence of pneumonia.", "No evidence of acute fracture."],
        ),
        ("No acute infiltrate or fracture.", ["No acute infiltrate.", "No acute fracture."]),
        # Of the last item a word of size is its own.
        ("No infiltrate or large effusion.", ["No infiltrate.", "No large effusion."]),
    ],
)
def test_a_list_of_denials_is_cut_by_organ(text: str, parts: list[str]) -> None:
    assert [clause.text for clause in clauses(text)] == parts


@pytest.mark.parametrize(
    "text",
    [
        "No pleural effusion or pneumothorax.",  # one organ
        "No large effusion or consolidation.",  # a large consolidation, or any?
        "No effusion or consolidation in the left base.",  # is the effusion denied there only?
        "No acute bony or pulmonary abnormality.",  # "no acute bony" is no sentence
        "No effusion, and the lungs remain well aerated.",
    ],
)
def test_a_list_of_denials_whose_scope_is_unclear_is_left(text: str) -> None:
    assert [clause.text for clause in clauses(text)] == [text]


def test_a_clause_that_goes_on_stays_with_the_one_before() -> None:
    found = clauses("There is a left effusion. Otherwise the lungs are clear. This may be old.")
    assert by_organ(found) == {"pleura": ["There is a left effusion."]}
    assert structured(found) is None
    found = clauses("The left lung is dark. Otherwise the lungs are clear. Heart is large.")
    assert by_organ(found)["lungs"] == ["The left lung is dark.", "Otherwise the lungs are clear."]
    assert structured(found) is not None
