"""How model processors resize a picture before the model sees it."""

from __future__ import annotations

from math import ceil, floor, sqrt

from chexinstruct.schema import Frame

PATCH = 28
"""Pixels: Qwen2-VL and Qwen2.5-VL see patches of 14 pixels, merged two by two."""

QWEN_PIXELS = (56 * 56, 28 * 28 * 16_384)
"""``min_pixels`` and ``max_pixels`` of the published processors of Qwen2-VL and Qwen2.5-VL."""


def resized_like_qwen(size: Frame, limits: tuple[int, int] = QWEN_PIXELS) -> Frame:
    """(width, height) of a picture as the processor of Qwen2.5-VL hands it to the model.

    Both sides become multiples of 28 pixels. A picture of more or fewer pixels than the limits is
    scaled into them first, the shape kept as far as the multiples let it.

    Args:
        size: (width, height) in pixels.
        limits: ``min_pixels`` and ``max_pixels`` that the trainer sets.
    """
    width, height = size
    least, most = limits
    fitted = tuple(max(PATCH, round(side / PATCH) * PATCH) for side in size)
    if fitted[0] * fitted[1] > most:
        shrink = sqrt(width * height / most)
        fitted = tuple(max(PATCH, floor(side / shrink / PATCH) * PATCH) for side in size)
    elif fitted[0] * fitted[1] < least:
        grow = sqrt(least / (width * height))
        fitted = tuple(ceil(side * grow / PATCH) * PATCH for side in size)
    return fitted[0], fitted[1]
