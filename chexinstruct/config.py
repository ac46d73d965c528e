"""YAML files into checked models, with errors that name file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from chexinstruct.errors import CallError, ChexinstructError

M = TypeVar("M", bound=BaseModel)


class ConfigError(ChexinstructError):
    """A YAML file that cannot be read, or does not say what it should."""


# libyaml reads the cards of all sources in a tenth of the time, and every worker reads them.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_SafeLoader):  # type: ignore[misc]
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


@dataclass(frozen=True)
class Layer:
    """Content, and where it was said: what errors name."""

    name: str
    """Of a file, or an assignment as it stands on the command line."""
    content: Any
    text: str = ""
    """The YAML that it was read from, whose lines are named."""
    assigned: bool = False
    """Said on the command line, which has no lines."""

    def told(self, location: tuple[int | str, ...], problem: str) -> str:
        """A problem at a location of the content, with its line."""
        where = ".".join(map(str, location)) or "the file"
        root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        line = "" if self.assigned else f"line {_line(root, location)}: "
        return f"{line}{where}: {problem}"

    def depth(self, location: tuple[int | str, ...]) -> int:
        """How many steps of a location this content goes along."""
        content, depth = self.content, 0
        for step in location:
            named = isinstance(content, dict) and step in content
            counted = isinstance(content, list) and isinstance(step, int) and step < len(content)
            if named or counted:  # other steps name members of a union
                content, depth = content[step], depth + 1
        return depth


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


def read_layer(path: Path | Traversable) -> Layer:
    """A YAML file.

    Raises:
        ConfigError: the file is missing or not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return Layer(str(path), parse_yaml(text, str(path)), text)


def assignment(said: str) -> Layer:
    """``a.b=VALUE`` of the command line, with a YAML value, as the mapping ``{a: {b: VALUE}}``.

    Raises:
        CallError: it does not have that form.
    """
    path, mark, value = said.partition("=")
    steps = path.split(".")
    if not mark or not all(steps):
        raise CallError(f"--set {said}: write FIELD=VALUE, e.g. images.size=448")
    try:
        content = parse_yaml(value, said)
    except ConfigError:
        raise CallError(
            f"--set {said}: the value is not YAML; mind the quotes of your shell"
        ) from None
    for step in reversed(steps):
        content = {step: content}
    return Layer(f"--set {said}", content, assigned=True)


def merged(base: Any, patch: Any) -> Any:
    """The base with a patch laid over it, as JSON merge patches are (RFC 7396).

    Mappings are merged key by key, null takes a key out, and everything else replaces what was
    there: lists are not joined.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def validate(layers: Sequence[Layer], model: type[M]) -> M:
    """Layers, each laid over those before it, as a model.

    Args:
        layers: files first, of which the last is the user's own, then assignments.
        model: what they should fit.

    Raises:
        ConfigError: all problems at once, each named with the line of the file that said it.
        CallError: the same, where only assignments are wrong.
    """
    content = layers[0].content
    for layer in layers[1:]:
        content = merged(content, layer.content)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems: dict[str, list[str]] = {}
        blamed = []
        for item in error.errors():
            layer = _speaker(layers, item["loc"])
            problems.setdefault(layer.name, []).append(layer.told(item["loc"], item["msg"]))
            blamed.append(layer)
        told = "; ".join(f"{name}: {'; '.join(said)}" for name, said in problems.items())
        kind = CallError if all(layer.assigned for layer in blamed) else ConfigError
        raise kind(told) from None


def _speaker(layers: Sequence[Layer], location: tuple[int | str, ...]) -> Layer:
    """The layer that says what stands at a location: the last of those that go farthest along it.

    What nobody says is missing in the user's own file.
    """
    deepest = max(layer.depth(location) for layer in layers)
    if deepest == 0:
        return [layer for layer in layers if not layer.assigned][-1]
    return [layer for layer in layers if layer.depth(location) == deepest][-1]


def load_yaml(path: Path | Traversable, model: type[M]) -> M:
    """The file as a checked model.

    Raises:
        ConfigError: the file is missing, not YAML, or does not fit the model.
    """
    return validate([read_layer(path)], model)


def shipped(folder: str) -> Traversable:
    """A data folder inside the package: ``templates`` or ``manifests``."""
    return files(f"chexinstruct.{folder}")
