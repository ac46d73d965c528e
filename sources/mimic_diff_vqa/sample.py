"""A tiny Medical-Diff-VQA with every quirk of the tables; findings and answers are invented.

Pictures and studies are those of the sample of mimic_cxr, where picture ``n`` of study ``s`` is
``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("v1_0_1", "wget", "indexed")

LABELS = (
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


class Taken(NamedTuple):
    """One row of the table of studies."""

    subject: int
    study: int
    view: str
    split: str
    date: int
    order: float
    number: int = 1


AP, PA = "antero-posterior", "postero-anterior"
STUDIES = (
    # two studies of one day share a rank
    Taken(10000001, 50000001, AP, "train", 21800312, 1.0),
    Taken(10000001, 50000004, PA, "train", 21800312, 1.0),
    Taken(10000001, 50000009, AP, "train", 21800315, 3.0),
    Taken(10000002, 50000002, PA, "train", 21501102, 1.0),
    Taken(10000002, 50000006, PA, "train", 21501214, 2.0),
    Taken(10000003, 50000010, PA, "train", 21320704, 1.0),
    Taken(10000005, 50000007, AP, "validate", 21400115, 1.0),
    Taken(10000005, 50000012, AP, "validate", 21400117, 2.0),
    Taken(10000007, 50000008, PA, "test", 21290303, 1.0),
    Taken(10000007, 50000000, AP, "test", 21290304, 2.0),
    Taken(19999999, 59999997, AP, "train", 21450501, 1.0),
    Taken(19999999, 59999998, AP, "train", 21450503, 2.0),  # its file is not in the sample
    Taken(19999999, 59999999, PA, "train", 21450510, 3.0),
    Taken(10000099, 50000099, PA, "train", 21450510, 1.0),  # no such study
    Taken(10000012, 59999992, PA, "train", 21620314, 1.0, 9),  # no such picture
)


class Asked(NamedTuple):
    """One row of the table of questions."""

    subject: int
    study: int
    prior: int
    kind: str
    question: str
    answer: str
    split: str = "train"


WHAT = "what has changed compared to the reference image?"
ADDED = "the main image has an additional finding of"
MISSING = "the main image is missing the finding of"
THAN = "than the reference image."

PAIR = (10000001, 50000009, 50000001)
SECOND = (10000001, 50000009, 50000004)
VALID = (10000005, 50000012, 50000007)
HELD = (10000002, 50000006, 50000002)
TEST = (10000007, 50000000, 50000008)

QUESTIONS = (
    # one of each type
    Asked(
        *PAIR,
        "abnormality",
        "what abnormalities are seen in this image?",
        "pleural effusion, cardiomegaly, edema",
    ),
    Asked(*PAIR, "presence", "is there evidence of pneumothorax in this image?", "no"),
    Asked(*PAIR, "view", "which view is this image taken?", "ap view"),
    Asked(*PAIR, "location", "where is the pleural effusion?", "left area and right lower area"),
    Asked(*PAIR, "level", "what level is the edema?", "mild to moderate"),
    Asked(*PAIR, "type", "what type is the edema?", "interstitial"),
    Asked(
        *PAIR,
        "difference",
        WHAT,
        "the level of pleural effusion has changed from small to moderate. the main image has "
        f"additional findings of hernia, and vascular congestion {THAN} {MISSING} atelectasis "
        f"{THAN} ",
    ),
    # the same study in a second pair: the same answer, and another one
    Asked(*SECOND, "type", "what type is the edema?", "interstitial"),
    Asked(*SECOND, "level", "what level is the edema?", "severe"),
    # the part of a pair of one day that comes first, by a table without the time of day
    Asked(
        *SECOND,
        "difference",
        "what has changed in the left lung area?",
        "the level of pleural effusion has changed from moderate to small. ",
    ),
    Asked(10000001, 50000004, 50000001, "difference", WHAT, f"{ADDED} pneumonia {THAN} "),
    Asked(10000001, 50000001, 50000004, "difference", WHAT, f"{MISSING} hernia {THAN} "),
    # a region with two findings; a finding on both sides that is denied on the other side
    Asked(
        10000001,
        50000004,
        50000001,
        "abnormality",
        "what abnormalities are seen in the left lung base?",
        "atelectasis",
    ),
    Asked(
        10000001,
        50000004,
        50000001,
        "presence",
        "is there pleural effusion in the right area?",
        "no",
    ),
    Asked(10000001, 50000004, 50000001, "presence", "is there hernia?", "no"),
    # the split of its own disagrees with that of MIMIC-CXR
    Asked(*VALID, "difference", WHAT, "nothing has changed.", "train"),
    Asked(
        *VALID,
        "location",
        "is the atelectasis located on the left side or right side?",
        "left side",
        "val",
    ),
    Asked(*VALID, "view", "is this AP view?", "yes", "val"),
    Asked(
        *VALID,
        "abnormality",
        "is there evidence of any abnormalities in this image?",
        "yes",
        "test",
    ),
    Asked(*VALID, "presence", "is the pleural effusion bilateral?", "yes", "test"),
    # pairs that MS-CXR-T asks about
    Asked(*HELD, "difference", WHAT, f"{MISSING} pneumonia {THAN} "),
    Asked(*HELD, "view", "is this PA view?", "yes"),
    Asked(*HELD, "presence", "is there pneumonia?", "no"),
    Asked(*TEST, "difference", WHAT, f"{ADDED} lung opacity {THAN} ", "test"),
    Asked(*TEST, "level", "what level is the pleural effusion?", "small", "test"),
    # its reference has no file here; the reference is later; it is of nobody, or of somebody else
    Asked(19999999, 59999999, 59999998, "difference", WHAT, f"{ADDED} fracture {THAN} "),
    Asked(19999999, 59999999, 59999998, "type", "what type is the fracture?", "healed"),
    Asked(19999999, 59999997, 59999999, "difference", WHAT, f"{ADDED} edema {THAN} "),
    Asked(10000003, 50000010, 50000098, "difference", WHAT, "nothing has changed."),
    Asked(10000003, 50000010, 50000002, "difference", WHAT, f"{ADDED} scoliosis {THAN} "),
    # main studies without a study or a picture in MIMIC-CXR
    Asked(10000099, 50000099, 50000098, "presence", "is there edema?", "yes"),
    Asked(10000012, 59999992, 50000002, "presence", "is there edema?", "yes"),
    # of no type; answers of the wrong kind; no answer
    Asked(10000003, 50000010, 50000098, "colour", "which colour is this image?", "grey"),
    Asked(10000003, 50000010, 50000098, "presence", "is there scoliosis?", "mild"),
    Asked(10000003, 50000010, 50000098, "view", "which view is this image taken?", "lateral"),
    Asked(
        10000003,
        50000010,
        50000098,
        "location",
        "is the scoliosis located on the left side or right side?",
        "middle",
    ),
    Asked(10000003, 50000010, 50000098, "type", "what type is the scoliosis?", " "),
)


def dicom_id(study: int, number: int = 1) -> str:
    """The picture's name in the sample of mimic_cxr."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


