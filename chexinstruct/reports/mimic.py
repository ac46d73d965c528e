"""Sections of MIMIC-CXR reports.

The default repeats the parser published in the MIT-LCP ``mimic-cxr`` repository character by
character, because the release's sectioned csv, the published section counts and the character
ranges of the RadNLI silver pairs all rest on it. ``exact=False`` mends its known faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from chexinstruct.reports.hand_rules import MISNAMED, RANGES
from chexinstruct.reports.names import SECTIONS, section_name

# Report lines are indented by one blank, which is what makes this rule work.
_HEADER = re.compile(r"\n ([A-Z ()/,-]+):\s")
_HEADER_KEEPING_NEWLINE = re.compile(r"\n ([A-Z ()/,-]+):(?=\s)")
_BLANK_LINE = "\n \n"
_CONCLUSIONS = ("findings", "impression", "last_paragraph")


class Section(NamedTuple):
    """One section as it stands in the report."""

    name: str
    """A name of ``SECTIONS``, or ``full report``, or the header in lower case."""
    text: str
    """Untouched text, white space and line breaks included."""
    start: int
    """Offset of ``text`` in the report with line ends turned into LF."""


@dataclass(frozen=True, slots=True)
class Sectioned:
    """A report cut into sections."""

    ordered: tuple[Section, ...]
    """All sections in the order of the report."""

    @property
    def sections(self) -> dict[str, str]:
        """The last text of each name of ``SECTIONS``, runs of white space as one blank.

        Sections without text are absent.
        """
        last = {s.name: " ".join(s.text.split()) for s in self.ordered}
        return {name: last[name] for name in SECTIONS if last.get(name)}


def section_mimic(text: str, *, study_id: str | None = None, exact: bool = True) -> Sectioned:
    """Cut a MIMIC-CXR report into its sections.

    Args:
        text: The report file, undamaged: headers are told by their indentation.
        study_id: ``s########`` or the digits alone. For the 54 studies that the published parser
            treats by hand, their conclusion becomes ``last_paragraph`` and stands in for findings
            and impression; eight of them have no conclusion at all.
        exact: True repeats the published parser, so that ``findings``, ``impression``,
            ``last_paragraph`` and ``comparison`` equal its csv, white space aside. A header that
            follows a header standing alone is then swallowed as its text. False sees such headers
            and mends the names that are known to come out wrong.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _split(text, exact=exact)
    found = [s for s in found if s.name not in ("findings", "impression") or s.text.strip()]
    if not any(s.name in ("findings", "impression") for s in found):
        found = [*found[:-1], *_split_last_paragraph(found[-1])]
    if study_id is not None:
        found = _apply_hand_rule(found, text, study_id.removeprefix("s"))
    return Sectioned(tuple(found))


def _split(text: str, *, exact: bool) -> list[Section]:
    pattern = _HEADER if exact else _HEADER_KEEPING_NEWLINE
    header = pattern.search(text)
    if header is None:
        return [Section("full report", text, 0)]
    found = [Section("preamble", text[: header.start()], 0)]
    while header is not None:
        start = header.end()
        # A header counts only on a line after the one that this section starts on.
        newline = text.find("\n", start)
        following = pattern.search(text, start if newline == -1 else newline)
        end = len(text) if following is None else following.start()
        found.append(Section(section_name(header[1], exact=exact), text[start:end], start))
        header = following
    return found


def _split_last_paragraph(section: Section) -> list[Section]:
    head, blank, tail = section.text.partition(_BLANK_LINE)
    if not blank:
        return [section]
    start = section.start + len(head) + len(blank)
    return [section._replace(text=head), Section("last_paragraph", tail, start)]


def _apply_hand_rule(found: list[Section], text: str, study: str) -> list[Section]:
    if study in MISNAMED:
        named = [s for s in found if s.name == MISNAMED[study]]
        if not named:
            return found
        conclusion = named[-1]._replace(name="last_paragraph")
    elif study in RANGES:
        start, end = RANGES[study]
        conclusion = Section("last_paragraph", text[start:end], start)
    else:
        return found
    stop = conclusion.start + len(conclusion.text)
    kept = [
        s
        for s in found
        if s.name not in _CONCLUSIONS
        and (s.start >= stop or s.start + len(s.text) <= conclusion.start)
    ]
    if conclusion.text:
        kept.append(conclusion)
    return sorted(kept, key=lambda s: s.start)
