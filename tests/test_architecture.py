"""Which room may import which, read from the import statements; and how large a module may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "chexinstruct"
INSIDE = ("sources", "templates", "manifests")
"""Top-level folders that are part of the package."""

ROOMS: Mapping[str, frozenset[str]] = {
    room: frozenset(allowed.split())
    for room, allowed in {
        "errors": "",
        "draw": "",
        "places": "errors",
        "transient": "errors",
        "synthetic": "",
        "schema": "",
        "config": "errors",
        "vocabulary": "errors schema",
        "headers": "schema",
        "release": "errors headers schema transient",
        "regions": "errors schema",
        "reports": "errors schema",
        "images": "errors headers schema",
        "likeness": "",
        "source": "config errors release schema",
        "shared": "errors regions release schema vocabulary",
        "sources": "errors regions release reports schema shared source synthetic vocabulary",
        "tasks": "draw regions reports schema vocabulary",
        "templating": "config draw errors regions schema",
        "templates": "",
        "manifest": "chexbench.recipe config errors images regions reports schema templating",
        "manifests": "",
        "markdown": "",
        "licenses": "markdown source",
        "frontmatter": "licenses schema tasks",
        "datasheet": "schema source",
        "quality": "errors schema",
        "lineage": "markdown schema",
        "datacard": "datasheet frontmatter lineage licenses markdown quality schema source tasks",
        "croissant": "datasheet licenses schema source tasks",
        "papers": "croissant datacard licenses quality schema source tasks",
        "chexbench": "config draw reports schema source tasks vocabulary",
        "build": "chexbench config draw errors images likeness manifest papers places quality "
        "regions release reports schema source tasks templating transient vocabulary",
        "access": "source",
        "fetch": "draw errors source",
        "editions": "errors release source",
        "sums": "errors release",
        "check": "editions errors release source sums",
        "corpus": "build.cache build.columns build.executor build.mixture build.quality "
        "build.shards config draw errors likeness papers places quality schema source tasks",
        "demo_bench": "bench build chexbench draw images regions synthetic",
        "demo": "build demo_bench errors manifest places schema source",
        "coverage": "build demo manifest schema source tasks",
        "export": "corpus errors markdown places regions schema source",
        "hub": "build corpus errors licenses manifest markdown papers schema source",
        "view": "corpus draw errors regions schema source",
        "bench": "build chexbench config corpus draw errors export.account export.sinks images "
        "manifest regions schema source templating",
        "cli": "access bench build check corpus coverage demo errors export fetch hub images "
        "manifest source tasks templating view",
        "__main__": "cli",
    }.items()
}
"""Room -> the rooms, or modules of rooms, that it may import. A new room gets a row here."""

OUTSIDE = {
    "sources": {"PIL", "pydicom", "pandas", "requests", "urllib", "socket", "subprocess"},
    "tasks": {"PIL", "pydicom", "pandas", "numpy", "requests", "urllib", "socket", "pathlib"},
}
"""What a loader or a task has no use for: it opens no pixels and no network, and a task no file."""

LINES = 500
LOADER_LINES = 360


@dataclass(frozen=True)
class Module:
    path: Path
    name: str
    """Dotted, without the package: ``tasks.coarse``; empty for the package itself."""

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    @property
    def source(self) -> str | None:
        parts = self.name.split(".")
        return parts[1] if parts[0] == "sources" and len(parts) > 1 else None


def modules(root: Path) -> list[Module]:
    """All modules of the package under a checkout."""
    found = []
    for folder in (PACKAGE, *INSIDE):
        base = root / folder if folder == PACKAGE else root
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found.append(Module(path, ".".join(p for p in parts if p != "__init__")))
    return found


def names(every: list[Module]) -> set[str]:
    """Modules and the packages that hold them."""
    parts = [module.name.split(".") for module in every]
    return {".".join(p[: i + 1]) for p in parts for i in range(len(p))}


def imported(module: Module, known: set[str]) -> Iterator[tuple[str, int]]:
    """Dotted names that a module imports, ours relative to the package with a leading dot."""
    package = module.name.split(".") if module.name else []
    if module.path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(module.path.read_text(encoding="utf-8"))):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package[: len(package) - node.level + 1]
                base = ".".join([PACKAGE, *up, *filter(None, [node.module])])
            # `from chexinstruct import images` names a module, `from x.y import Z` what is in one.
            found = [
                full
                if (full := f"{base}.{alias.name}").removeprefix(PACKAGE + ".") in known
                else base
                for alias in node.names
            ]
        for name in found:
            ours = name == PACKAGE or name.startswith(PACKAGE + ".")
            yield (name.removeprefix(PACKAGE) or "." if ours else name), node.lineno


def is_allowed(module: Module, name: str) -> bool:
    """Whether a module may import what :func:`imported` gives."""
    if not name.startswith("."):
        is_sample = module.source and module.path.stem != "loader"  # it writes pictures
        return is_sample or name.partition(".")[0] not in OUTSIDE.get(module.room, ())
    if name == ".":
        return True  # the version of the package
    target = name[1:] + "."
    own = f"sources.{module.source}." if module.source else f"{module.room}."
    return target.startswith(own) or any(target.startswith(f"{one}.") for one in ROOMS[module.room])


def violations(root: Path) -> list[str]:
    """``module, line: imports what``, for every import that the tables above do not allow."""
    every = modules(root)
    known = names(every)
    told = []
    for module in every:
        if not module.room:
            found = list(imported(module, known))
            told += [f"{PACKAGE} itself imports {name}" for name, _ in found if name[0] == "."]
        elif module.room not in ROOMS:
            told.append(f"{module.name}: the room {module.room} has no row in ROOMS")
        else:
            told += [
                f"{module.name}, line {line}: imports {name.removeprefix('.')}"
                for name, line in imported(module, known)
                if not is_allowed(module, name)
            ]
    return told


def test_imports_follow_the_arrows() -> None:
    assert violations(ROOT) == []


def test_arrows_make_no_circle() -> None:
    graph = {room: {one.partition(".")[0] for one in allowed} for room, allowed in ROOMS.items()}
    assert set().union(*graph.values()) <= graph.keys()
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


PLANTED = {
    "schema imports a room": ("chexinstruct/schema/study.py", "from chexinstruct.release import R"),
    "module import": ("chexinstruct/schema/study.py", "import chexinstruct.regions"),
    "from the package": ("chexinstruct/tasks/qa.py", "from chexinstruct import build"),
    "inside a function": ("chexinstruct/tasks/qa.py", "def f():\n    import chexinstruct.source"),
    "relative": ("chexinstruct/tasks/qa.py", "from ..build import engine"),
    "another source": ("sources/a/loader.py", "from chexinstruct.sources.b import loader"),
    "another source, relative": ("sources/a/loader.py", "from ..b import loader"),
    "a source by name": ("chexinstruct/build/engine.py", "from chexinstruct.sources import a"),
    "a source from tasks": ("sources/a/loader.py", "from chexinstruct.tasks import registry"),
    "a module of a room": ("chexinstruct/corpus/x.py", "from chexinstruct.build import engine"),
    "pixels in a loader": ("sources/a/loader.py", "from PIL import Image"),
    "network in a task": ("chexinstruct/tasks/qa.py", "import urllib.request"),
    "a room without a row": ("chexinstruct/attic.py", ""),
}
HARMLESS = {
    "own room": ("chexinstruct/tasks/qa.py", "from chexinstruct.tasks.contract import task"),
    "own source": ("sources/a/loader.py", "from chexinstruct.sources.a import tables"),
    "own source, relative": ("sources/a/loader.py", "from . import tables"),
    "module of an allowed room": ("chexinstruct/corpus/x.py", "import chexinstruct.build.columns"),
    "pictures of a sample": ("sources/a/sample.py", "from PIL import Image"),
    "the version": ("chexinstruct/build/ledger.py", "from chexinstruct import __version__"),
    "in words only": ("chexinstruct/schema/study.py", '"""import chexinstruct.build"""'),
}


def plant(root: Path, file: str, text: str) -> None:
    for name in ("chexinstruct/build/engine.py", "chexinstruct/build/columns.py", file):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (root / file).write_text(text)


@pytest.mark.parametrize(("file", "text"), PLANTED.values(), ids=list(PLANTED))
def test_planted_violation_is_caught(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, file, text)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(("file", "text"), HARMLESS.values(), ids=list(HARMLESS))
def test_allowed_import_is_let_through(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, file, text)
    assert violations(tmp_path) == []


def test_chance_comes_from_draw_alone() -> None:
    every = modules(ROOT)
    known = names(every)
    assert len(every) > 50
    for module in every:
        tops = {name.partition(".")[0] for name, _ in imported(module, known)}
        held_by = {"secrets"} & tops if module.name == "view.server" else set()  # a key, no draw
        assert (tops - held_by).isdisjoint({"random", "secrets"}), module.name


def test_modules_are_small() -> None:
    sizes = {m: len(m.path.read_text(encoding="utf-8").splitlines()) for m in modules(ROOT)}
    assert [m.name for m, n in sizes.items() if n > LINES] == []
    loaders = [m for m in sizes if m.source and m.path.name == "loader.py"]
    assert loaders and [m.name for m in loaders if sizes[m] > LOADER_LINES] == []


def test_listing_the_sources_imports_no_loader() -> None:
    code = (
        "import sys; from chexinstruct.source import registry; found = registry(); "
        "parts = [n.split('.') for n in sys.modules if n.startswith('chexinstruct.sources.')]; "
        "assert len(found) > 5; print(sorted('.'.join(p) for p in parts if len(p) > 3))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
