"""A tiny CheXpert and CheXpert Plus with every quirk of them; reports are invented.

Ids lie outside the range that the release uses (patient00001 to patient65240).
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import csv_table, dicom, encode, label_cells, radiograph, save

from .structured import ROWS
from .texts import REPORTS

VARIANTS = ("complete", "small", "full", "batches", "chexlocalize", "plus", "srrg")

FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
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
SECTIONS = (
    "narrative",
    "clinical_history",
    "history",
    "comparison",
    "technique",
    "procedure_comments",
    "findings",
    "impression",
    "end_of_impression",
    "summary",
    "accession_number",
)


class Exam(NamedTuple):
    """One study; a view is its cell of AP/PA, blank for laterals."""

    patient: int
    study: int
    sex: str
    age: int
    views: tuple[str, ...]
    labels: str | None
    """+ present, - absent, ? uncertain; of radiologists: what is present. None: not labeled."""
    race: str = "White"

    @property
    def side(self) -> str:
        """The folder of the split."""
        return "train" if self.patient < 95000 else "valid" if self.patient < 97000 else "test"

    @property
    def place(self) -> str:
        """The end of its folder's path."""
        return f"patient{self.patient:05d}/study{self.study}"

    def names(self) -> list[str]:
        """File names of its pictures, without suffix."""
        sides = ["frontal" if view else "lateral" for view in self.views]
        return [f"view{number}_{side}" for number, side in enumerate(sides, start=1)]


NEVER = "+No Finding"
EXAMS = (
    Exam(90001, 1, "Female", 68, ("PA", ""), "?Atelectasis +Lung Opacity -Pneumothorax"),
    # rows of a patient do not stand in the order of its studies
    Exam(90002, 2, "Male", 83, ("AP",), "?Cardiomegaly +Edema -Pneumothorax +Support Devices"),
    Exam(90002, 1, "Male", 82, ("AP",), "+Cardiomegaly +Edema +Pleural Effusion", "Asian"),
    Exam(90002, 3, "Male", 83, ("AP",), "+Edema +Pleural Effusion"),
    Exam(90003, 10, "Male", 24, ("AP",), "+Atelectasis +Pneumothorax +Support Devices"),
    Exam(90003, 9, "Male", 24, ("AP",), "+Pneumothorax +Support Devices", "Unknown"),
    # called frontal by column and file name, lateral by the projection
    Exam(90004, 1, "Female", 45, ("PA", "LL", ""), "+No Finding -Pleural Effusion", "Black"),
    Exam(90005, 1, "Female", 39, ("RL", ""), "?Consolidation +Pleural Effusion"),
    Exam(90006, 1, "Male", 0, ("AP",), "+Fracture -Pneumothorax"),
    Exam(90007, 1, "Unknown", 55, ("PA",), "+Lung Lesion -Pleural Effusion"),
    Exam(90008, 1, "Male", 61, ("PA",), ""),
    # its lateral picture is in CheXpert Plus only
    Exam(90009, 1, "Female", 50, ("AP", ""), "+No Finding -Pneumothorax +Support Devices", ""),
    Exam(90010, 1, "Male", 90, ("AP",), "?Edema +Lung Opacity"),
    Exam(90011, 1, "Female", 90, ("PA", ""), "+Fracture +Lung Opacity -Pleural Effusion"),
    Exam(90012, 1, "Male", 33, ("PA",), "?Pleural Other ?Fracture"),
    Exam(90013, 1, "Female", 77, ("AP",), None),
    Exam(95001, 1, "Male", 58, ("PA", ""), "+Consolidation +Lung Opacity +Pleural Effusion"),
    Exam(95002, 1, "Female", 64, ("AP",), "+Atelectasis +Cardiomegaly +Support Devices"),
    Exam(95003, 1, "Female", 29, ("PA", ""), NEVER),
    Exam(97001, 1, "Male", 71, ("AP",), "+Edema +Lung Opacity +Support Devices"),
    Exam(97002, 1, "Female", 47, ("PA", ""), NEVER),
    Exam(97003, 1, "Male", 66, ("PA",), "+Pleural Effusion"),
    Exam(97004, 1, "Female", 53, ("AP",), "+Cardiomegaly +Pleural Effusion"),
)
MISSING = "patient90010/study1/view1_frontal"
"""Its picture is in no layout."""
PLUS_ONLY = ("patient90009/study1/view2_lateral", "patient90013/study1/view1_frontal")
"""Rows that the tables of CheXpert do not have."""
WITHOUT_REPORT = 90012
"""A patient without a row in CheXpert Plus."""
UNLABELED = "patient97005/study1/view1_frontal"
"""A picture that no table names."""
NO_LINE = "patient90011/study1/view2_lateral"
"""A row without a line of CheXbert labels."""


