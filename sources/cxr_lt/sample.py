"""A tiny CXR-LT with every quirk of both editions; labels are made up.

Pictures and studies are those of the sample of mimic_cxr, where picture ``n`` of study ``s`` is
``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("v2_0_0", "v1_1_0", "packed", "starting_kits")

OLD = (
    "Atelectasis",
    "Calcification of the Aorta",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Enlarged Cardiomediastinum",
    "Fibrosis",
    "Fracture",
    "Hernia",
    "Infiltration",
    "Lung Lesion",
    "Lung Opacity",
    "Mass",
    "No Finding",
    "Nodule",
    "Pleural Effusion",
    "Pleural Other",
    "Pleural Thickening",
    "Pneumomediastinum",
    "Pneumonia",
    "Pneumoperitoneum",
    "Pneumothorax",
    "Subcutaneous Emphysema",
    "Support Devices",
    "Tortuous Aorta",
)
"""The labels of 2023."""
ADDED = (
    "Adenopathy",
    "Azygos Lobe",
    "Clavicle Fracture",
    "Fissure",
    "Granuloma",
    "Hydropneumothorax",
    "Infarction",
    "Kyphosis",
    "Lobar Atelectasis",
    "Pulmonary Embolism",
    "Pulmonary Hypertension",
    "Rib Fracture",
    "Round(ed) Atelectasis",
    "Tuberculosis",
)
ZERO_SHOT = ("Bulla", "Cardiomyopathy", "Hilum", "Osteopenia", "Scoliosis")
TASK_2 = tuple(sorted("Normal" if name == "No Finding" else name for name in OLD))
TASK_1 = tuple(sorted((*TASK_2, *ADDED)))


class Exam(NamedTuple):
    """A study of MIMIC-CXR: its pictures, its splits here, and its positive labels."""

    subject: int
    study: int
    pictures: int
    splits: tuple[str, str]
    """In 2023 and in 2024."""
    positive: str
    """In both editions; names that only one of them has stand in that one."""
    only: tuple[str, str] = ("", "")
    """Positive in one edition, though both have the name."""
    odd: str = ""
    """Positive in the row of the first picture alone."""


TRAIN, DEV, TEST = ("train", "train"), ("development", "development"), ("test", "test")
EXAMS = (
    Exam(
        10000001,
        50000001,
        1,
        TRAIN,
        "Cardiomegaly; Edema; Pleural Effusion; Support Devices; Pulmonary Hypertension",
    ),
    # two of the new labels, on three pictures
    Exam(
        10000001,
        50000004,
        3,
        TRAIN,
        "Calcification of the Aorta; Cardiomegaly; Tortuous Aorta; Cardiomyopathy",
    ),
    # nobody wrote of infiltration, but beside pneumonia it cannot be called absent
    Exam(10000002, 50000002, 2, TRAIN, "Consolidation; Pneumonia; Granuloma"),
    Exam(10000002, 50000006, 2, TRAIN, "No Finding; Normal"),
    # no finding in 2023, and not normal in 2024
    Exam(10000003, 50000010, 2, TRAIN, "No Finding; Scoliosis"),
    Exam(
        10000004,
        50000005,
        1,
        TRAIN,
        "Fracture; Pneumothorax; Subcutaneous Emphysema; Support Devices; Rib Fracture",
    ),
    # devices alone
    Exam(10000004, 50000011, 1, TRAIN, "Pneumothorax; Support Devices"),
    Exam(10000005, 50000007, 2, DEV, "Atelectasis; Hernia; Support Devices; Lobar Atelectasis"),
    # every row without a study_id
    Exam(10000005, 50000012, 1, DEV, "Atelectasis; Pleural Effusion; Pleural Thickening"),
    Exam(10000006, 50000013, 2, DEV, "No Finding; Normal; Azygos Lobe; Osteopenia"),
    # test in MIMIC-CXR; train in 2023
    Exam(10000007, 50000008, 2, ("train", "test"), "Atelectasis; Pleural Effusion; Nodule"),
    Exam(10000007, 50000000, 1, ("train", "test"), "Atelectasis; Pleural Effusion; Infarction"),
    # people read it otherwise than the program
    Exam(10000009, 50000003, 2, TEST, "Lung Lesion; Mass; Round(ed) Atelectasis"),
    # train in MIMIC-CXR, test in both editions; its only picture is missing there
    Exam(19999999, 59999998, 1, TEST, "Support Devices; Emphysema; Bulla"),
    # neither normal nor anything that the labels hold
    Exam(19999999, 59999999, 2, TEST, ""),
    Exam(10000010, 59999994, 1, TEST, "Pleural Effusion; Hernia; Kyphosis"),
    # in no split of MIMIC-CXR
    Exam(10000011, 59999993, 1, ("development", "train"), "Mass; Lung Lesion; Adenopathy"),
    # the editions disagree
    Exam(10000012, 59999992, 2, TRAIN, "Fracture; Clavicle Fracture", ("Nodule", "Hernia")),
    # the pictures disagree
    Exam(10000013, 59999991, 2, TRAIN, "Lung Opacity; Pleural Other", odd="Fibrosis"),
    # in 2023 a study of train, and another of its subject in test
    Exam(10000014, 59999990, 1, TRAIN, "Cardiomegaly; Pneumomediastinum; Tuberculosis"),
    Exam(10000015, 59999988, 2, TRAIN, "Cardiomegaly; Pleural Thickening; Support Devices"),
    # no such study in MIMIC-CXR
    Exam(10000099, 50000099, 1, TRAIN, "Mass"),
)
GOLD = {50000003: "Lung Lesion; Nodule", 59999994: "Hernia; Pleural Effusion"}
"""What people read in test studies, by study: those of the second task."""
BLANK = 50000012
"""Its rows have no study_id."""
ALSO_BLANK = (50000004, 2)
"""Study and picture of a row without study_id, though other pictures of its study have it."""
NO_PICTURE = (50000006, 2)
"""Study and picture whose row in 2023 names a picture that MIMIC-CXR does not have."""


def dicom_id(study: int, number: int) -> str:
    """The picture's name in the sample of mimic_cxr."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


