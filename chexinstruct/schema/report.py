"""Reports and other texts of a study."""

from __future__ import annotations

from typing import Literal

import msgspec

from chexinstruct.schema.common import Origin, Record

Modality = Literal["radiograph", "CT"]
"""How the pictures that a report describes were made."""


class OrganText(Record, frozen=True, kw_only=True):
    """What a section of a report says of one organ or region."""

    section: str
    """Name of the section of :class:`Report` that it belongs to."""
    organ: str
    """In lower case, as a question can name it: ``lungs and airways``."""
    text: str


class Report(Record, frozen=True, kw_only=True):
    """A radiology report by sections.

    Sections hold the text as released save for white space; a section without text is absent,
    never an empty string. Names are those of ``chexinstruct.reports.SECTIONS``.
    """

    sections: dict[str, str]
    language: str = "en"
    raw: str | None = None
    """The whole text as released, where sections do not already hold all of it."""
    form: Literal["plain", "structured"] = "plain"
    modality: Modality = "radiograph"
    organs: tuple[OrganText, ...] = ()
    """The sections by organ, where the release (or another that the user laid beside it) says so;
    else the lexicon of ``chexinstruct.reports`` finds the organs."""
    release: str | None = None
    """Key of the source that the report was taken over from; None for the study's own. A report
    that was taken over is context for its regions, not a second target of report generation."""
    origin: Origin | None = None


class Text(Record, frozen=True, kw_only=True):
    """A text that is not a report: a caption, a passage, a sentence."""

    id: str
    role: Literal["caption", "passage", "sentence"]
    text: str
    language: str = "en"


class Pair(Record, frozen=True, kw_only=True):
    """Two texts and the relation between them."""

    id: str
    kind: Literal["inference", "similarity"]
    """``inference``: ``first`` is the premise, ``second`` the hypothesis, directed.
    ``similarity``: undirected."""
    first: str
    second: str
    relation: Literal["entailment", "neutral", "contradiction", "paraphrase"]
    annotator: str | None = None


EntityType = Literal[
    "anatomy",
    "observation (definitely present)",
    "observation (uncertain)",
    "observation (definitely absent)",
]
"""What RadGraph (Jain et al., NeurIPS 2021) marks: parts of the body; and findings, diagnoses and
devices with their describing words, by whether the report affirms, suspects or denies them."""


class Entity(Record, frozen=True, kw_only=True):
    """A marked span of a text; offsets are characters, half-open."""

    start: int
    end: int
    text: str
    type: EntityType


class Entities(Record, frozen=True, kw_only=True):
    """The entities that one annotator marked in one text."""

    id: str
    text: str
    items: tuple[Entity, ...]
    annotator: str | None = None


class Explanation(Record, frozen=True, kw_only=True):
    """A sentence that gives the reason for diagnoses seen in the pictures."""

    id: str
    diagnoses: tuple[str, ...]
    """Canonical findings that the sentence explains."""
    suspected: tuple[str, ...] = ()
    """Those of the diagnoses that are uncertain."""
    evidence: tuple[str, ...] = ()
    """Canonical findings that it reasons from."""
    text: str
    annotator: str | None = None


ErrorKind = Literal[
    "false finding",
    "missing finding",
    "wrong location",
    "wrong severity",
    "unfounded comparison",
    "missing comparison",
]
"""How a candidate report may err (Yu et al., Patterns 2023): it states a finding that the reference
does not, leaves one out, places or grades one wrongly, compares with a prior study where the
reference does not, or leaves out a change that the reference tells of."""


class ErrorCounts(Record, frozen=True, kw_only=True):
    """Errors one rater counted in a candidate report against its reference."""

    id: str
    reference: str
    candidate: str
    annotator: str
    significant: dict[ErrorKind, int] = msgspec.field(default_factory=dict)
    """Clinically significant errors by kind; a kind that was not rated is absent."""
    insignificant: dict[ErrorKind, int] = msgspec.field(default_factory=dict)
