"""A row with all that a page shows of it."""

from __future__ import annotations

import msgspec

from chexinstruct.corpus import CorpusFile
from chexinstruct.schema import Example
from chexinstruct.view.spans import Piece, pieces


class ShownOption(msgspec.Struct, kw_only=True, frozen=True):
    """An option as shown."""

    label: str
    text: str
    right: bool


class ShownTurn(msgspec.Struct, kw_only=True, frozen=True):
    """An earlier question and its answer."""

    question: list[Piece]
    answer: list[Piece]


class Detail(msgspec.Struct, kw_only=True, frozen=True):
    """A row, its texts cut at their boxes; the picture bytes are asked for apart."""

    split: str
    file: str
    """Path inside the corpus."""
    row: Example
    """Without the bytes of its pictures."""
    instruction: list[Piece]
    response: list[Piece]
    history: list[ShownTurn]
    options: list[ShownOption]


def detail(file: CorpusFile, row: Example, dialect: str) -> Detail:
    """What is shown of a row of a file.

    Args:
        file: that it stands in.
        row: without pictures.
        dialect: of the boxes in its texts.
    """
    right = {_as_shown(answer) for answer in row.answers}
    return Detail(
        split=file.split,
        file=file.name,
        row=row,
        instruction=pieces(row.instruction, row.regions, dialect),
        response=pieces(row.response, row.regions, dialect),
        history=[
            ShownTurn(
                question=pieces(turn.question, row.regions, dialect),
                answer=pieces(turn.answer, row.regions, dialect),
            )
            for turn in row.history
        ],
        options=[
            ShownOption(label=option.label, text=option.text, right=option.text in right)
            for option in row.options
        ],
    )


def _as_shown(answer: str) -> str:
    """Marks that mean something to models are broken up in options, and kept bare in answers."""
    return answer.replace("<|", "< |").replace("<image>", "< image>")
