"""A tiny MS-CXR-T with every quirk of the tables; sentences are invented.

Pictures and studies are those of the sample of mimic_cxr, where picture ``n`` of study ``s`` is
``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("v1_0_0", "wget", "suffixes")

FINDINGS = ("consolidation", "edema", "pleural_effusion", "pneumonia", "pneumothorax")


class Compared(NamedTuple):
    """One row of the first table: two studies, their pictures, and labels of change."""

    subject: int
    study: int
    prior: int
    changes: dict[str, str]
    quality: Mapping[str, str] = MappingProxyType({})
    number: int = 1


ROWS = (
    # one finding; train in MIMIC-CXR
    Compared(
        10000002, 50000006, 50000002, {"pneumonia": "improving"}, {"pneumonia": "multiple_experts"}
    ),
    # three findings of three classes; in capitals and with a blank
    Compared(
        10000007,
        50000000,
        50000008,
        {"pleural_effusion": "Improving ", "edema": "stable", "consolidation": "worsening"},
        {"pleural_effusion": "one_expert", "edema": "disagreement"},
    ),
    Compared(10000004, 50000011, 50000005, {"pneumothorax": "STABLE"}),
    # the earlier picture is not in this copy of MIMIC-CXR
    Compared(19999999, 59999999, 59999998, {"edema": "improving"}),
    # a label that is not known; the pair above again; no such study; no such picture; two persons
    Compared(10000010, 59999994, 59999995, {"pneumothorax": "resolved"}),
    Compared(10000004, 50000011, 50000005, {"edema": "stable"}),
    Compared(10000099, 50000099, 50000098, {"edema": "stable"}),
    Compared(10000007, 50000000, 50000008, {"edema": "stable"}, number=7),
    Compared(10000003, 50000010, 50000002, {"pneumonia": "worsening"}),
)

PAIRS = (
    (
        "The right effusion is smaller than before.",
        "The effusion on the right has decreased.",
        "paraphrase",
    ),
    ("Edema is unchanged.", "No change of the  pulmonary edema.", "Paraphrase"),
    ("The consolidation has grown.", "The consolidation is smaller now.", "contradiction"),
    ("The pneumothorax has resolved.", "The pneumothorax persists.", "contradiction"),
    ("Stable cardiomegaly.", "The heart is large as before.", "unsure"),
    ("Lines are unchanged.", "", "paraphrase"),
)


def dicom_id(study: int, number: int) -> str:
    """The picture's name in the sample of mimic_cxr."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


def write(folder: Path, variant: str = "v1_0_0") -> None:
    """``v1_0_0``: as released; ``wget``: in PhysioNet's folders; ``suffixes``: paths end in
    ``.jpg``, and ids are floats."""
    home = folder / "physionet.org/files/ms-cxr-t/1.0.0" if variant == "wget" else folder
    save(
        home,
        {
            "MS_CXR_T_temporal_image_classification_v1.0.0.csv": _images(variant == "suffixes"),
            "MS_CXR_T_temporal_sentence_similarity_v1.0.0.csv": _csv(
                ["sentence_1", "sentence_2", "category"], [list(pair) for pair in PAIRS]
            ),
        },
    )


def _csv(header: list[str], rows: list[list[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _images(suffixes: bool) -> str:
    header = ["subject_id", "study_id", "dicom_id", "previous_study_id", "previous_dicom_id"]
    header += [f"{name}_{part}" for name in FINDINGS for part in ("progression", "label_quality")]
    rows: list[list[object]] = []
    for row in ROWS:
        subject: float
        subject, study, prior = row.subject, row.study, row.prior
        place = f"p{row.subject // 10**6}/p{row.subject}"
        end = ".jpg" if suffixes else ""
        now = f"{place}/s{study}/{dicom_id(study, row.number)}{end}"
        before = f"{place}/s{prior}/{dicom_id(prior, 1)}{end}"
        ids: list[object] = [subject, study, now, prior, before]
        if suffixes:
            ids = [float(subject), float(study), now, float(prior), before]
        cells = [
            cell
            for name in FINDINGS
            for cell in (row.changes.get(name, ""), row.quality.get(name, ""))
        ]
        rows.append([*ids, *cells])
    return _csv(header, rows)
