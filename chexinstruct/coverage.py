"""Which task is asked of which source, here and in the original CheXinstruct."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chexinstruct.build import BuildOptions, build
from chexinstruct.demo import write_releases
from chexinstruct.manifest import Manifest, load_manifest, overridden
from chexinstruct.schema import Lock
from chexinstruct.source import registry, terms
from chexinstruct.tasks import registry as task_registry
from chexinstruct.tasks.needs import NEEDS

UPSTREAM = "chexinstruct-v2"
"""The manifest that has the pairs of the original builder."""
FIGURE = "chexinstruct-v1"
"""The manifest that has the pairs of the first paper's figure."""

MARKS = {
    "U": "as in the original builder",
    "+": "here alone",
    "?": "in the original builder; the releases as published do not give it here",
    "x": "left out of the manifest full, with a reason",
}
"""How a pair stands in the grid."""


class PairCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """A (task, source), and what it takes to have it."""

    task: str
    source: str
    mark: str
    """A key of :data:`MARKS`."""
    v1: bool
    """Whether the figure of the first paper draws it."""
    upstream: bool
    """Whether the original builder makes it."""
    rows: int
    """Made of the synthetic releases, as they are published."""
    left_out: str | None
    """Why the manifest full leaves it out."""
    carries: list[str]
    """What a study of the source must carry."""
    access: str | None
    """The strictest access class of the source and its parents; None: the source is not here."""
    requires: list[str]
    """Sources whose releases are needed beside it."""


def named_pairs(manifest: Manifest) -> set[tuple[str, str]]:
    """The (task, source) that a manifest names."""
    pairs = {} if manifest.pairs == "all" else manifest.pairs
    return {(task, source) for task, sources in pairs.items() for source in sources}


def made_pairs(lock: Lock) -> dict[tuple[str, str], int]:
    """The (task, source) of a corpus that have rows, and how many."""
    rows: dict[tuple[str, str], int] = {}
    for line in lock.ledger:
        if line.rows:
            pair = line.task, line.source
            rows[pair] = rows.get(pair, 0) + line.rows
    return rows


def coverage(lock: Lock) -> list[PairCoverage]:
    """All pairs that are made here, were made upstream, or are left out, by task and source.

    Args:
        lock: of a corpus of the manifest full from the synthetic releases.
    """
    sources, tasks = registry(), task_registry()
    made = made_pairs(lock)
    upstream, figure = (named_pairs(load_manifest(name)) for name in (UPSTREAM, FIGURE))
    reasons: dict[str, str] = lock.manifest["leave_out"]
    left_out = {(n.partition("/")[0], n.partition("/")[2]): why for n, why in reasons.items()}
    found = []
    for task, source in sorted(made.keys() | upstream | figure | left_out.keys()):
        pair = task, source
        is_upstream = pair in upstream
        mark = ("U" if is_upstream else "+") if pair in made else "x" if pair in left_out else "?"
        found.append(
            PairCoverage(
                task=task,
                source=source,
                mark=mark,
                v1=pair in figure,
                upstream=is_upstream,
                rows=made.get(pair, 0),
                left_out=left_out.get(pair),
                carries=[NEEDS[need].what for need in tasks[task].needs] if task in tasks else [],
                access=terms(source, sources).license if source in sources else None,
                requires=list(sources[source].card.requires) if source in sources else [],
            )
        )
    return found


def synthetic_coverage() -> list[PairCoverage]:
    """The coverage, from a corpus without pictures that is built in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        releases = Path(folder) / "releases"
        write_releases(releases)
        manifest = overridden(load_manifest("full"), images="none")
        options = BuildOptions(cache=Path(folder) / "cache")
        return coverage(build(manifest, releases, Path(folder) / "corpus", options))


def render_grid(pairs: Sequence[PairCoverage]) -> str:
    """Tasks down, sources across by number, a mark for each pair."""
    known = task_registry()
    ranks = {name: rank for rank, name in enumerate(known)}
    tasks = sorted({p.task for p in pairs}, key=lambda name: (ranks.get(name, len(ranks)), name))
    sources = sorted({pair.source for pair in pairs})
    marks = {(pair.task, pair.source): pair.mark for pair in pairs}
    width = max(map(len, tasks), default=0)
    numbers = [str(n) for n in range(1, len(sources) + 1)]
    lines = [f"{n:>3} {source}" for n, source in zip(numbers, sources, strict=True)]
    lines += ["", " " * width + "".join(n.rjust(3) for n in numbers)]
    for task in tasks:
        cells = "".join(marks.get((task, source), ".").rjust(3) for source in sources)
        lines.append(task.ljust(width) + cells)
    counted = {mark: sum(pair.mark == mark for pair in pairs) for mark in MARKS}
    lines += ["", *(f"{mark} {what}: {counted[mark]}" for mark, what in MARKS.items())]
    return "\n".join(lines)
