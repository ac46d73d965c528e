"""The lists of COVIDx: which of them are read, and what a line says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Split

TWO_CLASSES = frozenset({"positive", "negative"})
THREE_CLASSES = frozenset({"normal", "pneumonia", "COVID-19"})

PICTURES = (".png", ".jpg", ".jpeg")

SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
"""Split by the first word of a list's name; also the folders of the pictures."""

_NAME = re.compile(r"(train|val|test)(?:_COVIDx(?:(_CXR-)?(\d+)([AB])?)?)?\.txt(?:\.gz)?")


class Line(NamedTuple):
    """A line of a list."""

    file: str
    """Path of the list."""
    number: int
    folder: str
    """A key of SPLITS."""
    patient: str
    picture: str
    """File name."""
    label: str
    """A class of TWO_CLASSES or of THREE_CLASSES."""
    collection: str | None
    """None in the lists of version 1, which do not say."""


class Lists(NamedTuple):
    """The lists of one version."""

    classes: frozenset[str]
    lines: tuple[Line, ...]


def read_lists(release: Release) -> Lists:
    """The lines of one version, train before validation before test.

    Several versions may lie in one folder. Lists of two classes go before those of three, which
    leave out the pictures of other diseases and blur the one question that the release asks. Among
    those, ``train.txt``, which comes with the pictures, goes before the lists of the COVID-Net
    repository (``train_COVIDx9B.txt``), and newer ones of these before older ones.

    Raises:
        ReleaseError: there is no such list, or none with classes that are known.
    """
    versions: dict[tuple[bool, bool, int, str], set[str]] = {}
    for path in release.files:
        if name := _NAME.fullmatch(path.rpartition("/")[2]):
            versions.setdefault(_version(name), set()).add(name[0].removesuffix(".gz"))
    if not versions:
        raise ReleaseError(
            release.source,
            "no train.txt or train_COVIDx*.txt found",
            fix="add the lists, or give the folder that holds the release",
        )
    ranked = [versions[version] for version in sorted(versions, reverse=True)]
    kinds = [_classes(release, names) for names in ranked]
    for kind in (TWO_CLASSES, THREE_CLASSES):
        if kind in kinds:
            names = ranked[kinds.index(kind)]
            return Lists(kind, tuple(_lines(release, names, kind)))
    raise ReleaseError(
        release.source,
        f"its classes are neither {', '.join(sorted(TWO_CLASSES))} nor "
        f"{', '.join(sorted(THREE_CLASSES))}",
        file=release.find(min(ranked[0])),
        fix="take the lists that the source's card names",
    )


def _version(name: re.Match[str]) -> tuple[bool, bool, int, str]:
    """What lists are ranked by: plain names, then CXR-3, then 9, 8, ..."""
    plain = "_" not in name[0]
    return (plain, bool(name[2]), int(name[3] or 0), name[4] or "")


def _classes(release: Release, names: set[str]) -> frozenset[str] | None:
    """The classes of a version, by the first line of it that names a known one."""
    for name in sorted(names):
        for _, text in release.lines(release.find(name)):
            for kind in (TWO_CLASSES, THREE_CLASSES):
                if not kind.isdisjoint(text.split()[-2:]):
                    return kind
    return None


def _lines(release: Release, names: set[str], classes: frozenset[str]) -> Iterator[Line]:
    for folder in SPLITS:
        for name in sorted(names):
            if name.startswith(folder):
                path = release.find(name)
                for number, text in release.lines(path):
                    line = _line(path, number, folder, text, classes)
                    if line is None:
                        detail = f"no picture and class ({' or '.join(sorted(classes))}) at its end"
                        release.reject(path, number, "unknown_line", detail)
                    else:
                        yield line


def _line(path: str, number: int, folder: str, text: str, classes: frozenset[str]) -> Line | None:
    """``id file class collection``, read from the right, since ids of SIRM hold blanks.

    The lists of version 1 end with the class.
    """
    words = text.split()
    collection = None if words[-1] in classes else words.pop()
    if len(words) < 3 or words[-1] not in classes:
        return None
    *patient, picture, label = words
    if not picture.lower().endswith(PICTURES):
        return None
    return Line(path, number, folder, " ".join(patient), picture, label, collection)
