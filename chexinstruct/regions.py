"""Boxes, polygons, masks, what several readers agree on, and boxes as text.

All numbers are pixel edges of a frame (x right, y down, ``x2`` and ``y2`` past the last pixel)
unless a name says ``unit``: then they are 0..1 of that frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

import msgspec
import numpy as np
import numpy.typing as npt

from chexinstruct.errors import CallError
from chexinstruct.schema import Box, Frame, Region

Rings = tuple[tuple[tuple[float, float], ...], ...]
Mask = npt.NDArray[np.bool_]
Runs = npt.NDArray[np.int64]

# ---------------------------------------------------------------------------------------- boxes


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


# ------------------------------------------------------------------------------------- polygons


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


# ---------------------------------------------------------------------------------------- masks


def siim_runs_to_rle(text: str, frame: Frame) -> tuple[int, ...]:
    """Run lengths of ``offset length offset length ...`` as SIIM-ACR Pneumothorax writes them.

    An offset counts the pixels between the end of the run before and the start of this one, column
    by column (competition page, "relative form"). So the pairs are background and foreground
    counts already; only the background after the last run is missing.

    Raises:
        ValueError: the numbers are no such pairs, or run past the frame.
    """
    try:
        counts = [int(word) for word in text.split()]
    except ValueError:
        raise ValueError("a mask is whole numbers separated by blanks") from None
    if not counts or len(counts) % 2:
        raise ValueError(f"a mask is pairs of offset and length, not {len(counts)} numbers")
    if min(counts[::2]) < 0:
        raise ValueError("a mask has a negative offset")
    if min(counts[1::2]) <= 0:
        raise ValueError("a mask has a run without length")
    tail = frame[0] * frame[1] - sum(counts)
    if tail < 0:
        raise ValueError(f"a mask runs {-tail} pixels past its {frame[0]} x {frame[1]} grid")
    return (*counts, tail) if tail else tuple(counts)


def _runs(rle: Sequence[int], frame: Frame) -> tuple[Runs, Runs]:
    """First pixel of each foreground run and the pixel past its end, counted down the columns."""
    counts = np.array(rle, dtype=np.int64)
    size = frame[0] * frame[1]
    if (counts < 0).any() or counts.sum() != size:
        raise ValueError(f"the run lengths do not add up to {frame[0]} x {frame[1]} pixels")
    edges = np.cumsum(counts)
    starts, ends = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    drawn = starts < ends
    return starts[drawn], ends[drawn]


def rle_box(rle: Sequence[int], frame: Frame) -> Box:
    """The tight box of a mask, from its runs alone.

    Raises:
        ValueError: the run lengths do not fit the frame, or the mask is empty.
    """
    starts, ends = _runs(rle, frame)
    if not len(starts):
        raise ValueError("the mask is empty")
    height = frame[1]
    (left, top), (right, bottom) = divmod(starts, height), divmod(ends - 1, height)
    if (left < right).any():  # a run that goes over to the next column has its last and first row
        y1, y2 = 0, height
    else:
        y1, y2 = int(top.min()), int(bottom.max()) + 1
    return (float(left[0]), float(y1), float(right[-1] + 1), float(y2))


def decode_rle(rle: Sequence[int], frame: Frame) -> Mask:
    """The mask as an array of shape (height, width).

    Raises:
        ValueError: the run lengths do not fit the frame.
    """
    width, height = frame
    edges = np.stack(_runs(rle, frame), axis=1).ravel()
    counts = np.diff(edges, prepend=0, append=width * height)
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T


def encode_rle(mask: Mask) -> tuple[int, ...]:
    """Run lengths of a mask of shape (height, width), as :class:`~chexinstruct.schema.Region`
    holds them."""
    flat = np.ascontiguousarray(mask.T).ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts: list[int] = np.diff(edges, prepend=0, append=flat.size).tolist()
    return (0, *counts) if flat.size and flat[0] else tuple(counts)


def rle_polygons(rle: Sequence[int], frame: Frame) -> Rings:
    """The exact outline of a mask along the edges of its pixels, corners only.

    Every island gives a ring that runs clockwise on the screen, every hole one that runs the other
    way, so that both fill rules, even-odd and non-zero, give the mask back. Pixels that touch at a
    corner alone are islands of their own. Rings start at their leftmost upper corner and stand in
    the order of these.

    Raises:
        ValueError: the run lengths do not fit the frame, or the mask is empty.
    """
    x1, y1, x2, y2 = map(int, rle_box(rle, frame))
    ink = np.pad(decode_rle(rle, frame)[y1:y2, x1:x2], 1)
    nw, ne, sw, se = ink[:-1, :-1], ink[:-1, 1:], ink[1:, :-1], ink[1:, 1:]
    saddle = (nw == se) & (ne == sw) & (nw != ne)  # two pixels that touch here and nowhere else
    xs, ys = np.nonzero(((nw ^ ne ^ sw ^ se) | saddle).T)
    # A saddle is two corners, first that of the upper pixel, which owns the edge going up.
    twice = np.where(saddle[ys, xs], 2, 1)
    second = np.arange(twice.sum()) - np.repeat(np.cumsum(twice) - twice, twice)
    xs, ys = np.repeat(xs, twice), np.repeat(ys, twice)
    # Down each column of corners two and two make an edge, and so they do along each row, where the
    # upper pixel of a saddle comes first unless it lies to the right.
    rank = np.where(saddle[ys, xs] & ne[ys, xs], 1 - second, second)
    down = np.arange(len(xs)) ^ 1
    by_row = np.lexsort((rank, xs, ys))
    along = np.empty_like(by_row)
    along[by_row] = by_row[np.arange(len(xs)) ^ 1]

    steps = (along.tolist(), down.tolist())
    points = list(zip((xs + float(x1)).tolist(), (ys + float(y1)).tolist(), strict=True))
    hole = (~se[ys, xs]).tolist()  # what the leftmost upper corner of a ring encloses
    seen = [False] * len(points)
    rings = []
    for start in range(len(points)):
        if seen[start]:
            continue
        ring, corner, turn = [], start, hole[start]
        while not seen[corner]:
            seen[corner] = True
            ring.append(points[corner])
            corner, turn = steps[turn][corner], not turn
        rings.append(tuple(ring))
    return tuple(rings)


# -------------------------------------------------------------------------------------- readers

UPSTREAM_IOU = 0.1
MAJORITY_IOU = 0.4
"""The overlap above which the VinBigData challenge on VinDr-CXR counts a box as found."""


@dataclass(frozen=True)
class Consensus:
    """What stands of the regions of a picture under a scheme."""

    regions: tuple[Region, ...]
    left_out: tuple[Region, ...] = ()
    """Boxes that no majority confirmed, or that lie outside their frame."""

    @property
    def disputed(self) -> tuple[str, ...]:
        """Findings that somebody drew and of which nothing stands: neither present nor absent."""
        standing = {region.label for region in self.regions}
        return tuple(sorted({r.label for r in self.left_out if r.label} - standing))


def _merge_into_first(boxes: list[Region]) -> list[list[Region]]:
    """Single pass: a box joins the first group whose *first* box it overlaps, not its hull."""
    groups: list[list[Region]] = []
    for region in boxes:
        for group in groups:
            if iou(region.box, group[0].box) > UPSTREAM_IOU:
                group.append(region)
                break
        else:
            groups.append([region])
    return groups


def _merge_agreeing(boxes: list[Region]) -> list[list[Region]]:
    """Groups of one box a reader, any two of which overlap, closest pairs joined first."""
    boxes = sorted(boxes, key=lambda region: (region.box, region.reader or "", region.name or ""))
    groups = [[region] for region in boxes]
    group_of = list(range(len(boxes)))
    close = sorted(
        (-overlap, i, j)
        for i, j in combinations(range(len(boxes)), 2)
        if (overlap := iou(boxes[i].box, boxes[j].box)) > MAJORITY_IOU
    )
    for _, i, j in close:
        a, b = groups[group_of[i]], groups[group_of[j]]
        if a is not b and all(
            p.reader != q.reader and iou(p.box, q.box) > MAJORITY_IOU for p in a for q in b
        ):
            a += b
            b.clear()
            group_of = [group_of[i] if g == group_of[j] else g for g in group_of]
    return [group for group in groups if group]


def _median_box(boxes: Sequence[Box]) -> Box:
    x1, y1, x2, y2 = np.median(np.array(boxes, dtype=np.float64), axis=0).tolist()
    return (x1, y1, x2, y2)


@dataclass(frozen=True)
class _Scheme:
    group: Callable[[list[Region]], list[list[Region]]]
    box: Callable[[Sequence[Box]], Box]
    majority: bool


_SCHEMES = {
    "all": None,
    "upstream": _Scheme(_merge_into_first, union_box, False),
    "majority": _Scheme(_merge_agreeing, _median_box, True),
}
CONSENSUS_SCHEMES = tuple(_SCHEMES)


def consensus(regions: Sequence[Region], scheme: str, *, readers: int) -> Consensus:
    """What stands of the regions of one picture that was read by several people.

    Only boxes that name their reader are compared, each finding by itself; polygons, masks,
    regions with a phrase and boxes without a reader pass as they are. Schemes:

    - ``all``: every box of every reader.
    - ``upstream``: the boxes of all readers, in the order given; a box joins the first earlier box
      of its finding with which its IoU is above 0.1, and each such group becomes its hull. The
      first box is compared as it was drawn, not as it has grown: read so, the rule of the original
      CheXinstruct gives its 20,734 boxes on the VinDr-CXR training table of the Kaggle challenge.
    - ``majority``: a finding stands when more than half of the readers drew it, at places where
      more than half of them drew boxes any two of which have an IoU above 0.4; each such group of
      one box a reader becomes the median of its edges. The order given plays no part.

    Boxes are cut to their frame first, where it is known.

    Args:
        regions: of one picture.
        scheme: one of :data:`CONSENSUS_SCHEMES`.
        readers: how many people read the picture, those who drew nothing counted in.

    Raises:
        CallError: the scheme is unknown.
        ValueError: more people drew than read.
    """
    try:
        rule = _SCHEMES[scheme]
    except KeyError:
        raise CallError(
            f"unknown consensus scheme {scheme!r}; there are {', '.join(CONSENSUS_SCHEMES)}"
        ) from None
    if rule is None:
        return Consensus(tuple(regions))
    standing: list[Region] = []
    left_out: list[Region] = []
    drawn: dict[str, list[Region]] = {}
    for region in regions:
        if region.shape != "box" or region.phrase is not None or region.reader is None:
            standing.append(region)
        elif (box := clip(region.box, region.frame) if region.frame else region.box) is None:
            left_out.append(region)
        else:
            drawn.setdefault(region.label or "", []).append(
                msgspec.structs.replace(region, box=box)
            )
    people = len({region.reader for boxes in drawn.values() for region in boxes})
    if people > readers:
        raise ValueError(f"{people} people drew boxes in a picture that {readers} read")
    merged: list[Region] = []
    for boxes in drawn.values():
        for group in rule.group(boxes):
            if rule.majority and 2 * len(group) <= readers:
                left_out += group
            elif len(group) == 1:
                merged += group
            else:
                merged.append(
                    msgspec.structs.replace(
                        group[0], box=rule.box([region.box for region in group]), reader=None
                    )
                )
    if rule.majority:  # the table's order must not show through
        merged.sort(key=_by_place)
        left_out.sort(key=_by_place)
    return Consensus((*standing, *merged), tuple(left_out))


def _by_place(region: Region) -> tuple[str, Box, str]:
    return (region.label or "", region.box, region.reader or "")


# ----------------------------------------------------------------------------------------- text


@dataclass(frozen=True)
class BoxDialect:
    """How boxes are written for a model."""

    grid: Callable[[float], float]
    """From 0..1 to the number that stands in the text."""
    scale: float
    """The number in the text that means 1."""
    box: str
    """Format of the four numbers of a box."""
    label: str
    """What stands before a box that is named."""
    separator: str
    """Between boxes."""
    pattern: re.Pattern[str]
    """Finds the four numbers of each box."""


def _chexagent2_grid(value: float) -> int:
    """0..100 by the cut, the cap and the rounding of the original CheXinstruct code.

    The multiplication is left to binary floats on purpose: where 1000 times a value falls just
    short of a whole number, the original fell short too.
    """
    return round(min(int(1000 * value), 999) / 10)


_BRACKETS = r"\[\s*{0}\s*,\s*{0}\s*,\s*{0}\s*,\s*{0}\s*\]"

BOX_DIALECTS: dict[str, BoxDialect] = {
    # CheXagent-2: its data writer rounds to 0..100, its reader divides by 100.
    "chexagent2": BoxDialect(
        grid=_chexagent2_grid,
        scale=100,
        box="<|box|>({},{}),({},{})<|/box|>",
        label="<|ref|>{}<|/ref|>",
        separator="",
        pattern=re.compile(
            r"<\|box\|>\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*,\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*<\|/box\|>"
        ),
    ),
    # RadVLM: hundredths of the picture.
    "unit": BoxDialect(
        grid=lambda value: round(value, 2),
        scale=1,
        box="[{:.2f}, {:.2f}, {:.2f}, {:.2f}]",
        label="{} ",
        separator=", ",
        pattern=re.compile(_BRACKETS.format(r"(\d*\.?\d+)")),
    ),
    # Qwen2-VL and Qwen3-VL: thousandths of the picture.
    "qwen": BoxDialect(
        grid=lambda value: round(1000 * value),
        scale=1000,
        box="[{}, {}, {}, {}]",
        label="{} ",
        separator=", ",
        pattern=re.compile(_BRACKETS.format(r"(\d+)")),
    ),
}


def _dialect(name: str) -> BoxDialect:
    try:
        return BOX_DIALECTS[name]
    except KeyError:
        raise CallError(
            f"unknown box dialect {name!r}; there are {', '.join(BOX_DIALECTS)}"
        ) from None


def format_boxes(boxes: Iterable[Box], dialect: str, label: str | None = None) -> str:
    """Boxes (0..1) as text, in the order of their top left corners (x1, then y1).

    Args:
        boxes: in 0..1 of the picture; none gives an empty text.
        dialect: a name of :data:`BOX_DIALECTS`.
        label: written before each box.

    Raises:
        CallError: the dialect is unknown.
    """
    form = _dialect(dialect)
    named = "" if label is None else form.label.format(label)
    return form.separator.join(
        named + form.box.format(*map(form.grid, box)) for box in sorted(boxes)
    )


def parse_boxes(text: str, dialect: str) -> list[Box]:
    """The boxes (0..1) of a text, in the order they stand in, whatever stands around them.

    The text may come from a model: numbers past the scale and boxes turned inside out are given
    back as they stand.

    Raises:
        CallError: the dialect is unknown.
    """
    form = _dialect(dialect)
    found = (tuple(float(n) / form.scale for n in m.groups()) for m in form.pattern.finditer(text))
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in found]


def is_degenerate(box: Box, dialect: str) -> bool:
    """True when a box (0..1) is so small that its text has no width or no height.

    Raises:
        CallError: the dialect is unknown.
    """
    x1, y1, x2, y2 = map(_dialect(dialect).grid, box)
    return x1 >= x2 or y1 >= y2
