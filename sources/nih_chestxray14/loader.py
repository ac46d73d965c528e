"""NIH ChestX-ray14 (Wang et al., CVPR 2017): label table, box list, official lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chexinstruct.regions import xywh_to_box
from chexinstruct.release import Release
from chexinstruct.schema import Image, Label, Origin, Region, Split, Study
from chexinstruct.shared.patients import age, sex
from chexinstruct.source import Parent
from chexinstruct.vocabulary import VocabularyError, canonical, view

COLUMNS = {
    "image": "Image Index",
    "findings": "Finding Labels",
    "follow_up": "Follow-up #",
    "patient": "Patient ID",
    "age": "Patient Age",
    "sex": ("Patient Gender", "Patient Sex"),
    "view": "View Position",
}
BOX_COLUMNS = {
    "image": "Image Index",
    "finding": "Finding Label",
    "x": "Bbox [x",
    "y": "y",
    "w": "w",
    "h": "h]",
}
BOX_FRAME = (1024, 1024)
"""Boxes live on the released 1024 x 1024 grid, whatever size the copy at hand has."""

LISTS: dict[str, Split] = {"train_val_list.txt": "train", "test_list.txt": "test"}

NONE = "No Finding"


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, in the order of the label table.

    Boxes and lists may name pictures that a shortened label table lacks; these are counted.
    """
    table = release.find("Data_Entry_2017_v2020.csv", "Data_Entry_2017*.csv")
    box_list = release.find("BBox_List_2017.csv", required=False)
    boxes = _boxes(release, box_list) if box_list else {}
    official = _official_split(release)
    pictures = release.pictures()
    unmet = dict.fromkeys(boxes, str(box_list)) | {n: path for n, (_, path) in official.items()}
    for row in release.table(table, COLUMNS):
        name = row["image"]
        unmet.pop(name, None)
        if not (row["patient"].isdecimal() and row["follow_up"].isdecimal()):
            detail = "patient and follow-up should be whole numbers"
            release.reject(table, row.line, "bad_number", detail)
            continue
        try:
            labels = _labels(row["findings"])
        except VocabularyError as error:
            release.reject(table, row.line, "unknown_finding", str(error))
            continue
        regions = boxes.get(name, ())
        split, _ = official.get(name, (None, None))
        if official and split is None:
            release.reject(table, row.line, "on_no_list", f"{name} goes with its patient")
        yield Study(
            source=release.source,
            id=name.removesuffix(".png"),
            order=row["follow_up"].zfill(4),
            people=(f"{release.source}:{int(row['patient'])}",),
            split=split,
            split_origin="official lists" if split else None,
            age=age(release, table, row.line, row["age"]),
            sex=sex(row["sex"]),
            images=(
                Image(
                    key=name,
                    path=pictures.get(name),
                    view=view(row["view"]),
                    view_name=row["view"],
                    view_source="table",
                ),
            ),
            label_sets=("findings", "boxes") if regions else ("findings",),
            labels=labels,
            regions=regions,
            origin=Origin(file=table, row=row.line),
        )
    for name, path in unmet.items():
        release.reject(path, None, "not_in_table", f"no {name} in {table}", expected=True)


def _labels(cell: str) -> tuple[Label, ...]:
    """``Cardiomegaly|Effusion`` as labels; ``No Finding`` stands alone and gives none."""
    return tuple(
        Label(finding=canonical(name), name=name) for name in cell.split("|") if name != NONE
    )


def _boxes(release: Release, path: str) -> dict[str, tuple[Region, ...]]:
    boxes: dict[str, tuple[Region, ...]] = {}
    for row in release.table(path, BOX_COLUMNS):
        try:
            region = Region(
                image=row["image"],
                shape="box",
                box=xywh_to_box(*(float(row[side]) for side in "xywh")),
                frame=BOX_FRAME,
                label=canonical(row["finding"]),
                name=row["finding"],
            )
        except (ValueError, VocabularyError) as error:
            release.reject(path, row.line, "bad_box", str(error))
            continue
        boxes[region.image] = (*boxes.get(region.image, ()), region)
    return boxes


def _official_split(release: Release) -> dict[str, tuple[Split, str]]:
    """Split and list by picture name; empty unless both lists are there, since one alone says half.

    A picture on both is a test picture, as a patient on both is to be.
    """
    paths = {name: path for name in LISTS if (path := release.find(name, required=False))}
    found: dict[str, tuple[Split, str]] = {}
    for name, path in paths.items():
        if len(paths) < len(LISTS):
            release.reject(path, None, "lone_list", "its counterpart is missing", expected=True)
            continue
        for line, picture in release.lines(path):
            if picture in found and found[picture][1] != path:
                release.reject(path, line, "on_both_lists", f"{picture} is taken for test")
            found[picture] = (LISTS[name], path)
    return found
