"""The label and report table of BIMCV-COVID19+: what it says of each session."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from chexinstruct.release import Columns, Release
from chexinstruct.schema import Label, Origin
from chexinstruct.shared.normal import DENIED
from chexinstruct.vocabulary import NO_FINDING, VocabularyError, canonical

TABLE = "labels_covid19_posi*.tsv"
PACKED_TABLES = ("*derivative*.tar.gz", "*metadata*.tar.gz", "*head*.t*gz")
"""Archives that may hold tables."""
COLUMNS: Columns = {"subject": "PatientID", "session": "ReportID", "labels": "Labels"}
OPTIONAL: Columns = {"report": ("Report", "report", "REPORT")}
BLANK = ("", "nan", "None")

NORMAL, UNCHANGED, EXCLUDE, SUBOPTIMAL = "normal", "unchanged", "exclude", "suboptimal study"
STATEMENTS = frozenset({NORMAL, UNCHANGED, EXCLUDE, SUBOPTIMAL})
"""Labels that speak of the study and name no finding."""
_UNCERTAIN = re.compile(r"\s+uncertain$")

_ITEM = r"""(?:'[^'\t]*'|"[^"\t]*")"""
_LIST = re.compile(rf"\[[\s,]*(?:{_ITEM}[\s,]*)*\]")
_TEXT = re.compile(r"""'([^'\t]*)'|"([^"\t]*)\"""")


@dataclass(frozen=True, slots=True)
class Told:
    """What the first report of a session says."""

    items: tuple[str, ...]
    """Its labels as released, white space aside."""
    report: str
    origin: Origin
    alone: bool = True
    """Whether it is the only report of the session."""

    @property
    def excluded(self) -> bool:
        """Whether the report is none of a chest radiograph that could be read."""
        return EXCLUDE in self.items


def texts(cell: str) -> tuple[str, ...]:
    """The items of a bracketed list of quoted texts, which tabs (or commas) separate; each once.

    Raises:
        ValueError: it is no such list.
    """
    if cell in BLANK:
        return ()
    if not _LIST.fullmatch(cell):
        raise ValueError("no list of quoted texts")
    items = (" ".join((single or double).split()) for single, double in _TEXT.findall(cell))
    return tuple(dict.fromkeys(filter(None, items)))


def reports(release: Release, subjects: Mapping[str, str]) -> dict[str, Told]:
    """The first report of each session, of all label tables in order.

    Args:
        release: the release.
        subjects: the subject of each session with a radiograph.
    """
    found: dict[str, Told] = {}
    for path, content in release.documents(TABLE, archives=PACKED_TABLES):
        for row in release.table(path, COLUMNS, optional=OPTIONAL, content=content):
            reject = partial(release.reject, path, row.line)
            session, subject = row["session"], row["subject"]
            if session not in subjects:
                reject("session_without_radiograph", expected=True)
                continue
            if subject.removeprefix("sub-") != subjects[session].removeprefix("sub-"):
                reject("other_subject", "the session is another subject's")
                continue
            try:
                items = texts(row["labels"])
            except ValueError as error:
                reject("bad_label_list", str(error))
                continue
            text = "" if row["report"] in BLANK else row["report"]
            known = found.get(session)
            if known is None:
                found[session] = Told(items, text, Origin(file=path, row=row.line))
            elif (known.items, known.report) == (items, text):
                reject("duplicate_row", expected=True)
            else:
                reject("further_report", "the first of the session is kept", expected=True)
                found[session] = replace(known, alone=False)
    return found


def labels(
    told: Told, offered: Collection[str], unknown: dict[str, list[Origin]]
) -> tuple[Label, ...]:
    """The labels of a session; names that are not ``offered`` are gathered in ``unknown``.

    ``normal`` counts where nothing but ``unchanged`` stands beside it and no other report speaks.
    """
    states: dict[str, Label] = {}
    for item in told.items:
        if item in STATEMENTS:
            continue
        name = _UNCERTAIN.sub("", item)
        finding = _finding(name)
        if finding is None or finding not in offered:
            unknown.setdefault(item, []).append(told.origin)
            continue
        label = Label(
            finding=finding,
            state="present" if name == item else "uncertain",
            name=None if item == finding else item,
        )
        if label.state == "present" or finding not in states:
            states[finding] = label
    if told.alone and NORMAL in told.items and {*told.items} <= {NORMAL, UNCHANGED}:
        return tuple(_normal())
    return tuple(states.values())


def _finding(name: str) -> str | None:
    try:
        return canonical(name)
    except VocabularyError:
        return None


def _normal() -> Iterator[Label]:
    yield Label(finding=NO_FINDING, name=NORMAL)
    for finding in DENIED:
        yield Label(finding=finding, state="absent", method="inferred")
