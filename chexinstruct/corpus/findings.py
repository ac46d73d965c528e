"""What a check of a corpus says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Level = Literal["ok", "failed", "not checked"]

TOLD = 3
"""Faults that a finding spells out; the others are counted."""


class Finding(msgspec.Struct, kw_only=True, frozen=True):
    """What one check found."""

    check: str
    level: Level
    message: str
    """One line; names files and ids, never quotes a text of the corpus."""


def judged(check: str, faults: Sequence[str], fine: str) -> Finding:
    """The finding of a check that saw these faults, or none."""
    if not faults:
        return Finding(check=check, level="ok", message=fine)
    more = len(faults) - TOLD
    told = "; ".join(faults[:TOLD]) + (f"; and {more:,} more" if more > 0 else "")
    return Finding(check=check, level="failed", message=told)
