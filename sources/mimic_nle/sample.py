"""A tiny MIMIC-NLE with every quirk of the lists.

Studies and sentences are those of the sample of mimic_cxr, whose reports are invented; the made
lists repeat a few of its sentences, as the publisher's script writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("repository", "made", "flat")

LABELS = (
    "Atelectasis",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Lung Lesion",
    "Lung Opacity",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
)


class Row(NamedTuple):
    """One line; labels by the first letters of their names, a question mark for uncertain."""

    id: str
    diagnoses: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    text: str = ""
    """In the made lists; without it the line stands in the queries alone."""
    denied: tuple[str, ...] = ()
    """Diagnoses that the study's own labels do not hold."""


LISTS: dict[str, tuple[Row, ...]] = {
    "train": (
        Row(
            "s50000002#6",
            ("Pneumonia",),
            ("Consolidation",),
            "Right lower lobe consolidation compatible with pneumonia.",
        ),
        # two sentences on one diagnosis, of findings and of the impression
        Row(
            "s59999991#1",
            ("Lung Lesion?",),
            ("Lung Opacity",),
            "A faint opacity in the left upper lobe may be a  nodule. ",
        ),
        Row(
            "s59999991#4",
            ("Lung Lesion?",),
            ("Lung Opacity",),
            "Faint left upper lobe opacity, possibly a nodule.",
        ),
        # the numbers of the impression's list count; it compares with a prior
        Row(
            "s50000001#6",
            ("Pleural Effusion",),
            ("Edema",),
            "New moderate pulmonary edema with small bilateral pleural effusions.",
        ),
        Row(
            "s59999990#0",
            ("Enlarged Cardiomediastinum?",),
            (),
            "The upper mediastinum appears widened, which may be due to the supine position.",
        ),
        # the labels of the study do not hold the diagnosis; no diagnosis at all; a number too high
        Row(
            "s50000004#2",
            ("Edema",),
            (),
            "There is mild pulmonary vascular congestion without overt pulmonary edema.",
            denied=("Edema",),
        ),
        Row("s50000010#0", (), ("Consolidation",), "The lungs are clear."),
        Row("s50000010#40", ("Pneumonia",), ("Lung Opacity",), "Opacity that may be pneumonia."),
        # a sentence that speaks of nothing of the kind
        Row("s50000006#3", ("Pneumonia",), ("Consolidation",), "Heart size is normal."),
        # no such study
        Row("s50999999#0", ("Pneumonia",), ("Lung Opacity",), "Opacity suggesting pneumonia."),
        # in no split of MIMIC-CXR, and without a report
        Row(
            "s59999993#0",
            ("Atelectasis",),
            ("Lung Opacity",),
            "Left basilar opacity most consistent with atelectasis.",
        ),
    ),
    "dev": (
        Row(
            "s50000007#2",
            ("Atelectasis",),
            (),
            "Lung volumes are low with bibasilar atelectasis.",
        ),
        # a semicolon ends a sentence
        Row("s50000012#5", ("Pneumonia?",), (), "superimposed pneumonia cannot be excluded."),
        Row(
            "s50000012#1",
            ("Atelectasis", "Pneumonia?"),
            (),
            "Left lower lobe atelectasis has increased, and pneumonia cannot be excluded.",
        ),
    ),
    "test": (
        Row(
            "s50000008#0",
            ("Atelectasis",),
            ("Pleural Effusion",),
            "There is a moderate right pleural effusion with right basilar atelectasis.",
        ),
        # two diagnoses and no evidence
        Row(
            "s50000008#4",
            ("Atelectasis", "Pleural Effusion"),
            (),
            "Moderate right pleural effusion with right basilar atelectasis.",
        ),
        Row(
            "s50000003#0",
            ("Lung Lesion",),
            ("Lung Opacity",),
            "There is a 2 cm nodular opacity in the right upper lobe.",
        ),
        # of train in MIMIC-CXR; a vague name beside a plain one; an abbreviation and a mask in a
        # sentence that speaks of nothing that can be seen
        Row(
            "s50000005#1",
            ("Pleural Other?", "Pneumothorax"),
            (),
            "There is a small left apical pneumothorax.",
        ),
        Row("s50000005#6", ("Pneumothorax",), (), "Discussed with Dr. ___ by phone."),
    ),
}
CHANGED = "s50000005#6"
"""Its text in the made lists is not that of the report."""

LATER, LATER_TEXT = "s50000007#3", "A small left pleural effusion is possible."
"""Of a study in the train list that has another sentence in the dev list."""


def write(folder: Path, variant: str = "repository") -> None:
    """``repository``: the lists of queries as cloned; ``made``: with what the script makes of them;
    ``flat``: the lists of queries alone, without folders."""
    home = folder if variant == "flat" else folder / "MIMIC-NLE/mimic-nle"
    queries = home if variant == "flat" else home / "query"
    for name, rows in LISTS.items():
        lines = [_line(row) for row in rows]
        if name == "train":
            lines += [lines[0], {**lines[0], "sentence_ID": "50000002-6"}]
            lines += [{**lines[0], "sentence_ID": "s50000002#0", "diagnosis_label": [1] * 9}]
            lines += [_line(Row(LATER, ("Pleural Effusion?",)))]
        save(queries, {f"{name}-query.json": _jsonl(lines)})
        if variant == "made":
            texts = {row.id: row.text for row in rows} | {LATER: LATER_TEXT}
            made = [
                {
                    **line,
                    "nle": texts.get(line["sentence_ID"], rows[0].text),
                    "report_ID": line["sentence_ID"].partition("#")[0],
                    "patient_ID": "p10000002",
                }
                for line in lines
            ]
            save(home, {f"mimic-nle-{name}.json": _jsonl(made)})


def _jsonl(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _line(row: Row) -> dict[str, Any]:
    uncertain = {name.removesuffix("?") for name in row.diagnoses if name.endswith("?")}
    diagnoses = {name.removesuffix("?") for name in row.diagnoses}
    states = [
        [0, 1, 0]
        if name in uncertain
        else [0, 0, 1]
        if name in {*diagnoses, *row.evidence} - {*row.denied}
        else [1, 0, 0]
        for name in LABELS
    ]
    return {
        "sentence_ID": row.id,
        "diagnosis_label": [int(name in diagnoses) for name in LABELS],
        "evidence_label": [int(name in row.evidence) for name in LABELS],
        "img_labels": states,
    }
