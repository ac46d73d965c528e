"""How far copies of radiographs differ, and how much different radiographs are alike.

    python benchmarks/likeness.py FOLDER [FOLDER ...]

prints what the limits of ``chexinstruct/likeness.py`` were chosen on. The folders hold radiographs
(DICOM, PNG, JPEG), each of them once.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from chexinstruct.images import ImageSettings, normalise
from chexinstruct.likeness import (
    BITS,
    CORRELATION,
    SIDE,
    WORDS,
    Hashes,
    Thumbs,
    correlations,
    hashes_of,
    near,
    picture_print,
)

WHOLE = ImageSettings(size=1024, format="png")
SUFFIXES = (".dcm", ".png", ".jpg", ".jpeg")

Change = Callable[[Image.Image], Image.Image]


def scaled(side: int) -> Change:
    return lambda image: ImageOps.scale(image, side / min(image.size), Image.Resampling.LANCZOS)


def gamma(power: float) -> Change:
    return lambda image: image.point([round(255 * (grey / 255) ** power) for grey in range(256)])


def cropped(part: float) -> Change:
    return lambda image: ImageOps.crop(image, round(part * min(image.size)))


CHANGES: dict[str, list[tuple[Change, int]]] = {
    "JPEG, quality 30 to 95, 128 to 1024 px": [
        (scaled(side), quality) for side in (128, 224, 256, 512, 1024) for quality in (30, 60, 95)
    ],
    "nearest neighbour, blur": [
        (lambda image: image.resize((512, 512), Image.Resampling.NEAREST), 90),
        (lambda image: image.filter(ImageFilter.GaussianBlur(2)), 90),
    ],
    "brightness x 0.7 and 1.3": [
        (lambda image, by=by: ImageEnhance.Brightness(image).enhance(by), 90) for by in (0.7, 1.3)
    ],
    "brightness x 1.2 at 224 px": [
        (lambda image: ImageEnhance.Brightness(scaled(224)(image)).enhance(1.2), 75)
    ],
    "contrast x 0.7 and 1.4": [
        (lambda image, by=by: ImageEnhance.Contrast(image).enhance(by), 90) for by in (0.7, 1.4)
    ],
    "gamma 0.6 to 1.6": [(gamma(power), 90) for power in (0.6, 0.8, 1.25, 1.6)],
    "histogram equalised": [(ImageOps.equalize, 90)],
    "1 % cropped": [(cropped(0.01), 90)],
    "2 % cropped": [(cropped(0.02), 90)],
    "mirrored": [(ImageOps.mirror, 90)],
    "inverted": [(ImageOps.invert, 90)],
}


class Prints(NamedTuple):
    hashes: Hashes
    thumbs: Thumbs


def prints_of(pictures: Sequence[bytes], settings: ImageSettings) -> Prints:
    found = [picture_print(normalise(data, settings).data) for data in pictures]
    assert None not in found, "a picture without any structure"
    return Prints(
        hashes_of(b"".join(p.hash for p in found if p)),
        np.frombuffer(b"".join(p.thumb for p in found if p), np.uint8).reshape(-1, SIDE, SIDE),
    )


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def apart(one: Prints, other: Prints) -> tuple[np.ndarray, np.ndarray]:
    """Differing bits and correlation of every pair, shape (n, n)."""
    bits = sum(
        np.bitwise_count(one.hashes[:, None, w] ^ other.hashes[None, :, w]).astype(int)
        for w in range(WORDS)
    )
    return bits, np.stack(
        [correlations(np.repeat(t[None], len(other.thumbs), 0), other.thumbs) for t in one.thumbs]
    )


def person(path: Path) -> str:
    """Of ChestX-ray14 by the file's name; any other picture is a person of its own."""
    first, mark, _ = path.stem.partition("_")
    return first if mark and first.isdigit() and len(first) == 8 else str(path)


def measure(paths: Sequence[Path], size: int) -> None:
    settings = ImageSettings(size=size)
    data = [path.read_bytes() for path in paths]
    pictures = [Image.open(io.BytesIO(normalise(one, WHOLE).data)) for one in data]
    own = prints_of(data, settings)
    persons = np.array([person(path) for path in paths])
    bits, alike = apart(own, own)
    pairs = np.triu(np.ones_like(bits, dtype=bool), 1)
    same = pairs & (persons[:, None] == persons[None])
    print(f"\n{len(paths)} pictures, {len(set(persons))} persons, normalised to {size} pixels")
    for name, chosen in (("different pictures", pairs), ("of one person", same)):
        if chosen.any():
            print(
                f"{chosen.sum():6} pairs {name:40} bits >= {bits[chosen].min():3}  "
                f"correlation <= {alike[chosen].max():.3f}"
            )
    others = ~np.eye(len(paths), dtype=bool)
    for name, changes in CHANGES.items():
        found, farthest, least, wrong = [], 0, 1.0, 0
        for change, quality in changes:
            copies = prints_of([jpeg(change(image), quality) for image in pictures], settings)
            bits, alike = apart(own, copies)
            taken = (bits <= BITS) & (alike >= CORRELATION)
            found.append(taken.diagonal().mean())
            farthest = max(farthest, bits.diagonal().max())
            least = min(least, alike.diagonal().min())
            wrong += int((taken & others).sum())
        print(
            f"copies: {name:45} bits <= {farthest:3}  correlation >= {least:6.3f}  "
            f"found {min(found):6.1%}  others taken {wrong}"
        )


def search(one: int, other: int) -> None:
    chance = np.random.default_rng(0)
    many = [chance.integers(0, 2**64, (n, WORDS), dtype=np.uint64) for n in (one, other)]
    for threads in (1, 2):
        start = time.perf_counter()
        near(*many, threads=threads)
        took = time.perf_counter() - start
        print(f"search of {one:,} x {other:,} hashes, {threads} threads: {took:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    arguments = parser.parse_args()
    paths = sorted(
        path for f in arguments.folder for path in f.rglob("*") if path.suffix in SUFFIXES
    )
    for size in (512, 64):
        measure(paths, size)
    search(12_000, 112_000)


if __name__ == "__main__":
    main()
