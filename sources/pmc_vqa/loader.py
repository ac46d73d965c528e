"""PMC-VQA (Zhang et al., 2023): multiple-choice questions on figures of articles."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release, Row
from chexinstruct.schema import Image, Origin, Question, Split, Study
from chexinstruct.shared.questions import unequivocal
from chexinstruct.source import Parent

VERSIONS: dict[str, tuple[tuple[tuple[str, ...], Split], ...]] = {
    "2": ((("train_2.csv", "train2.csv"), "train"), (("test_2.csv", "test2.csv"), "test")),
    "1": ((("train.csv",), "train"), (("test.csv", "test_clean.csv"), "test")),
}
"""Files by version, the better first: the second has captions, and figures cut into their parts."""
CHECKED = "test_clean.csv"
SELECTION = "chest_radiograph_by_words"

LETTERS = ("A", "B", "C", "D")
COLUMNS = {
    "figure": "Figure_path",
    "question": "Question",
    "answer": "Answer",
    **{letter: f"Choice {letter}" for letter in LETTERS},
}
CAPTION = {"caption": "Caption"}
LABEL = {"label": "Answer_label"}

FIGURE = re.compile(r"(PMC\d+)_\S+")

_CHEST = r"(?:chest|thorax|thoracic|lungs?)"
_FILM = r"(?:x[\s-]?rays?|radiographs?|radiographic|radiography|radiograms?|roentgenograms?|films?)"
RADIOGRAPH = re.compile(
    # A word or two may stand between: "chest (AP) X-ray", "radiograph of the chest".
    rf"\bCXRs?\b|\b{_CHEST}(?:\W+\w+){{0,2}}?\W+{_FILM}\b|\b{_FILM}(?:\W+\w+){{0,2}}?\W+{_CHEST}\b",
    re.IGNORECASE,
)
_CODES = (
    r"(?:HR|MD|CB|LD|CE)?CTs?|CTA|CTPA|MRIs?|MRA|MRCP|PET|SPECT|DSA|OCT|USG?|TTE|TEE|EUS|ERCP"
    r"|ECGs?|EKGs?|EEG|ROC|H&E"
)
"""Capitals tell CT from the letters of a word, and PET from a pet."""
_WORDS = "|".join(
    (
        r"\w*tomogra\w*|tomosynthesis|magnetic resonance|mr imag\w+|mammogra\w+",
        r"ultraso\w+|sonogra\w+|echo(?:cardio)?gra\w+|doppler|electrocardiogra\w+",
        r"positron|scintigra\w+|bone scans?",
        r"\w*angiogra\w+|arteriogra\w+|venogra\w+|aortogra\w+",
        r"fluoroscop\w+|o?esophagogra\w+|barium|abdominal (?:x[\s-]?rays?|radiogra\w+)",
        r"\w*scop(?:e|y|ic|ically)|photogra\w+|photos?|intraoperative|autopsy|necropsy|specimens?",
        r"\w*histo(?:log|path|chem)\w+|cytolog\w+|h(?:ae|e)matoxylin|stain(?:s|ed|ing)?|microgra\w+",
        r"canine|feline|equine|bovine|dogs?|cats?|mouse|mice|rats?|rabbits?|horses?|foals?|calf|calves",
        r"pigs?|piglets?|swine|sheep|lambs?|monkeys?|macaques?",
        r"flow ?charts?|diagrams?|schematic\w*|illustrations?|algorithms?",
        r"histograms?|plots?|curves?|bar (?:chart|graph)s?|heat ?maps?|saliency",
        r"grad-?cam|neural networks?|convolutional|deep learning|synthetic|phantoms?",
    )
)
OTHER = re.compile(rf"\b(?:{_CODES}|(?i:{_WORDS}))\b")
"""Other ways to make pictures, animals, and pictures that are none of a patient."""
ON_CHOICES = re.compile(
    r"\b(?:all|none|any|both|neither|either) of (?:these|those|them)\b"
    r"|\b(?:all|none|any|both|neither|either)(?: of)?(?: the)?(?: \w+)? (?:above|listed|options)\b"
    r"|^(?:both )?\(?[A-D]\)?(?:\W*(?:and|&|or|,)\W*\(?[A-D]\)?)*$",
    re.IGNORECASE,
)
"""A choice that speaks of the others, whose order and letters are drawn anew; or is a mere letter,
of a part of the figure as printed."""
NEEDS_CHOICES = re.compile(r"\b(?:following|these|those|options?|choices?|listed)\b", re.IGNORECASE)
"""The wording of a question that does not stand without its choices."""


class _Unusable(Exception):
    """A row that cannot be asked; ``known``: such rows are known of the official release."""

    def __init__(self, reason: str, detail: str = "", *, known: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.known = reason, detail, known


class Asked(NamedTuple):
    """A question on a chest radiograph, with the article and figure that it is on."""

    article: str
    figure: str
    question: Question
    split: Split


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a figure, by article and name; all figures of an article are one person's."""
    figures: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for asked in _asked(release):
        figures[asked.article, asked.figure].append(asked)
    pictures = release.pictures()
    for (article, figure), found in sorted(figures.items()):
        # A figure in both files is a test figure: what was trained on cannot be tested.
        split: Split = "test" if any(asked.split == "test" for asked in found) else "train"
        asked_here: list[tuple[Question, Hashable]] = []
        for asked in found:
            if asked.split == split:
                asked_here.append((asked.question, asked.question.text.casefold()))
            else:
                place = asked.question.origin
                assert place is not None
                release.reject(place.file, place.row, "figure_in_test", figure, expected=True)
        # What a program wrote contradicts itself now and then.
        if questions := tuple(unequivocal(release, asked_here, known=True)):
            yield Study(
                source=release.source,
                id=figure,
                people=(f"pmc:{article}",),
                split=split,
                split_origin="the train and test files",
                images=(Image(key=figure, path=pictures.get(figure)),),
                questions=questions,
                selection=SELECTION,
                origin=questions[0].origin,
            )


