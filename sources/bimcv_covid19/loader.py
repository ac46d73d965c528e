"""BIMCV-COVID19+ (de la Iglesia Vaya et al. 2020): a tree of sessions, and tables beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.reports import clean_bimcv
from chexinstruct.schema import Origin, Report, Study
from chexinstruct.shared.patients import age, moment, sex
from chexinstruct.source import Parent, registry

from .labels import PACKED_TABLES, Told, labels, reports
from .pictures import (
    BODY_PART,
    NAME,
    NOTHING,
    RADIOGRAPHS,
    Sidecar,
    images,
    order,
    sidecars,
)

PACKAGE_LISTS = "*.tar-tvf.txt"
LABEL_SET = "findings"
WRONG_TONE = frozenset(
    {
        "sub-S03936_ses-E08636",
        "sub-S04275_ses-E08736",
        "sub-S04190_ses-E08730",
        "sub-S03068_ses-E06592",
    }
)
"""Sessions with a picture that is stored inverted against its sidecar, or mirrored."""
TRANSLATIONS = "translations.csv"

Session = tuple[str, str]
"""Subject and session, ``sub-S03427`` and ``ses-E06828``."""


class Found(NamedTuple):
    """What a release names of one session."""

    pictures: dict[str, str | None]
    """Its radiographs: path by stem; None where this copy of the release lacks the file."""
    places: list[str]
    """Files of the release that name a radiograph, so that origins and rejects can be given."""
    other: list[str]
    """Those that name anything else, CT above all."""


class Patient(NamedTuple):
    """What the table of participants says of a subject."""

    age: str = ""
    sex: str = ""


class English(NamedTuple):
    """A translation that the user supplied."""

    text: str
    origin: Origin


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a session with radiographs, by subject and session."""
    known = sidecars(release)
    sessions = _sessions(release, known)
    if not sessions:
        raise ReleaseError(
            release.source,
            "no radiograph sub-S*_ses-E*_bp-chest*_cr.png or _dx.png found, no sidecar of one, and "
            "no list of a package that names one",
            fix="unpack the .tgz packages into the folder that holds the release",
        )
    subjects = {session: subject for subject, session in sessions}
    told = reports(release, subjects)
    english = _translations(release, subjects)
    patients = _participants(release)
    offered = registry()[release.source].card.label_sets[LABEL_SET].findings
    unknown: dict[str, list[Origin]] = {}
    for subject, group in groupby(sorted(sessions), key=itemgetter(0)):
        exams = {session: sessions[subject, session] for _, session in group}
        orders = order({s: _moments(release, exam, known) for s, exam in exams.items()})
        for session, exam in exams.items():
            said = told.get(session)
            origin = said.origin if said else Origin(file=exam.places[0])
            if said and said.excluded:
                detail = "labelled exclude: not a chest radiograph that could be read"
                release.reject(origin.file, origin.row, "excluded_by_label", detail, expected=True)
                continue
            if said and exam.other:
                detail = "the session also holds CT, which its report may be of; set aside"
                release.reject(origin.file, origin.row, "report_beside_ct", detail, expected=True)
            for stem, path in exam.pictures.items():
                if path and stem not in known:
                    release.reject(path, None, "no_sidecar", "tone unknown", expected=True)
            report = None if exam.other else _report(release, said, english.get(session))
            found = labels(said, offered, unknown) if said and not exam.other else ()
            first = next((known[stem] for stem in exam.pictures if stem in known), NOTHING)
            patient = patients.get(subject, Patient())
            yield Study(
                source=release.source,
                id=f"{subject}_{session}",
                order=orders[session],
                people=(f"{release.source}:{subject}",),
                age=age(release, exam.places[0], None, first.age or patient.age),
                sex=sex(first.sex or patient.sex),
                images=images(exam.pictures, known),
                report=report,
                label_sets=(LABEL_SET,) if found else (),
                labels=found,
                origin=origin,
                language=report.language if report else "en",
            )
    for name, where in unknown.items():
        detail = f"{name[:60]!r} in {len(where)} reports"
        release.reject(where[0].file, where[0].row, "unknown_finding", detail)


