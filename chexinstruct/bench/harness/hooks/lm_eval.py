"""CheXbench in lm-evaluation-harness: what the task files of this folder refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chexinstruct.bench.harness.hooks.loading import load_scoring

HERE = Path(__file__).resolve().parent

scoring = load_scoring(__file__)


def load(part: str, **_: Any) -> Any:
    """The items of one task and source, wherever the export lies now."""
    from datasets import load_dataset

    file = HERE / "data" / f"{part}-00000.parquet"
    return load_dataset("parquet", data_files={"test": str(file)})


def doc_to_text(doc: Mapping[str, Any]) -> str:
    """The prompt, after a mark for each picture."""
    return "<image>\n" * len(doc["images"]) + str(doc["text"])


def doc_to_image(doc: Mapping[str, Any]) -> list[Any]:
    """The pictures, in order."""
    return [picture.convert("RGB") for picture in doc["images"]]


def process_choice(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Whether the answer names the right option, and whether it names one at all."""
    right, status, _ = scoring.score_choice(results[0], doc["options"], doc["answer"])
    return {"acc": right, "parse_rate": float(status == "letter")}


def process_text(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """ROUGE-L against the reference."""
    return {"rouge_l": scoring.score_text(results[0], doc["target"])}
