"""Sections of the radiology notes of MIMIC-III (table NOTEEVENTS).

The recipe is that of Chen et al. (MIMIC-RRS, ACL 2023, arXiv:2211.08584), who drew pairs of
findings and impression from these notes. It differs where theirs gives wrong pairs: a heading
inside a section belongs to it, so that findings by organ are whole; names and texts cannot get out
of step; notes with two findings sections are refused like those with two impressions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import zip_longest

from chexinstruct.reports.names import SECTIONS, section_name
from chexinstruct.schema import Modality

_MASK = re.compile(r"\[\*\*.*?\*\*\]", re.DOTALL)
_RULE = re.compile(r"^[ \t]*_{10,}[ \t]*$", re.MULTILINE)
# The head of a note may run over a page: then the first title is that of the second page.
_TITLE = re.compile(r"FINAL REPORT(?:\s*\(Cont\))?")
_OVER, _CONT = "(Over)", "(Cont)"
_REASON = re.compile(r"\n[ \t]*REASON FOR THIS EXAMINATION:(.*?)(?=\n[ \t]*_{10,}|\Z)", re.DOTALL)
# As in MIMIC-CXR, but the white space after the colon may begin the next header.
_HEADER = re.compile(r"\n ([A-Z ()/,-]+):(?=\s|\Z)")

_FORGIVEN = ("findings", "impression", "technique", "indication", "comparison")
"""Sections that a header opens by its first word, in which two typing errors are forgiven."""
_WORDS = {name: name for name in _FORGIVEN} | {"conclusions": "impression"}
"""Word anywhere in a header -> section."""
_EXAMINATION = "named after the examination"
_OTHER = "other"
"""What neither opens a section of ours nor is a heading inside one."""
_OTHER_WORDS = re.compile(
    "admitting|an(?:a)?esthesia|attending|clinical|clip|contrast|date|details|dictated|dose|exam"
    "|medical|medications?|methods?|operators?|physicians?|plan|preliminary|procedures?|protocol"
    "|reason|signed|study|type"
)
_OTHER_PLACE = re.compile(r"\b(?:abdom\w*|pelvi\w*)\b")
_PART_OF_CHEST = re.compile(r"\bchest (?:walls?|tubes?|pain)\b")


class NotOneReport(ValueError):
    """A note out of which no single report can be read; ``reason`` says why, in snake_case."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def short_masks(text: str) -> str:
    """The text with every ``[** ... **]`` of MIMIC-III's de-identification as ``___``."""
    return _MASK.sub("___", text)


def section_mimic_iii(note: str, modality: Modality) -> dict[str, str]:
    """The sections of a note by name of ``SECTIONS``, masks as ``___``, white space as one blank.

    The report begins at the first ``FINAL REPORT``. Page breaks, from ``(Over)`` to ``(Cont)``, and
    dashed rules go. Findings are the section of that name, else the one that a header named after
    the examination opens (``CT OF THE CHEST WITH IV CONTRAST``, ``PORTABLE CHEST``); unknown
    headers inside them (``BONE WINDOWS``) are part of them. Where the report has no indication, it
    is the reason for the examination that stands above it.

    Args:
        note: as released; headers are told by their indentation.
        modality: of the examination that the note's row names.

    Raises:
        NotOneReport: ``no_final_report`` (a preliminary reading), ``unpaired_page_break``,
            ``several_impressions`` or ``several_findings`` (one report on two examinations).
    """
    note = short_masks(note.replace("\r\n", "\n").replace("\r", "\n"))
    title = _TITLE.search(note)
    if title is None:
        raise NotOneReport("no_final_report")
    body = _RULE.sub("", _without_page_breaks(note[title.end() :]))
    texts: dict[str, list[str]] = {}
    for name, content in _split(body, modality):
        if told := " ".join(content.split()):
            texts.setdefault(name, []).append(told)
    for name in ("impression", "findings"):
        if len(texts.get(name, ())) > 1:
            raise NotOneReport(f"several_{name.removesuffix('s')}s")
    if named := texts.get(_EXAMINATION):
        texts.setdefault("findings", named[:1])
    reason = _REASON.search(note, 0, title.start())
    if reason and (told := " ".join(reason[1].split())):
        texts.setdefault("indication", [told])
    return {name: texts[name][-1] for name in SECTIONS if name in texts}


def _without_page_breaks(text: str) -> str:
    """The text without what stands between its pages: the head of the note once more."""
    while 0 <= (over := text.find(_OVER)) < (cont := text.find(_CONT)):
        text = text[:over] + text[cont + len(_CONT) :]
    if _OVER in text or _CONT in text:
        raise NotOneReport("unpaired_page_break")  # where the repeated head ends cannot be told
    return text


def _split(body: str, modality: Modality) -> list[tuple[str, str]]:
    """Name and text of each section, in order."""
    found: list[tuple[str, str]] = []
    headers = list(_HEADER.finditer(body))
    whole = False  # whether headings belong to the section that is open
    for header, following in zip_longest(headers, headers[1:]):
        name = _name(header[1], modality)
        content = body[header.end() : following.start() if following else None]
        if whole and name in (None, _EXAMINATION):
            opened, before = found[-1]
            found[-1] = (opened, f"{before} {header[1].strip()}:{content}")
            continue
        found.append((name or _OTHER, content))
        whole = name in ("findings", _EXAMINATION)
        # An impression that begins with a heading is told by organ, or by examination.
        whole |= name == "impression" and not content.strip()
    return found


@lru_cache(maxsize=4096)
def _name(header: str, modality: Modality) -> str | None:
    """What a header opens; None for a heading that may stand inside a section."""
    words = re.findall("[a-z]+", header.lower())
    if not words:
        return None
    for name in _FORGIVEN:
        if words[0][0] == name[0] and _distance(words[0], name) <= 2:
            return name
    for word in words:
        if word in _WORDS:
            return _WORDS[word]
    known = section_name(header, exact=False)
    if known in SECTIONS and known != "findings":
        return known
    if _OTHER_WORDS.fullmatch(words[0]):
        return _OTHER
    # What is left of the findings was told by the name of a view.
    named = known == "findings" if modality == "radiograph" else "chest" in words
    plain = " ".join(words)
    elsewhere = _PART_OF_CHEST.search(plain) or _OTHER_PLACE.search(plain)
    return _EXAMINATION if named and not elsewhere else None


def _distance(one: str, other: str) -> int:
    """Letters to insert, delete or replace to turn one word into the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        corner, row[0] = row[0], i
        for j, wanted in enumerate(other, start=1):
            cost = min(row[j] + 1, row[j - 1] + 1, corner + (letter != wanted))
            corner, row[j] = row[j], cost
    return row[-1]
