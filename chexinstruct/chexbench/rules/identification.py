"""Items on what a study shows: one finding or not, one of four findings, one of four sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.chexbench.rules.views import others
from chexinstruct.draw import Draw
from chexinstruct.schema import Study
from chexinstruct.vocabulary import VocabularyError, canonical, compatible_negative

DISTRACTORS = 3
TRIES = 200
"""Draws of a wrong set before a study is given up; nearly all studies take three."""


class Said(NamedTuple):
    """What a study says of the findings of a part, each in the order of the part."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    """Said to be absent."""
    open: tuple[str, ...]
    """Neither: uncertain. It bars the study from items that name the finding."""
    free: tuple[str, ...]
    """Neither present nor uncertain, so that they can stand as wrong options."""


def said(study: Study, asking: Asking) -> Said | Refused:
    """The findings of a study: its labels, or its index headings.

    An uncertain label is neither present nor absent, whatever policy the label set has. A heading
    that is not there may be one that the indexer did not give; it stands as a wrong option only.
    """
    part = asking.part
    if part.headings:
        if not study.codes:
            return Refused("no_codes")
        found = {code.partition("/")[0].strip() for code in study.codes}
        names = tuple(part.headings)
        present = tuple(name for name in names if name in found)
        return Said(present, (), (), tuple(name for name in names if name not in found))
    applied = [asking.label_sets[name] for name in study.label_sets]
    if not any(set(part.findings) & set(label_set.findings) for label_set in applied):
        return Refused("no_labels")
    states: dict[str, set[str]] = {}
    for label in study.labels:
        states.setdefault(label.finding, set()).add(label.state)
    for label_set in applied:
        if label_set.blank == "absent":
            for name in label_set.findings:
                states.setdefault(name, {"absent"})
    names = part.findings

    def those(state: str) -> tuple[str, ...]:
        return tuple(name for name in names if states.get(name) == {state})

    certain = {*those("present"), *those("absent")}
    unsure = tuple(name for name in names if name in states and name not in certain)
    return Said(
        present=those("present"),
        absent=those("absent"),
        open=unsure,
        free=tuple(name for name in names if name not in {*those("present"), *unsure}),
    )


def binary(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """One item a finding that is said to be present or absent.

    Under ``clean`` a finding is not asked as absent beside one that overlaps with it in meaning.
    """
    found = said(study, asking)
    if isinstance(found, Refused):
        yield found
        return
    images = asking.several(study)
    if isinstance(images, Refused):
        yield images
        return
    part = asking.part
    options = tuple(part.sides.values())
    for name in part.findings:
        if name in found.open:
            yield Refused("uncertain")
        elif name not in found.present and name not in found.absent:
            yield Refused("not_mentioned")
        elif name in found.absent and asking.strict and not _deniable(name, found):
            yield Refused("overlapping_finding")
        else:
            side = part.sides["present" if name in found.present else "absent"]
            yield Candidate(
                study=study,
                key=name,
                side=side,
                group=name,
                images=images,
                question=(part.question or "").format(finding=name),
                options=others(side, options),
                slices=(("finding", name),),
            )


def single(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """The only finding of a study against three that it is not said to show."""
    found = said(study, asking)
    if isinstance(found, Refused):
        yield found
    elif len(found.present) != 1:
        yield Refused("several_findings" if found.present else "no_finding")
    elif isinstance(images := asking.several(study), Refused):
        yield images
    elif len(free := _wrong(found, asking)) < DISTRACTORS:
        yield Refused("too_few_wrong_options")
    else:
        (name,) = found.present
        options = (name, *asking.draw(study, "options").sample(free, DISTRACTORS))
        yield Candidate(
            study=study,
            key="only",
            side=_worded(name, asking),
            images=images,
            question=asking.part.question,
            options=tuple(_worded(option, asking) for option in options),
            slices=(("finding", _worded(name, asking)),),
        )


def multiple(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """All findings of a study against three other sets of as many.

    Each wrong set holds a finding that the study is not said to show, so none is true, and none
    names an uncertain one. Sizes are equal: the length of an option tells nothing of what it is.
    """
    found = said(study, asking)
    if isinstance(found, Refused):
        yield found
        return
    if len(found.present) < 2:
        yield Refused("one_finding" if found.present else "no_finding")
        return
    images = asking.several(study)
    if isinstance(images, Refused):
        yield images
        return
    sets = _wrong_sets(found.present, _wrong(found, asking), asking.draw(study, "options"))
    if len(sets) < DISTRACTORS:
        yield Refused("too_few_wrong_options")
        return
    order = {name: n for n, name in enumerate(asking.part.findings or asking.part.headings)}
    yield Candidate(
        study=study,
        key="all",
        images=images,
        question=asking.part.question,
        options=tuple(
            ", ".join(_worded(name, asking) for name in sorted(names, key=order.__getitem__))
            for names in (frozenset(found.present), *sets)
        ),
        slices=(("findings", str(len(found.present))),),
    )


def _wrong_sets(
    present: tuple[str, ...], free: tuple[str, ...], draw: Draw
) -> list[frozenset[str]]:
    """Up to three distinct sets in which some of the findings are exchanged for wrong ones."""
    sets: dict[frozenset[str], None] = {}
    most = min(len(present), len(free))
    for _ in range(TRIES if most else 0):
        exchanged = 1 + draw.below(most)
        kept = draw.sample(present, len(present) - exchanged)
        sets[frozenset((*kept, *draw.sample(free, exchanged)))] = None
        if len(sets) == DISTRACTORS:
            break
    return list(sets)


def _wrong(found: Said, asking: Asking) -> tuple[str, ...]:
    """What can stand as a wrong option; under ``clean`` nothing that overlaps in meaning."""
    if not asking.strict:
        return found.free
    return tuple(name for name in found.free if _deniable(name, found))


def _deniable(name: str, found: Said) -> bool:
    """Whether a finding can be called absent beside all that may be present.

    Headings that the vocabulary does not hold overlap with nothing that it holds.
    """
    known = _known(name)
    there = [other for other in map(_known, (*found.present, *found.open)) if other]
    return known is None or compatible_negative(known, there)


def _known(name: str) -> str | None:
    try:
        return canonical(" ".join(reversed(name.split(", "))))
    except VocabularyError:
        return None


def _worded(name: str, asking: Asking) -> str:
    return asking.part.headings.get(name, name)
