"""Sentences of reports."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lungs are\n clear.  No effusion", ["Lungs are clear.", "No effusion."]),
        ("Is it edema? Probably.", ["Is it edema?", "Probably."]),
        ("A 2.5 cm nodule. 3 mm granuloma.", ["A 2.5 cm nodule.", "3 mm granuloma."]),
        ("Tip at 4 cm. below the carina.", ["Tip at 4 cm. below the carina."]),
        ("Told to Dr. Lee by Mrs. May.", ["Told to Dr. Lee by Mrs. May."]),
        ("Edema vs. Pneumonia, e.g. Staph.", ["Edema vs. Pneumonia, e.g. Staph."]),
        ("At 9 a.m. Dr. ___ was told.", ["At 9 a.m. Dr. ___ was told."]),
        ("Nodule No. 3 is calcified.", ["Nodule No. 3 is calcified."]),
        ("Pneumothorax? No. The lungs are up.", ["Pneumothorax?", "No.", "The lungs are up."]),
        ("Seen by J. Smith.", ["Seen by J. Smith."]),
        # A small letter by a slip, and small letters that go on.
        ("Lungs are clear. heart is large.", ["Lungs are clear.", "heart is large."]),
        ("Low volumes. without effusion.", ["Low volumes. without effusion."]),
        ("Approx. two, bilat. effusions.", ["Approx. two, bilat. effusions."]),
        ("Clear. ___ was told. XXXX noted.", ["Clear.", "___ was told.", "XXXX noted."]),
        (
            "Clear. !PERSONALNAME! told. <###> seen.",
            ["Clear.", "!PERSONALNAME! told.", "<###> seen."],
        ),
        ("1. Edema. 2) No effusion. (a) Clear.", ["Edema.", "No effusion.", "Clear."]),
        ("1.No edema. 2.Effusion", ["No edema.", "Effusion."]),
        ("1. Cardiomegaly 2. Edema 3. Clips", ["Cardiomegaly.", "Edema.", "Clips."]),
        ("Fracture of right rib 4. No effusion.", ["Fracture of right rib 4.", "No effusion."]),
        ("1. Fracture of rib 2. 2. Edema.", ["Fracture of rib 2.", "Edema."]),
        ("Clear. 7. ___.", ["Clear."]),
        ("", []),
        ("12.5", []),
    ],
)
def test_table(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


_TOKENS = (
    *("The", "lungs", "are", "clear", "Edema", "nodule;", "mild,", "(left)", "___", "XXXX"),
    *("vs.", "Dr.", "a.m.", "No.", "J.", "St.", "2.5", "10", "cm", "1.", "2)", "(a)", "3.No"),
    *(".", "?", "!", "\n"),
)
_REPORTLIKE = st.lists(st.sampled_from(_TOKENS), max_size=30).map(" ".join)
_ANY = st.one_of(_REPORTLIKE, st.text(max_size=80))


@given(_ANY)
def test_a_sentence_is_its_own_only_sentence(text: str) -> None:
    for sentence in sentences(text):
        assert sentences(sentence) == [sentence]


@given(_ANY)
def test_sentences_end(text: str) -> None:
    assert all(re.search(r"[.?!][\"'”’)\]]*$", s) for s in sentences(text))


_WORDS = st.lists(
    st.from_regex(r"[A-Za-z]{2,8}[.?!,;]?|\d\d?\.\d\d?|_{3}", fullmatch=True), max_size=25
)


@given(_WORDS)
def test_nothing_is_lost_or_invented(words: list[str]) -> None:
    """Without list numbers only letterless pieces may go, and only a last full stop may come."""
    words = [*words, "clear"]
    text = " ".join(words)
    joined = " ".join(sentences(text)).split()
    rest = iter(words)
    for word in joined:
        assert any(word in (candidate, candidate + ".") for candidate in rest)
    assert sum(map(str.isalpha, "".join(joined))) == sum(map(str.isalpha, text))


@given(st.integers(0, 99), st.integers(0, 9))
def test_decimals_stay_whole(whole: int, part: int) -> None:
    text = f"Nodule of {whole}.{part} cm. Tip at {whole}.{part}."
    assert sentences(text) == [f"Nodule of {whole}.{part} cm.", f"Tip at {whole}.{part}."]
