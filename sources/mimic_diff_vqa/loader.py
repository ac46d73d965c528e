"""Medical-Diff-VQA (Hu et al., KDD 2023): questions on studies of MIMIC-CXR, and on what changed.

The answers were put together by a program from what it had picked out of the reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Image, Origin, Question, Split, Study
from chexinstruct.shared.questions import unequivocal
from chexinstruct.source import Parent

PARENT = "mimic_cxr"
QUESTIONS = "mimic_pair_questions.csv"
COLUMNS: Columns = {
    "study": "study_id",
    "prior": "ref_id",
    "type": "question_type",
    "question": "question",
    "answer": "answer",
}
OPTIONAL: Columns = {"split": "split"}
PICTURES = "mimic_all.csv"
EXTRACTED = "all_diseases.json"

SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
TYPES = ("abnormality", "presence", "view", "location", "level", "type", "difference")
YES_NO = ("yes", "no")
VIEWS = {"pa view": "PA view", "ap view": "AP view"}
SIDES = ("left side", "right side")
"""Options of the questions that end with SIDE_QUESTION; finds on both sides are not asked about."""
SIDE_QUESTION = "located on the left side or right side?"


class Finding(msgspec.Struct):
    """Where a report has a finding, as far as it is read."""

    location2: list[str] | None = None
    post_location: str | None = None


class KeyInfo(msgspec.Struct):
    """What was picked out of one report; ``no_entity``: what it denies."""

    study_id: int | str
    entity: dict[str, Finding] | list[Any]
    no_entity: list[str]


class Extracted(NamedTuple):
    """What the extraction says of questions, by study id and question."""

    denied: dict[str, tuple[str, ...]]
    """Names that the report of a study denies."""
    partial: frozenset[tuple[str, str]]
    """Questions about a region with several findings, of which the answer names one."""
    wrong: frozenset[tuple[str, str]]
    """Questions about the other side of a finding that is on both sides."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study for each main study, by id; earlier studies lend it their pictures."""
    parent = parents[PARENT]
    table = release.find(QUESTIONS)
    chosen = _chosen(release)
    extracted = _extracted(release)
    for (number,), rows in release.grouped(table, COLUMNS, by="study", optional=OPTIONAL):
        exam = parent.get(f"s{_number(number)}")
        image = _picture(exam, chosen)
        if exam is None or image is None:
            for row in rows:
                _reject(release, table, row, "not_in_parent", "its study or picture is missing")
            continue
        priors: dict[str, Image] = {}
        asked = []
        for row in rows:
            before = None
            if row["type"].lower() == "difference":
                prior = parent.get(f"s{_number(row['prior'])}")
                before = _earlier(release, table, row, exam, prior, chosen)
                if before is None:
                    continue
                priors[before.key] = before
            question = _question(release, table, row, exam.id, before, image, extracted)
            if question is not None:
                asked.append((question, question.text.casefold()))
        questions = tuple(unequivocal(release, asked, known=True))
        if not questions:
            continue
        compared = {key for question in questions for key in question.prior}
        yield Study(
            source=release.source,
            id=exam.id,
            people=exam.people,
            split=exam.split,
            split_origin=exam.split_origin,
            age=exam.age,
            sex=exam.sex,
            images=(
                *(
                    replace(before, release=PARENT, role="prior")
                    for key, before in priors.items()
                    if key in compared
                ),
                replace(image, release=PARENT),
            ),
            questions=questions,
            origin=questions[0].origin,
        )


def _number(cell: str) -> str:
    """A study id, which some tools have turned into a float."""
    return cell.removesuffix(".0")


def _reject(
    release: Release, table: str, row: Row, reason: str, detail: str, *, expected: bool = True
) -> None:
    release.reject(table, row.line, reason, detail, expected=expected)


def _chosen(release: Release) -> dict[str, str]:
    """The picture that the release takes for each study, by study id."""
    table = release.find(PICTURES)
    rows = release.table(table, {"study": "study_id", "image": "dicom_id"})
    return {f"s{_number(row['study'])}": row["image"] for row in rows}


def _picture(exam: Study | None, chosen: Mapping[str, str]) -> Image | None:
    if exam is None:
        return None
    return next((image for image in exam.images if image.key == chosen.get(exam.id)), None)


