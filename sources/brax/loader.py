"""BRAX (Reis et al., Sci Data 2022): one table of pictures with the labels of their studies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from chexinstruct.release import Columns, PictureIndex, Release, Row
from chexinstruct.schema import Image, Label, Origin, Study
from chexinstruct.shared.chexpert_labels import COLUMNS as LABELS
from chexinstruct.shared.chexpert_labels import read_labels
from chexinstruct.shared.patients import sex
from chexinstruct.source import Parent
from chexinstruct.vocabulary import view

COLUMNS: Columns = {
    "study": "AccessionNumber",
    "patient": "PatientID",
    "sex": "PatientSex",
    "date": "StudyDate",
    "png": "PngPath",
    "view": "ViewPosition",
    "height": "Rows",
    "width": "Columns",
    **LABELS,
}
OPTIONAL: Columns = {"dicom": "DicomPath"}

PARTS = 4
"""``id_../Study_../Series_../image-.png``: what names a picture, whatever folder it lies in."""
SUFFIXES = (".png", ".dcm", ".jpg", ".jpeg", "")
"""The DICOM files of version 1.0.0 have none."""
SUFFIX = re.compile(r"\.(?:png|dcm|jpe?g)", re.IGNORECASE)

DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:\.0)?")


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """The studies by AccessionNumber, each with its pictures in the order of the table."""
    table = release.find("master_spreadsheet_update.csv", "master_spreadsheet*.csv")
    pictures = release.pictures(SUFFIXES, parts=PARTS)
    seen: set[str] = set()
    for (study,), rows in release.grouped(table, COLUMNS, by="study", optional=OPTIONAL):
        study = _id(study)
        patients = {_id(row["patient"]) for row in rows}
        if not study or "" in patients or len(patients) > 1:
            for row in rows:
                detail = "no AccessionNumber, or not one PatientID for it"
                release.reject(table, row.line, "bad_id", detail)
            continue
        images = []
        for row in rows:
            name = row["png"] or row["dicom"]
            key = _key(name)
            if not name or key in seen:
                reason = "duplicate_picture" if name else "no_path"
                release.reject(table, row.line, reason, "the row names no picture of its own")
                continue
            seen.add(key)
            images.append(_image(key, _find(pictures, row), row))
        labels = _labels(release, table, rows)
        yield Study(
            source=release.source,
            id=study,
            order=_date(release, table, rows[0]),
            people=(f"{release.source}:{patients.pop()}",),
            sex=sex(rows[0]["sex"]),
            images=tuple(images),
            label_sets=() if labels is None else ("chexpert",),
            labels=labels or (),
            origin=Origin(file=table, row=rows[0].line),
        )


def _id(cell: str) -> str:
    """An id as text: leading zeros stay, and what a spreadsheet made of it goes."""
    return cell.removesuffix(".0")


def _key(name: str) -> str:
    """``id_../Study_../Series_../image-..``: without folders before it, and without a suffix."""
    *folders, file = name.replace("\\", "/").split("/")
    stem = file[: found.start()] if (found := SUFFIX.search(file)) else file
    return "/".join([*folders[1 - PARTS :], stem])


def _find(pictures: PictureIndex, row: Row) -> str | None:
    """The picture of a row: the longest start of its path that is one, the PNG before the DICOM.

    Copies of the table carry a few characters after the path. A start counts only if it ends in
    the suffix of a picture, so that ``image-12.png`` is never taken for ``image-1``.
    """
    for cell in filter(None, (row["png"], row["dicom"])):
        name = cell.replace("\\", "/")
        ends = [found.end() for found in SUFFIX.finditer(name)] or [len(name)]
        for end in reversed(ends):
            if path := pictures.get(name[:end]):
                return path
    return None


def _published(cell: str) -> str | None:
    """The path of the PNG as the table gives it, without what copies carry after it."""
    name = cell.replace("\\", "/")
    found = SUFFIX.search(name)
    return name[: found.end()] if found else None


def _image(key: str, path: str | None, row: Row) -> Image:
    width, height = _pixels(row["width"]), _pixels(row["height"])
    return Image(
        key=key,
        path=path,
        published=_published(row["png"]),
        width=width if height else None,
        height=height if width else None,
        view=view(row["view"]),
        view_name=row["view"] or None,
        view_source="table" if row["view"] else None,
    )


def _pixels(cell: str) -> int | None:
    number = cell.removesuffix(".0")
    return int(number) if number.isdecimal() and int(number) else None


def _date(release: Release, table: str, row: Row) -> str | None:
    """The fictitious date as a text that sorts. Studies of one date have no order among them."""
    if not row["date"]:
        return None
    found = DATE.fullmatch(row["date"])
    if found is None:
        release.reject(table, row.line, "bad_date", "StudyDate is not YYYYMMDD or YYYY-MM-DD")
        return None
    return "".join(found.groups())


def _labels(release: Release, table: str, rows: list[Row]) -> tuple[Label, ...] | None:
    """The labels of a study, repeated in each of its rows; None when they are not to be trusted."""
    read = [read_labels(release, table, row) for row in rows]
    for row, labels in zip(rows, read, strict=True):
        if labels is not None and read[0] is not None and labels != read[0]:
            release.reject(table, row.line, "labels_differ", "other pictures of the study say else")
            return None
    return None if None in read else read[0]
