"""The faster PNG decoder of the extra ``fast``: the pixels and the refusals of Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images_support import FULL, encode
from PIL import Image, PngImagePlugin

from chexinstruct.images import BadImage, ImageSettings, normalise, png

AS_IS = ImageSettings(size=FULL, format="png")


def picture(seed: int, width: int, height: int) -> Image.Image:
    steps = np.random.default_rng(seed).normal(0, 20, (height, width)).cumsum(axis=1)
    return Image.fromarray((steps % 256).astype(np.uint8))


def by_pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.load()
        return np.asarray(image)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    level=st.integers(0, 9),
)
def test_the_same_pixels(seed: int, width: int, height: int, level: int) -> None:
    data = encode(picture(seed, width, height), "PNG", compress_level=level)
    pixels = png.decode_grey(data)
    assert pixels is not None
    assert np.array_equal(pixels, by_pillow(data))


@given(
    seed=st.integers(0, 99),
    changes=st.lists(st.tuples(st.integers(33, 2000), st.integers(0, 255)), max_size=3),
    length=st.none() | st.integers(33, 2000),
    tail=st.binary(max_size=20),
)
def test_a_damaged_file_is_never_read_otherwise(
    seed: int, changes: list[tuple[int, int]], length: int | None, tail: bytes
) -> None:
    data = bytearray(encode(picture(seed, 40, 30), "PNG"))
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[:length]) + tail
    pixels = png.decode_grey(damaged)
    if pixels is not None:
        assert np.array_equal(pixels, by_pillow(damaged))


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGB", "RGBA", "I;16"])
def test_other_kinds_are_left_to_pillow(mode: str) -> None:
    image = picture(1, 8, 8)
    deep = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    assert png.decode_grey(encode(deep if mode == "I;16" else image.convert(mode), "PNG")) is None


def test_a_corpus_has_the_same_bytes_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (45_455).to_bytes(4, "big"))
    files = [
        encode(picture(2, 90, 70), "PNG"),
        encode(picture(3, 90, 70), "PNG", pnginfo=gamma),
        encode(picture(4, 90, 70), "PNG", transparency=7),
    ]
    fast = [normalise(file, ImageSettings(size=32)) for file in files]
    monkeypatch.setattr(png, "HAS_FAST", False)
    assert [normalise(file, ImageSettings(size=32)) for file in files] == fast


def test_a_bad_checksum_is_told_as_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(encode(picture(5, 40, 30), "PNG"))
    at = data.index(b"IDAT") + 8
    data[at] ^= 0xFF
    with pytest.raises(BadImage) as fast:
        normalise(bytes(data), AS_IS)
    monkeypatch.setattr(png, "HAS_FAST", False)
    with pytest.raises(BadImage) as plain:
        normalise(bytes(data), AS_IS)
    assert fast.value.reason == plain.value.reason
