"""A picture of a study."""

from __future__ import annotations

from typing import Literal

from chexinstruct.schema.common import Record

View = Literal["PA", "AP", "LATERAL", "LL", "OBLIQUE", "DECUBITUS", "AP AXIAL", "OTHER"]
"""Projection. LL is the left lateral where a source tells it apart from LATERAL."""

ViewSource = Literal["table", "header", "filename", "caption", "inferred"]


class Image(Record, frozen=True, kw_only=True):
    """One picture, never its pixels.

    ``width`` and ``height`` are pixels of the released file, known from a table or a file header;
    loaders do not open pixels, so they are often ``None``.
    """

    key: str
    """Unique inside the source; the name the release uses for the picture."""
    path: str | None
    """Path inside the release, or None when this copy of the release does not hold the file."""
    published: str | None = None
    """Path in the publisher's own layout, where each picture is a file of its own there and a table
    tells which; the file may lie elsewhere in this copy, or not be here yet."""
    release: str | None = None
    """Key of the source whose release holds the file; None for the study's own source."""
    width: int | None = None
    height: int | None = None
    view: View | None = None
    view_name: str | None = None
    """The projection as the release spells it."""
    view_source: ViewSource | None = None
    laterality: str | None = None
    inverted: bool = False
    """Low values are bright, as in MONOCHROME1: a table says so of a file that cannot, such as a
    PNG. DICOM files say it themselves."""
    window: tuple[float, float] | None = None
    """Center and width of the display window in stored values, where a table gives them for a
    file of more than 8 bits that cannot."""
    role: Literal["current", "prior"] = "current"
