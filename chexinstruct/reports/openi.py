"""Furniture left inside the labelled sections of Open-i (Indiana University) reports."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REPEATED_LABEL = re.compile(r"^indication\s*:\s*", re.IGNORECASE)
_FINDINGS_LABEL = re.compile(
    r"\b(?:chest\s+comparison|chest|comparison|findings)\s*:\s*", re.IGNORECASE
)
# A few reports go on to other examinations of the same visit, whose pictures are not released.
_OTHER_EXAMINATION = re.compile(
    r"(?:(?<=[.?!])|(?<=[.?!]\s))\s*(?:(?:left|right|bilateral)\s+)?"
    r"(?:knee|shoulder|clavicle|hip|pelvis|femur|elbow|wrist|hand|ankle|foot|kub|abdomen"
    r"|lumbar\s+spine|cervical\s+spine)(?:\s+x{4})?\s*:.*$",
    re.IGNORECASE | re.DOTALL,
)
# The same with headings that are sentences: "1. Chest. ... 2. Left knee. ...".
_SIDE = r"(?:(?:left|right|bilateral)(?:\s+and\s+(?:left|right))?\s+)?"
_ELSEWHERE = (
    r"(?:knees?|hips?|pelvis|femur|tibia|legs?|ankles?|foot|feet|shoulders?|clavicles?|humerus"
    r"|elbows?|forearms?|wrists?|hands?|fingers?|ribs?|sternum|abdomen|kub|soft\s+tissue\s+neck"
    r"|(?:cervical|thoracic|lumbar|lumbo-?sacral|thoracolumbar)\s+spine)"
)
_HEADING = re.compile(
    r"(?:^|(?<=[.?!])\s)\s*(?:\d{1,2}[.)]\s*)?"
    r"(?:(?P<chest>chest(?:\s+(?:radiographs?|x-?rays?|films?))?)"
    rf"|{_SIDE}{_ELSEWHERE}(?:\s+and\s+{_SIDE}{_ELSEWHERE})*)"
    r"(?:\s*\.(?=\s|$)|(?=\s+1\.\s)|(?=\s+There\s+(?:is|are)\b))",
    re.IGNORECASE,
)
_END = re.compile(
    r"\bend\s+of\s+(?:the\s+)?(?:report|impression|findings)\b.*$", re.IGNORECASE | re.DOTALL
)
_SPACED_PERIOD = re.compile(r"\s+\.(?=\s|\.|$)")
_DOUBLED_PERIOD = re.compile(r"\.{2,}")


def clean_openi(sections: Mapping[str, str | None]) -> dict[str, str]:
    """The sections of an Open-i report without labels and typing slips inside their text.

    A label repeated in its own section is cut; an impression that holds a whole report keeps what
    follows its last ``IMPRESSION:`` and is left out when there is none; findings end where another
    examination (knee, abdomen, ...) begins, every section at an ``END OF REPORT``; `` .`` and
    ``..`` become a full stop. Sections without text are absent from the result.

    Args:
        sections: Text by section name in lower case (``comparison``, ``indication``, ``findings``,
            ``impression``), None or blank where the release has none.
    """
    cleaned = {}
    for name, text in sections.items():
        text = " ".join((text or "").split())
        if name == "indication":
            text = _REPEATED_LABEL.sub("", text)
        elif name == "findings":
            text = _FINDINGS_LABEL.sub("", _OTHER_EXAMINATION.sub("", text))
        elif name == "impression" and "findings:" in text.lower():
            text = re.split(r"impression\s*:", text, flags=re.IGNORECASE)[-1]
            if "findings:" in text.lower():
                text = ""
        text = _END.sub("", text)
        text = _DOUBLED_PERIOD.sub(".", _SPACED_PERIOD.sub(".", text)).strip()
        if name in ("findings", "impression"):
            text = _of_the_chest(text)
        if text:
            cleaned[name] = text
    return cleaned


def _of_the_chest(text: str) -> str:
    """A section without headings that are sentences, and without what stands under foreign ones."""
    kept, start, chest = [], 0, True
    for heading in _HEADING.finditer(text):
        if chest:
            kept.append(text[start : heading.start()])
        start, chest = heading.end(), heading["chest"] is not None
    if chest:
        kept.append(text[start:])
    return " ".join(filter(None, map(str.strip, kept)))
