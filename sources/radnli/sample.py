"""A tiny RadNLI with every quirk of the files; the sentences are invented.

The list that a program labelled names studies of the sample of mimic_cxr.
"""

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
    ("The lungs are clear.", "Heart size is normal.", "neutral"),  # in reports of train too
    ("No displaced rib fracture is seen.", "No acute osseous abnormality.", "-"),  # no gold label
)
SILVER = (
    # of two persons; of one; characters of the findings of a study
    ("s50000002,78:123", "s50000005,78:120", "contradiction"),
    ("s50000010,0:82", "s59999992,63:83", "entailment"),
    ("s50000004,0:29", "s59999991,85:127", "neutral"),
    ("s50000001,159:243", "s50000001,120:158", "neutral"),
    # no such study; beyond the end; in the middle of a word; up to the middle of a sentence
    ("s50999999,0:40", "s50000010,141:164", "neutral"),
    ("s50000006,140:161", "s50000010,200:300", "neutral"),
    ("s50000006,75:93", "s50000006,140:161", "neutral"),
    ("s50000006,73:82", "s50000006,140:161", "neutral"),
    # of a validation patient; without a report; the pair of the test list; no place; no label
    ("s50000005,152:180", "s50000007,178:220", "contradiction"),
    ("s50000002,54:77", "s59999993,0:20", "neutral"),
    ("s50000002,124:145", "s50000006,73:93", "neutral"),
    ("s50000002 54:77", "s50000005,78:120", "neutral"),
    ("s50000002,54:77", "s50000005,78:120", "-"),
)
BLANK_AFTER = 3
"""A blank line stands after this many lines of the dev file."""


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: the mirrored tree, with the list of the authors' code beside it; ``zip``: the
    folder of the unpacked archive alone."""
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
    if variant == "wget":
        path = "ifcc/resources/radnli_pseudo-train_indexes.jsonl"
        save(folder, {path: "\n".join(_lines(SILVER)) + "\n"})


def _lines(pairs: tuple[tuple[str, str, str], ...]) -> list[str]:
    """JSON lines; the files number their pairs alike."""
    return [
        json.dumps({"pair_id": str(i), "sentence1": one, "sentence2": two, "gold_label": label})
        for i, (one, two, label) in enumerate(pairs)
    ]
