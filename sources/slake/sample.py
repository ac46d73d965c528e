"""A tiny SLAKE with every quirk of the files; questions are invented, pictures are phantoms."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("slake", "huggingface", "flat")


class Picture(NamedTuple):
    """A radiograph with what the questions on it answer; ``en`` and ``zh`` are its two files."""

    number: int
    en: str
    zh: str
    disease: str = ""
    disease_zh: str = ""
    side: str = ""
    side_zh: str = ""


PICTURES = (
    Picture(0, "train", "test", "Pneumonia", "肺炎", "Right", "右肺"),  # leaks when mixed
    Picture(2, "train", "train"),
    Picture(3, "train", "train", "Cardiomegaly", "心脏肥大", "Center", "中央"),
    Picture(4, "train", "validate", "Effusion", "积液", "Left", "左肺"),
    Picture(5, "train", "train", "Pneumothorax", "气胸", "Left", "左肺"),
    Picture(6, "train", "train", "Noudle", "结节", "Right", "右肺"),  # spelt as the release does
    Picture(7, "train", "test"),
    Picture(8, "train", "train", "Atelectasis", "肺不张", "Right", "右肺"),
    Picture(9, "validate", "train", "Mass", "肿块", "Left", "左肺"),
    Picture(10, "validate", "validate"),
    Picture(11, "test", "train", "Effusion", "积液", "Right", "右肺"),  # leaks when mixed
    Picture(12, "test", "test"),
    Picture(13, "test", "validate", "Cardiomegaly", "心脏肥大", "Center", "中央"),
)
CT = 1
"""A CT whose location is Lung."""
MISSING = 13
"""Its picture is not there."""
KNOWLEDGE = {
    "Pneumonia": ("How can pneumonia be prevented?", "Vaccination, Hand washing", "prevent"),
    "Cardiomegaly": ("Which system does the heart belong to?", "Circulatory System", "belong to"),
    "Pneumothorax": ("What is a symptom of pneumothorax?", "Sudden Chest Pain", "symptom"),
}


class Asked(NamedTuple):
    """One question in one language."""

    language: str
    text: str
    answer: str
    kind: str
    content: str


def write(folder: Path, variant: str = "slake") -> None:
    """``slake``: the publisher's; ``huggingface``: pictures zipped; ``flat``: one folder."""
    home = "Slake1.0/" if variant == "slake" else ""
    validation = "validation.json" if variant == "huggingface" else "validate.json"
    rows = _rows()
    for name in ("train", "validate", "test"):
        file = validation if name == "validate" else f"{name}.json"
        save(folder, {home + file: json.dumps(rows[name], ensure_ascii=False, indent=1)})
    pictures = _pictures()
    if variant == "huggingface":
        save(folder, {"imgs.zip": _zipped({f"imgs/{name}": pictures[name] for name in pictures})})
    elif variant == "flat":
        save(folder, {f"imgs/source_{Path(n).parent.name}.jpg": pictures[n] for n in pictures})
    else:
        save(folder, {f"{home}imgs/{name}": pictures[name] for name in pictures})
        save(folder, {f"{home}imgs/xmlab0/detection.json": '[{"Lung": [20.0, 30.0, 40.0, 90.0]}]'})


def _rows() -> dict[str, list[dict[str, Any]]]:
    """Rows by file; ``qid`` counts on across the files."""
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "validate": [], "test": []}
    for picture in PICTURES:
        for asked in _asked(picture):
            file = picture.en if asked.language == "en" else picture.zh
            rows[file].append(_row(picture.number, asked))
        if picture.disease in KNOWLEDGE:
            text, answer, relation = KNOWLEDGE[picture.disease]
            asked = Asked("en", text, answer, "OPEN", "KG")
            rows[picture.en].append(
                _row(picture.number, asked)
                | {"base_type": "kvqa", "triple": [picture.disease, relation, "ktail"]}
            )
    twice = next(row for row in rows["train"] if row["img_id"] == 2)
    other = next(row for row in rows["train"] if row["img_id"] == 3)
    ct = {"modality": "CT", "location": "Lung"}
    rows["train"] += [
        dict(twice),
        other | {"answer": "Abdomen"},  # asked before, and answered otherwise
        _row(5, Asked("en", "What color is the heart?", "", "OPEN", "Color")),
        _row(CT, Asked("en", "What modality is used to take this image?", "CT", "OPEN", "Modality"))
        | ct,
        _row(CT, Asked("en", "Does the picture contain lung?", "Yes", "CLOSED", "Organ")) | ct,
    ]
    for qid, row in enumerate(row for file in rows.values() for row in file):
        row["qid"] = qid
    return rows


def _asked(picture: Picture) -> Iterator[Asked]:
    """The questions on a picture; which ones depends on what it shows."""
    ill, disease = bool(picture.disease), picture.disease
    yield Asked("en", "Which part of the body is shown?", "Chest", "OPEN", "Position")
    yield Asked("en", "Is there an abnormality here?", _yes(ill), "CLOSED", "Abnormality")
    yield Asked(
        "en", "Is the heart enlarged?", _yes(disease == "Cardiomegaly"), "CLOSED", "Abnormality"
    )
    yield Asked("en", "Is the lung or the heart larger?", "Lung", "CLOSED", "Size")
    yield Asked("zh", "图中显示的是身体哪个部位?", "胸部", "OPEN", "Position")
    yield Asked("zh", "图中存在异常吗?", "存在" if ill else "不存在", "CLOSED", "Abnormality")
    if ill:
        yield Asked("en", "Which disease does the picture show?", disease, "OPEN", "Abnormality")
        yield Asked("zh", "图片显示了什么疾病?", picture.disease_zh, "OPEN", "Abnormality")
        yield Asked("zh", "异常在哪里?", picture.side_zh, "OPEN", "Position")
    if picture.side in ("Left", "Right"):
        yield Asked(
            "en", "Is the abnormality on the left or right?", picture.side, "CLOSED", "Position"
        )


def _yes(holds: bool) -> str:
    return "Yes" if holds else "No"


def _row(number: int, asked: Asked) -> dict[str, Any]:
    return {
        "img_id": number,
        "img_name": f"xmlab{number}/source.jpg",
        "question": asked.text,
        "answer": asked.answer,
        "q_lang": asked.language,
        "location": "Lung",
        "modality": "X-Ray",
        "answer_type": asked.kind,
        "base_type": "vqa",
        "content_type": asked.content,
        "triple": ["vhead", "_", "_"],
        "qid": -1,
    }


def _pictures() -> dict[str, bytes]:
    """Pictures of different sizes by their name in the tables."""
    numbers = [CT, *(p.number for p in PICTURES if p.number != MISSING)]
    return {
        f"xmlab{n}/source.jpg": encode(radiograph(72 + 4 * (n % 3), 80, n), ".jpg") for n in numbers
    }


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()
