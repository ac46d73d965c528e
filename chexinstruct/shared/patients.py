"""Facts of a patient and of a study as tables and DICOM headers spell them."""

from __future__ import annotations

import re
from typing import Literal

from chexinstruct.release import Release

Sex = Literal["F", "M", "O"]

OLDEST = 110
"""Years; what lies above is an error of the release (the 2017 table of ChestX-ray14 has 414)."""

_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{1,6}(?:\.\d*)?")
_AGE = re.compile(r"(\d+)([YMWD]?)")
_PER_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}


def sex(text: str) -> Sex | None:
    """F, M or O (DICOM PS3.3 C.7.1.1), also from ``Female`` and ``Male``; else None."""
    match text.strip().upper():
        case "F" | "FEMALE":
            return "F"
        case "M" | "MALE":
            return "M"
        case "O":
            return "O"
    return None


def age(
    release: Release, file: str, row: int | None, text: str, *, youngest: float = 0
) -> float | None:
    """Years from ``62`` or an age string such as ``062Y``, ``018M`` (DICOM PS3.5 6.2).

    Blank gives None; what cannot be an age of a patient is set aside as an expected reject of the
    release, and the rest of its row is kept. ``youngest`` is for releases in which 0 stands for
    an unknown age.
    """
    if not text.strip():
        return None
    match = _AGE.fullmatch(text.strip().upper())
    years = int(match[1]) / _PER_YEAR[match[2]] if match else None
    if years is None or not youngest <= years <= OLDEST:
        release.reject(file, row, "implausible_age", "age set aside", expected=True)
        return None
    return years


def moment(date: str, time: str) -> str | None:
    """Date and time as a text that sorts (DICOM PS3.5 6.2); None where either is missing.

    Tables keep times as numbers, so that leading zeros are lost: 80556.875 is 08:05:56.875.

    Raises:
        ValueError: not ``YYYYMMDD`` and ``HHMMSS.ffffff``.
    """
    if not (date and time):
        return None
    if not (_DATE.fullmatch(date) and _TIME.fullmatch(time)):
        raise ValueError("StudyDate or StudyTime is not YYYYMMDD and HHMMSS.fff")
    whole, _, fraction = time.partition(".")
    return f"{date} {whole:0>6}.{fraction:0<6}"
