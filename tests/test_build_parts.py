"""Several processes on one corpus: job arrays and Dask clusters give the bytes of one build."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import dask
import pytest
from build_support import FEW, contents, recipe
from distributed import Client, LocalCluster
from distributed.security import Security
from executor_jobs import Job, Named, die_once, fail, square, unlucky
from psutil import NoSuchProcess, Process

from chexinstruct.build import BuildOptions, Part, Share, build, build_part, pictures
from chexinstruct.build.cluster import Dask
from chexinstruct.build.home import LocalHome, write_json
from chexinstruct.build.parts import taken
from chexinstruct.errors import CallError, ChexinstructError, Unfinished
from chexinstruct.schema import LOCK


def options(folder: Path, **content: Any) -> BuildOptions:
    content = {"cache": folder / "cache", "on_missing_image": "skip", "wait": 0.0, **content}
    return BuildOptions(**content)


def share(data_root: Path, folder: Path, number: int, of: int, **content: Any) -> Share:
    part = options(folder, part=Part(number, of), **content)
    return build_part(recipe(sources=FEW), data_root, folder / "corpus", part)


def test_files_are_listed_while_others_write_theirs(tmp_path: Path) -> None:
    """A draft that takes its final name between the listing and the look at it is no fault."""
    home, done = LocalHome(tmp_path), Event()

    def others() -> None:
        while not done.is_set():
            for number in range(20):
                write_json(home, f"marks/{number}.json", number)

    write_json(home, "marks/mine.json", "mine")
    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(others) for _ in range(2)]
        try:
            for _ in range(300):
                assert "marks/mine.json" in home.files("marks")
                assert home.read_all("marks")["marks/mine.json"] == b'"mine"\n'
        finally:
            done.set()
        for item in work:
            item.result()


def test_parts_at_once_make_what_one_build_makes(
    few: Path, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "POLL", 0.05)
    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(share, data_root, tmp_path, k, 3, wait=1.0) for k in (1, 2, 3)]
        shares = [item.result() for item in work]
    assert all(item.written for item in shares)
    assert sum(item.written for item in shares) == shares[0].shards
    assert not (tmp_path / "corpus" / LOCK).exists()
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*.parquet")}
    assert len(made) == shares[0].shards
    build(recipe(sources=FEW), data_root, tmp_path / "corpus", options(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert contents(tmp_path / "corpus") == contents(few / "corpus")


@pytest.mark.slow
def test_parts_one_after_the_other_go_on_where_the_others_were_missing(
    few: Path, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first finds the pictures of the second missing, and ends; later it writes its shards."""
    monkeypatch.setattr(pictures, "ALLOWED", 1)
    with pytest.raises(Unfinished, match="pictures of other parts are not made yet"):
        share(data_root, tmp_path, 1, 2)
    second = share(data_root, tmp_path, 2, 2)
    assert 0 < second.standing < second.shards
    first = share(data_root, tmp_path, 1, 2)
    assert first.standing == first.shards
    build(recipe(sources=FEW), data_root, tmp_path / "corpus", options(tmp_path))
    assert contents(tmp_path / "corpus") == contents(few / "corpus")


@pytest.mark.slow
def test_a_build_finishes_what_a_lost_part_left(few: Path, data_root: Path, tmp_path: Path) -> None:
    share(data_root, tmp_path, 2, 2)
    build(recipe(sources=FEW), data_root, tmp_path / "corpus", options(tmp_path))
    assert contents(tmp_path / "corpus") == contents(few / "corpus")


