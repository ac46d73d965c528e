"""VinDr-PCXR or PediCXR (Pham et al., Scientific Data 2023): children, one reader a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from chexinstruct.release import Columns, Release
from chexinstruct.schema import Study
from chexinstruct.shared import vindr_tables
from chexinstruct.shared.vindr_tables import NONE, Part
from chexinstruct.source import Parent

DISEASES = (
    *("Bronchitis", "Brocho-pneumonia", "Other disease", "Bronchiolitis", "Situs inversus"),
    *("Pneumonia", "Pleuro-pneumonia", "Diagphramatic hernia", "Tuberculosis"),
    *("Congenital emphysema", "CPAM", "Hyaline membrane disease", "Mediastinal tumor"),
    "Lung tumor",
)
"""Columns of the label tables beside ``No finding``, spelt as they are there."""

CLASSES: Columns = {
    NONE: NONE,
    **{name: name for name in DISEASES},
    "Other disease": ("Other disease", "Other diseases"),
    "Brocho-pneumonia": ("Brocho-pneumonia", "Broncho-pneumonia"),
    "Diagphramatic hernia": ("Diagphramatic hernia", "Diaphragmatic hernia"),
}

YOUNGEST = 1 / 365
"""Years; a newborn is ``001D``, and ``000Y`` stands for an unknown age."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture: train, then test, each in the order of the picture ids."""
    splits: tuple[Literal["train", "test"], ...] = ("train", "test")
    parts = [
        Part(
            split,
            f"PhysioNet {split} tables",
            boxes,
            "findings",
            release.find(f"image_labels_{split}.csv", required=False),
            CLASSES,
        )
        for split in splits
        if (boxes := release.find(f"annotations_{split}.csv", required=split == "train"))
    ]
    return vindr_tables.studies(release, parts, youngest=YOUNGEST)
