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


def write_reference(image: Image, source: str) -> str:
    """The picture of a study of ``source``, which has a path."""
    words = [repr(number) for number in image.window or ()] + [_INVERTED] * image.inverted
    return _END.join((image.release or source, str(image.path), image.key, " ".join(words)))


def read_reference(text: str) -> Reference:
    """The inverse of :func:`write_reference`."""
    release, path, key, told = text.split(_END)
    if not told:
        return Reference(release, path, key, UNTOLD)
    *numbers, last = told.split(" ")
    inverted = last == _INVERTED
    window = tuple(map(float, numbers if inverted else [*numbers, last]))
    return Reference(release, path, key, Told((window[0], window[1]) if window else None, inverted))
