"""A tiny SIIM-ACR pneumothorax set with every quirk of its tables; the pictures are phantoms."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chexinstruct.synthetic import crescent, dicom, encode, radiograph, save, siim_runs

VARIANTS = ("stage_2", "stage_1", "both_tables", "png", "png_mirror")

GRID = 1024
"""Rows and columns of the grid that masks live on."""
PIXELS = 128
"""Rows and columns of the pictures of this sample."""

Mask = npt.NDArray[np.bool_]


def rectangle(x1: int, y1: int, x2: int, y2: int) -> Mask:
    """A filled rectangle between pixel edges."""
    mask = np.zeros((GRID, GRID), dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


class Case(NamedTuple):
    """A picture: its rows in the table and its DICOM header."""

    cells: tuple[str, ...]
    sex: str = ""
    age: str = ""
    view: str = ""
    patient: str | None = None
    """None: a patient of its own."""
    stage_1_test: bool = False
    monochrome1: bool = False


RIGHT_APEX = crescent(GRID, 300, 300, 300, 420, 60)
LEFT_APEX = crescent(GRID, 720, 290, 280, 400, -60)
LEFT_BASE = crescent(GRID, 740, 560, 260, 420, -40)
RECTANGLE = rectangle(100, 200, 150, 260)

CASES: dict[str, Case] = {
    "negative": Case(("-1",), "M", "62", "PA"),
    "negative_blank_before": Case((" -1",), "F", "37", "PA"),
    "negative_empty": Case(("",), "F", "48", "AP"),
    "rectangle": Case((siim_runs(RECTANGLE),), "M", "24", "PA"),
    "two_masks": Case((siim_runs(LEFT_APEX), siim_runs(RIGHT_APEX)), "M", "31", "AP"),
    "adjoining": Case(
        (siim_runs(rectangle(640, 200, 700, 320)), siim_runs(rectangle(700, 220, 760, 400))),
        "F",
        "55",
        "AP",
    ),
    "left_apex": Case((siim_runs(LEFT_APEX),), "F", "19", "PA", patient="p-one"),
    "left_apex_later": Case(
        (siim_runs(LEFT_BASE),), "F", "19", "AP", patient="p-one", monochrome1=True
    ),
    "first_pixel": Case((siim_runs(rectangle(0, 0, 3, GRID)),), "M", "70", "AP"),  # whole columns
    "no_file": Case((siim_runs(RIGHT_APEX),)),
    "age_155": Case(("-1",), "M", "155", "PA"),
    "no_patient_id": Case(("-1",), "F", "66", "AP", patient=""),
    "lossless": Case(("-1",), "M", "058Y", "PA"),
    "odd_values": Case((siim_runs(RIGHT_APEX), "5 10 20"), "M", "44", "PA"),
    "past_the_end": Case(("1048570 10",), "F", "52", "PA"),
    "both": Case(("-1", siim_runs(LEFT_APEX)), "M", "33", "PA"),
    "stage_1_test_negative": Case(("-1",), "F", "29", "PA", stage_1_test=True),
    "stage_1_test_positive": Case((siim_runs(LEFT_BASE),), "M", "41", "AP", stage_1_test=True),
}
UNLABELLED = "not_in_the_table"
MISSING = "no_file"


def image_id(name: str) -> str:
    """The DICOM UID that stands for a case of this sample; its last dot starts no suffix."""
    number = [*CASES, UNLABELLED].index(name)
    return f"1.2.276.0.7230010.3.1.4.8323329.{300 + number}.15178751{number:02d}.{242515 + number}"


def write(folder: Path, variant: str = "stage_2") -> None:
    """``stage_2``: ``train-rle.csv`` with all pictures; ``stage_1``: as it was before.

    ``both_tables``: that of stage 1 and ``stage_2_train.csv``; ``png``: flat PNG pictures named by
    the UID; ``png_mirror``: numbered PNG pictures and masks with two lists of names.
    """
    early = {name: case for name, case in CASES.items() if not case.stage_1_test}
    if variant == "both_tables":
        save(folder, {"train-rle.csv": _table(early, "ImageId, EncodedPixels")})
        save(folder, {"stage_2_train.csv": _table(CASES, "ImageId,EncodedPixels")})
    else:
        cases = early if variant == "stage_1" else CASES
        save(folder, {"train-rle.csv": _table(cases, "ImageId, EncodedPixels")})
    mirror: dict[str, list[str]] = {"train": [], "test": []}
    for seed, name in enumerate([*CASES, UNLABELLED]):
        if name == MISSING:
            continue
        pixels = radiograph(PIXELS, PIXELS, seed)
        if variant == "png":
            save(folder, {f"{image_id(name)}.png": encode(pixels, ".png")})
        elif variant == "png_mirror":
            mirror_side = "test" if name in CASES and CASES[name].stage_1_test else "train"
            positive = int(name in CASES and any(cell.count(" ") > 1 for cell in CASES[name].cells))
            new = f"{len(mirror[mirror_side])}_{mirror_side}_{positive}_.png"
            mirror[mirror_side].append(f"{new},{image_id(name)},{positive}")
            save(folder, {f"png_images/{new}": encode(pixels, ".png")})
            save(folder, {f"png_masks/{new}": encode(pixels, ".png")})
        else:
            _save_dicom(folder, name, pixels, seed)
    if variant == "png_mirror":
        for side, rows in mirror.items():
            listed = "\n".join(["new_filename,ImageId,has_pneumo", *rows])
            save(folder, {f"stage_1_{side}_images.csv": listed + "\n"})
    elif variant != "png":
        test = dicom(
            radiograph(PIXELS, PIXELS, 99), "1.2.276.0.7230010.3.1.4.9", compression="jpeg"
        )
        save(folder, {"stage_2_images/ID_000000001.dcm": test})


def _table(cases: dict[str, Case], header: str) -> str:
    """All first rows, then all second rows, so that the rows of a picture stand apart."""
    rows = [(image_id(name), case.cells[0]) for name, case in cases.items()]
    rows += [(image_id(name), cell) for name, case in cases.items() for cell in case.cells[1:]]
    return "\n".join([header, *(f"{image},{cell}" for image, cell in rows)]) + "\n"


def _save_dicom(folder: Path, name: str, pixels: npt.NDArray[np.uint8], seed: int) -> None:
    case = CASES.get(name, Case(()))
    uid = image_id(name)
    patient = f"16d7f894-55d7-4d95-8957-{seed:012d}" if case.patient is None else case.patient
    tags: dict[str, Any] = {
        "PatientID": patient,
        "PatientSex": case.sex,
        "PatientAge": case.age,
        "ViewPosition": case.view,
        "compression": None if name == "lossless" else "jpeg",
        "monochrome1": case.monochrome1,
    }
    half = "test" if case.stage_1_test else "train"
    study, series = (uid.replace(".4.8323329", f".{level}.8323329") for level in (2, 3))
    place = f"dicom-images-{half}/{study}/{series}/{uid}.dcm"
    with warnings.catch_warnings():
        # pydicom warns of ages like 62, which the real headers hold in place of 062Y
        warnings.simplefilter("ignore")
        content = dicom(pixels, uid, **tags)
    save(folder, {place: content})
