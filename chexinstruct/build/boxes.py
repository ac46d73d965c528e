"""Regions of a release as boxes in 0..1, and why some of them cannot be."""

from __future__ import annotations

from collections.abc import Mapping

from chexinstruct.images import matches, to_unit
from chexinstruct.regions import visible_box
from chexinstruct.schema import Frame, Region


class Lost(Exception):
    """A candidate that becomes no example or item; ``reason`` is what is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def placed(
    region: Region, sizes: Mapping[str, Frame]
) -> tuple[Frame, tuple[float, float, float, float]]:
    """The region's pixel grid, and its box as x1, y1, x2, y2 in 0..1 of the picture.

    Args:
        region: as released.
        sizes: width and height of each picture as released, by its key; those that were not
            looked at are not among them.

    Raises:
        Lost: the size of the grid is not known or is not the picture's shape, or the region lies
            outside it.
    """
    if region.frame is None:
        raise Lost("no_image_size")
    size = sizes.get(region.image)
    if size is not None and not matches(region.frame, size):
        raise Lost("frame_mismatch")
    visible = visible_box(region)
    box = to_unit(visible, region.frame) if visible else None
    if box is None:
        raise Lost("region_outside")
    return region.frame, box
