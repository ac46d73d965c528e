"""JSON Lines for CheXagent-2: turns of ``from`` and ``value``, and the pictures as a list."""

from __future__ import annotations

from typing import Any

from chexinstruct.export.formats.base import Format, Say, conversations, listed, names, values
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import JsonLines


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """No mark stands for the pictures: the model's tokenizer writes its own before the question."""
    turns = [(say(turn.question), say(turn.answer)) for turn in sample.turns]
    return {"id": sample.id, "images": names(sample), "conversations": conversations(turns)}


CHEXAGENT = Format(
    name="chexagent",
    what="JSON Lines of from and value for CheXagent-2, boxes on its 0..100 grid",
    record=record,
    texts=values,
    shown=listed,
    sink=JsonLines,
    mark=None,
    boxes="chexagent2",
    guide="""\
The tokenizer of CheXagent-2 puts the pictures before the first question:

    def conversation(row, folder):
        first, *rest = row["conversations"]
        parts = [{"image": f"{folder}/{name}"} for name in row["images"]]
        asked = tokenizer.from_list_format([*parts, {"text": first["value"]}])
        system = {"from": "system", "value": "You are a helpful assistant."}
        return [system, {"from": "human", "value": asked}, *rest]

    tokenizer.apply_chat_template(conversation(row, "."), return_tensors="pt")

No trainer of CheXagent-2 has been published; put the loss on what stands after the last `human`
turn.""",
)
