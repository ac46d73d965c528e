"""Rad-ReStruct (Pellegrini et al., MICCAI 2023): structured reports of Open-i as questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from chexinstruct.release import Release
from chexinstruct.schema import Image, Origin, Question, Split, Study, Turn, joined
from chexinstruct.source import Parent
from chexinstruct.vocabulary import VocabularyError, canonical, compatible_negative

PARENT = "openi"
FILES: tuple[tuple[str, Split], ...] = (
    ("train", "train"),
    ("val", "validation"),
    ("test", "test"),
)
PICTURES = "id_to_img_mapping_frontal_reports.json"

YES_NO = {"yes", "no"}
NOT_STATED = {"no selection", "unspecified"}
"""What stands where the report does not say: neither of them can be seen in a picture."""

KIND = re.compile(r"(objects|signs|diseases|body_regions|infos)(?:_(.+))?")
"""What of an area a question is about, and which thing of that kind."""
AS_A_WHOLE = ("body_regions", "infos")
"""Kinds whose questions read "anything abnormal": in the area, or in a part of it."""
REPEATED = re.compile(r"\b(another|else|more)\b")

SHARED: dict[str, tuple[str, ...]] = {
    "lung": ("pleura",),
    "mediastinum": ("cardiovascular system", "trachea", "lymph nodes"),
    "thorax": (
        "lung",
        "pleura",
        "trachea",
        "cardiovascular system",
        "skeletal system",
        "breast",
        "mediastinum",
        "lymph nodes",
    ),
}
"""Areas that lie inside an area, or share a part with it, as lung and pleura the recess."""

WHOLE = {"", "bone and bones"}
"""Parts that all other parts of their area lie in; the whole lung has no name."""
NESTED = {
    frozenset((whole, part))
    for whole, parts in {
        "aorta": ("aorta, thoracic",),
        "heart": ("heart atria", "heart ventricles"),
        "shoulder": ("humerus",),
        "spine": ("cervical vertebrae", "lumbar vertebrae", "thoracic vertebrae"),
    }.items()
    for part in parts
}
"""Parts of which one lies in the other. Which of the two a report is indexed by is chance."""

Level = Literal["area", "finding", "repeated", "attribute"]


class About(msgspec.Struct):
    """What a file says of a question."""

    answer_type: Literal["single_choice", "multi_choice", "fixed_choice"]
    options: list[str]
    path: str


class Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A question of a file: four elements of a list."""

    text: str
    answers: list[str]
    history: list[tuple[str, list[str]]]
    about: About


