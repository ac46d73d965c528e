"""Which figures of ROCO are single chest radiographs, told by their captions and index terms alone.

No list of body parts or modalities comes with ROCO v1; its keywords and concepts were taken from
the captions by programs and tell no more than these. In ROCOv2 people checked the modality and, of
plain films, the body part (Rückert et al., Scientific Data 2024), which is a second way in.
"""

from __future__ import annotations

import re
from collections.abc import Collection

SELECTION = "roco_caption_names_one_chest_radiograph"

PLAIN_FILM, CHEST_PART = "C1306645", "C0817096"
"""UMLS concepts "Plain x-ray" and "Chest", as ROCOv2 marks its pictures."""

_FILM = (
    r"(?:x[\s-]?rays?|radiographs?|radiograph(?:y|ic)|radiograms?|roentgenogra(?:ms?|phs?|phy)"
    r"|skiagra(?:ms?|phs?)|films?)"
)
# Of a thoracic spine, aorta or outlet another film may be meant.
_CHEST = (
    r"(?:chest|lungs?|thora(?:x|cal|cic)(?![\s-]+(?:and\s+lumbar\s+)?(?:spin|vertebra|aort|kypho|scolio|curve"
    r"|outlet|inlet|level|dis[ck]|surg|duct|segment|t\d|ep?idural|region)))"
)
_BETWEEN = r"(?:[\s,:/()-]+(?!and\b|or\b|with\b|after\b|show)[\w.'-]+){0,3}?"
_NAMED = re.compile(
    # Captions put together from pieces lack blanks between them: "chest X-rayBlack arrows".
    rf"\b(?i:cxrs?)\b|\b(?i:{_CHEST}{_BETWEEN}[\s,:/()-]+{_FILM})(?![a-z])"
    rf"|\b(?i:{_FILM}{_BETWEEN}[\s,:/()-]+{_CHEST})(?![a-z])"
)
_NOT_ENGLISH = re.compile(r"\b(?:radiographie|radiograf[ií]as?|röntgen\w*)\b", re.IGNORECASE)
_OTHER_MODALITY = re.compile(
    r"\b(?:CT|CTA|CTPA|CAT|HRCT|MD?CT|CECT|NCCT|CBCT|MRI|MRA|MRCP|MR|PET|SPECT|USG|US|ERCP|TEE|TTE"
    r"|ECG|EKG)s?\b"
    r"|(?i:\b\w*(?:tomogra|ultraso(?:u?nd|nogra)|sonogra|fluorosco|angiogra|venogra|scintigra|mammogra"
    r"|o?esophagogra|bronchogra|urogra|cholangio(?:gra|pancrea)|myelogra|fistulogra|sinogra"
    r"|lymphogra|electrocardiogra|cinegra|histolog|densitomet)\w*"
    r"|\b\w+scop(?:y|ic)\s+(?:images?|views?|findings?|pictures?|show\w*|reveal\w*)"
    r"|\bmagnetic\s+resonance|\bscout\b|\btopogram|\bscan(?:s|ned|ning)?\b|\bbarium\b"
    r"|\bgastrografin\b|\bcontrast\s+(?:swallow|medium|study|enema|meal|material|agent|dye)"
    r"|\bgastrointestinal\s+series|\bswallow\b|\bdual[\s-]energy|\bphotograph|\bspecimen\b"
    r"|\bautopsy\b|\bimpedance\s+tomo|\bechocardiogra\w*)"
)
_PART = (
    r"(?:abdom\w+|kub|pelvi\w+|spin\w+|lumbar|cervical|sacr\w+|skull|cranial|mandib\w+|maxill\w+"
    r"|dental|teeth|tooth|panoramic|periapical|bitewing|cephalometric|hands?|wrists?|elbows?"
    r"|shoulders?|knees?|ankles?|foot|feet|hips?|femurs?|femoral|tibia\w*|humer\w+|forearm|legs?"
    r"|neck|nasopharyn\w+|sinus(?:es)?|skelet\w+|bones?|clavic\w+|glenohumeral|scapul\w+|spondyl\w+"
    r"|body|limbs?|stern(?:um|al))"
)
_OTHER_PART = re.compile(
    rf"\b{_PART}(?:[\s-]+(?:plain|lateral|ap|pa|supine|upright|erect))?[\s-]+{_FILM}\b"
    rf"|\b{_FILM}\s+(?:of\s+(?:the\s+|his\s+|her\s+|a\s+)?)?(?:(?:left|right|whole|entire"
    rf"|thoracic|thoracolumbar|upper|lower)\s+)*{_PART}\b"
    rf"|\b{_CHEST}\s*(?:and|&|[/+-]|with)\s*(?:the\s+|upper\s+)?{_PART}\b"
    rf"|\b{_PART}\s*(?:and|&|[/+-])\s*(?:the\s+)?{_CHEST}\b"
    r"|\bthoraco-?(?:lumbar|abdom\w+)|\bcervico-?thora\w+|\bbaby-?gram",
    re.IGNORECASE,
)
_ANIMAL = re.compile(
    r"\b(?:dogs?|canine|cats?|feline|calf|calves|cows?|bovine|horses?|equine|foals?|rats?|mouse|mice"
    r"|murine|rabbits?|pigs?|piglets?|swine|porcine|sheep|goats?|monkeys?|macaques?|terrier|retriever"
    # Directions and positions of quadrupeds.
    r"|dorso-?ventral|ventro-?dorsal|latero-?lateral|recumbency|(?:cranial|caudal)\s+(?:and\s+\w+\s+)?lung"
    r"|phantom|manne?quin|simulat(?:ed|ion|or))\b",
    re.IGNORECASE,
)
# Panels: "(a) ... (b)", "A: ... B:", "left panel", "A and B", several films in one caption.
_PANEL_LETTER = re.compile(
    r"[(\[]\s*([a-h])(?:\s*[,&/–-]\s*[a-h])*\s*[)\]]|(?:^|[.;,]\s+)([A-Ha-h])(?:[:.)]|\s*[-–=]\s)"
    r"|(?:^|\s)([a-h])\)\s|(?:^|\s)([b-h])\.\s",
    re.IGNORECASE,
)
_ACROSS = r"(?:postero-?|posterior[\s/-]+|antero-?|anterior[\s/-]+)\s?(?:anterior|posterior)"
_COMPOSITE = re.compile(
    rf"\bpanels?\b|\b(?:top|bottom|upper|lower)\s+(?:row|images?|pictures?)\b|\bcollage\b|\bmontage\b"
    rf"|\b(?:left|right)\s+(?:image|picture|figure|radiograph|film|x-?ray)\b|\bA\s*(?:and|&|,)\s*B\b"
    rf"|[(\[]\s*[a-h]\s*[,&/–-]\s*[a-h]\s*[)\]]|[(\[]\s*(?:left|right|top|bottom)\s*[)\]]"
    rf"|\binset\b|\bserial\s|\b(?:two|three|four|series\s+of|sequence\s+of)\s+(?:\w+\s+){{0,2}}"
    rf"{_FILM}|\bbefore\s*(?:\([^)]*\)\s*)?(?:and|&)\s*after\b"
    rf"|\b(?:ap|pa|frontal|{_ACROSS})\s*(?:\([^)]*\)\s*)?(?:and|&|/)\s*(?:left\s+|right\s+)?lateral\b"
    rf"|\blateral\s+and\s+(?:ap|pa|frontal|{_ACROSS})\b",
    re.IGNORECASE,
)
# Words of a figure that tells of films and shows none.
_NO_FILM = re.compile(
    r"\b(?:diagram|flow\s?chart|schematic|algorithm|graph|histogram|percentage|questionnaire"
    r"|drawing|illustration)\b",
    re.IGNORECASE,
)


def why_not(caption: str, codes: Collection[str] = ()) -> str | None:
    """Why a figure is not taken for one chest radiograph; None: it is.

    Args:
        caption: as released.
        codes: UMLS concepts that people gave the picture; none where programs took them from the
            caption.
    """
    checked = PLAIN_FILM in codes and CHEST_PART in codes
    if _NOT_ENGLISH.search(caption):
        return "caption_not_english"
    if not (checked or _NAMED.search(caption)):
        return "no_chest_radiograph_named"
    if codes and not checked and PLAIN_FILM not in codes:
        return "other_modality"
    if _OTHER_MODALITY.search(caption):
        return "other_modality"
    if _OTHER_PART.search(caption):
        return "other_body_part"
    if _ANIMAL.search(caption):
        return "no_patient"
    if _NO_FILM.search(caption):
        return "no_picture_of_a_patient"
    if _is_composite(caption):
        return "composite_figure"
    return None


def _is_composite(caption: str) -> bool:
    letters = {next(filter(None, m.groups())).casefold() for m in _PANEL_LETTER.finditer(caption)}
    return len(letters) > 1 or _COMPOSITE.search(caption) is not None
