"""What a model is given, and what it gives back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image

from chexinstruct.chexbench.recipe import Form
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema.common import Record


class ModelError(ChexinstructError):
    """One question could not be answered; the run writes it down and goes on."""


class ModelDownError(ModelError):
    """The model does not answer at all at the moment; many in a row end the run."""


class ModelUnusableError(ChexinstructError):
    """No question can be answered, for example since a key is wrong; the run ends at once."""


@dataclass(frozen=True)
class Picture:
    """A picture as a model sees it."""

    name: str
    data: bytes
    """PNG or JPEG."""

    @cached_property
    def sha256(self) -> str:
        """Of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def media_type(self) -> str:
        """As in a data URL."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"

    def open(self) -> Image.Image:
        """The decoded picture, in RGB."""
        with Image.open(io.BytesIO(self.data)) as picture:
            return picture.convert("RGB")


@dataclass(frozen=True)
class Question:
    """One question, ready to be asked. It does not hold the answer."""

    id: str
    task: str
    source: str
    form: Form
    system: str
    """Empty: none."""
    text: str
    pictures: tuple[Picture, ...]
    options: tuple[str, ...]
    """In the order shown; empty for free answers."""


@dataclass(frozen=True)
class Reply:
    """What a model said."""

    text: str
    finish: str | None = None
    """Why it ended, as the server says: ``stop``, ``length``, ..."""
    tokens_in: int | None = None
    tokens_out: int | None = None


class Likelihood(Record, frozen=True, kw_only=True):
    """How likely a model finds one option."""

    total: float
    """Natural logarithm, summed over the tokens of the option."""
    tokens: int


class Model:
    """Base of all models: one that answers overrides :meth:`answer`."""

    identity: Mapping[str, Any]
    """What decides the answers, in JSON: name, revision, decoding. It is recorded in the run."""
    repeatable: bool = False
    """The same question always gives the same answer, so answers may be kept in the cache."""
    workers: int = 1
    """How many questions it takes at once, at most."""
    remote: str | None = None
    """Host that questions are sent to, unless it is this machine."""

    def answer(self, question: Question) -> Reply:
        """Answer one question; called from several threads where ``workers`` is above 1.

        Raises:
            ModelError: this question could not be answered.
            ModelUnusableError: no question can be.
        """
        raise CallError(f"{self.identity['kind']} models do not generate; use --mode likelihood")

    def likelihoods(self, question: Question) -> Sequence[Likelihood]:
        """The likelihood of each option as what follows the question.

        Raises:
            CallError: the model cannot tell.
            ModelError, ModelUnusableError: as in :meth:`answer`.
        """
        raise CallError(f"{self.identity['kind']} models tell no likelihoods; use --mode generate")
