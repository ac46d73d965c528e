"""A tiny RSNA pneumonia set with every quirk of its tables; the pictures are phantoms."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import dicom, encode, radiograph, save

VARIANTS = ("kaggle", "zips", "copies", "rsna_page")

PIXELS = 64
"""Rows and columns of the pictures of this sample."""

NORMAL, OTHER, OPACITY = "Normal", "No Lung Opacity / Not Normal", "Lung Opacity"

Box = tuple[str, str, str, str]


class Case(NamedTuple):
    """A picture: its boxes (x, y, width, height as in the table), class and header."""

    category: str
    boxes: tuple[Box, ...] = ()
    sex: str = ""
    age: str = ""
    view: str = ""
    monochrome1: bool = False
    nih: str = ""
    """Its name in ChestX-ray14."""
    error: str = "0.9"
    """How far the match by pixels is off."""


CASES: dict[str, Case] = {
    "normal": Case(NORMAL, (), "F", "44", "PA", nih="00000002_000.png"),
    "not_normal": Case(OTHER, (), "M", "58", "PA", nih="00000001_000.png", error="1.873"),
    "one_box": Case(
        OPACITY, (("264.0", "152.0", "213.0", "379.0"),), "M", "58", "PA", nih="00000001_001.png"
    ),
    "three_boxes": Case(
        OPACITY,
        (
            ("562.0", "152.0", "256.5", "453.0"),
            ("180.25", "300.0", "140.0", "96.125"),
            ("200.0", "610.0", "150.0", "120.0"),
        ),
        "F",
        "1",
        "AP",
        nih="00000003_002.png",
    ),
    "at_the_border": Case(
        OPACITY, (("700.0", "624.0", "324.0", "400.0"),), "F", "34", "AP", nih="00000004_000.png"
    ),
    "no_file": Case(OPACITY, (("90.0", "120.0", "200.0", "310.0"),), nih="00000005_000.png"),
    "damaged_file": Case(NORMAL, nih="00000006_000.png"),
    "age_151": Case(NORMAL, (), "M", "151", "PA", nih="00000007_000.png"),
    "inverted": Case(OTHER, (), "F", "67", "AP", monochrome1=True, nih="00000005_003.png"),
    "png_copy": Case(NORMAL, nih="00000009_000.png"),
    "doubtful": Case(OTHER, (), "M", "39", "PA", nih="00000002_000.png", error="92.324"),
}
MISSING, DAMAGED, PNG = "no_file", "damaged_file", "png_copy"
UNLABELLED = "test_picture"
EXCLUDED = "without_final_label"
"""A picture of the RSNA's page on which its readers came to no final label."""


def picture_id(name: str) -> str:
    """The id that stands for a case of this sample."""
    number = [*CASES, UNLABELLED, EXCLUDED].index(name)
    return f"{0x0A10 + number:08x}-5d3c-4f0b-9a77-{0xC0FFEE00 + number:012x}"


def uid(name: str, level: int = 4) -> str:
    """The SOP instance UID of a case; level 2 and 3 are its study and series."""
    number = [*CASES, UNLABELLED, EXCLUDED].index(name)
    return f"1.2.276.0.7230010.3.1.{level}.8323329.{900 - number}.1517874290.{600 + number}"


def write(folder: Path, variant: str = "kaggle") -> None:
    """``kaggle``: as Kaggle ships it, with a match table; ``zips``: each table and folder packed.

    ``copies``: flat PNG and JPEG copies and the one table of targets; ``rsna_page``: DICOM files by
    UID, the annotation file and the list of pictures of ChestX-ray14.
    """
    if variant == "rsna_page":
        save(folder, {"pneumonia-challenge-annotations-adjudicated-kaggle_2018.json": _project()})
        save(folder, {"pneumonia-challenge-dataset-mappings_2018.json": _mappings()})
        for name in (*CASES, UNLABELLED, EXCLUDED):
            if name != MISSING:
                place = "/".join(uid(name, level) for level in (2, 3, 4))
                save(folder, {f"{place}.dcm": _dicom(name)})
        return
    files: dict[str, bytes | str] = {"stage_2_train_labels.csv": _labels()}
    if variant == "copies":
        for seed, name in enumerate(CASES):
            if name != MISSING:
                suffix = ".jpg" if seed % 2 else ".png"
                copy = encode(radiograph(PIXELS, PIXELS, 5000 + seed), suffix)
                files[f"images/{picture_id(name)}{suffix}"] = copy
        save(folder, files)
        return
    files["stage_2_detailed_class_info.csv"] = _details()
    for name in CASES:
        if name == PNG:
            copy = encode(radiograph(PIXELS, PIXELS, 5007), ".png")
            files[f"stage_2_train_images/{picture_id(name)}.png"] = copy
        elif name != MISSING:
            files[f"stage_2_train_images/{picture_id(name)}.dcm"] = _dicom(name)
    files[f"stage_2_test_images/{picture_id(UNLABELLED)}.dcm"] = _dicom(UNLABELLED)
    if variant == "zips":
        files = _packed(files)
    files["rsna_nih_matches.csv"] = _matches()
    save(folder, files)


