"""A tiny VinDr-PCXR with every quirk of its tables; the pictures are phantoms."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import dicom, encode, radiograph, save

VARIANTS = ("physionet", "annotations", "png")

SIZE = (100, 160)
"""Width and height of the pictures, and of the grid that the boxes live on."""

FINDINGS = (
    "Anterior mediastinal mass",
    "Aortic enlargement",
    "Atelectasis",
    "Boot-shaped heart",
    "Bronchectasis",
    "Bronchial thickening",
    "Calcification",
    "Cardiomegaly",
    "Chest wall mass",
    "Clavicle fracture",
    "Consolidation",
    "Dextro cardia",
    "Diffuse aveolar opacity",
    "Edema",
    "Egg on string sign",
    "Emphysema",
    "Enlarged PA",
    "Expanded edges of the anterior ribs",
    "Infiltration",
    "Interstitial lung disease - ILD",
    "Intrathoracic digestive structure",
    "Lung cavity",
    "Lung cyst",
    "Lung hyperinflation",
    "Mediastinal shift",
    "Other lesion",
    "Other nodule/mass",
    "Other opacity",
    "Paraveterbral mass",
    "Peribronchovascular interstitial opacity",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
    "Reticulonodular opacity",
    "Stomach on the right side",
)
"""Classes of the box tables, as spelt there."""

DISEASES = (
    "Bronchitis",
    "Brocho-pneumonia",
    "Other disease",
    "Bronchiolitis",
    "Situs inversus",
    "Pneumonia",
    "Pleuro-pneumonia",
    "Diagphramatic hernia",
    "Tuberculosis",
    "Congenital emphysema",
    "CPAM",
    "Hyaline membrane disease",
    "Mediastinal tumor",
    "Lung tumor",
)
"""Columns of the label tables, as spelt there."""

Box = tuple[int, int, int, int]

HEART, AORTA, MEDIASTINUM = (34, 78, 76, 122), (46, 38, 64, 62), (38, 30, 64, 70)
RIGHT_LUNG, LEFT_LUNG = (12, 20, 46, 130), (54, 20, 88, 130)
RIGHT_APEX, LEFT_APEX = (16, 22, 40, 46), (60, 22, 84, 46)
RIGHT_HILUM, LEFT_HILUM = (28, 60, 46, 86), (56, 60, 74, 86)
RIGHT_BASE, LEFT_BASE = (12, 108, 44, 142), (56, 110, 88, 142)
ABDOMEN, WALL = (14, 132, 46, 156), (2, 50, 16, 80)


class Case(NamedTuple):
    """What the one reader of a picture says."""

    drawn: tuple[tuple[str, Box], ...] = ()
    diseases: tuple[str, ...] = ()
    reader: str = "R1"


TRAIN: dict[str, Case] = {
    "normal": Case(reader="R2"),
    "one_box": Case((("Bronchial thickening", RIGHT_HILUM),), ("Bronchitis",)),
    "overlapping": Case(
        (
            ("Peribronchovascular interstitial opacity", RIGHT_HILUM),
            ("Peribronchovascular interstitial opacity", (26, 62, 44, 90)),
        ),
        ("Brocho-pneumonia",),
        "R3",
    ),
    "three_of_a_class": Case(
        (
            ("Consolidation", RIGHT_APEX),
            ("Consolidation", LEFT_APEX),
            ("Consolidation", RIGHT_BASE),
        ),
        ("Pneumonia",),
    ),
    "six_classes": Case(
        (
            ("Infiltration", RIGHT_HILUM),
            ("Lung cavity", LEFT_APEX),
            ("Reticulonodular opacity", LEFT_LUNG),
            ("Pulmonary fibrosis", RIGHT_APEX),
            ("Pleural thickening", WALL),
            ("Bronchectasis", LEFT_BASE),
        ),
        ("Tuberculosis",),
    ),
    "misspelt": Case((("Diffuse aveolar opacity", RIGHT_LUNG),), ("Hyaline membrane disease",)),
    "no_file": Case((("Cardiomegaly", HEART), ("Edema", LEFT_LUNG)), (), "R2"),
    "two_labels": Case(
        (("Pleural effusion", RIGHT_BASE), ("Atelectasis", RIGHT_BASE)),
        ("Pneumonia", "Pleuro-pneumonia"),
    ),
    # The box table says "No finding", the label table knows a disease that has no box.
    "disease_without_box": Case((), ("Bronchiolitis",), "R3"),
    # The label table says "No finding", for it asks for diseases only.
    "finding_without_disease": Case((("Clavicle fracture", (56, 18, 84, 30)),)),
    "nothing_marked": Case((("Other opacity", LEFT_BASE),)),  # and all of its labels are 0
    "vague": Case((("Other lesion", WALL), ("Other nodule/mass", LEFT_HILUM)), ("Other disease",)),
    "flat_box": Case((("Cardiomegaly", (34, 78, 34, 122)), ("Enlarged PA", LEFT_HILUM))),
    "contradiction": Case((("Calcification", RIGHT_HILUM),)),  # and a row "No finding"
    "inside_out": Case(
        (("Dextro cardia", HEART), ("Stomach on the right side", ABDOMEN)), ("Situs inversus",)
    ),
    "heart": Case(
        (("Boot-shaped heart", HEART), ("Egg on string sign", HEART), ("Aortic enlargement", AORTA))
    ),
    "masses": Case(
        (
            ("Anterior mediastinal mass", MEDIASTINUM),
            ("Paraveterbral mass", AORTA),
            ("Chest wall mass", WALL),
        ),
        ("Mediastinal tumor", "Lung tumor"),
    ),
    "hernia": Case(
        (("Intrathoracic digestive structure", LEFT_BASE), ("Mediastinal shift", MEDIASTINUM)),
        ("Diagphramatic hernia",),
    ),
    "cystic": Case(
        (
            ("Lung cyst", LEFT_LUNG),
            ("Emphysema", LEFT_LUNG),
            ("Lung hyperinflation", RIGHT_LUNG),
            ("Pneumothorax", (12, 20, 30, 60)),
        ),
        ("Congenital emphysema", "CPAM"),
    ),
    "ribs": Case(
        (
            ("Expanded edges of the anterior ribs", LEFT_LUNG),
            ("Interstitial lung disease - ILD", RIGHT_LUNG),
        )
    ),
    "normal_inverted": Case(reader="R3"),
}
TEST: dict[str, Case] = {
    "test_normal": Case(reader="R2"),
    "test_pneumonia": Case((("Consolidation", RIGHT_BASE),), ("Pneumonia",), "R3"),
    "test_bronchitis": Case((("Bronchial thickening", LEFT_HILUM),), ("Bronchitis",)),
}
MISSING = "no_file"

HEADERS: dict[str, dict[str, Any]] = {
    "normal": {"bits": 12, "PatientSex": "F", "PatientAge": "010M"},
    "one_box": {"bits": 12},  # neither age nor sex
    "overlapping": {"bits": 14, "monochrome1": True, "PatientSex": "M", "PatientAge": "003Y"},
    "three_of_a_class": {"bits": 12, "compression": "jpeg_lossless", "PatientAge": "006W"},
    "six_classes": {"bits": 10, "compression": "jpeg2000", "PatientAge": "009Y"},
    "misspelt": {"bits": 12, "PatientSex": "M", "PatientAge": "005D"},
    "two_labels": {"bits": 12, "PatientSex": "O", "PatientAge": "000Y"},  # means unknown
    "masses": {"bits": 16, "PatientAge": "238Y"},  # typing error
    "normal_inverted": {"bits": 12, "monochrome1": True, "PatientAge": ""},
    "test_normal": {"bits": 8},
    "test_pneumonia": {"bits": 12, "WindowCenter": 2048, "WindowWidth": 4096},
}


def image_id(name: str) -> str:
    """The 32 hex digits that stand for a case of this sample."""
    return md5(f"child {name}".encode(), usedforsecurity=False).hexdigest()


def write(folder: Path, variant: str = "physionet") -> None:
    """``physionet``: tables beside the folders of pictures.

    ``annotations``: in a folder of their own, with ``rad_id`` and ``class_id``; ``png``: pictures
    of half the size, original sizes in tables of their own.
    """
    place = "annotations/" if variant == "annotations" else ""
    for split, cases in (("train", TRAIN), ("test", TEST)):
        boxes, labels = _boxes(cases, variant), _labels(cases, floats=split == "train")
        if variant == "png":
            rows = [(image_id(name), *SIZE) for name in cases]
            save(folder, {f"{split}_meta.csv": _csv(("image_id", "width", "height"), rows)})
        save(
            folder,
            {
                f"{place}annotations_{split}.csv": boxes,
                f"{place}image_labels_{split}.csv": labels,
            },
        )
    for seed, name in enumerate([*TRAIN, *TEST]):
        if name == MISSING:
            continue
        stem = f"{'train' if name in TRAIN else 'test'}/{image_id(name)}"
        if variant == "png":
            small = radiograph(SIZE[0] // 2, SIZE[1] // 2, seed)
            save(folder, {f"{stem}.png": encode(small, ".png")})
        else:
            tags = HEADERS.get(name, {"bits": 12})
            uid = f"1.2.826.0.1.3680043.9.7433.3.{seed}"
            save(folder, {f"{stem}.dicom": dicom(radiograph(*SIZE, seed), uid, **tags)})
    save(folder, {"LICENSE.txt": "None: pictures of nobody.\n"})


def _boxes(cases: dict[str, Case], variant: str) -> str:
    lower = variant == "annotations"
    rows: list[tuple[object, ...]] = []
    for name, case in cases.items():
        head = (image_id(name), case.reader)
        for item, box in case.drawn:
            number = (FINDINGS.index(item),) if lower else ()
            rows.append((*head, *number, item, *map(float, box)))
        if not case.drawn or name == "contradiction":
            number = (len(FINDINGS),) if lower else ()
            rows.append((*head, *number, "No finding", "", "", "", ""))
    reader = ("rad_id", "class_id") if lower else ("rad_ID",)
    corners = ("x_min", "y_min", "x_max", "y_max")
    return _csv(("image_id", *reader, "class_name", *corners), rows)


def _labels(cases: dict[str, Case], *, floats: bool) -> str:
    rows: list[tuple[object, ...]] = []
    for name, case in cases.items():
        none = not case.diseases and name != "nothing_marked"
        flags = [none, *(disease in case.diseases for disease in DISEASES)]
        cells = [float(flag) if floats else int(flag) for flag in flags]
        rows.append((image_id(name), case.reader, *cells))
    return _csv(("image_id", "rad_ID", "No finding", *DISEASES), rows)


def _csv(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    """No cell of these tables has a comma."""
    return "".join(",".join(map(str, row)) + "\n" for row in [header, *rows])
