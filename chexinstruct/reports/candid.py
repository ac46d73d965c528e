"""Sections of CANDID-PTX reports: free text of a New Zealand hospital, a line at a time.

Reports open with a title (``CXR``, ``CHEST``) and masked names, tell the question and the
comparison on lines of their own, and go on to an undivided text. Some close with a comment, which
is what other hospitals call an impression, and with who dictated and typed.
"""

from __future__ import annotations

import re

from chexinstruct.reports.names import SECTIONS

_NAMES = {
    "findings": "findings?|report",
    "impression": "impressions?|comments?|conclusions?|opinion|summary",
    "history": r"clinical\s+(?:details?|data|history|information|notes?)|history|details"
    r"|medical\s+question",
    "indication": r"(?:clinical\s+)?indications?|clinical\s+question"
    r"|reason\s+for\s+(?:exam(?:ination)?|referral|request)",
    "comparison": r"comparison(?:\s+(?:images?|films?|stud(?:y|ies)))?"
    r"|previous\s+(?:imaging|images?|films?)",
    "technique": "techniques?|projections?|views?",
}
_ALL = "|".join(f"(?P<{name}>{words})" for name, words in _NAMES.items())
_HEADING = re.compile(rf"(?:{_ALL})\s*(?::\s*(?P<text>.*)|$)", re.IGNORECASE)
_RUN_ON = re.compile(
    rf"(?<=[.?!])\s+(?=(?:{_NAMES['findings']}|{_NAMES['impression']})\s*:)", re.IGNORECASE
)
"""What counts may begin on the line where the text before it ends."""

_PARAGRAPH = frozenset({"history", "indication", "comparison", "technique"})
"""Sections that end with their line, or go on to one that begins in lower case."""

_MASK = re.compile(r"!PERSONALNAME!|<#+>")
_SIGNATURE = re.compile(
    r"(?:report(?:ed)?\s+(?:by|in\s+consultation)|transcribed|dictated|typed|verified"
    r"|authori[sz]ed|dr\b|prof(?:essor)?\b|(?:consultant\s+)?radiolog(?:ist|y)\b)",
    re.IGNORECASE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CHEST = _words("cxr chest thorax")
_ELSEWHERE = _words(
    "abdomen abdominal axr kub pelvis pelvic hip hips shoulder shoulders femur knee knees ankle "
    "wrist hand elbow humerus forearm foot skull facial cervical lumbar c-spine l-spine"
)
_TITLE = _words(
    "x-ray xray x ray xr cr dr radiograph radiographs film films plain mobile portable erect "
    "supine sitting semi-erect pa ap lateral view views frontal single one two and & of the in "
    "left right spine inspiration expiration inspiratory expiratory with"
)


def section_candid(text: str) -> dict[str, str]:
    """The sections of a CANDID-PTX report by name, runs of white space as one blank.

    A text without headings describes the picture, so it is ``findings``; a comment is the
    ``impression``. Titles, lines that only name somebody, and what is said of other parts of the
    body under a title of their own stand in no section. Masks inside sentences stay. Sections
    without a word are absent.
    """
    found: dict[str, list[str]] = {}
    current: str | None = "findings"
    begun = False  # whether the current section has text
    for line in _RUN_ON.sub("\n", text).splitlines():
        line = " ".join(line.split())
        if not _has_words(line) or _is_signature(line):
            continue
        title, _, rest = line.partition(":")
        if heading := _HEADING.fullmatch(line):
            current = next(name for name in _NAMES if heading[name])
            line, begun = heading["text"] or "", False
        elif place := _titled(title):
            current = "findings" if place == "chest" else None
            if place == "chest":
                found.setdefault("examination", []).append(title)
            line = rest.strip()
        elif begun and current in _PARAGRAPH and not line[0].islower():
            current = "findings"
        if line and current:
            found.setdefault(current, []).append(line)
            begun = True
    joined = {name: " ".join(found[name]) for name in SECTIONS if name in found}
    return {name: text for name, text in joined.items() if _has_words(text)}


def _has_words(text: str) -> bool:
    return any(map(str.isalpha, _MASK.sub("", text)))


def _is_signature(line: str) -> bool:
    """Whether a line only says who reported, or opens with a name and a few titles of it."""
    unmasked = _MASK.sub("", line).lstrip(" .,:-")
    named = line.startswith("!PERSONALNAME!") and not line.endswith(".")
    return bool(_SIGNATURE.match(unmasked)) or (named and len(unmasked.split()) <= 4)


def _titled(line: str) -> str | None:
    """``chest`` or ``elsewhere`` for the title of an examination; None for any other line."""
    words = re.findall(r"[a-z0-9&-]+", _MASK.sub(" ", line).lower())
    known = [w for w in words if not w.isdecimal()]
    if not known or not set(known) <= _CHEST | _ELSEWHERE | _TITLE:
        return None
    if not _CHEST.isdisjoint(known):
        return "chest"
    return None if _ELSEWHERE.isdisjoint(known) else "elsewhere"
