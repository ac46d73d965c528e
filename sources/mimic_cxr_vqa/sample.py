"""A tiny MIMIC-CXR-VQA with every quirk of the files; questions and answers are invented.

Pictures and studies are those of the sample of mimic_cxr, where picture ``n`` of study ``s`` is
``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("physionet", "wget", "builder")

LONG_TITLE = "MIMIC-Ext-MIMIC-CXR-VQA: Questions on Chest X-ray Images"
ALL = ("anatomicalfinding", "device", "disease", "tubesandlines")
"""What the release counts as an abnormality."""


class Asked(NamedTuple):
    """One question; ``slots`` as ``object=left lung|right lung; attribute=pneumonia``."""

    subject: int
    study: int
    kind: str
    """semantic_type and content_type."""
    program: int
    slots: str
    question: str
    answer: Any
    number: int = 1


AP, PA, SECOND, TEST, VALID = 50000001, 50000004, 50000009, 50000008, 50000007

TRAIN = (
    Asked(
        10000001,
        AP,
        "verify presence",
        22,
        "attribute=pleural effusion",
        "Does this film show a pleural effusion?",
        ["yes"],
    ),
    Asked(
        10000001,
        AP,
        "verify attribute",
        2,
        "object=left lung; attribute=pneumothorax",
        "Can a pneumothorax be made out in the left lung?",
        ["no"],
    ),
    # one of two, both, and none of them
    Asked(
        10000001,
        AP,
        "choose attribute",
        28,
        "attribute=pneumonia|atelectasis; category=disease",
        "Which of the two can be seen, pneumonia or atelectasis?",
        ["atelectasis"],
    ),
    Asked(
        10000001,
        AP,
        "choose anatomy",
        32,
        "object=right lung|left lung; attribute=pleural effusion",
        "On which side lies the pleural effusion, in the right lung or the left lung?",
        ["left lung", "right lung"],
    ),
    Asked(
        10000001,
        AP,
        "choose attribute",
        10,
        "object=right lung; attribute=lung lesion|Pneumothorax; category=anatomicalfinding",
        "What does the right lung show, a lung lesion or a pneumothorax?",
        [],
    ),
    Asked(
        10000001,
        PA,
        "query attribute",
        25,
        "category=anatomicalfinding",
        "Name all anatomical findings of this picture.",
        ["costophrenic angle blunting", "enlarged cardiac silhouette", "lung opacity"],
    ),
    Asked(
        10000001,
        PA,
        "query anatomy",
        31,
        "attribute=pneumothorax",
        "List every site of a pneumothorax.",
        [],
    ),
    Asked(10000001, PA, "query plane", 42, "", "In which view was this film taken?", ["pa"]),
    Asked(10000001, PA, "choose plane", 43, "viewpos=AP|PA", "Is this an AP or a PA film?", ["pa"]),
    Asked(10000002, 50000002, "query gender", 45, "", "Of which sex is the patient?", ["f"]),
    Asked(10000002, 50000002, "choose gender", 46, "", "Is this a man or a woman?", ["f"]),
    # what counts as an abnormality, in one place and anywhere
    Asked(
        10000002,
        50000002,
        "verify abnormality",
        3,
        "object=right lower lung zone; category=" + "|".join(ALL),
        "Are there any abnormalities in the right lower lung zone?",
        ["yes"],
    ),
    Asked(
        10000002,
        50000002,
        "verify abnormality",
        20,
        "category=" + "|".join(ALL),
        "Does the film show any abnormalities?",
        ["yes"],
    ),
    Asked(
        10000002,
        50000002,
        "query abnormality",
        27,
        "category=technicalassessment|tubesandlines",
        "Which technical findings, tubes and lines does the film show?",
        ["low lung volumes", "picc"],
    ),
    Asked(
        10000002,
        50000002,
        "verify size",
        47,
        "",
        "Is the heart more than half as wide as the chest?",
        ["no"],
    ),
    # the question before in other words; twice in one wording; then two answers to one question
    Asked(
        10000002,
        50000002,
        "verify abnormality",
        20,
        "category=" + "|".join(ALL),
        "Is anything abnormal to be seen?",
        ["yes"],
    ),
    Asked(10000002, 50000002, "query gender", 45, "", "of which sex is the patient?", ["f"]),
    Asked(
        10000002,
        50000002,
        "verify presence",
        22,
        "attribute=hernia",
        "Is a hernia visible?",
        ["no"],
    ),
    Asked(
        10000002,
        50000002,
        "verify presence",
        22,
        "attribute=hernia",
        "Does one see a hernia?",
        ["yes"],
    ),
    # a test and a validation patient of MIMIC-CXR
    Asked(
        10000007,
        TEST,
        "verify presence",
        22,
        "attribute=atelectasis",
        "Is there atelectasis?",
        ["yes"],
    ),
    Asked(
        10000005,
        VALID,
        "query attribute",
        7,
        "object=left lower lung zone; category=disease",
        "Which diseases are seen in the left lower lung zone?",
        ["atelectasis", "pneumonia"],
    ),
    # the picture is not in this copy of MIMIC-CXR; it never was; the study never was
    Asked(
        19999999, 59999998, "verify presence", 22, "attribute=picc", "Is a PICC in place?", ["yes"]
    ),
    Asked(10000001, AP, "verify presence", 22, "attribute=cyst/bullae", "Any bullae?", ["no"], 8),
    Asked(10000099, 50000099, "verify presence", 22, "attribute=goiter", "Any goiter?", ["no"]),
    # answers that do not fit: a name to a yes/no question, one not named, no pair, no such view
    Asked(
        10000003, 50000010, "verify presence", 22, "attribute=edema", "Is there edema?", ["edema"]
    ),
    Asked(
        10000003,
        50000010,
        "choose attribute",
        28,
        "attribute=hernia|scoliosis; category=anatomicalfinding",
        "Hernia or scoliosis?",
        ["goiter"],
    ),
    Asked(10000003, 50000010, "choose anatomy", 33, "object=spine", "Spine or neck?", ["spine"]),
    Asked(10000003, 50000010, "query plane", 42, "", "Which view is it?", ["lateral"]),
)
VALIDATION = (
    # a patient of train.json
    Asked(
        10000001,
        SECOND,
        "query attribute",
        13,
        "object=left lung|right lung; category=disease",
        "Which diseases do the left and the right lung show?",
        ["fluid overload/heart failure", "pneumonia"],
    ),
)
TEST_FILE = (
    # train in MIMIC-CXR
    Asked(
        10000014,
        59999990,
        "verify attribute",
        5,
        "object=left lung; attribute=pneumonia|consolidation",
        "Does the left lung show both pneumonia and consolidation?",
        ["no"],
    ),
    Asked(
        10000014,
        59999990,
        "choose plane",
        43,
        "",
        "Was this taken in AP or PA view?",
        ["ap"],
    ),
)
FILES = {"train": TRAIN, "valid": VALIDATION, "test": TEST_FILE}


def dicom_id(study: int, number: int = 1) -> str:
    """The picture's name in the sample of mimic_cxr."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


