"""Sections of CANDID-PTX reports, and what they do not speak of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports import POLICIES, SECTIONS, find_leaks, is_silent_on, section_candid


def lines(text: str) -> str:
    """A report of lines written with "/" between them; real ones open with a line break."""
    return "\n" + "\n".join(part.strip() for part in text.split("/"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CXR/Lungs are clear./Heart normal.", {"findings": "Lungs are clear. Heart normal."}),
        (
            "!PERSONALNAME!/CHEST X-RAY/Clinical details: Fall from a ladder,/left sided pain./"
            "Lungs are clear./!PERSONALNAME!/",
            {"history": "Fall from a ladder, left sided pain.", "findings": "Lungs are clear."},
        ),
        (
            "Medical question:/Pneumothorax?/Comparison: Film of <###>./Report:/Small left apical "
            "pneumothorax./Comment:/The drain could stay in.",
            {
                "history": "Pneumothorax?",
                "comparison": "Film of <###>.",
                "findings": "Small left apical pneumothorax.",
                "impression": "The drain could stay in.",
            },
        ),
        (
            "Chest: No effusion. COMMENT: Normal film.",
            {
                "findings": "No effusion.",
                "impression": "Normal film.",
            },
        ),
        ("CXR/Clear./COMMENT:/<###>/", {"findings": "Clear."}),
        (
            "CXR/Clinical data: Cough. Findings: Clear.",
            {
                "history": "Cough.",
                "findings": "Clear.",
            },
        ),
        (
            "CHEST AND PELVIS/No rib fracture./LEFT HIP:/Joint space narrowed./Conclusion: Normal "
            "chest.",
            {"findings": "No rib fracture.", "impression": "Normal chest."},
        ),
        (
            "COMMENTS:/No pneumothorax./Dr !PERSONALNAME!/Transcribed by <###>",
            {
                "impression": "No pneumothorax.",
            },
        ),
        (
            "Clear./Reported in consultation with <###>/!PERSONALNAME! Radiology Registrar",
            {
                "findings": "Clear.",
            },
        ),
        (
            "Compared with <###> the drain is out.",
            {
                "findings": "Compared with <###> the drain is out.",
            },
        ),
        # Words of a title inside a sentence, and a heading's word without its colon.
        (
            "The chest is clear in PA view./History of trauma noted.",
            {
                "findings": "The chest is clear in PA view. History of trauma noted.",
            },
        ),
        ("!PERSONALNAME!/<###>/CXR", {}),
        ("", {}),
    ],
)
def test_sections(text: str, expected: dict[str, str]) -> None:
    found = section_candid(lines(text))
    assert found.pop("examination", "CXR")
    assert found == expected
    windows = section_candid(lines(text).replace("\n", "\r\n"))
    windows.pop("examination", None)
    assert windows == expected


PARTS = st.sampled_from(
    (
        *(
            "CXR",
            "Comment:",
            "Findings: clear.",
            "Clinical details:",
            "cough.",
            "<###>",
            "HIP",
            " ",
        ),
        *("Dr !PERSONALNAME!", "No effusion.", "Comparison: none.", "Impression: Normal."),
    )
)


@given(st.one_of(st.lists(PARTS, max_size=12).map("\n".join), st.text(max_size=60)))
def test_sections_have_known_names_and_words_of_the_report(text: str) -> None:
    found = section_candid(text)
    assert set(found) <= set(SECTIONS)
    for section in found.values():
        assert section == " ".join(section.split()) != ""
        assert all(word in text for word in section.split())


def test_a_sentence_with_a_mask_is_no_target() -> None:
    for sentence in ("Compared with <###> the drain is out.", "Told to !PERSONALNAME!."):
        assert "deidentified" in find_leaks(sentence, POLICIES["image_target"])
    assert not find_leaks("Nodule < 5 mm.", POLICIES["image_target"])


@pytest.mark.parametrize(
    ("text", "ribs", "tube"),
    [
        ("Lungs clear. Heart normal.", True, True),
        ("No rib fracture.", False, True),
        ("Healed # of the right clavicle.", False, True),
        ("Bones intact.", False, True),
        ("Clinical details: trauma. Lungs clear.", False, True),
        ("Comparison with <###>: clear. !PERSONALNAME!", True, True),
        ("Right ICC has been removed.", True, False),
        ("Nasogastric tube in the stomach.", True, False),
        ("Pigtail over the left base.", True, False),
        ("A drain was removed from between the ribs.", False, False),
        ("Contribution of overlying soft tissue.", True, True),
        ("<###> !PERSONALNAME!", False, False),
        ("", False, False),
    ],
)
def test_silence_needs_a_text_without_any_word_of_the_matter(
    text: str, ribs: bool, tube: bool
) -> None:
    assert is_silent_on(text, "rib fracture") is ribs
    assert is_silent_on(text, "chest tube") is tube
