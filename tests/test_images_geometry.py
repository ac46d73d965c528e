"""Places in a released picture stay where they are in the normalised copy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from images_support import dicom_file, encode, pixels_of

from chexinstruct.images import ImageSettings, matches, normalise, output_size, to_unit

SIDES = st.integers(1, 5000)
FRAMES = st.tuples(SIDES, SIDES)


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ((1024, 1024), 512, (512, 512)),
        ((2500, 3056), 512, (512, 626)),
        ((3056, 2500), 512, (626, 512)),
        ((1000, 1001), 500, (500, 501)),  # 500.5: halves go up
        ((300, 400), 512, (300, 400)),
        ((512, 9000), 512, (512, 9000)),
        ((1, 1), 512, (1, 1)),
    ],
)
def test_output_size(source: tuple[int, int], size: int, expected: tuple[int, int]) -> None:
    assert output_size(source, size) == expected


@given(FRAMES, st.integers(32, 4096))
def test_output_keeps_ratio_and_never_enlarges(source: tuple[int, int], size: int) -> None:
    width, height = output_size(source, size)
    assert min(width, height) == min(size, min(source))
    assert width <= source[0] and height <= source[1]
    # Half a pixel on the longer side.
    assert abs(width * source[1] - height * source[0]) <= 0.5 * min(source)


@given(FRAMES, st.integers(32, 4096), st.integers(32, 4096))
def test_copies_of_one_picture_match(source: tuple[int, int], one: int, other: int) -> None:
    copy, another = output_size(source, one), output_size(source, other)
    assert matches(copy, source) and matches(source, copy)
    assert matches(copy, another)


@pytest.mark.parametrize(
    ("frame", "source", "same"),
    [
        ((1024, 1024), (512, 512), True),
        ((1024, 1024), (2500, 3056), False),  # squashed to a square
        ((2500, 3056), (3056, 2500), False),  # turned
        ((2500, 3056), (512, 626), True),
        ((1024, 1024), (1024, 1000), False),  # cropped
        ((1024, 1024), (512, 509), False),
    ],
)
def test_turned_and_cropped_frames_do_not_match(
    frame: tuple[int, int], source: tuple[int, int], same: bool
) -> None:
    assert matches(frame, source) is same


def test_to_unit_is_exact_and_clips() -> None:
    assert to_unit((256, 512, 1024, 1024), (1024, 1024)) == (0.25, 0.5, 1, 1)
    assert to_unit((-5, 10, 50, 300), (100, 200)) == (0, 0.05, 0.5, 1)


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 10, 20),
        (20, 10, 10, 20),
        (100, 10, 120, 20),
        (-20, 10, 0, 20),
        (math.nan, 10, 20, 20),
    ],
)
def test_boxes_without_area_in_the_picture_are_none(
    box: tuple[float, float, float, float],
) -> None:
    assert to_unit(box, (100, 200)) is None


# Single precision: doubles a hair apart fall together when they are divided by a side.
@given(FRAMES, st.tuples(*[st.floats(-6000, 6000, width=32)] * 4))
def test_unit_boxes_lie_in_the_picture(
    frame: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    unit = to_unit(box, frame)
    if unit is None:
        inside = max(box[0], 0) < min(box[2], frame[0]) and max(box[1], 0) < min(box[3], frame[1])
        assert not inside
        return
    x1, y1, x2, y2 = unit
    assert 0 <= x1 < x2 <= 1
    assert 0 <= y1 < y2 <= 1


def _found(grey: np.ndarray) -> tuple[int, int, int, int]:
    """Edges of the white rectangle: pixels that are more white than black."""
    ys, xs = np.nonzero(grey >= 128)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


@settings(max_examples=250)
@given(st.data())
def test_a_rectangle_is_found_again_where_its_box_says(data: st.DataObject) -> None:
    """A pixel is white when its centre lies in the rectangle, so edges are off by half a pixel.

    The coarse first step of scaling (reducing gap, or JPEG at a fraction of its size) bends the
    edge a little: a tenth of a pixel more.
    """
    size = data.draw(st.sampled_from([32, 50, 64]), "size")
    width = data.draw(st.integers(20, 700), "width")
    height = data.draw(st.integers(20, 700), "height")
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "DICOM"]), "kind")
    name = data.draw(st.sampled_from(["lanczos", "area"]), "filter")
    scale = max(1.0, min(width, height) / size)
    least = math.ceil(4 * scale)  # so large that Lanczos does not blur it away
    assume(least <= min(width, height))
    x1 = data.draw(st.integers(0, width - least), "x1")
    y1 = data.draw(st.integers(0, height - least), "y1")
    x2 = data.draw(st.integers(x1 + least, width), "x2")
    y2 = data.draw(st.integers(y1 + least, height), "y2")
    assume((x2 - x1, y2 - y1) != (width, height))

    pixels = np.zeros((height, width), dtype=np.uint8)
    pixels[y1:y2, x1:x2] = 255
    if kind == "DICOM":
        file = dicom_file(pixels.astype(np.uint16) * 16, bits=12)
    elif kind == "JPEG":
        file = encode(pixels, "JPEG", quality=100)
    else:
        file = encode(pixels, "PNG")
    picture = normalise(file, ImageSettings(size=size, format="png", filter=name))
    unit = to_unit((x1, y1, x2, y2), (width, height))
    assert unit is not None
    expected = np.array(unit) * ([picture.width, picture.height] * 2)
    found = np.array(_found(pixels_of(picture)))
    assert np.abs(found - expected).max() <= 0.6
