"""What a table tells of the greys of a picture, and files of any name, on their way to a corpus."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from build_support import recipe
from images_support import encode
from PIL import Image

from chexinstruct.build import BuildOptions, build
from chexinstruct.errors import ChexinstructError
from chexinstruct.images import ImageSettings, Told, normalise
from chexinstruct.schema import Lock
from chexinstruct.synthetic import dicom, radiograph, save

CARD = """
key: tone_toy
name: Toy
summary: Pictures of nobody.
home: https://example.org/toy
versions: ["1"]
license: open
license_name: none
terms: Free.
redistribution: "yes"
access: [Ask example.org.]
citation: Nobody. Toy.
files: [{pattern: toy.csv, what: everything}]
split: none
"""

LOADER = """
from chexinstruct.schema import Image, Study

COLUMNS = {name: name for name in ("file", "center", "width", "inverted")}

def studies(release, parents):
    for row in release.table("toy.csv", COLUMNS):
        window = (float(row["center"]), float(row["width"])) if row["center"] else None
        yield Study(
            source=release.source,
            id=f"{row['file']}:{row.line}",
            people=(f"toy:{row['file']}",),
            images=(Image(key=row["file"], path=row["file"], view="PA", view_source="table",
                          window=window, inverted=row["inverted"] == "1"),),
        )
"""

SIZE = 40
DEEP = radiograph(SIZE, SIZE, 1).astype(np.uint16) * 16
SHALLOW = radiograph(SIZE, SIZE, 2)
FILES = {
    "windowed.png": encode(DEEP, "PNG"),
    "inverted.png": encode(DEEP, "PNG"),
    "plain.png": encode(DEEP, "PNG"),
    "hopeless.png": encode(DEEP, "PNG"),
    "shallow.png": encode(SHALLOW, "PNG"),
    "1.2.840.3": encode(SHALLOW, "PNG"),
    "bare": dicom(SHALLOW, "1.2.3", bits=12, monochrome1=True),
    "a_dicom.png": dicom(SHALLOW, "1.2.4", bits=12, compression="jpeg_lossless"),
    "a_jpeg.png": encode(SHALLOW, "JPEG", quality=98),
    "a_png.dcm": encode(SHALLOW, "PNG"),
}
TOLD = {
    "windowed.png": Told((1500, 2000)),
    "inverted.png": Told((1500, 2000), True),
    "hopeless.png": Told((60000, 100)),
    "shallow.png": Told((60, 50), True),
    "bare": Told(None, True),  # a DICOM file says it itself
}


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package that brings the source."""
    site = tmp_path_factory.mktemp("site")
    info = "tone_package-1.0.dist-info"
    save(
        site,
        {
            "tone_package/__init__.py": "",
            "tone_package/tone_toy/__init__.py": "",
            "tone_package/tone_toy/card.yaml": CARD,
            "tone_package/tone_toy/loader.py": LOADER,
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: tone-package\nVersion: 1.0\n",
            f"{info}/entry_points.txt": "[chexinstruct.sources]\n"
            "tone_toy = tone_package.tone_toy\n",
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield


def table(told: dict[str, Told]) -> str:
    rows = ["file,center,width,inverted"]
    for name in FILES:
        window, inverted = told.get(name, Told())
        center, width = window or ("", "")
        rows.append(f"{name},{center},{width},{int(inverted)}")
    return "\n".join(rows) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "data" / "tone_toy", {**FILES, "toy.csv": table(TOLD)})
    return tmp_path


def made(folder: Path, mode: str = "embed") -> Lock:
    images = {"format": "png", "size": 64, "mode": mode}
    sampling = {"view_classification": {"balance": False}}
    manifest = recipe(
        sources=["tone_toy"], tasks=["view_classification"], images=images, sampling=sampling
    )
    return build(
        manifest, folder / "data", folder / mode, BuildOptions(cache=folder / "cache", workers=1)
    )


def pictures(folder: Path, mode: str = "embed") -> dict[str, bytes]:
    """By the picture's name in its source."""
    found: dict[str, bytes] = {}
    if mode == "store":
        for path in (folder / mode / "images").rglob("*.parquet"):
            for row in pq.read_table(path).to_pylist():
                found[row["image_id"]] = row["image"]["bytes"]
        return found
    for path in (folder / mode / "data").rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            (found[row["image_ids"][0]],) = (image["bytes"] for image in row["images"])
    return found


def greys(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def test_pictures_are_shown_as_the_table_says(folder: Path) -> None:
    made(folder)
    shown = {name: greys(data) for name, data in pictures(folder).items()}
    assert shown.keys() == FILES.keys()
    windowed = np.clip((DEEP.astype(float) - 1499.5) / 1999 + 0.5, 0, 1) * 255
    assert np.abs(shown["windowed.png"] - windowed).max() <= 1
    assert np.abs(shown["inverted.png"] + windowed - 255).max() <= 1
    assert np.array_equal(shown["hopeless.png"], shown["plain.png"])
    assert np.array_equal(shown["shallow.png"], 255 - SHALLOW.astype(int))


def test_files_are_read_by_what_they_hold_whatever_they_are_called(folder: Path) -> None:
    made(folder)
    shown = {name: greys(data) for name, data in pictures(folder).items()}
    for name in ("1.2.840.3", "a_png.dcm"):
        assert np.array_equal(shown[name], SHALLOW), name
    assert np.abs(shown["a_jpeg.png"] - SHALLOW).max() <= 12
    for name in ("bare", "a_dicom.png"):
        reference = normalise(FILES[name], ImageSettings(format="png"))
        assert np.array_equal(shown[name], greys(reference.data)), name
        assert np.corrcoef(shown[name].ravel(), SHALLOW.ravel())[0, 1] > 0.99, "upside down"


@pytest.mark.parametrize("mode", ["embed", "store"])
@pytest.mark.parametrize(
    "now", [Told((1000, 900)), Told((1500, 2000), True), Told()], ids=["window", "inverted", "none"]
)
def test_what_the_table_tells_anew_is_made_anew(folder: Path, mode: str, now: Told) -> None:
    made(folder, mode)
    before = pictures(folder, mode)
    save(folder / "data" / "tone_toy", {"toy.csv": table({**TOLD, "windowed.png": now})})
    made(folder, mode)
    after = pictures(folder, mode)
    assert {name for name in after if after[name] != before[name]} == {"windowed.png"}
    assert (
        after["windowed.png"]
        == normalise(FILES["windowed.png"], ImageSettings(format="png", size=64), now).data
    )
    save(folder / "data" / "tone_toy", {"toy.csv": table(TOLD)})
    made(folder, mode)
    assert pictures(folder, mode) == before


def test_two_opinions_on_one_picture_are_told(folder: Path) -> None:
    twice = table(TOLD) + "windowed.png,1000,900,0\n"
    save(folder / "data" / "tone_toy", {"toy.csv": twice})
    with pytest.raises(ChexinstructError, match=r"tone_toy: windowed.png: two .* windows") as error:
        made(folder)
    assert "\n" not in str(error.value)
