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

from chexinstruct.images import BadImage, ImageSettings, Told, normalise, png

AS_IS = ImageSettings(size=FULL, format="png")


def picture(seed: int, width: int, height: int, bits: int = 8) -> Image.Image:
    steps = np.random.default_rng(seed).normal(0, 20, (height, width)).cumsum(axis=1)
    return Image.fromarray((steps % 2**bits).astype(np.uint8 if bits == 8 else np.uint16))


def by_pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.load()
        return np.asarray(image)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    level=st.integers(0, 9),
    bits=st.sampled_from([8, 10, 12, 16]),
)
def test_the_same_pixels(seed: int, width: int, height: int, level: int, bits: int) -> None:
    data = encode(picture(seed, width, height, bits), "PNG", compress_level=level)
    pixels = png.decode_grey(data)
    assert pixels is not None
    assert pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert np.array_equal(pixels, by_pillow(data))


@given(
    seed=st.integers(0, 99),
    changes=st.lists(st.tuples(st.integers(33, 2000), st.integers(0, 255)), max_size=3),
    length=st.none() | st.integers(33, 2000),
    tail=st.binary(max_size=20),
    bits=st.sampled_from([8, 16]),
)
def test_a_damaged_file_is_never_read_otherwise(
    seed: int, changes: list[tuple[int, int]], length: int | None, tail: bytes, bits: int
) -> None:
    data = bytearray(encode(picture(seed, 40, 30, bits), "PNG"))
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[:length]) + tail
    pixels = png.decode_grey(damaged)
    if pixels is not None:
        assert np.array_equal(pixels, by_pillow(damaged))


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGB", "RGBA"])
def test_other_kinds_are_left_to_pillow(mode: str) -> None:
    assert png.decode_grey(encode(picture(1, 8, 8).convert(mode), "PNG")) is None


def test_a_corpus_has_the_same_bytes_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (45_455).to_bytes(4, "big"))
    files = [
        encode(picture(2, 90, 70), "PNG"),
        encode(picture(3, 90, 70), "PNG", pnginfo=gamma),
        encode(picture(4, 90, 70), "PNG", transparency=7),
        encode(picture(5, 90, 70, 12), "PNG", pnginfo=gamma),
        encode(picture(6, 90, 70, 16), "PNG"),
    ]
    told = [Told(), Told((128.0, 90.0)), Told(inverted=True)]
    ways = [(file, ImageSettings(size=32), each) for file in files for each in told]
    fast = [normalise(*way) for way in ways]
    monkeypatch.setattr(png, "HAS_FAST", False)
    assert [normalise(*way) for way in ways] == fast


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
