"""COVIDx CXR-3 (Pavlova et al. 2022) and its sisters: lists of pictures by COVID-19 status."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from chexinstruct.release import PictureIndex, Release
from chexinstruct.schema import Image, Label, Origin, Study
from chexinstruct.shared.rsna_nih import Matches, is_id, read_matches
from chexinstruct.source import Parent
from chexinstruct.vocabulary import NO_FINDING, canonical

from .lists import PICTURES, SPLITS, THREE_CLASSES, Line, read_lists

COVID = canonical("COVID-19")
POSITIVE = ("positive", "COVID-19")
OTHER_CLASSES = {"normal": NO_FINDING, "pneumonia": canonical("Non-COVID-19 pneumonia")}

RSNA = ("rsna", "rnsa")
"""The second is a slip of the lists."""
BIMCV = "bimcv"
_BIMCV_SUBJECT = re.compile(r"(sub-[^_]+)_")
"""Of names like ``sub-S01_ses-E02_run-1_bp-chest_vp-pa_dx-corrected.png``."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, in the order of the lists: train, validation, test."""
    lists = read_lists(release)
    matches = read_matches(release)
    files = [path for path in release.files if path.lower().endswith(PICTURES)]
    pictures = _Pictures(files, lists.lines)
    used: set[str] = set()
    for line in _distinct(release, lists.lines):
        path = pictures.get(line)
        if path:
            used.add(path)
        yield _study(release, line, path, matches, lists.classes == THREE_CLASSES)
    for path in files:
        if path not in used:
            release.reject(path, None, "unlabelled_picture", expected=True)


class _Pictures:
    """The file of each line.

    Pictures lie in the folder of their split, or all in one. Copies may have another suffix; but
    some names differ in nothing else (``000001.jpg``, ``000001.png``, two patients), and these are
    found under their own suffix only.
    """

    def __init__(self, files: list[str], lines: tuple[Line, ...]) -> None:
        self._by_folder = PictureIndex(files, PICTURES, parts=2)
        self._by_name = PictureIndex(files, PICTURES)
        self._stems = Counter(_stem(name) for name in {line.picture for line in lines})

    def get(self, line: Line) -> str | None:
        """The path, or None when the release does not hold the picture."""
        path = self._by_folder.get(f"{line.folder}/{line.picture}")
        path = path or self._by_name.get(line.picture)
        if path and self._stems[_stem(line.picture)] > 1:
            return path if path.rpartition("/")[2] == line.picture else None
        return path


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _distinct(release: Release, lines: tuple[Line, ...]) -> Iterator[Line]:
    """Each picture once; one on several lists is a test picture before all, as a patient is."""
    strength = list(SPLITS)
    by_picture: dict[str, Line] = {}
    contradictory: set[str] = set()
    for line in lines:
        known = by_picture.setdefault(line.picture, line)
        if known is line:
            continue
        stronger, weaker = known, line
        if strength.index(line.folder) > strength.index(known.folder):
            stronger, weaker = line, known
        by_picture[line.picture] = stronger
        release.reject(weaker.file, weaker.number, "listed_twice", f"also in {stronger.file}")
        if line.label != known.label:
            contradictory.add(line.picture)
    for line in by_picture.values():
        if line.picture in contradictory:
            release.reject(line.file, line.number, "contradictory_lines", "listed with two classes")
        else:
            yield line


def _study(
    release: Release, line: Line, path: str | None, matches: Matches, three_classes: bool
) -> Study:
    labels = [Label(finding=COVID, state="present" if line.label in POSITIVE else "absent")]
    if line.label in OTHER_CLASSES:
        labels.append(Label(finding=OTHER_CLASSES[line.label], name=line.label))
    collection = "rsna" if line.collection in RSNA else line.collection
    return Study(
        source=release.source,
        id=line.picture,
        people=_people(release.source, line, collection, matches),
        split=SPLITS[line.folder],
        split_origin=line.file.rpartition("/")[2],
        collection=collection,
        images=(Image(key=line.picture, path=path),),
        label_sets=("covid", "classes") if three_classes else ("covid",),
        labels=tuple(labels),
        origin=Origin(file=line.file, row=line.number),
    )


def _people(source: str, line: Line, collection: str | None, matches: Matches) -> tuple[str, ...]:
    """The patient of the list, and the same person's names in the collection's own source.

    The ids of the lists are unique in their collection only.
    """
    own = ":".join((source, "/".join(filter(None, (collection, line.patient)))))
    if collection == "rsna" or (collection is None and is_id(line.patient)):
        return (own, *matches.people(line.patient))
    if collection == BIMCV and (subject := _BIMCV_SUBJECT.match(line.picture)):
        return (own, f"bimcv_covid19:{subject[1]}")
    return (own,)
