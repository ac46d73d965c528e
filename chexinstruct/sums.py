"""The files of a release held against the list of checksums that its publisher ships."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import msgspec

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release

NAME = "SHA256SUMS.txt"
"""As PhysioNet names it, at the top of each version of a project."""
LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
BLOCK = 1 << 20


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the lists of a release say of its files."""

    matching: int
    wrong: list[str]
    """Other bytes than were released, or not readable; to be downloaded again."""
    missing: int
    """Listed and not here, nor packed in an archive under this path."""


def check_sums(release: Release) -> Sums | None:
    """Read every file that a list names and that is here; None where the release has no list.

    A list names files from the folder that it lies in.
    """
    lists = release.find_all(NAME)
    if not lists:
        return None
    matching = missing = 0
    wrong: list[str] = []
    for path, expected in _listed(release, lists):
        if path not in release.files:
            missing += 1
            continue
        try:
            with release.open_binary(path) as stream:
                state = hashlib.sha256()
                while block := stream.read(BLOCK):
                    state.update(block)
        except ReleaseError:
            wrong.append(path)
            continue
        if state.hexdigest() == expected:
            matching += 1
        else:
            wrong.append(path)
    return Sums(matching=matching, wrong=wrong, missing=missing)


def _listed(release: Release, lists: list[str]) -> Iterator[tuple[str, str]]:
    for path in lists:
        folder = path.rpartition("/")[0]
        for _, text in release.lines(path):
            if found := LINE.fullmatch(text.strip()):
                name = found[2].removeprefix("./")
                yield f"{folder}/{name}" if folder else name, found[1].lower()
