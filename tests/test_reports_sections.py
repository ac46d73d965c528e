"""Sections of MIMIC-CXR, Open-i and CheXpert Plus reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports import SECTIONS, clean_chexpert_plus, clean_openi, section_mimic
from chexinstruct.reports.hand_rules import MISNAMED, RANGES


def _report(lines: str) -> str:
    """A report file from lines written with "/" between them; every line starts with one blank."""
    return "\n".join(" " + line.strip(" ") for line in lines.split("/"))


# What the published parser makes of these texts: all sections but the preamble, by name.
VECTORS = [
    (
        "FINAL REPORT/INDICATION:  Fever.//FINDINGS: //Lungs are clear.//IMPRESSION: //Normal.",
        {"indication": "Fever.", "findings": "Lungs are clear.", "impression": "Normal."},
    ),
    (
        "FINAL REPORT/CHEST, PA AND LATERAL: //HISTORY:  Cough.//FINDINGS:  Clear.",
        {"history": "Cough.", "findings": "Clear."},
    ),
    (
        "FINAL REPORT/REASON FOR EXAMINATION:  Line.//AP radiograph.//Line ends in the SVC.",
        {"indication": "Line.", "last_paragraph": "AP radiograph. Line ends in the SVC."},
    ),
    ("FINAL REPORT/FINDINGS:/IMPRESSION: Clear.", {"findings": "IMPRESSION: Clear."}),
    (
        "FINAL REPORT/FINDINGS: Clear. IMPRESSION: Normal./Next.",
        {"findings": "Clear. IMPRESSION: Normal. Next."},
    ),
    (
        "FINAL REPORT/Findings: lower./CHEST 2 VIEWS: Digits./CHEST, TWO VIEWS: ok.",
        {"findings": "ok."},
    ),
    (
        "FINAL REPORT/IMPRESSION:  One.//ADDENDUM:  More.//IMPRESSION:  Two.",
        {"addendum": "More.", "impression": "Two."},
    ),
    (
        "FINAL REPORT/COMPARISON:  ___.//Heart normal.//Lungs clear.",
        {"comparison": "___.", "last_paragraph": "Heart normal. Lungs clear."},
    ),
]


@pytest.mark.parametrize(("lines", "expected"), VECTORS)
def test_official_vectors(lines: str, expected: dict[str, str]) -> None:
    sections = section_mimic(_report(lines)).sections
    assert sections.pop("preamble").startswith("FINAL REPORT")
    assert sections == expected


def test_report_without_header() -> None:
    done = section_mimic(_report("No header.//Lungs clear.//No effusion."))
    assert [(s.name, " ".join(s.text.split())) for s in done.ordered] == [
        ("full report", "No header."),
        ("last_paragraph", "Lungs clear. No effusion."),
    ]
    assert done.sections == {"last_paragraph": "Lungs clear. No effusion."}


def test_lower_case_headers_stay_in_the_preamble() -> None:
    done = section_mimic(_report(VECTORS[5][0]))
    assert done.sections["preamble"] == "FINAL REPORT Findings: lower. CHEST 2 VIEWS: Digits."


def test_swallowed_header_is_seen_when_not_exact() -> None:
    report = _report("FINAL REPORT/FINDINGS:/IMPRESSION: Clear.")
    assert section_mimic(report, exact=False).sections == {
        "preamble": "FINAL REPORT",
        "impression": "Clear.",
    }


@pytest.mark.parametrize(
    ("header", "exact", "ours"),
    [
        ("CONCLUSION", "impression", "impression"),
        ("FINDINGS AND IMPRESSION", "impression", "impression"),
        ("IMPRESSION AND PLAN", "impression", "impression"),
        ("FINDINGS ON THE LEFT", "findings", "findings"),
        ("PERTINENT HISTORY", "history", "history"),
        ("REASON FOR EXAM", "indication", "indication"),
        ("WET READ", "wet_read", "wet_read"),
        ("RECOMMENDATION(S)", "recommendations", "recommendations"),
        ("PORTABLE CHEST", "findings", "findings"),
        ("CT CHEST", "findings", None),
        ("PORTABLE ABDOMEN", "findings", None),
        ("NDICATION", "impression", "indication"),
        ("MEDICATION", None, None),
    ],
)
def test_names(header: str, exact: str | None, ours: str | None) -> None:
    report = _report(f"FINAL REPORT/{header}:  Here./IMPRESSION: x./FINDINGS: y./{header}:  Words.")
    for flag, name in ((True, exact), (False, ours)):
        sections = section_mimic(report, exact=flag).sections
        holders = [key for key, text in sections.items() if text == "Words."]
        assert holders == ([] if name is None else [name])


def test_line_ends_do_not_matter() -> None:
    report = _report("FINAL REPORT/HISTORY:  Cough.//FINDINGS:  Clear.")
    assert section_mimic(report.replace("\n", "\r\n")) == section_mimic(report)


def test_blank_sections_are_absent() -> None:
    report = _report("FINAL REPORT/TECHNIQUE:  //COMPARISON: None.//IMPRESSION:  Normal.")
    assert "technique" not in section_mimic(report).sections


def test_slices_of_the_findings_column_fit() -> None:
    """RadNLI's silver pairs address the collapsed findings text by character range."""
    report = _report("FINAL REPORT/FINDINGS: //The lungs are/clear.  No effusion.//IMPRESSION: Ok.")
    findings = section_mimic(report).sections["findings"]
    assert findings[0:20] == "The lungs are clear."
    assert findings[21:33] == "No effusion."


