"""RadQA (Soni et al., LREC 2022): questions on the findings and impressions of reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.reports import short_masks
from chexinstruct.schema import Origin, Question, Split, Study
from chexinstruct.source import Parent

LISTS: tuple[tuple[str, Split], ...] = (
    ("test.json", "test"),
    ("dev.json", "validation"),
    ("train.json", "train"),
)
"""What is held out comes first: a report that stands in two lists stays there."""

DOCUMENT = re.compile(r"(.+?)[-_. ]*(findings?|impressions?|[a-z])", re.IGNORECASE)
"""Number of the report and section: a letter at the end, or the word."""
IMPRESSION = "I"
CHEST = re.compile(
    r"\b(?:chest|thorax|lungs?|heart|cardio\w+|pericardi\w+|pulmonary|pleura\w*|pneumo(?:nia|thora)\w*"
    r"|hemithora\w+|mediastin\w+|atelecta\w+|bronch\w+|endotracheal)\b",
    re.IGNORECASE,
)
"""Words that tell a report that speaks of the chest; there is no name of the examination."""


class Answer(msgspec.Struct):
    """A span of the passage, as far as it is read."""

    text: str
    answer_start: int


class Item(msgspec.Struct):
    """A question asked of a passage."""

    id: str | int
    question: str
    is_impossible: bool
    answers: tuple[Answer, ...] = ()


class Passage(msgspec.Struct):
    """A section of a report with all questions that were written for the report."""

    document_id: str
    context: str
    qas: tuple[Item, ...]


class Entry(msgspec.Struct):
    """A report."""

    paragraphs: tuple[Passage, ...]


class File(msgspec.Struct):
    """A list in the form of SQuAD 2.0."""

    data: tuple[Entry, ...]


class Place(NamedTuple):
    """Where in the release something stands; rejects go there."""

    release: Release
    file: str
    row: int

    def reject(self, reason: str, detail: str = "", *, expected: bool = False) -> None:
        """As :meth:`Release.reject`."""
        self.release.reject(self.file, self.row, reason, detail, expected=expected)


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a report of the chest, with its questions of both sections.

    Every question stands once a section, since it may be answered in one alone.
    """
    files = {name: release.find(name) for name, _ in LISTS}
    lists = {name: _read(release, file) for name, file in files.items()}
    letters = _letters(release, lists)
    seen: set[tuple[str, ...]] = set()
    for name, split in LISTS:
        reports: set[str] = set()
        for row, entry in enumerate(lists[name], start=1):
            place = Place(release, files[name], row)
            named = [_document(passage) for passage in entry.paragraphs]
            report = named[0][0] if named else ""
            texts = tuple(_clean(passage.context) for passage in entry.paragraphs)
            if not any(texts):
                place.reject("no_text")
            elif len(set(named)) < len(named) or {number for number, _ in named} != {report}:
                place.reject("mixed_report", "its passages are not one section each of one report")
            elif report in reports:
                place.reject("duplicate_id", "its report stands before in this list")
            elif texts in seen:
                place.reject("duplicate_report", "its text stands before, or in a list held out")
            elif not any(map(CHEST.search, texts)):
                place.reject("not_of_the_chest", f"report {report}", expected=True)
            else:
                reports.add(report)
                seen.add(texts)
                key = f"{name.removesuffix('.json')}-{report}"
                sections = [letters[letter] for _, letter in named]
                yield Study(
                    source=release.source,
                    id=key,
                    people=(f"{release.source}:{key}",),
                    split=split,
                    split_origin=name,
                    questions=tuple(_questions(place, entry.paragraphs, sections)),
                    selection="radqa_words_of_the_chest",
                    origin=Origin(file=files[name], row=row),
                )


def _read(release: Release, file: str) -> Sequence[Entry]:
    try:
        return release.json(file, File).data
    except ReleaseError as error:
        if not isinstance(error.__cause__, msgspec.ValidationError):
            raise
        raise ReleaseError(
            release.source,
            f"not in the form of SQuAD 2.0 with document_id ({error.__cause__})",
            file=file,
            fix="take the file of PhysioNet, since converted copies are not read",
        ) from error


def _document(passage: Passage) -> tuple[str, str]:
    """Report and section of a passage, the section as a letter."""
    match = DOCUMENT.fullmatch(passage.document_id.strip())
    return (match[1], match[2][0].upper()) if match else (passage.document_id, "")


def _letters(release: Release, lists: Mapping[str, Sequence[Entry]]) -> dict[str, str]:
    """What the letters of the sections mean: I is the impression, the only other one findings.

    Raises:
        ReleaseError: there is no I, or there are more than two of them.
    """
    passages = (p for entries in lists.values() for entry in entries for p in entry.paragraphs)
    found = {_document(passage)[1] for passage in passages}
    others = found - {IMPRESSION}
    if IMPRESSION not in found or len(others) > 1:
        raise ReleaseError(
            release.source,
            "document_id does not end in I for an impression and one other letter for findings "
            f"({', '.join(sorted(others - {''})) or 'no letter'} found)",
            file=release.find(LISTS[-1][0]),
            fix="take the files of PhysioNet",
        )
    return {IMPRESSION: "impression"} | dict.fromkeys(others, "findings")


def _questions(
    place: Place, passages: Sequence[Passage], sections: Sequence[str]
) -> Iterator[Question]:
    for passage, section in zip(passages, sections, strict=True):
        context = _clean(passage.context)
        asked: dict[str, tuple[str, ...]] = {}
        ids: set[str] = set()
        for item in passage.qas:
            text, key = " ".join(item.question.split()), str(item.id)
            where = f"question {key} of the {section}"
            if not (text and context):
                place.reject("empty_question_or_passage", where)
                continue
            answers = _answers(place, where, item, passage.context, context)
            if answers is None:
                continue
            if text in asked:
                same = asked[text] == answers
                reason = "duplicate_question" if same else "contradictory_answer"
                place.reject(reason, where, expected=same)
            elif key in ids:
                place.reject("duplicate_question_id", where)
            else:
                asked[text] = answers
                ids.add(key)
                yield Question(
                    id=f"{key}-{section}",
                    text=text,
                    answers=answers[:1],
                    references=answers[1:],
                    form="open",
                    context=context,
                    section=section,
                    origin=Origin(file=place.file, row=place.row),
                )


def _answers(
    place: Place, where: str, item: Item, released: str, context: str
) -> tuple[str, ...] | None:
    """The answers, each once; none where the passage holds no answer, None for a bad question.

    Offsets count characters of the passage as released.
    """
    if item.is_impossible:
        if item.answers:
            place.reject("answered_and_impossible", where)
            return None
        return ()
    answers: dict[str, None] = {}
    for answer in item.answers:
        start, text = answer.answer_start, _clean(answer.text)
        if start < 0 or released[start : start + len(answer.text)] != answer.text:
            place.reject("wrong_offset", where)
        elif not text or text not in context:
            place.reject("answer_is_no_span", f"{where}: blank, or it cuts a mask")
        else:
            answers[text] = None
    if not item.answers:
        place.reject("no_answer", where)
    return tuple(answers) or None


def _clean(text: str) -> str:
    """Masks as ``___`` and white space as one blank, in passages and answers alike."""
    return " ".join(short_masks(text).split())
