"""Prompt styles: data apart from the items, so that one bench can be asked in several ways.

A style is a YAML file of Jinja texts. A run records its name, version and digest, for two numbers
can be compared only where the same was asked in the same words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field

from chexinstruct.bench.item import BenchItem
from chexinstruct.config import ConfigError, read_layer, validate
from chexinstruct.errors import CallError
from chexinstruct.regions import format_boxes

DEFAULT = "default"


class _StyleFile(BaseModel):
    """The content of a style file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    about: str
    system: str = ""
    choice: str
    boxes: str
    text: dict[str, str]
    """By task; ``default`` for all others."""


@dataclass(frozen=True)
class Prompt:
    """What is said to a model, beside the pictures."""

    system: str
    """Empty where the style has none."""
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of both, first 32 digits."""
        return hashlib.sha256(f"{self.system}\0{self.text}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Style:
    """A prompt style."""

    name: str
    digest: str
    """SHA-256 of its file."""
    content: _StyleFile

    def prompt(self, item: BenchItem, options: tuple[str, ...], dialect: str) -> Prompt:
        """The words for one item.

        Args:
            item: what is asked.
            options: of the item, in the order shown.
            dialect: how boxes are to be written, a name of the box dialects.

        Raises:
            ConfigError: the style asks for something that the item does not have.
        """
        content = self.content
        kind = {
            "choice": content.choice,
            "boxes": content.boxes,
            "text": content.text.get(item.task) or content.text.get(DEFAULT, ""),
        }[item.form]
        names: Mapping[str, Any] = {
            "task": item.task,
            "question": item.question,
            "phrase": item.phrase,
            "context": dict(item.context),
            "pictures": len(item.images),
            "options": [
                {"letter": letter, "text": text}
                for letter, text in zip(ascii_uppercase, options, strict=False)
            ],
            "box_form": format_boxes([(0.1, 0.2, 0.3, 0.4)], dialect),
        }
        try:
            text = self._environment.from_string(kind).render(names).strip()
        except TemplateError as error:
            raise ConfigError(f"style {self.name}, {item.form}: {error.message}") from None
        if not text:
            raise ConfigError(f"style {self.name} has no words for {item.form} of {item.task}")
        return Prompt(content.system.strip(), text)

    @cached_property
    def _environment(self) -> ImmutableSandboxedEnvironment:
        return ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )


def style_names() -> list[str]:
    """Names of the shipped styles."""
    return sorted(
        file.name.removesuffix(".yaml") for file in _folder().iterdir() if ".yaml" in file.name
    )


def load_style(name: str) -> Style:
    """A shipped style by name, or one's own by the path of its YAML file.

    Raises:
        CallError: there is no such style.
        ConfigError: the file is not a style.
    """
    file: Path | Traversable = _folder() / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        file, name = Path(name), Path(name).stem
    elif not file.is_file():
        raise CallError(f"unknown style {name!r}; there are {', '.join(style_names())}")
    layer = read_layer(file)
    digest = hashlib.sha256(layer.text.encode()).hexdigest()
    return Style(name, digest, validate([layer], _StyleFile))


def _folder() -> Traversable:
    return files(__name__)
