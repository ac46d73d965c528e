"""MS-CXR (Boecking et al., ECCV 2022): boxes for phrases, on pictures of MIMIC-CXR."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from chexinstruct.regions import clip, xywh_to_box
from chexinstruct.release import Release, Row
from chexinstruct.schema import Image, Origin, Region, Split, Study
from chexinstruct.source import Parent
from chexinstruct.vocabulary import VocabularyError, canonical

PARENT = "mimic_cxr"

COLUMNS = {
    "image": "dicom_id",
    "path": "path",
    "category": "category_name",
    "phrase": "label_text",
    "x": "x",
    "y": "y",
    "w": "w",
    "h": "h",
    "width": "image_width",
    "height": "image_height",
}
OPTIONAL = {"split": "split"}  # from 1.1.0 on

STUDY = re.compile(r"(?:^|/)(s5\d{7})/[^/]+$")
HELD_OUT: dict[str, Split] = {"test": "test", "val": "validation"}
"""Names of the split column for the benchmark's items, the stronger first."""
SPLITS = ("train", *HELD_OUT, "")


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, by picture id; its report and person are those of MIMIC-CXR."""
    table = release.find("MS_CXR_Local_Alignment_v*.csv")
    for (key,), rows in release.grouped(table, COLUMNS, by="image", optional=OPTIONAL):
        found = STUDY.search(rows[0]["path"])
        exam = parents[PARENT].get(found[1]) if found else None
        image = next((i for i in exam.images if i.key == key), None) if exam else None
        if exam is None or image is None:
            for row in rows:
                release.reject(
                    table, row.line, "not_in_parent", f"{key} is not in {PARENT}", expected=True
                )
            continue
        regions = tuple(_regions(release, table, rows, image))
        if not regions:
            continue
        official = {row["split"] for row in rows}
        held_out = next((split for name, split in HELD_OUT.items() if name in official), None)
        yield Study(
            source=release.source,
            id=f"{exam.id}_{key}",
            people=exam.people,
            split=held_out or exam.split,
            split_origin="MS-CXR split column" if held_out else exam.split_origin,
            holdout=held_out is not None,
            images=(_borrowed(image),),
            report=exam.report and replace(exam.report, release=PARENT),
            label_sets=("boxes",),
            regions=regions,
            origin=Origin(file=table, row=rows[0].line),
        )


def _borrowed(image: Image) -> Image:
    """The parent's picture, said to lie in the parent's release."""
    return replace(image, release=PARENT)


def _regions(release: Release, table: str, rows: list[Row], image: Image) -> Iterator[Region]:
    for row in rows:
        if row["split"] not in SPLITS:
            release.reject(table, row.line, "unknown_split", "not train, val or test")
            continue
        try:
            label = canonical(row["category"])
            frame = (int(float(row["width"])), int(float(row["height"])))
            box = xywh_to_box(*(float(row[side]) for side in "xywh"))
        except VocabularyError:
            # Not quoted: in a table whose columns are shifted it is a phrase of a report.
            release.reject(table, row.line, "unknown_finding", "category_name is no known finding")
            continue
        except (ValueError, OverflowError) as error:
            release.reject(table, row.line, "bad_box", str(error))
            continue
        if clip(box, frame) is None:
            release.reject(table, row.line, "bad_box", "it lies outside the picture")
        elif not _same_shape(frame, image):
            release.reject(
                table,
                row.line,
                "frame_mismatch",
                f"{frame[0]} x {frame[1]} here, {image.width} x {image.height} in {PARENT}",
            )
        else:
            yield Region(
                image=image.key,
                shape="box",
                box=box,
                frame=frame,
                label=label,
                name=row["category"],
                phrase=" ".join(row["phrase"].split()) or None,
            )


def _same_shape(frame: tuple[int, int], image: Image) -> bool:
    """Whether width and height have one ratio, to 1 %: a copy may be smaller, but not turned."""
    if not (image.width and image.height):
        return True
    return abs(frame[0] * image.height / (frame[1] * image.width) - 1) < 0.01
