"""Report text as a target: filtered by the manifest's text scheme, and what was dropped from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chexinstruct.reports import LEAK_CLASSES, POLICIES, Filtered, filter_text
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
    return filter_text(text, POLICIES[use], language=language, lateral_in_sample=lateral)


def dropped_sentences(kept: Filtered) -> str | None:
    """Leak classes that took sentences, with counts: ``prior:2 deidentified:1``; None: none did."""
    return " ".join(f"{name}:{kept.dropped[name]}" for name in _most_first(kept.dropped)) or None


def _most_first(dropped: Mapping[str, int]) -> list[str]:
    return sorted((c for c in LEAK_CLASSES if c in dropped), key=lambda c: -dropped[c])
