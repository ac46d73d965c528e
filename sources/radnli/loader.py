"""RadNLI (Miura et al., NAACL 2021): pairs of sentences labelled by hand, and by a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, get_args

import msgspec

from chexinstruct.release import Release
from chexinstruct.reports import section_mimic
from chexinstruct.schema import Origin, Pair, Split, Study
from chexinstruct.source import Parent

PARENT = "mimic_cxr"
LISTS: tuple[tuple[str, Split], ...] = (("dev", "validation"), ("test", "test"))
SILVER = "radnli_pseudo-train_indexes.jsonl"
"""Of the authors' code, not of the release: places of sentences in reports."""

Relation = Literal["entailment", "neutral", "contradiction"]
RELATIONS: dict[str, Relation] = {label: label for label in get_args(Relation)}

PLACE = re.compile(r"(s5\d{7}),(\d+):(\d+)")
ENDED = re.compile(r"[.?!][\"')\]]*$")


class Line(msgspec.Struct):
    """An object of the JSON Lines files, as far as it is read."""

    pair_id: str
    sentence1: str
    sentence2: str
    gold_label: str


class Read(NamedTuple):
    """A line whose label is known."""

    file: str
    row: int
    pair: Pair


class Sentence(NamedTuple):
    """A sentence of a report, and whose it is."""

    text: str
    exam: Study


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a pair: those of the two lists, then those that the program labelled.

    All files number their pairs alike, so ids carry the name of the list. A pair and its reverse
    stand in one file, and so in one split.
    """
    gold: set[frozenset[str]] = set()
    for name, split in LISTS:
        file = release.find(f"radnli_{name}_v1.jsonl")
        for read in _lines(release, file, name):
            pair = read.pair
            gold.add(frozenset((pair.first, pair.second)))
            yield Study(
                source=release.source,
                id=pair.id,
                split=split,
                split_origin=f"radnli_{name}_v1.jsonl",
                pairs=(pair,),
                origin=Origin(file=file, row=read.row),
            )
    silver = release.find(SILVER, required=False)
    if silver is not None:
        yield from _silver(release, silver, parents.get(PARENT), gold)


def _lines(release: Release, file: str, name: str, annotator: str | None = None) -> Iterator[Read]:
    seen: set[str] = set()
    for number, line in release.jsonl(file, Line):
        premise, hypothesis = line.sentence1.strip(), line.sentence2.strip()
        relation = RELATIONS.get(line.gold_label.strip())
        if not (premise and hypothesis):
            release.reject(file, number, "empty_sentence")
        elif relation is None:
            release.reject(file, number, "unknown_label", f"none of {', '.join(RELATIONS)}")
        elif line.pair_id in seen:
            release.reject(file, number, "duplicate_id", "its pair_id stands before")
        else:
            seen.add(line.pair_id)
            pair = Pair(
                id=f"{name}-{line.pair_id}",
                kind="inference",
                first=premise,
                second=hypothesis,
                relation=relation,
                annotator=annotator,
            )
            yield Read(file, number, pair)


def _silver(
    release: Release, file: str, parent: Parent | None, gold: set[frozenset[str]]
) -> Iterator[Study]:
    """The pairs that a program labelled, where both sentences are of train patients."""
    for read in _lines(release, file, "silver", annotator="program"):
        if parent is None:
            detail = f"the sentences stand in reports of {PARENT}"
            release.reject(file, read.row, f"without_{PARENT}", detail, expected=True)
            continue
        premise = _sentence(release, read, read.pair.first, parent)
        hypothesis = premise and _sentence(release, read, read.pair.second, parent)
        if premise is None or hypothesis is None:
            continue
        exams = (premise.exam, hypothesis.exam)
        if {exam.split for exam in exams} - {"train", None}:
            detail = f"a sentence is of no train patient of {PARENT}"
            release.reject(file, read.row, "not_train", detail, expected=True)
        elif frozenset((premise.text, hypothesis.text)) in gold:
            detail = "the pair stands in the dev or test list"
            release.reject(file, read.row, "in_gold_list", detail, expected=True)
        else:
            train = all(exam.split for exam in exams)
            people = premise.exam.people
            yield Study(
                source=release.source,
                id=read.pair.id,
                people=people,
                quoted=tuple(p for p in hypothesis.exam.people if p not in people),
                split="train" if train else None,
                split_origin=premise.exam.split_origin if train else None,
                pairs=(
                    msgspec.structs.replace(read.pair, first=premise.text, second=hypothesis.text),
                ),
                origin=Origin(file=file, row=read.row),
            )


def _sentence(release: Release, read: Read, place: str, parent: Parent) -> Sentence | None:
    """The sentence at a place such as ``s50000000,0:87``: characters of the findings.

    The ranges count in the findings of the published section parser, runs of white space as one
    blank. They are of whole sentences: a range that begins or ends inside one shows that the text
    is another.
    """
    found = PLACE.fullmatch(place)
    if found is None:
        release.reject(read.file, read.row, "bad_place", "no study and range as s50000000,0:87")
        return None
    exam = parent.get(found[1])
    if exam is None:
        detail = f"{found[1]} is not in {PARENT}"
        release.reject(read.file, read.row, "not_in_parent", detail, expected=True)
        return None
    raw = exam.report.raw if exam.report else None
    if raw is None:
        release.reject(read.file, read.row, "no_report", f"of {found[1]}", expected=True)
        return None
    findings = section_mimic(raw).sections.get("findings", "")
    start, end = int(found[2]), int(found[3])
    text = findings[start:end]
    around = findings[max(start - 1, 0) : start] + findings[end : end + 1]
    whole = end == len(findings) or (end < len(findings) and ENDED.search(text))
    if not whole or not text or text != text.strip() or around.strip():
        detail = f"{found[1]} has no sentence at {start}:{end}"
        release.reject(read.file, read.row, "range_not_a_sentence", detail)
        return None
    return Sentence(text, exam)
