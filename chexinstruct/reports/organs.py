"""The clauses of a report by organ: a fixed lexicon, no model.

A stand-in for the private rewriting of MIMIC-CXR that the original CheXinstruct reads. Its order is
that of the ABCDE reading scheme: airway, breathing, cardiac, diaphragm, everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from chexinstruct.reports.cues import HANGING
from chexinstruct.reports.sentences import sentences

Organ = Literal[
    "trachea and bronchi",
    "lungs",
    "pleura",
    "heart",
    "diaphragm and upper abdomen",
    "mediastinum and hila",
    "bones",
    "soft tissues",
    "tubes, lines and devices",
]
ORGANS: tuple[Organ, ...] = get_args(Organ)
"""In the order of the reading scheme."""

MOST_ORGANS = 3
"""Organs of one clause at most."""


class Clause(NamedTuple):
    """A sentence of a report, or a part of one that can stand alone."""

    text: str
    organs: tuple[Organ, ...]
    """What it speaks of, the most telling first; empty where the lexicon knows no word of it."""


def _words(*terms: str) -> str:
    return rf"\b(?:{'|'.join(terms)})\b"


# A line or lead of a device, and not a line of the anatomy or a verb.
_DEVICE = _words(
    r"(?:naso|oro)?gastric\s+tubes?",
    r"\w*tubes?",
    r"\w*catheters?",
    r"(?<!kerley b )(?<!kerley )(?<!septal )(?<!fracture )(?<!pleural )(?<!in )(?<!skin )lines?"
    r"(?!\s+with\b)",
    r"picc",
    r"\w*port-?a-?cath",
    r"medi-?ports?",
    r"ports?",
    r"pacemakers?",
    r"pacer",
    r"icd",
    r"aicd",
    r"defibrillators?",
    r"leads?(?!\s+to\b)",
    r"sternotomy",
    r"wires?",
    r"valves?(?!\s+calcifi)(?!\s+plane)",
    r"clips?",
    r"stents?",
    r"drains?",
    r"balloon\s+pump",
    r"swan-?\s?ganz",
    r"trache?ostomy",
    r"prosthe\w+",
    r"hardware",
    r"sutures?",
    r"electrodes?",
    r"stimulators?",
    r"surgical\s+material",
)
# Short forms that are other words in small letters.
_DEVICE_CAPITALS = r"\b(?:NG|ET|ETT|NGT|CVC|IABP|IJ|LVAD)\b"

_LEXICON: dict[Organ, str] = {
    "pleura": _words(
        r"pleura\w*", r"effusions?", r"\w*pneumothora\w+", r"costophrenic", r"fissur\w+", r"empyema"
    ),
    "lungs": _words(
        r"lungs?",
        r"lobes?",
        r"lobar",
        r"lingul\w+",
        r"parenchyma\w*",
        r"opaci\w+",
        r"consolidat\w+",
        r"\w*pneumonia",
        r"pneumonitis",
        r"\w*atelecta\w+",
        r"(?:o?edema)",
        r"nodul\w+",
        r"mass(?:es)?",
        r"infiltrat\w+",
        r"emphysema\w*(?<!subcutaneous emphysema)",
        r"interstiti\w+",
        r"aerat\w+",
        r"hyperinflat\w+",
        r"hyperaerat\w+",
        r"air-?\s?spaces?",
        r"vascular\w*",
        r"vasculature",
        r"bibasilar",
        r"bibasal",
        r"granulom\w+",
        r"pulmonary",
        r"hyperexpan\w+",
        r"hypoinflat\w+",
        r"inspirat\w+",
        r"scar(?:s|ring)?",
        r"copd",
        r"(?:lung|perihilar|bronchovascular)\s+markings",
        r"infection",
        r"fibros\w+",
        r"fibrotic",
        r"cavit\w+",
        r"bullae?",
        r"bullous",
        r"kerley",
    ),
    "heart": _words(
        r"heart",
        r"cardiac",
        r"cardiomegaly",
        r"cardiomediastin\w+",
        r"cardiopericardial",
        r"pericardi\w+",
        r"ventric\w+",
        r"atri(?:um|al|a)",
        r"cardio\w+\s+silhouette",
    ),
    "mediastinum and hila": _words(
        r"\w*mediastin\w+",
        r"hilar",
        r"\w*hilar",
        r"hila",
        r"hilum",
        r"hili",
        r"aort\w+",
        r"lymphaden\w+",
        r"lymph\s+nodes?",
        r"adenopathy",
        r"paratracheal",
        r"vena\s+cava",
        r"great\s+vessels",
    ),
    "trachea and bronchi": _words(
        r"trachea\w*",
        r"carina\w*",
        r"bronch(?:us|i|ial)",
        r"peribronchial",
        r"airways?(?!\s+dis)",
        r"mainstem",
    ),
    "bones": _words(
        r"bones?",
        r"bony",
        r"oss\w+us",
        r"ribs?",
        r"spine",
        r"spinal",
        r"vertebra\w*",
        r"clavic\w+",
        r"scapula\w*",
        r"humer\w+",
        r"fractur\w+",
        r"\w*scoliosis",
        r"degenerat\w+",
        r"kypho\w+",
        r"sternum",
        r"sternal",
        r"skelet\w+",
        r"osteophyt\w+",
        r"spondyl\w+",
        r"osteopeni\w+",
        r"osteoporo\w+",
        r"shoulders?",
        r"arthritis",
        r"arthropathy",
        r"(?:wedge|compression)\s+deformit\w+",
    ),
    "diaphragm and upper abdomen": _words(
        r"\w*diaphragm\w*",
        r"free\s+(?:\w+\s+)?air",
        r"pneumoperitoneum",
        r"stomach",
        r"bowel",
        r"gastric",
        r"hiatal",
        r"hiatus",
        r"\w*abdom\w+",
        r"colon\w*",
        r"liver",
        r"spleen",
        r"gallbladder",
    ),
    "soft tissues": _words(
        r"soft\s+tissues?(?!\s+(?:densit|mass|opaci|nodul|attenuat))",
        r"subcutaneous",
        r"breasts?",
        r"chest\s+wall",
        r"neck",
        r"axill\w+",
    ),
}
"""From the most telling organ to the least."""

_ORGAN = {organ: re.compile(words, re.IGNORECASE) for organ, words in _LEXICON.items()}
_DEVICES = re.compile(_DEVICE, re.IGNORECASE)
_CAPITALS = re.compile(_DEVICE_CAPITALS)
_START = re.compile(r"(?:the|both|visuali[sz]ed)\s+", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|appears?|remains?|demonstrates?|shows?|contains?|lies?|projects?"
    r"|terminates?|ends?|overlies?|overlie)\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?:that|which)\b.*", re.IGNORECASE | re.DOTALL)
_CUT = re.compile(
    r";\s+|,?\s+and\s+(?!the\s+others?\b)(?=(?:the|there|no|both|bilateral|these|a|an|heart|cardi\w+|lungs?|pleural"
    r"|mediastin\w+|hilar|bony|osseous|pulmonary)\b)",
    re.IGNORECASE,
)


ITEM_WORDS = 4
"""Words of one item of a list of denials at most; longer ones are phrases with a scope."""

_DENIAL = re.compile(
    r"(?:there\s+(?:is|are|were|was)\s+)?no\s+"
    r"(?P<head>(?:(?:acute|definite|definitive|obvious|significant|overt|visible|convincing"
    r"|radiographic|evident)\s+)*(?:(?:evidence|signs?)\s+(?:of|for)\s+)?(?:acute\s+)?)"
    r"(?P<items>[a-z][a-z -]*(?:(?:,|\s+(?:or|and|nor)\b)[a-z -]*)+)\.?",
    re.IGNORECASE,
)
_ITEM_END = re.compile(
    r"(?:,|\s+(?:or|nor|and)\b)(?:\s+(?:or|nor|and)\b)?\s+(?:no\s+)?", re.IGNORECASE
)
_TAIL = re.compile(
    r"\s+(?:(?:is|are|was|were)\s+)?(?:seen|identified|noted|present|visuali[sz]ed|appreciated"
    r"|evident|demonstrated|detected|observed)\s*$",
    re.IGNORECASE,
)
# Words that may be meant of all that follows.
_SIZE = re.compile(
    r"\b(?:large|small|sizable|gross|new|additional|other|suspicious|enlarg\w+|displaced|discrete"
    r"|layering)\b",
    re.IGNORECASE,
)
# Words that begin a place or a reason, or make the item more, or less, than a name.
_PLACE = re.compile(
    r"\b(?:in|of|at|to|with|on|within|along|by|for|from|over|under|beneath|is|are|suggest\w*|left"
    r"|right|bilateral\w*)\b"
    # An adjective at its end: the noun stands in the next item ("bony or soft tissue abnormality").
    r"|\b(?:bony|oss\w+us|skeletal|pulmonary|pleural|cardiac|cardiopulmonary|mediastinal|hilar"
    r"|interstitial|alveolar|lobar|focal|vascular|tissues?|diaphragmatic|pericardial|spinal)$",
    re.IGNORECASE,
)


def organs(text: str) -> tuple[Organ, ...]:
    """What a clause speaks of, at most :data:`MOST_ORGANS`, the most telling first.

    That is the one it begins with, if any ("Heart size and pulmonary vascularity are normal"), and
    then the order of the lexicon.

    Devices stand alone, since such clauses name the place of a tip ("in the right atrium").
    """
    if _DEVICES.search(text) or _CAPITALS.search(text):
        return ("tubes, lines and devices",)
    start = _START.match(text)
    at = start.end() if start else 0
    found = [organ for organ, words in _ORGAN.items() if words.search(text)]
    found.sort(key=lambda organ: not _ORGAN[organ].match(text, at))
    return tuple(found[:MOST_ORGANS])


def clauses(text: str) -> list[Clause]:
    """The clauses of a section of a report, in its order.

    A sentence is cut at a semicolon, and before "and", where each part names an organ and has a
    verb of its own; and what it denies of several organs in one breath, organ by organ.
    """
    return [
        Clause(denied, organs(denied))
        for sentence in sentences(text)
        for part in _parts(sentence)
        for denied in _denials(part)
    ]


def _denials(part: str) -> list[str]:
    """A bare list of what is not there, one sentence an organ; any other part as it is.

    "No focal consolidation, effusion or pneumothorax." gives "No focal consolidation." and "No
    effusion or pneumothorax.". What weakens the denial ("acute", "definite", "evidence of") is said
    of each; a list that begins with a word of size or kind ("large"), of which nobody knows how far
    it reaches, or holds a place, stays in one piece.
    """
    found = _DENIAL.fullmatch(part)
    if found is None:
        return [part]
    items = [item.strip() for item in _ITEM_END.split(_TAIL.sub("", found["items"]))]
    grouped: dict[Organ, list[str]] = {}
    for item in items:
        named = organs(item)
        if len(named) != 1 or len(item.split()) > ITEM_WORDS or _PLACE.search(item):
            return [part]
        grouped.setdefault(named[0], []).append(item)
    if len(grouped) < 2 or any(map(_SIZE.search, items[:-1])):
        return [part]
    return [f"No {found['head']}{_or_list(listed)}." for listed in grouped.values()]


def _or_list(items: Sequence[str]) -> str:
    return " or ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _parts(sentence: str) -> list[str]:
    for cut in _CUT.finditer(sentence):
        first, second = sentence[: cut.start()], sentence[cut.end() :]
        if all(_stands_alone(part) for part in (first, second)):
            return [*_parts(_closed(first)), *_parts(_closed(second))]
    return [sentence]


def _stands_alone(part: str) -> bool:
    """Whether a part names an organ and has a verb outside a relative clause."""
    return bool(_VERB.search(_RELATIVE.sub("", part)) and organs(part))


def _closed(part: str) -> str:
    part = part.strip(" ,;")
    return part[:1].upper() + part[1:] + ("" if part.endswith((".", "?", "!")) else ".")


def by_organ(found: Iterable[Clause]) -> dict[Organ, list[str]]:
    """The texts of clauses under every organ they speak of, organs in the reading order.

    A clause that goes on from the one before ("Otherwise clear.") stands under the organs of that
    one alone: under another nobody knows what it goes on from.
    """
    grouped: dict[Organ, list[str]] = {}
    before: tuple[Organ, ...] = ()
    for clause in found:
        goes_on = HANGING.match(clause.text.lower()) is not None
        for organ in clause.organs:
            if not goes_on or organ in before:
                grouped.setdefault(organ, []).append(clause.text)
        before = clause.organs
    return {organ: grouped[organ] for organ in ORGANS if organ in grouped}


def structured(found: Sequence[Clause]) -> str | None:
    """A report of one line an organ, each clause under its most telling organ.

    None where a clause has no place: the lexicon knows no organ of it, or it goes on from a clause
    of another one.
    """
    grouped = by_organ(clause._replace(organs=clause.organs[:1]) for clause in found)
    if sum(map(len, grouped.values())) < len(found):
        return None
    return organ_lines({organ: " ".join(texts) for organ, texts in grouped.items()})


def organ_lines(texts: Mapping[str, str]) -> str:
    """The texts of organs as the lines of a structured report."""
    return "\n".join(f"{organ[:1].upper()}{organ[1:]}: {text}" for organ, text in texts.items())
