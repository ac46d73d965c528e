"""JSON Lines for ms-swift, with the boxes beside the text, exact, in ``objects``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chexinstruct.export.formats.base import Format, Say, contents, listed, messages, names
from chexinstruct.export.pictures import Picture
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import JsonLines
from chexinstruct.export.texts import Boxes, Place

BOX, NAME = "<bbox>", "<ref-object>"


class Placeholders:
    """Marks in the text, which the trainer fills in the way of the model that it trains."""

    def write(self, boxes: Boxes, pictures: Sequence[Picture]) -> str:
        """A mark a box, behind one for its name if it has one."""
        return "".join(BOX if place.name is None else NAME + BOX for place in boxes)

    def reads_back(self, text: str, places: Sequence[Place], pictures: Sequence[Picture]) -> bool:
        """Whether there are as many marks as boxes and names."""
        named = sum(place.name is not None for place in places)
        return text.count(BOX) == len(places) and text.count(NAME) == named

    def without_boxes(self, text: str) -> str:
        """The text without the marks."""
        return text.replace(BOX, "").replace(NAME, "")


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """``objects`` are there in every row, empty without boxes, so that all shards have one schema.

    Only the last answer bears on the loss: earlier ones are the answers of other rows.
    """
    places = sample.places
    turns: list[dict[str, Any]] = [dict(message) for message in messages(sample, say)]
    for number, message in enumerate(turns):
        message["loss"] = number == len(turns) - 1 if message["role"] == "assistant" else None
    return {
        "id": sample.id,
        "messages": turns,
        "images": names(sample),
        "objects": {
            "ref": [place.name for place in places if place.name is not None],
            "bbox": [list(place.box) for place in places],
            "bbox_type": "norm1",
            "image_id": [place.picture for place in places],
        },
    }


MS_SWIFT = Format(
    name="ms-swift",
    what="JSON Lines for ms-swift: exact boxes in objects, written for any model by the trainer",
    record=record,
    texts=contents,
    shown=listed,
    sink=JsonLines,
    marker=Placeholders(),
    guide="""\
    pip install ms-swift qwen-vl-utils
    ROOT_IMAGE_DIR="$PWD" swift sft --model Qwen/Qwen3-VL-4B-Instruct \\
        --dataset data/train/*.jsonl \\
        --val_dataset data/validation/*.jsonl \\
        --tuner_type lora --torch_dtype bfloat16 --max_length 4096 --output_dir out

`ROOT_IMAGE_DIR` is what the paths of the pictures are relative to. The trainer writes the boxes of
`objects` in the way of the model; nothing is to be set for that.""",
)
