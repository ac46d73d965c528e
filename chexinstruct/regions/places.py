"""Where in its frame a region lies, whatever its shape."""

from __future__ import annotations

from chexinstruct.regions.boxes import area, clip
from chexinstruct.regions.masks import rle_polygons
from chexinstruct.regions.shapes import Rings, clip_ring, ellipse_ring, polygon_box
from chexinstruct.schema import Box, Frame, Region


def _frame(region: Region) -> Frame:
    if region.frame is None:
        raise ValueError("a region without a frame has no place in the picture")
    return region.frame


def outline(region: Region) -> Rings:
    """Rings around what of a region lies inside its frame; none for a box, which is its own.

    Masks follow the edges of their pixels, ellipses become rings of
    :data:`~chexinstruct.regions.ELLIPSE_POINTS` corners, polygons keep theirs.

    Raises:
        ValueError: the frame is not known, or run lengths do not fit it.
    """
    frame = _frame(region)
    match region.shape:
        case "box":
            return ()
        case "mask":
            return rle_polygons(region.rle, frame)
        case "ellipse":
            rings: Rings = (ellipse_ring(region.box),)
        case "polygon":
            rings = region.rings
    cut = (clip_ring(ring, frame) for ring in rings)
    # What only touches the edge leaves a line there. The box tells; a ring that crosses itself may
    # have an area of 0.
    return tuple(ring for ring in cut if ring and area(polygon_box((ring,))) > 0)


def visible_box(region: Region) -> Box | None:
    """The tight box of what of a region lies inside its frame; None when no area of it does.

    Raises:
        ValueError: the frame is not known.
    """
    frame = _frame(region)
    inside = clip(region.box, frame)
    if inside is None or inside == region.box or region.shape in ("box", "mask"):
        return inside
    # The corner of an ellipse or polygon that reaches over the edge may be empty.
    rings = outline(region)
    return polygon_box(rings) if rings else None