def _sessions(release: Release, known: Mapping[str, Sidecar]) -> dict[Session, Found]:
    """The sessions with radiographs: those at hand, and those that something names."""
    found: dict[Session, Found] = {}
    for place, file, path in _named(release, known):
        name = NAME.fullmatch(file)
        if name is None or name["suffix"] == "json":
            if path and file.lower().endswith(".png"):
                release.reject(path, None, "other_picture", "its name is no session's")
            continue
        session = (name["subject"], name["session"])
        exam = found.setdefault(session, Found({}, [], []))
        if name["suffix"] != "png" or name["kind"] not in RADIOGRAPHS:
            exam.other.append(place)
            reason = "not_a_radiograph"
        elif BODY_PART not in name["tags"]:
            reason = "other_body_part"
        elif "_".join(session) in WRONG_TONE:
            reason = "wrong_tone"
        else:
            there = exam.pictures.setdefault(name["stem"], path)
            exam.places.append(place)
            if path is None or there == path:
                continue
            reason = "duplicate_picture"
        if path:
            release.reject(path, None, reason, expected=True)
    for session, exam in list(found.items()):
        if exam.pictures:
            found[session] = exam._replace(pictures=dict(sorted(exam.pictures.items())))
            continue
        if exam.other:
            release.reject(exam.other[0], None, "ct_only_session", session[1], expected=True)
        del found[session]
    return found


def _named(release: Release, known: Mapping[str, Sidecar]) -> Iterator[tuple[str, str, str | None]]:
    """Where a file of a session is named, its name, and its path if it is there.

    The files themselves first; then sidecars without their picture, and the lists of packages.
    """
    for path in release.files:
        yield path, path.rpartition("/")[2], path
    for stem, sidecar in known.items():
        yield sidecar.path, f"{stem}.png", None
    for path in release.find_all(PACKAGE_LISTS):
        for _, line in release.lines(path):
            yield path, line.rpartition("/")[2], None


def _moments(release: Release, exam: Found, known: Mapping[str, Sidecar]) -> Iterator[str]:
    """Date and time, or the date alone, of each picture that has a date."""
    for stem in exam.pictures:
        sidecar = known.get(stem, NOTHING)
        try:
            # A time that can be read vouches for the date alone too.
            told = moment(sidecar.date, sidecar.time or "0")
        except ValueError as error:
            release.reject(sidecar.path, None, "bad_time", str(error))
            continue
        if told:
            yield told if sidecar.time else sidecar.date


def _report(release: Release, said: Told | None, english: English | None) -> Report | None:
    """The translation where there is one, else the Spanish report."""
    text = said.report if said else ""
    if english:
        sections = {"findings": english.text}
        return Report(sections=sections, raw=text or None, origin=english.origin)
    if said is None or not text:
        return None
    sections = clean_bimcv(text)
    if not sections:
        where = said.origin
        detail = "nothing but placeholders"
        release.reject(where.file, where.row, "placeholder_report", detail, expected=True)
        return None
    return Report(sections=sections, language="es", raw=text, origin=said.origin)


def _participants(release: Release) -> dict[str, Patient]:
    """Age and sex by subject; cells are plain or lists, and a list of several ages says nothing."""
    columns = {"subject": ("participant", "participant_id")}
    optional = {"age": "age", "sex": ("gender", "sex")}
    found: dict[str, Patient] = {}
    for path, content in release.documents("participants.tsv", archives=PACKED_TABLES):
        for row in release.table(path, columns, optional=optional, content=content):
            cells = (row[name].strip("[]'\" ") for name in ("age", "sex"))
            found.setdefault(row["subject"], Patient(*(c if c.isalnum() else "" for c in cells)))
    return found


def _translations(release: Release, subjects: Mapping[str, str]) -> dict[str, English]:
    """English reports by session, from a table that is no part of the release."""
    path = release.find(TRANSLATIONS, required=False)
    found: dict[str, English] = {}
    for row in release.table(path, {"id": "id", "text": "english"}) if path else ():
        session, text = row["id"].rpartition("_")[2], " ".join(row["text"].split())
        if session not in subjects or not text:
            detail = "blank, or of no session with a radiograph"
            release.reject(str(path), row.line, "unused_translation", detail, expected=True)
        elif session in found:
            release.reject(str(path), row.line, "second_translation", "the first one is kept")
        else:
            found[session] = English(text, Origin(file=str(path), row=row.line))
    return found