def write(folder: Path, variant: str = "complete") -> None:
    """Write a release.

    ``complete``: small pictures, test set and CheXpert Plus table in one folder; ``small`` and
    ``full``: CheXpert v1.0 as it was; ``batches``: full pictures in the folders of the download;
    ``chexlocalize``: its validation and test set; ``plus``: CheXpert Plus, pictures as PNG files
    in archives and loose, and as DICOM files; ``srrg``: as ``complete``, with the Hub dataset
    srrg_findings beside it.
    """
    match variant:
        case "complete" | "srrg":
            _chexpert(folder, "CheXpert-v1.0-small", "CheXpert-v1.0-small")
            _test(folder, "CheXpert", by_picture=True)
            save(folder, {"df_chexpert_plus_240401.csv": _plus("train/", ".jpg")})
            save(folder, _chexbert("chexbert_labels"))
            for exam in EXAMS:
                _pictures(folder, exam, "PNG/train", ".png", only=PLUS_ONLY)
            if variant == "srrg":
                lines = "".join(json.dumps(row) + "\n" for row in ROWS)
                save(folder, {"srrg_findings.jsonl": lines})
        case "small":
            _chexpert(folder, "CheXpert-v1.0-small", "CheXpert-v1.0-small")
        case "full":
            _chexpert(folder, "CheXpert-v1.0", "CheXpert-v1.0")
            _test(folder, "CheXpert-v1.0", by_picture=False)
        case "batches":
            _chexpert(folder, None, "CheXpert-v1.0")
        case "chexlocalize":
            _test(folder, "CheXpert", by_picture=True)
            labelled = [exam for exam in EXAMS if exam.side == "valid"]
            save(folder, {"CheXpert/val_labels.csv": _by_picture(labelled, "CheXpert-v1.0/valid")})
            for exam in labelled:
                _pictures(folder, exam, "CheXpert/val")
        case "plus":
            _plus_release(folder)


def _chexpert(folder: Path, home: str | None, prefix: str) -> None:
    """The tables and pictures; ``home`` None: the download's folders, which the tables ignore."""
    for side in ("train", "valid"):
        exams = [exam for exam in EXAMS if exam.side == side and exam.labels is not None]
        root = home or "CheXpert-v1.0 batch 1 (validate & csv)"
        save(folder, {f"{root}/{side}.csv": _table(exams, prefix)})
        for number, exam in enumerate(exams):
            if home is None and side == "train":
                # the second batch keeps the folder of the split, the third does not
                batch = ("2 (train 1)/train", "3 (train 2)")[number % 2]
                _pictures(folder, exam, f"CheXpert-v1.0 batch {batch}")
            else:
                _pictures(folder, exam, f"{root}/{side}")


def _test(folder: Path, home: str, *, by_picture: bool) -> None:
    """The test set as CheXlocalize has it, or with one row of labels a study."""
    exams = [exam for exam in EXAMS if exam.side == "test"]
    for exam in exams:
        _pictures(folder, exam, f"{home}/test")
    save(folder, {f"{home}/test/{UNLABELED}.jpg": encode(radiograph(64, 64, 97005), ".jpg")})
    if by_picture:
        save(folder, {f"{home}/test_labels.csv": _by_picture(exams, "CheXpert-v1.0/test")})
        return
    rows = [
        [f"CheXpert-v1.0/test/{exam.place}", *[cell[0] for cell in _read_cells(exam)]]
        for exam in exams
    ]
    save(folder, {"groundtruth.csv": csv_table(["Study", *FINDINGS], rows)})


def _pictures(
    folder: Path, exam: Exam, home: str, suffix: str = ".jpg", *, only: tuple[str, ...] = ()
) -> None:
    for number, name in enumerate(exam.names()):
        place = f"{exam.place}/{name}"
        if place == MISSING or (place in PLUS_ONLY and suffix == ".jpg"):
            continue
        if not only or place in only:
            seed = exam.patient * 1000 + exam.study * 10 + number
            pixels = radiograph(64, 64, seed, lateral=name.endswith("lateral"))
            save(folder, {f"{home}/{place}{suffix}": encode(pixels, suffix)})


def _read_cells(exam: Exam) -> list[str]:
    """What radiologists say: 1 or 0 for everything."""
    return [cell or "0.0" for cell in label_cells(exam.labels or "", FINDINGS)]


def _table(exams: list[Exam], prefix: str) -> str:
    rows = []
    for exam in exams:
        cells = (
            label_cells(exam.labels or "", FINDINGS) if exam.side == "train" else _read_cells(exam)
        )
        for name, view in zip(exam.names(), exam.views, strict=True):
            if f"{exam.place}/{name}" not in PLUS_ONLY:
                path = f"{prefix}/{exam.side}/{exam.place}/{name}.jpg"
                flag = "Frontal" if view else "Lateral"
                rows.append([path, exam.sex, exam.age, flag, view, *cells])
    return csv_table(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS], rows)