def write(folder: Path, variant: str = "v1_0_1") -> None:
    """``v1_0_1``: as released; ``wget``: in PhysioNet's folders, without what was picked out of the
    reports; ``indexed``: with a column of row numbers, ids as floats and views in capitals."""
    home = folder / "physionet.org/files/medical-diff-vqa/1.0.0" if variant == "wget" else folder
    indexed = variant == "indexed"
    files = {"mimic_pair_questions.csv": _questions(indexed), "mimic_all.csv": _studies(indexed)}
    if variant != "wget":
        files["all_diseases.json"] = json.dumps(_extracted(), indent=4)
    save(home, dict(files))


def _csv(header: list[str], rows: list[list[object]], indexed: bool) -> str:
    buffer = io.StringIO()
    if indexed:
        header = ["", *header]
        rows = [[i, *row] for i, row in enumerate(rows)]
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _questions(indexed: bool) -> str:
    header = ["study_id", "subject_id", "ref_id", "question_type", "question", "answer", "split"]
    rows: list[list[object]] = []
    for q in QUESTIONS:
        ids: list[object] = [q.study, q.subject, q.prior]
        answer = q.answer
        if indexed:
            ids = [float(q.study), float(q.subject), float(q.prior)]
            answer = answer.replace("ap view", "AP view")
        rows.append([*ids, q.kind, q.question, answer, q.split])
    return _csv(header, rows, indexed)


def _studies(indexed: bool) -> str:
    header = ["subject_id", "study_id", *LABELS, "dicom_id", "view", "split", "study_date"]
    rows: list[list[object]] = [
        [
            taken.subject,
            taken.study,
            *[""] * len(LABELS),
            dicom_id(taken.study, taken.number),
            taken.view,
            taken.split,
            taken.date,
            taken.order,
        ]
        for taken in STUDIES
    ]
    return _csv([*header, "study_order"], rows, indexed)


def _finding(name: str, **places: Any) -> dict[str, Any]:
    keys = ("location", "type", "level", "post_location")
    empty = {key + end: None for end in ("", "2") for key in keys}
    return {"entity_name": name, **empty, **places}


def _extracted() -> list[dict[str, Any]]:
    return [
        {
            "study_id": "50000004",
            "subject_id": "10000001",
            "entity": {
                "atelectasis": _finding("atelectasis", post_location="the left lung base"),
                "consolidation": _finding("consolidation", post_location="the left lung base"),
                "pleural effusion": _finding(
                    "pleural effusion", location=["left"], location2=["right"]
                ),
            },
            "no_entity": ["pneumothorax"],
        },
        {
            "study_id": "50000009",
            "subject_id": "10000001",
            "entity": {"edema": _finding("edema", level=["mild", "to", "moderate"])},
            "no_entity": ["pneumothorax", "pneumonia"],
        },
        {"study_id": "50000010", "subject_id": "10000003", "entity": [], "no_entity": []},
        {"study_id": "50000010", "subject_id": "10000003"},
    ]
