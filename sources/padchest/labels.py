"""What the labels of a PadChest report say: findings, their places, and what is denied."""

from __future__ import annotations

import re
from typing import NamedTuple

from chexinstruct.release import Release, Row
from chexinstruct.schema import Label
from chexinstruct.shared.anatomy import AnatomyError, place
from chexinstruct.vocabulary import VocabularyError, canonical

BLANK = ("", "nan", "None")
PHYSICIAN = "Physician"
LABEL_SETS = {PHYSICIAN: "physicians", "RNN_model": "program"}

NORMAL, EXCLUDE, SUBOPTIMAL, UNCHANGED = "normal", "exclude", "suboptimal study", "unchanged"
STATEMENTS = (NORMAL, EXCLUDE, SUBOPTIMAL, UNCHANGED)
"""Labels that speak of the study, or of a sentence, and name no finding."""

DENIED_BY_NORMAL = {
    "heart": ("cardiomegaly",),
    "mediastinum": (
        "mediastinal enlargement",
        "superior mediastinal enlargement",
        "mediastinal mass",
    ),
    "costophrenic angle": ("costophrenic angle blunting", "pleural effusion"),
}
"""What a sentence denies that calls a place normal: heart size and mediastinal contours within
limits, and free costophrenic angles. Of other places such a sentence may deny anything."""

_ITEM = r"""(?:'[^'\\]*'|"[^"\\]*"|nan)"""
_LIST = rf"\[(?:{_ITEM}(?:, ?{_ITEM})*)?\]"
_FLAT = re.compile(_LIST)
_NESTED = re.compile(rf"\[(?:(?:{_LIST}|nan)(?:, ?(?:{_LIST}|nan))*)?\]")
_INNER = re.compile(_LIST)
_TEXT = re.compile(r"""'([^']*)'|"([^"]*)\"""")
# The lists are Python literals. They are matched and never evaluated; "nan", which is no literal,
# stands for some empty sentences.

_SIDED = re.compile(r"(.+) (left|right|both|bilateral)(?: sides?)?")
_SIDES = {
    "left": "left side",
    "right": "right side",
    "both": "both sides",
    "bilateral": "both sides",
}


class Said(NamedTuple):
    """What the labels of a report say."""

    label_sets: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    excluded: bool = False
    """True where the report is none of a chest radiograph."""


class Sentence(NamedTuple):
    """Labels and places of a sentence, stripped."""

    names: list[str]
    places: list[str]


def read_labels(release: Release, table: str, row: Row) -> Said:
    """The labels of the report that a row belongs to; what is left out goes to the rejects."""

    def told(reason: str, detail: str, *, expected: bool = False) -> None:
        release.reject(table, row.line, reason, detail, expected=expected)

    label_set = LABEL_SETS.get(row["method"])
    if label_set is None:
        told("unknown_method", f"MethodLabel is not one of {', '.join(LABEL_SETS)}")
        return Said()
    if row["labels"] in BLANK:
        told("no_labels", "study kept without labels", expected=True)
        return Said()
    try:
        items = texts(row["labels"])
        sentences = by_sentence(row["sentences"])
    except ValueError as error:
        told("bad_list", str(error))
        return Said()
    names = list(dict.fromkeys(filter(None, items)))
    if "" in items:
        told("empty_label", "left out", expected=True)
    if len(items) - items.count("") > len(names):
        told("repeated_label", "taken once", expected=True)
    if EXCLUDE in names:
        return Said(excluded=True)
    strange: dict[str, str] = {}
    findings: dict[str, str] = {}
    for name in names:
        if name not in STATEMENTS and (finding := _finding(name, strange)):
            findings[finding] = name
    if NORMAL in names and names != [NORMAL] and {*names} != {NORMAL, UNCHANGED}:
        told("contradictory_normal", "beside something else; set aside", expected=True)
    elif NORMAL in names:
        return Said((f"{label_set}_normal",))
    if not names:
        return Said()
    where, shared = places(sentences, strange)
    denials = denied(sentences, strange) if row["method"] == PHYSICIAN else {}
    for problem, reason in strange.items():
        told(reason, problem)
    if shared:
        told(
            "shared_places", f"left out of {shared} sentences with several findings", expected=True
        )
    present = (
        Label(
            finding=finding,
            name=None if name == finding else name,
            locations=tuple(where.get(finding, ())),
        )
        for finding, name in findings.items()
    )
    absent = (Label(finding=f, state="absent") for f in denials if f not in findings)
    return Said((label_set,), (*present, *absent))


