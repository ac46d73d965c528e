"""A tiny Object-CXR: all shapes, pictures of both orientations, labels that were held back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from chexinstruct.synthetic import Pixels, radiograph, save

VARIANTS = ("publisher", "zips", "with_test_labels")

LANDSCAPE, PORTRAIT = (200, 100), (100, 200)


class Case(NamedTuple):
    """A picture and its cell in the table."""

    shapes: str
    size: tuple[int, int] = LANDSCAPE
    orientation: int = 1
    """EXIF tag of the JPEG file; the stored pixels stay as they are."""


TRAIN: dict[str, Case] = {
    "00001": Case(""),
    "00002": Case("0 20 10 60 50"),
    "00003": Case("1 30 60 70 120", PORTRAIT),
    "00004": Case("2 40 20 80 15 95 40 70 60 45 50"),
    "00005": Case("1 120 30 150 60;0 20 10 40 30;2 60 60 90 60 90 90 60 90 60 60", orientation=6),
    "00006": Case("2 -20 40 30 20 30 70;2 180 10 230 30 180 50"),
    "00007": Case("0 20.0 10.0 60.0 50.5; ;"),
    "00008": Case("0 20 10 60 50"),
    "00009": Case("", PORTRAIT),
    "00010": Case("0 30 30 30 40;0 50 110 70 140;2 5 5 9 9", PORTRAIT),
    "00011": Case("0 30 30 30 30"),
    "00012": Case("0 20 10 60 50;3 1 2 3 4"),
    "00013": Case("1 -16 30 4 60"),
    "00014": Case("0 300 20 340 60"),
    "00015": Case(""),
    "00016": Case("1 60 40 110 80"),
}
DEV: dict[str, Case] = {
    "08001": Case(""),
    "08002": Case("1 30 20 90 70"),
    "08003": Case("0 140 60 160 80", orientation=3),
}
TEST: dict[str, Case] = {"09001": Case("0 20 10 60 50"), "09002": Case("")}
MISSING = "00008"


def write(folder: Path, variant: str = "publisher") -> None:
    """``publisher``: unpacked; the test pictures are listed without labels.

    ``zips``: pictures in their archives as downloaded, no list of test pictures;
    ``with_test_labels``: a copy that has them, tables in a folder of their own and paths in them.
    """
    whole = variant == "with_test_labels"
    place = "annotations/" if whole else ""
    save(folder, {f"{place}train.csv": _table(TRAIN, "image_name", "train/" if whole else "")})
    save(folder, {f"{place}dev.csv": _table(DEV, "image_path", "/data/dev/")})
    if whole:
        save(folder, {f"{place}test.csv": _table(TEST, "image_name", "")})
    elif variant == "publisher":
        save(folder, {"test.csv": "image_name\n" + "".join(f"{name}.jpg\n" for name in TEST)})
    for part, cases in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        files = {
            f"{part}/{name}.jpg": _jpeg(case, int(name))
            for name, case in cases.items()
            if name != MISSING
        }
        if variant == "zips":
            _zip(folder / f"{part}.zip", files)
        else:
            save(folder, dict(files))


def _table(cases: dict[str, Case], column: str, prefix: str) -> str:
    rows = (f"{prefix}{name}.jpg,{case.shapes}" for name, case in cases.items())
    return "\n".join([f"{column},annotation", *rows]) + "\n"


def _zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # a date that never changes


def _jpeg(case: Case, seed: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = case.orientation
    buffer = io.BytesIO()
    Image.fromarray(_with_objects(case, seed)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def _with_objects(case: Case, seed: int) -> Pixels:
    """A phantom with something dense inside each shape."""
    picture = Image.fromarray(radiograph(*case.size, seed))
    draw = ImageDraw.Draw(picture)
    for shape in case.shapes.split(";"):
        kind, *numbers = [float(word) for word in shape.split()] or [3.0]
        if kind == 0:
            draw.rectangle(numbers, fill=235)
        elif kind == 1:
            draw.ellipse(numbers, fill=235)
        elif kind == 2 and len(numbers) > 4:
            draw.polygon(numbers, fill=235)
    return np.asarray(picture)
