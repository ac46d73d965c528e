"""What was done to a corpus after its build, in words."""

from __future__ import annotations

from chexinstruct.markdown import table
from chexinstruct.schema import Lock
from chexinstruct.schema.lock import Filtered


def filters(lock: Lock) -> str:
    """What was taken out after the build, one line a filter."""
    return "\n".join(
        f"Filtered from the corpus whose lock has the SHA-256 `{step.parent}`, "
        f"keeping {'; '.join(kept(step))}. "
        "The table from releases to studies is that of the build.\n"
        for step in lock.filtered
    )


def mixtures(lock: Lock) -> str:
    """How built corpora were mixed, and what is repeated, a paragraph and a table a mixture."""
    texts = []
    for step in lock.mixed:
        parents = ", ".join(
            f"{parent.manifest['name']} {parent.manifest['version']} (lock `{parent.lock}`)"
            for parent in step.parents
        )
        repeated = sum(share.repeated for share in step.shares)
        again = (
            f"**{repeated:,} rows of train are repetitions**: the same row stands there again, "
            "with `#2`, `#3`, ... behind its id."
            if repeated
            else "No row is repeated."
        )
        rows = [
            [s.name, "" if s.weight is None else f"{s.weight:g}", s.available, s.rows, s.repeated]
            for s in step.shares
        ]
        head = ["task, or pair", "weight", "available", "rows", "of them repeated"]
        told = f"Train was mixed from {parents}, seed {step.seed}. {again}"
        texts.append(f"{told}\n\n{table(head, rows)}")
    return "\n".join(texts)


def kept(step: Filtered) -> list[str]:
    """What a filter kept, a phrase a condition."""
    asked = [
        ("tasks", step.tasks),
        ("sources", step.sources),
        ("splits", step.splits),
        ("licence classes", step.licenses),
        ("languages", step.languages),
        ("pictures that are all", step.views),
        ("findings", step.findings),
    ]
    parts = [f"{what} {', '.join(names)}" for what, names in asked if names]
    if step.redistributable:
        parts.append("rows that may be passed on")
    if step.where is not None:
        parts.append(f"rows with `{step.where}`")
    if step.withdrawn is not None:
        parts.append(f"what a list of {step.withdrawn.names:,} withdrawals does not name")
    return parts
