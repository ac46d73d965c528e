"""A question that comes with the release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from chexinstruct.schema.common import Origin, Record, Split


class Turn(Record, frozen=True, kw_only=True):
    """An earlier question and its answer."""

    question: str
    answer: str


class Question(Record, frozen=True, kw_only=True):
    """A native question with its answers."""

    id: str
    text: str
    answers: tuple[str, ...]
    """Several where all hold at once; empty: not answerable."""
    form: Literal["open", "closed", "either"]
    """``either``: the answer is to be chosen among ``options``, and the wording stands without them
    too, so that it can be asked both ways."""
    images: tuple[str, ...] = ()
    """Keys of the current pictures asked about; empty for text questions."""
    prior: tuple[str, ...] = ()
    """Keys of the earlier pictures that ``images`` are compared with, earliest first."""
    context: str | None = None
    """Passage the answer is found in."""
    section: str | None = None
    """Section of a report that ``context`` is, a name of ``chexinstruct.reports.SECTIONS``."""
    history: tuple[Turn, ...] = ()
    options: tuple[str, ...] = ()
    several: bool = False
    """Whether any number of the options may be right. It belongs to the question: shown only where
    several are right it would give the answer away."""
    group: str | None = None
    """For questions that a release puts to all its studies alike: what is asked, without a slash.
    Yes and no are balanced within a group, because elsewhere the question alone would tell the
    answer. None: a question made for this study."""
    references: tuple[str, ...] = ()
    """Other wordings of the answer that count as right."""
    doubt: str | None = None
    """Why the answer as released cannot be relied on, as a reason to count: no task teaches it, and
    a benchmark that asks what was published still may."""
    language: str = "en"
    split: Split | None = None
    """Where the release splits questions and not studies."""
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    origin: Origin | None = None


def joined(answers: Sequence[str]) -> str:
    """Several answers in one line; semicolons between them where one holds a comma itself."""
    return ("; " if any("," in answer for answer in answers) else ", ").join(answers)
