"""RadGraph (Jain et al., NeurIPS 2021): entities that radiologists marked in report texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from chexinstruct.release import Release
from chexinstruct.schema import Entities, Entity, EntityType, Origin, Split, Study
from chexinstruct.source import Parent

PARENT = "mimic_cxr"
LISTS: tuple[tuple[str, Split], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))

TYPES: dict[str, EntityType] = {
    "ANAT-DP": "anatomy",
    "OBS-DP": "observation (definitely present)",
    "OBS-U": "observation (uncertain)",
    "OBS-DA": "observation (definitely absent)",
}
LABELLERS = ("labeler_1", "labeler_2")
"""Two radiologists marked each test report, apart from one another."""

MIMIC, CHEXPERT = "mimic-cxr", "chexpert"
KEY = re.compile(r"(?:(?:.*/)?p(?P<subject>1\d{7})/|(?:.*/)?)(?P<study>s5\d{7})(?:\.txt)?")
"""``p10/p10000000/s50000000.txt``; folders may be missing."""


class Marked(msgspec.Struct):
    """An entity; places are of tokens, the last included."""

    tokens: str
    label: str
    start_ix: int
    end_ix: int


class Annotation(msgspec.Struct):
    """What one radiologist marked, by ids that need not follow the text."""

    entities: dict[str, Marked]


class Record(msgspec.Struct):
    """A report; its tokens are what single blanks divide."""

    text: str
    data_source: str | None = None
    entities: dict[str, Marked] | None = None
    labeler_1: Annotation | None = None
    labeler_2: Annotation | None = None


class Whose(NamedTuple):
    """The study and the patient of a report."""

    study: str
    people: tuple[str, ...]
    exam: Study | None


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a report, in the order of the three files."""
    seen: set[str] = set()
    for name, split in LISTS:
        file = release.find(f"{name}.json")
        for key, record in release.json(file, dict[str, Record]).items():
            whose = _whose(release, file, key, record, parents.get(PARENT))
            if whose is None:
                continue
            if whose.study in seen:
                release.reject(file, None, "duplicate_report", f"{key} stands before")
                continue
            seen.add(whose.study)
            entities = tuple(_entities(release, file, key, record))
            if entities:
                yield _study(release, file, split, whose, entities)


def _whose(
    release: Release, file: str, key: str, record: Record, parent: Parent | None
) -> Whose | None:
    source = (record.data_source or "").lower()
    if source == CHEXPERT:
        return Whose(f"chexpert-{key.removesuffix('.txt')}", (), None)
    found = KEY.fullmatch(key)
    if source != MIMIC or found is None:
        detail = f"{key}: no report of MIMIC-CXR or CheXpert, by data_source and key"
        release.reject(file, None, "unknown_report", detail)
        return None
    study, subject = found["study"], found["subject"]
    exam = parent.get(study) if parent else None
    people = (f"{PARENT}:{subject}",) if subject else ()
    if exam is None:
        detail = f"the split by patient of {study} is not known"
        release.reject(file, None, "split_unknown", detail, expected=True)
    elif people and exam.people != people:
        release.reject(file, None, "id_mismatch", f"{study} has another subject in {PARENT}")
        return None
    return Whose(study, exam.people if exam else people, exam)


def _study(
    release: Release, file: str, split: Split, whose: Whose, entities: tuple[Entities, ...]
) -> Study:
    """The reports of the test file stay there; of others the split of MIMIC-CXR decides."""
    benchmark = split == "test"
    ruled = whose.exam.split if whose.exam else None
    if ruled not in (None, split):
        rules = "which stays" if benchmark else "which rules"
        detail = f"{whose.study} is {split} here, {ruled} in {PARENT}; {rules}"
        release.reject(file, None, "split_differs", detail, expected=True)
    taken = ruled if ruled and not benchmark else split
    return Study(
        source=release.source,
        id=whose.study,
        people=whose.people,
        split=taken,
        split_origin=whose.exam.split_origin
        if whose.exam and ruled and not benchmark
        else f"RadGraph {file.rpartition('/')[2]}",
        holdout=benchmark,
        entities=entities,
        origin=Origin(file=file),
    )


def _entities(release: Release, file: str, key: str, record: Record) -> Iterator[Entities]:
    """What each radiologist marked; an annotation with an entity that does not fit is left out."""
    annotations: dict[str | None, dict[str, Marked]] = {}
    if record.entities is not None:
        annotations[None] = record.entities
    for name, annotation in zip(LABELLERS, (record.labeler_1, record.labeler_2), strict=True):
        if annotation is not None:
            annotations[name] = annotation.entities
    if not annotations:
        release.reject(file, None, "not_annotated", key)
    if not record.text.strip():
        release.reject(file, None, "empty_text", key)
        return
    for annotator, marked in annotations.items():
        try:
            items = sorted((_entity(record.text, m) for m in marked.values()), key=_place)
        except ValueError as error:
            release.reject(file, None, "entity_does_not_fit", f"{key}: {error}")
            continue
        yield Entities(id="text", text=record.text.strip(), items=tuple(items), annotator=annotator)


def _place(entity: Entity) -> tuple[int, int]:
    return entity.start, entity.end


def _entity(text: str, marked: Marked) -> Entity:
    """The entity by characters of the text without outer blanks.

    Raises:
        ValueError: its label is not known, or its tokens do not stand at its place.
    """
    kind = TYPES.get(marked.label)
    if kind is None:
        raise ValueError(f"a label is none of {', '.join(TYPES)}")
    tokens = text.split(" ")
    inside = tokens[marked.start_ix : marked.end_ix + 1]
    if not 0 <= marked.start_ix <= marked.end_ix < len(tokens) or not marked.tokens.strip():
        raise ValueError("an entity lies outside the text")
    if " ".join(inside) != marked.tokens:
        raise ValueError("the tokens of an entity are not those at its place")
    outer = len(text) - len(text.lstrip())
    start = sum(len(token) + 1 for token in tokens[: marked.start_ix]) - outer
    return Entity(start=start, end=start + len(marked.tokens), text=marked.tokens, type=kind)
