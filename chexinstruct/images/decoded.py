"""What the decoders hand over, and the bounds they keep."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from chexinstruct.images.errors import BadImage
from chexinstruct.schema import Box, Frame

MAX_PIXELS = 100_000_000
"""About three times the largest digitised chest film, and below Pillow's own limit."""

MAX_SIDE = 65_500
"""Pixels; the longest side that JPEG can store."""


class Decoded(NamedTuple):
    """A picture in 8-bit grey, before it is scaled."""

    picture: Image.Image
    """Mode L; perhaps already at a fraction of the released size, where the codec can."""
    source: Frame
    """Released size, pixels."""
    box: Box
    """The part of ``picture``, in its pixels, that is the whole released picture."""
    steps: str
    """What was done, in a few words."""


def check_size(width: int, height: int) -> None:
    """Refuse a picture by the size in its header, before anything is decoded.

    Raises:
        BadImage: ``invalid_header`` for a side of 0, ``oversized_image`` past the bounds.
    """
    if width < 1 or height < 1:
        raise BadImage("invalid_header", f"the header gives a size of {width} x {height} pixels")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise BadImage(
            "oversized_image",
            f"the picture has {width} x {height} pixels; "
            f"at most {MAX_PIXELS:,} and {MAX_SIDE:,} a side are read",
        )
