from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from chexinstruct.config import ConfigError, load_yaml
from chexinstruct.errors import ChexinstructError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    cap: int | None = None
    mode: Literal["embed", "none"] = "embed"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}


def told(tmp_path: Path, content: str | bytes) -> str:
    """The error of a file, without the path of the file that it begins with."""
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_yaml(path, Outer)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_a_file_that_fits_gives_the_model(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: a\ninner: {cap: 3}\nmany:\n  - mode: none\n", encoding="utf-8")
    assert load_yaml(path, Outer) == Outer(name="a", inner=Inner(cap=3), many=(Inner(mode="none"),))


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("name: a\ninner:\n  cap: 1\nname: b\n", 4, "'name' is given twice"),
        ("name: a\nnamed:\n  x:\n    cap: 1\n    cap: 2\n", 5, "'cap' is given twice"),
        ("name: a\n\ncolour: grey\n", 3, "colour: Extra inputs"),
        ("# recipe\nname: a\ninner:\n  cap: 1\n  mod: none\n", 5, "inner.mod: Extra inputs"),
        ("name: a\ninner:\n  cap: many\n", 3, "inner.cap: Input should be a valid integer"),
        ("name: a\ninner:\n  cap: 1\n  mode: store\n", 4, "should be 'embed' or 'none'"),
        ("name: a\nmany:\n  - cap: 1\n  - cap: x\n", 4, "many.1.cap"),
        ("name: a\nnamed:\n  y: {}\n  x:\n    cap: []\n", 5, "named.x.cap"),
        ("name: a\ninner: [1]\n", 2, "inner: "),
        ("inner: {}\n", 1, "name: Field required"),
        ("- a\n- b\n", 1, "the file: "),
        ("", 1, "the file: "),
        ("name: 'a\ninner: {}\n", 3, "while scanning|unexpected end"),
        ("name: a\n  inner: {}\n", 2, "mapping values are not allowed"),
        ("name: !!python/object:os.system {}\n", 1, "could not determine a constructor"),
        ("name: a\n? [1, 2]\n: b\n", 2, "a key must be a plain word"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    message = told(tmp_path, content)
    assert f"line {line}: " in message
    assert any(word in message for word in words.split("|")), message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    message = told(tmp_path, "name: []\ninner:\n  cap: x\nmore: 1\n")
    assert [f"line {n}" in message for n in (1, 3, 4)] == [True] * 3


@pytest.mark.parametrize(
    "content", [b"name: \xff\xfe", b"name: \x00", b"name: 2001-99-99", b"name: " + b"[" * 5000]
)
def test_a_file_that_yaml_cannot_take_is_told(tmp_path: Path, content: bytes) -> None:
    assert told(tmp_path, content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none\\.yaml: cannot be read"):
        load_yaml(tmp_path / "none.yaml", Outer)
    assert issubclass(ConfigError, ChexinstructError)
