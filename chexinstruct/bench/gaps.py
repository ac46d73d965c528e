"""How many items a bench has of what was published, and why it has no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from chexinstruct.bench.folder import BenchLock
from chexinstruct.bench.item import BenchItem
from chexinstruct.chexbench.choosing import PartLine
from chexinstruct.chexbench.recipe import Part, chexbench

TOLD = 3
"""Reasons that a gap spells out."""


class Gap(msgspec.Struct, kw_only=True, frozen=True):
    """A count that differs from the published one. That is no fault of a bench."""

    what: str
    """Task and source, and the answer where answers are counted."""
    found: int
    published: int
    why: str


class PartCount(msgspec.Struct, kw_only=True, frozen=True):
    """The items of one part of CheXbench."""

    task: str
    subtask: str | None
    source: str
    items: int
    published: int | None
    """None: not known by source."""
    why: str
    """Why there are so many; empty where they are as many as published."""


def part_counts(lock: BenchLock) -> list[PartCount]:
    """All parts of the bench's edition, in its order; those without items too."""
    if lock.upstream is not None:
        return [
            PartCount(
                task=line.task,
                subtask=line.subtask,
                source=line.source,
                items=line.items,
                published=line.published,
                why=_most("so the file has it", line.reasons),
            )
            for line in lock.parts
        ]
    return [
        PartCount(
            task=part.task,
            subtask=part.subtask,
            source=part.source,
            items=line.items if line else 0,
            published=part.published,
            why="" if line and line.items == part.published else _reason(lock, part, line),
        )
        for part, line in _parts(lock)
    ]


def gaps(lock: BenchLock, items: Sequence[BenchItem]) -> Iterator[Gap]:
    """Every count that differs from the published one.

    Args:
        lock: of a bench.
        items: of that bench.
    """
    if lock.upstream is not None:
        yield from _imported_gaps(lock, items)
        return
    for part, line in _parts(lock):
        found = line.items if line else 0
        if part.published is not None and found != part.published:
            why = _reason(lock, part, line)
            yield Gap(what=part.name, found=found, published=part.published, why=why)
        yield from _answer_gaps(part, line)
    yield from _total_gaps(lock, items, "how many of each source were published is not known")


def _known(lock: BenchLock) -> list[Part]:
    return [part for part in chexbench().parts if lock.edition in part.editions]


def _parts(lock: BenchLock) -> list[tuple[Part, PartLine | None]]:
    """The parts of the edition, each with its account in the bench."""
    lines = {(p.task, p.subtask, p.source): p for p in lock.parts}
    return [(part, lines.get((part.task, part.subtask, part.source))) for part in _known(lock)]


def _reason(lock: BenchLock, part: Part, line: PartLine | None) -> str:
    if line is None:
        return lock.skipped_sources.get(part.source, "the bench has no such part")
    return _why(line)


def _imported_gaps(lock: BenchLock, items: Sequence[BenchItem]) -> Iterable[Gap]:
    """By task and source: the authors' file tells no part of ours."""
    published: Counter[tuple[str, str]] = Counter()
    for part in _known(lock):
        published[part.task, part.source] += part.published or 0
    found = Counter((item.task, item.source) for item in items)
    lost = {(line.task, line.source): line.reasons for line in lock.parts}
    for (task, source), n in published.items():
        if n and found[task, source] != n:
            why = _most("so the file has it", lost.get((task, source), {}))
            yield Gap(what=f"{task}/{source}", found=found[task, source], published=n, why=why)
    yield from _total_gaps(lock, items, "so the file has it")


def _total_gaps(lock: BenchLock, items: Sequence[BenchItem], why: str) -> Iterable[Gap]:
    by_task = Counter(item.task for item in items)
    for task, published in chexbench().totals.items() if lock.edition == "v2" else ():
        if by_task[task] != published:
            yield Gap(what=task, found=by_task[task], published=published, why=why)


def _answer_gaps(part: Part, line: PartLine | None) -> Iterable[Gap]:
    for side, published in part.answers.items():
        found = line.answers.get(side, 0) if line else 0
        if line and found != published:
            what = f"{part.name}, answer {side}"
            yield Gap(what=what, found=found, published=published, why=_why(line))


def _why(line: PartLine) -> str:
    """What became of the studies and candidates that gave no item, the most frequent first."""
    if not line.used:
        return _most("no study is eligible", line.left_out)
    if line.shortfall:
        wanted = sum(line.shortfall.values())
        return _most(f"{wanted:,} wanted items are not there", line.reasons)
    return _most("all that the recipe takes", line.reasons)


def _most(head: str, reasons: dict[str, int]) -> str:
    ordered: Sequence[tuple[str, int]] = Counter(reasons).most_common(TOLD)
    told = ", ".join(f"{reason} {n:,}" for reason, n in ordered)
    return f"{head} ({told})" if told else head
