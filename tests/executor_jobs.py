"""Jobs for tests of the executor, in a module that its workers can import."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

from chexinstruct.errors import CallError
from chexinstruct.quality import Counted, CountJob
from chexinstruct.quality.jobs import count


class Job(NamedTuple):
    number: int
    flag: str


class Named(NamedTuple):
    name: str


def square(n: int) -> int:
    return n * n


def die_once(job: Job) -> int:
    """The third job kills its worker the first time, as the kernel does when memory is short."""
    if job.number == 2 and not Path(job.flag).exists():
        Path(job.flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job.number


def is_loaded(module: str) -> tuple[int, bool]:
    return os.getpid(), module in sys.modules


def unlucky(n: object) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return n


def fail(n: int) -> int:
    raise CallError(f"job {n} is wrong")


def die_after_counting(job: CountJob) -> Counted:
    """The first job kills its worker the first time, when all that it counts is written."""
    counted = count(job)
    killed = Path(os.environ["KILLED"])
    if not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return counted
