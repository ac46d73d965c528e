"""Filters that take out of a text what its pictures cannot show."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from chexinstruct.errors import CallError
from chexinstruct.reports import cues
from chexinstruct.reports.cues import LEAK_CLASSES, LeakClass
from chexinstruct.reports.sentences import sentences

POLICIES: dict[str, tuple[LeakClass, ...]] = {
    "image_target": ("deidentified", "prior", "time", "communication", "other_image", "view"),
    "progression": ("deidentified", "time", "communication"),
    "summarization": ("deidentified", "time", "communication"),
    "explanation": ("deidentified", "prior", "time", "communication", "other_image", "history"),
}
"""Use -> classes whose sentences go.

``image_target``: any text that must follow from the pictures shown (findings and impression
generation, matching, selection, grounded text); add ``recommendation`` or ``history`` by flag.
``progression``: the prior picture is shown too, so comparisons stay. ``summarization``: classes
that leave findings; a pair goes altogether when :func:`find_leaks` finds them in its impression.
``explanation``: the reason for a diagnosis must be seen in the pictures, so that the history counts
as a leak too; an explanation goes altogether.
"""

MIN_WORDS = 3
"""A target with fewer words left is of no use."""

# A clause is cut off only where what follows can stand alone: "..., but may be artifact" cannot.
_CLAUSE_END = re.compile(
    r";\s+(?!(?:it|its|this|that|these|those|they|their|which|however|likely|probably|possibly"
    r"|perhaps|may|and|or|but|with|suggest\w*|consistent|compatible)\b)"
    r"|,\s+but\s+(?=(?:there|no|the)\b)",
    re.IGNORECASE,
)
_STUDY = r"(?:radiographs?|x-?rays?|films?|stud(?:y|ies)|exam(?:ination)?s?|images?)"
_UP_TO_MASK = (
    r"(?:(?:the|a|an|prior|previous|most|recent|earlier|chest|portable|frontal|lateral|pa|ap"
    rf"|{_STUDY}|performed|obtained|dated|from|of|on)\s+)*{cues.MASK}"
    rf"(?:(?:,|\s|at|and)+{cues.MASK})*"
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


def find_leaks(
    sentence: str,
    classes: Collection[LeakClass],
    *,
    lateral_in_sample: bool = False,
    lenient_prior: bool = False,
) -> tuple[LeakClass, ...]:
    """The leak classes, among those asked for, that a sentence meets; in order of LEAK_CLASSES.

    Args:
        sentence: One sentence, case as written. A longer text is judged as one: ``view`` is met
            only when no sentence of it names a finding.
        classes: Classes to look for.
        lateral_in_sample: A lateral picture is shown, so words about it are no leak.
        lenient_prior: Keep "prior sternotomy", "increased markings" and the like.

    Raises:
        CallError: an unknown class.
    """
    _check(classes)
    lower = sentence.lower()
    found: list[LeakClass] = []
    if "deidentified" in classes and cues.DEIDENTIFIED.search(sentence):
        found.append("deidentified")
    if "prior" in classes and _speaks_of_prior(lower, lenient_prior):
        found.append("prior")
    if "time" in classes and (
        cues.TIME_WORDS.search(lower)
        or (cues.DIGIT.search(lower) and cues.TIME_NUMBERS.search(lower))
    ):
        found.append("time")
    if "communication" in classes and cues.COMMUNICATION.search(lower):
        found.append("communication")
    if "other_image" in classes and (
        cues.OTHER_IMAGE_CAPITALS.search(sentence)
        or cues.OTHER_IMAGE.search(lower)
        or (not lateral_in_sample and cues.LATERAL_IMAGE.search(lower))
    ):
        found.append("other_image")
    if "view" in classes and cues.VIEW.search(lower) and not cues.FINDING.search(lower):
        found.append("view")
    if "recommendation" in classes and cues.RECOMMENDATION.search(lower):
        found.append("recommendation")
    if "history" in classes and cues.HISTORY.search(lower):
        found.append("history")
    return tuple(found)


def filter_text(
    text: str,
    classes: Collection[LeakClass],
    *,
    lateral_in_sample: bool = False,
    lenient_prior: bool = False,
) -> Filtered:
    """Drop the sentences of a text that meet one of the classes.

    Sentences go whole, with one exception: a leaking sentence is cut at ";" and ", but" where the
    next clause can stand alone, and its clean clauses stay if they name a finding. Where
    comparisons are kept and masks are not, a masked date ("compared to ___", "since ___") goes
    without its sentence.

    Args:
        text: One section of a report.
        classes: Classes to drop, for example those of a policy.
        lateral_in_sample: As for :func:`find_leaks`.
        lenient_prior: As for :func:`find_leaks`.

    Raises:
        CallError: an unknown class.
    """
    kept: list[str] = []
    dropped: dict[str, int] = {}

    def leaks(part: str) -> tuple[LeakClass, ...]:
        return find_leaks(
            part, classes, lateral_in_sample=lateral_in_sample, lenient_prior=lenient_prior
        )

    unmask = "deidentified" in classes and "prior" not in classes
    for sentence in sentences(text):
        found = leaks(sentence)
        if unmask and "deidentified" in found:
            shorter = _without_masked_dates(sentence)
            if shorter:
                sentence, found = shorter, leaks(shorter)
        if not found:
            kept.append(sentence)
            continue
        clauses = _CLAUSE_END.split(sentence)
        for clause in clauses if len(clauses) > 1 else ():
            if cues.FINDING.search(clause.lower()) and not leaks(clause):
                kept.append(_as_sentence(clause))
        dropped[found[0]] = dropped.get(found[0], 0) + 1
    return Filtered(" ".join(kept), dropped)


def has_change_cue(text: str) -> bool:
    """Whether a text tells how something changed, or did not, against an earlier study.

    A mere mention of the past (prior sternotomy, no prior for comparison, follow-up advised) is
    no change.
    """
    lower = text.lower()
    if not cues.CHANGE.search(lower):
        return False
    for other in (cues.NOT_PRIOR, cues.NOT_PRIOR_LENIENT, cues.NOT_CHANGE):
        lower = other.sub(" ", lower)
    return cues.CHANGE.search(lower) is not None


def _speaks_of_prior(lower: str, lenient: bool) -> bool:
    if not cues.PRIOR.search(lower):
        return False
    lower = cues.NOT_PRIOR.sub(" ", lower)
    if lenient:
        lower = cues.NOT_PRIOR_LENIENT.sub(" ", lower)
    return cues.PRIOR.search(lower) is not None


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
