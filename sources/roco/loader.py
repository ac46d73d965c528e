"""ROCO (Pelka et al., LABELS 2018) and ROCOv2 (Rückert et al., Scientific Data 2024).

Figures of open-access articles with their captions, of all modalities; the chest radiographs among
them are told by :mod:`chexinstruct.sources.roco.selection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Image, Origin, Redistribution, Split, Study, Text, View
from chexinstruct.source import Parent

from .selection import SELECTION, why_not

V1: tuple[tuple[str, Split], ...] = (
    ("test", "test"),
    ("validation", "validation"),
    ("train", "train"),
)
V2: tuple[tuple[tuple[str, ...], Split], ...] = (
    (("test",), "test"),
    (("valid", "validation"), "validation"),
    (("train",), "train"),
)
LICENSES = "license_information.csv"

_ARTICLE = re.compile(r"PMC\d+")
_CODE = re.compile(r"(?:CC BY(?:-NC)?(?:-ND|-SA)?|CC0)\b|NO-CC CODE")
_FREE = frozenset({"CC BY", "CC BY-SA", "CC0"})

_FILM = r"(?=(?i:view|projection|chest|radiogra|film|x))"
_VIEWS: tuple[tuple[View, re.Pattern[str]], ...] = (
    # Bare letters also mean the pulmonary artery or the aortopulmonary window.
    ("PA", re.compile(rf"(?i:poster(?:o-?|ior[\s/-]+)\s?anterior)|\(PA\)|\bP-?A\s+{_FILM}")),
    ("AP", re.compile(rf"(?i:anter(?:o-?|ior[\s/-]+)\s?posterior)|\(AP\)|\bA-?P\s+{_FILM}")),
    (
        "LATERAL",
        re.compile(
            r"(?<![\w-])(?i:lateral\s+(?:view|projection|chest|thora\w+|radio\w+|film|x-?ray|CXR)"
            r"|x-?ray\s*[,(]?\s*lateral\b)"
        ),
    ),
)


class Figure(NamedTuple):
    """A figure of the lists."""

    id: str
    caption: str
    split: Split
    split_origin: str
    origin: Origin
    codes: frozenset[str]
    """UMLS concepts that people checked; none in ROCO v1."""
    article: str | None
    file: str | None
    """The name of its picture in older copies."""
    license: str | None


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a figure, held-out lists first, each in the order of its file.

    Raises:
        ReleaseError: no list of captions is there; lists of both versions, which share figures
            under different ids, are; or nothing tells the articles.
    """
    first = any(release.find(f"{name}/radiology/captions.txt", required=False) for name, _ in V1)
    second = any(_v2_file(release, names, "captions") for names, _ in V2)
    if first and second:
        raise ReleaseError(
            release.source,
            "holds ROCO and ROCOv2, which share pictures under different ids",
            fix="give a folder with one of them",
        )
    if not (first or second):
        raise ReleaseError(
            release.source,
            "no radiology/captions.txt and no *_captions.csv found",
            fix="give the folder that holds data/train/radiology, or the tables of ROCOv2",
        )
    pictures = release.pictures((".jpg", ".jpeg", ".png"))
    seen: set[str] = set()
    for figure in _first(release) if first else _second(release):
        file, row = figure.origin.file, figure.origin.row
        if figure.id in seen:
            release.reject(file, row, "repeated_id", figure.id)
        elif not figure.caption:
            release.reject(file, row, "empty_caption", figure.id)
        elif reason := why_not(figure.caption, figure.codes):
            release.reject(file, row, reason, figure.id, expected=True)
        elif figure.article is None:
            release.reject(file, row, "no_article", figure.id)
        else:
            path = pictures.get(figure.id) or (pictures.get(figure.file) if figure.file else None)
            yield _study(release.source, figure, path)
        seen.add(figure.id)


def _study(source: str, figure: Figure, path: str | None) -> Study:
    view = _view(figure.caption)
    return Study(
        source=source,
        id=figure.id,
        people=(f"pmc:{figure.article}",),
        split=figure.split,
        split_origin=figure.split_origin,
        images=(
            Image(key=figure.id, path=path, view=view, view_source="caption" if view else None),
        ),
        texts=(Text(id="caption", role="caption", text=figure.caption),),
        selection=SELECTION,
        redistribution=_redistribution(figure.license),
        origin=figure.origin,
    )


