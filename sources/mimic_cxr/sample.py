"""A tiny MIMIC-CXR with every quirk of the release; reports are invented, pictures are phantoms.

Ids lie outside the ranges that the release uses. Other MIMIC sources' samples repeat some of them:
picture ``n`` of study ``s`` is ``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import csv_table, dicom, encode, label_cells, parquet, radiograph, save

from .structured import REVIEWED, TRAIN
from .texts import REPORTS

VARIANTS = ("jpg", "wget", "unpacked", "dicom", "srrg")

PORTRAIT, LANDSCAPE = (160, 192), (192, 160)
"""Width and height in pixels; portable AP pictures lie on their side more often."""

TITLE = "FINAL REPORT"
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
VIEW_CODES = {"AP": "antero-posterior", "PA": "postero-anterior", "LATERAL": "lateral"}


class Exam(NamedTuple):
    """One study; ``views`` are cells of ViewPosition."""

    subject: int
    study: int
    split: str | None
    """None: not in the split table."""
    date: int
    time: str
    views: tuple[str, ...]


EXAMS = (
    # heart failure: two studies of one day in the wrong order, and times without leading zeros
    Exam(10000001, 50000001, "train", 21800312, "221530.0", ("AP",)),
    Exam(10000001, 50000004, "train", 21800312, "80556.875", ("PA", "LATERAL", "LL")),
    # pneumonia, and its resolution
    Exam(10000002, 50000002, "train", 21501102, "142005.25", ("PA", "LATERAL")),
    Exam(10000002, 50000006, "train", 21501214, "101530.0", ("PA", "LATERAL")),
    Exam(10000003, 50000010, "train", 21320704, "93000.0", ("PA", "LATERAL")),
    # apart from the other rows of its subject; every sentence of the impression compares
    Exam(10000001, 50000009, "train", 21800315, "5012.5", ("AP",)),
    # pneumothorax: an impression with a time of day and a call, then one with a masked word
    Exam(10000004, 50000005, "train", 21650820, "204512.125", ("AP",)),
    Exam(10000004, 50000011, "train", 21650821, "61000.0", ("AP",)),
    # a blank ViewPosition
    Exam(10000005, 50000007, "validate", 21400115, "33021.0", ("AP", "")),
    Exam(10000005, 50000012, "validate", 21400117, "154500.0", ("AP",)),
    Exam(10000006, 50000013, "validate", 21771130, "120000.0", ("PA", "LATERAL")),
    Exam(10000015, 59999988, "validate", 21250226, "134455.0", ("PA", "LATERAL")),
    # labelled by the radiologist too, who disagrees with the program
    Exam(10000007, 50000008, "test", 21290303, "170310.5", ("PA", "LATERAL")),
    Exam(10000007, 50000000, "test", 21290304, "111500.0", ("AP",)),
    Exam(10000009, 50000003, "test", 21560606, "84530.0", ("PA", "LATERAL")),
    # a view that nobody lists, and a conclusion without a header; then no header at all
    Exam(10000008, 59999996, "test", 21891009, "235959.0", ("RPO",)),
    Exam(10000008, 59999989, "test", 21891011, "90500.0", ("AP AXIAL",)),
    # impression only; findings only, with a bracket; a header followed at once by another
    Exam(19999999, 59999997, "train", 21450501, "100000.0", ("AP",)),
    Exam(19999999, 59999998, "train", 21450503, "100000.0", ("AP",)),
    Exam(19999999, 59999999, "train", 21450510, "100000.0", ("PA", "SWIMMERS")),
    # a first study that compares with a prior, and has a lateral picture only
    Exam(10000010, 59999995, "train", 21370210, "73000.0", ("XTABLE LATERAL",)),
    Exam(10000010, 59999994, "train", 21370211, "73000.0", ("PA",)),
    # in none of the tables but the first, and without a report
    Exam(10000011, 59999993, None, 21100101, "1.0", ("",)),
    # a wet read above the report and an addendum below it
    Exam(10000012, 59999992, "train", 21620314, "201200.0", ("PA", "LATERAL")),
    Exam(10000013, 59999991, "train", 21480909, "113000.0", ("PA", "LATERAL")),
    Exam(10000014, 59999990, "train", 21930718, "54500.0", ("AP",)),
)
LABELS = {
    50000001: "+Atelectasis +Cardiomegaly +Edema +Pleural Effusion -Pneumothorax +Support Devices",
    50000004: "+Cardiomegaly -Consolidation -Edema -Pleural Effusion -Pneumothorax",
    50000009: "+Atelectasis +Cardiomegaly +Edema +Pleural Effusion",
    50000002: "-Cardiomegaly +Consolidation -Fracture -Pleural Effusion +Pneumonia -Pneumothorax",
    50000006: "-Cardiomegaly -Consolidation +No Finding -Pleural Effusion -Pneumothorax",
    50000010: "-Consolidation -Enlarged Cardiomediastinum -Fracture +No Finding -Pneumothorax",
    50000005: "-Cardiomegaly -Pleural Effusion +Pneumothorax +Support Devices",
    50000011: "-Consolidation -Pleural Effusion +Pneumothorax +Support Devices",
    50000007: "+Atelectasis ?Pleural Effusion -Pneumothorax +Support Devices",
    50000012: "+Atelectasis +Pleural Effusion ?Pneumonia -Pneumothorax",
    50000013: "-Cardiomegaly -Consolidation -Edema +No Finding -Pleural Effusion -Pneumothorax",
    59999988: "+Cardiomegaly -Pleural Effusion -Pneumothorax +Support Devices",
    50000008: "?Atelectasis ?Cardiomegaly +Pleural Effusion -Pneumothorax",
    50000000: "+Atelectasis -Edema +Pleural Effusion -Pneumothorax",
    50000003: "-Consolidation +Lung Lesion -Pleural Effusion -Pneumothorax",
    59999997: "+Support Devices -Pneumothorax",
    59999998: "-Edema +Support Devices",
    59999999: "+No Finding",
    59999995: "-Fracture +Pleural Effusion",
    59999994: "-Consolidation +Pleural Effusion -Pneumothorax",
    59999992: "-Consolidation +Fracture -Pleural Effusion -Pneumothorax",
    59999991: "?Lung Lesion +Lung Opacity -Pleural Effusion +Pleural Other -Pneumothorax",
    59999990: "?Cardiomegaly -Edema ?Enlarged Cardiomediastinum ?Fracture -Pneumothorax",
}
"""The program's labels by study: + present, - absent, ? uncertain; two test studies have none."""
RADIOLOGIST = {
    50000008: "+Atelectasis -Cardiomegaly +Pleural Effusion -Pneumothorax",
    50000003: "+Lung Lesion +Lung Opacity -Pleural Effusion",
}
"""The radiologist's labels by study."""


