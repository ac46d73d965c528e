"""Is a picture a copy of another one: encoded anew, scaled, or with other greys?

All chest radiographs look alike, so there are two steps. A perceptual hash of 256 bits (pHash of
ImageHash) finds candidates among millions of pairs; the correlation of small high-passed copies,
pixel by pixel, confirms them: ribs and vessels lie on the same pixels in a copy, and in no second
exposure.

The limits were chosen by ``benchmarks/likeness.py`` on 166 real radiographs of 157 patients (152 of
ChestX-ray14, 10 of Actualmed, 3 of TBX11K, 1 of SIIM-ACR), normalised to 512 pixels. Of 256 bits,
and of a correlation of 1:

- 13,695 pairs of different pictures differ in 64 bits or more (121 on average, standard deviation
  11) and correlate with 0.67 or less; 9 pairs of one patient in 102 or more, and with 0.29 or less.
- Copies as JPEG (128 to 1024 pixels, quality 30 to 95) differ in 20 bits or less and correlate with
  0.92 or more; copies with other greys (brightness x 0.7 to 1.3, contrast x 0.7 to 1.4, gamma 0.6
  to 1.6) in 42 or less, and with 0.91 or more. All of them were found, and no other picture.
- Copies that were histogram equalised (69 %) or cropped by 1 % of each side (89 %) are often found;
  cropped by 2 %, mirrored, turned or inverted ones are not.

Pictures normalised to 64 pixels give the same, within 2 bits and 0.02.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain
from typing import NamedTuple

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 64
"""Rows and columns of the small copy; pHash of 256 bits looks at as many."""
WORDS = 4
"""64-bit words of a hash."""

BITS = 48
"""Most differing bits of a candidate."""
CORRELATION = 0.8
"""Least correlation of a copy."""

_PLAIN = 4.0
"""Standard deviation in grey levels below which a picture shows nothing; a radiograph has 27 and
more."""
_BLUR = 2.0
"""Standard deviation in pixels of the small copy; what is smoother is left out of the comparison,
such as the outline of a chest, which all radiographs share."""

_ROWS, _COLUMNS = 16, 4096  # a block of pairs that stays in the cache of a processor

Hashes = npt.NDArray[np.uint64]
"""Of some pictures, shape (n, WORDS)."""
Thumbs = npt.NDArray[np.uint8]
"""Small copies, shape (n, SIDE, SIDE)."""


class Print(NamedTuple):
    """What is kept of a picture to tell its copies."""

    hash: bytes
    """256 bits."""
    thumb: bytes
    """SIDE x SIDE grey levels, row by row."""


def picture_print(data: bytes) -> Print | None:
    """The print of a JPEG or PNG of 8 bits; None when it shows nothing: one grey all over.

    The sides of the picture are not kept, so that a copy squeezed into a square is known too.

    Raises:
        OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError: it cannot be decoded.
    """
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
        picture.draft("L", (2 * SIDE, 2 * SIDE))
        small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    thumb = np.asarray(small)
    if thumb.std() < _PLAIN:
        return None
    bits = imagehash.phash(small, hash_size=16, highfreq_factor=SIDE // 16).hash
    return Print(np.packbits(bits).tobytes(), thumb.tobytes())


def hashes_of(prints: bytes) -> Hashes:
    """Hashes that stand one after the other, as numbers."""
    return np.frombuffer(prints, dtype=np.uint64).reshape(-1, WORDS)


class Near(NamedTuple):
    """Pairs of pictures with alike hashes, sorted."""

    one: npt.NDArray[np.int64]
    """Numbers of the first pictures."""
    other: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint16]
    """How many differ."""


def near(one: Hashes, other: Hashes, bits: int = BITS, *, threads: int = 1) -> Near:
    """All pairs of one and other whose hashes differ in at most ``bits`` bits.

    Every pair is looked at: 12,000 x 112,000 take 4 to 12 seconds on one core. Memory is bounded by
    the pairs found.
    """
    left, right = np.ascontiguousarray(one.T), np.ascontiguousarray(other.T)
    rows = range(0, len(one), _ROWS)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda row: list(_near_blocks(left, right, row, bits)), rows)
        parts = list(chain.from_iterable(found))
    if not parts:
        return Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16))
    ones = np.concatenate([part.one for part in parts])
    others = np.concatenate([part.other for part in parts])
    order = np.lexsort((others, ones))
    return Near(ones[order], others[order], np.concatenate([p.bits for p in parts])[order])


def _near_blocks(one: Hashes, other: Hashes, row: int, bits: int) -> Iterator[Near]:
    """Of some rows, block by block; the hashes word by word, shape (WORDS, n)."""
    left = one[:, row : row + _ROWS, None]
    for column in range(0, other.shape[1], _COLUMNS):
        right = other[:, None, column : column + _COLUMNS]
        differing = np.bitwise_count(left[0] ^ right[0])
        for word in range(1, WORDS - 1):
            differing += np.bitwise_count(left[word] ^ right[word])
        last = np.bitwise_count(left[-1] ^ right[-1])
        total = np.add(differing, last, dtype=np.uint16)  # 256 is past a byte
        if total.min() <= bits:
            rows, columns = np.nonzero(total <= bits)
            yield Near(rows + row, columns + column, total[rows, columns])


def correlations(one: Thumbs, other: Thumbs) -> npt.NDArray[np.float64]:
    """The correlation of each pair of small copies, -1 to 1, shape (n,)."""
    summed: npt.NDArray[np.float64] = np.einsum("np,np->n", _high_passed(one), _high_passed(other))
    return summed


def _high_passed(thumbs: Thumbs) -> npt.NDArray[np.float64]:
    """Without mean and outlines, of length 1; shape (n, SIDE * SIDE)."""
    pixels = thumbs.astype(np.float64)
    pixels -= _blur() @ pixels @ _blur().T
    flat = pixels.reshape(len(pixels), SIDE * SIDE)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return flat


@cache
def _blur() -> npt.NDArray[np.float64]:
    """A Gaussian along one side, shape (SIDE, SIDE); at the border of what lies inside."""
    place = np.arange(SIDE)
    weights = np.exp(-((place[:, None] - place) ** 2) / (2 * _BLUR**2))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
