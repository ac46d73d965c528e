"""SRRG rows beside the sample: its findings under headings of organs, invented as well."""

from __future__ import annotations

from typing import Any

NOWHERE = 50000099
"""A study that the sample does not have."""
FIRST = """Lungs and Airways:
- Moderate pulmonary edema, new since the prior radiograph
- Mild bibasilar atelectasis.

Pleura:
- Small bilateral pleural effusions
- No pneumothorax

Cardiovascular:
- Enlarged heart.

Tubes, Catheters, and Support Devices:
- Right internal jugular catheter, tip in the upper
  right atrium

Musculoskeletal and Chest Wall:
- None.

Other:
- Portable technique.
"""
CLEAR = """Findings:
Lungs and Airways:
- the lungs are clear without focal consolidation

Hila and Mediastinum:
- Cardiomediastinal silhouette within normal limits.
- Midline trachea.

Pleura:
- No pleural effusion or pneumothorax.

Musculoskeletal and Chest Wall:
- No displaced rib fracture.

Abdominal:
- No free air beneath the diaphragm.

Overall Impression:
- Normal chest radiograph.
"""
ONE_LINE = (
    "Lungs and Airways: - Right lower lobe consolidation. - Clear left lung. "
    "Pleura: - No pleural effusion or pneumothorax. Cardiovascular: - Normal heart size."
)


def _picture(subject: int, study: int) -> str:
    name = "-".join((str(study), *["00000001"] * 4))
    return f"mimic-cxr-images/files/p{subject // 10**6}/p{subject}/s{study}/{name}.jpg"


def _row(number: int, findings: str | None, *pictures: str) -> dict[str, Any]:
    return {
        "original_report": "FINDINGS: as dictated.",
        "structured_report": f"Findings:\n{findings}",
        "findings_section": findings,
        "impression_section": "1. As above.",
        "history_section": "",
        "technique_section": "",
        "comparison_section": None,
        "exam_type_section": "Chest radiograph",
        "image_paths": list(pictures),
        "id": f"mimic-cxr_{number}",
    }


TRAIN = [
    _row(0, FIRST, _picture(10000001, 50000001)),
    _row(1, "Pleura:\n- Unread: a reviewed row takes its place.", _picture(10000003, 50000010)),
    _row(2, ONE_LINE, _picture(10000002, 50000002)),
    _row(3, FIRST, _picture(10000099, NOWHERE)),
    # in the release, but without a report
    _row(4, FIRST, _picture(10000011, 59999993)),
    _row(5, FIRST, "chexpert/train/patient90001/study1/view1_frontal.jpg"),
    _row(6, FIRST),
    _row(7, FIRST, _picture(10000001, 50000004), _picture(10000001, 50000009)),
    _row(8, None, _picture(10000013, 59999991)),
    _row(9, "The lungs are clear.", _picture(10000006, 50000013)),
]
REVIEWED = [
    _row(10, CLEAR, _picture(10000003, 50000010).replace(".jpg", ".dcm").replace("/", "\\")),
]
