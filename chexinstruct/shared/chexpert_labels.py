"""Labels as the CheXpert labeler and its relatives write them: 1, 0, -1 or blank (Irvin 2019).

The column ``No Finding`` is not read: the labeler sets it wherever nothing but devices is stated or
suspected, so it denies no single finding.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Label, State
from chexinstruct.vocabulary import canonical

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
"""The columns of the tables without ``No Finding``."""

COLUMNS: Columns = {
    **{name: name for name in FINDINGS},
    "Lung Opacity": ("Lung Opacity", "Airspace Opacity"),  # MIMIC-CXR-JPG's radiologist
}
"""To be asked of a table, by name: the order differs from release to release."""

STATES: dict[str, State] = {"1": "present", "0": "absent", "-1": "uncertain"}


def read_labels(release: Release, path: str, row: Row) -> tuple[Label, ...] | None:
    """The labels of a row that was read with :data:`COLUMNS`; blank cells give none.

    None, and the reject ``unknown_label_value``, where a cell holds anything else.
    """
    labels = _labels(_cells(row))
    if labels is None:
        release.reject(path, row.line, "unknown_label_value", "not 1, 0, -1 or blank")
    return labels


_cells = itemgetter(*FINDINGS)


@lru_cache(maxsize=1 << 16)
def _labels(cells: tuple[str, ...]) -> tuple[Label, ...] | None:
    """The few thousand combinations that occur are shared, not copied."""
    values = [cell.removesuffix(".0") for cell in cells]
    if any(value and value not in STATES for value in values):
        return None
    return tuple(
        Label(finding=canonical(name), state=STATES[value], name=name)
        for name, value in zip(FINDINGS, values, strict=True)
        if value
    )
