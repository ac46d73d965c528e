"""Whether a text written of one study is certainly wrong for another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from chexinstruct.reports import Filtered, sentences
from chexinstruct.schema import LabelSet, Record, Study
from chexinstruct.tasks.contract import Context, Policies
from chexinstruct.tasks.labels import specific, states
from chexinstruct.vocabulary import (
    FINDINGS,
    NO_FINDING,
    VocabularyError,
    canonical,
    compatible_negative,
)

ALIKE = 0.3
"""Texts of studies without labels and codes may share fewer of their words than this."""

_NO_CONTENT = frozenset({"no indexing", "technical quality of image unsatisfactory"})
"""MeSH-like terms of Open-i that say nothing of the patient."""

_DENIAL = re.compile(
    r"\b(?:no|not|non|without|neither|nor|never|normal|clear|free|intact|unremarkable|negative"
    r"|absent|absence|resolved|rather|versus|vs|or|exclude[sd]?|unlikely|limits)\b",
    re.IGNORECASE,
)
"""In a sentence without any of these, a finding that is named is said to be there."""
_DENIED = re.compile(r"\b(?:no|not|without|neither|free|negative|absen\w+)\b", re.IGNORECASE)
_NOTHING_ACUTE = re.compile(
    r"\bno\s+(?:\w+\s+){0,3}acute\s+(?:(?:cardiopulmonary|intrathoracic|thoracic|chest)\s+)?"
    r"(?:process|disease|abnormalit|finding|patholog)",
    re.IGNORECASE,
)
_ACUTE = frozenset({"consolidation", "edema", "pneumonia", "pneumothorax"})
"""Findings beside which nobody writes that there is nothing acute."""
_WORD = re.compile(r"\w+")


class Disputes(Record, frozen=True, kw_only=True):
    """On which findings a text of the other study is wrong about this one."""

    asserted: frozenset[str]
    """If the text says that the finding is there."""
    denied: frozenset[str]
    """If the text says that it is not."""
    acute: frozenset[str]
    """If the text says that there is nothing acute."""
    refuted: frozenset[str] = frozenset()
    """Those of ``denied`` that are said to be absent there one by one: "normal" alone does not
    refute a device, or a scoliosis that nobody thought worth a word."""

    def __bool__(self) -> bool:
        """Whether the text can be wrong at all."""
        return bool(self.asserted or self.denied or self.acute)


class _Said(Record, frozen=True, kw_only=True):
    """What labels or codes say of one study."""

    present: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    """What is present or may be."""
    absent: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    """Those of ``absent`` that are said to be, not merely left blank."""
    normal: bool = False
    """Said to be without any finding."""


class Spoken(NamedTuple):
    """A text of a study."""

    study: Study
    text: Filtered
    language: str


def exclude_each_other(one: Spoken, other: Spoken, context: Context) -> bool:
    """Whether each of two texts is certainly wrong for the study of the other."""
    return (
        one.text.text.casefold() != other.text.text.casefold()
        and cannot_be_of(one, other, context)
        and cannot_be_of(other, one, context)
    )


def cannot_be_of(mine: Spoken, other: Spoken, context: Context) -> bool:
    """Whether the other text is certainly wrong for the study of mine."""
    found = disputes(mine.study, other.study, context)
    if found is None:
        right, wrong = mine.text.text, other.text.text
        return alike(right, wrong) < ALIKE and names_another_finding(right, wrong)
    if other.language != "en" and other.text.dropped:
        return False  # what makes it wrong may be what was taken out
    return bool(found) and is_wrong(other.text.text, found, other.language)


def disputes(study: Study, other: Study, context: Context) -> Disputes | None:
    """What a text of the other study would have to say to be wrong about this one.

    Labels decide, if one label set was applied to both studies; else index codes, if both have
    some. Findings that the other study shows count when this one lacks them for certain, or when
    none of them is, overlaps with or follows from anything that this one may show. None: neither
    labels nor codes are known of either study.
    """
    if not (study.label_sets or other.label_sets or study.codes or other.codes):
        return None
    mine: _Said | None
    theirs: _Said | None
    shared = [s for s in context.label_sets() if s.name in other.label_sets]
    if shared:
        mine = _by_labels(study, shared, context.policies)
        theirs = _by_labels(other, shared, context.policies)
    else:
        mine, theirs = _by_codes(study.codes), _by_codes(other.codes)
    if mine is None or theirs is None:
        return Disputes(asserted=frozenset(), denied=frozenset(), acute=frozenset())
    asserted = theirs.present & mine.absent
    if all(_can_be_absent(finding, mine.possible) for finding in theirs.present):
        asserted = theirs.present
    denied = mine.present if theirs.normal else mine.present & theirs.denied
    acute = mine.present & _ACUTE if theirs.possible.isdisjoint(_ACUTE) else frozenset()
    refuted = mine.present & theirs.denied
    return Disputes(asserted=asserted, denied=denied, acute=acute, refuted=refuted)


def is_wrong(text: str, found: Disputes, language: str) -> bool:
    """Whether a text says one of the things that would make it wrong.

    Names and denials are looked for in English. In other languages the disputes alone decide, so
    the text has to be whole.
    """
    if language != "en":
        return bool(found.asserted or found.refuted)
    return any(_says_wrong(sentence, found) for sentence in sentences(text))


def _says_wrong(sentence: str, found: Disputes) -> bool:
    if not _DENIAL.search(sentence):
        return _names_any(sentence, found.asserted)
    if found.acute and _NOTHING_ACUTE.search(sentence):
        return True
    return _DENIED.search(sentence) is not None and _names_any(sentence, found.denied)


def alike(a: str, b: str) -> float:
    """Jaccard similarity of the sets of words of two texts, case aside; 1 for two empty ones."""
    first, second = (set(_WORD.findall(text.casefold())) for text in (a, b))
    return len(first & second) / len(first | second) if first | second else 1.0


def names_another_finding(text: str, other: str) -> bool:
    """Whether the other text affirms a finding that has nothing to do with those of the text.

    For studies of which neither labels nor codes are known. Both texts must name findings; one that
    is in both, or overlaps with or follows from any that the text names, does not count.
    """
    named = _named(text)
    affirmed = {
        finding
        for sentence in sentences(other)
        if not _DENIAL.search(sentence)
        for finding in _named(sentence)
        if _spelt(finding).search(sentence)
    }
    return bool(named) and any(_can_be_absent(finding, named) for finding in affirmed - named)


def _named(text: str) -> set[str]:
    return {
        name
        for name, finding in FINDINGS.items()
        if name != NO_FINDING and not finding.vague and _named_by(name).search(text)
    }


@lru_cache(maxsize=4096)
def _spelt(finding: str) -> re.Pattern[str]:
    """A finding's spellings as they stand, in the singular or with an s."""
    known = FINDINGS[finding]
    spellings = (re.split(r"[\s_/-]+", s) for s in (known.name, *known.spellings))
    forms = (r"[\s-]".join(map(re.escape, words)) for words in spellings)
    return re.compile(rf"\b(?:{'|'.join(forms)})s?\b", re.IGNORECASE)


