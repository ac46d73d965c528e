from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from chexinstruct.config import (
    ConfigError,
    Layer,
    assignment,
    load_yaml,
    merged,
    parse_yaml,
    validate,
)
from chexinstruct.errors import CallError, ChexinstructError


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


# Layers


def layer(name: str, text: str) -> Layer:
    return Layer(name, parse_yaml(text, name), text)


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        # The cases of RFC 7396, appendix A, that YAML mappings can be.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_layers_are_merged_as_json_merge_patches(base: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((base, patch))
    assert merged(base, patch) == result
    assert (base, patch) == before, "what was merged is left as it was"


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=[x, 2]", {"a": {"b": {"c": ["x", 2]}}}),
        ("sampling.view_matching/openi.cap=3", {"sampling": {"view_matching/openi": {"cap": 3}}}),
        ("a={b: {c: true}}", {"a": {"b": {"c": True}}}),
        ("a=null", {"a": None}),
        ("a=x=y", {"a": "x=y"}),
        ("version=1.0.0", {"version": "1.0.0"}),
    ],
)
def test_an_assignment_is_a_path_and_a_yaml_value(said: str, content: Any) -> None:
    assert assignment(said).content == content


@pytest.mark.parametrize("said", ["a", "=1", "a..b=1", ".a=1", "a.=1", "a=[1", "a={b: 1, b: 2}"])
def test_what_is_no_assignment_is_told(said: str) -> None:
    with pytest.raises(CallError) as caught:
        assignment(said)
    assert f"--set {said}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_problem_is_laid_at_the_door_of_the_layer_that_said_it() -> None:
    layers = [
        layer("base.yaml", "name: a\ninner:\n  cap: many\n"),
        layer("own.yaml", "\nmany: [{cap: 1}, {cap: x}]\ncolour: grey\n"),
        assignment("named.x.mode=store"),
    ]
    with pytest.raises(ConfigError) as caught:
        validate(layers, Outer)
    told = str(caught.value).split("; ")
    assert told[0].startswith("base.yaml: line 3: inner.cap: ")
    assert told[1].startswith("own.yaml: line 2: many.1.cap: ")
    assert told[2].startswith("line 3: colour: ")
    assert told[3].startswith("--set named.x.mode=store: named.x.mode: ")


def test_what_a_later_layer_mends_is_no_problem() -> None:
    layers = [layer("own.yaml", "name: a\ninner: {cap: many}\n"), assignment("inner.cap=2")]
    assert validate(layers, Outer).inner == Inner(cap=2)


def test_the_last_layer_that_says_a_thing_is_blamed_for_it() -> None:
    layers = [layer("own.yaml", "name: a\ninner: {cap: 1}\n"), assignment("inner.cap=x")]
    with pytest.raises(CallError, match=r"^--set inner.cap=x: inner.cap: "):
        validate(layers, Outer)


def test_what_nobody_says_is_missing_in_the_users_own_file() -> None:
    layers = [layer("base.yaml", "inner: {}\n"), layer("own.yaml", "many: []\n")]
    with pytest.raises(ConfigError, match=r"^own.yaml: line 1: name: Field required$"):
        validate([*layers, assignment("inner.cap=1")], Outer)
