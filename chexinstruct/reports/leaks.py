"""Filters that take out of a text what its pictures cannot show."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from chexinstruct.errors import CallError
from chexinstruct.reports.cues import (
    DEIDENTIFIED,
    DIGIT,
    ENGLISH,
    LEAK_CLASSES,
    MASK,
    Cues,
    LeakClass,
)
from chexinstruct.reports.cues_es import SPANISH
from chexinstruct.reports.sentences import sentences

POLICIES: dict[str, tuple[LeakClass, ...]] = {
    "image_target": (
        "deidentified",
        "prior",
        "time",
        "communication",
        "other_image",
        "cross_reference",
        "view",
    ),
    "progression": ("deidentified", "time", "communication", "cross_reference"),
    "summarization": ("deidentified", "time", "communication"),
    "explanation": ("deidentified", "prior", "time", "communication", "other_image", "history"),
    "caption": (
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
    ),
}
"""Use -> classes whose sentences go.

``image_target``: any text that must follow from the pictures shown (findings and impression
generation, matching, selection, grounded text).
``progression``: the prior picture is shown too, so comparisons stay. ``summarization``: classes
that leave findings; a pair goes altogether when :func:`find_leaks` finds them in its impression.
An impression may point to the findings shown ("as above").
``explanation``: the reason for a diagnosis must be seen in the pictures, so that the history counts
as a leak too; an explanation goes altogether.
``caption``: what authors write under a figure of their article must follow from the picture alone,
so that all classes count; bracketed pointers to marks ("(arrow)") go without their sentence.
"""

OPTIONAL: tuple[LeakClass, ...] = ("recommendation", "history")
"""Classes of few policies, which a manifest may have dropped from the other targets as well."""

DEFAULT_LEAKS: tuple[LeakClass, ...] = tuple(c for c in LEAK_CLASSES if c not in OPTIONAL)
"""What is dropped where nothing else is said."""

CUES: Mapping[str, Cues] = {"en": ENGLISH, "es": SPANISH}
"""Cues by language; texts in any other are held against the English ones, which find little there
but masks and clock times."""

MIN_WORDS = 3
"""A target with fewer words left is of no use."""

_STUDY = r"(?:radiographs?|x-?rays?|films?|stud(?:y|ies)|exam(?:ination)?s?|images?)"
_UP_TO_MASK = (
    r"(?:(?:the|a|an|prior|previous|most|recent|earlier|chest|portable|frontal|lateral|pa|ap"
    rf"|{_STUDY}|performed|obtained|dated|from|of|on)\s+)*{MASK}"
    rf"(?:(?:,|\s|at|and)+{MASK})*"
)
# A mask alone may hide any word, so it goes only where the words before it announce a date.
_MASKED_DATE = re.compile(
    r",?\s*\b(?:(?:as|in|when)\s+)?compar(?:ed|ison)\s+(?:is\s+made\s+)?(?:to|with)\s+"
    rf"{_UP_TO_MASK}(?:\s+{_STUDY})?,?"
    rf"|\s+(?:since|dated)\s+{_UP_TO_MASK}"
    rf"|\b((?:un)?changed?|stable|(?:in|de)creased|improved|worsened|{_STUDY})\s+"
    rf"(?:from|of|on)\s+{_UP_TO_MASK}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter left of a text."""

    text: str
    """The kept sentences joined by blanks; empty when none was kept."""
    dropped: dict[str, int]
    """Leak class -> sentences dropped in whole or in part, each counted once, under the first
    class of ``LEAK_CLASSES`` that it meets."""

    @property
    def usable(self) -> bool:
        """Whether enough words are left for a target."""
        return len(self.text.split()) >= MIN_WORDS


@cache
def classes_of(use: str, chosen: tuple[LeakClass, ...]) -> tuple[LeakClass, ...]:
    """The classes that go for a use, a key of :data:`POLICIES`.

    Those of its policy that were chosen; of :data:`OPTIONAL` those of its policy or chosen.
    """
    due = POLICIES[use]
    return tuple(
        c
        for c in LEAK_CLASSES
        if (c in due or c in chosen if c in OPTIONAL else c in due and c in chosen)
    )