def _asked(release: Release) -> Iterator[Asked]:
    version = next(
        (
            version
            for version, files in VERSIONS.items()
            if any(release.find(*names, required=False) for names, _ in files)
        ),
        "2",
    )
    checked = _checked(release) if version == "1" else frozenset()
    for names, split in VERSIONS[version]:
        file = release.find(*names)
        by_letter = "Answer_label" not in release.header(file)
        if by_letter != (version == "2"):
            raise ReleaseError(
                release.source,
                f"the columns are not those of version {version}",
                file=file,
                row=1,
                fix="take the file from the home page under the name that it has there",
            )
        columns = COLUMNS | (CAPTION if by_letter else LABEL)
        for row in release.table(file, columns):
            if not _on_chest_radiograph(row):
                release.reject(file, row.line, "not_a_chest_radiograph", expected=True)
                continue
            try:
                asked = _row(row, Origin(file=file, row=row.line), split, version)
            except _Unusable as why:
                release.reject(file, row.line, why.reason, why.detail, expected=why.known)
                continue
            if (row["figure"], row["question"]) in checked:
                attributes = {**asked.question.attributes, "checked": "yes"}
                asked = asked._replace(question=replace(asked.question, attributes=attributes))
            yield asked


def _checked(release: Release) -> frozenset[tuple[str, str]]:
    """Figure and question of those that people checked."""
    file = release.find(CHECKED, required=False)
    if file is None:
        return frozenset()
    columns = {"figure": "Figure_path", "question": "Question"}
    return frozenset((row["figure"], row["question"]) for row in release.table(file, columns))


def _on_chest_radiograph(row: Row) -> bool:
    right = row[letter] if (letter := _letter(row)) in LETTERS else ""
    text = "\n".join((row.get("caption", ""), row["question"], right))
    return bool(RADIOGRAPH.search(text)) and not OTHER.search(text)


def _row(row: Row, origin: Origin, split: Split, version: str) -> Asked:
    """The question of a row.

    Raises:
        _Unusable: it cannot be asked.
    """
    figure = row["figure"].rpartition("/")[2].rpartition(".")[0]
    named = FIGURE.fullmatch(figure)
    letter = _letter(row)
    choices = {name: _choice(row[name], name) for name in LETTERS}
    options = tuple(text for text in choices.values() if text)
    if named is None:
        raise _Unusable("no_article", "Figure_path is not PMC, a number and a figure", known=False)
    if letter not in LETTERS:
        raise _Unusable(
            "no_such_choice", f"the answer is none of {', '.join(LETTERS)}", known=False
        )
    if not (row["question"] and choices[letter] and len(options) > 1):
        raise _Unusable("empty_question_or_choice")
    if "label" in row and _choice(row["answer"], letter).casefold() != choices[letter].casefold():
        raise _Unusable("contradictory_answer", "its letter and its text differ", known=False)
    if any(map(ON_CHOICES.search, options)):
        raise _Unusable("choice_on_choices")
    question = Question(
        id=f"{split}-{row.line}",
        text=row["question"],
        answers=(choices[letter],),
        form="closed" if NEEDS_CHOICES.search(row["question"]) else "either",
        images=(figure,),
        options=options,
        attributes={"answer_label": letter, "version": version},
        origin=origin,
    )
    return Asked(named[1], figure, question, split)


def _letter(row: Row) -> str:
    """The letter of the right choice: in a column of its own, or the answer itself."""
    return row.get("label", row["answer"])


def _choice(text: str, letter: str) -> str:
    """A choice without its own letter and colon."""
    return re.sub(rf"^\s*{letter}\s*:\s*", "", text).strip()
