"""What the file name and the JSON sidecar of a BIMCV-COVID19+ picture say of it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from sys import intern
from typing import Any, NamedTuple

import msgspec

from chexinstruct.release import Release
from chexinstruct.schema import Image, View, ViewSource
from chexinstruct.vocabulary import FRONTAL, view

NAME = re.compile(
    r"(?P<stem>(?P<subject>sub-S\d+)_(?P<session>ses-E\d+)(?P<tags>(?:_[a-z]+-[A-Za-z0-9]+)*)"
    r"_(?P<kind>[a-z]+))\.(?P<suffix>png|json|nii|nii\.gz)"
)
"""``sub-S03427_ses-E06828_run-1_bp-chest_vp-pa_dx.png`` and its sidecar of the same stem."""
RADIOGRAPHS = ("cr", "dx")
BODY_PART = "_bp-chest"

SIDECARS = "*_[cd][rx].json"
PACKED = ("*metadata*.tar.gz",)
"""Archives that may hold the sidecars apart from the pictures."""

Tags = Mapping[str, Any]
TEXTS = ("0008103E", "00181030", "00181400")
"""SeriesDescription, ProtocolName, AcquisitionDeviceProcessingDescription: what the technician
chose for this one exposure. The description of the study names all its views and is not read."""


class Sidecar(NamedTuple):
    """The attributes used of one sidecar; blank where it has none."""

    path: str = ""
    """Of the sidecar, inside the release."""
    date: str = ""
    time: str = ""
    age: str = ""
    sex: str = ""
    position: str = ""
    """ViewPosition."""
    text: str = ""
    inverted: bool = False
    window: tuple[float, float] | None = None


NOTHING = Sidecar()
"""Of a picture without a sidecar."""
DATE = len("20200301")


def sidecars(release: Release) -> dict[str, Sidecar]:
    """The sidecars by the stem of the picture; one file is read at a time, and little is kept."""
    found: dict[str, Sidecar] = {}
    for path, data in release.documents(SIDECARS, archives=PACKED):
        name = NAME.fullmatch(path.rpartition("/")[2])
        try:
            content = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            release.reject(path, None, "bad_sidecar", "no JSON object; its picture does without")
            continue
        if name:
            found[name["stem"]] = _sidecar(path, content)
    return found


def _sidecar(path: str, content: Tags) -> Sidecar:
    tags = {key.upper(): value for key, value in content.items()}
    return Sidecar(
        path=path,
        date=intern(_first(tags, "00080020").replace("-", "")),
        time=_first(tags, "00080030").replace(":", ""),
        age=intern(_first(tags, "00101010")),
        sex=intern(_first(tags, "00100040")),
        position=intern(_first(tags, "00185101")),
        text=intern(" ".join(filter(None, (_first(tags, tag) for tag in TEXTS)))),
        inverted=_first(tags, "00280004").upper() == "MONOCHROME1",
        window=_window(tags),
    )


def _first(tags: Tags, tag: str) -> str:
    """The first value of an attribute, written plainly or as ``{"vr": .., "Value": [..]}``."""
    value = tags.get(tag)
    if isinstance(value, dict):
        value = value.get("Value")
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _number(tags: Tags, tag: str) -> float | None:
    try:
        number = float(_first(tags, tag).split("\\")[0])
    except ValueError:
        return None
    return number if isfinite(number) else None


def _window(tags: Tags) -> tuple[float, float] | None:
    """Center and width of the first window, in stored values.

    A window counts in rescaled values (PS3.3 C.11.2.1.2), so the rescaling is undone. Pictures of
    8 bits are windowed already.
    """
    center, width = _number(tags, "00281050"), _number(tags, "00281051")
    slope, intercept = _number(tags, "00281053"), _number(tags, "00281052")
    if center is None or width is None or width < 1 or (_number(tags, "00280101") or 16) <= 8:
        return None
    if not slope:
        return center, width
    return (center - (intercept or 0)) / slope, width / abs(slope)


def images(paths: Mapping[str, str | None], known: Mapping[str, Sidecar]) -> tuple[Image, ...]:
    """The pictures of one session, by stem, in the order given."""
    stated = {stem: _stated(stem, known.get(stem, NOTHING)) for stem in paths}
    return tuple(
        _image(stem, path, known.get(stem, NOTHING), stated) for stem, path in paths.items()
    )


def _image(
    stem: str, path: str | None, sidecar: Sidecar, stated: Mapping[str, frozenset[View]]
) -> Image:
    name = sidecar.position or _tag(stem, "vp") or None
    source: ViewSource = "header" if sidecar.position or _told(sidecar.text) else "filename"
    settled = _view(stem, sidecar, stated)
    return Image(
        key=stem,
        path=path,
        view=settled,
        view_name=name,
        view_source=source if settled or name else None,
        inverted=sidecar.inverted,
        window=sidecar.window,
    )


def _tag(stem: str, name: str) -> str:
    found = re.search(rf"_{name}-([A-Za-z0-9]+)", stem)
    return found[1] if found else ""


_FRONTAL_WORDS: Mapping[View, re.Pattern[str]] = {
    "PA": re.compile(r"\b(?:pa|p\.a\.?|postero ?anterior)\b"),
    "AP": re.compile(r"\b(?:ap|a\.p\.?|antero ?posterior)\b"),
}
_FRONTAL_WORD = re.compile(r"\bfrontal\b")
_LATERAL_WORD = re.compile(r"\b(?:lat|lateral|ll|perfil)\b")


def _told(text: str) -> set[View | None]:
    """The projections that a series text names; None for a frontal one without PA or AP."""
    plain = unicodedata.normalize("NFD", text.lower().replace("_", " ").replace("-", " "))
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    told: set[View | None] = {v for v, word in _FRONTAL_WORDS.items() if word.search(plain)}
    if _FRONTAL_WORD.search(plain):
        told.add(None)
    if _LATERAL_WORD.search(plain) and "decub" not in plain:
        told.add("LATERAL")
    return told


def _stated(stem: str, sidecar: Sidecar) -> frozenset[View]:
    """The projections that ViewPosition and file name give; LL is only another word for lateral."""
    views = {view(sidecar.position), view(_tag(stem, "vp"))}
    return frozenset("LATERAL" if v == "LL" else v for v in views if v not in (None, "OTHER"))


def _view(stem: str, sidecar: Sidecar, stated: Mapping[str, frozenset[View]]) -> View | None:
    """The projection where it is told beyond doubt, else None.

    ViewPosition and ``vp-`` call many lateral pictures PA or AP, second acquisitions above all, as
    consoles do that are left at their default; so "lateral" in the series text wins, and a lateral
    one is believed. Otherwise all that is said must agree. A frontal one that no series text
    confirms is believed of a first acquisition, if no other picture of the session claims the same.
    """
    told = _told(sidecar.text)
    if told == {"LATERAL"}:
        return "LATERAL"
    named = stated[stem] | (told - {None})
    if len(named) != 1:
        return None
    (only,) = named
    if only not in FRONTAL:
        return None if None in told else only
    rivals = sum(only in views for views in stated.values()) > 1
    if not told and (rivals or _tag(stem, "acq") not in ("", "1")):
        return None
    return only


def order(moments: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
    """The sort key of each session of one person, from the moments of its pictures.

    A moment begins with the date and may lack the time. None where no date is known, and where two
    sessions of one day have not both a time to tell them apart.
    """
    first = {session: min(times, default="") for session, times in moments.items()}
    days = Counter(moment[:DATE] for moment in first.values())
    vague = {moment for moment in first.values() if len(moment) == DATE and days[moment] > 1}
    return {
        session: f"{moment} {session}" if moment and moment[:DATE] not in vague else None
        for session, moment in first.items()
    }
