"""What was done to a corpus after its build, in words."""

from __future__ import annotations

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
