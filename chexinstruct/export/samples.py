"""A row of the corpus as every format starts from it: pictures, and questions with answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chexinstruct.export.marks import broken_up
from chexinstruct.export.pictures import Picture
from chexinstruct.export.texts import Place, Refused, Text, places, taken_apart
from chexinstruct.schema import RegionRow

COLUMNS = (
    "id",
    "task",
    "source",
    "instruction",
    "response",
    "image_ids",
    "history",
    "regions",
    "language",
    "license",
    "redistribution",
)
"""What is read of a row, besides its pictures."""


@dataclass(frozen=True)
class Exchange:
    """A question and its answer."""

    question: Text
    answer: Text


@dataclass(frozen=True)
class Sample:
    """A row to be exported."""

    id: str
    task: str
    source: str
    split: str
    language: str
    license: str
    redistribution: str
    pictures: tuple[Picture, ...]
    turns: tuple[Exchange, ...]
    """Earlier questions first; the last one is what the row asks."""

    @property
    def places(self) -> list[Place]:
        """The boxes of all texts, in the order in which they are read."""
        return [
            place
            for turn in self.turns
            for text in (turn.question, turn.answer)
            for place in places(text)
        ]


def sample_of(
    row: Mapping[str, Any], split: str, pictures: Sequence[Picture], dialect: str
) -> Sample:
    """A row of the corpus, given as plain values, as a sample.

    The corpus writes earlier questions and answers at the head of the instruction; here they are
    turns of their own.

    Raises:
        Refused: the boxes of the texts are not those of the column ``regions``.
    """
    regions = [msgspec.convert(region, RegionRow, strict=False) for region in row["regions"]]
    question, answer = (
        taken_apart(
            row[column], [r for r in regions if r.role == role], dialect, named=role == "answer"
        )
        for column, role in (("instruction", "question"), ("response", "answer"))
    )
    if any(region.image >= len(pictures) for region in regions):
        raise Refused("region_without_picture")
    if not any(map(str.strip, (p for p in answer if isinstance(p, str)))) and not places(answer):
        raise Refused("empty_response")
    history = [(broken_up(turn["question"]), broken_up(turn["answer"])) for turn in row["history"]]
    earlier, question = _without_history(history, question)
    return Sample(
        id=row["id"],
        task=row["task"],
        source=row["source"],
        split=split,
        language=row["language"],
        license=row["license"],
        redistribution=row["redistribution"],
        pictures=tuple(pictures),
        turns=(*earlier, Exchange(question, answer)),
    )


def _without_history(
    history: Sequence[tuple[str, str]], question: Text
) -> tuple[list[Exchange], Text]:
    """Earlier turns, and the question without them.

    Where templates of a user's own tell them in another way, the question stays as it is and there
    are no turns: told twice they would be wrong.
    """
    head = "".join(f"Q: {asked}\nA: {told}\n" for asked, told in history)
    first = question[0] if question else ""
    if not head or not isinstance(first, str) or not first.startswith(f"{head}\n"):
        return [], question
    rest = first.removeprefix(f"{head}\n")
    turns = [Exchange((asked,), (told,)) for asked, told in history]
    return turns, ((rest, *question[1:]) if rest else question[1:])
