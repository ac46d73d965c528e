from __future__ import annotations

from pathlib import Path

import pytest
from executor_jobs import Job, Named, die_once, fail, is_loaded, square, unlucky

from chexinstruct.build.executor import Processes
from chexinstruct.errors import CallError, ChexinstructError


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    with Processes(workers) as executor:
        found = list(executor.run(square, range(20)))
        assert sorted(found) == [(n, n * n) for n in range(20)]
        assert list(executor.run(square, [])) == []


def test_killed_workers_are_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    jobs = [Job(n, str(tmp_path / "killed")) for n in range(8)]
    with Processes(2) as executor:
        found = list(executor.run(die_once, jobs))
    assert sorted(found) == [(n, n) for n in range(8)]
    assert (tmp_path / "killed").exists()


def test_workers_that_always_die_end_the_build() -> None:
    told = "3 jobs are left, among them train-0; there may be too little memory"
    with Processes(2) as executor, pytest.raises(ChexinstructError, match=told):
        list(executor.run(unlucky, [Named(f"train-{n}") for n in range(3)]))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_job_is_told_as_it_is(workers: int) -> None:
    with Processes(workers) as executor, pytest.raises(CallError, match="job 0 is wrong"):
        list(executor.run(fail, range(1)))


def test_workers_load_what_jobs_need_and_nothing_of_what_the_builder_needs() -> None:
    builder = {
        *("chexinstruct.build.pipeline", "chexinstruct.cli", "chexinstruct.manifest"),
        *("duckdb", "matplotlib", "pydicom", "requests"),
    }
    jobs = {"chexinstruct.build.pictures", "chexinstruct.build.shards", "numpy", "pyarrow"}
    modules = sorted(builder | jobs)
    with Processes(2, ahead="chexinstruct.build.shards") as executor:
        found = dict(executor.run(is_loaded, modules))
    assert {name for n, name in enumerate(modules) if found[n][1]} == jobs


def test_dismissed_workers_make_way_for_others() -> None:
    with Processes(2, ahead="json") as executor:
        before = {pid for _, (pid, _) in executor.run(is_loaded, ["json"] * 4)}
        executor.dismiss()
        found = dict(executor.run(is_loaded, ["json"] * 4))
    assert all(loaded for _, loaded in found.values())
    assert before.isdisjoint(pid for pid, _ in found.values())
