"""A tiny BRAX with every quirk of its table; the pictures are phantoms, all ids are made up."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from chexinstruct.synthetic import Pixels, dicom, encode, radiograph, save

VARIANTS = ("v1_1_0", "v1_0_0", "stray")

SIZE = 64
LABELS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)


class Exam(NamedTuple):
    """One study; ``views`` are cells of ViewPosition, ``labels`` those of the label columns."""

    patient: str
    study: str
    date: str
    sex: str
    age: str
    views: tuple[str, ...]
    labels: str


EXAMS = (
    Exam("70010001", "80020001", "20370310", "F", "60", ("PA", "L"), "+Pneumonia ?Edema"),
    Exam("70010002", "80020002", "20180704", "M", "35", ("PA",), "+No Finding +Support Devices"),
    # nothing mentioned at all
    Exam("70010003", "80020003", "20190101", "M", "0", ("PA", "RL"), ""),
    Exam("70010004", "80020004", "20200229", "F", "75", ("LT-DECUB",), "+Pleural Effusion"),
    # ViewPosition is blank
    Exam("70010005", "80020005", "20210615", "M", "5", ("",), "-Pneumothorax +Lung Opacity"),
    # the patient of the first study, eight years before it
    Exam("70010001", "80020006", "20290501", "O", "85 or more", ("AP", "AP LLD"), "+Cardiomegaly"),
    # the patient and the date of the study above; its second picture is missing
    Exam(
        "70010001",
        "80020007",
        "20290501",
        "O",
        "85 or more",
        ("PA", "RLO"),
        "-Cardiomegaly -Pleural Effusion +Fracture",
    ),
    Exam(
        "70010006",
        "80020008",
        "20330917",
        "M",
        "40",
        ("AP",),
        "+Atelectasis +Support Devices -Pneumothorax -Edema",
    ),
    # a key that begins like that of another picture
    Exam("70010007", "080020009", "20250808", "F", "20", ("PA",) * 12, "-Fracture +Lung Lesion"),
)
MISSING = ("80020007", 2)
"""Study and number of the picture that is not there."""
NOT_THERE = ("080020009", 12)
"""Missing too; pictures 1 and 2 of its study are there."""
DEEP = ("80020008", 1)
"""Its PNG has 16 bits."""


def key(exam: Exam, number: int) -> str:
    """The picture's place below ``images``, without suffix."""
    uid = f"11.22.{exam.study}"
    return f"id_{exam.patient}/Study_{uid}/Series_{uid}.1/image-{number}"


def write(folder: Path, variant: str = "v1_1_0") -> None:
    """``v1_1_0``: PNG and DICOM paths, PNG pictures, a first column without a name.

    ``v1_0_0``: the older table, labels in another order, AccessionNumber as a number, DICOM files
    without suffix; ``stray``: paths without the first folder and with characters behind, in
    PhysioNet's folders, beside the older table.
    """
    root = folder / "physionet.org/files/brax/1.1.0" if variant == "stray" else folder
    table = "master_spreadsheet.csv" if variant == "v1_0_0" else "master_spreadsheet_update.csv"
    save(root, {table: _table(variant), "SHA256SUMS.txt": "", "LICENSE.txt": "made up\n"})
    if variant == "stray":
        save(root, {"master_spreadsheet.csv": _table("v1_0_0").replace("80020001", "89999999")})
    for seed, exam in enumerate(EXAMS):
        for number, name in enumerate(exam.views, start=1):
            if (exam.study, number) in (MISSING, NOT_THERE):
                continue
            pixels = radiograph(SIZE, SIZE, seed * 100 + number, lateral=name in ("L", "RL"))
            place = key(exam, number)
            if variant == "v1_0_0":
                uid = f"1.2.826.0.1.3680043.9.7433.5.{int(exam.study)}.{number}"
                save(root, {f"Anonymized_DICOMs/{place}": dicom(pixels, uid, bits=12)})
            elif (exam.study, number) == DEEP:
                save(root, {f"images/{place}.png": _deep(pixels)})
            else:
                save(root, {f"images/{place}.png": encode(pixels, ".png")})


def _deep(pixels: Pixels) -> bytes:
    """A PNG of 16 bits."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) << 8).save(buffer, "PNG")
    return buffer.getvalue()


def _cells(exam: Exam, labels: tuple[str, ...]) -> list[str]:
    values = {"+": "1.0", "-": "0.0", "?": "-1.0"}
    said = {sign + name: value for sign, value in values.items() for name in LABELS}
    return [
        next((said[sign + name] for sign in values if sign + name in exam.labels), "")
        for name in labels
    ]


def _table(variant: str) -> str:
    labels = LABELS if variant != "v1_0_0" else tuple(sorted(LABELS))
    header = ["DicomPath", "PngPath", "PatientID", "PatientSex", "PatientAge", "AccessionNumber"]
    header += ["StudyDate", *labels, "ViewPosition", "Rows", "Columns", "Manufacturer"]
    rows: list[list[str]] = []
    for exam in EXAMS:
        for number, name in enumerate(exam.views, start=1):
            place = key(exam, number)
            png, dcm = f"images/{place}.png", f"Anonymized_DICOMs/{place}.dcm"
            if variant == "stray":
                png, dcm = f"{place}.png_64x64", f"{place}.dcm_64x64"
            study = exam.study
            if variant == "v1_0_0" and not study.startswith("0"):
                study = f"{study}.0"
            row = [dcm, png, exam.patient, exam.sex, exam.age, study, exam.date]
            rows.append([*row, *_cells(exam, labels), name, str(SIZE), f"{SIZE}.0", "3"])
    if variant == "v1_1_0":
        header = ["", *header]
        rows = [[str(number), *row] for number, row in enumerate(rows)]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()
