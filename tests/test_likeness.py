"""Copies are told from other pictures; hashes are searched as a plain loop would."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from chexinstruct.likeness import (
    BITS,
    CORRELATION,
    SIDE,
    WORDS,
    Thumbs,
    correlations,
    hashes_of,
    near,
    picture_print,
)
from chexinstruct.synthetic import encode, radiograph


def compared(one: bytes, other: bytes) -> tuple[int, float]:
    """Differing bits and correlation of two pictures."""
    a, b = picture_print(one), picture_print(other)
    assert a is not None and b is not None
    (bits,) = near(hashes_of(a.hash), hashes_of(b.hash), 256).bits.tolist()
    return bits, float(correlations(thumb(a.thumb), thumb(b.thumb))[0])


def thumb(data: bytes) -> Thumbs:
    return np.frombuffer(data, np.uint8).reshape(1, SIDE, SIDE)


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


ORIGINAL = Image.fromarray(radiograph(400, 320, 7))
COPIES = {
    "JPEG": ORIGINAL,
    "scaled down": ORIGINAL.resize((100, 80)),
    "squeezed into a square": ORIGINAL.resize((224, 224)),
    "brighter": ORIGINAL.point(lambda grey: min(255, round(grey * 1.3))),
    "other contrast": ORIGINAL.point(lambda grey: round(255 * (grey / 255) ** 1.4)),
    "in colour": ORIGINAL.convert("RGB"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_within_both_limits(name: str) -> None:
    bits, correlation = compared(encode(np.asarray(ORIGINAL), ".png"), jpeg(COPIES[name], 60))
    assert bits <= BITS
    assert correlation >= CORRELATION


def test_another_picture_of_the_same_kind_is_not() -> None:
    pictures = [encode(radiograph(200, 200, seed), ".png") for seed in range(12)]
    for n, one in enumerate(pictures):
        for other in pictures[:n]:
            bits, correlation = compared(one, other)
            assert bits > BITS
            assert correlation < CORRELATION


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.invert, ImageOps.flip])
def test_what_the_documentation_does_not_promise(change: object) -> None:
    """A mirrored or inverted copy is not known: if it were, docs/splits.md would be wrong."""
    assert callable(change)
    bits, correlation = compared(jpeg(ORIGINAL, 90), jpeg(change(ORIGINAL), 90))
    assert bits > BITS
    assert correlation < CORRELATION


def test_a_picture_of_nothing_has_no_print() -> None:
    assert picture_print(jpeg(Image.new("L", (64, 64), 90), 90)) is None
    with pytest.raises(OSError):
        picture_print(b"no picture")


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**32), st.sampled_from([0, 20, 256]))
def test_search_finds_what_a_loop_finds(one: int, other: int, seed: int, limit: int) -> None:
    """Among hashes of which some are copies with a few bits turned, or all of them."""
    chance = np.random.default_rng(seed)
    words = chance.integers(0, 2**64, (one + other, WORDS), dtype=np.uint64)
    left, right = words[:one], words[one:]
    turned = np.array([0, 1, 255, 2**64 - 1], dtype=np.uint64)
    for row in range(min(one, other)):
        right[row] = left[row] ^ chance.choice(turned, WORDS)
    apart = np.bitwise_count(left[:, None] ^ right[None]).sum(axis=2, dtype=int)
    rows, columns = np.nonzero(apart <= limit)
    found = near(left, right, limit)
    assert found.one.tolist() == rows.tolist()
    assert found.other.tolist() == columns.tolist()
    assert found.bits.tolist() == apart[rows, columns].tolist()


def test_search_looks_at_every_block() -> None:
    """More pictures than one block holds, the copies at its edges."""
    chance = np.random.default_rng(1)
    right = chance.integers(0, 2**64, (9000, WORDS), dtype=np.uint64)
    places = [0, 4095, 4096, 8191, 8192, 8999]
    left = chance.integers(0, 2**64, (40, WORDS), dtype=np.uint64)
    left[[0, 15, 16, 31, 32, 39]] = right[places]
    found = near(left, right)
    assert found.one.tolist() == [0, 15, 16, 31, 32, 39]
    assert found.other.tolist() == places
    assert found.bits.tolist() == [0] * 6