def _by_picture(exams: list[Exam], prefix: str) -> str:
    rows = [
        [f"{prefix}/{exam.place}/{name}.jpg", *_read_cells(exam)]
        for exam in exams
        for name in exam.names()
    ]
    return csv_table(["Path", *FINDINGS], rows)


def _plus_release(folder: Path) -> None:
    save(folder, {"df_chexpert_plus_240401.csv": _plus("CheXpert-v1.0/train/", ".jpg")})
    save(folder, _chexbert("labels"))
    chunk = io.BytesIO()
    with zipfile.ZipFile(chunk, "w") as archive:
        for exam in EXAMS:
            if exam.patient == 90001:
                for number, name in enumerate(exam.names()):
                    pixels = radiograph(64, 64, exam.patient * 10 + number)
                    member = f"PNG/train/{exam.place}/{name}.png"
                    archive.writestr(zipfile.ZipInfo(member), encode(pixels, ".png"))
    save(folder, {"PNG/png_chexpert_plus_chunk_0.zip": chunk.getvalue()})
    for exam in EXAMS:
        if exam.side == "test" or exam.patient == 90001:
            continue
        if exam.patient == 90003:
            pixels = radiograph(64, 64, exam.patient + exam.study)
            uid = f"1.2.826.0.1.3680043.9.7433.3.{exam.patient}.{exam.study}"
            path = f"DICOM/Uncompressed/{exam.side}/{exam.place}/view1_frontal.dcm"
            save(folder, {path: dicom(pixels, uid, bits=12, monochrome1=exam.study == 10)})
            partial = f"DICOM/Uncompressed/{exam.side}/{exam.place}/.azDownload-{exam.study}.dcm"
            save(folder, {partial: b"DICM"})
        else:
            _pictures(folder, exam, f"PNG/{exam.side}", ".png")


def _plus(train: str, suffix: str) -> str:
    header = ["path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa", "deid_patient_id"]
    header += ["patient_report_date_order", "report", *(f"section_{name}" for name in SECTIONS)]
    header += ["age", "sex", "race", "ethnicity", "interpreter_needed", "insurance_type"]
    header += ["recent_bmi", "deceased", "split"]
    rows: list[list[object]] = []
    for exam in EXAMS:
        if exam.side == "test" or exam.patient == WITHOUT_REPORT:
            continue
        home = train if exam.side == "train" else f"{exam.side}/"
        # laterals first: the report to read is that of the first frontal picture
        for name, view in sorted(zip(exam.names(), exam.views, strict=True), key=lambda x: x[1]):
            texts = _texts(exam, len(rows))
            path = f"{home}{exam.place}/{name}"
            flag = "Frontal" if view else "Lateral"
            row = [path + suffix, f"{path}.dcm", flag, view, f"patient{exam.patient}"]
            # this number does not follow the order of the studies
            row += [str(4 - exam.study % 4), _whole(texts)]
            row += [texts.get(section, "") for section in SECTIONS]
            row += [str(float(exam.age)), exam.sex, exam.race, "Non-Hispanic", "No", "Private"]
            rows.append([*row, "27.1", "No", exam.side])
    return csv_table(header, rows)


def _texts(exam: Exam, row: int) -> dict[str, str]:
    """The sections on one row, with its own dates and names."""
    words = {
        "date": f"{1 + row % 12}/{1 + row % 28}/20{10 + row % 9}",
        "prior": f"{1 + row % 11}/{2 + row % 27}/2009",
        "name": ("Stone", "Rivers", "Wood")[row % 3],
    }
    sections = REPORTS.get((exam.patient, exam.study), {})
    return {name: text.format(**words) for name, text in sections.items()}


def _whole(sections: dict[str, str]) -> str:
    parts = [
        f"{name.replace('_', ' ').upper()}:{sections[name]}"
        for name in SECTIONS
        if name in sections
    ]
    return "".join(parts).replace("\n", "\r\n")


def _chexbert(home: str) -> dict[str, bytes | str]:
    """Labels of a program on the reports: JSON lines in an order of their own."""
    lines = []
    for exam in reversed(EXAMS):
        for name in exam.names():
            key = f"{exam.place}/{name}"
            if exam.side == "test" or exam.patient == WITHOUT_REPORT or key == NO_LINE:
                continue
            said = exam.labels if exam.labels is not None else "+Cardiomegaly +Edema"
            cells = label_cells(said, FINDINGS)
            values = {n: float(c) if c else None for n, c in zip(FINDINGS, cells, strict=True)}
            lines.append(json.dumps({"path_to_image": f"{exam.side}/{key}.jpg", **values}))
    text = "\n".join(lines) + "\n"
    kinds = ("findings", "impression", "report")
    return {f"{home}/{kind}_fixed.json": text for kind in kinds}
