"""A build does again only what a change really touches: equal content stops it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from build_support import FEW, contents, copied, data_files, recipe

from chexinstruct.build import BuildOptions, Plan, build, plan

ROOT = Path(__file__).parents[1]
TASKS = (
    "abnormality_grounding",
    "findings_generation",
    "image_classification",
    "image_text_selection",
    "phrase_grounding",
    "view_classification",
    "view_matching",
)


def asked(data_root: Path, folder: Path, **manifest: Any) -> tuple[Any, ...]:
    """Some tasks of four sources, without pictures, into ``corpus`` and ``cache`` of a folder."""
    content = {"sources": FEW, "tasks": TASKS, "images": {"mode": "none"}, **manifest}
    options = BuildOptions(cache=folder / "cache", on_missing_image="skip")
    return recipe(**content), data_root, folder / "corpus", options


def made(data_root: Path, folder: Path, **manifest: Any) -> None:
    build(*asked(data_root, folder, **manifest))


def foretold(data_root: Path, folder: Path) -> Plan:
    return plan(*asked(data_root, folder))


@pytest.fixture(scope="module")
def data(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Releases that tests may change if they change them back."""
    return copied(data_root, tmp_path_factory.mktemp("cutoff") / "data", *FEW)


@pytest.fixture(scope="module")
def first(data: Path) -> Path:
    """A cold build of them."""
    folder = data.parent / "first"
    made(data, folder)
    return folder


@pytest.fixture
def again(first: Path, tmp_path: Path) -> Path:
    """A copy of the build, to build on; time stamps are kept."""
    shutil.copytree(first, tmp_path / "again")
    return tmp_path / "again"


@pytest.fixture
def restored(data: Path, tmp_path: Path) -> Iterator[Path]:
    """The releases, put back with their time stamps when the test ends."""
    shutil.copytree(data, tmp_path / "kept")
    yield data
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "kept", data)


class Rewritten:
    """Tells which data files were written, or removed, since it was made or asked last."""

    def __init__(self, folder: Path) -> None:
        self.corpus = folder / "corpus"
        self.before = data_files(self.corpus)

    def names(self) -> set[str]:
        after = data_files(self.corpus)
        every = self.before.keys() | after.keys()
        found = {name for name in every if self.before.get(name) != after.get(name)}
        self.before = after
        return found

    def tasks(self) -> set[str]:
        return {Path(name).parent.name for name in self.names()}


def test_a_task_left_out_or_added_leaves_the_others_alone(
    again: Path, first: Path, data: Path
) -> None:
    """One that draws other people's studies, so that it has pools and shares needs."""
    rewritten = Rewritten(again)
    made(data, again, tasks=[name for name in TASKS if name != "view_matching"])
    assert rewritten.tasks() == {"view_matching"}
    made(data, again)
    assert rewritten.tasks() == {"view_matching"}
    assert contents(again / "corpus") == contents(first / "corpus")
    shutil.rmtree(again / "corpus")
    cached = set((again / "cache" / "candidates").iterdir())
    made(data, again, tasks=["phrase_grounding", "view_classification"])
    assert set((again / "cache" / "candidates").iterdir()) == cached


def test_a_touched_release_rewrites_nothing(again: Path, first: Path, restored: Path) -> None:
    """Nor is a source read again whose parent was only touched."""
    rewritten = Rewritten(again)
    for path in (restored / "mimic_cxr").rglob("*"):
        os.utime(path, (0, 0))
    assert foretold(restored, again).reasons == []
    made(restored, again)
    assert rewritten.names() == set()
    assert contents(again / "corpus") == contents(first / "corpus")
    tables = [path.name.split("-")[0] for path in (again / "cache" / "studies").glob("*.arrow")]
    assert sorted(tables) == sorted([*FEW, "mimic_cxr"])


def test_a_changed_row_of_a_table_rewrites_the_shards_of_its_source(
    again: Path, restored: Path, tmp_path: Path
) -> None:
    """Its age stands in no facts, only in the metadata of rows."""
    rewritten = Rewritten(again)
    table = restored / "nih_chestxray14" / "Data_Entry_2017_v2020.csv"
    old = "00000001_000.png,Cardiomegaly,0,1,58,M"
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, old.replace("58", "57")))
    said = foretold(restored, again)
    made(restored, again)
    names = rewritten.names()
    assert names
    assert all("-nih_chestxray14-" in name for name in names)
    assert names == {f"data/{name}.parquet" for name in said.shards_to_write}
    assert [reason.partition(":")[0] for reason in said.reasons] == ["nih_chestxray14"]
    made(restored, tmp_path / "cold")
    assert contents(again / "corpus") == contents(tmp_path / "cold" / "corpus")


BUILD = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
import chexinstruct
from test_build_cutoff import made
assert Path(chexinstruct.__file__).is_relative_to(Path(__file__).parent)
for folder in sys.argv[3:]:
    made(Path(sys.argv[2]), Path(folder))
"""


class Workshop:
    """A copy of the program whose code may be changed, and builds with it."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        shutil.copytree(ROOT / "chexinstruct", folder / "chexinstruct")
        for name in ("sources", "templates", "manifests"):
            shutil.copytree(ROOT / name, folder / "chexinstruct" / name)
        (folder / "build.py").write_text(BUILD)

    def edit(self, module: str, old: str, new: str) -> None:
        path = self.folder / "chexinstruct" / module
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def build(self, *places: Path) -> None:
        """Into these folders, one after the other."""
        tests = Path(__file__).parent
        done = subprocess.run(
            [sys.executable, self.folder / "build.py", tests, self.data, *places],
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]


def test_changed_code_rewrites_the_rows_that_it_changes(
    again: Path, data: Path, tmp_path: Path
) -> None:
    workshop = Workshop(tmp_path / "workshop", data)
    before = contents(again / "corpus")
    rewritten = Rewritten(again)

    # Code that changes no row: of a family, and of what most tasks use.
    workshop.edit("tasks/coarse.py", "COMPANY = 9\n", "COMPANY = 9  # of them\n")
    workshop.edit("tasks/labels.py", "from __future__", "# Labels.\n\nfrom __future__")
    workshop.build(again)
    assert rewritten.names() == set()
    assert contents(again / "corpus") == before

    # One task, and a helper that modules of tasks import.
    workshop.edit("tasks/coarse.py", "if draw.below(3) == 0:", "if draw.below(3) == 1:")
    workshop.edit("tasks/wording.py", "else 'a'}", "else 'one'}")
    workshop.build(again, tmp_path / "cold")
    told = {"view_classification", "abnormality_grounding", "image_classification"}
    assert rewritten.tasks() == told
    assert contents(again / "corpus") == contents(tmp_path / "cold" / "corpus")