class Asked(NamedTuple):
    """A usable question with its place in the structured report."""

    item: Item
    level: Level
    area: str
    kind: str
    name: str
    """Of the finding or the part of the area; empty for the area itself."""
    origin: Origin


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a report, by number; its pictures and its person are those of Open-i."""
    pictures = release.json(release.find(PICTURES), dict[str, list[str]])
    for report, (split, file) in sorted(_files(release).items()):
        exam = parents[PARENT].get(f"CXR{report}")
        known = {image.key: image for image in exam.images} if exam else {}
        keys = pictures.get(str(report), [])
        if exam is None or not known.keys() >= set(keys):
            detail = f"report {report} or one of its pictures is not in {PARENT}"
            release.reject(file, None, "not_in_parent", detail, expected=True)
        elif not keys:
            release.reject(file, None, "no_pictures", f"{PICTURES} has none of report {report}")
        elif questions := _questions(release, file, keys):
            yield Study(
                source=release.source,
                id=str(report),
                people=exam.people,
                split=split,
                split_origin="the three lists of the authors' repository",
                holdout=split == "test",  # CheXbench asks its questions
                images=tuple(_taken_over(known[key]) for key in keys),
                questions=questions,
                origin=Origin(file=file),
            )


def _taken_over(image: Image) -> Image:
    return replace(image, release=PARENT)


def _files(release: Release) -> dict[int, tuple[Split, str]]:
    """Split and file of each report that a list names, by number."""
    found: dict[int, tuple[Split, str]] = {}
    for name, split in FILES:
        listed = release.find(f"{name}_ids.json")
        files = {
            path.rpartition("/")[2].removesuffix(".json"): path
            for path in release.find_all(f"{name}_qa_pairs/*.json")
        }
        for row, report in enumerate(release.json(listed, list[str]), start=1):
            file = files.pop(report, None)
            if not report.isdecimal():
                release.reject(listed, row, "no_report_id", "not a number")
            elif file is None:
                release.reject(listed, row, "no_questions", f"no file of report {report}")
            elif int(report) in found:
                release.reject(listed, row, "listed_before", f"report {report}")
            else:
                found[int(report)] = split, file
        for file in files.values():
            release.reject(file, None, "not_listed", f"{listed} does not name the report")
    return found


def _questions(release: Release, file: str, keys: list[str]) -> tuple[Question, ...]:
    items = []
    for row, raw in enumerate(release.json(file, list[msgspec.Raw]), start=1):
        try:
            items.append(_asked(msgspec.json.decode(raw, type=Item), Origin(file=file, row=row)))
        except ValueError as error:
            release.reject(file, row, "bad_question", str(error))
    said = _Said.of(items)
    questions = []
    for asked in items:
        if not set(asked.item.answers) - NOT_STATED:
            detail = "the report does not say"
            release.reject(file, asked.origin.row, "not_stated", detail, expected=True)
        else:
            contradicted = asked.item.answers == ["no"] and said.against(asked)
            questions.append(_question(asked, keys, "contradicted_no" if contradicted else None))
    return tuple(questions)


def _asked(item: Item, origin: Origin) -> Asked:
    """The place of a question.

    Raises:
        ValueError: it has none, or its answers are not among its options.
    """
    area, _, rest = item.about.path.partition("_")
    kind = KIND.fullmatch(rest)
    if not (area and kind):
        raise ValueError("its path names no area and kind")
    if not (item.answers and set(item.answers) <= set(item.about.options)):
        raise ValueError("an answer is not among the options")
    if set(item.about.options) != YES_NO:
        level: Level = "attribute"
    elif not item.history:
        level = "area"
    else:
        level = "repeated" if REPEATED.search(item.text) else "finding"
    return Asked(item, level, area, kind[1], kind[2] or "", origin)


class _Said(NamedTuple):
    """What a structured report says yes to."""

    kinds: set[tuple[str, str]]
    """Areas, and of what kind the things are that they show."""
    findings: dict[str, set[str]]
    """By area, under canonical names."""
    parts: dict[str, set[str]]
    """By area, those that show anything abnormal."""

    @classmethod
    def of(cls, items: list[Asked]) -> _Said:
        said = cls(set(), {}, {})
        for asked in items:
            if asked.item.answers != ["yes"]:
                continue
            if asked.level == "area":
                said.kinds.add((asked.area, asked.kind))
            elif asked.kind in AS_A_WHOLE:
                said.parts.setdefault(asked.area, set()).add(asked.name)
            elif finding := _finding(asked.name):
                said.findings.setdefault(asked.area, set()).add(finding)
        return said

    def against(self, asked: Asked) -> bool:
        """Whether a no would contradict it, as a radiologist uses the words.

        Each kind is asked of by itself, so that the lung of a patient with pneumonia shows "no
        signs", and nothing "abnormal". Such a no stands only where the area shows nothing else, of
        any kind, and no part that lies in the part asked about, or around it, does. A finding is
        denied only where no broader, narrower or overlapping one is there.
        """
        if asked.level == "area" or asked.kind in AS_A_WHOLE:
            areas = (asked.area, *SHARED.get(asked.area, ()))
            others = any(
                area in areas and (area, kind) != (asked.area, asked.kind)
                for area, kind in self.kinds
            )
            return others or self._nested(asked)
        finding = _finding(asked.name)
        if asked.level != "finding" or finding is None:
            return False
        return not compatible_negative(finding, self.findings.get(asked.area, ()))

    def _nested(self, asked: Asked) -> bool:
        """Whether a part that lies in the one asked about, or around it, is abnormal."""
        return asked.level == "finding" and any(
            asked.name in WHOLE or {asked.name, part} in NESTED
            for part in self.parts.get(asked.area, ())
        )


def _finding(heading: str) -> str | None:
    """The canonical name of a heading, some of which are inverted (``fractures, bone``).

    Those that the vocabulary does not hold overlap with nothing that it holds.
    """
    try:
        return canonical(" ".join(reversed(heading.split(", "))))
    except VocabularyError:
        return None


def _question(asked: Asked, keys: list[str], doubt: str | None) -> Question:
    item, about = asked.item, asked.item.about
    options = tuple(option for option in about.options if option not in NOT_STATED)
    text = item.text.strip()
    return Question(
        id=str(asked.origin.row),
        text=text,
        answers=_stated(item.answers),
        form="either" if asked.level == "attribute" and len(options) > 1 else "closed",
        images=tuple(keys),
        history=tuple(
            Turn(question=question.strip(), answer=joined(stated))
            for question, answers in item.history
            if (stated := _stated(answers))
        ),
        options=options,
        several=about.answer_type == "multi_choice",
        group=text if set(options) == YES_NO else None,
        doubt=doubt,
        attributes={
            "answer_type": about.answer_type,
            "level": asked.level,
            "path": about.path,
        },
        origin=asked.origin,
    )


def _stated(answers: list[str]) -> tuple[str, ...]:
    return tuple(answer for answer in answers if answer not in NOT_STATED)
