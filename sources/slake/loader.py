"""SLAKE 1.0 (Liu et al., ISBI 2021): questions on pictures, in English and Chinese."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from chexinstruct.release import Release
from chexinstruct.schema import Image, Origin, Question, Split, Study
from chexinstruct.source import Parent

FILES: tuple[tuple[tuple[str, ...], Split], ...] = (
    (("train.json",), "train"),
    (("validate.json", "validation.json"), "validation"),
    (("test.json",), "test"),
)
RADIOGRAPH = "X-Ray"
"""Every radiograph of SLAKE shows the chest; the location Lung alone also holds CT and MRI."""


class Item(msgspec.Struct):
    """An object of the JSON files, as far as it is read."""

    img_id: int
    qid: int
    question: str
    answer: str
    q_lang: Literal["en", "zh"]
    location: str
    modality: str
    answer_type: Literal["OPEN", "CLOSED"]
    base_type: str
    content_type: str
    triple: tuple[str, ...]


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a radiograph, by number, with its questions in both languages."""
    path = _picture_paths(release)
    for number, questions in sorted(_questions(release).items()):
        split = _split(questions)
        yield Study(
            source=release.source,
            id=str(number),
            people=(f"{release.source}:{number}",),
            split=split,
            split_origin="the three files, by the English questions",
            holdout=split != "train",  # CheXbench asks validation and test questions
            images=(Image(key=_key(number), path=path(number)),),
            questions=tuple(questions),
            selection="slake_modality_x_ray",
            origin=questions[0].origin,
        )


def _key(number: int) -> str:
    return f"xmlab{number}"


def _split(questions: list[Question]) -> Split | None:
    """The split of the English questions, which one file holds; else that of the others."""
    return min(questions, key=lambda question: question.language).split


def _picture_paths(release: Release) -> Callable[[int], str | None]:
    """Path by number: ``xmlab7/source.jpg``, or ``source_xmlab7.jpg`` in flat copies."""
    nested, flat = release.pictures(parts=2), release.pictures()
    return lambda number: (
        nested.get(f"{_key(number)}/source.jpg") or flat.get(f"source_{_key(number)}.jpg")
    )


def _questions(release: Release) -> dict[int, list[Question]]:
    """The usable questions by picture, in the order of the files."""
    questions: dict[int, list[Question]] = defaultdict(list)
    answers: dict[tuple[int, str, str], str] = {}
    qids: set[int] = set()
    others: set[int] = set()
    for names, split in FILES:
        file = release.find(*names)
        for row, content in enumerate(release.json(file, list[Any]), start=1):
            try:
                item = msgspec.convert(content, Item)
            except msgspec.ValidationError as error:
                release.reject(file, row, "bad_question", str(error))
                continue
            text, answer = item.question.strip(), item.answer.strip()
            asked = (item.img_id, item.q_lang, text)
            if item.modality != RADIOGRAPH:
                if item.img_id not in others:
                    others.add(item.img_id)
                    picture = f"{_key(item.img_id)} with all its questions"
                    release.reject(file, row, "not_a_radiograph", picture, expected=True)
            elif not (text and answer):
                release.reject(file, row, "empty_question_or_answer", expected=True)
            elif asked in answers:
                same = answers[asked] == answer
                reason = "duplicate_question" if same else "contradictory_answer"
                release.reject(file, row, reason, f"asked before of {item.img_id}", expected=same)
            elif item.qid in qids:
                release.reject(file, row, "duplicate_id", f"qid {item.qid} stands before")
            else:
                answers[asked] = answer
                qids.add(item.qid)
                questions[item.img_id].append(
                    _question(item, text, answer, split, Origin(file=file, row=row))
                )
    return questions


def _question(item: Item, text: str, answer: str, split: Split, origin: Origin) -> Question:
    attributes = {
        "answer_type": item.answer_type,
        "base_type": item.base_type,
        "content_type": item.content_type,
        "location": item.location,
    }
    if item.base_type == "kvqa":
        attributes["triple"] = " | ".join(item.triple)
    return Question(
        id=str(item.qid),
        text=text,
        answers=(answer,),
        form="closed" if item.answer_type == "CLOSED" else "open",
        images=(_key(item.img_id),),
        language=item.q_lang,
        split=split,
        attributes=attributes,
        origin=origin,
    )
