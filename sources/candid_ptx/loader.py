"""CANDID-PTX (Feng et al. 2021): one table a finding, run lengths as SIIM-ACR has them, reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from chexinstruct.release import Columns, PictureIndex, Release, Row
from chexinstruct.reports import is_silent_on, section_candid
from chexinstruct.schema import Label, Origin, Region, Report, State, Study
from chexinstruct.shared import dicom_pictures
from chexinstruct.shared.patients import age, sex
from chexinstruct.shared.siim_masks import NONE_DRAWN, siim_masks
from chexinstruct.source import Parent

REPORTS = "Pneumothorax_reports.csv"
COLUMNS: Columns = {
    "image": "SOPInstanceUID",
    "study": "StudyInstanceUID",
    "mask": "EncodedPixels",
    "report": "Report",
    "file": "filename",
}
PNEUMOTHORAX = "pneumothorax"

LISTS = {
    "rib fracture": ("Rib_fracture_mask_rle.csv", "acute_rib_fracture.csv"),
    "chest tube": ("chest_tube.csv",),
}
"""Tables of findings that list the pictures with a mask, and few or none without."""
LIST_COLUMNS: Columns = {"image": "anon_SOPUID", "mask": "mask_rle"}

GRID = (1024, 1024)
"""Masks live on the released 1024 x 1024 grid, whatever size the copy at hand has."""

RASTER = (".png", ".jpg", ".jpeg")
PICTURES = ("", ".dcm", ".dicom", *RASTER)
"""The released DICOM files are named by their UID alone."""
UID_NAME = re.compile(r"(\d+(?:\.\d+)+)(?:\.[a-z]+)?", re.IGNORECASE)
TAGS = ("PatientSex", "PatientAge", *dicom_pictures.TAGS)

PATIENT = re.compile(r"P\d+(?![^\W_])")
"""How the column ``filename`` begins."""
DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)(?!\d)")
"""The anonymised date in it; day and month first would be a guess."""


@dataclass
class _Owners:
    """Whose a picture is, by all its rows."""

    patients: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _List:
    """The rows of a list by picture, and the people who have a mask in it."""

    table: str
    rows: dict[str, list[Row]]
    people: set[str]


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """The studies by study id, each with its pictures by picture id."""
    table = release.find(REPORTS)
    owners = _owners(release, table)
    lists = _lists(release, owners)
    pictures = release.pictures(PICTURES)

    def study_id(group: tuple[tuple[str, ...], list[Row]]) -> str:
        (study, image), _ = group
        return study or image

    groups = release.grouped(table, COLUMNS, by=("study", "image"))
    for study, members in groupby(groups, key=study_id):
        rows = {}
        for (_, image), image_rows in members:
            line = image_rows[0].line
            if not image:
                release.reject(table, line, "no_image_id", "SOPInstanceUID is blank")
            elif len(owners[image].patients) > 1:  # one such picture is known of the release
                release.reject(table, line, "two_patients", image, expected=True)
            elif len(owners[image].studies) > 1:
                release.reject(table, line, "two_studies", image)
            else:
                rows[image] = image_rows
        if rows:
            yield _study(release, table, study, rows, pictures, lists)
    for path in release.files:
        match = UID_NAME.fullmatch(path.rpartition("/")[2])
        if match and match[1] not in owners:
            release.reject(path, None, "unlabelled_picture", expected=True)


def _owners(release: Release, table: str) -> dict[str, _Owners]:
    owners: dict[str, _Owners] = {}
    for row in release.table(table, COLUMNS):
        owner = owners.setdefault(row["image"], _Owners())
        owner.studies.add(row["study"])
        if patient := PATIENT.match(row["file"]):
            owner.patients.add(patient[0])
        else:
            detail = "filename should begin with P and a number; the study is taken for a patient"
            release.reject(table, row.line, "no_patient", detail)
    return owners


def _person(row: Row) -> str:
    patient = PATIENT.match(row["file"])
    return patient[0] if patient else row["study"] or row["image"]


def _lists(release: Release, owners: Mapping[str, _Owners]) -> dict[str, _List]:
    """The lists at hand, by finding."""
    lists = {}
    for finding, names in LISTS.items():
        if (path := release.find(*names, required=False)) is None:
            continue
        found = _List(path, {}, set())
        for row in release.table(path, LIST_COLUMNS):
            owner = owners.get(row["image"])
            if owner is None:
                release.reject(path, row.line, "not_in_reports", row["image"], expected=True)
                continue
            found.rows.setdefault(row["image"], []).append(row)
            if row["mask"] != NONE_DRAWN:
                found.people.update(owner.patients or owner.studies or {row["image"]})
        lists[finding] = found
    return lists


def _study(
    release: Release,
    table: str,
    study: str,
    rows: Mapping[str, list[Row]],
    pictures: PictureIndex,
    lists: Mapping[str, _List],
) -> Study:
    every = [row for image_rows in rows.values() for row in image_rows]
    people = sorted({_person(row) for row in every})
    report = _report(release, table, every)
    said = _Said(release)
    for image, image_rows in rows.items():
        said.in_table(table, PNEUMOTHORAX, image, image_rows)
        for finding, found in lists.items():
            if listed := found.rows.get(image):
                said.in_table(found.table, finding, image, listed)
            elif (
                report is not None
                and found.people.isdisjoint(people)
                and is_silent_on(str(report.raw), finding)
            ):
                said.report_silent(finding, image)
    paths = {image: pictures.get(image) for image in rows}
    headers = {image: _header(release, path) for image, path in paths.items()}
    first, header = next(iter(headers.items()))
    return Study(
        source=release.source,
        id=study,
        order=_order(every),
        people=tuple(f"{release.source}:{person}" for person in people),
        age=age(release, paths[first] or "", None, header["PatientAge"]),
        sex=sex(header["PatientSex"]),
        images=tuple(
            dicom_pictures.described(image, paths[image], headers[image]) for image in rows
        ),
        report=report,
        label_sets=tuple(dict.fromkeys(x.finding.replace(" ", "_") for x in said.labels)),
        labels=tuple(said.labels),
        regions=tuple(said.regions),
        origin=Origin(file=table, row=min(row.line for row in every)),
    )


class _Said:
    """What is known of each picture of a study."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.labels: list[Label] = []
        self.regions: list[Region] = []

    def in_table(self, table: str, finding: str, image: str, rows: list[Row]) -> None:
        """A picture has what its rows say; of a blank one nothing is known."""
        told = [row for row in rows if row["mask"]]
        for row in rows:
            if not row["mask"]:
                self._release.reject(table, row.line, "blank_mask", expected=True)
        if not told:
            return
        masks = siim_masks(self._release, table, told, image=image, finding=finding, frame=GRID)
        if masks is not None:
            state: State = "present" if masks else "absent"
            self.labels.append(Label(finding=finding, state=state, image=image))
            self.regions += masks

    def report_silent(self, finding: str, image: str) -> None:
        """A picture lacks a finding of which its report does not speak.

        This holds only where nobody drew it in any picture of the patient: a fracture that was told
        once is not told again in every report.
        """
        self.labels.append(Label(finding=finding, state="absent", method="inferred", image=image))


def _report(release: Release, table: str, rows: Iterable[Row]) -> Report | None:
    """The report that all rows of a study repeat; none where they differ or hold no word."""
    first: dict[str, Row] = {}
    for row in rows:
        if any(map(str.isalpha, row["report"])):
            first.setdefault(" ".join(row["report"].split()), row)
    if len(first) > 1:
        line = list(first.values())[1].line
        release.reject(table, line, "reports_differ", "two reports of one study; none is used")
        return None
    for row in first.values():
        text = row["report"]
        return Report(
            sections=section_candid(text), raw=text, origin=Origin(file=table, row=row.line)
        )
    return None


def _order(rows: Iterable[Row]) -> str | None:
    """The first date in the names of the study's files, as ``YYYYMMDD``."""
    dates = []
    for row in rows:
        for year, _, month, day in DATE.findall(row["file"]):
            with suppress(ValueError):
                dates.append(date(int(year), int(month), int(day)))
    return f"{min(dates):%Y%m%d}" if dates else None


def _header(release: Release, path: str | None) -> dict[str, str]:
    """The attributes of the DICOM file; all blank where there is none."""
    is_dicom = path is not None and not path.lower().endswith(RASTER)
    return release.dicom_text(path if is_dicom else None, TAGS)
