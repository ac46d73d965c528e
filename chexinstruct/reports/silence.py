"""Whether a report speaks of something at all, in the affirmative or not."""

from __future__ import annotations

import re

# Also the shorthand of wards: "#" for a fracture, ICC and ICD for an intercostal catheter or drain,
# UWSD for its underwater seal. Words that may mean something else count too: they cost a report.
_SPEAKS_OF = {
    "rib fracture": re.compile(
        r"\bribs?\b|\bcostal\b|fractur|#|\bflail\b|\bcallus|\bbon(?:e|es|y)\b|osseous|skelet"
        r"|thoracic\s+cage|\btrauma",
        re.IGNORECASE,
    ),
    "chest tube": re.compile(
        r"tub(?:e|es|ing)\b|drain|catheter|intercostal|thoracostom|pig-?\s?tail"
        r"|\b(?:ICCs?|ICDs?|UWSDs?)\b|pleur-?x",
        re.IGNORECASE,
    ),
}
_MASKED = re.compile(r"<#+>|![A-Z]+!")


def is_silent_on(text: str, finding: str) -> bool:
    """Whether an English report holds no word that it would take to speak of the finding.

    True says that the radiologist had nothing to say of it. Not even "no rib fracture" passes, nor
    "the bones are intact": no negation is read. A report without any letter is not silent, it is
    empty.

    Args:
        text: the whole report, clinical details included.
        finding: ``rib fracture`` or ``chest tube``.

    Raises:
        KeyError: the words of that finding are not known here.
    """
    text = _MASKED.sub(" ", text)
    return any(map(str.isalpha, text)) and not _SPEAKS_OF[finding].search(text)
