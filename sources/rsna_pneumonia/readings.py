"""What the radiologists say of each picture: Kaggle's tables, or the RSNA's annotation file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from chexinstruct.errors import ReleaseError
from chexinstruct.regions import xywh_to_box
from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Box, Frame, Origin

GRID: Frame = (1024, 1024)
"""Boxes live on the released 1024 x 1024 grid, whatever size the copy at hand has."""

NORMAL = "Normal"
OTHER = "No Lung Opacity / Not Normal"
OPACITY = "Lung Opacity"
CLASSES = (NORMAL, OTHER, OPACITY)

LABELS = "stage_2_train_labels.csv"
DETAILS = "stage_2_detailed_class_info.csv"
ANNOTATIONS = "pneumonia-challenge-annotations-adjudicated-kaggle_2018.json"

LABEL_COLUMNS: Columns = {
    "image": "patientId",
    **{name: name for name in ("x", "y", "width", "height")},
    "target": "Target",
}
DETAIL_COLUMNS: Columns = {"image": "patientId", "class": "class"}

ADJUDICATED = "Calculated"
"""The label group of the annotation file that holds the final labels; the others are those of teams
of readers on the way there."""


class Reading(NamedTuple):
    """The final word on one picture."""

    image: str
    """Kaggle's id, or the SOP instance UID in the RSNA's file."""
    opacity: bool | None
    """Whether an opacity suspicious for pneumonia was seen; None: the rows contradict one another
    or are damaged."""
    boxes: tuple[Box, ...] | None
    """All boxes of ``opacity``; None where one of them is damaged."""
    category: str | None
    """One of CLASSES, or None where the release does not say."""
    frame: Frame
    origin: Origin


def read(release: Release) -> Iterator[Reading]:
    """The reading of each labelled picture, sorted by name.

    Kaggle's table goes before the RSNA's file, which also holds the labels of the pictures that
    the challenge was judged by.

    Raises:
        ReleaseError: neither is there, or it does not have its publisher's form.
    """
    path = release.find(LABELS, ANNOTATIONS)
    return (
        _adjudicated(release, path)
        if path.endswith((".json", ".json.gz"))
        else _kaggle(release, path)
    )


# ------------------------------------------------------------------------------ Kaggle's tables


def _kaggle(release: Release, path: str) -> Iterator[Reading]:
    details = release.find(DETAILS, required=False)
    classes = _classes(release, details) if details else {}
    for (image,), rows in release.grouped(path, LABEL_COLUMNS, by="image"):
        opacity = _target(release, path, rows)
        category, line = classes.pop(image, (None, None))
        if category and opacity is not None and (category == OPACITY) is not opacity:
            detail = f"{category} is not what {path} says"
            release.reject(str(details), line, "contradictory_class", detail)
            category = None
        boxes = _boxes(release, path, rows) if opacity else ()
        yield Reading(image, opacity, boxes, category, GRID, Origin(file=path, row=rows[0].line))
    for image, (_, line) in classes.items():
        detail = f"no {image} in {path}"
        release.reject(str(details), line, "not_in_table", detail, expected=True)


def _classes(release: Release, path: str) -> dict[str, tuple[str, int]]:
    """Class and line by picture; a picture with several boxes has as many equal rows."""
    classes: dict[str, tuple[str, int]] = {}
    for row in release.table(path, DETAIL_COLUMNS):
        if row["class"] not in CLASSES:
            release.reject(path, row.line, "unknown_class", f"none of {', '.join(CLASSES)}")
        elif classes.setdefault(row["image"], (row["class"], row.line))[0] != row["class"]:
            release.reject(path, row.line, "contradictory_class", "the first row of it stands")
    return classes


def _target(release: Release, path: str, rows: list[Row]) -> bool | None:
    targets = {row["target"].removesuffix(".0") for row in rows}
    if not targets <= {"0", "1"}:
        release.reject(path, rows[0].line, "bad_target", "Target is 0 or 1")
        return None
    if len(targets) > 1:
        release.reject(path, rows[0].line, "contradictory_rows", "Target is both 0 and 1")
        return None
    return targets == {"1"}


def _boxes(release: Release, path: str, rows: list[Row]) -> tuple[Box, ...] | None:
    boxes: list[Box] = []
    for row in rows:
        try:
            boxes.append(xywh_to_box(*(float(row[side]) for side in ("x", "y", "width", "height"))))
        except ValueError as error:
            release.reject(path, row.line, "bad_box", str(error))
    return tuple(boxes) if len(boxes) == len(rows) else None


# ------------------------------------------------------------------- the RSNA's annotation file


class _Label(msgspec.Struct, gc=False):
    id: str
    name: str


class _Group(msgspec.Struct, gc=False):
    name: str
    labels: tuple[_Label, ...]


class _Data(msgspec.Struct, gc=False):
    x: float
    y: float
    width: float
    height: float


class _Annotation(msgspec.Struct, gc=False):
    labelId: str
    SOPInstanceUID: str | None = None
    width: int | None = None
    height: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    """Of another form for labels of other groups."""


class _Dataset(msgspec.Struct, gc=False):
    annotations: tuple[_Annotation, ...]


class _Project(msgspec.Struct, gc=False):
    """An export of MD.ai, as far as it is read."""

    labelGroups: tuple[_Group, ...]
    datasets: tuple[_Dataset, ...]


def _adjudicated(release: Release, path: str) -> Iterator[Reading]:
    project = release.json(path, _Project)
    names = _final_labels(release, path, project)
    found: dict[str, list[_Annotation]] = {}
    for dataset in project.datasets:
        for item in dataset.annotations:
            if item.labelId in names:
                found.setdefault(item.SOPInstanceUID or "", []).append(item)
    if without := found.pop("", None):
        detail = f"{len(without)} final labels name no picture"
        release.reject(path, None, "no_picture_named", detail)
    for image, items in sorted(found.items()):
        yield _reading(release, path, image, items, names)


def _final_labels(release: Release, path: str, project: _Project) -> Mapping[str, str]:
    """Class by id of a final label."""
    for group in project.labelGroups:
        if group.name.strip() == ADJUDICATED:
            names = {label.id: label.name.strip() for label in group.labels}
            if sorted(names.values()) == sorted(CLASSES):
                return names
    raise ReleaseError(
        release.source,
        f"no label group {ADJUDICATED!r} with the labels {', '.join(CLASSES)}",
        file=path,
        fix="take the annotation file of the RSNA that the source's card names",
    )


def _reading(
    release: Release, path: str, image: str, items: list[_Annotation], names: Mapping[str, str]
) -> Reading:
    origin = Origin(file=path)
    classes = {names[item.labelId] for item in items}
    if len(classes) > 1:
        release.reject(path, None, "contradictory_class", f"{image} has several final labels")
        return Reading(image, None, None, None, GRID, origin)
    (category,) = classes
    opacity = category == OPACITY
    frames = {(item.width or GRID[0], item.height or GRID[1]) for item in items}
    boxes: list[Box] = []
    for item in items if opacity else ():
        try:
            data = msgspec.json.decode(item.data, type=_Data)
            boxes.append(xywh_to_box(data.x, data.y, data.width, data.height))
        except (msgspec.ValidationError, ValueError):
            release.reject(path, None, "bad_box", f"of {image}")
    sound = not opacity or (len(boxes) == len(items) and len(frames) == 1)
    return Reading(image, opacity, tuple(boxes) if sound else None, category, min(frames), origin)
