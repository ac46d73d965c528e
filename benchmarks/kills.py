"""Builds killed at random moments: they must end with the bytes of an undisturbed build.

Each round starts a build, kills it, one of its workers, or in turn a worker of its Dask cluster,
after a drawn time, and runs it again until it ends. A round counts as bad when a process is left
behind, when the build hangs, or when any file of the corpus differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HANGS = 300.0
"""Seconds after which a build that should have ended is taken to hang."""


def digests(corpus: Path) -> dict[str, str]:
    return {
        path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(corpus.rglob("*"))
        if path.is_file() and ".build" not in path.parts
    }


def members(group: int) -> list[int]:
    """Processes of a process group that are still at work, the leader first."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(status.parent.name))
    return sorted(found)


class Builds:
    """Builds of one data root."""

    def __init__(self, data_root: Path, sources: list[str]) -> None:
        self.call = [str(Path(sys.executable).with_name("chexinstruct")), "build", "full"]
        self.call += ["--data-root", str(data_root), "--on-missing-image", "skip"]
        for source in sources:
            self.call += ["--source", source]

    def start(self, folder: Path, executor: str) -> subprocess.Popen[bytes]:
        places = ["--out", str(folder / "corpus"), "--cache", str(folder / "cache")]
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*self.call, *places, "--workers", "2", "--executor", executor],
                start_new_session=True,
                stdout=log,
                stderr=log,
            )


def finish(builds: Builds, folder: Path, executor: str) -> str | None:
    """Run to the end; what went wrong, if anything."""
    running = builds.start(folder, executor)
    try:
        code = running.wait(HANGS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        return "it hangs"
    return None if code == 0 else f"it ends with {code}: {(folder / 'log').read_text()[-300:]}"


def disturb(
    builds: Builds, folder: Path, executor: str, victim: str, after: float
) -> tuple[str, str | None]:
    """Kill something after so many seconds; what was hit, and what went wrong."""
    running = builds.start(folder, executor)
    try:
        running.wait(after)
        return "nothing: it was done", None
    except subprocess.TimeoutExpired:
        pass
    if victim == "parent":
        running.kill()
        running.wait()
        end = time.monotonic() + 20
        while members(running.pid) and time.monotonic() < end:
            time.sleep(0.05)
        left = members(running.pid)
        for process in left:
            os.kill(process, signal.SIGKILL)
        return "parent", f"{len(left)} processes are left behind" if left else None
    others = [process for process in members(running.pid) if process != running.pid]
    if others:
        try:
            os.kill(others[-1], signal.SIGKILL)
        except ProcessLookupError:
            others = []
    try:
        running.wait(HANGS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        return "worker", "it hangs"
    return "worker" if others else "nothing: no worker yet", None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_root", type=Path, help="for example the releases of a demo")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    sources = given.source or ["mimic_cxr", "ms_cxr", "nih_chestxray14", "siim_pneumothorax"]
    builds = Builds(given.data_root, sources)
    chance = random.Random(given.seed)
    rounds = []
    with tempfile.TemporaryDirectory() as scratch:
        undisturbed = Path(scratch) / "undisturbed"
        undisturbed.mkdir()
        begun = time.monotonic()
        if fault := finish(builds, undisturbed, "processes"):
            sys.exit(fault)
        length = time.monotonic() - begun
        expected = digests(undisturbed / "corpus")
        print(f"undisturbed: {length:.1f} s, {len(expected)} files")
        for number in range(given.kills):
            executor = ("processes", "dask")[number % 2]
            victim = ("parent", "worker")[number // 2 % 2]
            folder = Path(scratch) / str(number)
            folder.mkdir()
            after = chance.uniform(0.2, 1.1) * length
            hit, fault = disturb(builds, folder, executor, victim, after)
            fault = fault or finish(builds, folder, executor)
            if fault is None and digests(folder / "corpus") != expected:
                fault = "other bytes"
            rounds.append(
                {"executor": executor, "hit": hit, "after": round(after, 2), "fault": fault}
            )
            print(f"{number + 1:3} {executor:10} {hit:24} after {after:5.1f} s: {fault or 'same'}")
            shutil.rmtree(folder)
    bad = sum(entry["fault"] is not None for entry in rounds)
    print(f"{given.kills} kills, {bad} bad")
    if given.json:
        given.json.write_text(json.dumps(rounds, indent=1))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
