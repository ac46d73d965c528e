"""Sections of CheXpert Plus reports, without the furniture that the table leaves in them.

The table has a column a section, each a raw slice of the report (Chambon et al. 2024). What follows
a section in the report may stand at its end: the headers that close the impression, result codes,
attestations, the notice of anonymization.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import dropwhile

from chexinstruct.reports.cues import FINDING

_OWN_HEADER = re.compile(
    r"\s*(?:NARRATIVE|(?:CLINICAL )?HISTORY|COMPARISON|TECHNIQUE|PROCEDURE COMMENTS"
    r"|(?:FINDINGS|IMPRESSION)(?:\s*(?:AND|&|/)\s*(?:FINDINGS|IMPRESSION))?)\s*:"
)
# Headers count in capitals only: "Impression:" in a sentence is text.
_CLOSING = re.compile(
    r"\b(?:END OF IMPRESSION\b|(?:IMPRESSION|FINDINGS|SUMMARY|ACCESSION NUMBER)\s*:)"
    r"|(?i:\bthis\s+report\s+has\s+been\s+anonymi[sz]ed\b"
    r"|\bI(?:,|\s+have)?\s+personally\s+(?:have\s+)?reviewed\b"
    r"|\bI,\s+the\s+(?:teaching|attending)\s+(?:physician|radiologist)\b)"
    # A result code ("4-POSSIBLE SIGNIFICANT FINDING"). In reports all in capitals digit and hyphen
    # also begin measures ("A 3-CM NODULE") and list items, so that one of the codes' own words is
    # asked for, and no word in capitals just before.
    r"|(?<![\w.])(?<![A-Z,;] )\d\s?-\s?"
    r"(?=[A-Z ,/]*\b(?:FINDINGS?|(?:AB)?NORMAL\w*|ACTION|CRITICAL)\b)"
)
# "RADIOGRAPHIC EXAMINATION OF THE CHEST: 1/2/2008 9:05 AM", up to the first sentence.
_TITLE = re.compile(
    r"[^.?!]*(?::|\b\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\b)[\W\d]*(?:(?:[AP]\.?M|HOURS|HRS)\b)?[\W\d]*"
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|no|there|seen|noted|remains?|shows?|reveals?|demonstrates?)\b"
)


def clean_chexpert_plus(sections: Mapping[str, str]) -> dict[str, str]:
    """The sections of a CheXpert Plus report without headers, codes and attestations.

    A section ends where the first of these begins. White space runs become one blank; sections
    without text are absent. Where there are no findings, those that stand in the narrative are
    taken: from the first sentence that states something of the patient, after the title, unless
    the narrative is a whole report. It is mostly a title alone, and is itself no section.

    Args:
        sections: Text by section name (``findings``, ``impression``, ...), and ``narrative``.
    """
    cleaned = {}
    for name, text in sections.items():
        if name != "narrative" and (cut := _cut(text)):
            cleaned[name] = cut
    narrative = sections.get("narrative", "")
    if "findings" not in cleaned and "IMPRESSION" not in narrative:
        text = _cut(narrative)
        title = _TITLE.match(text)
        told = re.split(r"(?<=[.?!]) ", text[title.end() :] if title else text)
        if body := " ".join(dropwhile(lambda sentence: not _states(sentence), told)):
            cleaned["findings"] = body
    return cleaned


def _cut(text: str) -> str:
    if header := _OWN_HEADER.match(text):
        text = text[header.end() :]
    if closing := _CLOSING.search(text):
        text = text[: closing.start()]
    return " ".join(text.split())


def _states(sentence: str) -> bool:
    lower = sentence.lower()
    return bool(FINDING.search(lower) and _VERB.search(lower))
