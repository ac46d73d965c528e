"""MIMIC-III (Johnson et al., Sci Data 2016): chest radiology notes of the table NOTEEVENTS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from xxhash import xxh3_64_intdigest

from chexinstruct.release import Release, Row
from chexinstruct.reports import NotOneReport, section_mimic_iii
from chexinstruct.schema import Modality, Origin, Report, Study
from chexinstruct.source import Parent

NOTES = "NOTEEVENTS.csv"
COLUMNS = {  # in capitals in version 1.4, in lower case in copies of a database
    name: (name.upper(), name)
    for name in (
        "row_id",
        "subject_id",
        "chartdate",
        "charttime",
        "category",
        "description",
        "iserror",
        "text",
    )
}
RADIOLOGY = "Radiology"
WITHDRAWN = "1"

CT_CHEST = frozenset(
    {
        "CHEST CTA WITH CONTRAST",
        "CT CHEST AND ABDOMEN W/O CONTRAST",
        "CT CHEST W&W/O C",
        "CT CHEST W/CONT+RECONSTRUCTION",
        "CT CHEST W/CONTRAST",
        "CT CHEST W/CONTRAST W/ONC TABLE",
        "CT CHEST W/O CONTRAST W/ONC TABLES",
        "CT STEREOTAXIS CHEST W/ CONTRAST",
        "CTA CHEST W&W/O C &RECONS",
        "CTA CHEST W&W/O C&RECONS, NON-CORONARY",
        "P CTA CHEST W&W/O C&RECONS, NON-CORONARY PORT",
    }
)
"""The names that make up the group CT_chest of MIMIC-RRS (Chen et al., ACL 2023), to the letter."""
VIEW_WORD = re.compile(
    r"AND|AP|APICAL|BABYGRAM|BOTH|CHEST|CXR|DECUB|DECUBITUS|EXPIRATORY|FRONTAL|IN|INSPIRATORY|LAT"
    r"|LATERAL|LINE|LORDOTIC|O\.R|OBL|OBLIQUES?|ONLY|OP|PA|PLACEMENT|PORT|PORTABLE|PRE|SGL|SINGLE"
    r"|SUPINE|TRAUMA|TUBE|UPRIGHT|VIEWS?"
)
"""A name made of such words alone is that of a radiograph of nothing but the chest."""
WORD = re.compile(r"[A-Z]+(?:\.[A-Z])*")
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}:\d{2}).*)?")


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a note on a chest radiograph or chest CT, in the order of the table.

    The table is read once, row by row. What is kept of the notes is a number each, by which a
    person's second copy of a text is told.
    """
    table = release.find(NOTES)  # rejects quote no cell, since a shifted row may hold text in any
    seen: set[int] = set()
    for row in release.table(table, COLUMNS):
        if row["category"] != RADIOLOGY:
            release.reject(table, row.line, "not_radiology", expected=True)
            continue
        modality = examined(row["description"])
        if modality is None:
            chest = "CHEST" in row["description"].upper()
            reason = "other_chest_examination" if chest else "other_examination"
            release.reject(table, row.line, reason, expected=True)
            continue
        report = _report(release, table, row, modality, seen)
        if report is None:
            continue
        yield Study(
            source=release.source,
            id=row["row_id"],
            order=_order(release, table, row),
            people=(f"{release.source}:{row['subject_id']}",),
            report=report,
            selection="mimic_rrs_ct_chest" if modality == "CT" else "chest_radiograph_by_name",
            origin=Origin(file=table, row=row.line),
        )


@lru_cache(maxsize=4096)
def examined(name: str) -> Modality | None:
    """How an examination of the chest was made, by its name; None for all other examinations."""
    if name in CT_CHEST:
        return "CT"
    words = WORD.findall(name.upper())
    if not {"CHEST", "CXR"}.isdisjoint(words) and all(
        VIEW_WORD.fullmatch(word) or (i == 0 and len(word) == 1)
        for i, word in enumerate(words)  # a name may begin with the letter of a place
    ):
        return "radiograph"
    return None


def _report(
    release: Release, table: str, row: Row, modality: Modality, seen: set[int]
) -> Report | None:
    """The report of a note, where it is one that counts."""
    if not (row["row_id"].isdecimal() and row["subject_id"].isdecimal()):
        release.reject(table, row.line, "bad_id", "ROW_ID or SUBJECT_ID is no number")
        return None
    if row["iserror"] == WITHDRAWN:
        release.reject(table, row.line, "withdrawn", "ISERROR is 1", expected=True)
        return None
    same = xxh3_64_intdigest(f"{row['subject_id']} {row['text']}".encode())
    if same in seen:
        detail = "its patient has a note of the same text above"
        release.reject(table, row.line, "duplicate_note", detail, expected=True)
        return None
    seen.add(same)
    try:
        sections = section_mimic_iii(row["text"], modality)
    except NotOneReport as problem:
        release.reject(table, row.line, problem.reason, expected=True)
        return None
    if sections.keys().isdisjoint(("findings", "impression")):
        release.reject(table, row.line, "no_findings_or_impression", expected=True)
        return None
    return Report(
        sections=sections,
        raw=row["text"],
        modality=modality,
        origin=Origin(file=table, row=row.line),
    )


def _order(release: Release, table: str, row: Row) -> str | None:
    """Date and time as a text that sorts; a note without a time stands first on its day."""
    date, time = DATE.fullmatch(row["chartdate"]), DATE.fullmatch(row["charttime"])
    if date is None or (row["charttime"] and time is None):
        release.reject(table, row.line, "bad_time", "CHARTDATE or CHARTTIME is no date; set aside")
        return None
    clock = time[2] if time else None
    return f"{date[1]} {clock or '00:00:00'} {int(row['row_id']):08d}"
