"""Who is shown by the pictures of the RSNA pneumonia challenge of 2018.

All of them are pictures of ChestX-ray14 under new ids, one id a picture, so that an id says nothing
of the patient. Two tables tell which is which; both are read wherever they were put into a release
that holds such pictures:

- ``pneumonia-challenge-dataset-mappings_2018.json``, which the RSNA published with the pictures;
- ``rsna_nih_matches.csv``, the match of pixels by the torchxrayvision project as a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

import msgspec

from chexinstruct.release import Columns, Release

MAPPINGS = "pneumonia-challenge-dataset-mappings_2018.json"
MATCHES = "rsna_nih_matches.csv"

DOUBTFUL = 10.0
"""Mean squared error of two pictures above which they are not the same. In the table of 26,684 rows
nothing lies between 7.2 and 73.7; 98 rows lie above, and name a picture that was merely nearest."""

_COLUMNS: Columns = {"id": "patientId", "picture": ("nih_image", "cxr_match"), "error": "mse"}
_PICTURE = re.compile(r"(\d{8})_\d{3}\.png")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Mapped(msgspec.Struct, gc=False):
    """An entry of the RSNA's list, under its names."""

    subset_img_id: str
    img_id: str
    SOPInstanceUID: str


@dataclass(frozen=True)
class Matches:
    """What is known of the pictures of the challenge, by their ids."""

    persons: Mapping[str, str] = field(default_factory=dict)
    """Id -> the person, in the name space of ``nih_chestxray14``."""
    uids: Mapping[str, str] = field(default_factory=dict)
    """Id -> SOP instance UID, which names the file in the RSNA's own layout."""

    def people(self, picture: str) -> tuple[str, ...]:
        """All names of the person whom the picture of that id shows, as studies have them."""
        person = self.persons.get(picture)
        return (f"rsna_pneumonia:{picture}", *([person] if person else ()))


def is_id(text: str) -> bool:
    """Whether a text has the form of an id of the challenge, a UUID in lower case."""
    return _ID.fullmatch(text) is not None


def read_matches(release: Release) -> Matches:
    """The matches that stand in a release, the RSNA's own before those by pixels; maybe none.

    Rows that cannot be used are rejected: ``bad_match``; ``repeated_match``; and, as known of the
    match by pixels, ``doubtful_match``.

    Raises:
        ReleaseError: a table does not have the form that its publisher gave it.
    """
    if path := release.find(MAPPINGS, required=False):
        return _mapped(release, path)
    path = release.find(MATCHES, required=False)
    return _matched(release, path) if path else Matches()


def _mapped(release: Release, path: str) -> Matches:
    persons: dict[str, str] = {}
    uids: dict[str, str] = {}
    for number, entry in enumerate(release.json(path, list[_Mapped]), start=1):
        picture = entry.subset_img_id
        if picture in uids:
            release.reject(path, None, "repeated_match", f"entry {number} repeats an id")
            continue
        uids[picture] = entry.SOPInstanceUID
        if person := _person(entry.img_id):
            persons[picture] = person
        else:
            release.reject(path, None, "bad_match", f"entry {number} names no picture of NIH")
    return Matches(persons, uids)


def _matched(release: Release, path: str) -> Matches:
    persons: dict[str, str] = {}
    for row in release.table(path, _COLUMNS):
        person, error = _person(row["picture"]), _number(row["error"])
        if person is None or error is None:
            release.reject(path, row.line, "bad_match", "no name of a picture, or no error")
        elif error > DOUBTFUL:
            detail = f"the pictures differ by {error:g}"
            release.reject(path, row.line, "doubtful_match", detail, expected=True)
        elif row["id"] in persons:
            release.reject(path, row.line, "repeated_match", "an earlier row matches this id")
        else:
            persons[row["id"]] = person
    return Matches(persons)


def _person(picture: str) -> str | None:
    """``nih_chestxray14:4323`` of ``00004323_003.png``; None for what is no such name."""
    name = _PICTURE.fullmatch(picture)
    return f"nih_chestxray14:{int(name[1])}" if name else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
