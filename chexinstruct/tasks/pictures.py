"""Which pictures of a study are shown, and in which order."""

from __future__ import annotations

from chexinstruct.schema import Image, Study
from chexinstruct.vocabulary import FRONTAL, LATERAL, view_rank


def _reading_order(image: Image) -> tuple[int, str]:
    return view_rank(image.view), image.key


def shown(study: Study) -> tuple[Image, ...]:
    """The study's current pictures, frontal first, equal projections by key."""
    if len(study.images) == 1 and study.images[0].role == "current":
        return study.images
    return tuple(sorted((i for i in study.images if i.role == "current"), key=_reading_order))


def frontal(study: Study) -> tuple[Image, ...]:
    """The current frontal pictures, in the order of :func:`shown`."""
    return tuple(i for i in shown(study) if i.view in FRONTAL)


def laterals(study: Study) -> tuple[Image, ...]:
    """The current lateral pictures, in the order of :func:`shown`."""
    return tuple(i for i in shown(study) if i.view in LATERAL)