def texts(cell: str) -> list[str]:
    """The items of a list of quoted texts, stripped; ``nan`` is none.

    Raises:
        ValueError: it is no such list.
    """
    if not _FLAT.fullmatch(cell):
        raise ValueError("Labels is no list of quoted texts")
    return _texts(cell)


def _texts(part: str) -> list[str]:
    return [(single or double).strip() for single, double in _TEXT.findall(part)]


def by_sentence(cell: str) -> list[Sentence]:
    """Labels and places by sentence of the report.

    Physicians' rows have a list a sentence. Those of the program have one list, in which the places
    of a sentence follow its labels, so that a label after a place begins another sentence.
    Statements have a sentence of their own, as they have in physicians' rows.

    Raises:
        ValueError: the cell is neither.
    """
    if _NESTED.fullmatch(cell):
        lists = [list(filter(None, _texts(part))) for part in _INNER.findall(cell, 1)]
        return [
            Sentence(
                [item for item in items if not _is_place(item)],
                [item for item in items if _is_place(item)],
            )
            for items in lists
        ]
    if not _FLAT.fullmatch(cell):
        raise ValueError("LabelsLocalizationsBySentence is no list of quoted texts or of lists")
    found: list[Sentence] = []
    for item in filter(None, _texts(cell)):
        if _is_place(item) and found:
            found[-1].places.append(item)
        elif found and not (found[-1].places or {item, found[-1].names[-1]} & {*STATEMENTS}):
            found[-1].names.append(item)
        elif not _is_place(item):
            found.append(Sentence([item], []))
    return found


def _is_place(item: str) -> bool:
    return item.startswith("loc ")


def places(
    sentences: list[Sentence], strange: dict[str, str]
) -> tuple[dict[str, dict[str, None]], int]:
    """The canonical places of each canonical finding, and how many sentences gave none.

    A place belongs to the finding that has its sentence to itself. Where a sentence names several,
    nothing says which of them is where; only sides in the names of labels count there
    (``pleural effusion left side``). Names that are not known go to ``strange``, with the reason of
    their reject.
    """
    where: dict[str, dict[str, None]] = {}
    shared = 0
    for sentence in sentences:
        own: dict[str, list[str]] = {}
        for name in sentence.names:
            if name not in STATEMENTS:
                sided = _SIDED.fullmatch(name)
                finding = _finding(sided[1] if sided else name, strange) or name
                own.setdefault(finding, []).extend([_SIDES[sided[2]]] if sided else [])
        if len(own) == 1:
            next(iter(own.values())).extend(_known(sentence.places, strange))
        elif own and sentence.places:
            shared += 1
        for finding, found in own.items():
            where.setdefault(finding, {}).update(dict.fromkeys(found))
    return where, shared


def denied(sentences: list[Sentence], strange: dict[str, str]) -> dict[str, None]:
    """The findings that sentences deny by calling a place normal.

    For physicians' rows only: of the hearts that the program calls normal it labels 6 % as enlarged
    in another sentence of the same report, physicians 3 %.
    """
    normal = [name for s in sentences if s.names == [NORMAL] for name in s.places]
    return dict.fromkeys(
        finding for name in _known(normal, strange) for finding in DENIED_BY_NORMAL.get(name, ())
    )


def _finding(name: str, strange: dict[str, str]) -> str | None:
    try:
        return canonical(name)
    except VocabularyError as error:
        strange[str(error)] = "unknown_finding"
        return None


def _known(names: list[str], strange: dict[str, str]) -> list[str]:
    """The canonical places, without words that say none."""
    found = []
    for name in names:
        try:
            one = place(name)
        except AnatomyError as error:
            strange[str(error)] = "unknown_place"
        else:
            found += [] if one.vague else [one.name]
    return found
