"""A tiny RadGraph with every quirk of its files; texts are invented.

Studies of MIMIC-CXR are those of the sample of mimic_cxr, though not all of their texts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("wget", "zip")

FOLDERS = {
    "wget": "physionet.org/files/radgraph/1.0.0",
    "zip": "radgraph-extracting-clinical-entities-and-relations-from-radiology-reports-1.0.0",
}

LABELS = {"a": "ANAT-DP", "+": "OBS-DP", "?": "OBS-U", "-": "OBS-DA"}


class Report(NamedTuple):
    """A text with marks: ``heart/a`` is a token and its label, ``right_lower/a`` an entity of two
    tokens; ``second`` marks the same text as another radiologist does."""

    key: str
    text: str
    second: str | None = None


TRAIN = (
    # all four labels, and a masked word
    Report(
        "p10/p10000001/s50000004.txt",
        "The heart/a is mildly/+ enlarged/+ , increased since ___ . Mild/+ pulmonary/a "
        "vascular/a congestion/+ is present . Retrocardiac/a opacity/+ may be atelectasis/? or "
        "pneumonia/? . No pleural/a effusion/- or pneumothorax/- .",
    ),
    # a text in which nothing is marked
    Report("p10/p10000003/s50000010.txt", "Chest radiographs were obtained . See above ."),
    # not in this copy of MIMIC-CXR
    Report(
        "p10/p10000099/s50000099.txt",
        "Small/+ left/a pleural/a effusion/+ . Left/a lower_lobe/a atelectasis/+ . No edema/- .",
    ),
    # test in MIMIC-CXR
    Report(
        "p10/p10000009/s50000003.txt",
        "Nodular/+ opacity/+ in the right/a upper_lobe/a , concerning for malignancy/? .",
    ),
    Report(
        "p10/p10000002/s50000002.txt",
        "Right/a lower_lobe/a consolidation/+ compatible with pneumonia/? . Heart/a size/a is "
        "normal/+ . No effusion/- and no other effusion/- .",
    ),
)
MISPLACED = "p10/p10000002/s50000006.txt"
"""A train report one of whose entities stands elsewhere."""
OTHER_LABEL = "p10/p10000012/s59999992.txt"
"""A train report with a label of RadGraph-XL."""
DEV = (
    Report(
        "p10/p10000006/s50000013.txt",
        "The cardiac/a contour/a is normal/+ . The lungs/a are clear/+ .",
    ),
)
TEST = (
    # train in MIMIC-CXR; the two radiologists disagree
    Report(
        "p10/p10000004/s50000005.txt",
        "Small/+ left/a apical/a pneumothorax/+ . Lungs/a are otherwise clear/+ .",
        "Small/+ left/a apical/a pneumothorax/+ . Lungs are otherwise clear/- .",
    ),
    # a short key, which is that of CheXpert all the same
    Report(
        "s042.txt",
        "LOW/+ LUNG/a VOLUMES/a . POSSIBLE LEFT/a BASILAR/a INFILTRATE/? .",
        "LOW/+ LUNG/a VOLUMES/a . POSSIBLE LEFT_BASILAR/a INFILTRATE/? .",
    ),
)
GRAPHS = (Report("p10/p10000001/s50000001.txt", "Edema/+ ."),)
"""What a program marked, which is not read."""


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: PhysioNet's tree; ``zip``: the folder of the unpacked archive, with keys that name
    no patient."""
    train = _records(TRAIN, "train", variant)
    # the last entity comes first
    for key, change in ((MISPLACED, {"start_ix": 2}), (OTHER_LABEL, {"label": "Anatomy::x"})):
        record = _record(Report(key, "The lungs/a are clear/+ ."), "train")
        record["entities"]["1"].update(change)
        train[_key(key, variant)] = record
    unknown = _record(Report("", "Edema/+ ."), "train")
    train["notes.txt"] = unknown  # no key of a report
    dev = _records(DEV, "dev", variant)
    dev[_key(DEV[0].key, variant).removesuffix(".txt")] = _record(DEV[0], "dev")  # once more
    home = FOLDERS[variant]
    files = {"train": train, "dev": dev, "test": _records(TEST, "test", variant)}
    files["MIMIC-CXR_graphs"] = _records(GRAPHS, "inference", variant)
    save(
        folder,
        {
            **{f"{home}/{name}.json": json.dumps(records) for name, records in files.items()},
            f"{home}/LICENSE.txt": "PhysioNet Credentialed Health Data License\n",
        },
    )


def _key(key: str, variant: str) -> str:
    return key.rpartition("/")[2] if variant == "zip" else key


def _records(reports: tuple[Report, ...], split: str, variant: str) -> dict[str, Any]:
    return {_key(report.key, variant): _record(report, split) for report in reports}


def _record(report: Report, split: str) -> dict[str, Any]:
    source = "CheXpert" if report.key == TEST[1].key else "MIMIC-CXR"
    said = {"data_source": source, "data_split": split}
    text, entities = _marked(report.text)
    if report.second is None:
        return {"text": text, "entities": entities, **said}
    labellers = {
        f"labeler_{number}": {"entities": _marked(marked)[1], **said}
        for number, marked in enumerate((report.text, report.second), start=1)
    }
    return {"text": text, **said, **labellers}


def _marked(marked: str) -> tuple[str, dict[str, Any]]:
    """The text, and its entities by ids in an order of their own; relations lead on to the next."""
    tokens: list[str] = []
    entities = []
    for piece in marked.split():
        words, slash, label = piece.partition("/")
        if not slash:
            tokens.append(piece)
            continue
        first = len(tokens)
        tokens += words.split("_")
        entities.append(
            {
                "tokens": words.replace("_", " "),
                "label": LABELS[label],
                "start_ix": first,
                "end_ix": len(tokens) - 1,
                "relations": [],
            }
        )
    for number, entity in enumerate(entities[:-1]):
        entity["relations"] = [["modify", str(len(entities) - number - 1)]]
    return " ".join(tokens), {str(n): e for n, e in enumerate(reversed(entities), start=1)}
