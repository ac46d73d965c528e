"""A tiny RadQA with every quirk of the files; reports and questions are invented."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chexinstruct.synthetic import save

VARIANTS = ("wget", "zip", "terse")

FOLDERS = {
    "wget": "physionet.org/files/radqa/1.0.0",
    "zip": "radqa-a-question-answering-dataset-to-improve-comprehension-of-radiology-reports-1.0.0",
    "terse": "radqa",
}


@dataclass(frozen=True)
class Asked:
    """A question and the spans that answer it in each section; none: not answerable there."""

    text: str
    findings: tuple[str, ...] = ()
    impression: tuple[str, ...] = ()
    moved: int = 0
    """Added to every offset, which makes them wrong."""


@dataclass(frozen=True)
class Told:
    """A report."""

    number: int
    findings: str
    impression: str
    asked: tuple[Asked, ...]


TRAIN = (
    Told(
        11,
        "There is a 2.5 cm mass in the left\n upper lobe with spiculated borders. Left hilar\n"
        " lymph nodes are enlarged up to 1.6 cm. No pleural\n effusion is seen. Compared to"
        " [**2150-1-1**], the mass is larger.",
        "Enlarging left upper lobe mass,\n suspicious for lung cancer, with left hilar\n"
        " lymphadenopathy.",
        (
            Asked(
                "Where is the mass?",
                ("2.5 cm mass in the left\n upper lobe",),
                ("left upper lobe mass",),
            ),
            Asked("Is there fluid around the lung?", ("No pleural\n effusion is seen",)),
            Asked("Is there a rib fracture?"),
            Asked("Has the mass grown?", ("the mass is larger",), ("Enlarging",)),
            # the answer is a date, and masked
            Asked("When was the last study?", ("Compared to [**2150-1-1**]",)),
            Asked(
                "Are lymph nodes enlarged?",
                ("Left hilar\n lymph nodes are enlarged up to 1.6 cm",),
                ("left hilar\n lymphadenopathy",),
                moved=3,
            ),
            Asked("Is there a rib fracture?"),  # once more, with the same answer
        ),
    ),
    Told(
        12,
        "Portable chest film. The endotracheal tube\n ends 2 cm above the carina. There are patchy"
        " opacities\n at both lung bases, more on the right. The heart is\n not enlarged. A"
        " nasogastric tube ends in the stomach.",
        "Bibasilar opacities,\n possibly aspiration. Tubes as described.",
        (
            Asked(
                "Is the breathing tube in good position?",
                ("endotracheal tube\n ends 2 cm above the carina",),
                ("Tubes as described",),
            ),
            Asked(
                "Is there evidence of aspiration?",
                ("patchy opacities\n at both lung bases",),
                ("Bibasilar opacities,\n possibly aspiration",),
            ),
            Asked("Is there a pneumothorax?"),
            Asked("Does the patient have cardiomegaly?", ("The heart is\n not enlarged",)),
        ),
    ),
    # long, as reports of CT are
    Told(
        13,
        "The thoracic aorta is of normal caliber without dissection. "
        + "".join(
            f"\n At level {level} of the thorax no enlarged lymph node is seen, and the lungs show"
            " neither nodule nor consolidation. The airways are patent and the pleura is smooth."
            for level in range(1, 25)
        )
        + "\n At the lowest level a filling defect lies in a subsegmental artery of the left lower"
        " lobe.",
        "Single subsegmental pulmonary embolus\n of the left lower lobe. No aortic dissection.",
        (
            Asked(
                "Does the patient have a pulmonary embolism?",
                ("filling defect lies in a subsegmental artery of the left lower lobe",),
                ("Single subsegmental pulmonary embolus\n of the left lower lobe",),
            ),
            Asked("Is the right ventricle strained?"),
            Asked(
                "Is there an aortic dissection?", ("without dissection",), ("No aortic dissection",)
            ),
        ),
    ),
    # no chest in it
    Told(
        14,
        "There is no hemorrhage or shift of the midline.\n The ventricles are of normal size.",
        "No acute intracranial process.",
        (Asked("Is there a bleed?", ("no hemorrhage",), ("No acute intracranial process",)),),
    ),
)
DEV = (
    Told(
        21,
        "A right chest tube ends at the apex. A small right\n apical pneumothorax remains. There"
        " is subcutaneous\n emphysema along the right chest wall.",
        "Small residual right pneumothorax with\n chest tube in place.",
        (
            Asked(
                "Has the pneumothorax resolved?",
                ("small right\n apical pneumothorax remains",),
                ("Small residual right pneumothorax",),
            ),
            Asked("Is there a pleural effusion?"),
            Asked("Where does the chest tube end?", ("at the apex",)),
        ),
    ),
)
TEST = (
    Told(
        31,
        "Lung volumes are low. There is a moderate left\n pleural effusion with compressive"
        " atelectasis. Pulmonary\n vessels are not congested.",
        "Moderate left pleural effusion. No\n congestive heart failure.",
        (
            # two readers marked different spans
            Asked(
                "How large is the effusion?",
                ("moderate left\n pleural effusion", "moderate", "moderate"),
                ("Moderate left pleural effusion",),
            ),
            Asked(
                "Is the patient in heart failure?",
                ("Pulmonary\n vessels are not congested",),
                ("No\n congestive heart failure",),
            ),
            Asked("Is there a mass?"),
            Asked("Is there pneumonia?"),
        ),
    ),
    # the report has no findings section
    Told(
        32,
        "",
        "No acute cardiopulmonary process. The\n left PICC line ends in the lower superior vena"
        " cava.",
        (
            Asked(
                "Is the line in place?",
                impression=("left PICC line ends in the lower superior vena cava",),
            ),
            Asked("Is there pneumonia?", impression=("No acute cardiopulmonary process",)),
        ),
    ),
)
LISTS = {"train": TRAIN, "dev": DEV, "test": TEST}


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: the mirrored tree; ``zip``: the folder of the unpacked archive; ``terse``: no empty
    lists of answers, numbers for ids, and words for sections."""
    home = FOLDERS[variant]
    files: dict[str, bytes | str] = {
        f"{home}/{name}.json": _list(reports, terse=variant == "terse")
        for name, reports in LISTS.items()
    }
    save(folder, files | {f"{home}/LICENSE.txt": "PhysioNet Credentialed Health Data License\n"})


