"""What was looked for in a study, and what was found."""

from __future__ import annotations

from typing import Literal

import msgspec

from chexinstruct.schema.common import Record

State = Literal["present", "absent", "uncertain"]
"""A fourth state, not mentioned, is a finding of an applied label set without a Label."""

Method = Literal["reader", "report_labeller", "test", "inferred"]
"""A person at the picture; a program on the report; a test other than imaging; our own rule."""

UncertainPolicy = Literal["ignore", "present", "absent"]


class Label(Record, frozen=True, kw_only=True):
    """The state of one finding in one study, by one method."""

    finding: str
    """Canonical name (``chexinstruct.vocabulary``)."""
    state: State = "present"
    method: Method | None = None
    """None: the method of the label set."""
    name: str | None = None
    """The source's own spelling, where it differs from the canonical name."""
    reader: str | None = None
    image: str | None = None
    """Key of the picture the label belongs to; None: the whole study."""
    locations: tuple[str, ...] = ()
    """Where the source says it is: canonical places (``chexinstruct.shared.anatomy``)."""


class LabelSet(Record, frozen=True, kw_only=True):
    """Findings that were looked for together; declared on a source's card.

    A study names the sets that were applied to it. A finding of such a set without a Label means
    ``blank``; a finding of no applied set was not looked for and is never offered as a negative.
    """

    name: str
    findings: tuple[str, ...]
    """Canonical names, in the release's order."""
    kind: Literal["multi", "exclusive", "binary"]
    """``multi``: any number may be present; ``exclusive``: exactly one; ``binary``: one finding,
    present or absent."""
    method: Method
    blank: Literal["absent", "not_mentioned"]
    uncertain: UncertainPolicy = "ignore"
    """Default policy for the state ``uncertain``."""
    uncertain_by_finding: dict[str, UncertainPolicy] = msgspec.field(default_factory=dict)
    """Exceptions to ``uncertain``, where the literature names them."""
    drawn: Literal["none", "some", "all"] = "none"
    """Which present findings carry regions: none, some, or every one of them."""
    shape: Literal["box", "mask", "mixed"] | None = None
    """What was drawn; ``mixed``: boxes, ellipses or polygons, as the reader chose."""
    role: Literal["asked", "context"] = "asked"
    """``context``: no question is about this set, because another source owns its findings; what it
    says is present keeps other findings from being called absent."""
