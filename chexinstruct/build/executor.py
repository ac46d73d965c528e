"""Runs jobs in this process or over spawned ones; a broken pool is made anew."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Protocol, TypeVar

from chexinstruct.errors import ChexinstructError

J = TypeVar("J")
R = TypeVar("R")

REBUILDS = 3
"""How often a broken pool is made anew without a single job done before the build gives up."""


LARGE_BLOCK = 4 << 20
"""Bytes; freed blocks from this size on go back to the system at once."""
SPARE = 8 << 20
"""Bytes; what is free beyond this at the end of the heap does too."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def return_large_blocks() -> None:
    """Keep the arrays of one stage from staying in the process for the rest of the build.

    glibc raises the size from which it gives blocks back to that of the largest block freed so
    far, up to 32 MiB (mallopt(3)); this fixes it. Smaller ones are kept, else every picture of
    1024 x 1024 would get all its memory anew: a twentieth of its time. Other C libraries are left
    alone.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)
            libc.mallopt(_M_TRIM_THRESHOLD, SPARE)


def give_back() -> None:
    """Return the memory that nobody uses to the system.

    What Arrow and the C library keep for later would add up over stages of different shapes.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # glibc; blocks between two that are used


def alone(function: Callable[[J], R], job: J) -> R:
    """The result of a job that leaves no memory behind."""
    try:
        return function(job)
    finally:
        give_back()


@contextmanager
def without_collector() -> Iterator[None]:
    """Leave the collector of cycles out of work on millions of records, which hold none.

    It would go through the rows that wait to be written again and again: a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _start_worker(ahead: str | None) -> None:
    """Make this worker end when its builder is killed: it would wait for jobs for ever.

    Args:
        ahead: a module to import before the first job asks for it.
    """
    return_large_blocks()
    if sys.platform == "linux":
        # The watch below waits for Python's lock, which a library may hold for minutes.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if ahead is not None:
        with without_collector():
            import pyarrow as pa

            import_module(ahead)
            pa.array([])  # the first makes Arrow load pandas, where it is installed
        gc.freeze()  # modules stay to the end; the collector need not look at them, nor then


def _nothing() -> None:
    """A job that makes a pool start one more worker."""


def name_of(job: object) -> str:
    """What a user knows a job by: its shard or file, else its source."""
    named = (getattr(job, field, None) for field in ("name", "source", "release"))
    return str(next(filter(None, named), "a job without a name"))


class Executor(Protocol):
    """Runs functions over jobs; a context manager."""

    @property
    def local(self) -> bool:
        """Whether all workers are of this machine, and see its folder for temporary files."""

    def __enter__(self) -> Executor: ...

    def __exit__(self, *_: object) -> None: ...

    def run(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[int, R]]:
        """(number of the job, result) as they come; jobs are idempotent, so a retry is safe.

        Raises:
            ChexinstructError: workers died again and again, for example for want of memory.
        """

    def dismiss(self) -> None:
        """Let the workers end while this process goes on; jobs that come yet start others."""


class Processes:
    """Jobs in this process, or over spawned ones.

    Args:
        workers: 1: in this process; more: as many spawned processes. Processes are spawned, never
            forked: a fork of a process with threads inside libraries can hang for ever.
        ahead: a module with what jobs need. The workers start at once then and import it, while
            this process prepares the jobs; else they start when there are jobs.
    """

    local = True

    def __init__(self, workers: int, ahead: str | None = None) -> None:
        return_large_blocks()
        self.workers = workers
        self._ahead = ahead
        self._pool: ProcessPoolExecutor | None = None
        self._leaving: list[threading.Thread] = []

    def __enter__(self) -> Processes:
        if self._ahead is not None and self.workers > 1:
            self._pool = self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()
        for thread in self._leaving:
            thread.join()

    def _start(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            self.workers, multiprocessing.get_context("spawn"), _start_worker, (self._ahead,)
        )
        if self._ahead is not None:
            # A pool starts a worker for each job that finds no idle one: the second not before the
            # first is busy, but for these.
            with suppress(BrokenProcessPool):  # run() will see, and start another
                for _ in range(self.workers):
                    pool.submit(_nothing)
        return pool

    def dismiss(self) -> None:
        """See :class:`Executor`."""
        if self._pool is not None:
            leaving = threading.Thread(target=self._pool.shutdown, kwargs={"cancel_futures": True})
            leaving.start()
            self._leaving.append(leaving)
            self._pool = None

    def run(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[int, R]]:
        """See :class:`Executor`."""
        if self.workers == 1 or not jobs:
            for number, job in enumerate(jobs):
                yield number, alone(function, job)
            return
        left = dict(enumerate(jobs))
        in_vain = 0
        while in_vain < REBUILDS:
            before = len(left)
            if self._pool is None:
                self._pool = self._start()
            try:
                yield from self._finish(function, left)
            except BrokenProcessPool:
                self.dismiss()
            if not left:
                return
            in_vain = in_vain + 1 if len(left) == before else 0
        raise ChexinstructError(
            f"workers died {REBUILDS} times in a row, {len(left)} jobs are left, among them "
            f"{name_of(next(iter(left.values())))}; there may be too little memory: "
            "try fewer --workers"
        )

    def _finish(self, function: Callable[[J], R], left: dict[int, J]) -> Iterator[tuple[int, R]]:
        """Run what is left, taking out of it what is done."""
        assert self._pool is not None
        waiting = iter(list(left.items()))
        running: dict[Future[Any], int] = {}
        # Few jobs in flight, so that big job descriptions are not all pickled at once.
        room = 2 * self.workers
        while True:
            for number, job in waiting:
                running[self._pool.submit(alone, function, job)] = number
                if len(running) >= room:
                    break
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number = running.pop(future)
                result = future.result()
                del left[number]
                yield number, result