def _list(reports: tuple[Told, ...], *, terse: bool) -> str:
    entries = [
        {"title": str(report.number), "paragraphs": _passages(report, terse)} for report in reports
    ]
    return json.dumps({"data": entries} if terse else {"version": "1.0.0", "data": entries})


def _passages(report: Told, terse: bool) -> list[dict[str, Any]]:
    passages = []
    for section in ("findings", "impression"):
        context = report.findings if section == "findings" else report.impression
        if not context:
            continue
        asked = [_question(report, i, section, terse) for i in range(len(report.asked))]
        if report is TRAIN[1] and section == "impression":
            broken = {"id": "12_9", "question": "Is there edema?", "is_impossible": False}
            asked.append(broken | {"answers": []})  # neither answered nor impossible
        ending = section if terse else section[0].upper()
        passages.append(
            {"document_id": f"{report.number}_{ending}", "context": context, "qas": asked}
        )
    return passages


def _question(report: Told, number: int, section: str, terse: bool) -> dict[str, Any]:
    asked = report.asked[number]
    context = report.findings if section == "findings" else report.impression
    spans = asked.findings if section == "findings" else asked.impression
    answers = [{"text": span, "answer_start": context.index(span) + asked.moved} for span in spans]
    question: dict[str, Any] = {
        "id": report.number * 10 + number if terse else f"{report.number}_{number}",
        "question": asked.text,
        "is_impossible": not spans,
    }
    return question if terse and not spans else question | {"answers": answers}
