"""JSON for LLaVA and its relatives, and for RadVLM, which is trained by the code of LLaVA-NeXT."""

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
from chexinstruct.export.sinks import OneJson


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """The trainer asks whether ``image`` is there, so rows without pictures have none."""
    shown = names(sample)
    image = {"image": shown[0] if len(shown) == 1 else shown} if shown else {}
    return {"id": sample.id, **image, "conversations": conversations(marked(sample, say))}


def part(sample: Sample) -> str:
    """Rows with several pictures stand apart.

    LLaVA 1.5 cannot read them, and in a file that has names and lists of names under ``image`` no
    other reader finds one type.
    """
    return sample.split if len(sample.pictures) < 2 else f"{sample.split}-several"


LLAVA = Format(
    name="llava",
    what="JSON of conversations for LLaVA; rows with several pictures (LLaVA-NeXT) apart",
    record=record,
    texts=values,
    shown=image_field,
    sink=OneJson,
    boxes="square",
    other_boxes=True,
    part=part,
    guide="""\
`train.json` is for every version of LLaVA. `train-several.json` holds the rows with two or more
pictures, which LLaVA 1.5 cannot read and LLaVA-NeXT can.

    python llava/train/train_mem.py --data_path train.json --image_folder . \\
        --image_aspect_ratio pad --model_name_or_path lmsys/vicuna-7b-v1.5 --version v1 ...

Run it in this folder, or give the two paths in full.""",
)

RADVLM = Format(
    name="radvlm",
    what="JSON of conversations for RadVLM (LLaVA-OneVision), boxes as [x1, y1, x2, y2] in 0..1",
    record=record,
    texts=values,
    shown=image_field,
    sink=OneJson,
    boxes="unit",
    part=part,
    guide="""\
RadVLM is trained by the code of LLaVA-NeXT.

    python llava/train/train_mem.py --data_path "{train,train-several}.json" --image_folder . \\
        --image_aspect_ratio anyres_max_9 \\
        --model_name_or_path lmms-lab/llava-onevision-qwen2-7b-si --version qwen_1_5 ...

Run it in this folder, or give the paths in full.""",
)
