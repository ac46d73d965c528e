"""Sentence numbers of MIMIC-NLE.

The expected pieces are what the rules of spaCy 2.3.5 give: its tokenizer and sentencizer were run
over the same invented texts.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports.nle import nle_sentences, split


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The heart is large. No effusion.", ["The heart is large.", "No effusion."]),
        ("Clear?! No. Yes", ["Clear?!", "No.", "Yes"]),
        # 2.3.5 ends sentences at colons and semicolons too; spaCy 3 does not
        ("Lungs: clear; no edema.", ["Lungs:", "clear;", "no edema."]),
        ("Ratio 2:1 at 8:15, L1:L2.", ["Ratio 2:1 at 8:15, L1:", "L2."]),
        # abbreviations hold their full stop, other words do not
        ("Told at 8:15 p.m. by Dr. Lee.", ["Told at 8:15 p.m. by Dr. Lee."]),
        (
            "At 8a.m. T. Smith, M.D. read it vs. St. A.",
            ["At 8a.m. T. Smith, M.D. read it vs. St. A."],
        ),
        ("Measures approx. 3 cm. No. 2 is old.", ["Measures approx.", "3 cm.", "No.", "2 is old."]),
        ("Seen on MRI. Clear. Level T. Old", ["Seen on MRI.", "Clear.", "Level T. Old"]),
        # numbers
        ("A 2.5 cm nodule, 50%. New", ["A 2.5 cm nodule, 50%.", "New"]),
        ("1. Edema. 2. Effusion.", ["1.", "Edema.", "2.", "Effusion."]),
        ("1) Edema. 2) Effusion.", ["1) Edema.", "2) Effusion."]),
        # words that run together
        ("No effusion.No edema.no mass.", ["No effusion.", "No edema.no mass."]),
        # punctuation stays with the sentence that it follows, and so do masks
        ("Tip in the SVC. ___ was told.", ["Tip in the SVC. ___", "was told."]),
        ('Seen (on the right.) "Clear." - Old', ['Seen (on the right.) "', 'Clear." -', "Old"]),
        # of several blanks all but the first are a token, which is no punctuation
        ("Edema.  Effusion.", ["Edema.", "Effusion."]),
        ("Edema.   ) Effusion.", ["Edema.", ") Effusion."]),
        ("Edema.   ", ["Edema.", ""]),
        ("", []),
        # what looks like a face or an address is not taken apart
        ("Old :) new. See lobe.there: x", ["Old :) new.", "See lobe.there:", "x"]),
    ],
)
def test_pieces_are_those_of_the_published_splitter(text: str, pieces: list[str]) -> None:
    assert split(text) == pieces


def lines(*texts: str) -> str:
    """A report as released: every line begins with a blank."""
    return "".join(f" {text}\n" for text in ("FINAL REPORT", *texts))


def test_findings_and_impression_are_numbered_on_in_the_order_of_the_report() -> None:
    report = lines(
        "INDICATION:  Fever. Cough.",
        "",
        "FINDINGS:  The heart is large, with",
        "clear lungs.",
        "",
        "IMPRESSION:",
        "",
        "1.  Cardiomegaly.",
        "2.  No edema.",
    )
    assert nle_sentences(report) == [
        "The heart is large, with clear lungs.",
        "1.",
        "Cardiomegaly.",
        "2.",
        "No edema.",
    ]


def test_sections_are_joined_without_a_blank_of_their_own() -> None:
    """The header swallows the blank after it, so that the last and the first word may meet."""
    assert nle_sentences(lines("FINDINGS: The lungs are clear.", "IMPRESSION: Normal.")) == [
        "The lungs are clear.",
        "Normal.",
    ]
    assert nle_sentences(lines("FINDINGS: No edema", "IMPRESSION: Normal.")) == ["No edemaNormal."]


def test_every_findings_section_counts_and_the_last_paragraph_does_not() -> None:
    twice = lines("FINDINGS: One.", "COMPARISON: None.", "FINDINGS: Two.")
    assert [s.strip() for s in nle_sentences(twice)] == ["One.", "Two."]
    assert nle_sentences(lines("AP radiograph.", "", "The lungs are clear.")) == []


def test_line_ends_of_windows_number_alike() -> None:
    report = lines("FINDINGS:  The heart is large, with", "clear lungs. No edema.")
    assert nle_sentences(report.replace("\n", "\r\n")) == nle_sentences(report)


@given(st.text("ab AB.:;!?()'\"_-12 \t", max_size=30))
def test_nothing_is_lost(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())
