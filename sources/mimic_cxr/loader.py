"""MIMIC-CXR (Johnson et al., Sci Data 2019): tables of the JPEG or DICOM release, and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Columns, Release
from chexinstruct.reports import section_mimic
from chexinstruct.schema import Image, Label, Origin, Report, Split, Study
from chexinstruct.shared.chexpert_labels import COLUMNS, read_labels
from chexinstruct.shared.patients import moment
from chexinstruct.shared.srrg import StructuredFindings
from chexinstruct.source import Parent
from chexinstruct.vocabulary import view

METADATA = "mimic-cxr-*-metadata.csv"
METADATA_COLUMNS = {
    "image": "dicom_id",
    "subject": "subject_id",
    "study": "study_id",
    "view": "ViewPosition",
    "height": "Rows",
    "width": "Columns",
    "date": "StudyDate",
    "time": "StudyTime",
}
METADATA_OPTIONAL = {"view_code": "ViewCodeSequence_CodeMeaning"}
RECORDS = "cxr-record-list.csv"
RECORD_COLUMNS = {"image": "dicom_id", "subject": "subject_id", "study": "study_id"}
HEADER_TAGS = {
    "view": "ViewPosition",
    "height": "Rows",
    "width": "Columns",
    "date": "StudyDate",
    "time": "StudyTime",
}

LABEL_COLUMNS: Columns = {"study": "study_id", **COLUMNS}
SPLITS: dict[str, Split] = {"train": "train", "validate": "validation", "test": "test"}

SUBJECT, STUDY = re.compile(r"1\d{7}"), re.compile(r"5\d{7}")
REPORT = re.compile(r"(?:^|(?<=/))p1\d/p1\d{7}/s5\d{7}\.txt$")

Facts = Mapping[str, str]
"""What the table or a DICOM header says of a picture, under our names of the table's columns."""
LabelTable = dict[str, tuple[Label, ...]]


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """The studies by subject and study id, each with its pictures in the order of the table."""
    table = release.find(METADATA, RECORDS)
    described = "metadata" in table.rpartition("/")[2]
    rows_by_study = release.grouped(
        table,
        METADATA_COLUMNS if described else RECORD_COLUMNS,
        by=("subject", "study"),
        optional=METADATA_OPTIONAL if described else {},
    )
    splits = _splits(release)
    sets = {
        "radiologists": _labels(release, "mimic-cxr-*-test-set-labeled.csv"),
        "chexpert": _labels(release, "mimic-cxr-*-chexpert.csv"),
    }
    pictures = release.pictures()
    suffix = ".jpg" if described else ".dcm"  # where a copy of the release holds both
    reports = _report_roots(release)
    structured = StructuredFindings(release)
    for (subject, study), rows in rows_by_study:
        line = rows[0].line
        if not (SUBJECT.fullmatch(subject) and STUDY.fullmatch(study)):
            for row in rows:
                release.reject(table, row.line, "bad_id", "no subject_id 1... and study_id 5...")
            continue
        images, moments = [], []
        for row in rows:
            path = pictures.get(row["image"] + suffix)
            facts = row if described else _header(release, path)
            published = f"files/p{subject[:2]}/p{subject}/s{study}/{row['image']}{suffix}"
            images.append(_image(row["image"], path, published, facts, described))
            try:
                moments.append(moment(facts["date"], facts["time"]))
            except ValueError as error:
                release.reject(table, row.line, "bad_time", str(error))
        earliest = min(filter(None, moments), default=None)
        applied = next((name for name, labels in sets.items() if study in labels), None)
        split = splits.get(subject)
        report = _report(release, reports, subject, study, Origin(file=table, row=line))
        yield Study(
            source=release.source,
            id=f"s{study}",
            order=f"{earliest} s{study}" if earliest else None,
            people=(f"{release.source}:{subject}",),
            split=split,
            split_origin="MIMIC-CXR-JPG split table" if split else None,
            images=tuple(images),
            report=structured.add_to(report, f"s{study}"),
            label_sets=(applied,) if applied else (),
            labels=sets[applied][study] if applied else (),
            origin=Origin(file=table, row=line),
        )
    structured.close()


def _image(key: str, path: str | None, published: str, facts: Facts, described: bool) -> Image:
    name = facts["view"] or facts.get("view_code")
    return Image(
        key=key,
        path=path,
        published=published,
        width=_pixels(facts["width"]),
        height=_pixels(facts["height"]),
        view=view(name),
        view_name=name or None,
        view_source=("table" if described else "header") if name else None,
    )


def _header(release: Release, path: str | None) -> Facts:
    """What the DICOM file says, where this copy of the release holds it."""
    header = None
    if path and path.lower().endswith((".dcm", ".dicom")):
        header = release.dicom_header(path, tuple(HEADER_TAGS.values()))
    return {ours: str(header.get(tag) or "") if header else "" for ours, tag in HEADER_TAGS.items()}


def _pixels(cell: str) -> int | None:
    return int(cell) if cell.isdecimal() and int(cell) else None


def _splits(release: Release) -> dict[str, Split]:
    """Official split by subject: the table is by picture, and constant within a subject."""
    path = release.find("mimic-cxr-*-split.csv", required=False)
    splits: dict[str, Split] = {}
    for row in release.table(path, {"subject": "subject_id", "split": "split"}) if path else ():
        split = SPLITS.get(row["split"])
        if split is None:
            release.reject(str(path), row.line, "unknown_split", f"not one of {', '.join(SPLITS)}")
        elif splits.setdefault(row["subject"], split) != split:
            release.reject(str(path), row.line, "split_conflict", "its subject has another split")
    return splits


def _labels(release: Release, pattern: str) -> LabelTable:
    """Labels by study."""
    path = release.find(pattern, required=False)
    found: LabelTable = {}
    for row in release.table(path, LABEL_COLUMNS) if path else ():
        labels = read_labels(release, str(path), row)
        if labels is not None:
            found[row["study"]] = labels
    return found


def _report_roots(release: Release) -> list[str]:
    """The folders, loose or in a zip archive, that hold ``p10/p10000032/s50414267.txt``."""
    matches = (REPORT.search(path) for path in release.files if path.endswith(".txt"))
    return sorted({match.string[: match.start()] for match in matches if match})


def _report(
    release: Release, roots: list[str], subject: str, study: str, row: Origin
) -> Report | None:
    name = f"p{subject[:2]}/p{subject}/s{study}.txt"
    path = next((root + name for root in roots if root + name in release.files), None)
    if path is None:
        if roots:
            release.reject(row.file, row.row, "missing_report", name, expected=True)
        return None
    try:
        text = release.text(path)
    except ReleaseError as error:
        release.reject(path, None, "unreadable_report", str(error))
        return None
    sections = section_mimic(text, study_id=study, exact=False).sections
    return Report(sections=sections, raw=text, origin=Origin(file=path))
