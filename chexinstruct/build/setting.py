"""What every stage of one build shares."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from tqdm import tqdm

from chexinstruct.reports import DEFAULT_LEAKS, LeakClass

if TYPE_CHECKING:
    from chexinstruct.build.executor import Executor
    from chexinstruct.build.home import Home
    from chexinstruct.manifest import Manifest
    from chexinstruct.source import Source
    from chexinstruct.tasks import Task
    from chexinstruct.templating import Templates

J = TypeVar("J")
R = TypeVar("R")


class Part(NamedTuple):
    """The share of one of several processes that build a corpus together."""

    number: int
    """From 1."""
    of: int

    def has(self, index: int) -> bool:
        """Whether the job of that number, or of that hash, is of this share."""
        return index % self.of == self.number - 1


@dataclass(frozen=True)
class BuildOptions:
    """How a build runs; the manifest says what it makes."""

    workers: int = 1
    cache: Path | None = None
    """None: the user's own cache folder."""
    progress: bool = False
    source_dirs: Mapping[str, str] = field(default_factory=dict)
    """Places of sources that do not lie in the data root."""
    available: bool = False
    """Build what is there and leave out the sources that are not."""
    on_missing_image: Literal["fail", "skip"] = "fail"
    executor: Literal["processes", "dask"] = "processes"
    scheduler: str | None = None
    """Address of a running Dask scheduler; None: a cluster of ``workers`` on this machine."""
    part: Part | None = None
    """Make only this share of the pictures and shards, and leave the corpus unsealed."""
    wait: float = 30.0
    """Minutes that a part waits for pictures of the others while none of them makes any."""


@dataclass(frozen=True)
class Rules:
    """What of the manifest changes facts; also the policies that tasks see."""

    seed: int
    consensus: str
    uncertain: str
    text: str
    languages: tuple[str, ...]
    pictures: bool
    """False: the corpus has no pictures, so a missing file is no loss."""
    leaks: tuple[LeakClass, ...] = DEFAULT_LEAKS
    """The classes of sentences that ``clean`` drops."""
    listed: bool = False
    """True: nothing is built; pictures that are not here count as if they were, to tell which ones
    a build would show."""

    @property
    def at_hand(self) -> bool:
        """Whether tasks see no other pictures than those that are here."""
        return self.pictures and not self.listed


@dataclass(frozen=True)
class Setting:
    """One build: its recipe, its registries, and the means to run jobs."""

    manifest: Manifest
    rules: Rules
    data_root: str
    home: Home
    """Where the corpus stands."""
    cache: Path
    options: BuildOptions
    sources: Mapping[str, Source]
    tasks: Mapping[str, Task]
    """Those of the manifest."""
    templates: Templates
    executor: Executor

    def run(
        self, title: str, function: Callable[[J], R], jobs: Sequence[J]
    ) -> Iterator[tuple[int, R]]:
        """(number of the job, result) as they come, with a progress bar of jobs."""
        with self.bar(title, len(jobs)) as bar:
            for number, result in self.executor.run(function, jobs):
                bar.update()
                yield number, result

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Any]:
        """A progress bar on the error stream."""
        hidden = not self.options.progress or total == 0
        with tqdm(desc=title, total=total, file=sys.stderr, disable=hidden, leave=False) as bar:
            yield bar
