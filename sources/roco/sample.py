"""Tiny releases of ROCO and ROCOv2 with every quirk; captions are invented, pictures phantoms."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import csv_table, encode, radiograph, save

VARIANTS = ("roco", "unlicensed", "rocov2")

SPLITS = ("train", "validation", "test")


class Figure(NamedTuple):
    """A figure; ``place`` counts within its list."""

    number: int
    split: str
    article: int
    license: str
    caption: str
    codes: str = "C1306645;C0817096"
    """As people checked them for ROCOv2."""


FIGURES = (
    Figure(90001, "train", 9000001, "CC BY", "Chest radiograph showing a right pleural effusion."),
    Figure(90002, "train", 9000002, "CC BY-NC", "Chest CT with a cavity in the left lung.", "C0040405"),  # noqa: E501
    Figure(90003, "train", 9000003, "CC BY", "Chest X-ray (a) and CT of the thorax (b) with nodules."),  # noqa: E501
    Figure(90004, "train", 9000004, "CC BY-NC-ND", 'PA chest X-ray showing the "bulging fissure" of the right upper lobe (arrow).'),  # noqa: E501
    Figure(90005, "train", 9000005, "NO-CC CODE", "Initial chest film on admission. The heart is enlarged."),  # noqa: E501
    Figure(90006, "train", 9000009, "CC BY", "Lateral chest radiograph: calcified mediastinal mass."),  # noqa: E501
    Figure(90007, "train", 9000007, "CC BY", "Abdominal radiograph with dilated loops.", "C1306645;C0000726"),  # noqa: E501
    Figure(90008, "train", 9000008, "CC BY", "Bilateral reticular opacities in both lungs."),
    Figure(90009, "train", 9000010, "CC0", "Chest radiograph of a dog with a lung mass."),
    Figure(90010, "validation", 9000011, "CC BY-SA", "CXR with left pneumothorax and collapsed lung. A drain lies in the pleura."),  # noqa: E501
    Figure(90011, "validation", 9000012, "CC BY", "Radiographie thoracique de face: épanchement pleural."),  # noqa: E501
    Figure(90012, "validation", 9000013, "CC BY-NC-SA", "X-ray of the chest showing consolidation of the left lower lobe.", ""),  # noqa: E501
    Figure(90013, "test", 9000009, "CC BY", "Chest X-ray with a nodule in the left apex of the lung."),  # noqa: E501
    Figure(90014, "test", 9000014, "CC BY-ND", "Radiograph of the chest showing cardiomegaly and edema of the lungs."),  # noqa: E501
    Figure(90015, "test", 9000015, "CC BY", "Barium swallow and chest radiograph."),
)  # fmt: skip

MISSING = 90005
"""Its article has gone from PMC, and the picture with it."""
OLD_NAME = 90006
"""Its picture was fetched before 2022, under the name of the article's file."""
V2_ONLY = 90008
"""Nothing but the checked concepts of ROCOv2 tells that it is a chest radiograph."""


def write(folder: Path, variant: str = "roco") -> None:
    """``roco``: the repository with fetched pictures; ``unlicensed``: early copies without licences
    and with the names of PMC; ``rocov2``: the tables of the second edition."""
    for split in SPLITS:
        figures = [figure for figure in FIGURES if figure.split == split]
        if variant == "rocov2":
            _write_second(folder, split, figures)
        else:
            _write_first(folder, split, figures, variant)
    if variant == "rocov2":
        rows = [
            (v2_id(f), f"https://example.org/PMC{f.article}", f"PMC{f.article}", f"{f.license} [A et al.]")  # noqa: E501
            for f in FIGURES
        ]  # fmt: skip
        save(
            folder,
            {
                "license_information.csv": csv_table(("ID", "Link", "PMCID", "Attribution"), rows),
                "cui_mapping.csv": csv_table(
                    ("CUI", "Canonical name"), [("C1306645", "Plain x-ray"), ("C0817096", "Chest")]
                ),
            },
        )


def v1_id(figure: Figure) -> str:
    """Its id in ROCO."""
    return f"ROCO_{figure.number:05}"


def v2_id(figure: Figure) -> str:
    """Its id in ROCOv2, which tells nothing of the other."""
    return f"ROCOv2_2023_{figure.split[:5]}_{figure.number:06}"


def _name(figure: Figure) -> str:
    return f"xyz-{figure.number}-g01.jpg"


def _picture(figure: Figure) -> bytes:
    lateral = figure.caption.startswith("Lateral")
    return encode(radiograph(80, 72 + figure.number % 7, figure.number, lateral=lateral), ".jpg")


def _write_first(folder: Path, split: str, figures: list[Figure], variant: str) -> None:
    lines: dict[str, list[str]] = {
        name: [] for name in ("captions", "keywords", "cuis", "semtypes", "dlinks")
    }
    licenses = ["ROCO_ID,PMC_ID,CC"]
    home = f"data/{split}/radiology"
    files: dict[str, bytes | str] = {}
    for figure in figures:
        id, package = v1_id(figure), f"PMC{figure.article}"
        empty = figure is figures[0]  # a row without any concept
        lines["captions"].append(f"{id}\t {figure.caption}")
        lines["keywords"].append(f"{id}\t\t" + "\t".join(figure.caption.lower().split()[:3]))
        lines["cuis"].append(f"{id}\t" if empty else f"{id}\t\tC0000001\tC0039985")
        lines["semtypes"].append(f"{id}\t" if empty else f"{id}\t\tT060\tDiagnostic Procedure")
        link = f"wget -r ftp://ftp.example.org/oa_package/0a/1b/{package}.tar.gz -P /path/to/Dir"
        lines["dlinks"].append(f"{id}\t{link}\t{_name(figure)}")
        licenses.append(f"{id},{package}_{_name(figure)},{figure.license}")
        if figure.number != MISSING:
            old = variant == "unlicensed" or figure.number == OLD_NAME
            name = f"{package}_{_name(figure)}" if old else f"{id}.jpg"
            files[f"{home}/images/{name}"] = _picture(figure)
    for name, rows in lines.items():
        files[f"{home}/{name}.txt"] = "\n".join(rows) + "\n"
    if variant == "roco":
        files[f"{home}/licences.txt"] = "\n".join(licenses) + "\n"
    files[f"data/{split}/non-radiology/captions.txt"] = "ROCO_99999\t Flow chart of chest X-rays.\n"
    save(folder, files)


def _write_second(folder: Path, split: str, figures: list[Figure]) -> None:
    short = split[:5]
    checked = [(v2_id(f), f.codes) for f in figures if f.codes]
    files: dict[str, bytes | str] = {
        f"{short}_captions.csv": csv_table(
            ("ID", "Caption"), [(v2_id(f), f.caption) for f in figures]
        ),
        f"{short}_concepts.csv": csv_table(
            ("ID", "CUIs"), [(v2_id(f), "C0000001") for f in figures]
        ),
        f"{short}_concepts_manual.csv": csv_table(("ID", "CUIs"), checked),
    }
    for figure in figures:
        if figure.number != MISSING:
            files[f"{short}/{v2_id(figure)}.jpg"] = _picture(figure)
    save(folder, files)
