"""Who works on a corpus: one build alone, or several parts of one, each with its own share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from chexinstruct.build.cluster import Dask
from chexinstruct.build.executor import Executor, Processes
from chexinstruct.build.setting import BuildOptions, Part
from chexinstruct.errors import CallError, Unfinished

WHOLE = "lock"
PROBE = 10.0
"""Seconds; parts look for one another's locks for a moment, which is no reason to give up."""


class Share(msgspec.Struct, frozen=True):
    """What a part has done."""

    part: int
    of: int
    written: int
    """Shards of its share that stand now."""
    standing: int
    """Shards of the corpus that stand now, whoever wrote them."""
    shards: int
    """Shards of the corpus."""


def executor_of(options: BuildOptions, *, at_once: bool = False) -> Executor:
    """What runs the jobs of a build.

    Args:
        options: of the build.
        at_once: start all processes now, for there is work for them.
    """
    if options.executor == "dask":
        return Dask(options.workers, options.scheduler)
    if options.scheduler is not None:
        raise CallError("--scheduler goes with --executor dask")
    return Processes(options.workers, ahead="chexinstruct.build.shards" if at_once else None)


@contextmanager
def taken(work: Path, part: Part | None) -> Iterator[None]:
    """Hold a corpus for one build, or for one part beside other parts.

    The locks are the kernel's, so those of killed processes are free.

    Raises:
        CallError: somebody else holds it.
    """
    with ExitStack() as stack:
        if part is None:
            _hold(stack, work / WHOLE, "another build", work.parent)
            for held in sorted(work.glob("part-*")):
                with ExitStack() as probe:
                    _hold(probe, held, "a part of a build", work.parent)
        else:
            name = f"part-{part.number}-of-{part.of}"
            _hold(stack, work / name, "the same part", work.parent)
            with ExitStack() as probe:
                _hold(probe, work / WHOLE, "another build", work.parent, PROBE)
        yield


def _hold(stack: ExitStack, path: Path, who: str, folder: Path, timeout: float = 0) -> None:
    try:
        stack.enter_context(FileLock(path, timeout=timeout))
    except Timeout:
        raise CallError(f"{who} is writing to {folder}; wait for it to end") from None


def not_there(left: int, minutes: float) -> Unfinished:
    """The error of a part whose pictures others have not made."""
    return Unfinished(
        f"{left:,} pictures of other parts are not made yet, and none was in {minutes:g} minutes; "
        "run the other parts, then this one again (what is finished is kept)"
    )
