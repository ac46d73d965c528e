"""How places in a released picture lie in its normalised copy.

The normalised picture is the whole released picture, only scaled: never cropped, padded, rotated
or mirrored. So a place given as a fraction of width and height is the same in both, whatever the
two sizes are.
"""

from __future__ import annotations

from chexinstruct.schema import Box, Frame


def output_size(source: Frame, size: int) -> Frame:
    """Size of the normalised picture, pixels: the shorter side ``size``, the longer in proportion.

    The longer side is rounded to the nearest pixel, halves up. A picture whose shorter side is
    ``size`` or less keeps its size: nothing is enlarged.
    """
    width, height = source
    shorter = min(source)
    if shorter <= size:
        return source

    def scaled(side: int) -> int:
        return (2 * side * size + shorter) // (2 * shorter)

    return scaled(width), scaled(height)


def to_unit(box: Box, frame: Frame) -> Box | None:
    """A box in pixels of ``frame`` as fractions 0..1 of width and height, clipped to the picture.

    None when no area of the box lies in the picture: the box is empty, its corners are swapped, or
    it lies outside.
    """
    x1, y1, x2, y2 = box
    width, height = frame
    left, right = max(x1 / width, 0.0), min(x2 / width, 1.0)
    top, bottom = max(y1 / height, 0.0), min(y2 / height, 1.0)
    if left < right and top < bottom:
        return left, top, right, bottom
    return None


def matches(frame: Frame, source: Frame) -> bool:
    """Whether two pixel grids, (width, height), can be copies of one picture at two scales.

    Copies round their sides to whole pixels, so the aspect ratios may differ, by at most one part
    in the shortest of the four sides: one pixel of the smaller grid. A turned picture fails unless
    it is square, a cropped one unless the crop keeps the ratio.
    """
    across = frame[0] * source[1]
    down = frame[1] * source[0]
    return abs(across - down) * min(*frame, *source) <= max(across, down)