_LINES = st.lists(
    st.sampled_from(
        [
            "",
            "FINDINGS:",
            "FINDINGS: Clear.",
            "IMPRESSION: Normal.",
            "IMPRESSION:",
            "CHEST, PA AND LATERAL:",
            "HISTORY: Cough. FINDINGS: no.",
            "Lungs: clear.",
            "WET READ: ok.",
        ]
    ),
    max_size=12,
)


@given(_LINES, st.booleans())
def test_sections_are_pieces_of_the_report_in_order(lines: list[str], exact: bool) -> None:
    report = "\n".join(" " + line for line in lines)
    done = section_mimic(report, exact=exact)
    end = 0
    for section in done.ordered:
        assert section.start >= end
        end = section.start + len(section.text)
        assert report[section.start : end] == section.text
    assert all(
        name in SECTIONS and text == " ".join(text.split()) != ""
        for name, text in done.sections.items()
    )


def test_hand_rules_hold_all_studies() -> None:
    assert (len(MISNAMED), len(RANGES)) == (23, 31)
    assert not MISNAMED.keys() & RANGES.keys()
    assert sum(span == (0, 0) for span in RANGES.values()) == 8


@pytest.mark.parametrize("study", ["s57936451", "57936451"])
def test_misnamed_conclusion_becomes_last_paragraph(study: str) -> None:
    report = _report("FINAL REPORT/INDICATION:  No pneumonia./COMPARISON:  None.")
    assert section_mimic(report, study_id=study).sections == {
        "preamble": "FINAL REPORT",
        "comparison": "None.",
        "last_paragraph": "No pneumonia.",
    }


def test_range_becomes_last_paragraph() -> None:
    report = _report("FINAL REPORT/COMPARISON: None./FINDINGS: " + "x " * 80 + "/HISTORY: Cough.")
    start, end = RANGES["59562049"]
    done = section_mimic(report, study_id="s59562049")
    assert done.sections["last_paragraph"] == " ".join(report[start:end].split())
    assert "findings" not in done.sections
    assert done.sections["comparison"] == "None."


def test_study_without_usable_text() -> None:
    report = _report("FINAL REPORT/INDICATION: Cough./IMPRESSION: x")
    assert section_mimic(report, study_id="s58235663").sections == {
        "preamble": "FINAL REPORT",
        "indication": "Cough.",
    }


@pytest.mark.parametrize(
    ("name", "text", "cleaned"),
    [
        ("indication", " INDICATION: Cough ", "Cough"),
        ("indication", "Chest pain. Indication unclear", "Chest pain. Indication unclear"),
        ("findings", "Chest: The lungs are clear.", "The lungs are clear."),
        ("findings", "Comparison: None. Heart is normal.", "None. Heart is normal."),
        ("findings", "Lungs clear. Left knee: Severe arthrosis.", "Lungs clear."),
        ("findings", "Chest. Lungs clear. Right elbow and forearm. No fracture.", "Lungs clear."),
        ("findings", "Hand. No fracture. Chest. Lungs clear.", "Lungs clear."),
        ("findings", "Lungs clear. Pelvis and left hip There is a fracture.", "Lungs clear."),
        ("impression", "1. Chest. No acute disease. 2. Left knee. Arthrosis.", "No acute disease."),
        ("impression", "Chest 1. Clear. 2. Old granuloma.", "1. Clear. 2. Old granuloma."),
        ("impression", "Normal chest. Old rib fracture.", "Normal chest. Old rib fracture."),
        ("findings", "Abdomen. Gas in the colon.", ""),
        ("findings", "Old fracture of the clavicle is noted.", None),
        ("findings", "Heart size is normal .", "Heart size is normal."),
        ("findings", "Clear lungs.. No effusion", "Clear lungs. No effusion"),
        ("impression", "Clear lungs. END OF REPORT.", "Clear lungs."),
        ("findings", "A nodule of .5 cm, or 1.5 cm.", None),
        ("impression", "Old. FINDINGS: Clear. IMPRESSION: Normal.", "Normal."),
        ("impression", "FINDINGS: Clear.", ""),
        ("impression", "  ", ""),
    ],
)
def test_clean_openi(name: str, text: str, cleaned: str | None) -> None:
    expected = text if cleaned is None else cleaned
    assert clean_openi({name: text}) == ({name: expected} if expected else {})


