"""Object-CXR (JF Healthcare 2020): foreign objects as boxes, ellipses and polygons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Literal

from chexinstruct.regions import area, polygon_box, visible_box
from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Frame, Image, Label, Origin, Region, Split, Study
from chexinstruct.source import Parent

FINDING = "foreign object"
LABEL_SET = "foreign_objects"
IMAGE: Columns = {"image": ("image_name", "image_path")}
ANNOTATION: Columns = {"shapes": "annotation"}
PICTURES = (".jpg", ".jpeg", ".png")


TRAIN = "train.csv"
PARTS: dict[str, Split] = {TRAIN: "train", "dev.csv": "validation", "test.csv": "test"}


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture: train, dev, then test, each in the order of its table."""
    release.find(TRAIN)
    pictures = release.pictures(PICTURES)
    done: set[str] = set()
    for file, split in PARTS.items():
        table = release.find(file, required=False)
        if table is None or not _is_labelled(release, table):
            continue
        for row in release.table(table, {**IMAGE, **ANNOTATION}):
            name = row["image"].rpartition("/")[2]
            key = name.rpartition(".")[0] or name
            if not key or key in done:
                detail = "a picture that was listed before" if key else "no picture is named"
                release.reject(table, row.line, "repeated_picture" if key else "no_picture", detail)
                continue
            done.add(key)
            yield _study(release, table, split, key, pictures.get(key), row)
    for path in release.files:
        name = path.rpartition("/")[2]
        if name.lower().endswith(PICTURES) and name.rpartition(".")[0] not in done:
            release.reject(path, None, "unlabelled_picture", expected=True)


def _is_labelled(release: Release, table: str) -> bool:
    """Whether a table tells of objects; that of the test pictures was published without."""
    (column,) = ANNOTATION.values()
    if column in release.header(table):
        rows = release.table(table, {**IMAGE, **ANNOTATION})
        if any(row["shapes"] for row in rows):
            return True
    release.reject(table, None, "no_annotations", "its labels were not published", expected=True)
    return False


def _study(
    release: Release,
    table: str,
    split: Split,
    key: str,
    path: str | None,
    row: Row,
) -> Study:
    size = release.picture_size(path) if path else None
    return Study(
        source=release.source,
        id=key,
        people=(f"{release.source}:{key}",),
        split=split,
        split_origin=f"object-CXR {table.rpartition('/')[2]}",
        images=(
            Image(
                key=key,
                path=path,
                width=size[0] if size else None,
                height=size[1] if size else None,
            ),
        ),
        label_sets=(LABEL_SET,),
        labels=(Label(finding=FINDING, state="present" if row["shapes"] else "absent"),),
        regions=_regions(release, table, row, key, size),
        origin=Origin(file=table, row=row.line),
    )


def _regions(
    release: Release, table: str, row: Row, image: str, frame: Frame | None
) -> tuple[Region, ...]:
    """The shapes of a row; none of them where one cannot be used, since the rest is not all."""
    regions = []
    sound = True
    for text in filter(str.strip, row["shapes"].split(";")):
        try:
            region = _region(text, image, frame)
        except ValueError as error:
            release.reject(table, row.line, "bad_shape", str(error))
            sound = False
            continue
        if area(region.box) == 0:
            detail = "without width or height; the others of the picture are kept"
            release.reject(table, row.line, "empty_shape", detail, expected=True)
        elif frame and visible_box(region) is None:
            detail = "beyond the picture's edge: is this a smaller copy of the picture?"
            release.reject(table, row.line, "outside_picture", detail)
            sound = False
        else:
            regions.append(region)
    return tuple(regions) if sound else ()


def _region(text: str, image: str, frame: Frame | None) -> Region:
    """A shape written as ``type x y x y ...``: 0 rectangle, 1 ellipse, 2 polygon.

    Rectangles and ellipses have two corners, upper left and lower right, polygons any number of
    points. Numbers count pixels of the picture and may lie outside it.

    Raises:
        ValueError: it is none of these.
    """
    try:
        kind, *numbers = (float(word) for word in text.split())
    except ValueError:
        raise ValueError("a shape is numbers separated by blanks") from None
    if not all(map(isfinite, numbers)) or len(numbers) % 2:
        raise ValueError(f"a shape is a type and pairs of x and y, not {len(numbers)} numbers")
    ring = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if kind == 2 and len(ring) > 1:
        ring = ring[:-1] if ring[0] == ring[-1] else ring
        # Two points enclose nothing, whatever lies between them.
        box = polygon_box((ring,)) if len(set(ring)) > 2 else (*ring[0], *ring[0])
        return Region(
            image=image, shape="polygon", box=box, frame=frame, rings=(ring,), label=FINDING
        )
    if kind in (0, 1) and len(ring) == 2:
        (x1, y1), (x2, y2) = ring
        if x1 > x2 or y1 > y2:
            raise ValueError("the first corner of a shape is the upper left one")
        shape: Literal["box", "ellipse"] = "box" if kind == 0 else "ellipse"
        return Region(image=image, shape=shape, box=(x1, y1, x2, y2), frame=frame, label=FINDING)
    raise ValueError(f"type {kind:g} with {len(ring)} points is neither box, ellipse nor polygon")
