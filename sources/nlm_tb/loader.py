"""Montgomery County and Shenzhen chest X-ray sets (Jaeger et al. 2014): pictures and readings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chexinstruct.release import Release
from chexinstruct.schema import Image, Label, Origin, Report, Study
from chexinstruct.shared.patients import Sex, age, sex
from chexinstruct.source import Parent

FINDING = "tuberculosis"
SETS = ("MCUCXR", "CHNCXR")
"""Montgomery County and Shenzhen."""

NAME = re.compile(r"(?P<stem>(?P<set>MCU|CHN)CXR_(?P<number>\d{4})_(?P<label>[01]))")
PICTURES = (".png", ".jpg", ".jpeg")
READING = ".txt"
HOME = "CXR_png"
"""The folder of the radiographs, of which copies repeat some elsewhere."""

SEX_LINE = re.compile(r"patient\W?s\s+sex\W*([a-z]*)\W*", re.IGNORECASE)
AGE_LINE = re.compile(r"patient\W?s\s+age\W*(\d*)\s*([a-z]*)\W*", re.IGNORECASE)
HEADER = re.compile(r"(f(?:emale?)?|m(?:ale?)?)\b\W*(\d+)\s*([a-z]*)\b\W*", re.IGNORECASE)
"""``male 45yrs``, ``Female, 28 yrs``, ``femal 3months``; a reading may follow on the line."""
NORMAL = re.compile(r"\bnormal\b", re.IGNORECASE)
NOTHING_ELSE = re.compile(r"\W*normal\W*", re.IGNORECASE)


class Reading(NamedTuple):
    """What the text of a picture says."""

    sex: Sex | None
    age: float | None
    """Years."""
    raw: str
    """All of it."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, Shenzhen first, by number; the label is that of the file name."""
    release.find(*(f"{name}_????_[01]{end}" for end in (*PICTURES, READING) for name in SETS))
    pictures, readings = _files(release)
    for stem in sorted(pictures.keys() | readings.keys()):
        found = NAME.fullmatch(stem)
        assert found is not None
        picture, path = pictures.get(stem), readings.get(stem)
        positive = found["label"] == "1"
        reading = _reading(release, path, positive=positive) if path else None
        yield Study(
            source=release.source,
            id=stem,
            people=(f"{release.source}:{found['set']}_{found['number']}",),
            age=reading.age if reading else None,
            sex=reading.sex if reading else None,
            images=(Image(key=stem, path=picture, view="PA", view_source="inferred"),),
            report=Report(sections={}, raw=reading.raw, origin=Origin(file=str(path)))
            if reading and reading.raw
            else None,
            label_sets=("tuberculosis",),
            labels=(
                Label(finding=FINDING, state="present" if found["label"] == "1" else "absent"),
            ),
            origin=Origin(file=picture or str(path)),
        )


def _files(release: Release) -> tuple[dict[str, str], dict[str, str]]:
    """The pictures and the readings by stem; of several those in the released folders."""
    pictures: dict[str, str] = {}
    readings: dict[str, str] = {}
    for path in sorted(release.files, key=lambda path: (f"/{HOME}/" not in f"/{path}", path)):
        *folders, name = path.split("/")
        stem, dot, suffix = name.rpartition(".")
        suffix = dot + suffix.lower()
        if not name.startswith(SETS) or suffix not in (*PICTURES, READING):
            continue
        if suffix != READING and ("mask" in name.lower() or _holds_masks(folders)):
            continue
        known = readings if suffix == READING else pictures
        if not NAME.fullmatch(stem):
            release.reject(path, None, "unknown_name", "not ???CXR_number_label, label 0 or 1")
        elif known.setdefault(stem, path) != path:
            release.reject(path, None, "duplicate_file", f"{known[stem]} is read", expected=True)
    return pictures, readings


def _holds_masks(folders: list[str]) -> bool:
    """Whether files lie in a folder of lung masks: these have the names of the radiographs."""
    return bool(folders) and folders[-1].lower().endswith(("mask", "masks"))


def _reading(release: Release, path: str, *, positive: bool) -> Reading | None:
    """The text of a picture; None where it is empty or holds the texts of several.

    A text that says the contrary of the file name is counted, and the file name stands.
    """
    data = release.read(path)
    try:
        raw = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raw = data.decode("latin-1").strip()
    who: list[str] = []
    ages: list[str] = []
    findings: list[str] = []
    for line in filter(None, map(str.strip, raw.splitlines())):
        if found := SEX_LINE.fullmatch(line):
            who.append(found[1])
        elif found := AGE_LINE.fullmatch(line):
            ages.append(found[1] + found[2][:1])
        elif found := HEADER.match(line):
            who.append(found[1])
            ages.append(found[2] + found[3][:1])
            findings.append(line[found.end() :])
        else:
            findings.append(line)
    if len(who) > 1 or len(ages) > 1:
        release.reject(path, None, "several_readings", "more than one patient", expected=True)
        return None
    if not raw:
        release.reject(path, None, "empty_reading", expected=True)
        return None
    if not (who and ages):
        detail = "sex or age is not written as in other texts"
        release.reject(path, None, "unread_patient", detail, expected=True)
    text = " ".join(filter(None, findings))
    if text and (NOTHING_ELSE.fullmatch(text) if positive else not NORMAL.search(text)):
        detail = f"the file name says {'tuberculosis' if positive else 'normal'}"
        release.reject(path, None, "reading_disagrees", detail, expected=True)
    years = age(release, path, None, ages[0]) if ages else None
    return Reading(sex(who[0][:1]) if who else None, years, raw)