def test_clean_openi_takes_missing_sections() -> None:
    assert clean_openi({"findings": None, "comparison": "None."}) == {"comparison": "None."}


CODE = "4-POSSIBLE SIGNIFICANT FINDING, MAY NEED ACTION"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (
            "\n\n1. Small effusion,\r\nunchanged.\n\n2. No edema.\n",
            "1. Small effusion, unchanged. 2. No edema.",
        ),
        ("Clear lungs.\nEND OF IMPRESSION:\n", "Clear lungs."),
        ("Clear lungs. End of impression is near.", None),
        ("Clear lungs. SUMMARY: 1-NORMAL", "Clear lungs."),
        ("Clear lungs.\nACCESSION NUMBER: 123", "Clear lungs."),
        ("Clear lungs.\nThis report has been anonymized. All dates are shifted.", "Clear lungs."),
        ("CLEAR LUNGS.\nI HAVE PERSONALLY REVIEWED THE IMAGES.", "CLEAR LUNGS."),
        ("Clear lungs. I, the teaching physician, agree.", "Clear lungs."),
        (f"1. Nodule.\n\n{CODE}\n", "1. Nodule."),
        (f"1. Nodule {CODE}", "1. Nodule"),
        ("2. NODULE.\n2-ABNORMALITY, PREVIOUSLY REPORTED", "2. NODULE."),
        # hyphens after digits that begin no code
        ("A 3-CM NODULE, ABNORMAL. 2-VIEW CHEST.", None),
        ("T1-NORMAL. 12-LEAD PACEMAKER.", None),
        ("1-STABLE CARDIOMEGALY. 2-EDEMA.", None),
        # a header of its own goes, a second one ends the section
        ("IMPRESSION: Clear lungs. IMPRESSION: Normal abdomen.", "Clear lungs."),
        ("FINDINGS AND IMPRESSION: Clear lungs.", "Clear lungs."),
        (f" {CODE}", ""),
        ("\n", ""),
    ],
)
def test_clean_chexpert_plus(text: str, cleaned: str | None) -> None:
    expected = text if cleaned is None else cleaned
    found = clean_chexpert_plus({"impression": text})
    assert found == ({"impression": expected} if expected else {})


@pytest.mark.parametrize(
    ("narrative", "findings"),
    [
        ("RADIOGRAPHIC EXAMINATION OF THE CHEST: 8/6/2014 09:30", None),
        ("CHEST, 2 VIEWS: 8/6/2014.", None),
        ("PORTABLE CHEST AND RIBS.", None),
        ("CHEST 1/2/2008 9:05 AM\n\nThe lungs are clear.", "The lungs are clear."),
        ("CHEST DATED 1-2-08 AT 0345 HOURS:\nTHE HEART IS ENLARGED.", "THE HEART IS ENLARGED."),
        ("CHEST: 1/2/2008 COMPARISON: None. There is no edema.", "There is no edema."),
        ("The lungs are clear. No effusion is seen.", "The lungs are clear. No effusion is seen."),
        (
            "Lungs are clear. Bones: there are no fractures.",
            "Lungs are clear. Bones: there are no fractures.",
        ),
        ("CHEST: 1/2/2008 The lungs are clear. IMPRESSION: Normal.", None),
    ],
)
def test_findings_that_stand_in_the_narrative(narrative: str, findings: str | None) -> None:
    expected = {"findings": findings} if findings else {}
    assert clean_chexpert_plus({"narrative": narrative, "findings": " "}) == expected
    own = {"narrative": narrative, "findings": "Rib fractures."}
    assert clean_chexpert_plus(own) == {"findings": "Rib fractures."}