def _labels() -> str:
    rows = ["patientId,x,y,width,height,Target"]
    for name, case in CASES.items():
        rows += [f"{picture_id(name)},{','.join(box)},1" for box in case.boxes]
        if not case.boxes:
            rows.append(f"{picture_id(name)},,,,,0")
    return "\n".join(rows) + "\n"


def _details() -> str:
    """As many equal rows for a picture as there are boxes."""
    rows = ["patientId,class"]
    for name, case in CASES.items():
        rows += [f"{picture_id(name)},{case.category}"] * max(1, len(case.boxes))
    return "\n".join(rows) + "\n"


def _matches() -> str:
    rows = [f"{picture_id(name)},{case.nih},{case.error}" for name, case in CASES.items()]
    return "\n".join(["patientId,nih_image,mse", *rows]) + "\n"


def _mappings() -> str:
    names = {**{name: case.nih for name, case in CASES.items()}, UNLABELLED: "00000010_000.png"}
    return json.dumps(
        [
            {
                "img_id": nih,
                "subset_img_id": picture_id(name),
                "subset_group": 1,
                "orig_labels": ["No Finding"],
                "StudyInstanceUID": uid(name, 2),
                "SeriesInstanceUID": uid(name, 3),
                "SOPInstanceUID": uid(name),
            }
            for name, nih in {**names, EXCLUDED: "00000011_000.png"}.items()
        ]
    )


def _project() -> str:
    """An export of MD.ai: the final labels, of the group Calculated, and some of the teams."""
    final = {OPACITY: "L_a", NORMAL: "L_b", OTHER: "L_c"}
    groups = [
        {
            "id": "G_1",
            "name": "Team 1",
            "labels": [{"id": "L_t", "name": OPACITY}, {"id": "L_u", "name": "Exclude"}],
        },
        {
            "id": "G_2",
            "name": "Calculated",
            "labels": [{"id": key, "name": name} for name, key in final.items()],
        },
    ]

    def annotation(name: str, label: str, data: Any = None) -> dict[str, Any]:
        return {
            "id": f"A_{label}",
            "StudyInstanceUID": uid(name, 2),
            "SeriesInstanceUID": uid(name, 3),
            "SOPInstanceUID": uid(name),
            "labelId": label,
            "width": 1024,
            "height": 1024,
            "data": data,
        }

    annotations = [annotation(EXCLUDED, "L_u"), annotation("normal", "L_t", {"vertices": [[1, 2]]})]
    # A question on a study as a whole names no picture.
    annotations.append({"StudyInstanceUID": uid("normal", 2), "labelId": "L_q", "data": None})
    for name, case in CASES.items():
        for box in case.boxes:
            data = dict(zip(("x", "y", "width", "height"), map(float, box), strict=True))
            annotations.append(annotation(name, final[OPACITY], data))
        if not case.boxes:
            annotations.append(annotation(name, final[case.category]))
    return json.dumps({"labelGroups": groups, "datasets": [{"annotations": annotations}]})


def _dicom(name: str) -> bytes:
    if name == DAMAGED:
        return b"\0" * 128 + b"a download that broke off"
    case = CASES.get(name, Case(""))
    tags: dict[str, Any] = {
        "PatientID": picture_id(name),
        "PatientSex": case.sex,
        "PatientAge": case.age,
        "ViewPosition": case.view,
        "monochrome1": case.monochrome1,
        "compression": "jpeg" if name in ("one_box", "at_the_border") else None,
    }
    seed = [*CASES, UNLABELLED, EXCLUDED].index(name)
    with warnings.catch_warnings():
        # pydicom warns of ages like 58, which the real headers hold in place of 058Y
        warnings.simplefilter("ignore")
        return dicom(radiograph(PIXELS, PIXELS, 5000 + seed), uid(name), **tags)


def _packed(files: dict[str, bytes | str]) -> dict[str, bytes | str]:
    """Each table in an archive of its own, and the pictures of each folder in one."""
    archives: dict[str, list[tuple[str, bytes | str]]] = {}
    for path, content in files.items():
        top, _, inner = path.rpartition("/")
        archives.setdefault(f"{top or path}.zip", []).append((inner if top else path, content))
    packed: dict[str, bytes | str] = {}
    for path, members in archives.items():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name), content)
        packed[path] = buffer.getvalue()
    return packed
