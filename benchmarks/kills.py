"""Builds killed at random moments: they must end with the bytes of an undisturbed build.

Each round starts a build in an empty folder and kills it, or one of its workers, when it has used a
drawn share of the processor time that it needs (what else the machine does would move a moment on
the clock). A killed build is run again, and in some rounds is killed again; a build that lost a
worker must end by itself. A round is bad when a process is left behind, when anything hangs or
fails, or when any file of the corpus differs. Executors and victims get the same number of kills;
the seed decides the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import chexinstruct, cpu_seconds, end, machine, members, said, workers

EXECUTORS = ("processes", "dask")
VICTIMS = ("parent", "worker")
SOURCES = ("mimic_cxr", "ms_cxr", "nih_chestxray14", "siim_pneumothorax")
ORPHANS = 20.0
"""Seconds that workers have to end after their builder was killed."""


@dataclass
class Kill:
    """One process killed."""

    executor: str
    victim: str
    """Of :data:`VICTIMS`."""
    resumed: bool
    """Whether the build had been killed before."""
    share: float
    """Of the processor time of a whole build, used when it happened."""
    shards: int = 0
    """That stood when it happened."""
    fault: str | None = None


def digests(corpus: Path) -> dict[str, str]:
    return {
        path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(corpus.rglob("*"))
        if path.is_file() and ".build" not in path.parts
    }


class Builds:
    """Builds of one data root."""

    def __init__(self, data_root: Path, sources: list[str], settings: list[str], hang: float):
        self.call = chexinstruct("build", "full", "--data-root", str(data_root))
        self.call += ["--on-missing-image", "skip", "--workers", "2"]
        for name, values in (("--source", sources), ("--set", settings)):
            self.call += [part for value in values for part in (name, value)]
        self.hang = hang

    @contextmanager
    def running(self, folder: Path, executor: str) -> Iterator[subprocess.Popen[bytes]]:
        """A build in a process group of its own, of which nothing is left afterwards."""
        places = ["--out", str(folder / "corpus"), "--cache", str(folder / "cache")]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*self.call, *places, "--executor", executor],
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            end(process.pid)
            process.wait()

    def ended(self, process: subprocess.Popen[bytes], folder: Path) -> str | None:
        """Wait for the end; what went wrong, if anything."""
        try:
            code = process.wait(self.hang)
        except subprocess.TimeoutExpired:
            return "it hangs"
        if code:
            return f"it ends with {code}: {(folder / 'log').read_text()[-300:]}"
        return "processes are left behind" if _orphans(process.pid) else None

    def finish(self, folder: Path, executor: str) -> str | None:
        """Run to the end; what went wrong, if anything."""
        with self.running(folder, executor) as process:
            return self.ended(process, folder)

    def disturb(self, folder: Path, kill: Kill, whole: float) -> bool:
        """Kill its victim; False where the build ended before.

        Args:
            folder: of the corpus, cache and log.
            kill: to do; its shards and fault are noted.
            whole: processor seconds of a whole build.
        """
        with self.running(folder, kill.executor) as process:
            until = time.monotonic() + self.hang
            at_work: list[int] = []
            while sum(map(cpu_seconds, members(process.pid))) < kill.share * whole or (
                kill.victim == "worker" and not at_work
            ):
                if process.poll() is not None:
                    return False
                if time.monotonic() > until:
                    kill.fault = "it hangs"
                    return True
                time.sleep(0.01)
                at_work = workers(process.pid)
            kill.shards = len(list((folder / "corpus" / ".build" / "shards").rglob("*.json")))
            if kill.victim == "parent":
                process.kill()
                process.wait()
                if _orphans(process.pid):
                    kill.fault = "processes are left behind"
                return True
            with suppress(ProcessLookupError):
                os.kill(at_work[kill.shards % len(at_work)], signal.SIGKILL)
            kill.fault = self.ended(process, folder)
            return True


def _orphans(group: int) -> list[int]:
    until = time.monotonic() + ORPHANS
    while (left := members(group)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def rounds(builds: Builds, scratch: Path, count: int, chance: random.Random) -> Iterator[Kill]:
    """Kills, as they are done.

    Raises:
        SystemExit: an undisturbed build fails, or both executors differ without any kill.
    """
    whole: dict[str, float] = {}
    expected: dict[str, str] = {}
    for executor in EXECUTORS:
        folder = scratch / executor
        folder.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if fault := builds.finish(folder, executor):
            sys.exit(f"undisturbed build, {executor}: {fault}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole[executor] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = digests(folder / "corpus")
        if expected and found != expected:
            sys.exit("the executors do not make the same bytes")
        expected = found
        print(
            f"undisturbed, {executor}: {whole[executor]:.1f} CPU s, {len(found)} files", flush=True
        )
    done = {(executor, victim): 0 for victim in VICTIMS for executor in EXECUTORS}
    while sum(done.values()) < count:
        executor, victim = min(done, key=lambda kind: done[kind])
        folder = scratch / "round"
        folder.mkdir()
        kills: list[Kill] = []
        fault = None
        for _ in range(chance.choice((1, 1, 2))):
            share = round(chance.uniform(0.05, 0.95), 3)
            kill = Kill(executor, victim, bool(kills), share)
            if builds.disturb(folder, kill, whole[executor]):
                kills.append(kill)
            fault = kill.fault
            # A build that was not killed has ended, and there is nothing to kill in it.
            if fault or (folder / "corpus" / "chexinstruct.lock.json").exists():
                break
        fault = fault or builds.finish(folder, executor)
        if fault is None and digests(folder / "corpus") != expected:
            fault = "other bytes"
        if fault and not kills:
            sys.exit(f"{executor}, nothing killed: {fault}")
        for kill in kills:
            kill.fault = kill.fault or fault
            yield kill
        done[executor, victim] += len(kills)
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_root", type=Path, nargs="?", help="default: synthetic releases")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], help="as of chexinstruct build")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hang", type=float, default=300, help="seconds until a build hangs")
    parser.add_argument("--json", type=Path, help="write the rounds here too")
    given = parser.parse_args()
    facts = machine()
    print(said(facts))
    found: list[Kill] = []
    with tempfile.TemporaryDirectory() as scratch:
        root = given.data_root or synthetic(Path(scratch) / "data")
        sources = given.source or list(SOURCES)
        builds = Builds(root, sources, given.set, given.hang)
        for kill in rounds(builds, Path(scratch), given.kills, random.Random(given.seed)):
            found.append(kill)
            what = f"{kill.executor:10}{kill.victim:7}{'again' if kill.resumed else '':6}"
            when = f"at {kill.share:4.0%}, {kill.shards:3} shards"
            print(f"{len(found):3} {what}{when}: {kill.fault or 'same bytes'}", flush=True)
    print(f"{'executor':12}{'victim':10}{'kills':>6}{'resumes':>9}{'bad':>5}")
    for executor in EXECUTORS:
        for victim in VICTIMS:
            own = [k for k in found if (k.executor, k.victim) == (executor, victim)]
            resumed, bad = sum(k.resumed for k in own), sum(k.fault is not None for k in own)
            print(f"{executor:12}{victim:10}{len(own):6}{resumed:9}{bad:5}")
    bad = sum(kill.fault is not None for kill in found)
    if given.json:
        figures = {"machine": facts, "seed": given.seed, "bad": bad, "kills": found}
        given.json.write_text(json.dumps(figures, indent=1, default=asdict))
    sys.exit(bad > 0)


def synthetic(folder: Path) -> Path:
    """The synthetic releases of the default sources."""
    from chexinstruct.source import registry

    for key in SOURCES:
        (folder / key).mkdir(parents=True)
        registry()[key].sample.write(folder / key)
    return folder


if __name__ == "__main__":
    main()
