"""Words by which the caption of a figure tells of an article and not of a picture; English.

Patterns run on lower-case text, as those of :mod:`chexinstruct.reports.cues`.
"""

from __future__ import annotations

import re

_MARK = (
    r"(?:arrow\s?-?heads?|arrows?|asterisks?|stars?|triangles?|circles?|ovals?|ellipses?|lines?)"
)

POINTER = re.compile(
    rf"(?:\s+(?:in|of|at|by|see|on))?\s*[(\[](?:[^()\[\]]*\b(?:{_MARK}|figs?|figures?|labell?ed|marked|case|patient)\b[^()\[\]]*"
    r"|\W*|[a-z]\d?)[)\]]",
    re.IGNORECASE,
)
"""Bracketed pointers, "(white arrow)", "(Fig. 2)", "(b)": what is left stands without them."""

FIGURE = re.compile(
    r"\b(?:arrow\w*|asterisk\w*|figs?(?:\b|\d)|figures?(?:\b|\d)|table\s+\d|panels?\b|insets?\b|triangles?\b"
    r"|encircled|circled|circles?\b|stars?\b|dotted|dashed|outlined?\b|labell?ed|marked\s+(?:by|with|as|in)"
    r"|indicated\s+(?:by|with|in)|pointed|courtesy|reprinted|reproduced|permission|copyright|licen[cs]e"
    r"|adapted\s+from|et\s+al|(?:red|blue|yellow|green|orange)\b)|\*|=|©|https?:"
    # A list of abbreviations: "ap, anteroposterior", "icu: intensive care unit".
    r"|(?:^|[.;]\s*)[a-z]{2,5}\s?[,:]\s(?:[a-z-]+\s*){1,5}[.;]?$"
)
"""What was drawn into the picture, and where it comes from."""

_UNIT = r"(?:years?|months?|weeks?|days?|hours?|minutes?|yrs?|mo|hrs?)"
COURSE = re.compile(
    # The patient.
    rf"\b\d+(?:\.\d+)?[\s-]*{_UNIT}[\s-]*(?:old|of\s+age)\b|\by/?o\b|\baged?\s+\d"
    r"|\b(?:males?|females?|m[ae]n|wom[ae]n|boys?|girls?|lady|gentleman|mother|twins?|fetus|baby)\b"
    r"|\bpatients?\s+(?:with|who|whose|had|has|under|after|diagnosed|suffer\w*|receiving|no\b|#?\d)"
    r"|\b(?:in|of)\s+(?:an?|one|another|the|this|our|same)\s+(?:[\w-]+\s+){0,4}(?:patient|case|child"
    r"|infant|neonate|newborn|adult|smoker|individual)\b"
    r"|\b(?:case|patient|subject)\s*(?:no\.?|number|#|-)?\s*(?:\d|one\b|two\b|three\b)"
    # When in the course of a disease, and what was done.
    rf"|\b(?:one|two|three|four|five|six|several|few|\d+(?:st|nd|rd|th)?)[\s-]*{_UNIT}\b|\b(?:day|week|month|year)s?\s*\d"
    r"|\b(?:first|second|third|fourth|fifth|sixth|seventh|tenth|next|same)\s+(?:\w+\s+)?(?:day|week|month|visit"
    r"|admission|episode)\b"
    r"|\b(?:admission|admitted|discharged?|presentation|presented|presenting|arrival|hospital\w*"
    r"|emergency|outpatient|referr(?:ed|al)|pre-?op\w*|post-?op\w*|intra-?op\w*|peri-?op\w*|pod"
    r"|post-?natal\w*|post-?partum|screening|post-?procedur\w*|surg(?:ery|ical\w*)|operat(?:ion|ed|ive\w*)|treat(?:ed|ment\w*)"
    r"|therap\w+|chemotherapy|antibiotics?|steroids?|transplant\w*|resuscitat\w*|initiat\w+|initial(?:ly)?"
    r"|control|routine|diagnos(?:ed|is)|symptom\w*|fever|cough|dyspn\w+|complain\w*|onset|illness"
    r"|after|before|following|during|prior|pre-?intubation|post-?intubation|while|later|subsequent\w*"
    r"|when|until|at\s+(?:the\s+)?time|was\s+(?:performed|taken|done|obtained))\b"
    # Reasons, tests and outcomes.
    r"|\b(?:due\s+to|secondary\s+to|caused\s+by|because|as\s+a\s+result|resulting\s+from|led\s+to"
    r"|attribut\w+|complicat\w+|known|underwent|biops\w+|cultur\w+|pcr|confirm\w*|proven|proved"
    r"|patholog\w+|bronchoscop\w*|intraabdominal\s+pressure|incidental\w*|misdiagnos\w*|died|death|survived)\b"
)
"""Who the patient is, when the picture was taken, what was done and found by other means."""
