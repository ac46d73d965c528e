"""A table for VLMEvalKit, in the columns of its custom multiple-choice datasets.

VLMEvalKit asks in words of its own, made of ``question`` and the columns ``A``, ``B``, ..., and
reads answers by rules of its own. It takes a cell such as ``None`` for a missing one.
"""

from __future__ import annotations

import base64
import csv
import io
from string import ascii_uppercase
from typing import Any

import pandas as pd

from chexinstruct.bench.harness.contract import Harness, Row
from chexinstruct.export.sinks import Record, Sink

NAME = "CheXbench"
"""Of the dataset."""

LETTERS = ascii_uppercase[:6]
COLUMNS = ("index", "id", "image", "question", *LETTERS, "answer", "category", "l2-category")
_SHORTEST = 64
"""Characters up to which the kit takes an ``image`` for the index of another row."""


def _refuses(row: Row) -> str | None:
    item = row.item
    if not row.pictures:
        return "no_picture"
    if len(item.options) > len(LETTERS):
        return "too_many_options"
    texts = [row.prompt.text, *item.options]
    return "text_read_as_missing" if any(map(_is_lost, texts)) else None


def _is_lost(text: str) -> bool:
    """Whether pandas takes a cell with this text for a missing one, as it does with ``None``."""
    cell = io.StringIO('"' + text.replace('"', '""') + '"')
    return bool(pd.read_csv(cell, sep="\t", header=None).isna().any(axis=None))


def record(row: Row) -> dict[str, Any]:
    """A line of the table, but for its number. Several pictures are a list in Python's words."""
    pictures = [base64.b64encode(one.data).decode() for one in row.pictures]
    return {
        "id": row.item.id,
        "image": pictures[0] if len(pictures) == 1 else repr(pictures),
        "question": row.prompt.text,
        **dict(zip(LETTERS, row.item.options, strict=False)),
        "answer": row.target,
        "category": row.cell,
        "l2-category": row.item.task,
    }


def _shown(record: Record) -> int:
    held = record["image"].strip("[]").split(", ")
    return sum(len(one) > _SHORTEST for one in held)


def _target(record: Record) -> tuple[list[str], str]:
    return [record[letter] for letter in LETTERS if letter in record], record["answer"]


class Table(Sink):
    """One table with tabs."""

    _file: io.TextIOWrapper | None = None
    _rows: csv.DictWriter[str]

    def add(self, record: Record) -> None:
        """Write one record."""
        if self._file is None:
            path = self._begin("{name}.tsv")
            self._file = path.open("w", encoding="utf-8", newline="")
            self._rows = csv.DictWriter(self._file, COLUMNS, dialect="excel-tab")
            self._rows.writeheader()
        self._rows.writerow({"index": self.files[-1][1], **record})
        self._count()

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


VLMEVALKIT = Harness(
    name="vlmevalkit",
    what="VLMEvalKit: a TSV table for its custom multiple-choice datasets",
    forms=frozenset({"choice"}),
    record=record,
    shown=_shown,
    target=_target,
    sink=Table,
    part=lambda row: NAME,
    refuses=_refuses,
    inside=True,
    own_words=True,
    guide=f"""\
    LMUData=EXPORT python run.py --data {NAME} --model MODEL --judge exact_matching

`LMUData` is the folder that holds `{NAME}.tsv`; the kit writes pictures beside it. It asks in words
of its own and reads answers by rules of its own, so its numbers are not those of `chexinstruct
bench run`. Keep `--judge exact_matching`: other judges send answers to a service, and guess at
random what they cannot read. `Overall` is over all items.""",
)
