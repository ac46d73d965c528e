"""Findings by organ of MIMIC-CXR and CheXpert Plus reports: SRRG (Delbrouck et al., ACL 2025).

A language model put the findings of these reports under headings of organs, in bullets. The files
of the Hub datasets ``StanfordAIMI/srrg_findings`` and ``srrg_impression`` (Parquet, or the same
rows as JSON) name the pictures of a report, which lie in either release. Their splits are not read:
each release has its own. Impressions are a numbered list there, without organs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from chexinstruct.release import Release
from chexinstruct.schema import OrganText, Report

PATTERNS = ("*srrg*.parquet", "*srrg*.jsonl", "*srrg*.json")
"""A folder or a file that is called after the dataset, as the Hub's download has it."""

ORGANS: Mapping[str, str | None] = {
    "lungs and airways": "lungs and airways",
    "pleura": "pleura",
    "cardiovascular": "heart and vessels",
    "hila and mediastinum": "hila and mediastinum",
    "tubes catheters and support devices": "tubes, catheters and support devices",
    "musculoskeletal and chest wall": "bones and chest wall",
    "abdominal": "upper abdomen",
    "other": None,
}
"""Headings, small and without commas -> what a question can name. None: no organ, left out. The
prompt of the paper allows no other organs than these."""

STUDIES: Mapping[str, re.Pattern[str]] = {
    "mimic_cxr": re.compile(r"(?:^|/)(s5\d{7})(?:/|\.|$)"),
    "chexpert": re.compile(r"(?:^|/)(patient\d{5}/study[1-9]\d{0,3})(?:/|$)"),
}
"""Source -> where the path of a picture holds the id of its study."""

_NAMES = "|".join(
    name.replace("tubes catheters", "tubes,? catheters,?").replace(" ", r"\s") for name in ORGANS
)
# A report on a single line: its headings and bullets stand behind blanks.
_HEADING_INSIDE = re.compile(rf"\s+(?=(?:{_NAMES})\s*:)", re.IGNORECASE)
_BULLET_INSIDE = re.compile(r"(?<=[.:?!])\s+(?=[-•]\s)")
_HEADING = re.compile(r"[#*\s]*([A-Za-z][A-Za-z,&/() -]{1,60}?)[\s*]*:[\s*]*(.*)")
_BULLET = re.compile(r"[-•]\s*|\*\s+")
_SAYS_NOTHING = re.compile(
    r"(?:none|nil|n/?a|not\s+(?:applicable|available|mentioned|specified|reported|described"
    r"|provided|stated|assessed))\b[^A-Za-z]*",
    re.IGNORECASE,
)


class _Row(msgspec.Struct):
    """What is read of a row."""

    image_paths: list[str]
    findings_section: str | None = None


class _Told(NamedTuple):
    """The findings of a study as released, and where they stand."""

    text: str
    file: str
    row: int


class StructuredFindings:
    """What the SRRG files of a release say of its studies.

    All of it stays in memory as text, about 1 kB a study: 125 MB for 130,000 of them.
    """

    def __init__(self, release: Release) -> None:
        """Read the files, if there are any; the release is one of :data:`STUDIES`."""
        self._release = release
        self._told: dict[str, _Told] = {}
        for path in _files(release):
            for number, row in _rows(release, path):
                study = self._study(path, number, row)
                if study is None:
                    continue
                text = (row.findings_section or "").strip()
                if not text:
                    release.reject(path, number, "srrg_without_findings", study, expected=True)
                elif study in self._told:
                    release.reject(path, number, "srrg_repeated_study", study, expected=True)
                else:
                    self._told[study] = _Told(text, path, number)

    def add_to(self, report: Report | None, study: str) -> Report | None:
        """The report of a study with its findings by organ, where they are told."""
        told = self._told.pop(study, None) if report else None
        if report is None or told is None:
            return report
        return msgspec.structs.replace(report, organs=tuple(self._organs(told)))

    def close(self) -> None:
        """Count what no report of the release asked for: copies of the release may be partial."""
        for study, (_, path, row) in self._told.items():
            detail = f"no report of {study} in this copy of the release"
            self._release.reject(path, row, "srrg_without_report", detail, expected=True)
        self._told.clear()

    def _study(self, path: str, number: int, row: _Row) -> str | None:
        """The one study of the release that the pictures of a row belong to."""
        named = {
            (source, found[1])
            for picture in row.image_paths
            for source, pattern in STUDIES.items()
            if (found := pattern.search(picture.replace("\\", "/")))
        }
        if len(named) != 1:
            detail = f"its pictures name {len(named)} studies of {' or '.join(STUDIES)}, not one"
            self._release.reject(path, number, "srrg_unclear_study", detail)
            return None
        ((source, study),) = named
        if source != self._release.source:
            self._release.reject(path, number, "srrg_other_source", source, expected=True)
            return None
        return study

    def _organs(self, told: _Told) -> Iterator[OrganText]:
        """Organs in the order of the report, bullets as sentences."""
        found: dict[str, list[str]] = {}
        unknown = 0
        for heading, bullets in _headed(told.text):
            name = " ".join(heading.lower().replace("&", "and").replace(",", " ").split())
            sentences = [sentence for bullet in bullets if (sentence := _sentence(bullet))]
            if name not in ORGANS:
                unknown += bool(sentences)
            elif (organ := ORGANS[name]) and sentences:
                found.setdefault(organ, []).extend(sentences)
        if unknown:
            detail = f"{unknown} parts under no heading of an organ, left out"
            self._release.reject(told.file, told.row, "srrg_unknown_heading", detail, expected=True)
        for organ, sentences in found.items():
            yield OrganText(section="findings", organ=organ, text=" ".join(sentences))


def _files(release: Release) -> list[str]:
    """The reports that radiologists reviewed come first, then the dataset of findings."""
    found = {path for pattern in PATTERNS for path in release.find_all(pattern)}
    return sorted(found, key=lambda path: ("reviewed" not in path, "findings" not in path, path))


def _rows(release: Release, path: str) -> Iterator[tuple[int, _Row]]:
    name = path.removesuffix(".gz")
    if name.endswith(".parquet"):
        return release.parquet(path, _Row)
    if name.endswith(".jsonl"):
        return release.jsonl(path, _Row)
    with release.open_binary(path) as stream:
        # Both are called .json in the wild. One list is read whole.
        listed = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    return enumerate(release.json(path, list[_Row]), 1) if listed else release.jsonl(path, _Row)


def _headed(text: str) -> Iterator[tuple[str, list[str]]]:
    """The headings of a section with their bullets; under no heading at all: an empty one."""
    if "\n" not in text:
        text = _BULLET_INSIDE.sub("\n", _HEADING_INSIDE.sub("\n", text))
    heading, bullets = "", list[str]()
    for line in map(str.strip, text.splitlines()):
        bullet = _BULLET.match(line)
        if bullet:
            bullets.append(line[bullet.end() :])
        elif headed := _HEADING.fullmatch(line):
            if heading or bullets:
                yield heading, bullets
            heading, bullets = headed[1], [headed[2]]
        elif line and bullets:
            bullets[-1] += f" {line}"
        elif line:
            bullets.append(line)
    if heading or bullets:
        yield heading, bullets


def _sentence(bullet: str) -> str:
    """A bullet as a sentence; empty where it says that there is nothing to say."""
    text = " ".join(bullet.split())
    if not any(map(str.isalpha, text)) or _SAYS_NOTHING.fullmatch(text):
        return ""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text.rstrip(",;:") + "."