def write(folder: Path, variant: str = "physionet") -> None:
    """``physionet``: as released; ``wget``: in PhysioNet's folders; ``builder``: as the authors'
    builder leaves it, beside its inputs, with ids as texts."""
    home = {
        "physionet": f"{LONG_TITLE}/MIMIC-Ext-MIMIC-CXR-VQA/dataset",
        "wget": "physionet.org/files/mimic-ext-mimic-cxr-vqa/1.0.0/MIMIC-Ext-MIMIC-CXR-VQA/dataset",
        "builder": "mimiccxrvqa/dataset",
    }[variant]
    files: dict[str, bytes | str] = {f"{home}/ans2idx.json": json.dumps({"atelectasis": 0})}
    for name, asked in FILES.items():
        items = [_item(name, i, one, variant == "builder") for i, one in enumerate(asked)]
        if name == "train":
            items += _broken(len(items))
        files[f"{home}/{name}.json"] = json.dumps(items, indent=4)
        if variant == "builder":
            bare = [{k: v for k, v in item.items() if k != "answer"} for item in items]
            files[f"{home}/_{name}.json"] = json.dumps(bare)
    save(folder, files)


def _broken(start: int) -> list[dict[str, Any]]:
    """Two with the number of one before, and one of no known type."""
    asked = Asked(
        10000001,
        SECOND,
        "verify presence",
        22,
        "attribute=chest port",
        "Is there a chest port?",
        ["no"],
    )
    other = asked._replace(slots="attribute=scoliosis", question="Is there scoliosis?")
    return [
        _item("train", start, asked, False),
        _item("train", start, other, False),
        _item("train", start + 1, asked._replace(kind="guess presence"), False),
        {"split": "train", "idx": start + 2, "question": "On which picture?", "answer": ["yes"]},
    ]


def _item(split: str, number: int, asked: Asked, texts: bool) -> dict[str, Any]:
    semantic, _, content = asked.kind.partition(" ")
    slots: dict[str, dict[str, str]] = {
        name: {} for name in ("object", "attribute", "category", "viewpos", "gender")
    }
    for slot in filter(None, asked.slots.split("; ")):
        name, _, values = slot.partition("=")
        slots[name] = {str(i): value for i, value in enumerate(values.split("|"))}
    image = dicom_id(asked.study, asked.number)
    place = f"p{asked.subject // 10**6}/p{asked.subject}/s{asked.study}"
    return {
        "split": split,
        "idx": number,
        "subject_id": str(asked.subject) if texts else asked.subject,
        "study_id": str(asked.study) if texts else asked.study,
        "image_id": image,
        "image_path": f"{place}/{image}.jpg",
        "question": asked.question,
        "semantic_type": semantic,
        "content_type": content,
        "template": "",
        "template_program": f"program_{asked.program}",
        "template_arguments": slots,
        "answer": asked.answer,
    }