def write(folder: Path, variant: str = "v2_0_0") -> None:
    """``v2_0_0``: both editions in their folders.

    ``v1_1_0``: that of 2023 alone, its labels of development and test kept back; ``packed``: that
    of 2023 as a zip archive, beside a table of the edition of 2026; ``starting_kits``: that of 2024
    by tasks, without ``labels.csv``, in PhysioNet's folders.
    """
    match variant:
        case "v1_1_0":
            save(folder, _edition_2023(hidden=True))
        case "packed":
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, text in _edition_2023().items():
                    archive.writestr(zipfile.ZipInfo(f"cxr-lt-2023/{name}"), text)
            save(folder, {"cxr-lt-2023.zip": buffer.getvalue()})
            save(folder, {"cxr-lt-2026/train.csv": "ImageID,Mass\nx.png,1\n", "mine.csv": "a\n1\n"})
        case "starting_kits":
            root = folder / "physionet.org/files/cxr-lt-iccv-workshop-cvamd/2.0.0/cxr-lt-2024"
            save(root, _edition_2024(whole=False))
        case _:
            name = "cxr-lt-multi-label-long-tailed-classification-on-chest-x-rays-2.0.0"
            save(folder / name / "cxr-lt-2023", _edition_2023())
            save(folder / name / "cxr-lt-2024", _edition_2024(whole=True))
            save(folder / name, {"LICENSE.txt": "made up\n"})


def _positive(exam: Exam, edition: int, number: int) -> set[str]:
    names = f"{exam.positive}; {exam.only[edition]}; {exam.odd if number == 1 else ''}"
    return {name for name in names.split("; ") if name}


def _rows(edition: int, split: str | None, labels: tuple[str, ...]) -> list[list[str]]:
    """The rows of one split, or of all; floats where the edition has them."""
    rows = []
    for exam in EXAMS:
        if split not in (None, exam.splits[edition]):
            continue
        for number in range(1, exam.pictures + 1):
            positive = _positive(exam, edition, number)
            name = dicom_id(exam.study, number)
            if edition == 0 and (exam.study, number) == NO_PICTURE:
                name = dicom_id(exam.study, 9)
            blank = exam.study == BLANK or (exam.study, number) == ALSO_BLANK
            study = "" if blank else f"{exam.study}{'' if edition else '.0'}"
            place = f"p{exam.subject // 10**6}/p{exam.subject}/s{exam.study}/{name}.jpg"
            row = [name, str(exam.subject), study, "AP", "antero-posterior"]
            row.append(f"files/{place}" if edition else place)
            row += [str(int(label in positive)) for label in labels]
            rows.append([*row, exam.splits[edition]])
    return rows


def _table(edition: int, split: str | None, labels: tuple[str, ...]) -> str:
    """A table of one split, or of all with a column that tells it."""
    header = ["dicom_id", "subject_id", "study_id", "ViewPosition", "ViewCodeSequence_CodeMeaning"]
    header += ["fpath" if edition else "path", *labels, "split"]
    rows = _rows(edition, split, labels)
    if split is not None:
        header, rows = header[:-1], [row[:-1] for row in rows]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _edition_2023(*, hidden: bool = False) -> dict[str, bytes | str]:
    return {
        f"{split}.csv": _table(0, split, () if hidden and split != "train" else OLD)
        for split in ("train", "development", "test")
    }


def _edition_2024(*, whole: bool) -> dict[str, bytes | str]:
    """The tables by task, and that of all labels where ``whole``.

    The kits spell a label in another way and keep the labels of the third task back in part.
    """
    files: dict[str, bytes | str] = {
        "train_labeled.csv": _table(1, "train", TASK_1),
        "development_labeled_task1.csv": _table(1, "development", TASK_1),
        "development_labeled_task2.csv": _table(1, "development", TASK_2),
        "development_task3.csv": _table(1, "development", ()),
        "test_labeled_task1.csv": _table(1, "test", TASK_1),
        "test_labeled_task2.csv": _gold(),
        "test_labeled_task3.csv": _table(1, "test", ZERO_SHOT),
    }
    if whole:
        files["labels.csv"] = _table(1, None, tuple(sorted((*TASK_1, *ZERO_SHOT))))
        return files
    return {
        name: str(text).replace("Round(ed) Atelectasis", "Rounded Atelectasis")
        for name, text in files.items()
    }


def _gold() -> str:
    """The second task's test table: the first picture of each study that people read."""
    exams = {exam.study: exam for exam in EXAMS}
    rows = []
    for study, positive in GOLD.items():
        exam, name = exams[study], dicom_id(study, 1)
        place = f"files/p{exam.subject // 10**6}/p{exam.subject}/s{study}/{name}.jpg"
        cells = [str(int(label in positive.split("; "))) for label in TASK_2]
        rows.append([name, str(exam.subject), str(study), "AP", "antero-posterior", place, *cells])
    header = ["dicom_id", "subject_id", "study_id", "ViewPosition", "ViewCodeSequence_CodeMeaning"]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[*header, "fpath", *TASK_2], *rows])
    return buffer.getvalue()
