"""Models that can be run on a bench, and how they are named on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chexinstruct.bench.models import baselines
from chexinstruct.bench.models.contract import (
    Likelihood,
    Model,
    ModelDownError,
    ModelError,
    ModelUnusableError,
    Picture,
    Question,
    Reply,
)
from chexinstruct.config import assignment
from chexinstruct.errors import CallError

__all__ = [
    "Likelihood",
    "Model",
    "ModelDownError",
    "ModelError",
    "ModelOptions",
    "ModelUnusableError",
    "Picture",
    "Question",
    "Reply",
    "baselines",
    "load_model",
    "request_fields",
]


@dataclass(frozen=True)
class ModelOptions:
    """How a model is reached; each kind takes what concerns it."""

    endpoint: str | None = None
    """Base URL of a server of chat completions."""
    key_variable: str | None = None
    """Environment variable that holds its key."""
    timeout: float = 120.0
    """Seconds for one call."""
    attempts: int = 6
    workers: int = 4
    """Questions asked at once, of an endpoint."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request."""
    shape: str = "chat"
    """``chat`` or ``chexagent2``, of transformers."""
    device: str | None = None
    dtype: str | None = None
    max_new_tokens: int = 512
    remote_code: bool = False


def request_fields(assignments: Iterable[str]) -> dict[str, Any]:
    """Fields of a request from ``FIELD=VALUE`` with a YAML value; null takes a field out.

    Raises:
        CallError: one does not have that form.
    """
    fields: dict[str, Any] = {}
    for said in assignments:
        fields |= assignment(said).content
    return fields


def load_model(name: str, options: ModelOptions | None = None) -> Model:
    """The model of a name.

    ``endpoint:NAME``, ``transformers:PATH``, ``callable:MODULE:FUNCTION`` or ``answers:FILE``.
    Baselines are run by their name and need no model.

    Raises:
        CallError: no such kind, or an option is missing.
        ModelUnusableError: it cannot be loaded.
    """
    chosen = options or ModelOptions()
    kind, _, rest = name.partition(":")
    if not rest or kind not in ("endpoint", "transformers", "callable", "answers"):
        raise CallError(
            f"--model {name}: write endpoint:NAME, transformers:PATH, callable:MODULE:FUNCTION, "
            f"answers:FILE, or a baseline: {', '.join(baselines.FORMS)}"
        )
    if kind == "endpoint":
        from chexinstruct.bench.models.endpoint import Endpoint

        if chosen.endpoint is None:
            raise CallError(f"--model {name} needs --endpoint, e.g. http://127.0.0.1:8000/v1")
        return Endpoint(
            rest,
            chosen.endpoint,
            key_variable=chosen.key_variable,
            timeout=chosen.timeout,
            attempts=chosen.attempts,
            workers=chosen.workers,
            fields={"max_tokens": chosen.max_new_tokens, **chosen.fields},
        )
    if kind == "transformers":
        from chexinstruct.bench.models.local import Transformers

        if chosen.shape not in ("chat", "chexagent2"):
            raise CallError(f"unknown shape {chosen.shape!r}; there are chat, chexagent2")
        return Transformers(
            rest,
            shape="chat" if chosen.shape == "chat" else "chexagent2",
            device=chosen.device,
            dtype=chosen.dtype,
            max_new_tokens=chosen.max_new_tokens,
            remote_code=chosen.remote_code,
        )
    from chexinstruct.bench.models.own import Answers, Function

    return Function(rest) if kind == "callable" else Answers(Path(rest))
