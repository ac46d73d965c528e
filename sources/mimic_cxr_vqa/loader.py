"""MIMIC-CXR-VQA (Bae et al., NeurIPS 2023): composed questions on pictures of MIMIC-CXR."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Origin, Question, Split, Study
from chexinstruct.shared.questions import unequivocal
from chexinstruct.source import Parent

PARENT = "mimic_cxr"
FILES: tuple[tuple[str, Split], ...] = (
    ("train.json", "train"),
    ("valid.json", "validation"),
    ("test.json", "test"),
)

CODES = {
    "plane": {"ap": "AP", "pa": "PA"},
    "gender": {"f": "female", "m": "male"},
}
"""Answers that are codes, by type of content, in words. Exactly one of each pair holds, while
things that are seen in a picture may hold together."""
CATEGORIES = {
    "anatomicalfinding": "anatomical finding",
    "technicalassessment": "technical assessment",
    "tubesandlines": "tubes and lines",
}
NEITHER = "neither"
NONE = "none"


class Arguments(msgspec.Struct):
    """What fills the slots of a question's template."""

    object: dict[str, str] = {}
    attribute: dict[str, str] = {}
    category: dict[str, str] = {}
    viewpos: dict[str, str] = {}
    gender: dict[str, str] = {}


class Item(msgspec.Struct):
    """An object of the JSON files, as far as it is read."""

    idx: int
    study_id: int | str
    image_id: str
    question: str
    semantic_type: Literal["verify", "choose", "query"]
    content_type: str
    template_program: str
    template_arguments: Arguments
    answer: list[str] | None = None


class Place(NamedTuple):
    """An object of the JSON files that is not decoded yet: there are 377,391."""

    split: Split
    origin: Origin
    raw: msgspec.Raw


class _Pictured(msgspec.Struct):
    image_id: str


_PICTURED = msgspec.json.Decoder(_Pictured).decode
_ITEM = msgspec.json.Decoder(Item).decode


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, by picture id; its person is that of MIMIC-CXR."""
    for key, places in sorted(_by_picture(release).items()):
        items = [(place, item) for place in places if (item := _item(release, place))]
        exam = parents[PARENT].get(f"s{items[0][1].study_id}") if items else None
        image = next((i for i in exam.images if i.key == key), None) if exam else None
        if exam is None or image is None:
            for place, _ in items:
                detail = f"{key} is not in its study in {PARENT}"
                _reject(release, place, "not_in_parent", detail, expected=True)
            continue
        questions = tuple(unequivocal(release, _questions(release, items), known=False))
        if not questions:
            continue
        benchmark = any(place.split == "test" for place, _ in items)
        yield Study(
            source=release.source,
            id=f"{exam.id}_{key}",
            people=exam.people,
            # train.json and valid.json share patients, so MIMIC-CXR's split is kept there.
            split="test" if benchmark else exam.split,
            split_origin="MIMIC-CXR-VQA test file" if benchmark else exam.split_origin,
            holdout=benchmark,
            age=exam.age,
            sex=exam.sex,
            images=(replace(image, release=PARENT),),
            questions=questions,
            origin=questions[0].origin,
        )


def _by_picture(release: Release) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for name, split in FILES:
        file = release.find(name)
        for row, raw in enumerate(release.json(file, list[msgspec.Raw]), start=1):
            place = Place(split, Origin(file=file, row=row), raw)
            try:
                found[_PICTURED(raw).image_id].append(place)
            except (msgspec.ValidationError, UnicodeDecodeError) as error:
                _reject(release, place, "bad_question", str(error))
    return found


def _item(release: Release, place: Place) -> Item | None:
    try:
        item = _ITEM(place.raw)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        _reject(release, place, "bad_question", str(error))
        return None
    if item.answer is None:
        raise ReleaseError(
            release.source,
            "the questions have no answers",
            file=place.origin.file,
            row=place.origin.row,
            fix="take the files from PhysioNet, or run the authors' builder on theirs from GitHub",
        )
    return item


def _reject(
    release: Release, place: Place, reason: str, detail: str, *, expected: bool = False
) -> None:
    release.reject(place.origin.file, place.origin.row, reason, detail, expected=expected)


def _questions(
    release: Release, items: list[tuple[Place, Item]]
) -> Iterator[tuple[Question, Hashable]]:
    """The usable questions, each with the program and arguments that its answer comes from."""
    ids: set[str] = set()
    for place, item in items:
        try:
            question = _question(item, place)
        except ValueError as error:
            _reject(release, place, "bad_answer", str(error))
            continue
        if question.id in ids:
            _reject(release, place, "duplicate_id", f"idx {item.idx} stands before")
            continue
        ids.add(question.id)
        arguments = item.template_arguments
        slots = (getattr(arguments, name) for name in arguments.__struct_fields__)
        meaning = (item.template_program, *(tuple(sorted(slot.items())) for slot in slots))
        yield question, meaning


def _question(item: Item, place: Place) -> Question:
    """A question with its answers in words.

    Raises:
        ValueError: the answers are not of the kind that the question asks for.
    """
    options, answers = _answers(item, [_folded(answer) for answer in item.answer or ()])
    text = " ".join(item.question.split())
    if not text:
        raise ValueError("the question is empty")
    attributes = {
        "content_type": item.content_type,
        "semantic_type": item.semantic_type,
        "program": item.template_program,
    }
    if categories := sorted(item.template_arguments.category.values()):
        attributes["category"] = ", ".join(CATEGORIES.get(name, name) for name in categories)
    return Question(
        id=f"{place.split}-{item.idx}",
        text=text,
        answers=answers,
        form="open" if item.semantic_type == "query" else "closed",
        images=(item.image_id,),
        options=options,
        several=bool(options) and item.content_type not in CODES,
        split=place.split,
        attributes=attributes,
        origin=place.origin,
    )


def _answers(item: Item, answers: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options, where the question names any, and the answers."""
    if len(set(answers)) < len(answers) or not all(answers):
        raise ValueError("an answer is empty or stands there twice")
    if item.semantic_type == "verify":
        if answers not in (["yes"], ["no"]):
            raise ValueError("the answer is neither yes nor no")
        return (), tuple(answers)
    if codes := CODES.get(item.content_type):
        if len(answers) != 1 or answers[0] not in codes:
            raise ValueError(f"the answer is not one of {', '.join(codes)}")
        options = tuple(codes.values()) if item.semantic_type == "choose" else ()
        return options, (codes[answers[0]],)
    if item.semantic_type == "query":
        return (), tuple(answers) or (NONE,)
    options = _candidates(item.template_arguments)
    if not set(answers) <= set(options):
        raise ValueError("an answer is none of those that the question names")
    return (*options, NEITHER), tuple(answers) or (NEITHER,)


def _candidates(arguments: Arguments) -> tuple[str, ...]:
    """The two things that a question lets choose from."""
    for slot in (arguments.attribute, arguments.object):
        names = tuple(dict.fromkeys(map(_folded, slot.values())))
        if len(names) == 2:
            return names
    raise ValueError("the arguments do not hold two things to choose from")


def _folded(text: str) -> str:
    """In lower case, as the release writes its answers."""
    return " ".join(text.lower().split())
