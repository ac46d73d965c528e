"""Sections of MIMIC-III radiology notes: every note here is invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.reports import SECTIONS, NotOneReport, section_mimic_iii, short_masks
from chexinstruct.schema import Modality

HEAD = """[**2150-3-4**] 9:12 AM
 CT CHEST W/CONTRAST                                             Clip # [**Clip Number 77**]
 Reason: nodule?
 Admitting Diagnosis: COUGH
 ______________________________________________________________________________
 UNDERLYING MEDICAL CONDITION:
      Man with a cough.
 REASON FOR THIS EXAMINATION:
      Nodule on the chest film,
      please characterize.
 ______________________________________________________________________________
                                 FINAL REPORT
"""


def note(lines: str, head: str = HEAD) -> str:
    """A note from lines with "/" between them; every line of the report starts with one blank."""
    return head + "\n".join(" " + line.strip(" ") for line in lines.split("/"))


def pair(lines: str, modality: Modality = "CT") -> tuple[str | None, str | None]:
    sections = section_mimic_iii(note(lines), modality)
    return sections.get("findings"), sections.get("impression")


def refused(text: str) -> str:
    with pytest.raises(NotOneReport) as caught:
        section_mimic_iii(text, "CT")
    return caught.value.reason


def test_sections_are_told_by_their_headers() -> None:
    lines = (
        "INDICATION:  Cough.//TECHNIQUE:  Axial images/of the chest.//COMPARISON:  None.//"
        "FINDINGS: /The lungs are clear./No effusion.//IMPRESSION: //Normal   study."
    )
    assert section_mimic_iii(note(lines), "CT") == {
        "indication": "Cough.",
        "technique": "Axial images of the chest.",
        "comparison": "None.",
        "findings": "The lungs are clear. No effusion.",
        "impression": "Normal study.",
    }


def test_names_and_texts_stay_in_step_when_the_impression_comes_first() -> None:
    assert pair("IMPRESSION:  One nodule./FINDINGS:  A 4 mm nodule.") == (
        "A 4 mm nodule.",
        "One nodule.",
    )


def test_a_header_right_after_a_header_is_seen() -> None:
    assert pair("FINDINGS:/IMPRESSION:  Clear.") == (None, "Clear.")


def test_words_in_lower_case_and_inside_a_line_open_no_section() -> None:
    lines = "FINDINGS:  Clear. IMPRESSION: inside./Impression: lower./IMPRESSION:  Normal."
    assert pair(lines) == ("Clear. IMPRESSION: inside. Impression: lower.", "Normal.")


def test_a_header_may_stand_at_the_very_end() -> None:
    assert pair("FINDINGS:  Clear./IMPRESSION:") == ("Clear.", None)


# ------------------------------------------------------------------------- where the report lies


def test_a_note_without_a_final_report_is_preliminary() -> None:
    text = note("FINDINGS:  Clear./IMPRESSION:  Normal.").replace("FINAL REPORT", "WET READ")
    assert refused(text) == "no_final_report"


def test_nothing_is_read_above_the_first_title() -> None:
    above = " WET READ:\n IMPRESSION:  Wet.\n" + HEAD
    assert section_mimic_iii(note("IMPRESSION:  Dry.", above), "CT")["impression"] == "Dry."


def test_a_mark_behind_the_title_is_no_text() -> None:
    head = HEAD.rstrip() + " *ABNORMAL!\n"
    text = note("FINDINGS:  A mass./IMPRESSION:  Mass.", head)
    assert "ABNORMAL" not in str(section_mimic_iii(text, "CT"))


def test_the_reason_above_the_report_stands_in_for_a_missing_indication() -> None:
    above = section_mimic_iii(note("IMPRESSION:  Normal."), "CT")
    assert above["indication"] == "Nodule on the chest film, please characterize."
    own = section_mimic_iii(note("INDICATION:  Cough./IMPRESSION:  Normal."), "CT")
    assert own["indication"] == "Cough."
    bare = section_mimic_iii(note("IMPRESSION:  Normal.", " FINAL REPORT\n"), "CT")
    assert "indication" not in bare


PAGE = "/" + " " * 50 + "(Over)//[**2150-3-4**] 9:12 AM/CT CHEST W/CONTRAST/Reason: nodule?/"
RULE = "_" * 78


def test_page_breaks_go_with_the_repeated_head() -> None:
    page = f"{PAGE}{RULE}/FINAL REPORT/(Cont)/"
    lines = f"FINDINGS:  The lungs are{page}clear. There is{page}no effusion./IMPRESSION:  Normal."
    assert pair(lines) == ("The lungs are clear. There is no effusion.", "Normal.")


def test_a_header_right_after_a_page_break_is_seen() -> None:
    lines = f"FINDINGS:  Clear.{PAGE}FINAL REPORT/(Cont)/IMPRESSION:  Normal."
    assert pair(lines) == ("Clear.", "Normal.")


def test_a_head_that_runs_over_a_page_leaves_nothing() -> None:
    above = HEAD.rsplit("\n", 2)[0] + f"\n (Over)\n\n CT CHEST\n {RULE}\n FINAL REPORT\n (Cont)\n"
    text = note("FINDINGS:  Clear./IMPRESSION:  Normal.", above)
    assert section_mimic_iii(text, "CT")["findings"] == "Clear."


@pytest.mark.parametrize(
    "lines",
    [
        "FINDINGS:  Clear./(Over)/IMPRESSION:  Normal.",
        "FINDINGS:  Clear./(Cont)/IMPRESSION:  Normal.",
        "FINDINGS:  Clear./(Cont)/Reason: x/(Over)/IMPRESSION:  Normal.",
        "FINDINGS:  Clear./(Over)/(Cont)/(Over)/IMPRESSION:  Normal.",
    ],
)
def test_half_a_page_break_leaves_text_that_cannot_be_told_from_the_head(lines: str) -> None:
    assert refused(note(lines)) == "unpaired_page_break"


def test_dashed_rules_go_and_masks_stay() -> None:
    lines = f"FINDINGS:  Clear.//{RULE}//[**Last Name 5**] was told./IMPRESSION:  Normal."
    assert pair(lines) == ("Clear. ___ was told.", "Normal.")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("On [**2150-3-4**], by Dr. [**Last Name (STitle) 12**].", "On ___, by Dr. ___."),
        ("At [**Hospital\n 93**] today", "At ___ today"),
        ("[**a**][**b**] * [** c [d] **]", "______ * ___"),
        ("No mask, [brackets] and ** stars **.", "No mask, [brackets] and ** stars **."),
    ],
)
def test_masks_become_three_underscores(text: str, short: str) -> None:
    assert short_masks(text) == short


# --------------------------------------------------------------------------- names of sections


@pytest.mark.parametrize(
    "header",
    [
        "FINDIGNS",
        "FINDIGS",
        "FINDING",
        "FIDINGS",
        "FINDGINS",
        "FINDINGS CT CHEST",
        "FINDINGS, CT OF THE CHEST",
        "FINDINGS AND IMPRESSION",
        "CT CHEST FINDINGS",
    ],
)
def test_names_that_mean_findings(header: str) -> None:
    assert pair(f"{header}:  Clear./IMPRESSION:  Normal.") == ("Clear.", "Normal.")


@pytest.mark.parametrize(
    "header",
    [
        "IMPRESION",
        "IMPRESIION",
        "IMPRESSIONS",
        "IMRPESSION",
        "IMPREESION",
        "IMPRESSION AND PLAN",
        "CONCLUSION",
        "CONCLUSIONS",
    ],
)
def test_names_that_mean_impression(header: str) -> None:
    assert pair(f"FINDINGS:  Clear./{header}:  Normal.") == ("Clear.", "Normal.")


@pytest.mark.parametrize(
    ("header", "section"),
    [
        ("TECHNIQE", "technique"),
        ("CHEST CT TECHNIQUE", "technique"),
        ("INDICATIONS", "indication"),
        ("COMPARISION", "comparison"),
        ("COMPARISON CHEST FILM", "comparison"),
        ("CLINICAL HISTORY", "history"),
        ("REASON FOR EXAM", "indication"),
        ("ADDENDUM", "addendum"),
        ("REASON FOR CHEST CT", None),
        ("PROCEDURE", None),
        ("CHEST TUBE", None),
        ("CHEST WALL", None),
        ("CT OF THE CHEST AND ABDOMEN", None),
        ("INCISION", None),
        ("PORTABLE ABDOMEN", None),
    ],
)
@pytest.mark.parametrize("modality", ["CT", "radiograph"])
def test_other_names_are_no_findings(header: str, section: str | None, modality: Modality) -> None:
    sections = section_mimic_iii(note(f"{header}:  Words./IMPRESSION:  Normal."), modality)
    assert [name for name, text in sections.items() if text == "Words."] == (
        [section] if section else []
    )
    assert "findings" not in sections


@pytest.mark.parametrize(
    ("header", "modality"),
    [
        ("CT OF THE CHEST WITH IV CONTRAST", "CT"),
        ("CT CHEST", "CT"),
        ("CTA CHEST", "CT"),
        ("CHEST", "CT"),
        ("CHEST", "radiograph"),
        ("PORTABLE AP CHEST", "radiograph"),
        ("AP SINGLE VIEW OF THE CHEST", "radiograph"),
        ("PA AND LATERAL VIEWS", "radiograph"),
    ],
)
def test_a_header_named_after_the_examination_opens_findings(
    header: str, modality: Modality
) -> None:
    lines = f"INDICATION:  Cough.//{header}:  Clear.//IMPRESSION:  Normal."
    assert pair(lines, modality) == ("Clear.", "Normal.")


def test_a_chest_film_has_no_ct_findings() -> None:
    assert pair("CT CHEST:  A nodule./IMPRESSION:  Normal.", "radiograph") == (None, "Normal.")


def test_findings_come_before_a_header_named_after_the_examination() -> None:
    lines = "CT CHEST:  Axial images./FINDINGS:  Clear./IMPRESSION:  Normal."
    assert pair(lines) == ("Clear.", "Normal.")


def test_a_title_without_text_is_no_section() -> None:
    lines = "CHEST, PA AND LATERAL:/HISTORY:  Cough./PORTABLE CHEST:  Clear./IMPRESSION:  Normal."
    assert pair(lines, "radiograph") == ("Clear.", "Normal.")


# ------------------------------------------------------------------------ headings in a section


def test_headings_inside_the_findings_belong_to_them() -> None:
    lines = (
        "FINDINGS:/LUNGS:  Clear./CHEST WALL:  A lipoma./BONE WINDOWS:  No lesion./"
        "TECHNIQUE:  Late./IMPRESSION:  Lipoma."
    )
    assert pair(lines) == (
        "LUNGS: Clear. CHEST WALL: A lipoma. BONE WINDOWS: No lesion.",
        "Lipoma.",
    )


def test_findings_of_another_place_in_the_same_report_stay_with_them() -> None:
    """The impression sums up both."""
    lines = "CT CHEST:  Clear./CT ABDOMEN:  A renal cyst./IMPRESSION:  Renal cyst."
    assert pair(lines) == ("Clear. CT ABDOMEN: A renal cyst.", "Renal cyst.")


def test_what_follows_the_impression_is_no_part_of_it() -> None:
    lines = "FINDINGS:  Clear./IMPRESSION:  Normal./SIGNATURE:  Somebody./NOTE:  Late."
    assert pair(lines) == ("Clear.", "Normal.")


def test_an_impression_by_examination_is_whole() -> None:
    lines = (
        "FINDINGS:  A cyst./IMPRESSION:/CHEST:  Normal./ABDOMEN:  Cyst./NOTIFICATION:  By phone."
    )
    assert pair(lines) == ("A cyst.", "CHEST: Normal. ABDOMEN: Cyst.")


def test_a_report_that_sums_up_before_it_tells_is_read() -> None:
    lines = "IMPRESSION:  Normal./PORTABLE CHEST:  Clear."
    assert pair(lines, "radiograph") == ("Clear.", "Normal.")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("IMPRESSION:  One./IMPRESSION:  Two.", "several_impressions"),
        ("FINDINGS:  A./IMPRESSION:  One./CONCLUSION:  Two.", "several_impressions"),
        ("FINDINGS:  A./FINDINGS:  B./IMPRESSION:  Both.", "several_findings"),
    ],
)
def test_a_report_on_two_examinations_is_refused(lines: str, reason: str) -> None:
    assert refused(note(lines)) == reason


def test_an_empty_header_does_not_make_it_two() -> None:
    assert pair("FINDINGS:/FINDINGS:  Clear./IMPRESSION:/IMPRESSION:  Normal.") == (
        "Clear.",
        "Normal.",
    )


def test_line_ends_do_not_matter() -> None:
    text = note("FINDINGS:  Clear./IMPRESSION:  Normal.")
    assert section_mimic_iii(text.replace("\n", "\r\n"), "CT") == section_mimic_iii(text, "CT")


PIECES = (
    *("FINAL REPORT", "FINDINGS:", "IMPRESSION:", "CT CHEST:", "LUNGS:", "(Over)", "(Cont)"),
    *("[**a**]", "Clear.", "_" * 12, "\n ", "\n", " "),
)


@given(
    st.lists(st.sampled_from(PIECES), max_size=40),
    st.sampled_from(["CT", "radiograph"]),
)
def test_any_note_gives_clean_sections_or_one_reason(parts: list[str], modality: Modality) -> None:
    try:
        sections = section_mimic_iii("".join(parts), modality)
    except NotOneReport as problem:
        assert problem.reason == str(problem) != ""
        return
    assert sections.keys() <= set(SECTIONS)
    for text in sections.values():
        assert text and text == " ".join(text.split())
        assert "(Over)" not in text and "[**" not in text
