"""CheXbench in lmms-eval: what the task files of this folder refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chexinstruct.bench.harness.hooks.loading import load_scoring

scoring = load_scoring(__file__)


def doc_to_text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Any = None) -> str:
    """The prompt."""
    return str(doc["text"])


def doc_to_visual(doc: Mapping[str, Any]) -> list[Any]:
    """The pictures, in order."""
    return [picture.convert("RGB") for picture in doc["images"]]


def doc_to_messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Any = None
) -> list[dict[str, Any]]:
    """The prompt with the system text of its style; pictures first."""
    shown = [{"type": "image", "url": picture} for picture in doc_to_visual(doc)]
    user = {"role": "user", "content": [*shown, {"type": "text", "text": str(doc["text"])}]}
    if not doc["system"]:
        return [user]
    return [{"role": "system", "content": [{"type": "text", "text": str(doc["system"])}]}, user]


def process_choice(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Whether the answer names the right option, and whether it names one at all."""
    right, status, _ = scoring.score_choice(results[0], doc["options"], doc["answer"])
    cluster = doc["cluster"]
    return {
        "accuracy": {"score": right, "cluster": cluster},
        "parse_rate": {"score": float(status == "letter"), "cluster": cluster},
    }


def process_text(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, dict[str, Any]]:
    """ROUGE-L against the reference."""
    value = scoring.score_text(results[0], doc["target"])
    return {"rouge_l": {"score": value, "cluster": doc["cluster"]}}


def mean(results: Sequence[Mapping[str, Any]]) -> float:
    """Mean over items."""
    return float(sum(one["score"] for one in results) / len(results))
