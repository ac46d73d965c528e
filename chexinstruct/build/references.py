"""The pictures of candidates, each as one text that stands in a column and makes part of keys."""

from __future__ import annotations

from typing import NamedTuple

from chexinstruct.images import UNTOLD, Told
from chexinstruct.schema import Image

_END = "\x1f"
_INVERTED = "inverted"


class Reference(NamedTuple):
    """Which file a picture is, and what a table tells of its greys."""

    release: str
    path: str
    key: str
    """The picture's name in its source."""
    told: Told
    published: str | None = None
    """Its path in the publisher's layout; only told where pictures are listed."""


def write_reference(image: Image, source: str, *, listed: bool = False) -> str:
    """The picture of a study of ``source``.

    Args:
        image: it has a path, unless it is listed.
        source: key of the study's source.
        listed: name it for people to fetch, whether it is here or not; its path may be empty.
    """
    words = [repr(number) for number in image.window or ()] + [_INVERTED] * image.inverted
    parts = [image.release or source, image.path or "", image.key, " ".join(words)]
    return _END.join([*parts, image.published or ""] if listed else parts)


def read_reference(text: str) -> Reference:
    """The inverse of :func:`write_reference`."""
    release, path, key, told, *listed = text.split(_END)
    published = listed[0] or None if listed else None
    if not told:
        return Reference(release, path, key, UNTOLD, published)
    *numbers, last = told.split(" ")
    inverted = last == _INVERTED
    window = tuple(map(float, numbers if inverted else [*numbers, last]))
    greys = Told((window[0], window[1]) if window else None, inverted)
    return Reference(release, path, key, greys, published)
