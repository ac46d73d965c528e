"""Parquet for the SFTTrainer of TRL: ``prompt``, ``completion`` and ``images``."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from chexinstruct.export.formats.base import Format, Say
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import Parquet, Record

_TURNS = pa.list_(
    pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))),
        ]
    )
)
_TEXT = {"dtype": "string", "_type": "Value"}
_SAID = [{"role": _TEXT, "content": [{"type": _TEXT, "text": _TEXT}]}]
_FEATURES = {
    "id": _TEXT,
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    "prompt": _SAID,
    "completion": _SAID,
}


class Prompts(Parquet):
    """Parquet whose pictures Hugging Face datasets decodes."""

    schema = pa.schema(
        [
            ("id", pa.string()),
            ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
            ("prompt", _TURNS),
            ("completion", _TURNS),
        ]
    ).with_metadata({"huggingface": json.dumps({"info": {"features": _FEATURES}})})


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """Every content is a list of parts: some chat templates take no plain text.

    Earlier turns belong to the prompt, so they bear no loss.
    """
    turns = [
        {"role": role, "content": [{"type": "text", "text": say(text)}]}
        for turn in sample.turns
        for role, text in (("user", turn.question), ("assistant", turn.answer))
    ]
    pictures = [{"type": "image", "text": None} for _ in sample.pictures]
    first = {"role": "user", "content": [*pictures, *turns[0]["content"]]}
    return {
        "id": sample.id,
        "images": [{"bytes": picture.data, "path": picture.name} for picture in sample.pictures],
        "prompt": [first, *turns[1:-1]],
        "completion": turns[-1:],
    }


def _parts(record: Record) -> list[dict[str, Any]]:
    return [
        part for side in ("prompt", "completion") for t in record[side] for part in t["content"]
    ]


def texts(record: Record) -> list[str]:
    """The text parts."""
    return [part["text"] for part in _parts(record) if part["type"] == "text"]


def shown(record: Record) -> list[str]:
    """The names of the pictures; as many as there are places for them."""
    names = [image["path"] for image in record["images"]]
    return names[: sum(part["type"] == "image" for part in _parts(record))]


TRL = Format(
    name="trl",
    what="Parquet of prompt, completion and images for the SFTTrainer of TRL",
    record=record,
    texts=texts,
    shown=shown,
    sink=Prompts,
    mark=None,
    inside=True,
    guide="""\
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    splits = {
        "train": "data/train-*.parquet",
        "validation": "data/validation-*.parquet",
    }
    rows = load_dataset("parquet", data_files=splits)
    trainer = SFTTrainer(
        model="Qwen/Qwen3-VL-4B-Instruct",
        args=SFTConfig(output_dir="out", max_length=None, bf16=True),
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
    )
    trainer.train()

`max_length=None` because cutting a row would cut into the tokens of its picture. The loss is on the
completion alone, which is what TRL does with these columns.""",
)
