"""Tables of the VinDr releases: boxes by reader, labels by reader, one picture a study.

VinDr-CXR (Nguyen et al., Scientific Data 2022) and PediCXR (Pham et al., Scientific Data 2023) are
published in the same layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from math import isfinite
from operator import itemgetter
from typing import Literal

from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Box, Frame, Image, Label, LicenseClass, Origin, Region, Study
from chexinstruct.shared.patients import age, sex
from chexinstruct.vocabulary import NO_FINDING, VocabularyError, canonical

NONE = "No finding"

CORNERS = ("x_min", "y_min", "x_max", "y_max")
IMAGE: Columns = {"image": "image_id"}
READER: Columns = {"reader": ("rad_id", "rad_ID")}
BOX_COLUMNS: Columns = {**IMAGE, "class": "class_name", **{name: name for name in CORNERS}}
SIZE_COLUMNS: Columns = {"width": ("width", "dim1"), "height": ("height", "dim0")}
"""Pixels of the original picture; ``dim0`` counts its rows, ``dim1`` its columns."""

DICOM = (".dicom", ".dcm")
PICTURES = (*DICOM, ".png", ".jpg", ".jpeg")
TAGS = ("Rows", "Columns", "PatientSex", "PatientAge")


@dataclass(frozen=True)
class Part:
    """A split and its tables."""

    split: Literal["train", "test"]
    split_origin: str
    boxes: str
    """Path of the table of boxes."""
    drawn: str
    """The label set of the findings that were drawn."""
    labels: str | None = None
    """Path of the table of labels, 0 or 1."""
    classes: Columns | None = None
    """Its columns, :data:`NONE` among them."""
    readers: bool = True
    """Whether the tables name who read a picture, and not what several agreed on."""
    license: LicenseClass | None = None


def studies(release: Release, parts: Sequence[Part], *, youngest: float) -> Iterator[Study]:
    """One study a picture: part by part, each in the order of the picture ids.

    Args:
        release: the release.
        parts: its splits.
        youngest: years; an age below is unknown.
    """
    pictures = release.pictures(PICTURES)
    sizes = _original_sizes(release)
    labelled: set[str] = set()
    for part in parts:
        for image, box_rows, label_rows in _by_picture(release, part):
            labelled.add(image)
            header = _header(release, pictures.get(image))
            stored = _frame(header["Columns"], header["Rows"])
            first = (box_rows or label_rows)[0]
            grid = stored or sizes.get(image) or _frame(first["width"], first["height"])
            said = _Said(release, image, grid)
            said.in_boxes(part.boxes, box_rows)
            said.in_labels(str(part.labels), label_rows, part.classes or {})
            path = pictures.get(image)
            yield Study(
                source=release.source,
                id=image,
                people=(f"{release.source}:{image}",),
                split=part.split,
                split_origin=part.split_origin,
                age=age(release, path or "", None, header["PatientAge"], youngest=youngest),
                sex=sex(header["PatientSex"]),
                images=(
                    Image(
                        key=image,
                        path=path,
                        published=f"{part.split}/{image}.dicom",
                        width=stored[0] if stored else None,
                        height=stored[1] if stored else None,
                        view="PA",  # the only projection that was collected
                        view_source="inferred",
                    ),
                ),
                label_sets=(part.drawn, "diseases") if label_rows else (part.drawn,),
                labels=said.labels(),
                regions=tuple(said.regions),
                license=part.license,
                origin=Origin(file=part.boxes if box_rows else str(part.labels), row=first.line),
            )
    for path in release.files:
        name = path.rpartition("/")[2]
        if name.lower().endswith(PICTURES) and name.rpartition(".")[0] not in labelled:
            release.reject(path, None, "unlabelled_picture", expected=True)


def _by_picture(release: Release, part: Part) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """Each picture with its rows of the box table and of the label table."""

    def tagged(table: int, path: str, columns: Columns) -> Iterator[tuple[str, int, list[Row]]]:
        groups = release.grouped(
            path, {**columns, **(READER if part.readers else {})}, by="image", optional=SIZE_COLUMNS
        )
        return ((image, table, rows) for (image,), rows in groups)

    tables = [tagged(0, part.boxes, BOX_COLUMNS)]
    if part.labels:
        tables.append(tagged(1, part.labels, {**IMAGE, **(part.classes or {})}))
    for image, groups in groupby(merge(*tables, key=itemgetter(0)), key=itemgetter(0)):
        rows = {table: rows for _, table, rows in groups}
        yield image, rows.get(0, []), rows.get(1, [])


class _Said:
    """What each reader says of one picture, in the order of the tables."""

    def __init__(self, release: Release, image: str, frame: Frame | None) -> None:
        self._release, self._image, self._frame = release, image, frame
        self._labels: dict[tuple[str | None, str], Label] = {}
        self._readers: dict[str | None, None] = {}
        self.regions: list[Region] = []

    def in_boxes(self, path: str, rows: list[Row]) -> None:
        """Rows of a box table: a finding and its box, a disease without one, or ``No finding``."""
        nothing: list[Row] = []
        for row in self._of_known_readers(path, rows):
            name = row["class"]
            if name == NONE:
                nothing.append(row)
                continue
            try:
                finding = canonical(name)
            except VocabularyError as error:
                self._release.reject(path, row.line, "unknown_finding", str(error))
                continue
            self._add(row.get("reader"), finding, name)
            if not any(row[corner] for corner in CORNERS):
                continue
            try:
                box = _box(row)
            except ValueError as error:
                self._release.reject(path, row.line, "bad_box", str(error))
                continue
            self.regions.append(
                Region(
                    image=self._image,
                    shape="box",
                    box=box,
                    frame=self._frame,
                    label=finding,
                    name=name,
                    reader=row.get("reader"),
                )
            )
        self._reject_contradictions(path, nothing, {finding for _, finding in self._labels})

    def in_labels(self, path: str, rows: list[Row], classes: Columns) -> None:
        """Rows of a label table: 0 or 1 for each class."""
        names = [name for name in classes if name != NONE]
        nothing: list[Row] = []
        for row in self._of_known_readers(path, rows):
            for name in classes:
                cell = row[name].removesuffix(".0")
                if cell not in ("", "0", "1"):
                    self._release.reject(path, row.line, "bad_label", f"{name} is neither 0 nor 1")
                elif cell == "1" and name == NONE:
                    nothing.append(row)
                elif cell == "1":
                    self._add(row.get("reader"), canonical(name), name)
        self._reject_contradictions(path, nothing, set(map(canonical, names)))

    def labels(self) -> tuple[Label, ...]:
        """A label for each reader and finding; who found nothing is kept with ``no finding``.

        So the number of readers, which a majority needs, is that of the readers named.
        """
        found = {reader for reader, _ in self._labels}
        nothing = (
            Label(finding=NO_FINDING, name=NONE, reader=reader)
            for reader in self._readers
            if reader is not None and reader not in found
        )
        return (*self._labels.values(), *nothing)

    def _of_known_readers(self, path: str, rows: list[Row]) -> Iterator[Row]:
        for row in rows:
            if row.get("reader") == "":
                self._release.reject(path, row.line, "no_reader", "the reader's id is blank")
                continue
            self._readers[row.get("reader")] = None
            yield row

    def _add(self, reader: str | None, finding: str, name: str) -> None:
        label = Label(finding=finding, name=name, reader=reader)
        self._labels.setdefault((reader, finding), label)

    def _reject_contradictions(self, path: str, nothing: list[Row], asked: set[str]) -> None:
        """A finding beside ``No finding`` of the same reader stands, for it was marked.

        ``No finding`` speaks of what the table asks for: in PediCXR a picture with drawn findings
        may show none of the diseases.
        """
        found = {reader for reader, finding in self._labels if finding in asked}
        for row in nothing:
            if row.get("reader") in found:
                detail = f"{NONE!r} of a reader who marks a finding"
                self._release.reject(path, row.line, "contradictory_reader", detail)


def _box(row: Row) -> Box:
    x1, y1, x2, y2 = (float(row[corner]) for corner in CORNERS)
    if not (all(map(isfinite, (x1, y1, x2, y2))) and x1 < x2 and y1 < y2):
        raise ValueError(f"a box needs a width and a height, not ({x1}, {y1}), ({x2}, {y2})")
    return (x1, y1, x2, y2)


def _original_sizes(release: Release) -> dict[str, Frame]:
    """Sizes of the original pictures, which copies of smaller pictures bring along."""
    sizes: dict[str, Frame] = {}
    for name in ("train_meta.csv", "test_meta.csv"):
        path = release.find(name, required=False)
        for row in release.table(path, {**IMAGE, **SIZE_COLUMNS}) if path else ():
            if size := _frame(row["width"], row["height"]):
                sizes[row["image"]] = size
            else:
                release.reject(str(path), row.line, "bad_size", "a size is two whole numbers")
    return sizes


def _header(release: Release, path: str | None) -> dict[str, str]:
    """The attributes of the DICOM file; all blank where there is none."""
    return release.dicom_text(path if path and path.lower().endswith(DICOM) else None, TAGS)


def _frame(width: str, height: str) -> Frame | None:
    """A size from two cells or header values; None where they are blank or no size."""
    try:
        size = (int(float(width)), int(float(height)))
    except (ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None
