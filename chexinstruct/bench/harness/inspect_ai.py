"""A task file for inspect_ai, with items as JSON Lines and pictures beside it."""

from __future__ import annotations

from typing import Any

from chexinstruct.bench.harness.contract import GROUP, Harness, Row
from chexinstruct.export.sinks import OneJsonLines, Record


def record(row: Row) -> dict[str, Any]:
    """An item."""
    item = row.item
    return {
        "id": item.id,
        "task": item.task,
        "source": item.source,
        "cell": row.cell,
        "form": item.form,
        "cluster": item.cluster,
        "system": row.prompt.system,
        "text": row.prompt.text,
        "images": [picture.name for picture in row.pictures],
        "options": list(item.options),
        "answer": item.answer,
        "target": row.target,
    }


def _shown(record: Record) -> int:
    return len(record["images"])


def _target(record: Record) -> tuple[list[str], str]:
    return record["options"], record["target"]


INSPECT = Harness(
    name="inspect",
    what="inspect_ai: a task file, JSON Lines and pictures",
    forms=frozenset({"choice", "text"}),
    record=record,
    shown=_shown,
    target=_target,
    sink=OneJsonLines,
    part=lambda row: "items",
    code={f"{GROUP}.py": "inspect_ai"},
    guide=f"""\
    cd EXPORT && inspect eval {GROUP}.py --model vllm/MODEL

`accuracy` is over all items; `mean of tasks and sources` gives each of them the same weight.
`stderr` is over patients. `-T form=text` runs the items of free text instead, told by ROUGE-L, and
needs `pip install rouge-score`.""",
)