def _earlier(
    release: Release,
    table: str,
    row: Row,
    exam: Study,
    prior: Study | None,
    chosen: Mapping[str, str],
) -> Image | None:
    """The picture of the reference study, if it is an earlier one of the same person."""
    image = _picture(prior, chosen)
    if prior is None or image is None:
        _reject(release, table, row, "not_in_parent", "its reference or picture is missing")
    elif prior.people != exam.people:
        detail = "the studies are of two persons"
        _reject(release, table, row, "two_persons", detail, expected=False)
    elif not (prior.order and exam.order and prior.order < exam.order):
        # The answer has a direction, so the pictures cannot just be swapped.
        detail = f"by the times of {PARENT} the reference is not the earlier study"
        _reject(release, table, row, "reference_not_earlier", detail)
    else:
        return image
    return None


def _question(
    release: Release,
    table: str,
    row: Row,
    study: str,
    before: Image | None,
    image: Image,
    extracted: Extracted,
) -> Question | None:
    kind, answer = row["type"].lower(), " ".join(row["answer"].split())
    text = " ".join(row["question"].split())
    if kind not in TYPES:
        _reject(release, table, row, "unknown_type", f"not {', '.join(TYPES)}", expected=False)
        return None
    if not (text and answer):
        _reject(release, table, row, "empty_question_or_answer", "", expected=False)
        return None
    asked = (study, text.lower())
    if asked in extracted.partial:
        detail = "the region has several findings, and the answer names one"
        _reject(release, table, row, "partial_answer", detail)
        return None
    if asked in extracted.wrong and answer.lower() == "no":
        _reject(release, table, row, "denies_a_finding", "the finding is on both sides")
        return None
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = (answer,)
    closed = kind != "difference" and answer.lower() in YES_NO
    if kind == "presence" and not closed:
        answers = ()
    elif text.lower().endswith(SIDE_QUESTION):
        closed, options = True, SIDES
        answers = tuple(side for side in SIDES if side == answer.lower())
    elif kind == "view" and not closed:
        answers = tuple(name for code, name in VIEWS.items() if code == answer.lower())
    elif kind == "abnormality":
        answers = tuple(dict.fromkeys(filter(None, map(str.strip, answer.split(",")))))
    if not answers:
        detail = f"not an answer to a question of type {kind}"
        _reject(release, table, row, "unknown_answer", detail, expected=False)
        return None
    attributes = {"question_type": kind}
    if kind == "presence" and answer.lower() == "no" and study in extracted.denied:
        denied = any(text.lower() in _presence(name) for name in extracted.denied[study])
        attributes["negative"] = "denied" if denied else "not stated"
    prior = (before.key,) if before else ()
    name = blake2b(text.encode(), digest_size=6).hexdigest()
    return Question(
        id="-".join((kind, *((_number(row["prior"]),) if before else ()), name)),
        text=text,
        answers=answers,
        form="closed" if closed else "open",
        images=(image.key,),
        prior=prior,
        options=options,
        split=SPLITS.get(row["split"].lower()),
        attributes=attributes,
        origin=Origin(file=table, row=row.line),
    )


def _presence(name: str) -> tuple[str, ...]:
    """How the release asks for a finding anywhere in the picture."""
    return f"is there evidence of {name} in this image?", f"is there {name}?"


def _extracted(release: Release) -> Extracted:
    """What bears on questions of all that was picked out of the reports, where it is there."""
    denied: dict[str, tuple[str, ...]] = {}
    partial, wrong = set(), set()
    path = release.find(EXTRACTED, required=False)
    decode = msgspec.json.Decoder(KeyInfo).decode
    names: dict[str, str] = {}
    for row, raw in enumerate(release.json(path, list[msgspec.Raw]) if path else (), start=1):
        try:
            info = decode(raw)
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            release.reject(str(path), row, "bad_record", str(error))
            continue
        study = f"s{info.study_id}"
        # Some thirty names stand for all studies, so each is kept once.
        denied[study] = tuple(names.setdefault(name, name) for name in info.no_entity)
        findings = info.entity if isinstance(info.entity, dict) else {}
        places = Counter(f.post_location for f in findings.values() if f.post_location)
        partial |= {
            (study, f"what abnormalities are seen in {place}?")
            for place, count in places.items()
            if count > 1
        }
        wrong |= {
            (study, f"is there {name} in the {' '.join(finding.location2)} area?")
            for name, finding in findings.items()
            if finding.location2
        }
    return Extracted(denied, frozenset(partial), frozenset(wrong))
