"""Jobs over a Dask cluster: one on this machine, or one that a scheduler of a queue has started."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from chexinstruct.build.executor import alone, name_of, return_large_blocks
from chexinstruct.errors import CallError, ChexinstructError

J = TypeVar("J")
R = TypeVar("R")

NOT_INSTALLED = "--executor dask: pip install 'chexinstruct[dask]'"
FAILURES = 3
"""Workers that may die over one job before the build gives up."""
STARTS = 3
"""How often a cluster on this machine is started before the build gives up: it fails as a whole
when a single worker dies meanwhile."""
PER_WORKER = 2
"""Jobs in flight for each worker, so that the scheduler does not hold all of them at once."""


class Dask:
    """Runs jobs on the workers of a Dask cluster, which share cache and output with this process.

    Args:
        workers: of a cluster on this machine, each a process with one thread.
        scheduler: address of a running scheduler, for example ``tls://node7:8786``; ``workers`` is
            then of no account. The certificates are those of Dask's configuration.
        timeout: seconds until nobody answers there.

    Raises:
        CallError: Dask is not installed, nobody answers at the address, or it refuses us.
    """

    def __init__(self, workers: int, scheduler: str | None = None, timeout: float = 30) -> None:
        return_large_blocks()
        self._cluster = _on_this_machine(workers) if scheduler is None else None
        try:
            self._client = _client(self._cluster or scheduler, timeout)
        except TypeError:  # what Dask makes of a tls:// address when it knows no certificate
            raise CallError(
                f"--scheduler {scheduler}: no certificates; name them in Dask's configuration "
                "under distributed.comm.tls, see docs/scaling.md"
            ) from None
        except (OSError, RuntimeError, ValueError) as error:
            raise CallError(f"--scheduler {scheduler}: {error}") from None

    @property
    def local(self) -> bool:
        """See :class:`chexinstruct.build.executor.Executor`."""
        return self._cluster is not None

    @property
    def address(self) -> str:
        """Of the scheduler, for other processes to work with it."""
        return str(self._client.scheduler.address)

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def dismiss(self) -> None:
        """See :class:`chexinstruct.build.executor.Executor`; a cluster is there for others too."""

    def run(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[int, R]]:
        """See :class:`chexinstruct.build.executor.Executor`."""
        from distributed import KilledWorker, as_completed

        numbers: dict[Any, int] = {}
        waiting = iter(enumerate(jobs))
        # Its own default, the loop of the latest client, may have ended.
        running = as_completed(loop=self._client.loop)

        def submit() -> None:
            for number, job in waiting:
                # Not pure: a job is known by what it writes, and is done anew when it is asked for.
                future = self._client.submit(_done, function, job, pure=False)
                numbers[future.key] = number
                running.add(future)
                return

        for _ in range(PER_WORKER * max(1, len(self._client.scheduler_info()["workers"]))):
            submit()
        for future in running:
            try:
                result: R = future.result()
            except KilledWorker:
                job = jobs[numbers[future.key]]
                raise ChexinstructError(
                    f"{FAILURES + 1} workers died over {name_of(job)}; there may be too little "
                    "memory: give each worker more, or start fewer"
                ) from None
            yield numbers.pop(future.key), result
            submit()


def _done(function: Callable[[J], R], job: J) -> R:
    """The result of a job, on a worker."""
    _keep_modules()
    return alone(function, job)


@cache
def _keep_modules() -> None:
    """Have the collector of this worker leave alone what was imported, which stays to the end."""
    gc.freeze()


def _client(scheduler: Any, timeout: float) -> Any:
    """A client of a cluster or an address.

    Raises:
        CallError: Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CallError(NOT_INSTALLED) from None

    class Whole(Client):  # type: ignore[misc]
        """Closed where it can't be started.

        Else it is closed when Python's collector finds it, which may be in the midst of starting
        the next client: under a lock that closing waits for as well.
        """

        def start(self, **given: Any) -> None:
            try:
                super().start(**given)
            except BaseException:
                self.close()
                raise

    return Whole(scheduler, timeout=timeout, set_as_default=False)


def _on_this_machine(workers: int) -> Any:
    """A cluster that only this process can use.

    Whoever reaches a scheduler can run code as its user, and every user of a machine reaches its
    loopback: so all talk needs a certificate, which is made here and is written nowhere. The pages
    that schedulers and workers would show to anyone are left out.

    Raises:
        CallError: there is nothing to make a certificate with.
        ChexinstructError: its workers cannot be started.
    """
    try:
        import dask
        from distributed import LocalCluster
        from distributed.security import Security

        security = Security.temporary()
    except ImportError:
        raise CallError(NOT_INSTALLED) from None
    quiet: dict[str, Any] = {
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        # Nobody sees what they measure, a hundred and a thousand times a second.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.system-monitor.gil.enabled": False,
    }
    why = ""
    with dask.config.set(quiet):
        for _ in range(STARTS):
            try:
                return LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    security=security,
                    memory_limit=None,  # mapped files would count, which cost nothing
                    scheduler_kwargs={"allowed_failures": FAILURES, "dashboard": False},
                    dashboard_address="127.0.0.1:0",  # any port that is free
                    worker_dashboard_address=None,
                )
            except RuntimeError as error:  # it has ended what it had started
                why = str(error).rstrip(".")
    raise ChexinstructError(
        f"--executor dask: its workers could not be started, tried {STARTS} times ({why}); "
        "there may be too little memory: try fewer --workers"
    )
