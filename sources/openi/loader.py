"""Open-i, Indiana University chest X-rays (Demner-Fushman et al., JAMIA 2016): XML or Kaggle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from chexinstruct.errors import ReleaseError
from chexinstruct.release import PictureIndex, Release
from chexinstruct.reports import clean_openi
from chexinstruct.schema import Image, Origin, Report, Study, View
from chexinstruct.source import Parent

REPORTS = "ecgen-radiology/*.xml"
PACKED = "NLMCXR_reports.tgz"
KAGGLE = "indiana_reports.csv"

SECTIONS = ("comparison", "indication", "findings", "impression")
"""In the order of the XML files."""
COLUMNS = {"number": "uid", "codes": "MeSH", **{name: name for name in SECTIONS}}

PROJECTIONS: dict[str, View | None] = {"Frontal": None, "Lateral": "LATERAL"}
"""The table tells frontal from lateral, and not PA from AP."""

IRREGULAR = {
    "CXR1_IM-0001-3001": "CXR1_1_IM-0001-3001",
    "CXR1_IM-0001-4001": "CXR1_1_IM-0001-4001",
}
"""The two pictures whose names repeat the report number in the XML and PNG files alone."""
REGULAR = {xml: regular for regular, xml in IRREGULAR.items()}


class Exam(NamedTuple):
    """A report as either layout has it."""

    number: int
    text: dict[str, str]
    """As released, by section; blank where there is none."""
    codes: tuple[str, ...]
    pictures: tuple[str, ...]
    """Keys in the order of the release."""
    origin: Origin


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a report: XML files by name, the rows of the Kaggle table in their order."""
    projections = _projections(release)
    reports = release.find(REPORTS, PACKED, KAGGLE)
    if reports.endswith(".csv"):
        exams = _kaggle(release, reports, list(projections))
    else:
        exams = _xml(release)
    pictures = release.pictures()
    seen: set[int] = set()
    for exam in exams:
        if exam.number in seen:
            release.reject(exam.origin.file, exam.origin.row, "duplicate_report", str(exam.number))
            continue
        seen.add(exam.number)
        yield Study(
            source=release.source,
            id=f"CXR{exam.number}",
            people=(f"{release.source}:{exam.number}",),
            images=tuple(_image(key, projections.get(key), pictures) for key in exam.pictures),
            report=_report(exam),
            codes=exam.codes,
            origin=exam.origin,
        )


def _xml(release: Release) -> Iterator[Exam]:
    for path, data in release.documents(REPORTS, archives=(PACKED,)):
        try:
            root = release.xml(data, path)
        except ReleaseError:
            release.reject(path, None, "bad_xml", "not well-formed; unpack the archive again")
            continue
        identity = root.find("uId")
        name = re.fullmatch(r"CXR(\d+)", "" if identity is None else identity.get("id", ""))
        if name is None:
            release.reject(path, None, "no_report_id", "uId is not CXR and a number")
            continue
        yield Exam(
            number=int(name[1]),
            text=_abstract(root),
            codes=tuple(term.text.strip() for term in root.iterfind("MeSH/major") if term.text),
            pictures=tuple(picture.get("id", "") for picture in root.iterfind("parentImage")),
            origin=Origin(file=path),
        )


def _abstract(root: Element) -> dict[str, str]:
    texts = {
        part.get("Label", "").lower(): part.text or ""
        for part in root.iterfind("MedlineCitation/Article/Abstract/AbstractText")
    }
    return {name: texts.get(name, "") for name in SECTIONS}


def _kaggle(release: Release, reports: str, keys: list[str]) -> Iterator[Exam]:
    pictures: dict[str, tuple[str, ...]] = {}
    for key in keys:
        study = key.partition("_")[0]
        pictures[study] = (*pictures.get(study, ()), key)
    for row in release.table(reports, COLUMNS):
        if not row["number"].isdecimal():
            release.reject(reports, row.line, "no_report_id", "uid is not a number")
            continue
        number = int(row["number"])
        yield Exam(
            number=number,
            text={name: row[name] for name in SECTIONS},
            codes=tuple(filter(None, row["codes"].split(";"))),
            pictures=pictures.pop(f"CXR{number}", ()),
            origin=Origin(file=reports, row=row.line),
        )
    for study in pictures:
        release.reject(reports, None, "no_report", f"pictures of {study} are without a report")


def _projections(release: Release) -> dict[str, str]:
    """``Frontal`` or ``Lateral`` by key, in the order of the table; empty without the table."""
    path = release.find("indiana_projections.csv", required=False)
    projections: dict[str, str] = {}
    columns = {"file": "filename", "projection": "projection"}
    for row in release.table(path, columns) if path else ():
        if row["projection"] not in PROJECTIONS:
            release.reject(str(path), row.line, "unknown_projection", "neither Frontal nor Lateral")
        key = "CXR" + row["file"].removesuffix(".png").removesuffix(".dcm")
        projections[IRREGULAR.get(key, key)] = row["projection"]
    return projections


def _image(key: str, projection: str | None, pictures: PictureIndex) -> Image:
    """The picture by its PNG name, or by what Kaggle or the DICOM files call it."""
    bare = REGULAR.get(key, key).removeprefix("CXR")
    return Image(
        key=key,
        path=pictures.get(key) or pictures.get(f"{bare}.dcm.png") or pictures.get(bare),
        view=PROJECTIONS.get(projection or ""),
        view_name=projection,
        view_source="table" if projection else None,
    )


def _report(exam: Exam) -> Report | None:
    sections = clean_openi(exam.text)
    released = {name: " ".join(text.split()) for name, text in exam.text.items() if text.strip()}
    if not released:
        return None
    whole = "\n".join(f"{name.upper()}: {text}" for name, text in released.items())
    return Report(
        sections=sections,
        raw=None if sections == released else whole,
        origin=exam.origin,
    )
