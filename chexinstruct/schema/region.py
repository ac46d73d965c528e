"""A place in a picture."""

from __future__ import annotations

from typing import Literal

from chexinstruct.schema.common import Record

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2): pixel edges, x right and y down from the top left corner; x2 and y2 lie past
the last pixel."""

Frame = tuple[int, int]
"""(width, height) of a pixel grid."""


class Region(Record, frozen=True, kw_only=True):
    """A box, ellipse, polygon or mask, in pixels of its ``frame``.

    Numbers stay as released. ``frame`` is the grid they live in, which need not be the size of the
    file at hand; without it (None) no box text is made.
    """

    image: str
    """Key of the picture."""
    shape: Literal["box", "ellipse", "polygon", "mask"]
    box: Box
    """The box, or what encloses the ellipse (its axes are those of the box), polygon or mask."""
    frame: Frame | None
    rings: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Polygon: closed rings of (x, y) points, the last point not repeated."""
    rle: tuple[int, ...] = ()
    """Mask: run lengths, column by column, alternating background and foreground and starting with
    background (the COCO uncompressed form)."""
    label: str | None = None
    """Canonical finding."""
    name: str | None = None
    """The source's own label, where it differs."""
    phrase: str | None = None
    reader: str | None = None


class Comparison(Record, frozen=True, kw_only=True):
    """How a finding changed between prior and current pictures."""

    id: str
    finding: str
    change: Literal["improving", "stable", "worsening"]
    prior: tuple[str, ...]
    """Keys of the prior pictures, among the study's own."""
    current: tuple[str, ...]
    quality: str | None = None
