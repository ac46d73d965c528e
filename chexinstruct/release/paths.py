"""Paths inside a release: what they may be, what they match, which are no part of it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from functools import cache

from chexinstruct.errors import ReleaseError

_JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "robots.txt"})


class UnsafePath(ReleaseError, ValueError):
    """A path that leaves the release, or that no file system can hold."""


def inside(path: str, source: str) -> str:
    """The path with ``/`` between its parts, and without ``.`` and leading slashes.

    Raises:
        UnsafePath: it is empty, climbs, or begins with a drive or a scheme. The message does not
            quote it, since a shifted row may hold anything in its place.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        raise UnsafePath(source, "an empty path")
    # Windows drops dots and blanks at the end of a name, so that ".. " climbs there.
    if "\0" in path or any(not part.strip(". ") for part in parts):
        raise UnsafePath(source, "a path that leaves the release")
    if parts[0][1:2] == ":" or parts[0].endswith(":"):
        raise UnsafePath(source, "a path with a drive or a scheme, not one inside the release")
    return "/".join(parts)


def is_junk(name: str) -> bool:
    """Whether a file or folder of that name is left behind by a tool, and not released."""
    return (
        name.startswith((".", "index.html"))  # wget also saves index.html?C=N;O=D
        or name in _JUNK
        or name.endswith((".gstmp", ".part", ".part.etag"))  # a download that is not finished
    )


@cache
def _pattern(pattern: str) -> tuple[str, re.Pattern[str]]:
    """The literal end of a pattern, by which most paths are told at once, and its whole."""
    return re.split(r"[*?\[\]]", pattern)[-1], re.compile(r"(?s:.*/)?" + fnmatch.translate(pattern))


def matches(path: str, pattern: str) -> bool:
    """Whether a shell pattern matches the path or its end, from any folder on.

    ``*`` matches ``/`` too. Upper and lower case differ. ``.gz`` may follow.
    """
    end, whole = _pattern(pattern)
    if path.endswith(end) and whole.match(path):
        return True
    return path.endswith(".gz") and whole.match(path.removesuffix(".gz")) is not None


def matching(paths: Iterable[str], pattern: str) -> list[str]:
    """The paths that match, in their order; a packed twin of a plain file is left out."""
    found = [path for path in paths if matches(path, pattern)]
    names = set(found)
    return [
        path for path in found if not (path.endswith(".gz") and path.removesuffix(".gz") in names)
    ]


def newest(paths: list[str]) -> str:
    """The path with the fewest folders; of several, the last when numbers count as numbers.

    So a file beats its copy in a subfolder, and version 1.10 beats version 1.9.
    """
    return max(paths, key=lambda path: (-path.count("/"), _natural(path), path))


def _natural(path: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"([0-9]+)", path.removesuffix(".gz"))
    ]


def archives(path: str) -> Iterator[tuple[str, str]]:
    """The ways to read a path as ``archive.zip`` and a member of it; mostly none."""
    lower = path.lower()
    start = lower.find(".zip/")
    while start >= 0:
        yield path[: start + 4], path[start + 5 :]
        start = lower.find(".zip/", start + 1)
