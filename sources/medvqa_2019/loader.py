"""VQA-Med 2019 (Ben Abacha et al., CLEF 2019): questions of four categories on MedPix pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Image, Origin, Question, Split, Study
from chexinstruct.shared.questions import unequivocal
from chexinstruct.source import Parent

CATEGORIES = {
    "modality": "C1_Modality",
    "plane": "C2_Plane",
    "organ": "C3_Organ",
    "abnormality": "C4_Abnormality",
}
"""The files of a list, one a category; the test file has the category in a column."""
TEST = "VQAMed2019_Test_Questions_w_Ref_Answers.txt"
LISTS: tuple[tuple[str, Split], ...] = (("val", "validation"), ("train", "train"))

PLAIN_FILM = "xr - plain film"
CHEST = frozenset({"lung, mediastinum, pleura", "heart and great vessels"})
"""The organ systems whose plain films show the chest."""
ALTERNATIVES = "#"
"""Between answers of which each counts as right; the first is the usual one."""

IN_WORDS = {PLAIN_FILM: "plain film", "ap": "AP", "pa": "PA"}
"""Answers that are codes of MedPix, as a radiologist writes them."""
YES_NO = frozenset({"yes", "no"})


class Row(NamedTuple):
    """A line of the files."""

    image: str
    category: str
    question: str
    answers: tuple[str, ...]
    split: Split
    origin: Origin


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a chest radiograph, by number, with its questions of all categories."""
    pictures = release.pictures()
    by_picture: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(release):
        first = next(iter(by_picture[row.image]), row)
        if first.split == row.split:
            by_picture[row.image].append(row)
        else:
            where = f"{row.image} is a {first.split} picture"
            release.reject(row.origin.file, row.origin.row, "picture_in_two_lists", where)
    for key in sorted(by_picture, key=lambda name: (len(name), name)):
        rows = by_picture[key]
        if not _is_chest_radiograph(rows):
            for row in rows:
                release.reject(
                    row.origin.file, row.origin.row, "not_a_chest_radiograph", key, expected=True
                )
            continue
        questions = map(_question, rows)
        if kept := tuple(unequivocal(release, ((q, q.text) for q in questions), known=False)):
            yield Study(
                source=release.source,
                id=key,
                people=(f"medpix:{key}",),
                split=rows[0].split,
                split_origin="the three lists of the task",
                images=(Image(key=key, path=pictures.get(f"{key}.jpg")),),
                questions=kept,
                selection="medvqa_2019_plain_film_of_lung_or_heart",
                origin=rows[0].origin,
            )


def _is_chest_radiograph(rows: Sequence[Row]) -> bool:
    """Whether the answers of a picture say so.

    A test picture has one question, so that its modality is known from the words of that question
    alone: those on organs call it an x-ray or not.
    """
    modality = {answer for row in rows if row.category == "modality" for answer in row.answers}
    organs = {answer for row in rows if row.category == "organ" for answer in row.answers}
    named = any("x-ray" in row.question.casefold() for row in rows)
    film = PLAIN_FILM in modality if modality else named
    return film and bool(organs) and organs <= CHEST


def _rows(release: Release) -> Iterator[Row]:
    """The lines of the lists that are there, held-out lists first.

    Raises:
        ReleaseError: no list is there, or one lacks a category.
    """
    found = 0
    if file := release.find(TEST, required=False):
        found += 1
        yield from _lines(release, file, "test", None)
    for name, split in LISTS:
        files = {
            category: release.find(f"{stem}_{name}.txt", required=False)
            for category, stem in CATEGORIES.items()
        }
        if not any(files.values()):
            continue
        found += 1
        for category, stem in CATEGORIES.items():
            if (path := files[category]) is None:
                raise ReleaseError(
                    release.source,
                    f"no {stem}_{name}.txt beside the other categories",
                    fix="unpack the whole archive: all categories together tell the chest films",
                )
            yield from _lines(release, path, split, category)
    if not found:
        raise ReleaseError(
            release.source,
            f"no {CATEGORIES['modality']}_train.txt and no {TEST} found",
            fix="give the folder that holds the archives; All_QA_Pairs files lack the categories",
        )


def _lines(release: Release, file: str, split: Split, category: str | None) -> Iterator[Row]:
    """The lines of a file of one category, or of all where None."""
    for number, line in release.lines(file):
        fields = [" ".join(field.split()) for field in line.split("|")]
        if len(fields) != (3 if category else 4):
            release.reject(file, number, "wrong_field_count", f"{len(fields)} fields")
            continue
        image, *said, question, answer = fields
        kind = category or said[0]
        answers = tuple(a for a in map(str.strip, answer.split(ALTERNATIVES)) if a)
        if kind not in CATEGORIES:
            release.reject(file, number, "unknown_category")
        elif not (image and question and answers):
            release.reject(file, number, "empty_question_or_answer")
        else:
            origin = Origin(file=file, row=number)
            yield Row(image, kind, question, answers, split, origin)


def _question(row: Row) -> Question:
    answer = IN_WORDS.get(row.answers[0], row.answers[0])
    return Question(
        id=f"{row.category}-{row.origin.row}",
        text=row.question,
        answers=(answer,),
        references=tuple(other for other in row.answers if other != answer),
        # The release does not say; no other question of these pictures names its alternatives.
        form="closed" if answer in YES_NO else "open",
        images=(row.image,),
        attributes={"category": row.category},
        origin=row.origin,
    )
