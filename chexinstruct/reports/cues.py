"""Words by which a sentence tells of something that its pictures do not show, and the English ones.

Patterns run on lower-case text, except where capitals carry the meaning. Each class has its cues;
``NOT_*`` patterns are wordings that hold a cue and mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from chexinstruct.reports.cues_caption import COURSE, FIGURE, POINTER

LeakClass = Literal[
    "deidentified",
    "prior",
    "time",
    "communication",
    "other_image",
    "cross_reference",
    "view",
    "recommendation",
    "history",
    "figure",
    "course",
]
LEAK_CLASSES: tuple[LeakClass, ...] = get_args(LeakClass)
"""In the order in which a sentence that meets several is counted."""


@dataclass(frozen=True, kw_only=True)
class Cues:
    """The cues of one language."""

    lower: Callable[[str], str] = str.lower
    """What a text goes through before the patterns run on it; keeps the order of its words."""
    change: re.Pattern[str]
    """How something changed, or did not."""
    prior: re.Pattern[str]
    """Change, and other studies of the patient."""
    not_prior: re.Pattern[str]
    not_prior_lenient: re.Pattern[str]
    """Wordings that lenient use keeps."""
    not_change: re.Pattern[str]
    time_words: re.Pattern[str]
    time_numbers: re.Pattern[str]
    """Searched only in a sentence that holds a digit."""
    communication: re.Pattern[str]
    other_image: re.Pattern[str]
    other_image_capitals: re.Pattern[str] | None = None
    """Abbreviations that count in capitals only."""
    lateral_image: re.Pattern[str]
    cross_reference: re.Pattern[str]
    """Words that point elsewhere in the report."""
    view: re.Pattern[str]
    finding: re.Pattern[str]
    """With one of these a sentence says something of the patient, however the view is named."""
    recommendation: re.Pattern[str]
    history: re.Pattern[str]
    figure: re.Pattern[str] | None = None
    """What points to marks in a figure, to other figures, or to where it comes from."""
    course: re.Pattern[str] | None = None
    """Who the patient is, when the picture was taken, and what was done."""
    pointer: re.Pattern[str] | None = None
    """Bracketed words of ``figure`` that can go by themselves."""
    hanging: re.Pattern[str]
    """Beginnings of a sentence that go on from the one before, and say nothing without it."""
    clause_end: re.Pattern[str] | None = None
    """Where a sentence may be cut, since what follows can stand alone; None: nowhere."""


def words(*cues: str) -> str:
    """A pattern for any of the cues as whole words."""
    return rf"\b(?:{'|'.join(cues)})\b"


_SIDE = r"(?:the\s+|that\s+(?:on|of)\s+the\s+)?(?:left|right|contralateral|opposite)\b"
_QUANTIFIER = (
    r"(?:no|not|without|any|little|slight|minimal|mild|moderate|significant|substantial"
    r"|appreciable|definite|gross|great|obvious|relevant|major|marked|large|dramatic|convincing"
    r"|much|interval|short-term|overall|further|rapid|evident|apparent|detectable)"
)
_LESION = (
    r"(?:effusions?|pneumothora\w+|hydropneumothora\w+|consolidations?|opacit\w+|atelectasis"
    r"|edema|blunting|obliteration|infiltrates?|pneumonia|pneumoperitoneum|fluid|airspace\s+disease)"
)

# What was there before, and how it changed.
CHANGE = re.compile(
    words(
        r"compar\w+",
        r"interval",
        r"unchanged",
        r"stable",
        r"stability",
        r"changed",
        r"changing",
        # "Change" alone is no cue: degenerative, postsurgical, emphysematous, chronic changes.
        rf"{_QUANTIFIER}\s+change",
        r"(?:no|significant|substantial|appreciable|interval)\s+changes",
        r"changes?\s+(?:since|compared|between|in\s+(?:the\s+)?(?:overall\s+)?"
        r"(?:position\w*|size|appearance|extent|configuration|location|degree|severity))",
        r"new(?:ly)?",
        r"(?:increas|decreas)(?:e|es|ed|ing|ingly)",
        r"improv(?:e|es|ed|ing|ements?)",
        r"wors(?:e|en|ens|ened|ening)",
        r"progress(?:es|ed|ing|ion|ive|ively)?",
        r"persist\w*",
        r"remain(?:s|ed)?",
        rf"remaining\s+(?:\w+\s+)?{_LESION}",
        rf"residual\s+(?:\w+\s+){{0,3}}{_LESION}",
        r"(?:un|non-?)?resol(?:v\w+|ution)",
        r"again",
        r"re-?(?:demonstrat|identif|visuali[sz]|expan|accumulat|appear|intubat)\w*",
        # What "should be repositioned" is advice.
        r"(?<!be\s)repositioned",
        r"recurr\w+",
        r"still",
        r"no\s+longer",
        r"now",
        r"remov(?:e|ed|al|ing)",
        r"replaced",
        r"exchanged",
        r"withdrawn",
        r"extubat\w+",
        # Not "advanced emphysema".
        r"(?:been|was|were|now|further)\s+(?:slightly\s+|further\s+)?advanced",
        r"advanced\s+(?:into|further|since|approximately|by|slightly)",
        r"since",
        r"similar",
        r"constant",
        r"same\s+as",
        r"(?:interim|meantime)",
        r"evol(?:v\w+|ution)",
        r"larger",
        r"smaller",
        r"enlarging",
        r"clearing",
        r"regress\w*",
        r"developing",
        r"(?:more|less)\s+(?:prominent|conspicuous|apparent|pronounced|extensive|confluent|evident)",
        r"(?:has|have)\s+(?:\w+\s+)?(?:cleared|developed|diminished|grown|enlarged|appeared)",
        r"there\s+(?:has|have)\s+been\s+(?:\w+\s+){0,2}(?:development|placement|insertion|reduction"
        r"|enlargement|accumulation)",
        r"(?:has|have)\s+been\s+(?:\w+\s+)?(?:placed|inserted|introduced|retracted|pulled)",
        r"continue(?:d(?!\s+(?:clinical\s+)?concern)|s\s+to)",
        r"(?:as|than|seen|described|noted|from)\s+before",
    )
)

# Another study of the patient, or this one as one of several.
_OTHER_TIMES = words(
    r"priors?",
    r"previous(?:ly)?",
    r"preceding",
    r"earlier",
    r"pre-?existing",
    r"former(?:ly)?",
    r"baseline",
    r"today(?:'s|’s)?",
    r"current(?:ly)?",
    r"follow(?:-|\s)?up",
    r"most\s+recent",
    r"last\s+(?:study|exam|examination|film|radiograph|x-?ray)",
)
PRIOR = re.compile(f"{CHANGE.pattern}|{_OTHER_TIMES}")

NOT_PRIOR = re.compile(
    words(
        r"(?:high|low|spatial|contrast|limited|poor|image)(?:\s+|-)resolution",
        r"new\s+york",
        r"recurrent\s+laryngeal",
        r"progressive\s+massive\s+fibrosis",
        r"still\s+(?:images?|frames?)",
        # Sides and neighbours in one picture are compared, not two times.
        rf"compar\w+\s+(?:to|with)\s+{_SIDE}",
        rf"(?:larger|smaller|worse)\s+(?:on|than|in|at)\s+{_SIDE}",
        r"worse\s+(?:at|in|within|toward)\s+(?:the\s+)?(?:bases?|apic\w+|lower|upper|mid|lungs?)",
        r"(?:more|less)\s+(?:prominent|conspicuous|apparent|pronounced|extensive|confluent|evident)"
        r"\s+(?:on|in|at|than|within|over|along|towards?)",
        r"(?:larger|smaller)\s+of\s+(?:the|these|which)",
        r"(?:additional|other|multiple|several|few|adjacent|second|numerous)\s+(?:\w+\s+)?"
        r"(?:smaller|larger)",
        r"similar\s+(?:\w+\s+){0,3}(?:on|in|at)\s+(?:the\s+)?(?:left|right|contralateral)",
    )
)
_PROCEDURE = (
    r"(?:surger\w+|sternotom\w+|cabg|bypass|resections?|thoracotom\w+|fractures?|granulomatous"
    r"|infections?|mastectom\w+|lobectom\w+|pneumonectom\w+|cholecystectom\w+|replacements?|trauma)"
)
# Wordings that lenient use keeps: history written in the picture, and "increased" as "high".
NOT_PRIOR_LENIENT = re.compile(
    words(
        r"(?:prior|previous|remote)\s+(?:(?:left|right|median|upper|lower|middle|lobe|rib|cardiac"
        r"|thoracic|spinal|coronary|artery|aortic|mitral|valve|healed|old|bilateral)\s+){0,3}"
        + _PROCEDURE,
        r"(?:increased?|decreased?)\s+(?:in\s+)?(?:(?:interstitial|bronchovascular|vascular"
        r"|pulmonary|lung|perihilar|peribronchial|basilar|bibasilar|retrocardiac|airspace)\s+){0,2}"
        r"(?:density|densities|opacit\w+|opacification|markings|attenuation|lucency|lung\s+volumes?"
        r"|(?:ap|a\.p\.|anteroposterior)\s+diameter)",
        r"stable\s+condition",
        r"(?:clinically|hemodynamically)\s+stable",
    )
)
# A missing comparison or a coming study is no change.
NOT_CHANGE = re.compile(
    words(
        r"(?:no|without|not|absence\s+of|lack\s+of)\s+(?:\w+\s+){0,5}comparisons?",
        r"comparisons?\s*:?\s+(?:\w+\s+)?(?:none|no|not|unavailable)",
        r"(?:recommend\w*|suggest\w*|advise\w*)\s+comparisons?",
        r"comparisons?\s+(?:to|with)\s+(?:[\w,-]+\s+){0,5}if\s+available",
        r"(?:document|ensure|confirm|assess|show|determine|evaluate|establish|exclude)\s+(?:[\w-]+\s+){0,3}"
        r"(?:resolution|clearing|stability|improvement|progression|change)(?:\s+or\s+\w+)?",
        r"to\s+(?:complete\s+)?resolution",
        r"short(?:-|\s+)interval",
        r"interval\s+follow\w*",
        r"new(?:ly)?\s+diagnos\w+",
    )
)

# MIMIC-CXR, Open-i, MIMIC-III, CANDID-PTX; BIMCV writes one word, "proper name".
MASK = r"(?:_{2,}|[Xx]{3,}|\[\*\*[^\[\]]*\*\*\]|![A-Z]+!|<#+>|\b[Nn]ombrepropio\b)"
DEIDENTIFIED = re.compile(MASK)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
TIME_WORDS = re.compile(
    words(r"yesterday", r"tonight", r"overnight", r"this\s+morning", r"last\s+night", r"ago")
    + r"|\b[ap]\.\s?m\b"
)
# Searched only in a sentence that holds a digit.
TIME_NUMBERS = re.compile(
    r"\d\s*[ap]m\b|\b\d{1,2}:\d{2}\b|\b\d+(?:\s+|-)?(?:hours?|hrs?)\b"
    r"|\b\d{1,2}([/-])\d{1,2}\1\d{2,4}\b|\b(?:19|20|21)\d{2}-\d{2}-\d{2}\b"
    rf"|\b{_MONTH}\.?,?\s+\d{{1,4}}\b|\bmay\s+(?:\d{{1,2}},?\s+)?\d{{4}}\b|\b\d{{1,2}}\s+{_MONTH}\b"
    r"|\b(?:dated|in|from|of)\s+(?:19|20|21)\d{2}\b"
)
DIGIT = re.compile(r"\d")

COMMUNICATION = re.compile(
    words(
        r"discussed(?!\s+(?:below|above))",
        r"d/w",
        r"telephon\w+",
        r"phoned?",
        r"paged?",
        r"pager",
        r"notif(?:ied|ication)",
        r"communicated",
        r"informed",
        r"conveyed",
        r"relayed",
        r"messages?",
        r"aware",
        # Not "no acute findings were seen".
        r"(?:findings|results?)\s+(?:\w+\s+){0,3}(?:was|were)\s+(?:\w+\s+)?"
        r"(?:called|reported|sent|entered|posted|given|reviewed|placed|made|submitted|flagged)",
        r"(?:was|were|been)\s+(?:verbally\s+)?(?:called|reported)\s+(?:to|by|in)",
        r"drs?(?=\.|\s+(?:_|x{3}))",
        r"physicians?",
        r"clinicians?",
        r"nurses?",
        r"radiologist",
        r"(?:clinical|primary|surgical|medical|care)\s+team",
        r"e-?mail(?:ed)?",
        r"critical\s+(?:results?|values?|findings?)",
        r"dashboard",
        r"dictat(?:ed|ion)",
        r"personally\s+reviewed",
    )
)

# Abbreviations count in capitals only; "CT ratio" is the cardiothoracic one.
OTHER_IMAGE_CAPITALS = re.compile(r"\b(?:CT(?!\s+ratio)|CTs|CTA|CTPA|HRCT|MRIs?|MRA|MR|PET|KUB)\b")
OTHER_IMAGE = re.compile(
    r"\b(?:computed\s+tomogra|tomogra(?:m|phy)|magnetic\s+resonance|ultraso(?:und|nogra)"
    r"|sonogra|fluorosco|angiogra|mammogra|esophagra|echocardiogra"
    r"|outside\s+(?:films?|stud(?:y|ies)|hospital|exam|radiograph|images?|ct)\b"
    r"|scout\b|preliminary\b|wet\s+read|bone\s+scan"
    # Parts of the body that no picture of the chest holds.
    r"|knees?\b|hips?\b|pelvis\b|ankles?\b|wrists?\b|elbows?\b|femoral\s+(?:heads?|necks?|condyle)"
    r"|tibia|patell)"
)
LATERAL_IMAGE = re.compile(
    r"\blateral\s+(?:chest\s+)?(?:view|projection|radiograph|film|image|exam|stud(?:y|ies)\b|x-?ray)"
    r"|\b(?:on|by)\s+(?:the\s+)?lateral\b(?!\s+(?:aspect|margin|portion|side|wall|chest\s+wall"
    r"|border|edge|surface|segment|rib|left|right|lung|upper|lower|mid|costophrenic|sulc|clavic"
    r"|base|pleura))"
)

# What is meant stands elsewhere in the report: "as described above". Above and below are places in
# the picture too, with what they are above of: "noted above the carina".
_POINTED = (
    r"(?:above|below)(?!\s+(?:the|this|that|these|its|an?|both|each|either|left|right|level|normal"
    r"|expected|carina|clavic\w+|\w*diaphragm\w*)\b)"
)
_POINTED_LAST = r"(?:above|below)(?=\s*(?:[.,;:)]|$)|\s+(?:but|are|is|with|without)\b)"
_TOLD = r"(?:described|discussed|mentioned|detailed|outlined|stated|reported)"
_PART = r"(?:findings|impression|report|body|text|comments?|discussion|addendum|section)"
CROSS_REFERENCE = re.compile(
    words(
        rf"as\s+(?:(?:{_TOLD}|noted|seen|listed)\s+)?{_POINTED}",
        rf"(?:{_TOLD}|see|per)\s+{_POINTED}",
        rf"(?:than|all|noted|listed|findings?)\s+{_POINTED_LAST}",
        r"(?:the|these)\s+above",
        rf"above(?:-|\s)?(?:{_TOLD}|noted|named|listed|findings?|changes)",
        r"afore(?:-|\s)?(?:mentioned|described|said)",
        rf"as\s+(?:{_TOLD}|noted)(?=\s*(?:[.,;:)]|$)|\s+elsewhere\b"
        rf"|\s+(?:in|under)\s+(?:the\s+)?{_PART}\b)",
        rf"(?:see|refer\s+to)\s+(?:the\s+)?(?:(?:full|separate|dedicated)\s+)?{_PART}",
        r"(?:findings|impression)\s+section",
        r"(?:reported|described|dictated)\s+separately",
    )
)

_VIEW_NOUN = r"(?:views?|radiographs?|projections?|films?|images?|x-?rays?|technique|exam\w*)"
VIEW = re.compile(
    words(
        r"(?:pa|ap|frontal|posteroanterior|anteroposterior)\s+(?:and|&)\s+(?:\w+\s+)?lateral",
        r"lateral\s+and\s+(?:pa|ap|frontal)",
        rf"(?:pa|ap|frontal|lateral|upright|supine|semi-?upright|oblique|lordotic|chest)\s+{_VIEW_NOUN}",
        r"single\s+(?:frontal|ap|pa|portable|view)",
        rf"(?:\d|one|two|three|four)\s+(?:\w+\s+)?{_VIEW_NOUN}",
        r"portable",
        r"views?\s+of\s+the",
        r"radiographs?",
        r"(?:was|were)\s+(?:obtained|provided|performed|submitted|acquired)",
        r"technique",
        r"technical\w*",
        r"\w*exposure",
        r"(?:under|over)exposed",
        r"(?:under|over)penetrat\w+",
        r"rotat\w+",
        r"patient\s+is",
        r"patient\s+position\w*",
        r"limited\s+(?:by|due|secondary|study|exam\w*|evaluation|quality)",
        r"(?:study|exam|examination|evaluation|film|assessment)\s+(?:is|was)\s+(?:\w+\s+)?"
        r"(?:limited|suboptimal|degraded)",
        r"field\s+of\s+view",
    )
)
# With one of these a sentence says something of the patient, however the view is named in it.
FINDING = re.compile(
    r"\b(?:hydro)?(?:pneumothora|effusion|opaci|consolidat|atelecta|edema|infiltrat|pneumon"
    r"|nodul|mass(?:es)?\b|lesion|fractur|dislocat|cardio|cardiac|heart|mediasti|lungs?\b|lobes?\b"
    r"|lobar|pulmon|pleura|hila|hilum|aort|diaphragm|hemidiaphragm|trachea|carina|ribs?\b|spine"
    r"|vertebra|osseous|bon(?:e|es|y)\b|skelet|costophrenic|apic(?:al(?!\s+lordotic)|es)|apex|bas(?:es|al|ilar)"
    r"|emphysem|fibro|scar|granulom|calcif|thicken|congest|interstiti|vascul|airspace|air\b|lucen"
    r"|hernia|scolio|kypho|dextro|levo|degenerat|enlarg|silhouette|contour|shadow|aspirat"
    r"|tube|catheter|lines?\b|picc|pacemaker|leads?\b|drain|stent|clips?\b|wires?\b|sternotom"
    r"|hardware|port\b|valve|device|intubat|tracheostom|status\s+post"
    r"|clear\b|normal|negative|unremarkable|abnormal|acute|diseas|process|findings?\b|volumes?\b)"
)

_IMAGING = (
    r"(?:ct|mri|imaging|follow|repeat\w*|further|dedicated|evaluation|radiographs?|films?|views?"
    r"|x-?rays?|stud(?:y|ies)|exam\w*|correlat\w+|assessment)"
)
RECOMMENDATION = re.compile(
    words(
        r"recommend\w*",
        r"advised?",
        rf"suggest\w*\s+(?:\w+\s+){{0,6}}{_IMAGING}",
        rf"{_IMAGING}\s+(?:[\w-]+\s+){{0,6}}(?:is|are|was|were|be)\s+(?:\w+\s+)?suggested",
        r"follow(?:-|\s)?up",
        r"(?:further|additional)\s+(?:\w+\s+)?(?:evaluat\w+|assess\w+|characteri[sz]\w+|imaging"
        r"|work-?up|investigat\w+)",
        r"correlat(?:e|ion)",
        r"(?:would|may|could|might)\s+be\s+(?:\w+\s+)?(?:helpful|useful|beneficial|of\s+benefit)",
        r"(?:could|can|should|may)\s+be\s+(?:obtained|performed|repeated|advanced|repositioned"
        r"|withdrawn|retracted|pulled)",
        rf"consider(?:ation)?\s+(?:\w+\s+){{0,4}}{_IMAGING}",
        r"(?:is|are|if|as)\s+(?:clinically\s+)?(?:warranted|indicated)",
        r"repeat\s+(?:\w+\s+){0,2}(?:radiographs?|exam\w*|study|imaging|films?|ct|views?|x-?rays?)",
        r"(?:attention|please)\s+(?:on|to|at|ensure|correlate)",
    )
)

HISTORY = re.compile(
    words(
        r"status\s+post",
        r"s/p",
        r"history",
        r"hx",
        r"known",
        r"years?(?:-|\s)old",
        r"indications?",
        r"clinically",
        r"smok(?:er|ing)",
        r"presents?\s+with",
    )
)

# A clause is cut off only where what follows can stand alone: "..., but may be artifact" cannot.
CLAUSE_END = re.compile(
    r";\s+(?!(?:it|its|this|that|these|those|they|their|which|however|likely|probably|possibly"
    r"|perhaps|may|and|or|but|with|suggest\w*|consistent|compatible)\b)"
    r"|,\s+but\s+(?=(?:there|no|the)\b)",
    re.IGNORECASE,
)

HANGING = re.compile(
    r"\W*(?:otherwise|however|elsewhere|also|and|but|additionally|th(?:is|ese|ose)|it|they|which"
    r"|(?:the\s+)?(?:remainder|remaining|rest|latter|former)|(?:no|the)\s+other|another"
    r"|do(?:es)?|is|are|was|were|may|might|could|can(?:not)?|would|(?:most\s+)?likely|probably"
    r"|possibly|there\s+(?:is|are)\s+also|if)\b",
)
ENGLISH = Cues(
    change=CHANGE,
    prior=PRIOR,
    not_prior=NOT_PRIOR,
    not_prior_lenient=NOT_PRIOR_LENIENT,
    not_change=NOT_CHANGE,
    time_words=TIME_WORDS,
    time_numbers=TIME_NUMBERS,
    communication=COMMUNICATION,
    other_image=OTHER_IMAGE,
    other_image_capitals=OTHER_IMAGE_CAPITALS,
    lateral_image=LATERAL_IMAGE,
    cross_reference=CROSS_REFERENCE,
    view=VIEW,
    finding=FINDING,
    recommendation=RECOMMENDATION,
    history=HISTORY,
    figure=FIGURE,
    course=COURSE,
    pointer=POINTER,
    hanging=HANGING,
    clause_end=CLAUSE_END,
)
