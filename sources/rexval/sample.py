"""A tiny ReXVal with every quirk of its two tables; reports are invented.

Studies are those of the sample of mimic_cxr.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("wget", "zip", "numbers")

FOLDERS = {
    "wget": "physionet.org/files/rexval-dataset/1.0.0",
    "zip": "radiology-report-expert-evaluation-rexval-dataset-1.0.0",
    "numbers": "rexval",
}
CANDIDATES = ("radgraph", "bertscore", "s_emb", "bleu")
RATERS = 6


class Reports(NamedTuple):
    """A row of the table of reports."""

    study: int
    reference: str
    candidates: tuple[str, str, str, str]


ROWS = (
    # test in MIMIC-CXR; the second candidate equals the reference
    Reports(
        50000008,
        "Moderate right pleural effusion with right basilar atelectasis.",
        (
            "Moderate left pleural effusion. No pneumothorax.",
            "Moderate right pleural effusion with right basilar atelectasis.",
            "Small right pleural effusion, unchanged since ___.",
            "No acute cardiopulmonary process.",
        ),
    ),
    # a masked word, a line break and a comparison, which the categories judge
    Reports(
        50000003,
        "Right upper lobe nodule, new compared with ___.\nChest CT is recommended.",
        (
            "Right lower lobe nodule, for which CT is recommended.",
            "Large right upper lobe mass.",
            "Right upper lobe nodule. Mild pulmonary edema.",
            "Clear lungs.",
        ),
    ),
    # train in MIMIC-CXR, against what is said of the release
    Reports(
        50000010,
        "No acute cardiopulmonary process.",
        (
            "No acute cardiopulmonary abnormality.",
            "No evidence of pneumonia.",
            "Bibasilar atelectasis.",
            "Mild cardiomegaly. No effusion.",
        ),
    ),
    # not in this copy of MIMIC-CXR
    Reports(
        50999999,
        "Improved left lower lobe pneumonia.",
        (
            "Left lower lobe pneumonia.",
            "Worse left lower lobe pneumonia.",
            "Right lower lobe pneumonia.",
            "Improved pulmonary edema.",
        ),
    ),
)

# By row and candidate: kind of error (1 to 6) and what each of the six raters counted
SIGNIFICANT: dict[tuple[int, str], dict[int, tuple[int, ...]]] = {
    # three raters each way: no majority counts the second
    (0, "radgraph"): {2: (1, 1, 1, 2, 2, 2), 3: (1, 1, 1, 1, 0, 1)},
    (0, "bertscore"): {},
    (0, "s_emb"): {2: (1, 1, 0, 1, 1, 1), 4: (1, 0, 0, 0, 1, 1), 5: (1, 1, 1, 1, 1, 0)},
    (0, "bleu"): {2: (2, 2, 2, 1, 2, 3)},
    (1, "radgraph"): {3: (1, 1, 1, 1, 1, 1), 6: (1, 0, 1, 1, 1, 0)},
    (1, "s_emb"): {1: (1, 1, 0, 1, 1, 1), 6: (1, 1, 1, 0, 1, 1)},
    (2, "s_emb"): {1: (1, 1, 1, 0, 1, 0)},
    (3, "bertscore"): {6: (1, 1, 1, 1, 1, 1)},
}
INSIGNIFICANT: dict[tuple[int, str], dict[int, tuple[int, ...]]] = {
    (0, "radgraph"): {1: (0, 1, 0, 0, 1, 0)},
    (2, "s_emb"): {4: (1, 0, 0, 0, 0, 0)},
}
ABSENT_RATER = (1, "s_emb", 5)
"""This rater's rows for a candidate are not there."""


def write(folder: Path, variant: str = "wget") -> None:
    """``wget``: PhysioNet's tree; ``zip``: the folder of the unpacked archive, with an index column
    without a name and significance in capitals; ``numbers``: significance as 0 and 1, numbers as
    floats, and studies by their ids."""
    home = FOLDERS[variant]
    save(
        folder,
        {
            f"{home}/50_samples_gt_and_candidates.csv": _reports(variant),
            f"{home}/6_valid_raters_per_rater_error_categories.csv": _ratings(variant),
            f"{home}/LICENSE.txt": "PhysioNet Credentialed Health Data License\n",
        },
    )


def _csv(rows: list[list[object]], indexed: bool) -> str:
    """``indexed``: as pandas writes its index, a first column without a name."""
    if indexed:
        rows = [["" if number == 0 else number - 1, *row] for number, row in enumerate(rows)]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _reports(variant: str) -> str:
    rows: list[list[object]] = [["study_id", "gt_report", *CANDIDATES]]
    rows += [[row.study, row.reference, *row.candidates] for row in ROWS]
    return _csv(rows, variant == "zip")


def _ratings(variant: str) -> str:
    header = ["study_number", "candidate_type", "error_category", "clinically_significant"]
    rows: list[list[object]] = [[*header, "rater_index", "num_errors"]]
    for number, candidate in SIGNIFICANT:
        for rater in range(RATERS):
            if (number, candidate, rater) == ABSENT_RATER:
                continue
            for kind in range(1, 7):
                for significant in (True, False):
                    rated = (SIGNIFICANT if significant else INSIGNIFICANT).get(
                        (number, candidate), {}
                    )
                    errors = rated.get(kind, (0,) * RATERS)[rater]
                    rows.append(
                        _rating(variant, number, candidate, kind, significant, rater, errors)
                    )
    # an unknown candidate, kind, significance and count; the first row again
    odd: list[list[object]] = [
        _rating(variant, 0, "rouge", 1, True, 0, 1),
        _rating(variant, 0, "bleu", 7, True, 0, 1),
        [*rows[1][:3], "maybe", *rows[1][4:]],
        [*rows[1][:5], "one"],
        rows[1],
    ]
    return _csv([*rows, *odd], variant == "zip")


def _rating(
    variant: str,
    number: int,
    candidate: str,
    kind: int,
    significant: bool,
    rater: int,
    errors: int,
) -> list[object]:
    if variant == "numbers":
        study = float(ROWS[number].study)
        return [study, candidate, float(kind), int(significant), rater, float(errors)]
    shown = str(significant).upper() if variant == "zip" else significant
    return [number, candidate, kind, shown, rater, errors]
