"""YAML files into checked models, with errors that name file and line."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from chexinstruct.errors import ChexinstructError

M = TypeVar("M", bound=BaseModel)


class ConfigError(ChexinstructError):
    """A YAML file that cannot be read, or does not say what it should."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, refusing a key that is given twice (YAML keeps the last in silence)."""


def _mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be a plain word, not a list or mapping", key_node.start_mark
            )
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is given twice", key_node.start_mark
            )
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) of what a pydantic error location points at, or of its nearest parent."""
    line = node.start_mark.line + 1 if node else 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(step)]
            if not found:
                continue  # a step that names a union member, not a key
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def parse_yaml(text: str, name: str) -> Any:
    """The content of a YAML text; ``name`` stands in error messages.

    Raises:
        ConfigError: not YAML, or a key given twice.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a scalar that looks like a date and is none.
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(f"{place}: {problem}") from None


def validate(content: Any, model: type[M], text: str, name: str) -> M:
    """``content`` as a model; errors name the line of ``text`` they stand on.

    Raises:
        ConfigError: all problems at once, one a clause.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        problems = []
        for item in error.errors():
            where = ".".join(str(step) for step in item["loc"]) or "the file"
            problems.append(f"line {_line(root, item['loc'])}: {where}: {item['msg']}")
        raise ConfigError(f"{name}: " + "; ".join(problems)) from None


def load_yaml(path: Path | Traversable, model: type[M]) -> M:
    """The file as a checked model.

    Raises:
        ConfigError: the file is missing, not YAML, or does not fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return validate(parse_yaml(text, str(path)), model, text, str(path))


def shipped(folder: str) -> Traversable:
    """A data folder inside the package: ``templates`` or ``manifests``."""
    return files(f"chexinstruct.{folder}")
