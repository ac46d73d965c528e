"""VinDr-CXR (Nguyen et al., Scientific Data 2022): box and label tables, or Kaggle's one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from chexinstruct.release import Columns, Release
from chexinstruct.schema import Study
from chexinstruct.shared import vindr_tables
from chexinstruct.shared.vindr_tables import NONE, Part
from chexinstruct.source import Parent

LABELS = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture"),
    *("Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung Opacity"),
    *("Lung cavity", "Lung cyst", "Mediastinal shift", "Nodule/Mass", "Pleural effusion"),
    *("Pleural thickening", "Pneumothorax", "Pulmonary fibrosis", "Rib fracture", "Other lesion"),
    *("COPD", "Lung tumor", "Pneumonia", "Tuberculosis", "Other diseases", NONE),
)
"""Columns of the label tables: 22 findings that are drawn, 5 diseases that are not, and none."""

CLASSES: Columns = {
    **{name: name for name in LABELS},
    "Other diseases": ("Other diseases", "Other disease"),  # the test table has no s
}

YOUNGEST = 1
"""Years; ``000Y`` stands for an unknown age."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture: train, then test, each in the order of the picture ids."""
    return vindr_tables.studies(release, _parts(release), youngest=YOUNGEST)


def _parts(release: Release) -> list[Part]:
    """PhysioNet's tables; Kaggle's only without them, since its pictures are the same."""
    parts: list[Part] = []
    splits: tuple[Literal["train", "test"], ...] = ("train", "test")
    for split in splits:
        if boxes := release.find(f"annotations_{split}.csv", required=False):
            parts.append(
                Part(
                    split,
                    f"PhysioNet {split} tables",
                    boxes,
                    "findings",
                    release.find(f"image_labels_{split}.csv", required=False),
                    CLASSES,
                    readers=split == "train",  # test rows are what five readers agreed on
                )
            )
    if not parts:
        boxes = release.find("annotations_train.csv", "train.csv")
        origin = "Kaggle train table"
        parts.append(Part("train", origin, boxes, "findings_kaggle", license="registered"))
    return parts
