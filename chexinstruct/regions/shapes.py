"""Polygons and ellipses as rings of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chexinstruct.regions.boxes import union_box
from chexinstruct.schema import Box, Frame

Point = tuple[float, float]
Ring = tuple[Point, ...]
Rings = tuple[Ring, ...]

ELLIPSE_POINTS = 64
"""Corners of the ring that stands for an ellipse, its four outermost points among them. The ring
lies inside the ellipse, at most 0.12 % of the half axis away from it, and holds 99.8 % of its area.
"""


def polygon_box(rings: Rings) -> Box:
    """The smallest box around all rings; it has no area when all points lie on one line."""
    return union_box((x, y, x, y) for ring in rings for x, y in ring)


def polygon_area(rings: Rings) -> float:
    """Square pixels inside the rings; a hole counts as one when it runs the other way round."""
    total = 0.0
    for ring in rings:
        x, y = np.array(ring, dtype=np.float64).T
        total += float(x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2
    return abs(total)


def ellipse_ring(box: Box) -> Ring:
    """The ellipse whose axes are those of the box, as a ring of :data:`ELLIPSE_POINTS` corners.

    It starts at the leftmost point and runs clockwise on the screen, as the outlines of masks do.
    """
    x1, y1, x2, y2 = box
    angles = np.linspace(0, np.pi / 2, ELLIPSE_POINTS // 4, endpoint=False)
    # A quarter is turned, not computed anew: so the outermost points are exact.
    across, up = np.cos(angles), np.sin(angles)
    across, up = (
        np.concatenate([-across, up, across, -up]),
        np.concatenate([up, across, -up, -across]),
    )
    xs = (x1 + x2) / 2 + across * ((x2 - x1) / 2)
    ys = (y1 + y2) / 2 - up * ((y2 - y1) / 2)
    return tuple(zip(xs.clip(x1, x2).tolist(), ys.clip(y1, y2).tolist(), strict=True))


def clip_ring(ring: Ring, frame: Frame) -> Ring:
    """The part of a ring inside the frame; empty when nothing of it is.

    The rule is that of Sutherland and Hodgman (CACM 17(1), 1974): what a ring has on both sides of
    an edge stays one ring, with a seam along that edge that holds no area.
    """
    width, height = frame
    points: Sequence[Point] = ring
    for axis, bound, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        points = _cut(points, axis, float(bound), sign)
    return tuple(points)


def _cut(points: Sequence[Point], axis: int, bound: float, sign: int) -> list[Point]:
    """What of a ring lies on the side of a line where ``sign * (coordinate - bound) >= 0``."""
    kept: list[Point] = []
    for start, end in zip((*points[-1:], *points[:-1]), points, strict=True):
        before, after = sign * (start[axis] - bound) >= 0, sign * (end[axis] - bound) >= 0
        if before != after and bound not in (start[axis], end[axis]):
            part = (bound - start[axis]) / (end[axis] - start[axis])
            other = start[1 - axis] + part * (end[1 - axis] - start[1 - axis])
            kept.append((bound, other) if axis == 0 else (other, bound))
        if after:
            kept.append(end)
    return kept