def find_leaks(
    sentence: str,
    classes: Collection[LeakClass],
    *,
    language: str = "en",
    lateral_in_sample: bool = False,
    lenient_prior: bool = False,
) -> tuple[LeakClass, ...]:
    """The leak classes, among those asked for, that a sentence meets; in order of LEAK_CLASSES.

    Args:
        sentence: One sentence, case as written. A longer text is judged as one: ``view`` is met
            only when no sentence of it names a finding.
        classes: Classes to look for.
        language: Of the sentence; see :data:`CUES`.
        lateral_in_sample: A lateral picture is shown, so words about it are no leak.
        lenient_prior: Keep "prior sternotomy", "increased markings" and the like.

    Raises:
        CallError: an unknown class.
    """
    _check(classes)
    cues = _cues(language)
    lower = cues.lower(sentence)
    found: list[LeakClass] = []
    if "deidentified" in classes and DEIDENTIFIED.search(sentence):
        found.append("deidentified")
    if "prior" in classes and _speaks_of_prior(cues, lower, lenient_prior):
        found.append("prior")
    if "time" in classes and (
        cues.time_words.search(lower) or (DIGIT.search(lower) and cues.time_numbers.search(lower))
    ):
        found.append("time")
    if "communication" in classes and cues.communication.search(lower):
        found.append("communication")
    if "other_image" in classes and (
        cues.other_image.search(lower)
        or (cues.other_image_capitals and cues.other_image_capitals.search(sentence))
        or (not lateral_in_sample and cues.lateral_image.search(lower))
    ):
        found.append("other_image")
    if "cross_reference" in classes and cues.cross_reference.search(lower):
        found.append("cross_reference")
    if "view" in classes and cues.view.search(lower) and not cues.finding.search(lower):
        found.append("view")
    if "recommendation" in classes and cues.recommendation.search(lower):
        found.append("recommendation")
    if "history" in classes and cues.history.search(lower):
        found.append("history")
    if "figure" in classes and cues.figure and cues.figure.search(lower):
        found.append("figure")
    if "course" in classes and cues.course and cues.course.search(lower):
        found.append("course")
    return tuple(found)


def filter_text(
    text: str,
    classes: Collection[LeakClass],
    *,
    language: str = "en",
    lateral_in_sample: bool = False,
    lenient_prior: bool = False,
) -> Filtered:
    """Drop the sentences of a text that meet one of the classes.

    Sentences go whole, with one exception: a leaking English sentence is cut at ";" and ", but"
    where the next clause can stand alone, and its clean clauses stay if they name a finding. A
    sentence that goes on from one that went ("Otherwise clear.", "This may be a scar.") goes with
    it, under the same class. Where comparisons are kept and masks are not, a masked date ("compared
    to ___", "since ___") goes without its sentence.

    Args:
        text: One section of a report.
        classes: Classes to drop, for example those of a policy.
        language: As for :func:`find_leaks`.
        lateral_in_sample: As for :func:`find_leaks`.
        lenient_prior: As for :func:`find_leaks`.

    Raises:
        CallError: an unknown class.
    """
    cues = _cues(language)
    kept: list[str] = []
    dropped: dict[str, int] = {}

    def leaks(part: str) -> tuple[LeakClass, ...]:
        return find_leaks(
            part,
            classes,
            language=language,
            lateral_in_sample=lateral_in_sample,
            lenient_prior=lenient_prior,
        )

    if "figure" in classes and cues.pointer:
        text = cues.pointer.sub("", text)
    unmask = "deidentified" in classes and "prior" not in classes
    gone: LeakClass | None = None
    for sentence in sentences(text):
        found = leaks(sentence)
        if unmask and "deidentified" in found:
            shorter = _without_masked_dates(sentence)
            if shorter:
                sentence, found = shorter, leaks(shorter)
        if not found and gone and cues.hanging.match(cues.lower(sentence)):
            dropped[gone] += 1
            continue
        if not found:
            kept.append(sentence)
            gone = None
            continue
        clauses = cues.clause_end.split(sentence) if cues.clause_end else ()
        for clause in clauses if len(clauses) > 1 else ():
            if cues.finding.search(cues.lower(clause)) and not leaks(clause):
                kept.append(_as_sentence(clause))
        dropped[found[0]] = dropped.get(found[0], 0) + 1
        gone = found[0]
    return Filtered(" ".join(kept), dropped)


def has_change_cue(text: str, language: str = "en") -> bool:
    """Whether a text tells how something changed, or did not, against an earlier study.

    A mere mention of the past (prior sternotomy, no prior for comparison, follow-up advised) is
    no change.
    """
    cues = _cues(language)
    lower = cues.lower(text)
    if not cues.change.search(lower):
        return False
    for other in (cues.not_prior, cues.not_prior_lenient, cues.not_change):
        lower = other.sub(" ", lower)
    return cues.change.search(lower) is not None


def _cues(language: str) -> Cues:
    return CUES.get(language, ENGLISH)


def _speaks_of_prior(cues: Cues, lower: str, lenient: bool) -> bool:
    if not cues.prior.search(lower):
        return False
    lower = cues.not_prior.sub(" ", lower)
    if lenient:
        lower = cues.not_prior_lenient.sub(" ", lower)
    return cues.prior.search(lower) is not None


def _without_masked_dates(sentence: str) -> str:
    return _as_sentence(_MASKED_DATE.sub(lambda date: date[1] or "", sentence))


def _as_sentence(clause: str) -> str:
    clause = clause.strip(" ,;")
    if not any(map(str.isalpha, clause)):
        return ""
    ended = clause if clause.endswith((".", "?", "!")) else clause + "."
    return ended[0].upper() + ended[1:]


def _check(classes: Collection[LeakClass]) -> None:
    unknown = set(classes).difference(LEAK_CLASSES)
    if unknown:
        raise CallError(
            f"unknown leak class {', '.join(sorted(unknown))}; "
            f"expected some of {', '.join(LEAK_CLASSES)}"
        )
