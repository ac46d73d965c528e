"""Report text as a target: filtered by the manifest's text scheme, and what was dropped from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chexinstruct.reports import LEAK_CLASSES, Filtered, classes_of, filter_text
from chexinstruct.schema import Image
from chexinstruct.tasks.contract import Drop, Policies
from chexinstruct.vocabulary import LATERAL


def target(
    text: str,
    use: str,
    policies: Policies,
    *,
    images: Sequence[Image] = (),
    language: str = "en",
) -> Filtered | Drop:
    """A text as the manifest's scheme wants it, or why it is no target.

    ``clean`` drops the sentences that leak; a text of which too few words are left is dropped with
    the reason ``emptied_by_<leak class>`` (the class that took most sentences) or ``too_short``.
    ``raw`` is the text as released, white space aside. The cues of leaks are English and Spanish
    words; of texts in other languages only masks and clock times are filtered.

    Args:
        text: one section of a report.
        use: key of :data:`chexinstruct.reports.POLICIES`.
        policies: the named schemes of the manifest.
        images: the pictures shown; words about a lateral picture stay if one is among them.
        language: of the text.
    """
    kept = filtered(text, use, policies, images=images, language=language)
    if policies.text == "raw" or kept.usable:
        return kept
    if kept.text or not kept.dropped:
        return Drop(reason="too_short")
    return _emptied(kept)


def whole_target(
    text: str, use: str, policies: Policies, *, images: Sequence[Image] = ()
) -> Filtered | Drop:
    """The same for a text that is of use only as a whole: a leak anywhere in it drops it.

    A piece of a sentence gets a capital and a full stop.
    """
    kept = target(text.rstrip(" ,:;"), use, policies, images=images)
    if isinstance(kept, Drop) or policies.text == "raw":
        return kept
    if kept.dropped:
        return _emptied(kept)
    return replace(kept, text=kept.text[0].upper() + kept.text[1:])


def _emptied(kept: Filtered) -> Drop:
    return Drop(reason=f"emptied_by_{_most_first(kept.dropped)[0]}")


def filtered(
    text: str,
    use: str,
    policies: Policies,
    *,
    images: Sequence[Image] = (),
    language: str = "en",
) -> Filtered:
    """What the manifest's scheme leaves of a text, however little of it.

    The arguments are those of :func:`target`.
    """
    if policies.text == "raw":
        return Filtered(" ".join(text.split()), {})
    lateral = any(image.view in LATERAL for image in images)
    classes = classes_of(use, policies.leaks)
    return filter_text(text, classes, language=language, lateral_in_sample=lateral)


def dropped_sentences(kept: Filtered) -> str | None:
    """Leak classes that took sentences, with counts: ``prior:2 deidentified:1``; None: none did."""
    return " ".join(f"{name}:{kept.dropped[name]}" for name in _most_first(kept.dropped)) or None


def _most_first(dropped: Mapping[str, int]) -> list[str]:
    return sorted((c for c in LEAK_CLASSES if c in dropped), key=lambda c: -dropped[c])