@pytest.mark.parametrize(
    ("held", "asked", "told"),
    [
        (None, Part(1, 2), "another build is writing"),
        (Part(1, 2), None, "a part of a build is writing"),
        (Part(1, 2), Part(1, 2), "the same part is writing"),
        (None, None, "another build is writing"),
    ],
)
def test_who_keeps_whom_out(
    held: Part | None,
    asked: Part | None,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chexinstruct.build.parts.PROBE", 0.1)
    with taken(tmp_path, held), pytest.raises(CallError, match=told), taken(tmp_path, asked):
        pass
    with taken(tmp_path, asked):
        pass


def test_parts_let_one_another_in(tmp_path: Path) -> None:
    with taken(tmp_path, Part(1, 2)), taken(tmp_path, Part(2, 2)):
        pass


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"])
def test_a_wrong_part_is_told(part: str, data_root: Path, tmp_path: Path) -> None:
    call = ["build", "full", "--data-root", str(data_root), "--out", str(tmp_path), "--part", part]
    done = subprocess.run(
        [sys.executable, "-c", "from chexinstruct.cli import main; main()", *call],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "write K/N" in done.stderr


# ----------------------------------------------------------------------------------------- Dask


ROLES = ("client", "scheduler", "worker")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Dask]:
    with Dask(2) as dask:
        yield dask


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A cluster that somebody else runs: its address, and the configuration of who may use it."""
    made = Security.temporary()
    certificate, key = tmp_path / "dask.crt", tmp_path / "dask.key"
    certificate.write_text(made.tls_client_cert)
    key.write_text(made.tls_client_key)
    known: dict[str, Any] = {"distributed.comm.tls.ca-file": str(certificate)}
    for role in ROLES:
        known[f"distributed.comm.tls.{role}.cert"] = str(certificate)
        known[f"distributed.comm.tls.{role}.key"] = str(key)
    with (
        dask.config.set({"distributed.comm.require-encryption": True, **known}),
        LocalCluster(2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as running,
    ):
        address = running.scheduler_address
        yield address, known


def test_dask_makes_what_one_build_makes(
    queue: tuple[str, dict[str, Any]], few: Path, data_root: Path, tmp_path: Path
) -> None:
    """On a running scheduler, with the certificates that Dask's configuration names."""
    address, known = queue
    assert address.startswith("tls://")
    given = options(tmp_path, executor="dask", scheduler=address)
    with dask.config.set(known):
        build(recipe(sources=FEW), data_root, tmp_path / "corpus", given)
    assert contents(tmp_path / "corpus") == contents(few / "corpus")


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def half_open() -> set[str]:
    """What Dask says of clients that are neither at work nor closed.

    When Python's collector finds one, it is closed: wherever the process just then is, so also
    where the next client starts, under a lock that closing waits for too.
    """
    clients = [thing for thing in gc.get_objects() if isinstance(thing, Client)]
    return {client.status for client in clients} - {"running", "closed"}


STRANGER = """
import sys
from distributed import Client
from distributed.security import Security
Client(sys.argv[1], security=Security.temporary(), timeout=5)
"""


@pytest.mark.usefixtures("uncollected")
def test_nobody_else_gets_at_a_cluster_of_ours(cluster: Dask) -> None:
    """Not without a certificate, not with one of their own, and not without encryption."""
    stranger = subprocess.run(
        [sys.executable, "-c", STRANGER, cluster.address], capture_output=True, text=True
    )
    assert stranger.returncode and "certificate" in stranger.stderr.strip().splitlines()[-1]
    with pytest.raises(CallError, match="no certificates; name them in Dask's configuration"):
        Dask(1, cluster.address, timeout=5)
    with pytest.raises(CallError, match="--scheduler tcp://"):
        Dask(1, cluster.address.replace("tls://", "tcp://"), timeout=5)
    assert not half_open()


def test_a_cluster_of_ours_shows_no_pages(cluster: Dask) -> None:
    """On none of the ports that this process, which runs the scheduler, has open."""
    pages = [c.laddr.port for c in Process().net_connections() if c.status == "LISTEN"]
    assert pages
    for port in pages:
        with pytest.raises(OSError):  # 404, or no HTTP at all
            urlopen(f"http://127.0.0.1:{port}/info/main/workers.html", timeout=5)


def test_every_job_is_done_once(cluster: Dask) -> None:
    assert sorted(cluster.run(square, range(20))) == [(n, n * n) for n in range(20)]
    assert list(cluster.run(square, [])) == []


def test_killed_workers_are_replaced_and_nothing_is_lost(cluster: Dask, tmp_path: Path) -> None:
    jobs = [Job(n, str(tmp_path / "killed")) for n in range(8)]
    assert sorted(cluster.run(die_once, jobs)) == [(n, n) for n in range(8)]
    assert (tmp_path / "killed").exists()


def test_a_job_that_always_kills_its_worker_is_named(cluster: Dask) -> None:
    with pytest.raises(ChexinstructError, match="workers died over train-0; there may"):
        list(cluster.run(unlucky, [Named("train-0")]))


def test_an_error_of_a_job_is_told_as_it_is(cluster: Dask) -> None:
    with pytest.raises(CallError, match="job 0 is wrong"):
        list(cluster.run(fail, range(1)))


@contextmanager
def killing(most: float) -> Iterator[set[int]]:
    """Kill so many of the processes that start meanwhile, each as soon as it is seen."""
    killed: set[int] = set()
    others = {child.pid for child in Process().children(recursive=True)}
    done = Event()

    def hunt() -> None:
        while not done.wait(0.02):
            for child in Process().children(recursive=True):
                with suppress(NoSuchProcess):
                    new = child.pid not in killed | others
                    if new and "spawn_main" in " ".join(child.cmdline()) and len(killed) < most:
                        child.kill()
                        killed.add(child.pid)

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(hunt)
        try:
            yield killed
        finally:
            done.set()
            work.result()


def test_a_worker_may_be_killed_while_it_starts() -> None:
    with killing(1) as killed, Dask(2) as executor:
        assert sorted(executor.run(square, range(3))) == [(0, 0), (1, 1), (2, 4)]
    assert killed


def test_workers_that_never_start_are_told() -> None:
    told = r"workers could not be started, tried 3 times \(.+\); there may be too little memory"
    with killing(inf), pytest.raises(ChexinstructError, match=told):
        Dask(2)


@pytest.mark.usefixtures("uncollected")
def test_nobody_at_the_address_is_told() -> None:
    with pytest.raises(CallError, match="--scheduler tcp"):
        Dask(1, "tcp://127.0.0.1:1", timeout=1)
    assert not half_open()
