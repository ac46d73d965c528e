"""The wheel: it holds every file of the package, and works from any other folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSIDE = ("sources", "templates", "manifests")
"""Top-level folders that ship as sub-packages."""
HEAVY = {
    *("datasets", "torch", "pandas", "pyarrow", "numpy", "PIL", "pydicom", "duckdb"),
    *("imagecodecs", "matplotlib"),
}
"""Slow to import, and not needed to print a help text."""
CPU_SECONDS = 1.0


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """The output of a command, with one more folder to import from and nothing else changed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Files that a clean checkout holds, save those deleted since."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing says which files belong to it")
    names = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves files behind that the next one would take up."""
    pytest.importorskip("setuptools", minversion="77", reason="the wheel needs setuptools 77")
    home = tmp_path_factory.mktemp("checkout")
    for name in tracked:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, home / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", cwd=home)
    (built,) = (home / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel unpacked, its dependencies being those of this Python."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--no-index", "--target", target, wheel, cwd=target)
    return target


def test_wheel_holds_the_tracked_files_of_the_package_and_no_others(
    wheel: Path, tracked: list[str]
) -> None:
    expected = {name for name in tracked if name.startswith("chexinstruct/")}
    expected |= {f"chexinstruct/{name}" for name in tracked if name.split("/")[0] in INSIDE}
    found = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.partition("/")[0].endswith(".dist-info")
    }
    assert found == expected
    assert {Path(name).suffix or Path(name).name for name in found} <= {
        *(".py", ".yaml", ".typed"),
        *(".html", ".css", ".js"),  # of the page
    }
    assert "chexinstruct/py.typed" in found


def test_every_folder_of_sources_is_a_package() -> None:
    """Without ``__init__.py`` the wheel and the registry pass over it without a word."""
    folders = [path for path in (ROOT / "sources").iterdir() if (path / "card.yaml").exists()]
    assert len(folders) > 5
    assert [path.name for path in folders if not (path / "__init__.py").exists()] == []
    stray = [
        path.name
        for path in (ROOT / "sources").iterdir()
        if path.is_dir() and path not in folders and any(path.glob("*.py"))
    ]
    assert stray == []


def test_wheel_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = """
import chexinstruct, chexinstruct.sources
from chexinstruct.manifest import load_manifest
from chexinstruct.source import registry
from chexinstruct.tasks import registry as tasks
from chexinstruct.templating import Templates
print(chexinstruct.__file__)
print(*chexinstruct.sources.__path__)
print(load_manifest("demo").name)
templates = Templates()
for task in tasks():
    templates.load(task)
for source in registry().values():
    source.loader, source.sample
print(*registry())
"""
    lines = run(sys.executable, "-c", code, cwd=tmp_path, path=installed).splitlines()
    home = installed / "chexinstruct"
    assert lines[:3] == [str(home / "__init__.py"), str(home / "sources"), "demo"]
    cards = sorted(path.parent.name for path in (home / "sources").glob("*/card.yaml"))
    assert lines[3].split() == cards


def test_command_is_installed(installed: Path, tmp_path: Path) -> None:
    told = run(installed / "bin" / "chexinstruct", "sources", cwd=tmp_path, path=installed)
    assert "nih_chestxray14" in told


def test_help_starts_fast_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys, time
from chexinstruct.cli import main
sys.argv = ["chexinstruct", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
print("MODULES", *{name.partition(".")[0] for name in sys.modules})
print("SECONDS", time.process_time())
"""
    seconds = []
    for _ in range(3):  # the best of three: other work on the machine only makes it slower
        *told, modules, cpu = run(sys.executable, "-c", code, cwd=tmp_path).splitlines()
        assert any("build" in line for line in told)
        assert HEAVY.isdisjoint(modules.split())
        seconds.append(float(cpu.split()[1]))
    assert min(seconds) < CPU_SECONDS
