"""A tiny MS-CXR with every quirk of the table; phrases are invented.

Pictures and studies are those of the sample of mimic_cxr, where picture ``n`` of study ``s`` is
``<s>-n-n-n-n`` with ``n`` in eight digits.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("v1_1_0", "v0_1", "both", "wget")

NAME = "MS_CXR_Local_Alignment"
PORTRAIT, LANDSCAPE = (160, 192), (192, 160)


class Drawn(NamedTuple):
    """One row of the table: a box (x, y, width, height) for a phrase."""

    subject: int
    study: int
    number: int
    split: str
    category: str
    phrase: str
    box: tuple[float, float, float, float]
    size: tuple[int, int]


ROWS = (
    # two boxes of one phrase, the right one first; it passes the edge of the picture
    Drawn(
        10000001,
        50000001,
        1,
        "train",
        "Pleural Effusion",
        "small bilateral pleural effusions",
        (128, 104, 70, 34),
        LANDSCAPE,
    ),
    Drawn(
        10000001,
        50000001,
        1,
        "train",
        "Pleural Effusion",
        "small bilateral pleural effusions",
        (14, 106, 52, 32),
        LANDSCAPE,
    ),
    Drawn(
        10000001,
        50000001,
        1,
        "train",
        "Edema",
        "moderate pulmonary edema",
        (30, 34, 134, 84),
        LANDSCAPE,
    ),
    # a whole sentence of the findings
    Drawn(
        10000001,
        50000004,
        1,
        "train",
        "Cardiomegaly",
        "The heart is mildly enlarged.",
        (58, 92, 62, 52),
        PORTRAIT,
    ),
    # a box without height beside a good one
    Drawn(
        10000001,
        50000009,
        1,
        "train",
        "Atelectasis",
        "Left basilar atelectasis",
        (118, 100, 48, 28),
        LANDSCAPE,
    ),
    Drawn(
        10000001,
        50000009,
        1,
        "train",
        "Pleural Effusion",
        "Unchanged small left pleural effusion",
        (126, 118, 40, 0),
        LANDSCAPE,
    ),
    # one phrase with two categories, in the impression only
    Drawn(
        10000002,
        50000002,
        1,
        "train",
        "Consolidation",
        "Right lower lobe consolidation compatible with pneumonia",
        (24, 96, 46, 48),
        PORTRAIT,
    ),
    Drawn(
        10000002,
        50000002,
        1,
        "train",
        "Pneumonia",
        "Right lower lobe consolidation compatible with pneumonia",
        (24, 96, 46, 48),
        PORTRAIT,
    ),
    # test here and train in MIMIC-CXR; blanks inside and around the phrase; its picture was halved
    Drawn(
        10000004,
        50000005,
        1,
        "test",
        "Pneumothorax",
        " small left  apical pneumothorax ",
        (118.5, 16.25, 44, 26),
        LANDSCAPE,
    ),
    Drawn(
        10000004,
        50000011,
        1,
        "test",
        "Pneumothorax",
        "tiny left apical pneumothorax",
        (122, 16, 36, 16),
        LANDSCAPE,
    ),
    Drawn(
        10000005,
        50000007,
        1,
        "val",
        "Atelectasis",
        "bibasilar atelectasis",
        (28, 104, 50, 26),
        LANDSCAPE,
    ),
    Drawn(
        10000005,
        50000007,
        1,
        "val",
        "Atelectasis",
        "bibasilar atelectasis",
        (112, 106, 52, 26),
        LANDSCAPE,
    ),
    Drawn(
        10000005,
        50000012,
        1,
        "val",
        "Pleural Effusion",
        "small left pleural effusion",
        (120, 112, 46, 26),
        LANDSCAPE,
    ),
    # train here and validation in MIMIC-CXR; boxes of the picture at twice its size
    Drawn(
        10000015,
        59999988,
        1,
        "train",
        "Cardiomegaly",
        "Moderate cardiomegaly",
        (110, 176, 140, 116),
        (320, 384),
    ),
    Drawn(
        10000007,
        50000008,
        1,
        "test",
        "Pleural Effusion",
        "moderate right pleural effusion",
        (18, 112, 56, 44),
        PORTRAIT,
    ),
    Drawn(
        10000007,
        50000008,
        1,
        "test",
        "Atelectasis",
        "right basilar atelectasis",
        (26, 100, 44, 24),
        PORTRAIT,
    ),
    # nowhere in the report word for word
    Drawn(
        10000007,
        50000000,
        1,
        "test",
        "Pleural Effusion",
        "Small residual right pleural effusion",
        (24, 110, 44, 24),
        LANDSCAPE,
    ),
    Drawn(
        10000013,
        59999991,
        1,
        "train",
        "Lung Opacity",
        "faint opacity in the left upper lobe",
        (98, 40, 26, 24),
        PORTRAIT,
    ),
    # the picture lies on its side
    Drawn(
        10000014,
        59999990,
        1,
        "train",
        "Cardiomegaly",
        "The heart may be mildly enlarged",
        (60, 70, 60, 50),
        PORTRAIT,
    ),
    # in capitals with a full stop; the whole impression, which compares with an earlier study
    Drawn(
        10000010,
        59999994,
        1,
        "train",
        "Pleural Effusion",
        "STABLE SMALL LEFT PLEURAL EFFUSION.",
        (104, 140, 40, 24),
        PORTRAIT,
    ),
    # a mask in the phrase
    Drawn(
        10000004,
        50000011,
        1,
        "test",
        "Pneumothorax",
        "Decreased left apical pneumothorax compared with ___",
        (120, 14, 38, 20),
        LANDSCAPE,
    ),
    # no such picture in the study, and no such study
    Drawn(
        10000001,
        50000004,
        9,
        "train",
        "Cardiomegaly",
        "mild cardiomegaly",
        (58, 92, 62, 52),
        PORTRAIT,
    ),
    Drawn(
        10000099,
        50000099,
        1,
        "test",
        "Consolidation",
        "left lower lobe consolidation",
        (90, 100, 40, 40),
        PORTRAIT,
    ),
)


def dicom_id(study: int, number: int) -> str:
    """The picture's name in the sample of mimic_cxr."""
    return "-".join((str(study), *[f"{number:08d}"] * 4))


