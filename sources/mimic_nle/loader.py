"""MIMIC-NLE (Kayser et al., MICCAI 2022): report sentences that explain a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.reports import nle_sentences
from chexinstruct.schema import Explanation, Origin, Split, Study
from chexinstruct.source import Parent
from chexinstruct.vocabulary import canonical

PARENT = "mimic_cxr"
LISTS: tuple[tuple[str, Split], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))

LABELS = {
    "Atelectasis": r"atelecta|collaps|volume loss",
    "Consolidation": r"consolid|air ?-?space|opaci|infiltrat",
    "Edema": r"o?edema|congest|failure|overload|vascular|interstitial|hydrostatic",
    "Enlarged Cardiomediastinum": r"mediastin|cardi|heart|silhouette|hil(?:um|ar)|aort|widen",
    "Lung Lesion": r"nodul|mass|lesion|metasta|tumou?r|neoplas|malignan|cancer|carcinoma|granulom"
    r"|cavit|cyst|abscess",
    "Lung Opacity": r"opaci|densit|infiltrat|air ?-?space|haz[ey]|hazi|interstitial|marking|shadow"
    r"|consolid|pneumoni|atelecta|reticul|scar",
    "Pleural Effusion": r"effusion|fluid|pleura|thorax|costophrenic|blunt|layering",
    "Pleural Other": r"pleura|thicken|scar|fibro|plaque|blunt",
    "Pneumonia": r"pneumoni|infect|aspirat|inflamm",
    "Pneumothorax": r"pneumothora|\bair\b|lucen",
}
"""The labels in their order, each with words by one of which a sentence on it is known."""
NAMES = tuple(LABELS)
WORDS = {name: re.compile(words, re.IGNORECASE) for name, words in LABELS.items()}

SENTENCE = re.compile(r"(s5\d{7})#(\d+)")
NEGATIVE, UNCERTAIN, POSITIVE = (1, 0, 0), (0, 1, 0), (0, 0, 1)

CHECKED = 50
"""Sentences from which on it is judged whether they are the right ones."""
FITTING = 0.9
"""Share of sentences that must speak of their labels; a bound of our own."""


class Line(msgspec.Struct):
    """An object of the lists: a query, or what the publisher's script makes of it."""

    id: str = msgspec.field(name="sentence_ID")
    diagnosis: list[int] = msgspec.field(name="diagnosis_label")
    evidence: list[int] = msgspec.field(name="evidence_label")
    image: list[list[int]] = msgspec.field(name="img_labels")
    sentence: str | None = msgspec.field(name="nle", default=None)


