"""VQA-RAD (Lau et al., Scientific Data 2018): clinicians' questions on pictures of MedPix."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Image, Origin, Question, Split, Study
from chexinstruct.shared.questions import unequivocal
from chexinstruct.source import Parent

PUBLIC = "*[Dd]ataset*[Pp]ublic*.json"
"""The file of OSF, which some copies write in lower case with underscores."""
COPIES: tuple[tuple[str, Split], ...] = (("testset.json", "test"), ("trainset.json", "train"))
"""The two files made of it for MEVF (Nguyen et al., MICCAI 2019), with other numbers."""

CHEST = "CHEST"
"""Every picture of this organ is a plain film: its questions on modality and plane say so."""
TEMPLATED = "frame"
"""Questions filled into a template without a look at grammar, which MEVF added."""
CASE = re.compile(r"id=((?:[0-9a-f]+-){4})[0-9a-f]+$")
"""The case of MedPix; the last group of its id counts up where a spreadsheet filled it in."""

BROKEN = re.compile(r'\t|\ufffd|^[^"]*\w"')
"""A tab where a comma was, a lost character, or a quotation mark that closes nothing."""
UNDECIDED = frozenset({"not sure", "maybe"})
YES_NO = frozenset({"yes", "no"})
ASKS_FOR_MORE = re.compile(r"(?:in |on )?(?:what|where|which|how|who|why|when)\b", re.IGNORECASE)
"""How a question begins that cannot be answered by yes or no."""


class Item(msgspec.Struct):
    """A record, as far as it is read."""

    qid: int | str
    image_name: str
    image_organ: Literal["CHEST", "ABD", "HEAD"]
    phrase_type: Literal["freeform", "para", "frame", "test_freeform", "test_para"]
    question: str
    question_type: str
    answer: int | str
    answer_type: str
    image_case_url: str = ""
    evaluation: str = ""


class Asked(NamedTuple):
    """A record with the official list that it stands in, and its place."""

    item: Item
    split: Split
    origin: Origin


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a chest picture, by number, with the questions of both official lists.

    The lists share pictures, so a picture on which any test question was asked is a test picture.
    """
    pictures = release.pictures()
    by_picture: dict[str, list[Asked]] = defaultdict(list)
    for asked in _records(release):
        by_picture[_stem(asked.item)].append(asked)
    for key in sorted(by_picture, key=lambda name: (len(name), name)):
        records = sorted(by_picture[key], key=lambda asked: asked.split != "test")
        # Test questions come first: of a question in both lists the one in the test list stays.
        questions = [question for asked in records if (question := _question(release, asked))]
        cases = sorted({case[1] for a in records if (case := CASE.search(a.item.image_case_url))})
        split = records[0].split
        if kept := tuple(unequivocal(release, ((q, q.text) for q in questions), known=False)):
            yield Study(
                source=release.source,
                id=key,
                people=(f"medpix:{key}", *(f"medpix:case-{case.rstrip('-')}" for case in cases)),
                split=split,
                split_origin="phrase_type, by picture",
                images=(Image(key=key, path=pictures.get(f"{key}.jpg")),),
                questions=kept,
                selection="vqa_rad_image_organ_chest",
                origin=records[0].origin,
            )


def _files(release: Release) -> list[tuple[str, Split | None]]:
    """The files with the list that each holds; None: the records say."""
    if file := release.find(PUBLIC, required=False):
        return [(file, None)]
    if release.find(COPIES[0][0], required=False) is None and release.find_all("*.parquet"):
        raise ReleaseError(
            release.source,
            "the Parquet copy of the Hub names neither organs nor pictures, so that nothing tells "
            "its chest radiographs",
            fix="add `VQA_RAD Dataset Public.json` and the picture folder from https://osf.io/89kps",
        )
    return [(release.find(PUBLIC, name), split) for name, split in COPIES]


def _records(release: Release) -> Iterator[Asked]:
    """The records on chests that people wrote, each number once."""
    seen: set[str] = set()
    for file, split in _files(release):
        for row, content in enumerate(release.json(file, list[Any]), start=1):
            try:
                item = msgspec.convert(content, Item)
            except msgspec.ValidationError as error:
                release.reject(file, row, "bad_question", str(error))
                continue
            if item.image_organ != CHEST:
                release.reject(file, row, "not_of_the_chest", item.image_organ, expected=True)
            elif item.phrase_type == TEMPLATED:
                release.reject(file, row, "templated_question", expected=True)
            elif str(item.qid) in seen:
                release.reject(file, row, "duplicate_id", f"qid {item.qid} stands before")
            else:
                seen.add(str(item.qid))
                said: Split = "test" if item.phrase_type.startswith("test_") else "train"
                yield Asked(item, split or said, Origin(file=file, row=row))


def _stem(item: Item) -> str:
    return item.image_name.strip().rpartition("/")[2].rpartition(".")[0]


def _question(release: Release, asked: Asked) -> Question | None:
    """The question, or None with a reject if it cannot be asked or its answer is none."""
    item, split, origin = asked
    released = str(item.answer)
    text, answer = (" ".join(words.split()) for words in (item.question, released))
    kind, folded = item.answer_type.strip().upper(), answer.rstrip(".").casefold()
    known = True
    if kind not in ("OPEN", "CLOSED"):
        reason, known = "bad_question", False
    elif not (text and answer):
        reason, known = "empty_question_or_answer", False
    elif BROKEN.search(item.question.strip()) or BROKEN.search(released.strip()):
        reason = "broken_text"
    elif folded in UNDECIDED:
        reason = "undecided_answer"
    elif folded in YES_NO and ASKS_FOR_MORE.match(text):
        reason = "answer_does_not_fit"
    else:
        attributes = {
            "answer_type": kind,
            "question_type": item.question_type.strip().replace("ATRIB", "ATTRIB"),
            "phrase_type": item.phrase_type.removeprefix("test_"),
            "official_split": split,
        }
        if item.evaluation:
            attributes["evaluation"] = item.evaluation
        return Question(
            id=str(item.qid),
            text=text,
            answers=(answer,),
            form="closed" if kind == "CLOSED" else "open",
            images=(_stem(item),),
            split=split,
            attributes=attributes,
            origin=origin,
        )
    release.reject(origin.file, origin.row, reason, f"qid {item.qid}", expected=known)
    return None
