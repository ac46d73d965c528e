"""Phrases of regions: which of them are one, which may be written, and where a report says them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from chexinstruct.draw import key
from chexinstruct.reports import Filtered, classes_of, find_leaks, sentences
from chexinstruct.schema import Image, Region, Report
from chexinstruct.tasks.contract import Drop, Policies
from chexinstruct.tasks.targets import target
from chexinstruct.vocabulary import LATERAL

SECTIONS = ("findings", "impression", "last_paragraph", "comparison")
"""Sections that a phrase is looked for in, the first one first; the order of the original
CheXinstruct. A report may say all it says under the header of its comparison."""


def shown_phrase(phrase: str) -> str:
    """A phrase is asked for and answered without the full stop of its sentence."""
    return " ".join(phrase.split()).removesuffix(".").rstrip()


def folded(phrase: str) -> str:
    """Equal for phrases that differ in case, white space or full stop alone."""
    return shown_phrase(phrase).casefold()


def digest(phrase: str) -> str:
    """Stands for a phrase in a key: keys are published where texts may not be."""
    return f"{key(folded(phrase)):016x}"


def by_phrase(regions: Iterable[Region]) -> dict[str, list[Region]]:
    """Regions by the phrase as it is shown, which they carry then; others are left out."""
    groups: dict[str, dict[tuple[float, ...], Region]] = {}
    for region in regions:
        if region.phrase is not None:
            # One place may be given under two findings.
            groups.setdefault(folded(region.phrase), {}).setdefault(region.box, region)
    found = {}
    for boxes in groups.values():
        first, *_ = boxes.values()
        phrase = shown_phrase(first.phrase or "")
        found[phrase] = [replace(region, phrase=phrase) for region in boxes.values()]
    return found


def phrase_leak(phrase: str, use: str, policies: Policies, image: Image) -> Drop | None:
    """Why a phrase is no text to be written, if the manifest's scheme says so.

    Args:
        phrase: written in the answer.
        use: key of :data:`chexinstruct.reports.POLICIES`: ``image_target`` where the picture alone
            has to tell, ``summarization`` where the question holds the words.
        policies: the named schemes of the manifest.
        image: the picture shown.
    """
    if policies.text != "clean":
        return None
    classes = classes_of(use, policies.leaks)
    leaks = find_leaks(phrase, classes, lateral_in_sample=image.view in LATERAL)
    return Drop(reason=f"leak_{leaks[0]}") if leaks else None


class Quoted(NamedTuple):
    """A section of a report, and where it says some phrases."""

    section: Filtered
    """As it is shown: what is given and not to be written keeps its comparisons."""
    phrases: dict[str, str]
    """Each phrase and how the section spells it, in the order of the section."""


def quoted(report: Report, phrases: Sequence[str], policies: Policies) -> Quoted | Drop:
    """The first section that says all the phrases word for word, and something else.

    White space and case may differ; what is quoted is as the section has it. Reasons of a drop:
    ``phrase_not_in_report`` (annotators edited phrases); ``phrases_in_several_sections``;
    ``only_sentence`` where every sentence has to do with them; ``sentence_filtered`` where what
    the phrase stands in has a mask, a time or a call; and those of
    :func:`~chexinstruct.tasks.targets.target`.
    """
    texts = [" ".join(report.sections[s].split()) for s in SECTIONS if s in report.sections]
    if not all(any(_place(phrase, text) for text in texts) for phrase in phrases):
        return Drop(reason="phrase_not_in_report")
    reasons = []
    for text in texts:
        if not all(_place(phrase, text) for phrase in phrases):
            continue
        section = target(text, "summarization", policies)
        if isinstance(section, Drop):
            reasons.append(section)
            continue
        places = {phrase: _place(phrase, section.text) for phrase in phrases}
        found = {phrase: place for phrase, place in places.items() if place}
        if len(found) < len(phrases):
            reasons.append(Drop(reason="sentence_filtered"))
        elif not _says_more(section.text, phrases):
            reasons.append(Drop(reason="only_sentence"))
        else:
            order = sorted(found, key=lambda phrase: found[phrase].span())
            return Quoted(section, {phrase: found[phrase][0] for phrase in order})
    return reasons[0] if reasons else Drop(reason="phrases_in_several_sections")


def _says_more(text: str, phrases: Sequence[str]) -> bool:
    """Whether some sentence of a text neither holds one of the phrases nor is a part of it."""
    return any(
        not any(_place(phrase, one) or _place(shown_phrase(one), phrase) for phrase in phrases)
        for one in sentences(text)
    )


def _place(phrase: str, text: str) -> re.Match[str] | None:
    """Where a text first says a phrase, not in the midst of a word."""
    return re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text, re.IGNORECASE)
