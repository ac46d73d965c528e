"""JSON Lines for LLaMA-Factory, with the ``dataset_info.json`` that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chexinstruct.export.formats.base import Format, Say, contents, listed, messages, names
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import JsonLines


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """Pictures are always a list; a text in its place fails in the trainer."""
    return {"id": sample.id, "messages": messages(sample, say), "images": names(sample)}


def dataset_info(parts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One data set a split; each is a folder, of which the trainer reads every file."""
    return {
        "dataset_info.json": {
            f"chexinstruct_{split}": {
                "file_name": f"data/{split}",
                "formatting": "sharegpt",
                "columns": {"messages": "messages", "images": "images"},
                "tags": {
                    "role_tag": "role",
                    "content_tag": "content",
                    "user_tag": "user",
                    "assistant_tag": "assistant",
                    "system_tag": "system",
                },
            }
            for split in parts
        }
    }


LLAMA_FACTORY = Format(
    name="llama-factory",
    what="JSON Lines (sharegpt) and dataset_info.json for LLaMA-Factory",
    record=record,
    texts=contents,
    shown=listed,
    sink=JsonLines,
    extras=dataset_info,
    guide="""\
`llamafactory-cli train train.yaml`, run in this folder, with a `train.yaml` such as

    model_name_or_path: Qwen/Qwen3-VL-4B-Instruct
    stage: sft
    do_train: true
    finetuning_type: lora
    lora_target: all
    dataset_dir: .
    media_dir: .
    dataset: chexinstruct_train
    eval_dataset: chexinstruct_validation
    template: qwen3_vl_nothink
    cutoff_len: 4096
    mask_history: true
    output_dir: out
    bf16: true

`mask_history: true` keeps the answers of earlier turns out of the loss: they are the answers of
other rows.""",
)
