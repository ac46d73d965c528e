"""From stored values to 8-bit grey: windows, lookup tables, percentiles.

A picture of up to 16 bits holds at most 65,536 different stored codes, so every rule here works on
the table of codes and not on pixels: ``values[code]`` is what a code stands for, ``counts[code]``
how often it occurs, and a rule gives ``levels[code]``, 0 (black) to 1 (white).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Table = npt.NDArray[np.uint8]

TAIL = 0.005
"""Part of the pixels that :func:`percentile` lets saturate at either end."""

_SAMPLE = 2**20
_MAX_SATURATED = 0.95
_MIN_SPREAD = 16 / 256


class Told(NamedTuple):
    """What a table tells of the greys of a picture whose file cannot, such as a PNG."""

    window: tuple[float, float] | None = None
    """Center and width in stored values; of no meaning for a file of 8 bits."""
    inverted: bool = False
    """Low values are bright."""


UNTOLD = Told()


class Lut(NamedTuple):
    """A DICOM lookup table: Modality LUT or VOI LUT (PS3.3 C.11.1.1 and C.11.2.1.1)."""

    first: int
    """The input that the first entry is for."""
    entries: Floats
    bits: int
    """Bits an entry is said to have."""

    def apply(self, values: Floats) -> Floats:
        """The entries for ``values``; inputs outside the table get its first or last entry."""
        first = self.first
        if first > 0x7FFF and values.min() < 0:
            first -= 0x10000  # written unsigned by encoders that forgot about negative inputs
        index = np.clip(np.rint(values) - first, 0, len(self.entries) - 1)
        found: Floats = self.entries[index.astype(np.intp)]
        return found

    def levels(self, values: Floats) -> Floats:
        """The entries as 0..1 of the range that their bits allow."""
        full = max(2.0**self.bits - 1, self.entries.max())
        return self.apply(values) / full if full > 0 else np.zeros_like(values)


def window(values: Floats, center: float, width: float, function: str) -> Floats | None:
    """Levels by window center and width (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    ``function`` is LINEAR, LINEAR_EXACT or SIGMOID.
    None when the numbers are none the standard allows (LINEAR needs a width of 1 or more, the
    others one above 0).
    """
    linear = function == "LINEAR"
    if not (math.isfinite(center) and math.isfinite(width)):
        return None
    if width <= 0 or (linear and width < 1):
        return None
    if function == "SIGMOID":
        # The logistic function, written so that it cannot overflow.
        return np.asarray(0.5 + 0.5 * np.tanh(2.0 * (values - center) / width))
    if linear:
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0.0, 1.0)


def full_range(values: Floats) -> Floats:
    """Levels in proportion to ``values``, the least possible black, the greatest white."""
    return _stretch(values, float(values.min()), float(values.max()))


def percentile(values: Floats, counts: Counts) -> Floats:
    """Levels in proportion to ``values`` between the 0.5th and the 99.5th percentile of the pixels.

    The extremes of a radiograph are lead markers, collimated borders and dead pixels: stretching
    from minimum to maximum would give the range to them. Where nearly all pixels hold one value
    the two percentiles coincide, and minimum and maximum are taken. A picture of one value is
    black.
    """
    present = np.flatnonzero(counts)
    order = present[np.argsort(values[present], kind="stable")]
    ranked, number = values[order], counts[order]
    tail = TAIL * float(number.sum())
    # Counted from either end in the same way: an inverted picture gets the inverted table.
    low = ranked[np.searchsorted(np.cumsum(number), tail, side="right")]
    high = ranked[::-1][np.searchsorted(np.cumsum(number[::-1]), tail, side="right")]
    if low >= high:
        low, high = ranked[0], ranked[-1]
    return _stretch(values, float(low), float(high))


def _stretch(values: Floats, low: float, high: float) -> Floats:
    if high <= low:
        return np.zeros_like(values)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def usable(levels: Floats, counts: Counts) -> bool:
    """Whether a window or VOI LUT shows a picture at all.

    Not when over 95 % of the pixels come out pure black or white, or when the middle 98 % of them
    share fewer than 16 of the 256 greys: such files carry windows of another image or another
    scale.
    """
    total = counts.sum()
    grey = quantise(levels)
    saturated = counts[(grey == 0) | (grey == 255)].sum()
    if saturated > _MAX_SATURATED * total:
        return False
    present = np.flatnonzero(counts)
    order = present[np.argsort(levels[present], kind="stable")]
    reached = np.cumsum(counts[order])
    low, high = np.searchsorted(reached, [0.01 * total, 0.99 * total], side="left")
    return bool(levels[order[high]] - levels[order[low]] >= _MIN_SPREAD)


def quantise(levels: Floats) -> Table:
    """Levels 0..1 as 8-bit grey, rounded to the nearest."""
    return np.floor(levels * 255.0 + 0.5).astype(np.uint8)


def count(codes: npt.NDArray[Any], size: int) -> Counts:
    """How often each code occurs on an even lattice of about a million pixels at most.

    Args:
        codes: (rows, columns), unsigned.
        size: number of possible codes.
    """
    step = math.isqrt((codes.size - 1) // _SAMPLE) + 1
    return np.bincount(codes[::step, ::step].ravel(), minlength=size)
