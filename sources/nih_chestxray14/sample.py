"""A tiny ChestX-ray14 with every quirk of the tables; the pictures are phantoms."""

from __future__ import annotations

from pathlib import Path

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("box", "kaggle", "no_lists")

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
# image, findings, follow-up, patient, age, sex, view
ROWS = (
    ("00000001_000.png", "Cardiomegaly", 0, 1, "58", "M", "PA"),
    ("00000001_001.png", "Cardiomegaly|Emphysema", 1, 1, "58", "M", "PA"),
    ("00000001_002.png", "Effusion|Cardiomegaly", 2, 1, "59", "M", "AP"),  # not in order
    ("00000002_000.png", "No Finding", 0, 2, "81", "M", "PA"),
    ("00000003_000.png", "Pleural_Thickening", 0, 3, "0", "F", "PA"),  # age 0 is real
    ("00000003_002.png", "Infiltration|Mass", 1, 3, "1", "F", "AP"),  # suffix is not the follow-up
    ("00000004_000.png", "No Finding", 0, 4, "34", "F", "AP"),
    ("00000005_000.png", "Hernia", 0, 5, "70", "F", "PA"),
    ("00000006_000.png", "Pneumonia|Nodule", 0, 6, "45", "M", "PA"),  # its picture is not there
)
MISSING = "00000006_000.png"
RGBA = "00000004_000.png"

BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00000003_002.png,Infiltrate,212.0,301.5,180.25,240.0,,,
00000003_002.png,Mass,610.0,420.0,96.0,88.0,,,
00000001_000.png,Cardiomegaly,392.2,512.0,441.0,330.7,,,
00000001_002.png,Effusion,150.0,700.0,210.0,250.0,,,
"""


def write(folder: Path, variant: str = "box") -> None:
    """``box``: as the NIH ships it; ``kaggle``: the 2017 table; ``no_lists``: no split lists."""
    kaggle = variant == "kaggle"
    lines = [HEADER + ("," if kaggle else "")]
    for name, findings, follow_up, patient, age, sex, view in ROWS:
        if kaggle and patient in (2, 5):
            age = {2: "414", 5: "058Y"}[patient]
        cells = [name, findings, follow_up, patient, age, sex, view, 2682, 2749, 0.143, 0.143]
        lines.append(",".join(map(str, cells)) + ("," if kaggle else ""))
    table = "Data_Entry_2017.csv" if kaggle else "Data_Entry_2017_v2020.csv"
    save(folder, {table: "\n".join(lines) + "\n", "BBox_List_2017.csv": BOXES})
    if variant != "no_lists":
        train = [row[0] for row in ROWS if row[3] <= 4]
        test = [row[0] for row in ROWS if row[3] > 4]
        save(
            folder,
            {"train_val_list.txt": "\n".join(train) + "\n", "test_list.txt": "\n".join(test)},
        )
    for seed, row in enumerate(ROWS):
        name = row[0]
        if name == MISSING:
            continue
        place = "images" if variant == "no_lists" else f"images_{1 + seed % 2:03d}/images"
        mode = "RGBA" if name == RGBA else "L"
        save(folder, {f"{place}/{name}": encode(radiograph(64, 64, seed), ".png", mode=mode)})
