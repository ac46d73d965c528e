"""Masks as run lengths, their boxes and their outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chexinstruct.regions.shapes import Rings
from chexinstruct.schema import Box, Frame

Mask = npt.NDArray[np.bool_]
Runs = npt.NDArray[np.int64]


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


def counts_from_the_start(text: str, frame: Frame) -> bool:
    """Whether three or more pairs, read as first pixel and length, are a mask of the frame.

    Such masks (the absolute form) have ascending first pixels, which the relative form has not: its
    gaps are about as long as a column. One or two runs may be read either way.
    """
    words = text.split()
    if len(words) < 6 or len(words) % 2 or not all(map(str.isdecimal, words)):
        return False
    end = 0
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        if start < end:
            return False
        end = start + length
    return end <= frame[0] * frame[1] + 1  # pixels may be counted from 1


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