def dicom_id(study: int, number: int) -> str:
    """The picture's name: five groups of eight hexadecimal digits, as the release has them."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


MISSING = dicom_id(59999998, 1)
"""Its picture is not there."""
EMPTY = dicom_id(50000004, 3)
"""Its picture has no bytes."""
HALF = dicom_id(50000011, 1)
"""Its picture was made half as wide and high as the table says."""
NO_VIEW_CODE = dicom_id(59999993, 1)
"""Neither of the two columns tells its view."""
UNTIMED = 59999990
"""Its DICOM header has no time."""


def write(folder: Path, variant: str = "jpg") -> None:
    """``jpg``: JPEG release 2.1.0 with packed tables and reports; ``wget``: release 2.0.0 and the
    reports in PhysioNet's folders, tables unpacked; ``unpacked``: reports beside the pictures;
    ``dicom``: the DICOM release alone, without any table of labels; ``srrg``: as ``jpg``, with the
    Hub dataset srrg_findings beside it."""
    _pictures(folder, variant)
    _reports(folder, variant)
    if variant == "srrg":
        data = "srrg_findings/data"
        save(folder, {f"{data}/train-00000-of-00001.parquet": parquet(TRAIN)})
        save(folder, {f"{data}/test_reviewed-00000-of-00001.parquet": parquet(REVIEWED)})
    if variant == "dicom":
        save(folder, {"cxr-record-list.csv.gz": gzip.compress(_records().encode(), mtime=0)})
        return
    tables = {"metadata": _metadata(), "split": _split()}
    tables |= {"chexpert": _labels(), "negbio": _labels()}
    for name, text in tables.items():
        file = f"mimic-cxr-2.0.0-{name}.csv"
        match variant:
            case "wget":
                save(folder, {f"physionet.org/files/mimic-cxr-jpg/2.0.0/{file}": text})
            case "unpacked" if name == "split":
                save(folder, {file: text})
            case _:
                save(folder, {f"{file}.gz": gzip.compress(text.encode(), mtime=0)})
    if variant != "wget":
        save(folder, {"mimic-cxr-2.1.0-test-set-labeled.csv": _radiologist()})


def _place(exam: Exam) -> str:
    return f"files/p{exam.subject // 10**6}/p{exam.subject}/s{exam.study}"


def _size(view: str) -> tuple[int, int]:
    return LANDSCAPE if view == "AP" else PORTRAIT


def _pictures(folder: Path, variant: str) -> None:
    root = "physionet.org/files/mimic-cxr-jpg/2.0.0/" if variant == "wget" else ""
    for exam in EXAMS:
        for number, view in enumerate(exam.views, start=1):
            name = dicom_id(exam.study, number)
            if name == MISSING:
                continue
            width, height = _size(view)
            if name == HALF:
                width, height = width // 2, height // 2
            pixels = radiograph(width, height, exam.study * 10 + number, lateral=view[-1:] == "L")
            path = f"{root}{_place(exam)}/{name}"
            if name == EMPTY:
                save(folder, {f"{path}.{'dcm' if variant == 'dicom' else 'jpg'}": b""})
            elif variant == "dicom":
                tags: dict[str, Any] = {"StudyDate": str(exam.date), "ViewPosition": view}
                if exam.study != UNTIMED:
                    whole, _, fraction = exam.time.partition(".")
                    tags["StudyTime"] = f"{whole:0>6}.{fraction:0<6}"
                uid = f"1.2.826.0.1.3680043.9.7433.2.{exam.study}.{number}"
                save(folder, {f"{path}.dcm": dicom(pixels, uid, bits=12, **tags)})
            else:
                save(folder, {f"{path}.jpg": encode(pixels, ".jpg")})


def _file(text: str) -> str:
    """The report as released: a centred title, every other line indented by one blank."""
    lines = text.strip("\n").split("\n")
    if TITLE not in lines:
        lines.insert(0, TITLE)
    shown = [f"{TITLE:>45}" if line == TITLE else f" {line}" for line in lines]
    shown[0] = shown[0] if lines[0] == TITLE else lines[0]
    return "\n".join(f"{line} " if line.endswith(":") else line for line in shown) + "\n"


def _reports(folder: Path, variant: str) -> None:
    reports = {
        f"{_place(exam)}.txt": _file(REPORTS[exam.study]) for exam in EXAMS if exam.study in REPORTS
    }
    if variant == "unpacked":
        save(folder, dict(reports))
        return
    buffer = io.BytesIO()
    extra = "mimic-cxr-reports/" if variant == "wget" else ""
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in reports.items():
            archive.writestr(zipfile.ZipInfo(extra + path), text)
    root = "physionet.org/files/mimic-cxr/2.0.0/" if variant == "wget" else ""
    save(folder, {f"{root}mimic-cxr-reports.zip": buffer.getvalue()})


def _metadata() -> str:
    header = ["dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription"]
    header += ["ViewPosition", "Rows", "Columns", "StudyDate", "StudyTime"]
    header += [f"{name}CodeSequence_CodeMeaning" for name in ("Procedure", "View")]
    header.append("PatientOrientationCodeSequence_CodeMeaning")
    rows: list[list[object]] = []
    for exam in EXAMS:
        title = "CHEST (PORTABLE AP)" if exam.views[0] == "AP" else "CHEST (PA AND LAT)"
        for number, view in enumerate(exam.views, start=1):
            name = dicom_id(exam.study, number)
            width, height = _size(view)
            code = VIEW_CODES.get(view, "" if view or name == NO_VIEW_CODE else "antero-posterior")
            orientation = "Recumbent" if view == "AP" else "Erect"
            row = [name, exam.subject, exam.study, title, view, height, width, exam.date]
            rows.append([*row, exam.time, title.title(), code, orientation])
    return csv_table(header, rows)


def _split() -> str:
    rows: list[list[object]] = [
        [dicom_id(exam.study, number), exam.study, exam.subject, exam.split]
        for exam in EXAMS
        if exam.split
        for number in range(1, len(exam.views) + 1)
    ]
    return csv_table(["dicom_id", "study_id", "subject_id", "split"], rows)


def _labels() -> str:
    rows: list[list[object]] = [
        [exam.subject, exam.study, *label_cells(LABELS[exam.study], FINDINGS)]
        for exam in EXAMS
        if exam.study in LABELS
    ]
    return csv_table(["subject_id", "study_id", *FINDINGS], rows)


def _radiologist() -> str:
    header = ["Airspace Opacity" if name == "Lung Opacity" else name for name in FINDINGS]
    rows = [[str(study), *label_cells(text, FINDINGS)] for study, text in RADIOLOGIST.items()]
    return csv_table(["study_id", *header], rows)


def _records() -> str:
    rows: list[list[object]] = [
        [exam.subject, exam.study, name, f"{_place(exam)}/{name}.dcm"]
        for exam in EXAMS
        for name in (dicom_id(exam.study, n) for n in range(1, len(exam.views) + 1))
    ]
    return csv_table(["subject_id", "study_id", "dicom_id", "path"], rows)