def write(folder: Path, variant: str = "v1_1_0") -> None:
    """``v1_1_0``: with the split column; ``v0_1``: without; ``both``: both tables in one folder;
    ``wget``: 1.1.0 in PhysioNet's folders. Beside each table lies its twin in JSON."""
    new = {f"{NAME}_v1.1.0.csv": _table(split=True), f"{NAME}_v1.1.0.json": _coco()}
    old = {f"{NAME}_v1.0.0.csv": _table(split=False), f"{NAME}_v1.0.0.json": _coco()}
    match variant:
        case "v0_1":
            save(folder, dict(old))
        case "both":
            save(folder, {**old, **new})
        case "wget":
            save(folder / "physionet.org/files/ms-cxr/1.1.0", dict(new))
        case _:
            save(folder, dict(new))


def _table(*, split: bool) -> str:
    header = ["dicom_id", "category_name", "label_text", "path", "x", "y", "w", "h"]
    header += ["image_width", "image_height", *(["split"] if split else [])]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in ROWS:
        name = dicom_id(row.study, row.number)
        box = map(int, row.box)  # as the publisher's own conversion cuts them
        cells = [name, row.category, row.phrase, _path(row), *box, *row.size]
        writer.writerow([*cells, row.split] if split else cells)
    return buffer.getvalue()


def _path(row: Drawn) -> str:
    name = dicom_id(row.study, row.number)
    return f"files/p{row.subject // 10**6}/p{row.subject}/s{row.study}/{name}.jpg"


def _coco() -> str:
    """The same in the form of COCO, from which the publisher makes the table."""
    categories = sorted({row.category for row in ROWS})
    paths = list(dict.fromkeys(map(_path, ROWS)))
    sizes = {_path(row): row.size for row in ROWS}
    content = {
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories, start=1)],
        "images": [
            {
                "id": i,
                "file_name": path.rpartition("/")[2],
                "path": path,
                "width": sizes[path][0],
                "height": sizes[path][1],
            }
            for i, path in enumerate(paths, start=1)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": paths.index(_path(row)) + 1,
                "category_id": categories.index(row.category) + 1,
                "label_text": row.phrase,
                "bbox": row.box,
                "width": row.size[0],
                "height": row.size[1],
            }
            for i, row in enumerate(ROWS, start=1)
        ],
    }
    return json.dumps(content)
