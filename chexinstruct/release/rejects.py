"""What could not be used of a release: counted without end, listed up to a bound."""

from __future__ import annotations

import re
from collections import Counter

from chexinstruct.schema.common import Record

KEPT = 10_000
"""Records kept of each reason; the counts go on."""
DETAIL = 300
"""Characters of a detail."""

_REASON = re.compile(r"[a-z][a-z0-9_]*")


class Reject(Record, frozen=True, kw_only=True):
    """A file, or a row of one, that was set aside."""

    path: str
    """Inside the release."""
    row: int | None = None
    """Line of the file from 1, where the file has rows."""
    reason: str
    """In snake_case."""
    detail: str = ""
    """For people; never text of a report."""
    expected: bool = False
    """True for what is known to be bad in the official release."""


class RejectLog:
    """The rejects of one reading of a release."""

    def __init__(self) -> None:
        self.records: list[Reject] = []
        self.counts: Counter[tuple[str, bool]] = Counter()

    def add(
        self, path: str, row: int | None, reason: str, detail: str = "", *, expected: bool = False
    ) -> None:
        """Count a reject and keep it while there is room.

        Raises:
            ValueError: the reason is not in snake_case.
        """
        if not _REASON.fullmatch(reason):
            raise ValueError(f"reason {reason!r} is not in snake_case")
        self.counts[reason, expected] += 1
        if self.counts[reason, expected] <= KEPT:
            record = Reject(
                path=path, row=row, reason=reason, detail=detail[:DETAIL], expected=expected
            )
            self.records.append(record)
