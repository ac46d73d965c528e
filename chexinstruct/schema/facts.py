"""What a task found in a study, before any wording."""

from __future__ import annotations

from typing import Literal

import msgspec

from chexinstruct.schema.common import Record
from chexinstruct.schema.image import Image
from chexinstruct.schema.question import Turn
from chexinstruct.schema.region import Region

VARIED = "varied"
"""The side of a balanced group whose answers are of many kinds."""


class Facts(Record, frozen=True, kw_only=True):
    """What a task found in a study: everything a template needs, and nothing of its wording."""

    key: str
    """Unique among the facts of one task in one study."""
    form: str
    """Which form of the template."""
    images: tuple[Image, ...] = ()
    """In the order shown."""
    slots: dict[str, str] = msgspec.field(default_factory=dict)
    """Template variables."""
    options: tuple[str, ...] = ()
    """All options, true ones included; the order shown is drawn when rendering."""
    answers: tuple[str, ...] = ()
    """The true options, or the accepted answers."""
    asked: tuple[Region, ...] = ()
    """Regions named in the question."""
    found: tuple[Region, ...] = ()
    """Regions of the answer."""
    named: Literal["label", "phrase"] | None = None
    """What is written beside each box of ``found``; None: the box alone."""
    history: tuple[Turn, ...] = ()
    language: str = "en"
    balance: str | None = None
    """``group/side``: select keeps as many of each side of a group, e.g. ``edema/present`` and
    ``edema/absent``. A side called ``varied`` (:data:`VARIED`) has answers of many kinds: it stays
    whole, and the constant answers of the other sides are cut to its number. None: not balanced."""
    finding: str | None = None
    label_set: str | None = None
    report_form: str | None = None
    dropped_sentences: str | None = None
    attributes: str | None = None