def _by_labels(study: Study, sets: Sequence[LabelSet], policies: Policies) -> _Said:
    present: set[str] = set()
    possible: set[str] = set()
    absent: set[str] = set()
    normal = False
    for label_set in sets:
        found = states(study, label_set, policies)
        present.update(specific(found.present))
        possible.update(specific(found.present + found.uncertain + found.disputed))
        absent.update(found.absent)
        normal |= NO_FINDING in found.present
    absent -= possible
    said = {label.finding for label in study.labels if label.state == "absent"}
    return _Said(
        present=frozenset(present),
        possible=frozenset(possible),
        absent=frozenset(absent),
        denied=frozenset(absent & said),
        normal=normal,
    )


def _by_codes(codes: Iterable[str]) -> _Said | None:
    """Main headings of index codes; those that the vocabulary knows by their canonical name.

    None: the codes say nothing of the patient.
    """
    heads = {_heading(code) for code in codes} - _NO_CONTENT
    if not heads:
        return None
    present = frozenset(heads - {NO_FINDING})
    return _Said(present=present, possible=present, normal=heads == {NO_FINDING})


@lru_cache(maxsize=4096)
def _heading(code: str) -> str:
    """The main heading of ``Opacity/lung/base/left`` is ``Opacity``, here ``lung opacity``."""
    head = code.partition("/")[0].strip()
    try:
        return canonical(head)
    except VocabularyError:
        return head.casefold()


def _can_be_absent(finding: str, possible: Collection[str]) -> bool:
    if finding in FINDINGS:
        return compatible_negative(finding, FINDINGS.keys() & possible)
    return finding not in possible


def _names_any(sentence: str, findings: Iterable[str]) -> bool:
    return any(_named_by(finding).search(sentence) for finding in findings)


@lru_cache(maxsize=4096)
def _named_by(finding: str) -> re.Pattern[str]:
    """The last words of a finding's spellings, whatever their endings."""
    known = FINDINGS.get(finding)
    spellings = (known.name, *known.spellings) if known else (finding.partition(",")[0],)
    words = {re.split(r"[\s/-]", spelling)[-1] for spelling in spellings}
    # Short words stand alone: "mass" is in no "mastectomy".
    stems = sorted(re.escape(w[:-1]) + r"\w*" if len(w) > 5 else re.escape(w) for w in words if w)
    return re.compile(rf"\b(?:{'|'.join(stems)})\b", re.IGNORECASE)
