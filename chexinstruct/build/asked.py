"""What a manifest asks for, held against the tasks and sources that there are."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Literal

from chexinstruct.errors import CallError
from chexinstruct.manifest import Manifest
from chexinstruct.tasks import Task


def asked_tasks(manifest: Manifest, known: Mapping[str, Task]) -> dict[str, Task]:
    """The tasks of the manifest.

    Raises:
        CallError: a task is unknown, or has no pair.
    """
    if manifest.tasks != "all":
        unknown = sorted(set(manifest.tasks) - known.keys())
        if unknown:
            raise CallError(f"unknown task {unknown[0]!r}; `chexinstruct tasks` lists them")
    tasks = {
        name: task
        for name, task in known.items()
        if (manifest.tasks == "all" or name in manifest.tasks)
        and (manifest.pairs == "all" or name in manifest.pairs)
    }
    if not tasks:
        raise CallError(f"nothing to build: the pairs of {manifest.name} have none of these tasks")
    return tasks


def asked_sources(manifest: Manifest, tasks: Container[str]) -> Literal["all"] | tuple[str, ...]:
    """The sources that some pair of these tasks is made of; ``all`` for whatever is found.

    Raises:
        CallError: the manifest has no pair of its sources and these tasks.
    """
    if manifest.pairs == "all":
        return manifest.sources
    paired = dict.fromkeys(
        source for task, sources in manifest.pairs.items() if task in tasks for source in sources
    )
    if manifest.sources == "all":
        return tuple(paired)
    asked = tuple(source for source in manifest.sources if source in paired)
    if not asked:
        raise CallError(
            f"nothing to build: the pairs of {manifest.name} are of {', '.join(sorted(paired))}"
        )
    return asked


def check_names(manifest: Manifest, tasks: Container[str], sources: Container[str]) -> None:
    """Refuse what names no task and no source: a misspelt name would change nothing in silence.

    Raises:
        CallError: all such names, by field.
    """

    def is_pair(name: str) -> bool:
        task, _, source = name.partition("/")
        return task in tasks and source in sources

    def wrong(field: str, what: str, names: Iterable[str]) -> str | None:
        told = ", ".join(map(repr, names))
        return f"{field}: {told} is {what}" if told else None

    pairs = {} if manifest.pairs == "all" else manifest.pairs
    weights = manifest.mixture.weights if manifest.mixture else {}
    named = dict.fromkeys(source for chosen in pairs.values() for source in chosen)
    problems = [
        wrong("pairs", "no task", (name for name in pairs if name not in tasks)),
        wrong("pairs", "no source", (name for name in named if name not in sources)),
        wrong("leave_out", "no task/source", (n for n in manifest.leave_out if not is_pair(n))),
        wrong(
            "sampling",
            "no task, no source and no task/source",
            (n for n in manifest.sampling if not (n in tasks or n in sources or is_pair(n))),
        ),
        wrong(
            "mixture.weights",
            "no task and no task/source",
            (name for name in weights if not (name in tasks or is_pair(name))),
        ),
    ]
    told = "; ".join(problem for problem in problems if problem)
    if told:
        raise CallError(f"{told}; `chexinstruct tasks` and `chexinstruct sources` list them")
