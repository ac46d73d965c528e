"""SRRG rows beside the sample: its findings under headings of organs, invented as well."""

from __future__ import annotations

from typing import Any

FIRST = """Lungs and Airways:
- Patchy opacity at the right base, possibly atelectasis.

Pleura:
- No pneumothorax or pleural effusion.

Cardiovascular:
- Normal heart size.
"""
WORSE = """**Lungs and Airways:**
- Worsened pulmonary edema.

**Cardiovascular:**
- Possible mild cardiomegaly.

**Tubes, Catheters, and Support Devices:**
- Endotracheal tube, tip 4 cm above the carina.
"""


def _row(findings: str, *pictures: str) -> dict[str, Any]:
    return {"id": "chexpert", "findings_section": findings, "image_paths": list(pictures)}


ROWS = [
    _row(
        FIRST,
        "chexpert/train/patient90001/study1/view1_frontal.jpg",
        "chexpert/train/patient90001/study1/view2_lateral.jpg",
    ),
    _row(WORSE, "PNG/train/patient90002/study2/view1_frontal.png"),
    # the rows of a study repeat its report
    _row(WORSE, "PNG/train/patient90002/study2/view1_frontal.png"),
    _row(FIRST, "chexpert/train/patient90099/study1/view1_frontal.jpg"),
    _row(FIRST, "mimic-cxr-images/files/p10/p10000001/s50000001/x.jpg"),
]
