"""The quality report is the same bytes whoever counts it, and whatever happens to them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from build_support import FEW, contents, recipe, small_disk
from executor_jobs import die_after_counting

from chexinstruct.build import BuildOptions, build
from chexinstruct.build.cluster import Dask
from chexinstruct.build.executor import Processes
from chexinstruct.build.pipeline import opened, run
from chexinstruct.build.quality import REPORT
from chexinstruct.corpus import open_corpus, stats
from chexinstruct.quality import Counted, CountJob, Quality, jobs, measure

J = TypeVar("J")
R = TypeVar("R")

JOB_ROWS = 40
"""So that a small corpus is many jobs, of one file and of several."""


@pytest.fixture
def again(few: Path, tmp_path: Path) -> Path:
    """A built corpus with its cache, whose report is to be made again."""
    shutil.copytree(few, tmp_path / "again")
    (tmp_path / "again" / "corpus" / REPORT).unlink()
    return tmp_path / "again"


@pytest.fixture
def expected(few: Path) -> Quality:
    return stats(few / "corpus")


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "JOB_ROWS", JOB_ROWS)


def measured(corpus: Path, run: jobs.Run) -> Quality:
    return measure(corpus, open_corpus(corpus).lock, {"ms_cxr": "mimic_cxr"}, run)


# The same report


@pytest.mark.usefixtures("many")
def test_two_workers_make_the_same_bytes(few: Path, again: Path, data_root: Path) -> None:
    options = BuildOptions(workers=2, cache=again / "cache", on_missing_image="skip")
    build(recipe(sources=FEW), data_root, again / "corpus", options)
    assert contents(again / "corpus") == contents(few / "corpus")


@pytest.mark.usefixtures("many")
def test_a_cluster_on_this_machine_makes_the_same_report(few: Path, expected: Quality) -> None:
    with Dask(2) as executor:
        assert executor.local
        assert measured(few / "corpus", executor.run) == expected


@pytest.mark.usefixtures("many")
def test_in_whatever_order_jobs_end_the_report_is_the_same(few: Path, expected: Quality) -> None:
    ended = []

    def backwards(
        function: Callable[[CountJob], Counted], jobs: Sequence[CountJob]
    ) -> Iterator[tuple[int, Counted]]:
        for number in reversed(range(len(jobs))):
            ended.append(len(jobs[number].files))
            yield number, function(jobs[number])

    assert measured(few / "corpus", backwards) == expected
    assert len(ended) > 3 and max(ended) > 1


# Who counts


class Told(Processes):
    """An executor that tells what it was asked to do."""

    def __init__(self) -> None:
        super().__init__(1)
        self.told: list[str] = []

    def run(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[int, R]]:
        self.told.append(function.__name__)
        yield from super().run(function, jobs)

    def dismiss(self) -> None:
        self.told.append("dismiss")
        super().dismiss()


class Elsewhere(Told):
    local = False


def asked(executor: Told, few: Path, again: Path, data_root: Path) -> list[str]:
    """What a build asks of an executor behind the last shard."""
    options = BuildOptions(cache=again / "cache", on_missing_image="skip")
    with opened(recipe(sources=FEW), data_root, again / "corpus", options, executor) as setting:
        run(setting)
    assert contents(again / "corpus") == contents(few / "corpus")
    told = executor.told
    return told[len(told) - told[::-1].index("build_shard") :]


@pytest.mark.usefixtures("many")
def test_workers_count_and_may_then_end(few: Path, again: Path, data_root: Path) -> None:
    assert asked(Told(), few, again, data_root) == ["count", "dismiss"]


def test_few_rows_are_counted_while_workers_end(few: Path, again: Path, data_root: Path) -> None:
    assert asked(Told(), few, again, data_root) == ["dismiss"]


@pytest.mark.usefixtures("many")
def test_workers_elsewhere_do_not_count(few: Path, again: Path, data_root: Path) -> None:
    """They would not see the folder for temporary files."""
    assert asked(Elsewhere(), few, again, data_root) == ["dismiss"]


# What may happen to them


@pytest.mark.usefixtures("many")
def test_what_a_killed_worker_counted_counts_once(
    few: Path, expected: Quality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies when its files are all written, and does not come to tell."""
    monkeypatch.setenv("KILLED", str(tmp_path / "killed"))
    with Processes(2) as executor:
        found = measured(few / "corpus", lambda _, jobs: executor.run(die_after_counting, jobs))
    assert (tmp_path / "killed").exists()
    assert found == expected


FULL = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import build_support
from chexinstruct.build import BuildOptions, build
from chexinstruct.errors import ChexinstructError
from chexinstruct.quality import jobs
if __name__ == "__main__":
    data_root, again, disk = map(Path, sys.argv[1:])
    jobs.JOB_ROWS = {JOB_ROWS}
    options = BuildOptions(workers=2, cache=again / "cache", on_missing_image="skip")
    try:
        build(build_support.recipe(sources=build_support.FEW), data_root, again / "corpus", options)
    except ChexinstructError as error:
        print(error, [*disk.iterdir()], sep="\\n")
"""


def test_no_room_for_what_workers_count_is_told(
    again: Path, data_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "script.py").write_text(FULL)
    call = [sys.executable, tmp_path / "script.py", data_root, again, tmp_path / "disk"]
    done = subprocess.run(
        [*small_disk(tmp_path / "disk", "64k"), *call],
        env={**os.environ, "TMPDIR": str(tmp_path / "disk")},
        capture_output=True,
        text=True,
    )
    told, left = done.stdout.splitlines()
    assert told.startswith(f"no room to write: {os.strerror(errno.ENOSPC)}"), done.stderr
    assert str(tmp_path / "disk") in told
    assert left == "[]"
