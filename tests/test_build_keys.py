"""The keys of stages name all the code that runs in them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from build_support import recipe

import chexinstruct
from chexinstruct.build import BuildOptions, build, candidates, index, shards
from chexinstruct.build.executor import without_collector
from chexinstruct.build.imports import import_statements, imported
from chexinstruct.synthetic import save
from chexinstruct.tasks import Task, registry

PLUMBING = {
    "chexinstruct.build.cache",
    "chexinstruct.build.executor",
    "chexinstruct.build.home",
    "chexinstruct.build.spill",
    "chexinstruct.config",
}
"""Code that writes, finds and reads files, whatever stands in them."""


def of_task(task: Task) -> set[str]:
    return set(imported(task.facts.__module__))


class Ran:
    """The modules of ours whose functions ran inside some functions, by a name of the call."""

    def __init__(self) -> None:
        self.modules: dict[str, set[str]] = {}

    def inside(self, function: Callable[..., Any], name: Callable[..., str]) -> Any:
        """The function, watched. Calls of other watched functions are left out of its own."""

        def watched(*args: Any) -> Any:
            found = self.modules.setdefault(name(*args), set())

            def note(frame: FrameType, event: str, _: object) -> None:
                if event == "call":
                    found.add(frame.f_globals.get("__name__", ""))

            before = sys.getprofile()
            with without_collector():  # it would end generators of others here
                sys.setprofile(note)
                try:
                    return function(*args)
                finally:
                    sys.setprofile(before)

        return watched

    def unknown(self, name: str, known: set[str]) -> set[str]:
        """Modules that ran and are neither known, nor in packages that are, nor plumbing."""
        return {
            module
            for module in self.modules[name] - PLUMBING
            if module.startswith("chexinstruct.")
            and not any(f"{module}.".startswith(f"{name}.") for name in known)
        }


def test_all_code_that_runs_is_in_the_keys(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watched while a few studies of all sources go through all tasks."""
    ran = Ran()
    for module, function, name in (
        (index, "look", lambda job: "look"),
        (index, "_write_all", lambda *_: "index"),
        (candidates, "facts_of", lambda task, context: task.key),
        (candidates, "find_candidates", lambda job: "candidates"),
        (shards, "build_shard", lambda job: "shard"),
    ):
        monkeypatch.setattr(module, function, ran.inside(getattr(module, function), name))
    small = recipe(limit=3, images={"size": 32}, languages=["en", "es"])
    build(small, data_root, tmp_path / "out", BuildOptions(on_missing_image="skip"))
    tasks = registry()
    always = {"chexinstruct.tasks", *imported("chexinstruct.tasks.contract")}
    always |= imported("chexinstruct.tasks.needs").keys()
    drawing = set().union(*(of_task(task) for task in tasks.values() if task.pools))
    for stage in ("look", "index"):
        assert not ran.unknown(stage, {*index.CODE, *always, *drawing})
    builder = {*candidates.CODE, *always} - {"chexinstruct.tasks"}
    assert not ran.unknown("candidates", builder)
    assert tasks.keys() <= ran.modules.keys()
    for key, task in tasks.items():
        assert not ran.unknown(key, builder | of_task(task)), key
    assert not ran.unknown("shard", set(shards.CODE))


def test_the_imports_of_a_task_hold_all_that_its_module_names() -> None:
    for key, task in registry().items():
        function: Any = task.facts
        named = {getattr(value, "__module__", None) for value in function.__globals__.values()}
        ours = {name for name in named if name and name.startswith("chexinstruct.")}
        assert ours <= of_task(task), key


def test_imports_are_followed_wherever_they_stand(tmp_path: Path, monkeypatch: Any) -> None:
    files = {
        "toy/__init__.py": "",
        "toy/start.py": "import json\nfrom toy import plain\nfrom toy.inner import NAME\n",
        "toy/plain.py": "def late():\n    import toy.late as late\n    return late\n",
        "toy/late.py": "from .typed import NAME\nfrom . import start\n",
        "toy/typed.py": "import typing\nif typing.TYPE_CHECKING:\n    import toy.last\n",
        "toy/last.py": "try:\n    import numpy\nexcept ImportError:\n    pass\n",
        "toy/inner/__init__.py": "from toy.inner.names import NAME\n",
        "toy/inner/names.py": "NAME = 1\n",
        "toy/inner/other.py": "",
        "toy/other.py": "",
    }
    save(tmp_path, files)
    monkeypatch.syspath_prepend(tmp_path)
    names = ("start", "plain", "late", "typed", "last", "inner", "inner.names")
    assert imported("toy.start").keys() == {"toy", *(f"toy.{name}" for name in names)}
    assert imported("toy.last") == {"toy.last": tmp_path / "toy" / "last.py"}
    with pytest.raises(ModuleNotFoundError):
        imported("toy.nothing")


def test_no_import_of_the_package_is_overlooked() -> None:
    """The quick reader beside the parser, which goes through whole modules."""
    for path in Path(chexinstruct.__file__).parent.rglob("*.py"):
        code = path.read_bytes()
        nodes = ast.walk(ast.parse(code))
        told = {ast.dump(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)}
        assert told <= {ast.dump(node) for node in import_statements(code)}, path


@pytest.mark.parametrize(
    "code",
    [
        "from toy import (  # a) and b)\n    name,\n)",
        "from toy import one, \\\n    two",
        "try: import toy\nexcept ImportError: pass",
        "import toy; import other",
        '"""Prose\nimport of what\n"""\nimport toy',
    ],
)
def test_imports_that_are_written_otherwise_are_seen(code: str) -> None:
    nodes = ast.walk(ast.parse(code))
    told = {ast.dump(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)}
    assert told == {ast.dump(node) for node in import_statements(code.encode())}