def _view(caption: str) -> View | None:
    """The projection that a caption names; None where it names none or several."""
    found = [view for view, pattern in _VIEWS if pattern.search(caption)]
    return found[0] if len(found) == 1 else None


def _redistribution(license: str | None) -> Redistribution:
    """What the licence of an article allows of its figures, scaled and with a shortened caption."""
    if license in _FREE:
        return "yes"
    return "no" if license and license.endswith("-ND") else "unknown"


# ROCO: text files without headers, the same ids in the same order in each of a folder


def _first(release: Release) -> Iterator[Figure]:
    for name, split in V1:
        captions = release.find(f"{name}/radiology/captions.txt", required=False)
        if captions is None:
            continue
        files, licenses = _files(release, name)
        for number, line in release.lines(captions):
            id, tab, caption = line.partition("\t")
            if not tab:
                release.reject(captions, number, "wrong_field_count", "no tab")
                continue
            file = files.get(id)
            article = _ARTICLE.match(file) if file else None
            yield Figure(
                id=id,
                caption=" ".join(caption.split()),
                split=split,
                split_origin=f"the {name} list of ROCO",
                origin=Origin(file=captions, row=number),
                codes=frozenset(),
                article=article[0] if article else None,
                file=file,
                license=licenses.get(id),
            )


def _files(release: Release, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """By id: the name of the picture at PMC, article first; and the licence where it is known."""
    files: dict[str, str] = {}
    licenses: dict[str, str] = {}
    links = release.find(f"{name}/radiology/dlinks.txt", required=False)
    table = release.find(f"{name}/radiology/licences.txt", required=False)
    if not (links or table):
        raise ReleaseError(
            release.source,
            f"no dlinks.txt and no licences.txt beside the captions of {name}",
            fix="add one of them: they tell which figures are of one article",
        )
    for number, line in release.lines(links) if links else ():
        id, *rest = line.split("\t")
        article = _ARTICLE.search(rest[0]) if len(rest) == 2 else None
        if article is None:
            release.reject(links or "", number, "bad_link", id)
        else:
            files[id] = f"{article[0]}_{rest[1]}"
    columns = {"id": "ROCO_ID", "file": "PMC_ID", "code": "CC"}
    for row in release.table(table, columns) if table else ():
        files.setdefault(row["id"], row["file"])
        licenses[row["id"]] = _license(release, table or "", row.line, row["code"])
    return files, licenses


# ROCOv2: comma-separated tables


def _v2_file(release: Release, names: tuple[str, ...], what: str) -> str | None:
    return release.find(*(f"{name}_{what}.csv" for name in names), required=False)


def _second(release: Release) -> Iterator[Figure]:
    table = release.find(LICENSES)
    articles: dict[str, str] = {}
    licenses: dict[str, str] = {}
    for row in release.table(table, {"id": "ID", "article": "PMCID", "code": "Attribution"}):
        if article := _ARTICLE.fullmatch(row["article"]):
            articles[row["id"]] = article[0]
        else:
            release.reject(table, row.line, "bad_article", row["id"])
        licenses[row["id"]] = _license(release, table, row.line, row["code"])
    for names, split in V2:
        captions = _v2_file(release, names, "captions")
        if captions is None:
            continue
        checked = _v2_file(release, names, "concepts_manual")
        codes = {
            row["id"]: frozenset(filter(None, re.split(r"[;\s]+", row["codes"])))
            for row in (release.table(checked, {"id": "ID", "codes": "CUIs"}) if checked else ())
        }
        for row in release.table(captions, {"id": "ID", "caption": "Caption"}):
            yield Figure(
                id=row["id"],
                caption=" ".join(row["caption"].split()),
                split=split,
                split_origin=f"the {names[0]} list of ROCOv2",
                origin=Origin(file=captions, row=row.line),
                codes=codes.get(row["id"], frozenset()),
                article=articles.get(row["id"]),
                file=None,
                license=licenses.get(row["id"]),
            )


def _license(release: Release, file: str, row: int, text: str) -> str:
    """The Creative Commons code that a text begins with."""
    code = _CODE.match(text)
    if code is None:
        release.reject(file, row, "unknown_license", "taken for one that says nothing")
        return ""
    return code[0]
