"""Boxes, ellipses, polygons, masks, what several readers agree on, and boxes as text.

All numbers are pixel edges of a frame (x right, y down, ``x2`` and ``y2`` past the last pixel)
unless a name says ``unit``: then they are 0..1 of that frame.
"""

from chexinstruct.regions.boxes import area, clip, iou, union_box, unit, xywh_to_box
from chexinstruct.regions.consensus import CONSENSUS_SCHEMES, Consensus, consensus
from chexinstruct.regions.dialects import (
    BOX_DIALECTS,
    EXPORT_DIALECTS,
    BoxDialect,
    box_dialect,
    format_boxes,
    is_degenerate,
    parse_boxes,
)
from chexinstruct.regions.masks import (
    Mask,
    counts_from_the_start,
    decode_rle,
    encode_rle,
    rle_box,
    rle_polygons,
    siim_runs_to_rle,
)
from chexinstruct.regions.places import outline, visible_box
from chexinstruct.regions.resizing import QWEN_PIXELS, resized_like_qwen
from chexinstruct.regions.shapes import (
    ELLIPSE_POINTS,
    Ring,
    Rings,
    clip_ring,
    ellipse_ring,
    polygon_area,
    polygon_box,
)

__all__ = [
    "BOX_DIALECTS",
    "CONSENSUS_SCHEMES",
    "ELLIPSE_POINTS",
    "EXPORT_DIALECTS",
    "QWEN_PIXELS",
    "BoxDialect",
    "Consensus",
    "Mask",
    "Ring",
    "Rings",
    "area",
    "box_dialect",
    "clip",
    "clip_ring",
    "consensus",
    "counts_from_the_start",
    "decode_rle",
    "ellipse_ring",
    "encode_rle",
    "format_boxes",
    "iou",
    "is_degenerate",
    "outline",
    "parse_boxes",
    "polygon_area",
    "polygon_box",
    "resized_like_qwen",
    "rle_box",
    "rle_polygons",
    "siim_runs_to_rle",
    "union_box",
    "unit",
    "visible_box",
    "xywh_to_box",
]
