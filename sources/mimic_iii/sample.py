"""A tiny NOTEEVENTS with every quirk of the real one; all notes are invented."""

from __future__ import annotations

import gzip
from pathlib import Path

from chexinstruct.synthetic import save

from .texts import DUPLICATE, NOTES, Note

VARIANTS = ("wget", "plain", "lower")

HEADER = (
    '"ROW_ID","SUBJECT_ID","HADM_ID","CHARTDATE","CHARTTIME","STORETIME","CATEGORY","DESCRIPTION"'
    ',"CGID","ISERROR","TEXT"'
)
FIRST_ROW_ID = 700_001
RULE = " " + "_" * 78


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: the mirrored tree, packed; ``plain``: unpacked; ``lower``: names in lower case."""
    home = "" if variant == "plain" else "physionet.org/files/mimiciii/1.4/"
    table = _table(HEADER.lower() if variant == "lower" else HEADER)
    notes: dict[str, bytes | str] = (
        {"NOTEEVENTS.csv": table}
        if variant == "plain"
        else {f"{home}NOTEEVENTS.csv.gz": gzip.compress(table.encode(), mtime=0)}
    )
    others: dict[str, bytes | str] = {
        f"{home}PATIENTS.csv": '"ROW_ID","SUBJECT_ID","GENDER"\n1,101,"F"\n',  # not read
        f"{home}LICENSE.txt": "PhysioNet Credentialed Health Data License\n",
    }
    save(folder, notes | others)


def _table(header: str) -> str:
    """Text stands in quotes, numbers and empty cells do not, as in the release."""
    lines = [header]
    for i, note in enumerate(NOTES):
        time = f"{note.date} {note.time}:00" if note.time else None
        cells = (
            FIRST_ROW_ID + i,
            note.subject,
            1000 + note.subject if note.subject % 2 else None,
            note.date,
            time,
            time,
            note.category,
            note.description,
            None,
            "1" if note.withdrawn else None,
            _text(NOTES[i - 1] if note is DUPLICATE else note),
        )
        lines.append(",".join(map(_cell, cells)))
    return "\n".join(lines) + "\n"


def _cell(value: int | str | None) -> str:
    if isinstance(value, str):
        doubled = value.replace('"', '""')
        return f'"{doubled}"'
    return "" if value is None else str(value)


def _text(note: Note) -> str:
    if note.category != "Radiology":
        return note.body.strip("\n")
    head = _head(note)
    title = "PRELIMINARY READ" if note.preliminary else "FINAL REPORT"
    lines = note.body.strip("\n").replace("PAGE BREAK", f"{' ' * 60}(Over)\n\n{head}(Cont)")
    body = "\n".join(line if line.startswith("[**") else f" {line}" for line in lines.split("\n"))
    reason = f" REASON FOR THIS EXAMINATION:\n      {note.reason}\n{RULE}\n" if note.reason else ""
    return f"{head}{reason}{title:>45}\n{body}\n"


def _head(note: Note) -> str:
    return (
        f"[**{note.date}**] {note.time or '12:00'}\n"
        f" {note.description:<60}  Clip # [**Clip Number (Radiology) {note.subject}**]\n"
        f" Reason: {note.reason[:20] or 'as ordered'}\n"
        f" Admitting Diagnosis: AS CODED\n{RULE}\n"
    )
