"""A task file for inspect_ai, with items as JSON Lines and pictures beside it."""

from __future__ import annotations

from chexinstruct.bench.harness.contract import GROUP, Harness, Row, held, told
from chexinstruct.export.sinks import OneJsonLines, Record


def record(row: Row) -> Record:
    """An item."""
    pictures = [picture.name for picture in row.pictures]
    return {**row.fields(), "cell": row.cell, "form": row.item.form, "images": pictures}


INSPECT = Harness(
    name="inspect",
    what="inspect_ai: a task file, JSON Lines and pictures",
    forms=frozenset({"choice", "text"}),
    record=record,
    shown=held,
    target=told,
    sink=OneJsonLines,
    part=lambda row: "items",
    code={f"{GROUP}.py": "inspect_ai"},
    guide=f"""\
    cd EXPORT && inspect eval {GROUP}.py --model vllm/MODEL

`accuracy` is over all items; `mean of tasks and sources` gives each of them the same weight.
`stderr` is over patients. `-T form=text` runs the items of free text instead, told by ROUGE-L, and
needs `pip install rouge-score`.""",
)
