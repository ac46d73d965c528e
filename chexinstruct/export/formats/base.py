"""What a format is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chexinstruct.export.pictures import Picture
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import Record, Sink
from chexinstruct.export.texts import Boxes, Place, Text

IMAGE = "<image>"
"""Where most trainers put the tokens of a picture."""

Say = Callable[[Text], str]
"""Writes a text of the sample in one piece, boxes as the target reads them."""


class Marker(Protocol):
    """Writes boxes into texts, and finds them again."""

    def write(self, boxes: Boxes, pictures: Sequence[Picture]) -> str:
        """Boxes side by side."""

    def reads_back(self, text: str, places: Sequence[Place], pictures: Sequence[Picture]) -> bool:
        """Whether these boxes, and no others, stand in a text."""

    def without_boxes(self, text: str) -> str:
        """The text without its boxes and the marks around their names."""


@dataclass(frozen=True)
class Format:
    """How rows are written for one reader."""

    name: str
    what: str
    """One line for ``--help``."""
    record: Callable[[Sample, Say], Record]
    """A row in the reader's form."""
    texts: Callable[[Record], list[str]]
    """The texts of a record that a model will see, in the order of reading."""
    shown: Callable[[Record], list[str]]
    """The pictures of a record, by name and in order."""
    sink: type[Sink]
    guide: str
    """How to train on it, in Markdown: the README of the export. What a line says of ``validation``
    stands in it alone, so that it can be left out where that split has no rows."""
    mark: str | None = IMAGE
    """What stands in the texts for each picture; None: nothing does."""
    boxes: str | None = None
    """The box dialect of the reader; None: what the corpus has, or ``--boxes`` names."""
    other_boxes: bool = False
    """Whether ``--boxes`` may name another dialect although there is one of the reader."""
    marker: Marker | None = None
    """Writes boxes otherwise than as numbers in the text."""
    inside: bool = False
    """Whether pictures go into the data files, not beside them."""
    least: int = 0
    most: int | None = None
    """Pictures of a row that the reader can take."""
    part: Callable[[Sample], str] = field(default=lambda sample: sample.split)
    """Name of the file or folder that a row goes into."""
    extras: Callable[[Mapping[str, Sequence[str]]], Mapping[str, Any]] = field(
        default=lambda parts: {}
    )
    """JSON files beside the data, from the names of the data files of each part."""


def marked(sample: Sample, say: Say) -> list[tuple[str, str]]:
    """Questions and answers; the marks of the pictures head the first question, a line each."""
    turns = [(say(turn.question), say(turn.answer)) for turn in sample.turns]
    asked, told = turns[0]
    return [(f"{IMAGE}\n" * len(sample.pictures) + asked, told), *turns[1:]]


def messages(sample: Sample, say: Say) -> list[dict[str, str]]:
    """The turns as ``role`` and ``content``, as chat templates name them."""
    return [
        {"role": role, "content": text}
        for turn in marked(sample, say)
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]


def conversations(turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """The turns as ``from`` and ``value``, as LLaVA names them."""
    return [
        {"from": role, "value": text}
        for turn in turns
        for role, text in zip(("human", "gpt"), turn, strict=True)
    ]


def names(sample: Sample) -> list[str]:
    """The files of the pictures."""
    return [picture.name for picture in sample.pictures]


def values(record: Record) -> list[str]:
    """The texts of ``conversations``."""
    return [turn["value"] for turn in record["conversations"]]


def contents(record: Record) -> list[str]:
    """The texts of ``messages``."""
    return [message["content"] for message in record["messages"]]


def listed(record: Record) -> list[str]:
    """The pictures of a list ``images``."""
    return list(record["images"])


def image_field(record: Record) -> list[str]:
    """The pictures of a field ``image``: a name, a list of names, or absent."""
    held = record.get("image", [])
    return [held] if isinstance(held, str) else list(held)
