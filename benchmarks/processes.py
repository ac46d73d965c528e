"""Processes of a command: which they are, what they cost, and the machine that they ran on."""

from __future__ import annotations

import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

EVERY = 0.05
"""Seconds between two looks at the processes of a command."""
TICKS = os.sysconf("SC_CLK_TCK")
LIBRARIES = ("datasets", "distributed", "duckdb", "numpy", "pillow", "pyarrow")


def machine() -> dict[str, Any]:
    """What figures depend on, for the record."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "load": [round(value, 2) for value in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in LIBRARIES},
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def said(facts: Mapping[str, Any]) -> str:
    """The machine in a line."""
    load = ", ".join(f"{value:.1f}" for value in facts["load"])
    return f"{facts['cpus']} CPUs, load {load}, Python {facts['python']}"


def members(group: int) -> list[int]:
    """Processes of a process group that are still at work, sorted."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(status.parent.name))
    return sorted(found)


def workers(group: int) -> list[int]:
    """Those of a group that were spawned to do jobs."""
    found = []
    for pid in members(group):
        try:
            call = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in call:
            found.append(pid)
    return found


def end(group: int) -> None:
    """Kill all of a process group; none of it is no error."""
    for pid in members(group):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def anonymous(pid: int) -> int:
    """Anonymous memory of a process in kB, mapped files left out; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, without its children; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass
class Cost:
    """What a command took."""

    wall: float = 0.0
    """Seconds."""
    cpu: float = 0.0
    """User and system seconds of the command and all below it."""
    parent: float = 0.0
    """Most anonymous memory of the command's own process, in MB."""
    child: float = 0.0
    """Most anonymous memory of any process below it, in MB."""
    load: list[float] = field(default_factory=list)
    """Load average of the machine when it began."""

    @property
    def peak(self) -> float:
        """Most anonymous memory of one process, in MB."""
        return max(self.parent, self.child)


class Failed(Exception):
    """A command that ended with an error, or did not end."""


def run(
    command: Sequence[str],
    log: Path,
    *,
    limit: float,
    kill_after: float | None = None,
    cwd: Path | None = None,
) -> Cost:
    """Run a command and measure it.

    Args:
        command: and its arguments.
        log: file that its output is added to.
        limit: seconds after which it is taken to hang, and killed.
        kill_after: seconds after which it is killed together with all below it, on purpose.
        cwd: its folder.

    Raises:
        Failed: it ended with an error, or hung.
    """
    cost = Cost(load=list(os.getloadavg()))
    spent: dict[int, float] = {}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    with log.open("ab") as output:
        running = subprocess.Popen(
            command, cwd=cwd, stdout=output, stderr=output, start_new_session=True
        )
    killed = False
    try:
        while running.poll() is None:
            for pid in members(running.pid):
                spent[pid] = max(spent.get(pid, 0.0), cpu_seconds(pid))
                size = anonymous(pid) / 1024
                if pid == running.pid:
                    cost.parent = max(cost.parent, size)
                else:
                    cost.child = max(cost.child, size)
            past = time.monotonic() - begun
            if past > limit:
                raise Failed(f"{command[0]} hangs, see {log}")
            killed = kill_after is not None and past >= kill_after
            if killed:
                break
            time.sleep(EVERY)
    finally:
        end(running.pid)
        running.wait()
    cost.wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Those that nobody waited for, because their parent was killed, are known from the last look.
    cost.cpu = max(waited, sum(spent.values()))
    if running.returncode and not killed:
        raise Failed(f"it ends with {running.returncode}: {log.read_text()[-500:]}")
    return cost


def chexinstruct(*arguments: str) -> list[str]:
    """The command beside this interpreter."""
    return [str(Path(sys.executable).with_name("chexinstruct")), *arguments]
