"""What rules work with: a study, what may be known beyond it, and what they make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from chexinstruct.chexbench.recipe import Form, Part, Views
from chexinstruct.draw import Draw, key
from chexinstruct.schema import Image, LabelSet, Region, Study
from chexinstruct.source import Parent
from chexinstruct.tasks.pictures import shown
from chexinstruct.vocabulary import FRONTAL


class Studies(Parent, Protocol):
    """The study table of a source, by row in the loader's order."""

    @property
    def table(self) -> pa.Table:
        """Its columns; among them ``id`` and ``split``, which is null where there is none."""

    def __len__(self) -> int:
        """How many studies there are."""

    def __getitem__(self, row: int) -> Study:
        """The study of a row."""


@dataclass(frozen=True)
class Refused:
    """Something a rule looked at and does not ask; counted by reason."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An item that could be, before anything is drawn."""

    study: Study
    key: str
    """Unique in its study and part."""
    form: Form = "choice"
    side: str = ""
    """The class of its answer."""
    group: str = ""
    """Within which sides are balanced."""
    images: tuple[Image, ...] = ()
    question: str | None = None
    phrase: str | None = None
    context: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    """The right one first; the order shown is drawn later."""
    reference: str | None = None
    regions: tuple[Region, ...] = ()
    slices: tuple[tuple[str, str], ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Asking:
    """All that a rule may know beyond its study."""

    part: Part
    seed: int
    strict: bool
    """Whether the recipe is ``clean``."""
    views: Views
    pictures: bool
    """Whether pictures are shown, so that one whose file is missing is no use."""
    label_sets: Mapping[str, LabelSet]
    """Of the source's card."""
    tables: Mapping[str, Studies] = field(default_factory=dict)
    """The study tables of other sources."""

    def draw(self, study: Study, *names: object) -> Draw:
        """Chance of one study: no order and no other study changes it."""
        part = self.part
        return Draw(key(self.seed, part.task, part.subtask, part.source, study.id, *names))

    def rank(self, candidate: Candidate) -> int:
        """Of candidates to choose among, those with the lowest ranks are taken."""
        part = self.part
        names = (part.task, part.subtask, part.source, candidate.study.id, candidate.key)
        return key(self.seed, "items", *names)

    def at_hand(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        """Those of the pictures that can be shown."""
        return tuple(i for i in images if i.path is not None or not self.pictures)

    def one(self, study: Study) -> tuple[Image, ...] | Refused:
        """The picture that stands for a study: its first frontal one.

        Where no picture is known to be frontal: under ``clean`` none, unless the release has no
        others; else the first. With the views ``any``: a drawn one.
        """
        images = self.at_hand(tuple(i for i in study.images if i.role == "current"))
        if not images:
            return Refused("missing_image" if study.images else "no_image")
        if self.views == "any":
            return (self.draw(study, "view").choice(images),)
        if found := next(filter(is_frontal, images), None):
            return (found,)
        if self.part.frontal or not self.strict:
            return images[:1]
        known = all(image.view or image.view_name for image in images)
        return Refused("no_frontal_image" if known else "projection_not_known")

    def several(self, study: Study) -> tuple[Image, ...] | Refused:
        """All pictures of a study, frontal ones first; under ``clean`` the first frontal one."""
        if self.strict:
            return self.one(study)
        images = self.at_hand(shown(study))
        if not images:
            return Refused("missing_image" if study.images else "no_image")
        return tuple(sorted(images, key=lambda image: not is_frontal(image)))


def is_frontal(image: Image) -> bool:
    """Whether the release says so, if only in the word frontal."""
    return image.view in FRONTAL or (image.view_name or "").casefold() == "frontal"


def view_of(image: Image) -> str:
    """The projection as results are broken down by it; what is not told is ``unknown``."""
    if image.view is None:
        return "frontal" if is_frontal(image) else "unknown"
    return image.view


class Rule(Protocol):
    """Makes candidates of a study, in an order that depends on the study alone."""

    def __call__(self, study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
        """At least one outcome for every study that it is given."""
