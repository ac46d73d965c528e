"""A tiny PMC-VQA with every quirk of the files; captions and questions are invented."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import csv_table, encode, radiograph, save

VARIANTS = ("version_2", "readme", "version_1", "both", "clean")


class Asked(NamedTuple):
    """A question; the figure without ``.jpg``, the choices without their letters."""

    figure: str
    caption: str
    question: str
    choices: tuple[str, str, str, str]
    letter: str


def _figure(article: int, name: str) -> str:
    return f"PMC900000{article}_{name}"


FILM = _figure(1, "Fig1_1")
PLAIN = "Chest X-ray on admission showing a large left pleural effusion."
LUNGS = "Chest radiograph, posteroanterior view, with patchy opacities in both lungs."
SIDES = ("Left", "Right", "Both", "Neither")

TRAIN = (
    Asked(FILM, PLAIN, "On which side is the pleural effusion?", SIDES, "A"),
    Asked(FILM, PLAIN, "How large is the effusion?", ("Small", "Large", "Moderate", "Trace"), "B"),
    # asked twice alike, and twice with another answer
    Asked(FILM, PLAIN, "How large is the effusion?", ("Moderate", "Tiny", "Large", "Huge"), "C"),
    Asked(FILM, PLAIN, "What is the view?", ("PA", "AP", "Lateral", "Oblique"), "A"),
    Asked(FILM, PLAIN, "What is the view?", ("PA", "AP", "Lateral", "Oblique"), "B"),
    # a comma and a line break inside the caption
    Asked(
        _figure(2, "Fig2_1"),
        "Radiograph of the chest, taken upright.\nNo consolidation, no effusion.",
        "Which of the following is seen?",
        ("Clear lungs", "Consolidation, right", "Pleural effusion", "Pneumothorax"),
        "A",
    ),
    # two equal choices
    Asked(
        _figure(2, "Fig2_2"),
        LUNGS,
        "Where are the opacities?",
        ("Both lungs", "Left lung", "Left lung", "Right lung"),
        "A",
    ),
    # CT as a wrong choice does no harm
    Asked(
        _figure(3, "Fig1_1"),
        LUNGS,
        "How was the picture made?",
        ("CT scan", "MRI", "Chest X-ray", "Ultrasound"),
        "C",
    ),
    # no such letter, an empty right choice, a choice on the others, a letter as a choice
    Asked(_figure(3, "Fig1_1"), LUNGS, "What is abnormal?", ("Lung", "Heart", "Rib", "Skin"), "E"),
    Asked(_figure(3, "Fig1_1"), LUNGS, "Which organ is ill?", ("", "Heart", "Rib", "Skin"), "A"),
    Asked(
        _figure(3, "Fig1_1"),
        LUNGS,
        "What do the lungs show?",
        ("Opacities", "A mass", "A nodule", "None of the above"),
        "A",
    ),
    Asked(_figure(3, "Fig1_1"), LUNGS, "Which part is it?", ("A", "B", "C", "D"), "B"),
    # an empty wrong choice
    Asked(
        _figure(3, "Fig1_1"),
        LUNGS,
        "Is the heart enlarged?",
        ("No", "Yes", "", "It cannot be told"),
        "A",
    ),
    # no chest radiographs
    Asked(
        _figure(4, "Fig1_1"),
        "CT of the chest with a nodule in the right upper lobe.",
        "Where is the nodule?",
        ("Right upper lobe", "Left upper lobe", "Lingula", "Left lower lobe"),
        "A",
    ),
    Asked(
        _figure(4, "Fig2_1"),
        "Chest X-ray (A) and computed tomography (B) of the patient.",
        "What does the picture show?",
        ("A mass", "A nodule", "A cyst", "A fracture"),
        "A",
    ),
    Asked(
        _figure(4, "Fig3_1"),
        "X-ray of the left wrist with an ECTOPIC fragment.",
        "What is broken?",
        ("Radius", "Ulna", "Scaphoid", "Nothing"),
        "A",
    ),
    Asked(
        _figure(4, "Fig4_1"),
        "Thoracic radiographs of a dog with heart failure.",
        "What is enlarged?",
        ("Heart", "Liver", "Spleen", "Kidney"),
        "A",
    ),
    # its article is in test too, and so is the next one's figure
    Asked(
        _figure(5, "Fig1_1"),
        "Chest film with a nasogastric tube in the right lower lobe bronchus.",
        "Where does the tube end?",
        ("Stomach", "Right lower lobe bronchus", "Esophagus", "Trachea"),
        "B",
    ),
    Asked(
        _figure(5, "Fig2_1"),
        "Portable CXR after removal of the tube.",
        "What was removed?",
        ("A tube", "A drain", "A wire", "A clip"),
        "A",
    ),
    # its picture is not there
    Asked(
        _figure(6, "Fig1_1"),
        "Chest radiograph with free air under the diaphragm.",
        "Where is the free air?",
        ("Below the diaphragm", "Above the diaphragm", "In the neck", "In the pericardium"),
        "A",
    ),
    # no article
    Asked(
        "figure7",
        "Chest X-ray with cardiomegaly.",
        "What is enlarged?",
        ("Heart", "Aorta", "Hila", "Thymus"),
        "A",
    ),
    *(
        Asked(
            _figure(article, "Fig1_1"),
            "Chest X-ray with a right pneumothorax.",
            "What does the radiograph show?",
            ("Pneumothorax", "Effusion", "Mass", "Normal lungs"),
            "A",
        )
        for article in (7, 8)
    ),
)
TEST = (
    Asked(
        _figure(5, "Fig2_1"),
        "Portable CXR after removal of the tube.",
        "Is there a pneumothorax?",
        ("No", "Yes", "On both sides", "It cannot be told"),
        "A",
    ),
    Asked(
        _figure(9, "Fig1_1"),
        "Plain chest X-ray with bilateral hilar lymphadenopathy.",
        "What is enlarged on both sides?",
        ("Heart", "Hilar lymph nodes", "Thyroid", "Breast"),
        "B",
    ),
)
MISSING = _figure(6, "Fig1_1")

OLD_TRAIN = (
    Asked(
        _figure(1, "F1"),
        "",
        "What does the chest X-ray show?",
        ("Pleural effusion", "Pneumothorax", "Mass", "Fracture"),
        "A",
    ),
    Asked(
        _figure(2, "F2"),
        "",
        "What does the CT scan of the chest show?",
        ("Nodule", "Mass", "Cyst", "Cavity"),
        "A",
    ),
    # nothing tells what it shows
    Asked(_figure(3, "F1"), "", "What is the diagnosis?", ("Flu", "Cold", "Asthma", "TB"), "D"),
    Asked(
        _figure(6, "F1"),
        "",
        "What is seen on the chest radiograph?",
        ("Free air", "Effusion", "Edema", "A mass"),
        "A",
    ),
)
OLD_TEST = (
    Asked(
        _figure(9, "F1"),
        "",
        "Which structures are enlarged on the chest radiograph?",
        ("Hilar lymph nodes", "Ventricles", "Kidneys", "Bones"),
        "A",
    ),
    Asked(
        _figure(9, "F1"),
        "",
        "Is the heart enlarged on the chest radiograph?",
        ("No", "Yes", "Slightly", "It is not shown"),
        "A",
    ),
)


def write(folder: Path, variant: str = "version_2") -> None:
    """``readme``: version 2 as its authors spell it; ``both``: beside version 1; ``clean``: version
    1 whose only test file is that of checked questions."""
    if variant in ("version_2", "both"):
        save(folder, {"train_2.csv": _second(TRAIN, "train"), "test_2.csv": _second(TEST, "test")})
    if variant == "readme":
        save(folder, {"train2.csv": _second(TRAIN, "train"), "test2.csv": _second(TEST, "test")})
    if variant in ("version_2", "readme", "both"):
        save(folder, {"images_2.zip": _zipped("figures", (*TRAIN, *TEST))})
    if variant in ("version_1", "both", "clean"):
        save(folder, {"train.csv": _first(OLD_TRAIN), "test_clean.csv": _first(OLD_TEST[:1])})
        save(folder, {"images.zip": _zipped("images", (*OLD_TRAIN[:3], *OLD_TEST))})
    if variant in ("version_1", "both"):
        save(folder, {"test.csv": _first(OLD_TEST)})


def _second(rows: tuple[Asked, ...], split: str) -> str:
    header = ("index", "Figure_path", "Caption", "Question", *_LETTERED, "Answer", "split")
    return csv_table(
        header,
        [
            (
                number,
                f"{row.figure}.jpg",
                row.caption,
                f" {row.question} ",
                *_choices(row),
                f" {row.letter}",
                split,
            )
            for number, row in enumerate(rows)
        ],
    )


def _first(rows: tuple[Asked, ...]) -> str:
    header = ("Figure_path", "Question ", "Answer", *_LETTERED, "Answer_label")
    return csv_table(
        header,
        [
            (
                f"{row.figure}.jpg",
                f"{row.question} ",
                f" {row.choices['ABCD'.index(row.letter)]}",
                *_choices(row),
                row.letter,
            )
            for row in rows
        ],
    )


_LETTERED = tuple(f"Choice {letter}" for letter in "ABCD")


def _choices(row: Asked) -> list[str]:
    """With their letters; releases have a blank before the letter, after it, or none."""
    form = " {}: {} " if len(row.question) % 2 else "{}:{}"
    return [form.format(*pair) for pair in zip("ABCD", row.choices, strict=True)]


def _zipped(folder: str, rows: tuple[Asked, ...]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed, figure in enumerate(dict.fromkeys(row.figure for row in rows)):
            if figure != MISSING:
                place = zipfile.ZipInfo(f"{folder}/{figure}.jpg")
                archive.writestr(place, encode(radiograph(72, 80, 700 + seed), ".jpg"))
    return packed.getvalue()
