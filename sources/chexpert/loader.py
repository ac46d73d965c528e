"""CheXpert v1.0 (Irvin et al., AAAI 2019), its test set, and CheXpert Plus (Chambon et al. 2024).

All of them are tables of pictures that share names: ``patient00001/study1/view1_frontal`` is the
same picture whatever folders stand before it and whatever suffix behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from chexinstruct.release import Columns, Release, Row
from chexinstruct.reports import clean_chexpert_plus
from chexinstruct.schema import SPLITS, Image, Label, Origin, Report, Split, Study, View
from chexinstruct.shared.chexpert_labels import COLUMNS, FINDINGS, read_labels
from chexinstruct.shared.patients import age, sex
from chexinstruct.shared.srrg import StructuredFindings
from chexinstruct.source import Parent
from chexinstruct.vocabulary import FRONTAL, LATERAL, view

PATH: Columns = {"path": ("Path", "Study")}
FACTS: Columns = {"flag": "Frontal/Lateral", "projection": "AP/PA", "sex": "Sex", "age": "Age"}
SECTIONS = {
    "narrative": "section_narrative",
    "indication": "section_clinical_history",
    "history": "section_history",
    "comparison": "section_comparison",
    "technique": "section_technique",
    "procedure": "section_procedure_comments",
    "findings": "section_findings",
    "impression": "section_impression",
}
"""Not read: the end of the impression and the summary (attestations, result codes) and the
accession number (the notice of anonymization)."""
PLUS_COLUMNS: Columns = {
    "path": "path_to_image",
    "flag": "frontal_lateral",
    "projection": "ap_pa",
    "sex": "sex",
    "age": "age",
    "race": "race",
    "split": "split",
    "report": "report",
    **SECTIONS,
}
PLUS_SPLITS: dict[str, Split] = {"train": "train", "valid": "validation"}
CHEXBERT = "impression_fixed.json"
"""JSON lines; of three files the one on the impression, as the labels of train.csv are."""

_PLACE = r"(?:.*/)?(patient\d{5})/study([1-9]\d{0,3})"
_VIEW = r"(view\d+_(?:frontal|lateral))"
ROW = re.compile(rf"{_PLACE}(?:/{_VIEW}\.\w+)?/?")
PICTURE = re.compile(rf"{_PLACE}/{_VIEW}\.(?i:jpe?g|png|dcm)")

Key = tuple[str, str]
"""Patient, and number of the study in four digits."""
Pictures = dict[Key, dict[str, str]]
Labels = tuple[Label, ...]


@dataclass(frozen=True)
class _Kind:
    """What a table tells."""

    patterns: tuple[str, ...]
    """Names of its file; of several files at hand the first is read."""
    split_origin: str
    split: Split | None = None
    """None: its rows tell."""
    label_set: str | None = None


TRAIN = _Kind(("train.csv",), "CheXpert train table", "train", "chexpert")
VALID = _Kind(("valid.csv", "val_labels.csv"), "CheXpert valid table", "validation", "radiologists")
TEST = _Kind(
    ("test_labels.csv", "groundtruth.csv"),
    "CheXpert test table",
    "test",
    "radiologists",
)
PLUS = _Kind(("df_chexpert_plus_*.csv",), "CheXpert Plus split column")
KINDS = (TRAIN, VALID, TEST, PLUS)
"""In the order in which they are trusted."""
COLUMNS_OF: dict[_Kind, tuple[Columns, Columns]] = {
    TRAIN: ({**PATH, **FACTS, **COLUMNS}, {}),
    VALID: ({**PATH, **COLUMNS}, FACTS),  # some lists of the radiologists hold labels alone
    TEST: ({**PATH, **COLUMNS}, FACTS),
    PLUS: (PLUS_COLUMNS, {}),
}
"""Columns that a table has to have, and those that it may lack."""


class _Rows(NamedTuple):
    """The rows of one study in one table."""

    path: str
    kind: _Kind
    rows: list[Row]


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """The studies by patient and number, from all tables that the release holds."""
    release.find(*(pattern for kind in KINDS for pattern in kind.patterns))
    tables = [
        (path, kind) for kind in KINDS if (path := release.find(*kind.patterns, required=False))
    ]
    pictures = _pictures(release)
    mined = _chexbert(release) if any(kind is PLUS for _, kind in tables) else {}
    structured = StructuredFindings(release)
    streams = [_by_study(release, path, kind) for path, kind in tables]
    for key, groups in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        study = _study(release, key, [rows for _, rows in groups], pictures, mined)
        report = structured.add_to(study.report, study.id)
        yield study if report is study.report else msgspec.structs.replace(study, report=report)
    structured.close()
    for path in (path for paths in pictures.values() for path in paths.values()):
        release.reject(path, None, "unlisted_picture", "in no table", expected=True)
    for name in mined:
        detail = f"no {name} in the table of reports"
        release.reject(release.find(CHEXBERT), None, "not_in_table", detail)


def _by_study(release: Release, path: str, kind: _Kind) -> Iterator[tuple[Key, _Rows]]:
    def place(row: Row) -> dict[str, str] | None:
        found = ROW.fullmatch(row["path"])
        if found is None:
            detail = "not patientN/studyN, N of five digits, and viewN_frontal or viewN_lateral"
            release.reject(path, row.line, "bad_path", detail)
            return None
        return {"patient": found[1], "study": found[2].zfill(4), "view": found[3] or ""}

    columns, optional = COLUMNS_OF[kind]
    groups = release.grouped(
        path,
        columns,
        by=("patient", "study"),
        derive=place,
        optional=optional,
        memory_mb=64,  # up to four tables are open at once
    )
    return (((patient, study), _Rows(path, kind, rows)) for (patient, study), rows in groups)


def _name(key: Key, view_name: str = "") -> str:
    """``patient00001/study1``, or with the picture, as the paths of all editions have it."""
    patient, study = key
    return f"{patient}/study{int(study)}" + (f"/{view_name}" if view_name else "")


def _pictures(release: Release) -> Pictures:
    """The best file of each picture, by study and file name without suffix."""
    found: Pictures = {}
    for path in release.files:
        if place := PICTURE.fullmatch(path):
            names = found.setdefault((place[1], place[2].zfill(4)), {})
            other = names.setdefault(place[3], path)
            if _worse(other) > _worse(path):
                names[place[3]] = path
    return found


def _worse(path: str) -> int:
    """Full size before small; DICOM last, since windows and tags of many of them are wrong."""
    if path.lower().endswith(".dcm"):
        return 2
    return int("-small/" in path)


def _study(
    release: Release, key: Key, tables: list[_Rows], pictures: Pictures, mined: dict[str, Labels]
) -> Study:
    images = _images(release, key, tables, pictures.pop(key, {}))
    split, split_origin = _split(release, tables)
    label_set, labels = _labels(release, tables)
    report, race = None, ""
    path, kind, rows = tables[-1]
    if kind is PLUS:
        # The rows of a study repeat its report with dates and names of their own: one is taken.
        row = min(rows, key=lambda row: (row["flag"] != "Frontal", row["view"]))
        report, race = _report(path, row), row["race"]
        said = {row["view"]: mined.pop(_name(key, row["view"]), None) for row in rows}
        concluded = report is not None and "impression" in report.sections
        if len(tables) == 1 and concluded and (found := said[row["view"]]) is not None:
            label_set, labels = "chexbert", found
    path, _, rows = tables[0]
    return Study(
        source=release.source,
        id=_name(key),
        order=key[1],
        people=(f"{release.source}:{key[0]}",),
        split=split,
        split_origin=split_origin,
        age=_age(release, tables),
        sex=next(filter(None, (sex(table.rows[0]["sex"]) for table in tables)), None),
        race=None if race.casefold() in ("", "unknown") else race,
        images=images,
        report=report,
        label_sets=(label_set,) if label_set else (),
        labels=labels,
        origin=Origin(file=path, row=rows[0].line),
    )


def _images(
    release: Release, key: Key, tables: list[_Rows], listed: dict[str, str]
) -> tuple[Image, ...]:
    """The pictures that rows name, in the order of their numbers.

    A row that speaks of the whole study stands for all pictures of it that are at hand.
    """
    images: dict[str, Image] = {}
    for table in tables:
        seen: set[str] = set()
        for row in table.rows:
            if row["view"] in seen:
                release.reject(table.path, row.line, "repeated_row", "listed before in this table")
                continue
            seen.add(row["view"])
            for name in [row["view"]] if row["view"] else list(listed):
                if name not in images:
                    images[name] = _image(release, table, row, _name(key, name), listed.get(name))
    for name in sorted(listed.keys() - images.keys()):
        release.reject(listed[name], None, "unlisted_picture", "in no table", expected=True)
    return tuple(images[name] for name in sorted(images))


def _image(release: Release, table: _Rows, row: Row, key: str, path: str | None) -> Image:
    told = row["projection"] or row["flag"]
    name = told or key.rpartition("_")[2]
    seen: View | None = view(name)
    flag = row["flag"].casefold()
    if (flag == "frontal" and seen in LATERAL) or (flag == "lateral" and seen in FRONTAL):
        detail = f"{row['flag']} by one column, {row['projection']} by the other: view set aside"
        release.reject(table.path, row.line, "contradictory_view", detail, expected=True)
        seen = None
    return Image(
        key=key,
        path=path,
        view=seen,
        view_name=name,
        view_source="table" if told else "filename",
    )


def _split(release: Release, tables: list[_Rows]) -> tuple[Split | None, str | None]:
    """The side that the first table gives; another table may not disagree."""
    told: list[tuple[Split, str]] = []
    for table in tables:
        split = table.kind.split or PLUS_SPLITS.get(table.rows[0]["split"])
        if split is None:
            detail = f"not {' or '.join(PLUS_SPLITS)}"
            release.reject(table.path, table.rows[0].line, "unknown_split", detail)
            continue
        if told and split != told[0][0]:
            detail = f"{split} here, {told[0][0]} by another table; the stronger side is taken"
            release.reject(table.path, table.rows[0].line, "split_conflict", detail)
        told.append((split, table.kind.split_origin))
    return max(told, key=lambda one: SPLITS.index(one[0]), default=(None, None))


def _age(release: Release, tables: list[_Rows]) -> float | None:
    """Full years; 0 stands for an unknown age. CheXpert Plus writes 68.0."""
    for table in tables:
        years = table.rows[0]["age"].partition(".")[0]
        known = age(release, table.path, table.rows[0].line, years, youngest=1)
        if known is not None:
            return known
    return None


def _report(path: str, row: Row) -> Report | None:
    sections = clean_chexpert_plus({name: row[name] for name in SECTIONS})
    procedure = sections.pop("procedure", None)
    if procedure is not None:
        sections.setdefault("technique", procedure)
    if not (sections or row["report"]):
        return None
    return Report(
        sections=sections,
        raw=row["report"] or None,
        origin=Origin(file=path, row=row.line),
    )


def _labels(release: Release, tables: list[_Rows]) -> tuple[str | None, Labels]:
    """The label set that was applied, and its labels, which all rows of a study repeat."""
    for table in tables:
        if table.kind.label_set is None:
            continue
        read = [_row_labels(release, table, row) for row in table.rows]
        said = [labels for labels in read if labels is not None]
        if any(labels != said[0] for labels in said):
            detail = "its pictures have different labels; none of them is used"
            release.reject(table.path, table.rows[0].line, "label_conflict", detail)
        elif said:
            return table.kind.label_set, said[0]
    return None, ()


def _row_labels(release: Release, table: _Rows, row: Row) -> Labels | None:
    labels = read_labels(release, table.path, row)
    if labels is None or table.kind.label_set != "radiologists":
        return labels
    if len(labels) < len(FINDINGS) or any(label.state == "uncertain" for label in labels):
        detail = "a radiologist says 1 or 0 to each finding"
        release.reject(table.path, row.line, "unanswered_finding", detail)
        return None
    return labels


def _chexbert(release: Release) -> dict[str, Labels]:
    """Labels of CheXbert by name of the picture on whose row the report stands."""
    path = release.find(CHEXBERT, required=False)
    found: dict[str, Labels] = {}
    for line, values in release.jsonl(path, dict[str, str | float | None]) if path else ():
        place = ROW.fullmatch(str(values.get("path_to_image")))
        if place is None or not place[3] or not values.keys() >= set(FINDINGS):
            release.reject(str(path), line, "bad_label_line", "no path_to_image or 14 labels")
            continue
        row = Row({name: _cell(values[name]) for name in FINDINGS})
        row.line = line
        labels = read_labels(release, str(path), row)
        if labels is not None:
            found[_name((place[1], place[2]), place[3])] = labels
    return found


def _cell(value: str | float | None) -> str:
    return "" if value is None else str(value)
