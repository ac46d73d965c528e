"""A tiny CANDID-PTX with every quirk of its tables; phantoms, and reports of nobody."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chexinstruct.synthetic import crescent, dicom, encode, radiograph, save, siim_runs

VARIANTS = ("figshare", "nested", "png")

GRID = 1024
"""Rows and columns of the grid that masks live on."""
PIXELS = 128
"""Rows and columns of the pictures of this sample."""

Mask = npt.NDArray[np.bool_]
NONE = "-1"


def band(x1: int, y1: int, x2: int, y2: int, thickness: int) -> Mask:
    """A straight strip between two points, as a tube or a piece of a rib."""
    rows, columns = np.mgrid[:GRID, :GRID]
    length = float(np.hypot(x2 - x1, y2 - y1))
    along = ((columns - x1) * (x2 - x1) + (rows - y1) * (y2 - y1)) / length
    aside = ((columns - x1) * (y2 - y1) - (rows - y1) * (x2 - x1)) / length
    return np.asarray((along >= 0) & (along <= length) & (np.abs(aside) <= thickness / 2))


RIGHT_APEX = crescent(GRID, 300, 300, 300, 420, 60)
LEFT_APEX = crescent(GRID, 720, 290, 280, 400, -60)
RECTANGLE = np.zeros((GRID, GRID), dtype=np.bool_)
RECTANGLE[200:260, 100:150] = True
TUBE = band(880, 640, 700, 380, 18)
FIFTH_RIB, SIXTH_RIB = band(150, 520, 200, 535, 26), band(148, 590, 196, 607, 26)

CLEAR = "The lungs and pleural spaces are clear. Normal heart size."
SIGNED = "Dr !PERSONALNAME!\nTranscribed by: <###>"


class Case(NamedTuple):
    """A picture: its rows in the three tables, its file name and its report."""

    file: str
    report: str
    cells: tuple[str, ...] = (NONE,)
    tube: tuple[str, ...] = ()
    rib: tuple[str, ...] = ()
    study: str | None = None
    """None: a study of its own."""


CASES: dict[str, Case] = {
    "clear": Case(
        "P12_20110304_1.dcm",
        f"\n!PERSONALNAME!\nCHEST X-RAY\nClinical details: Left sided pain after a fall,\n"
        f"short of breath.\n\n{CLEAR}\n{SIGNED}",
    ),
    "two_masks": Case(
        "P12_20110309_1.dcm",
        "\nCXR\nMedical question:\nPneumothorax?\nComparison: Film of <###>.\n"
        "Small pneumothoraces at both apices. The mediastinum is central.\n"
        "COMMENT:\nSmall apical pneumothoraces on both sides.\n!PERSONALNAME!",
        (siim_runs(LEFT_APEX), siim_runs(RIGHT_APEX)),
    ),
    "rectangle": Case(
        "P13_20120101.dcm",
        "PA CHEST:\nThin rim of air beside the right upper lobe. Impression: Small right "
        "pneumothorax.",
        (siim_runs(RECTANGLE),),
    ),
    "blank": Case("P14_2013.dcm", f"Chest: {CLEAR}", ("",)),
    "rib_fracture": Case(
        "P15_20140705.dcm",
        "\nCXR\nClinical data: Kicked by a horse.\nReport:\nDisplaced fractures of the right fifth "
        "and sixth ribs.\nNo pneumothorax.",
        rib=(siim_runs(FIFTH_RIB), siim_runs(SIXTH_RIB)),
    ),
    "later_and_silent": Case("P15_20140812.dcm", f"\nCXR\n{CLEAR}"),
    "no_rib_fracture": Case("P16_20140101.dcm", "CXR\nNo rib fracture is seen. Lungs clear."),
    "tube": Case(
        "P17_20150102.dcm",
        "MOBILE CHEST\nLeft intercostal drain with its tip at the hilum. Residual apical "
        "pneumothorax.\nComments:\n<###>",
        (siim_runs(LEFT_APEX),),
        tube=(siim_runs(TUBE),),
    ),
    "no_chest_tube": Case(
        "P18_20150303.dcm", "CXR\nNasogastric tube below the diaphragm. Lungs clear.", tube=(" -1",)
    ),
    "no_report": Case("P19_20160101.dcm", ""),
    "no_patient": Case("export_17.dcm", f"CHEST\n{CLEAR}"),
    "no_file": Case("P20_20160202.dcm", f"CXR\n{CLEAR}"),
    "odd_runs": Case(
        "P21_20160303.dcm",
        f"CXR\nClinical details: Productive cough.\n{CLEAR}\nComment: No pneumonia is seen.",
        ("5 10 20",),
    ),
    "past_the_end": Case(
        "P22_20160404.dcm",
        "CXR\nClinical details: Fever.\nDense opacity of the right middle lobe. The left lung is "
        "clear.\nConclusion: Right middle lobe pneumonia.",
        ("1048570 10",),
    ),
    "contradiction": Case("P23_20160505.dcm", f"CXR\n{CLEAR}", (NONE, siim_runs(RECTANGLE))),
    "repeated": Case("P24_20160606.dcm", "CXR\nSmall pneumothorax.", (siim_runs(RECTANGLE),) * 2),
    "two_patients": Case("P25_20160707.dcm", f"CXR\n{CLEAR}"),
    "pair_a": Case(
        "P27_20170101_1.dcm",
        "CHEST\nRight apical pneumothorax on the expiratory film only.",
        (siim_runs(RIGHT_APEX),),
        study="pair",
    ),
    "pair_b": Case(
        "P27_20170101_2.dcm",
        "CHEST\nRight apical pneumothorax on the expiratory film only.",
        study="pair",
    ),
    "differ_a": Case("P28_20170202_1.dcm", f"CXR\n{CLEAR}", study="differ"),
    "differ_b": Case("P28_20170202_2.dcm", "CXR\nThe heart is enlarged.", study="differ"),
    "inverted_16_bit": Case(
        "P29_20170303.dcm", "CHEST AND PELVIS\nLungs clear.\nPELVIS\nNo dislocation."
    ),
}
MISSING = "no_file"
UNLABELLED = "unlabelled"
ELSEWHERE = "listed_elsewhere"
"""A picture that only the lists name."""


def image_id(name: str) -> str:
    """The SOPInstanceUID that stands for a case of this sample."""
    number = [*CASES, UNLABELLED, ELSEWHERE].index(name)
    return f"1.2.826.0.1.3680043.8.498.4{number:02d}7120.{number + 11}"


def study_id(name: str) -> str:
    """The StudyInstanceUID of a case."""
    study = CASES[name].study
    first = next(n for n, case in CASES.items() if n == name or (study and case.study == study))
    return f"1.2.826.0.1.3680043.8.498.9{list(CASES).index(first):02d}"


def write(folder: Path, variant: str = "figshare") -> None:
    """``figshare``: DICOM files without a suffix in ``dataset/``, one of them a folder deeper.

    ``nested``: the same in ``dataset1/dataset/``, and the list of rib fractures under its other
    name; ``png``: converted pictures in ``chest_radiographs/``, without the two lists.
    """
    header = ("SOPInstanceUID", "StudyInstanceUID", "EncodedPixels", "Report", "filename")
    save(folder, {"Pneumothorax_reports.csv": "\ufeff" + _csv(header, _report_rows())})
    if variant != "png":
        ribs = "Rib_fracture_mask_rle.csv" if variant == "figshare" else "acute_rib_fracture.csv"
        listed = ("anon_SOPUID", "annotation_ref", "mask_rle")
        tubes = [(name, cell) for name, case in CASES.items() for cell in case.tube]
        tubes.append((ELSEWHERE, siim_runs(TUBE)))
        fractures = [(name, cell) for name, case in CASES.items() for cell in case.rib]
        save(
            folder,
            {
                "chest_tube.csv": _csv(listed, _list_rows(tubes)),
                ribs: _csv(listed, _list_rows(fractures)),
                "README": "Made up.\n",
            },
        )
    for seed, name in enumerate([*CASES, UNLABELLED]):
        if name == MISSING:
            continue
        pixels, uid = radiograph(PIXELS, PIXELS, 100 + seed), image_id(name)
        if variant == "png":
            save(folder, {f"chest_radiographs/{uid}.png": encode(pixels, ".png")})
            continue
        inverted = name == "inverted_16_bit"
        tags: dict[str, Any] = {"bits": 16 if inverted else 8, "monochrome1": inverted}
        if name == "two_masks":
            tags |= {"PatientSex": "F", "PatientAge": "031Y", "ViewPosition": "AP"}
        elif name in ("clear", "rib_fracture"):
            tags |= {"ViewPosition": "PA"}
        place = "dataset/" if variant == "figshare" else "dataset1/dataset/"
        deeper = "second_part/" if name == "rectangle" else ""
        save(folder, {f"{place}{deeper}{uid}": dicom(pixels, uid, **tags)})


def _report_rows() -> Iterator[tuple[str, ...]]:
    for name, case in CASES.items():
        for cell in case.cells:
            yield image_id(name), study_id(name), cell, case.report, case.file
    again = CASES["two_patients"]
    yield (
        *(image_id("two_patients"), study_id("two_patients"), NONE),
        *(again.report, again.file.replace("P25", "P26")),
    )


def _list_rows(cells: Iterable[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    for number, (name, cell) in enumerate(cells):
        yield image_id(name), f"A{number}", cell


def _csv(header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
