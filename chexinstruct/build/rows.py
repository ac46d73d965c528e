"""From one candidate to the rows of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.build.boxes import Lost, placed
from chexinstruct.build.people import patient_digest
from chexinstruct.build.pictures import Stored, open_shelf
from chexinstruct.draw import Draw, key, stem
from chexinstruct.regions import is_degenerate, outline
from chexinstruct.schema import (
    Facts,
    Frame,
    Metadata,
    Picture,
    Region,
    RegionRow,
    Study,
)
from chexinstruct.source import Terms, terms_of
from chexinstruct.tasks import Task
from chexinstruct.templating import Answer, Labels, OptionStyles, Rendered, TaskTemplate, Templates


@dataclass(frozen=True)
class Wording:
    """How rows are worded and what pictures they carry; all of it follows from the manifest."""

    overlay: str | None
    template: str
    """Digest of the template, so that a long-lived worker does not use an old one."""
    dialect: str
    phrasings: int
    labels: tuple[Labels, ...]
    answers: tuple[Answer, ...]
    """Of the styles of options that are drawn."""
    shelf: str | None
    """Where the normalised pictures are listed; None: no pictures are looked at."""
    embed: bool
    suffix: str
    """Of the pictures' file names."""


OWN = ("id", "instruction", "response", "template")
"""The columns in which the rows of one candidate differ."""


class Made(NamedTuple):
    """The rows made of one candidate."""

    pictures: tuple[str, ...]
    """Keys of their pictures, the same for all of them."""
    weight: int
    """Bytes of the pictures as they stand in all of these rows."""
    shared: tuple[Any, ...]
    """Values of the columns that are the same in all of these rows, in the order of the schema."""
    own: tuple[list[str], ...]
    """A list for each column of :data:`OWN`, in that order, with an item a phrasing."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.own[0])


@lru_cache(maxsize=64)
def _template(wording: Wording, task: str) -> TaskTemplate:
    options = OptionStyles(labels=wording.labels, answers=wording.answers)
    return Templates(Path(wording.overlay) if wording.overlay else None, options).load(task)


class RowMaker:
    """Makes the rows of one task and source."""

    def __init__(self, task: Task, source: str, seed: int, wording: Wording, terms: Terms) -> None:
        self.task = task
        self.source = source
        self.seed = seed
        self._wording = stem(seed, "wording")
        self.wording = wording
        self.terms = terms
        self.template = _template(wording, task.key)
        self.shelf = open_shelf(wording.shelf) if wording.shelf else None

    def make(self, study: Study, patient: str | None, facts: Facts) -> Made:
        """The rows of one set of facts, one a phrasing.

        Raises:
            Lost: a picture cannot be read, a region does not lie in it, or a text is empty.
        """
        keys = tuple([image.key for image in facts.images])
        stored = self._stored(facts) if self.shelf else []
        regions = _region_rows(facts, keys, stored, self.wording.dialect)
        pictures: tuple[Picture, ...] = ()
        weight = 0
        if self.wording.embed:
            names = [f"{key}{self.wording.suffix}" for key in keys]
            pictures = tuple(
                Picture(bytes=s.data, path=name) for name, s in zip(names, stored, strict=True)
            )
            weight = sum(len(s.data) for s in stored)
        name = f"{self.task.key}/{self.source}/{study.id}/{facts.key}"
        draw = Draw(key(self._wording, name))
        count = self.wording.phrasings
        rendered = self.template.render(facts, draw, self.wording.dialect, count=count)
        _check(rendered, facts)
        terms = terms_of(study, self.terms)
        shared = (
            self.task.key,
            self.task.family,
            facts.form,
            self.source,
            study.id,
            patient,
            pictures,
            keys,
            rendered.options,
            facts.answers,
            facts.history,
            regions,
            facts.language,
            terms.license,
            terms.redistribution,
            _metadata(study, facts),
            _place(study),
        )
        texts = (rendered.instructions, rendered.responses, rendered.templates)
        rows = len(rendered.instructions)
        ids = [f"{name}/{number}" for number in range(rows)] if count > 1 else [name]
        return Made(keys, weight * rows, shared, (ids, *texts))

    def patient(self, person: int) -> str:
        """A digest of the person, keyed by the manifest's seed."""
        return patient_digest(person, self.seed)

    def _stored(self, facts: Facts) -> list[Stored]:
        assert self.shelf is not None
        found = []
        for image in facts.images:
            picture = self.shelf.get(image.release or self.source, str(image.path))
            if isinstance(picture, str):
                raise Lost(picture)
            found.append(picture)
        return found


def _check(rendered: Rendered, facts: Facts) -> None:
    """What must hold of every row, whatever task and template made it."""
    if not all(rendered.instructions):
        raise Lost("empty_instruction")
    if not all(rendered.responses):
        raise Lost("empty_response")
    if facts.options:
        if len(set(facts.options)) < len(facts.options):
            raise Lost("equal_options")
        if not facts.answers or not set(facts.answers) <= set(facts.options):
            raise Lost("no_right_option")


def _metadata(study: Study, facts: Facts) -> Metadata:
    return Metadata(
        age=study.age,
        sex=study.sex,
        race=study.race,
        views=tuple(image.view for image in facts.images),
        split_origin=study.split_origin,
        collection=study.collection,
        report_form=facts.report_form,
        label_set=facts.label_set,
        finding=facts.finding,
        balance=facts.balance,
        dropped_sentences=facts.dropped_sentences,
        attributes=facts.attributes,
    )


def _place(study: Study) -> str | None:
    origin = study.origin
    if origin is None:
        return None
    return origin.file if origin.row is None else f"{origin.file}:{origin.row}"


def _region_rows(
    facts: Facts, keys: tuple[str, ...], stored: Sequence[Stored], dialect: str
) -> tuple[RegionRow, ...]:
    """Regions as fractions of their pictures, question first.

    Raises:
        Lost: the size of a region's pixel grid is not known or is not the picture's shape, or the
            region lies outside it or is smaller than a step of the dialect's grid.
    """
    if not facts.asked and not facts.found:
        return ()
    sizes = {key: s.source_size for key, s in zip(keys, stored, strict=False)}
    rows = []
    for role, regions in (("question", facts.asked), ("answer", facts.found)):
        for region in regions:
            frame, box = placed(region, sizes)
            if is_degenerate(box, dialect):
                raise Lost("region_too_small")
            rows.append(
                RegionRow(
                    image=keys.index(region.image),
                    role=role,  # type: ignore[arg-type]
                    label=region.label,
                    phrase=region.phrase,
                    x1=box[0],
                    y1=box[1],
                    x2=box[2],
                    y2=box[3],
                    rings=_rings(region, frame),
                )
            )
    return tuple(rows)


def _rings(region: Region, frame: Frame) -> tuple[tuple[float, ...], ...]:
    width, height = frame
    return tuple(
        tuple(part for x, y in ring for part in (x / width, y / height)) for ring in outline(region)
    )
