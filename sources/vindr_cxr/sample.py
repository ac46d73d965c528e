"""A tiny VinDr-CXR with every quirk of its two layouts; the pictures are phantoms."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

from chexinstruct.synthetic import dicom, encode, radiograph, save

VARIANTS = ("physionet", "top_level", "kaggle", "kaggle_png", "kaggle_png_sizes")

SIZE = (192, 224)
"""Width and height of the pictures, and of the grid that the boxes live on."""

LOCAL = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Clavicle fracture",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Enlarged PA",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Lung cavity",
    "Lung cyst",
    "Mediastinal shift",
    "Nodule/Mass",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
    "Rib fracture",
    "Other lesion",
)
KAGGLE = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Consolidation",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Nodule/Mass",
    "Other lesion",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
    "No finding",
)
GLOBAL = ("COPD", "Lung tumor", "Pneumonia", "Tuberculosis", "Other diseases")

Box = tuple[int, int, int, int]
Reading = tuple[tuple[str, Box | None], ...]
"""What one reader says: classes and boxes; a disease has no box; nothing at all: No finding."""

HEART, HEART_TOO = (66, 112, 146, 172), (70, 108, 150, 170)
AORTA, AORTA_TOO = (92, 52, 124, 88), (90, 50, 120, 90)
RIGHT_BASE, RIGHT_BASE_TOO = (22, 160, 70, 204), (18, 156, 72, 208)
LEFT_BASE = (128, 164, 176, 206)
RIGHT_APEX, LEFT_APEX = (34, 30, 76, 66), (118, 28, 160, 64)
RIGHT_MID, LEFT_MID = (36, 92, 58, 114), (134, 96, 160, 122)

SIX: Reading = (
    ("Aortic enlargement", AORTA),
    ("Cardiomegaly", HEART),
    ("Pleural effusion", RIGHT_BASE),
    ("Pleural thickening", LEFT_APEX),
    ("Pulmonary fibrosis", RIGHT_APEX),
    ("Infiltration", LEFT_MID),
)

# case -> reader, in the order of the table -> reading
TRAIN: dict[str, dict[str, Reading]] = {
    "normal": {"R11": (), "R7": (), "R10": ()},
    "overlapping": {  # two of three readers, one box after merging
        "R8": (("Cardiomegaly", HEART),),
        "R9": (("Cardiomegaly", HEART_TOO),),
        "R10": (),
    },
    "far_apart": {
        "R8": (("Nodule/Mass", RIGHT_MID), ("Nodule/Mass", LEFT_MID)),
        "R10": (("Nodule/Mass", RIGHT_MID), ("Nodule/Mass", LEFT_MID)),
        "R9": (("Nodule/Mass", (34, 90, 58, 112)),),
    },
    "three_of_a_class": {
        "R9": (
            ("Nodule/Mass", RIGHT_MID),
            ("Nodule/Mass", LEFT_MID),
            ("Nodule/Mass", (40, 140, 62, 158)),
        ),
        "R10": (("Nodule/Mass", RIGHT_MID),),
        "R8": (("Nodule/Mass", RIGHT_MID), ("Lung tumor", None)),
    },
    "six_classes": {"R9": SIX, "R8": SIX, "R10": SIX},
    "past_the_edge": {
        "R10": (("Pleural effusion", (120, 160, 200, 230)),),
        "R8": (("Pleural effusion", (124, 166, 188, 220)),),
        "R9": (("Pleural effusion", LEFT_BASE),),
    },
    "one_reader": {"R8": (("Calcification", AORTA),), "R12": (), "R13": ()},
    "other_diseases": {
        "R8": (("Pleural effusion", RIGHT_BASE), ("Other diseases", None)),
        "R9": (("Pleural effusion", RIGHT_BASE_TOO), ("Other diseases", None)),
        "R10": (("Pleural effusion", RIGHT_BASE), ("Other diseases", None)),
    },
    "no_file": {
        "R8": (("Aortic enlargement", AORTA),),
        "R9": (("Aortic enlargement", AORTA_TOO),),
        "R10": (("Aortic enlargement", AORTA),),
    },
    "flat_box": {  # the reader's word stands, the box does not
        "R9": (("Cardiomegaly", (66, 112, 66, 172)), ("Aortic enlargement", AORTA)),
        "R10": (("Cardiomegaly", HEART), ("Aortic enlargement", AORTA_TOO)),
        "R8": (("Cardiomegaly", HEART_TOO),),
    },
    "contradiction": {  # R9 also has a row "No finding"
        "R9": (("Aortic enlargement", AORTA),),
        "R10": (("Aortic enlargement", AORTA_TOO),),
        "R8": (),
    },
    "tuberculosis": {
        "R8": (
            ("Infiltration", RIGHT_APEX),
            ("Lung cavity", (40, 34, 60, 54)),
            ("Tuberculosis", None),
        ),
        "R9": (("Infiltration", RIGHT_APEX), ("Tuberculosis", None)),
        "R10": (("Infiltration", (36, 28, 78, 68)), ("Pulmonary fibrosis", LEFT_APEX)),
    },
    "pneumonia": {
        "R14": (("Consolidation", RIGHT_BASE), ("Pneumonia", None)),
        "R15": (("Consolidation", RIGHT_BASE_TOO), ("Pneumonia", None)),
        "R16": (("Lung Opacity", RIGHT_BASE),),
    },
    "pneumothorax": {
        "R8": (("Pneumothorax", (20, 24, 80, 110)),),
        "R9": (("Pneumothorax", (22, 22, 82, 112)), ("Rib fracture", (28, 90, 50, 104))),
        "R10": (("Pneumothorax", (20, 26, 78, 108)), ("Rib fracture", (26, 88, 50, 106))),
    },
    "copd": {
        "R1": (("Emphysema", (20, 24, 172, 190)), ("COPD", None)),
        "R2": (("Emphysema", (22, 26, 170, 188)), ("COPD", None)),
        "R3": (("COPD", None),),
    },
    "interstitial": {
        "R4": (("ILD", RIGHT_BASE), ("ILD", LEFT_BASE)),
        "R5": (("ILD", RIGHT_BASE_TOO), ("ILD", LEFT_BASE)),
        "R6": (("Pulmonary fibrosis", RIGHT_BASE),),
    },
    "normal_inverted": {"R17": (), "R1": (), "R2": ()},
    "normal_windowed": {"R3": (), "R4": (), "R5": ()},
}
TEST: dict[str, Reading] = {
    "test_normal": (),
    "test_heart": (("Cardiomegaly", HEART), ("Aortic enlargement", AORTA)),
    "test_pneumonia": (("Consolidation", RIGHT_BASE), ("Pneumonia", None)),
    "test_other_disease": (("Rib fracture", (28, 90, 50, 104)), ("Other diseases", None)),
}
MISSING = "no_file"

HEADERS: dict[str, dict[str, Any]] = {
    "normal": {"bits": 12, "PatientSex": "F", "PatientAge": "045Y"},
    "overlapping": {"bits": 14, "PatientSex": "M", "PatientAge": "067Y"},
    "far_apart": {"bits": 16, "PatientSex": "M", "PatientAge": "238Y"},  # typing error
    "three_of_a_class": {"bits": 12, "compression": "jpeg2000", "PatientSex": "O"},
    "one_reader": {"bits": 12, "PatientSex": "", "PatientAge": "000Y"},  # means unknown
    "normal_inverted": {"bits": 10, "monochrome1": True, "PatientSex": "F"},
    "normal_windowed": {"bits": 12, "WindowCenter": 2048, "WindowWidth": 4096},
    "test_heart": {"bits": 8, "monochrome1": True},
}


def image_id(name: str) -> str:
    """The 32 hex digits that stand for a case of this sample."""
    return md5(name.encode(), usedforsecurity=False).hexdigest()


def write(folder: Path, variant: str = "physionet") -> None:
    """``physionet``: tables in ``annotations/``; ``top_level``: beside the folders of pictures.

    ``kaggle``: ``train.csv`` with 14 classes; ``kaggle_png``: pictures of half the size, original
    sizes in ``train_meta.csv``; ``kaggle_png_sizes``: original sizes in ``train.csv`` itself.
    """
    if variant in ("physionet", "top_level"):
        place = "annotations/" if variant == "physionet" else ""
        save(folder, {place + name: table for name, table in _physionet().items()})
    else:
        save(folder, {"train.csv": _kaggle(sizes=variant == "kaggle_png_sizes")})
        save(folder, {"sample_submission.csv": "image_id,PredictionString\n"})
    if variant == "kaggle_png":
        rows = [(image_id(name), SIZE[1], SIZE[0]) for name in TRAIN]
        save(folder, {"train_meta.csv": _csv(("image_id", "dim0", "dim1"), rows)})
    for seed, name in enumerate([*TRAIN, *TEST]):
        if name == MISSING:
            continue
        stem = f"{'train' if name in TRAIN else 'test'}/{image_id(name)}"
        if variant.startswith("kaggle_png"):
            small = radiograph(SIZE[0] // 2, SIZE[1] // 2, seed)
            save(folder, {f"{stem}.png": encode(small, ".png")})
        else:
            tags = HEADERS.get(name, {"bits": 12})
            uid = f"1.2.826.0.1.3680043.9.7433.2.{seed}"
            save(folder, {f"{stem}.dicom": dicom(radiograph(*SIZE, seed), uid, **tags)})


def _readings() -> Iterator[tuple[str, str, Reading]]:
    """Case, reader and reading; the rows of a picture never stand together in the real table."""
    for turn in range(3):
        for name, readers in TRAIN.items():
            reader = list(readers)[turn]
            yield name, reader, readers[reader]


def _physionet() -> dict[str, str]:
    corners = ("x_min", "y_min", "x_max", "y_max")
    boxes: list[tuple[Any, ...]] = []
    labels: list[tuple[Any, ...]] = []
    for name, reader, reading in _readings():
        drawn = [(item, box) for item, box in reading if box]
        if name == "contradiction" and reader == "R9":
            boxes.append((image_id(name), reader, "No finding", "", "", "", ""))
        for item, box in drawn:
            boxes.append((image_id(name), reader, item, *map(float, box)))
        if not drawn:
            boxes.append((image_id(name), reader, "No finding", "", "", "", ""))
        labels.append((image_id(name), reader, *_flags(reading)))
    test_boxes: list[tuple[Any, ...]] = []
    for name, reading in TEST.items():
        drawn = [(item, box) for item, box in reading if box]
        for item, box in drawn:
            test_boxes.append((image_id(name), item, *map(float, box)))
        if not drawn:
            test_boxes.append((image_id(name), "No finding", "", "", "", ""))
    test_labels = [(image_id(name), *_flags(reading)) for name, reading in TEST.items()]
    classes = (*LOCAL, *GLOBAL, "No finding")
    test_classes = (*LOCAL, *GLOBAL[:-1], "Other disease", "No finding")  # spelt without s there
    return {
        "annotations_train.csv": _csv(("image_id", "rad_id", "class_name", *corners), boxes),
        "annotations_test.csv": _csv(("image_id", "class_name", *corners), test_boxes),
        "image_labels_train.csv": _csv(("image_id", "rad_id", *classes), labels),
        "image_labels_test.csv": _csv(("image_id", *test_classes), test_labels),
    }


def _flags(reading: Reading) -> tuple[int, ...]:
    said = {item for item, _ in reading}
    return (*(int(name in said) for name in (*LOCAL, *GLOBAL)), int(not said))


def _kaggle(*, sizes: bool) -> str:
    header = ["image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"]
    tail = SIZE if sizes else ()
    rows: list[tuple[Any, ...]] = []
    for name, reader, reading in _readings():
        drawn = [(item, box) for item, box in reading if box and item in KAGGLE]
        if not drawn or (name == "contradiction" and reader == "R9"):
            rows.append((image_id(name), "No finding", 14, reader, "", "", "", "", *tail))
        for item, box in drawn:
            corners = map(float, box)
            rows.append((image_id(name), item, KAGGLE.index(item), reader, *corners, *tail))
    return _csv((*header, "width", "height") if sizes else header, rows)


def _csv(header: Any, rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
