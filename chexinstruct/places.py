"""Folders of this machine, and URLs of stores."""

from __future__ import annotations

import re
from pathlib import Path

from chexinstruct.errors import CallError

_REMOTE = re.compile(r"(?!file:)([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])")


def is_remote(place: str | Path) -> bool:
    """Whether that is a URL; a :class:`Path` of one has lost a slash, and counts too."""
    return _REMOTE.match(str(place)) is not None


def shown(place: str | Path) -> str:
    """The place for messages: without user and password."""
    return _REMOTE.sub(r"\1://", re.sub(r"//[^/@]*@", "//", str(place)), count=1)


def local_only(place: str | Path, what: str, fix: str) -> Path:
    """The place as a path of this machine.

    Args:
        place: a path, perhaps a URL.
        what: what it holds, for the message.
        fix: what to do instead.

    Raises:
        CallError: it is a URL.
    """
    if is_remote(place):
        raise CallError(f"{shown(place)}: {what} has to lie on this machine; {fix}")
    return Path(place)
