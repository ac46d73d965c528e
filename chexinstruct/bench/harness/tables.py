"""Parquet with pictures, for harnesses that read items through Hugging Face datasets."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from chexinstruct.bench.harness.contract import Row
from chexinstruct.export.sinks import Parquet, Record

_TEXTS = ("id", "task", "source", "cluster", "system", "text", "target")
_TEXT = {"dtype": "string", "_type": "Value"}
_FEATURES: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, _TEXT),
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    "options": {"feature": _TEXT, "_type": "Sequence"},
    "answer": {"dtype": "int32", "_type": "Value"},
}


class Items(Parquet):
    """A file for each task and source."""

    schema = pa.schema(
        [
            *((name, pa.string()) for name in _TEXTS),
            ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
            ("options", pa.list_(pa.string())),
            ("answer", pa.int32()),
        ]
    ).with_metadata({"huggingface": json.dumps({"info": {"features": _FEATURES}})})


def record(row: Row) -> Record:
    """An item; pictures under the last part of their names, which says nothing of a person."""
    pictures = [{"bytes": one.data, "path": one.name.split("/")[-1]} for one in row.pictures]
    return {**row.fields(), "images": pictures}
