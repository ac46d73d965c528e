"""JSON Lines for the fine-tuning code in the repository of Qwen-VL."""

from __future__ import annotations

from typing import Any

from chexinstruct.export.formats.base import (
    Format,
    Say,
    conversations,
    image_field,
    marked,
    names,
    values,
)
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import OneJsonLines


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """``image`` is always a list where it stands; rows without pictures have none.

    The trainer asks whether the field is there to tell rows with pictures from those without.
    """
    shown = {"image": names(sample)} if sample.pictures else {}
    return {"id": sample.id, **shown, "conversations": conversations(marked(sample, say))}


QWEN_VL = Format(
    name="qwen-vl",
    what="JSON Lines for the fine-tuning code of Qwen2.5-VL and Qwen3-VL",
    record=record,
    texts=values,
    shown=image_field,
    sink=OneJsonLines,
    boxes="qwen",
    other_boxes=True,
    guide="""\
Name the export in `qwenvl/data/__init__.py` of `qwen-vl-finetune`:

    CHEXINSTRUCT = {"annotation_path": "/export/train.jsonl", "data_path": "/export"}
    data_dict["chexinstruct"] = CHEXINSTRUCT

and train on it:

    torchrun qwenvl/train/train_qwen.py --dataset_use chexinstruct \\
        --model_name_or_path Qwen/Qwen3-VL-8B-Instruct --data_flatten True \\
        --tune_mm_vision False --tune_mm_mlp True --tune_mm_llm True --bf16 --output_dir out

Qwen3-VL and Qwen2-VL read boxes in thousandths of the picture, as they stand here by default.
Qwen2.5-VL reads pixels of the picture as its processor resized it: for that model export with
`--boxes qwen2.5-vl --resize-like MIN:MAX`, with the `--min_pixels` and `--max_pixels` that you
train with.""",
)
