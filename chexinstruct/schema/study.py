"""A study: what one loader says of one imaging study, or of one text-only item."""

from __future__ import annotations

from typing import Literal

from chexinstruct.schema.common import LicenseClass, Origin, Record, Redistribution, Split
from chexinstruct.schema.image import Image
from chexinstruct.schema.label import Label
from chexinstruct.schema.question import Question
from chexinstruct.schema.region import Comparison, Region
from chexinstruct.schema.report import Entities, ErrorCounts, Explanation, Pair, Report, Text


class Study(Record, frozen=True, kw_only=True):
    """The common schema of all sources."""

    source: str
    id: str
    """Unique in the source."""
    order: str | None = None
    """Sort key within a person: compares as text, earlier first."""
    people: tuple[str, ...] = ()
    """``space:id`` of the person; several where sources overlap; empty for text of no patient.
    Studies that share any of them, directly or through others, stay in one split."""
    quoted: tuple[str, ...] = ()
    """Further persons whose words stand in it, as ``people``. They are not taken for one person
    with them: the study is left out unless all of them stand on its side."""
    split: Split | None = None
    """The release's own split, or None: to be drawn from the person."""
    split_origin: str | None = None
    """Where ``split`` comes from, e.g. the name of the official list."""
    collection: str | None = None
    """Which of the collections that the source was compiled from the study comes from, as released.
    Label and collection may go together, so that a model learns the one from the other."""
    holdout: bool = False
    """True for items of a benchmark: they stay in ``split``, whatever other sources say."""
    age: float | None = None
    """Years at the study."""
    sex: Literal["F", "M", "O"] | None = None
    race: str | None = None
    images: tuple[Image, ...] = ()
    """In the order of the release."""
    report: Report | None = None
    label_sets: tuple[str, ...] = ()
    """Names of the card's label sets that were applied to this study."""
    labels: tuple[Label, ...] = ()
    regions: tuple[Region, ...] = ()
    questions: tuple[Question, ...] = ()
    texts: tuple[Text, ...] = ()
    pairs: tuple[Pair, ...] = ()
    entities: tuple[Entities, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    error_counts: tuple[ErrorCounts, ...] = ()
    codes: tuple[str, ...] = ()
    """Index terms of the release (MeSH, UMLS, ...) as released."""
    language: str = "en"
    selection: str | None = None
    """Name of the rule that took the study for a chest radiograph, where a rule was due."""
    license: LicenseClass | None = None
    """None: that of the card."""
    redistribution: Redistribution | None = None
    """None: the strictest of the card and its parents."""
    origin: Origin | None = None
