"""Tiny tuberculosis sets with every quirk of both; readings and pictures are made up."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from chexinstruct.synthetic import Pixels, encode, radiograph, save

VARIANTS = ("released", "new_names", "merged", "packed")

PORTRAIT, LANDSCAPE = (96, 112), (112, 96)
"""Width and height in pixels."""


class Film(NamedTuple):
    """A picture and its clinical reading."""

    reading: str | bytes | None
    """None: no text file."""
    form: str = "L"
    """Mode of the PNG, or ``16`` (bits), ``corrupt``, ``missing``."""


FILMS = {
    "MCUCXR_0001_0": Film("Patient's Sex: F \r\nPatient's Age: 027Y\r\nnormal\r\n"),
    "MCUCXR_0104_1": Film(
        "Patient's Sex: M\nPatient's Age: 061Y\n"
        "Cavity in the right upper lobe.\n\nStreaky opacities in the left apex.\n",
        "16",
    ),
    # an apostrophe and a plus-minus sign that are not UTF-8
    "MCUCXR_0150_1": Film(
        "Patient\x92s Sex: F\nPatient\x92s Age: 033Y\nNodes of 8\xb12 mm.\n".encode("latin-1")
    ),
    "CHNCXR_0001_0": Film("male 45yrs\nnormal", "RGB"),
    "CHNCXR_0002_0": Film("Female,  28 yrs\nNormal.", "corrupt"),
    "CHNCXR_0003_0": Film("femal 64days \n\nnormal", "P"),
    # sex and age in the wrong words, kept without them
    "CHNCXR_0004_0": Film("thirty years, man\nnormal"),
    # says the contrary of the file name
    "CHNCXR_0005_0": Film("M 19yrs\nleft apical infiltrate"),
    "CHNCXR_0327_1": Film("F 3months\nmiliary shadows in both lungs"),
    "CHNCXR_0350_1": Film("female 71yrs normal"),
    "CHNCXR_0400_1": Film(None),
    # the text of another picture was added
    "CHNCXR_0410_1": Film("male 50yrs\nright STB\nfemale 22yrs\nnormal"),
    "CHNCXR_0411_1": Film(""),
    "CHNCXR_0420_1": Film("male 16month\nright lower field: effusion", "missing"),
    "CHNCXR_0421_1": Film("male 245yrs\nbilateral PTB"),
}
MASKED = ("MCUCXR_0001_0", "CHNCXR_0001_0")
REPEATED = "CHNCXR_0400_1"
"""In the folder ``test`` of merged copies too."""
WITHOUT_LABEL = "CHNCXR_0099"


def write(folder: Path, variant: str = "released") -> None:
    """``released``: the folders of the first release; ``new_names``: those of the newer page.

    ``merged``: both sets in one folder with masks and a folder ``test``, as on Kaggle; ``packed``:
    the two zip archives.
    """
    files: dict[str, bytes | str] = {}
    for seed, (stem, film) in enumerate(FILMS.items()):
        home = _home(stem, variant)
        size = LANDSCAPE if seed % 2 else PORTRAIT
        if film.form != "missing":
            files[f"{home}/CXR_png/{stem}.png"] = _picture(radiograph(*size, seed), film.form)
        if film.reading is not None:
            files[f"{home}/ClinicalReadings/{stem}.txt"] = film.reading
    china, county = _home("CHN", variant), _home("MCU", variant)
    mask = encode(np.full((112, 96), 255, dtype=np.uint8), ".png")
    files[f"{china}/CXR_png/{WITHOUT_LABEL}.png"] = mask
    files[f"{china}/CXR_png/Thumbs.db"] = b"\xd0\xcf\x11\xe0"
    files[f"{china}/NLM-ChinaCXRSet-ReadMe.docx"] = b"PK"
    files[f"{county}/NLM-MontgomeryCXRSet-ReadMe.pdf"] = b"%PDF-1.4\n"
    if variant == "merged":
        files[f"{china}/masks/{MASKED[0]}.png"] = mask
        files[f"{china}/masks/{MASKED[1]}_mask.png"] = mask
        files[f"{china}/test/{REPEATED}.png"] = files[f"{china}/CXR_png/{REPEATED}.png"]
    else:
        files[f"{county}/ManualMask/leftMask/{MASKED[0]}.png"] = mask
        files[f"{county}/ManualMask/rightMask/{MASKED[0]}.png"] = mask
        files[f"{county}/montgomery_consensus_roi.csv"] = "name,x,y\n"
        files[f"{china}/shenzhen_consensus_roi.csv"] = "name,x,y\n"
        files[f"{china}/Annotations/mask/CHNCXR_0327_1/opacity.png"] = mask
    if variant == "packed":
        _pack(folder, files)
    else:
        save(folder, files)


def _home(stem: str, variant: str) -> str:
    if variant == "merged":
        return "chest-xray-masks-and-labels/Lung Segmentation"
    if stem.startswith("MCU"):
        return ("Montgomery-County-CXR-Set/" if variant == "new_names" else "") + "MontgomerySet"
    return "Shenzhen-Hospital-CXR-Set" if variant == "new_names" else "ChinaSet_AllFiles"


def _picture(pixels: Pixels, form: str) -> bytes:
    match form:
        case "corrupt":
            return encode(pixels, ".png")[:60]
        case "16":
            buffer = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint16) << 4).save(buffer, "PNG")
            return buffer.getvalue()
    return encode(pixels, ".png", mode=form)


def _pack(folder: Path, files: dict[str, bytes | str]) -> None:
    """One archive a set, each with a folder of its own name in it."""
    for root in ("MontgomerySet", "ChinaSet_AllFiles"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                if path.startswith(f"{root}/"):
                    archive.writestr(zipfile.ZipInfo(path), content)
        save(folder, {f"{root}.zip": buffer.getvalue()})
