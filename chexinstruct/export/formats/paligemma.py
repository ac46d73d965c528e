"""JSON Lines for PaliGemma: ``image``, ``prefix``, ``suffix``."""

from __future__ import annotations

from typing import Any

from chexinstruct.export.formats.base import Format, Say, image_field
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import JsonLines, Record


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """The model knows no turns: earlier ones stand before the question, as the corpus has them."""
    *earlier, last = sample.turns
    head = "".join(f"Q: {say(turn.question)}\nA: {say(turn.answer)}\n" for turn in earlier)
    question = say(last.question)
    return {
        "id": sample.id,
        "image": sample.pictures[0].name,
        "prefix": f"{head}\n{question}" if head else question,
        "suffix": say(last.answer),
    }


def texts(record: Record) -> list[str]:
    """What the model reads and what it learns to say."""
    return [record["prefix"], record["suffix"]]


PALIGEMMA = Format(
    name="paligemma",
    what="JSON Lines of prefix and suffix for PaliGemma, boxes as <loc> tokens; one picture a row",
    record=record,
    texts=texts,
    shown=image_field,
    sink=JsonLines,
    mark=None,
    boxes="paligemma",
    least=1,
    most=1,
    guide="""\
    from datasets import load_dataset
    from PIL import Image

    rows = load_dataset("json", data_files={"train": "data/train/*.jsonl"}, split="train")

    def collate(batch):
        pictures = [Image.open(row["image"]).convert("RGB") for row in batch]
        asked = ["<image>" + row["prefix"] for row in batch]
        told = [row["suffix"] for row in batch]
        return processor(text=asked, images=pictures, suffix=told, return_tensors="pt",
                         padding="longest")

`processor` is the `PaliGemmaProcessor`; with `suffix` it makes the labels too. The Trainer of
transformers takes `collate` together with `remove_unused_columns=False`. Rows of several pictures
and rows without one are not in this export: the model takes exactly one.""",
)
