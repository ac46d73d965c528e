"""PadChest (Bustos et al., Medical Image Analysis 2020): a table of pictures and their reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from chexinstruct.release import Columns, PictureIndex, Release, Row
from chexinstruct.schema import Image, Origin, Report, Study
from chexinstruct.shared.patients import age, sex
from chexinstruct.source import Parent
from chexinstruct.vocabulary import view

from .labels import BLANK, PHYSICIAN, Said, read_labels

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
COLUMNS: Columns = {
    "image": "ImageID",
    "study": "StudyID",
    "patient": "PatientID",
    "report": "ReportID",
    "date": "StudyDate_DICOM",
    "birth": "PatientBirth",
    "sex": "PatientSex_DICOM",
    "view": "Projection",
    "view_method": "MethodProjection",
    "height": "Rows_DICOM",
    "width": "Columns_DICOM",
    "text": "Report",
    "method": "MethodLabel",
    "labels": "Labels",
    "sentences": "LabelsLocalizationsBySentence",
}
TRANSLATIONS = "translations.csv"
TRANSLATION_COLUMNS: Columns = {"id": "id", "text": "english"}

DROPPED_VIEWS = ("COSTAL", "EXCLUDE", "UNK")
"""Rib views, pictures that are no chest radiograph, and projections that nobody could tell."""
MANUAL = "Manual review of DICOM fields"

_DATE = re.compile(r"\d{8}")
_YEAR = re.compile(r"(\d{4})(?:\.0)?")
_WORD = re.compile(r"\w")


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """The studies by report, study and patient, each with its pictures in the table's order."""
    table = release.find(TABLE, "PADCHEST_*.csv")
    pictures = release.pictures()
    english = _translations(release)
    unmet = dict.fromkeys(english)
    listed: set[str] = set()
    for exams in _by_report(release, table):
        for row in (row for rows in exams for row in rows):
            listed.add(row["image"])
            unmet.pop(row["image"], None)
            unmet.pop(row["study"], None)
        said = _said(release, table, exams)
        ids = [rows[0]["study"] for rows in exams]
        for rows in exams:
            kept = _usable(release, table, rows, said)
            if not kept:
                continue
            first = kept[0]
            study, patient = first["study"], first["patient"]
            # The studies of one report are of one person, whatever PatientID says.
            shared = (f"{release.source}:report:{first['report']}",) if len(exams) > 1 else ()
            yield Study(
                source=release.source,
                id=study if ids.count(study) == 1 else f"{study}:{patient}",
                order=_date(release, table, first),
                people=(f"{release.source}:{patient}", *shared),
                age=_age(release, table, first),
                sex=sex(first["sex"]),
                images=tuple(_image(row, pictures) for row in kept),
                report=_report(table, rows, english),
                label_sets=said.label_sets,
                labels=said.labels,
                origin=Origin(file=table, row=first.line),
            )
    for path in release.files:
        name = path.rpartition("/")[2]
        if name.lower().endswith(".png") and name not in listed:
            release.reject(path, None, "unlisted_picture", expected=True)
    for _ in unmet:
        path = release.find(TRANSLATIONS)
        release.reject(path, None, "unused_translation", "not in the table", expected=True)


def _by_report(release: Release, table: str) -> Iterator[list[list[Row]]]:
    """The rows of each report, study by study; a study without a report's number stands alone."""

    def key(rows: list[Row]) -> tuple[str, ...]:
        first = rows[0]
        report = first["report"]
        return (report,) if report not in BLANK else (report, first["study"], first["patient"])

    grouped = release.grouped(table, COLUMNS, by=("report", "study", "patient"))
    for _, exams in groupby((rows for _, rows in grouped), key=key):
        yield list(exams)


def _said(release: Release, table: str, exams: list[list[Row]]) -> Said:
    """The labels of a report: those of physicians, where they labelled one of its studies."""
    by_physicians = (rows[0] for rows in exams if rows[0]["method"] == PHYSICIAN)
    return read_labels(release, table, next(by_physicians, exams[0][0]))


def _usable(release: Release, table: str, rows: list[Row], said: Said) -> list[Row]:
    kept = []
    for row in rows:
        if row["view"] in DROPPED_VIEWS:
            release.reject(table, row.line, "excluded_view", row["view"], expected=True)
        elif said.excluded:
            release.reject(table, row.line, "labelled_exclude", expected=True)
        else:
            kept.append(row)
    return kept


def _image(row: Row, pictures: PictureIndex) -> Image:
    size = row["width"], row["height"]
    width, height = map(int, size) if all(side.isdecimal() for side in size) else (0, 0)
    return Image(
        key=row["image"],
        path=pictures.get(row["image"]),
        width=width if width and height else None,
        height=height if width and height else None,
        view=view(row["view"]),
        view_name=row["view"] or None,
        # The others were told by a network: good enough to show, not to ask for.
        view_source="table" if row["view_method"] == MANUAL else "inferred",
    )


def _date(release: Release, table: str, row: Row) -> str | None:
    """The day of the study; studies of one day are not put in order."""
    if _DATE.fullmatch(row["date"]):
        return row["date"]
    release.reject(table, row.line, "bad_date", "StudyDate_DICOM is not YYYYMMDD")
    return None


def _age(release: Release, table: str, row: Row) -> float | None:
    """Years between birth and study; a year too many before the birthday."""
    born = _YEAR.fullmatch(row["birth"])
    if not (born and _DATE.fullmatch(row["date"])):
        return None
    return age(release, table, row.line, str(int(row["date"][:4]) - int(born[1])))


def _translations(release: Release) -> dict[str, str]:
    """English reports by picture or study, where the user supplies them."""
    path = release.find(TRANSLATIONS, required=False)
    found: dict[str, str] = {}
    for row in release.table(path, TRANSLATION_COLUMNS) if path else ():
        if not row["text"]:
            release.reject(str(path), row.line, "empty_translation")
        else:
            found.setdefault(row["id"], row["text"])
    return found


def _report(table: str, rows: list[Row], english: Mapping[str, str]) -> Report | None:
    """The Spanish text whole, which is no prose, and the English one as the impression."""
    first = rows[0]
    spanish = first["text"] if first["text"] not in BLANK and _WORD.search(first["text"]) else None
    names = (first["study"], *(row["image"] for row in rows))
    text = next((english[name] for name in names if name in english), None)
    if text is None and spanish is None:
        return None
    return Report(
        sections={"impression": text} if text else {},
        language="en" if text else "es",
        raw=spanish,
        origin=Origin(file=table, row=first.line),
    )