class Asked(NamedTuple):
    """A line whose labels make sense."""

    split: Split
    file: str
    row: int
    number: int
    sentence: str | None
    diagnoses: tuple[str, ...]
    suspected: tuple[str, ...]
    evidence: tuple[str, ...]


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study of MIMIC-CXR each, in the order in which the lists name them first."""
    found: dict[str, list[Asked]] = {}
    seen: set[str] = set()
    for name, split in LISTS:
        file = release.find(f"mimic-nle-{name}.json", f"{name}-query.json", required=False)
        for study, asked in _asked(release, file, split, seen) if file else ():
            found.setdefault(study, []).append(asked)
    if not found:
        raise ReleaseError(
            release.source,
            "no list of sentences found, such as train-query.json or mimic-nle-train.json",
            fix="clone the repository of MIMIC-NLE into its folder",
        )
    texts = _Texts(release)
    for study, lines in found.items():
        yield from _study(release, parents[PARENT].get(study), lines, texts)
    texts.judge()


def _asked(
    release: Release, file: str, split: Split, seen: set[str]
) -> Iterator[tuple[str, Asked]]:
    """The lines of a list by study; ``seen`` are the ids of all lists so far."""
    for row, line in release.jsonl(file, Line):
        place = SENTENCE.fullmatch(line.id)
        if place is None:
            release.reject(file, row, "bad_id", "no sentence_ID such as s50000000#0")
            continue
        if line.id in seen:
            release.reject(file, row, "duplicate_id", "its sentence_ID stands before")
            continue
        seen.add(line.id)
        image = [tuple(cell) for cell in line.image]
        if not (_binary(line.diagnosis) and _binary(line.evidence) and _states(image)):
            detail = f"not {len(NAMES)} labels of 0 and 1, and as many states of the study"
            release.reject(file, row, "bad_labels", detail)
            continue
        diagnoses = [name for name, on in zip(NAMES, line.diagnosis, strict=True) if on]
        states = dict(zip(NAMES, image, strict=True))
        if not diagnoses:
            release.reject(file, row, "no_diagnosis")
            continue
        denied = [name for name in diagnoses if states[name] == NEGATIVE]
        if denied:
            detail = f"{', '.join(denied)}: not found in the report as a whole"
            release.reject(file, row, "diagnosis_denied", detail, expected=True)
            continue
        yield (
            place[1],
            Asked(
                split,
                file,
                row,
                int(place[2]),
                line.sentence,
                tuple(diagnoses),
                tuple(name for name in diagnoses if states[name] == UNCERTAIN),
                tuple(name for name, on in zip(NAMES, line.evidence, strict=True) if on),
            ),
        )


def _binary(cells: Sequence[int]) -> bool:
    return len(cells) == len(NAMES) and set(cells) <= {0, 1}


def _states(cells: Sequence[tuple[int, ...]]) -> bool:
    return len(cells) == len(NAMES) and set(cells) <= {NEGATIVE, UNCERTAIN, POSITIVE}


class _Texts:
    """Finds the sentences, and judges by their words whether they are the right ones."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._found = self._fitting = 0
        self._reports = False

    def of(self, asked: Asked, numbered: list[str] | None) -> str | None:
        """The sentence, white space runs as one blank, or None and a reject.

        Args:
            asked: the line.
            numbered: the sentences of its report; None where this copy of MIMIC-CXR lacks it.
        """
        given = " ".join((asked.sentence or "").split())
        if numbered is None:
            if not given:
                self._reject(asked, "no_report", f"not in {PARENT}", expected=True)
                return None
            text = given
        else:
            self._reports = True
            text = numbered[asked.number] if asked.number < len(numbered) else ""
            text = " ".join(text.split())
            if not text:
                detail = f"sentence {asked.number} of {len(numbered)}"
                self._reject(asked, "no_such_sentence", detail)
                return None
            if given and given != text:
                detail = "its text is not the sentence of that number"
                self._reject(asked, "differs_from_report", detail)
                return None
        self._found += 1
        if not any(WORDS[name].search(text) for name in (*asked.diagnoses, *asked.evidence)):
            detail = f"it speaks of no {' or '.join((*asked.diagnoses, *asked.evidence))}"
            self._reject(asked, "labels_not_in_sentence", detail, expected=True)
            return None
        self._fitting += 1
        return text

    def _reject(self, asked: Asked, reason: str, detail: str, *, expected: bool = False) -> None:
        self._release.reject(asked.file, asked.row, reason, detail, expected=expected)

    def judge(self) -> None:
        """Refuse sentences that are not those the labels were given for.

        Raises:
            ReleaseError: too few speak of their labels, or there were no reports to read.
        """
        if self._found >= CHECKED and self._fitting < FITTING * self._found:
            raise ReleaseError(
                self._release.source,
                f"only {self._fitting:,} of {self._found:,} sentences speak of their labels, so "
                "that sentences and numbers do not fit",
                fix=f"use the reports of {PARENT} as released, and lists of one version",
            )
        if not self._found and not self._reports:
            raise ReleaseError(
                self._release.source,
                f"{PARENT} has no reports, from which the sentences are taken",
                fix=f"add mimic-cxr-reports.zip to {PARENT}",
            )


def _study(
    release: Release, exam: Study | None, lines: Sequence[Asked], texts: _Texts
) -> Iterator[Study]:
    if exam is None:
        for asked in lines:
            detail = f"its study is not in {PARENT}"
            release.reject(asked.file, asked.row, "not_in_parent", detail, expected=True)
        return
    raw = exam.report.raw if exam.report else None
    numbered = nle_sentences(raw) if raw else None
    explanations = []
    for asked in sorted(lines, key=lambda asked: asked.number):
        text = texts.of(asked, numbered)
        if text is not None:
            explanations.append(
                Explanation(
                    id=str(asked.number),
                    diagnoses=tuple(map(canonical, asked.diagnoses)),
                    suspected=tuple(map(canonical, asked.suspected)),
                    evidence=tuple(map(canonical, asked.evidence)),
                    text=text,
                )
            )
    if not explanations:
        return
    first, last = lines[0], lines[-1]
    for asked in lines:
        if exam.split not in (None, asked.split):
            detail = f"{asked.split} here, {exam.split} in {PARENT}, which rules"
            release.reject(asked.file, asked.row, "split_differs", detail, expected=True)
    yield Study(
        source=release.source,
        id=exam.id,
        people=exam.people,
        split=exam.split or last.split,
        split_origin=exam.split_origin if exam.split else "MIMIC-NLE lists",
        images=tuple(replace(image, release=PARENT) for image in exam.images),
        explanations=tuple(explanations),
        origin=Origin(file=first.file, row=first.row),
    )
