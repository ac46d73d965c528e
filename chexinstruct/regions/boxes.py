"""Boxes in pixel edges of a frame, and in 0..1 of it."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from chexinstruct.schema import Box, Frame


def area(box: Box) -> float:
    """Square pixels; 0 for a box that is turned inside out."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def clip(box: Box, frame: Frame) -> Box | None:
    """The part of a box inside the frame, or None when nothing of positive area is left."""
    width, height = frame
    inside = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height))
    return inside if inside[0] < inside[2] and inside[1] < inside[3] else None


def unit(box: Box, frame: Frame) -> Box:
    """The part of a box inside the frame, in 0..1 of the frame.

    Raises:
        ValueError: nothing of the box lies inside the frame.
    """
    inside = clip(box, frame)
    if inside is None:
        raise ValueError(f"the box {box} has no area inside a frame of {frame[0]} x {frame[1]}")
    width, height = frame
    return (inside[0] / width, inside[1] / height, inside[2] / width, inside[3] / height)


def union_box(boxes: Iterable[Box]) -> Box:
    """The smallest box around all boxes; there is at least one."""
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return (min(x1), min(y1), max(x2), max(y2))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1; 0 where both boxes are empty."""
    overlap = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return overlap / (area(a) + area(b) - overlap) if overlap else 0.0


def xywh_to_box(x: float, y: float, w: float, h: float) -> Box:
    """The box of a top left corner and a size, both in pixels.

    Raises:
        ValueError: a number is not finite, or the size is not positive.
    """
    if not all(map(isfinite, (x, y, w, h))) or w <= 0 or h <= 0:
        raise ValueError(f"a box needs a place and a positive size, not x {x}, y {y}, {w} x {h}")
    return (x, y, x + w, y + h)
