"""Names of report sections, and what MIMIC-CXR's headers are called in them.

The table follows the section parser published in the MIT-LCP ``mimic-cxr`` repository, which made
the release's sectioned csv.
"""

from __future__ import annotations

import re

SECTIONS: tuple[str, ...] = (
    "indication",
    "history",
    "technique",
    "comparison",
    "examination",
    "findings",
    "impression",
    "last_paragraph",
    "recommendations",
    "notification",
    "addendum",
    "wet_read",
    "preamble",
)
"""The section names of :attr:`chexinstruct.schema.Report.sections`."""

_ALIASES: dict[str, tuple[str, ...]] = {
    "impression": (
        "conclusion",
        "findings and impression",
        "findings/impression",
        "findings/ impression",
        "impresson",
        "imprression",
        "imoression",
        "impressoin",
        "imprssion",
        "impresion",
        "imperssion",
        "mpression",
        "impession",
        "ndication",  # one report; an indication in truth, see below
    ),
    "findings": (
        "chest, two views",
        "finding",
        "findins",
        "findindgs",
        "findgings",
        "findngs",
        "findnings",
        "finidngs",
        "reference findings",
    ),
    "comparison": (
        "comparisons",
        "reference exam",
        "comparison exam",
        "comparison film",
        "comparision",
        "comparisions",
        "comparsion",
        "comparrison",
    ),
    "indication": (
        "reason for examination",
        "reason for exam",
        "clinical indication",
        "idication",
    ),
    "history": (
        "clinical history",
        "clinical information",
        "patient history",
        "pfi",
    ),
    "examination": ("exam", "type of examination"),
    "recommendations": ("recommendation(s)", "recommendation"),
    "wet_read": ("wet read", "wetread"),
    "technique": (),
    "notification": (),
    "addendum": (),
    "date": (),
    "comment": (),
}
_EXACT_NAME = {name: name for name in _ALIASES} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases
}
_CONTAINED = ("impression", "findings", "history", "comparison", "addendum")
_VIEW_LIKE = re.compile(
    "chest|portable|pa and lateral|lateral and pa|ap and lateral|lateral and ap|frontal and"
    "|two views|frontal view|pa view|ap view|one view|lateral view|bone window|frontal upright"
    "|frontal semi-upright|ribs|pa and lat"
)
_OTHER_STUDY = re.compile(r"\b(?:ct|cta|mr|mri|us|ultrasound|abdomen|abdominal)\b")


def section_name(header: str, *, exact: bool) -> str:
    """The section that a MIMIC-CXR header opens; unknown headers in lower case.

    Args:
        header: The header without its colon.
        exact: Repeat what is known to be wrong in the published parser: the header ``NDICATION``
            opens an impression, and ``CHEST CT`` or ``PORTABLE ABDOMEN`` open findings.
    """
    name = header.lower().strip()
    if name == "ndication" and not exact:
        return "indication"
    if name in _EXACT_NAME:
        return _EXACT_NAME[name]
    for main in _CONTAINED:
        if main in name:
            return main
    if _VIEW_LIKE.search(name) and (exact or not _OTHER_STUDY.search(name)):
        return "findings"
    return name
