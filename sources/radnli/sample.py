"""A tiny RadNLI with every quirk of the files; the sentences are invented."""

from __future__ import annotations

import json
from pathlib import Path

from chexinstruct.synthetic import save

VARIANTS = ("wget", "zip")

FOLDERS = {
    "wget": "physionet.org/files/radnli-report-inference/1.0.0",
    "zip": "radnli-a-natural-language-inference-dataset-for-the-radiology-domain-1.0.0",
}

# premise, hypothesis, label
DEV = (
    # the two directions of a pair, labelled differently
    (
        "There is a small right pleural effusion with adjacent atelectasis.",
        "There is a small right pleural effusion.",
        "entailment",
    ),
    (
        "There is a small right pleural effusion.",
        "There is a small right pleural effusion with adjacent atelectasis.",
        "neutral",
    ),
    ("No pleural effusion or pneumothorax.", "No pneumothorax is seen.", "entailment"),
    ("No pneumothorax is seen.", "There is a small left apical pneumothorax.", "contradiction"),
    ("The heart is normal in size.", "The heart is moderately enlarged.", "contradiction"),
    ("The heart is normal in size.", "The lungs are clear.", "neutral"),
    (
        "Endotracheal tube ends ___ cm above the carina.",
        "An endotracheal tube is seen.",
        "entailment",
    ),
    ("There is mild pulmonary edema.", "The pulmonary vasculature is normal.", "contradiction"),
    ("Sternotomy wires are intact.", "There is no acute fracture.", "neutral"),
)
TEST = (
    ("The lungs are clear.", "There is no focal consolidation.", "entailment"),
    ("There is no focal consolidation.", "The lungs are clear.", "neutral"),
    ("Left lower lobe opacity may be pneumonia.", "The left lung is clear.", "contradiction"),
    ("There is cardiomegaly with mild edema.", "The cardiac silhouette is enlarged.", "entailment"),
    ("The mediastinal contours are normal.", "No pleural effusion is seen.", "neutral"),
    ("A feeding tube ends in the stomach.", "No support device is seen.", "contradiction"),
    ("No displaced rib fracture is seen.", "No acute osseous abnormality.", "-"),  # no gold label
)
BLANK_AFTER = 3
"""A blank line stands after this many lines of the dev file."""


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: the mirrored tree; ``zip``: the folder of the unpacked archive."""
    dev, test = _lines(DEV), _lines(TEST)
    dev.insert(BLANK_AFTER, "")
    home = FOLDERS[variant]
    save(
        folder,
        {
            f"{home}/radnli_dev_v1.jsonl": "\n".join(dev) + "\n",
            f"{home}/radnli_test_v1.jsonl": "\n".join(test),  # no final newline
            f"{home}/LICENSE.txt": "PhysioNet Credentialed Health Data License\n",
        },
    )


def _lines(pairs: tuple[tuple[str, str, str], ...]) -> list[str]:
    """JSON lines; the two files number their pairs alike."""
    return [
        json.dumps({"pair_id": str(i), "sentence1": one, "sentence2": two, "gold_label": label})
        for i, (one, two, label) in enumerate(pairs)
    ]
