"""A tiny Rad-ReStruct with every quirk of the files; the structured reports are invented.

Reports and pictures are those of the sample of openi.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chexinstruct.synthetic import save

VARIANTS = ("repository", "folder", "zip")

YES_NO = ["yes", "no"]
NONE = "no selection"


class Attribute(NamedTuple):
    """A question on a finding that is there."""

    kind: str
    answer_type: str
    options: tuple[str, ...]


TEXTS = {
    "body_region": "In which part of the body?",
    "localization": "In which area?",
    "attributes": "What are the attributes?",
    "degree": "What is the degree?",
}
LOBES = Attribute(
    "body_region", "multi_choice", ("left lower lobe", "left upper lobe", "right lower lobe")
)
FORMS = Attribute("attributes", "multi_choice", ("focal", NONE, "patchy", "streaky"))
DEGREE = Attribute("degree", "single_choice", ("mild", "moderate", NONE, "severe"))
SIDE = Attribute("localization", "single_choice", ("left", "right", "unspecified"))
VESSELS = Attribute(
    "body_region", "multi_choice", ("aorta", "aorta, thoracic", "heart", "unspecified")
)
BONES = Attribute("body_region", "single_choice", ("clavicle", "ribs", "unspecified"))
FIXED = Attribute("attributes", "fixed_choice", ("healed",))
"""Its answer is the only option."""
SPREAD = Attribute("attributes", "single_choice", ("diffuse", NONE))
"""Its only other option is that nothing was selected."""

AREAS: Mapping[str, tuple[str, Mapping[str, tuple[Attribute, ...]]]] = {
    "foreign objects_objects": (
        "Are there any foreign objects?",
        {"catheters, indwelling": (SIDE,), "medical device": (), "stents": ()},
    ),
    "lung_signs": (
        "Are there any signs in the lung?",
        {"airspace disease": (LOBES,), "density": (), "opacity": (LOBES, FORMS, DEGREE)},
    ),
    "lung_body_regions": (
        "Is there anything abnormal in the lung?",
        {"diaphragm": (SIDE,), "hilum": (SIDE,)},
    ),
    "lung_diseases": (
        "Are there any diseases in the lung?",
        {
            "calcified granuloma": (LOBES,),
            "granuloma": (),
            "pulmonary atelectasis": (LOBES, DEGREE),
            "pulmonary disease, chronic obstructive": (SPREAD,),
        },
    ),
    "pleura_diseases": (
        "Are there any diseases in the pleura?",
        {"pleural effusion": (SIDE,), "pneumothorax": (SIDE,)},
    ),
    "cardiovascular system_body_regions": (
        "Is there anything abnormal in the cardiovascular system?",
        {"aorta": (), "aorta, thoracic": (), "heart": ()},
    ),
    "cardiovascular system_diseases": (
        "Are there any diseases in the cardiovascular system?",
        {"calcinosis": (VESSELS,), "cardiomegaly": (DEGREE,)},
    ),
    "skeletal system_diseases": (
        "Are there any diseases in the skeletal system?",
        {"fractures, bone": (BONES, FIXED), "kyphosis": ()},
    ),
    "thorax_diseases": ("Are there any diseases in the thorax?", {"calcinosis": ()}),
}
"""The first question on each area and kind, and the findings asked for where it is answered yes."""

Findings = Mapping[tuple[str, str], tuple[Mapping[str, tuple[str, ...]], ...]]
"""What is there: area with kind and finding -> attributes of each time that it is."""


class Exam(NamedTuple):
    """A structured report of a report of Open-i."""

    number: int
    split: str
    pictures: tuple[str, ...]
    findings: Findings


EXAMS = (
    Exam(1, "val", ("CXR1_1_IM-0001-4001",), {}),
    # the lung shows a sign, and no part of it anything "abnormal"; a place twice
    Exam(
        4,
        "train",
        ("CXR4_IM-2050-1001",),
        {
            ("lung_signs", "opacity"): (
                {"body_region": ("left lower lobe",), "attributes": ("streaky",)},
                {"body_region": ("left upper lobe", "right lower lobe")},
                {"body_region": ("right lower lobe",), "degree": ("mild",)},
            ),
        },
    ),
    # options with commas; a heart that is large and not abnormal
    Exam(
        2,
        "train",
        ("CXR2_IM-0652-1001",),
        {
            ("cardiovascular system_diseases", "cardiomegaly"): ({"degree": ("mild",)},),
            ("cardiovascular system_diseases", "calcinosis"): (
                {"body_region": ("aorta, thoracic", "heart")},
            ),
            ("cardiovascular system_body_regions", "aorta"): ({},),
            ("pleura_diseases", "pleural effusion"): ({"localization": ("left",)},),
        },
    ),
    # the aorta is abnormal, the thoracic aorta is not
    Exam(
        5,
        "train",
        ("CXR5_IM-2117-1001",),
        {("cardiovascular system_body_regions", "aorta"): ({},)},
    ),
    # one option; a granuloma that is calcified, and so no "granuloma"
    Exam(
        18,
        "train",
        ("CXR18_IM-0520-1001",),
        {
            ("skeletal system_diseases", "fractures, bone"): (
                {"body_region": ("ribs",), "attributes": ("healed",)},
            ),
            ("lung_diseases", "calcified granuloma"): ({"body_region": ("left upper lobe",)},),
            ("lung_diseases", "pulmonary disease, chronic obstructive"): (
                {"attributes": ("diffuse",)},
            ),
        },
    ),
    # two frontal pictures; a place that is not given
    Exam(
        15,
        "train",
        ("CXR15_IM-0324-1001", "CXR15_IM-0324-3001"),
        {
            ("foreign objects_objects", "catheters, indwelling"): ({"localization": ("right",)},),
            ("cardiovascular system_diseases", "cardiomegaly"): ({"degree": ("severe",)},),
            ("cardiovascular system_diseases", "calcinosis"): ({"body_region": ("unspecified",)},),
        },
    ),
    Exam(
        13,
        "val",
        ("CXR13_IM-0198-1001-0001",),
        {("lung_signs", "airspace disease"): ({"body_region": ("right lower lobe",)},)},
    ),
    Exam(
        19,
        "test",
        ("CXR19_IM-0583-1001",),
        {("pleura_diseases", "pneumothorax"): ({"localization": ("right",)},)},
    ),
    Exam(
        20,
        "test",
        ("CXR20_IM-0653-1001",),
        {
            ("lung_diseases", "pulmonary atelectasis"): (
                {"body_region": ("right lower lobe",), "degree": ("mild",)},
            ),
            ("lung_body_regions", "diaphragm"): ({"localization": ("right",)},),
        },
    ),
    Exam(16, "test", ("CXR16_IM-0389-1001",), {}),
    # a picture of Open-i is not there
    Exam(3999, "test", ("CXR3999_IM-2051-1001", "CXR3999_IM-2051-2001"), {}),
    Exam(4001, "train", ("CXR4001_IM-0001-1001",), {}),
)
NOT_IN_PARENT = 4001
NOT_MAPPED, NOT_LISTED, NO_FILE = 12, 17, 14
"""Reports without pictures in the mapping, in no list, and without questions."""


def write(folder: Path, variant: str = "repository") -> None:
    """``repository``: a clone; ``folder``: what it has in data/radrestruct; ``zip``: as GitHub
    packs it."""
    home = {"repository": "data/radrestruct/", "folder": "", "zip": ""}[variant]
    files = {home + name: json.dumps(content) for name, content in _files().items()}
    if variant != "zip":
        save(folder, {**files})
        return
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            place = f"Rad-ReStruct-master/data/radrestruct/{name}"
            archive.writestr(zipfile.ZipInfo(place), text)
    save(folder, {"Rad-ReStruct-master.zip": packed.getvalue()})


def _files() -> dict[str, Any]:
    files: dict[str, Any] = {}
    # not in the order of numbers, as released
    lists = {split: [str(e.number) for e in EXAMS if e.split == split] for split in SPLITS}
    for exam in EXAMS:
        files[f"{exam.split}_qa_pairs/{exam.number}.json"] = questions(exam)
    spoilt = files["train_qa_pairs/5.json"]
    spoilt += [
        ["Is there anything else?", ["no"], []],
        ["Is there anything abnormal?", ["no"], [], _about("single_choice", YES_NO, "lung")],
        [TEXTS["degree"], ["huge"], [], _about("single_choice", ["mild"], "lung_signs_x_degree")],
    ]
    for number in (NOT_MAPPED, NOT_LISTED):
        files[f"train_qa_pairs/{number}.json"] = questions(EXAMS[0])
    lists["train"] += [str(NOT_MAPPED), str(NO_FILE), "CXR5"]
    files["train_qa_pairs/CXR5.json"] = []
    lists["test"].append("2")
    files["test_qa_pairs/2.json"] = questions(EXAMS[2])
    for split, numbers in lists.items():
        files[f"{split}_ids.json"] = numbers
    files["id_to_img_mapping_frontal_reports.json"] = {str(e.number): e.pictures for e in EXAMS}
    files["answer_options.json"] = {option: i for i, option in enumerate(("mild", "no", "yes"))}
    files["train_vectorized_answers/1.json"] = [True, False]
    return files


SPLITS = ("train", "val", "test")

History = list[list[Any]]


def questions(exam: Exam) -> list[list[Any]]:
    """The questions of a report in their order."""
    asked: list[list[Any]] = []
    for path, (text, findings) in AREAS.items():
        there = any(place == path for place, _ in exam.findings)
        asked.append(_pair(text, there, [], path))
        if there:
            asked += _inside(exam, path, findings, [asked[-1][:2]])
    return asked


def _inside(
    exam: Exam, path: str, findings: Mapping[str, tuple[Attribute, ...]], top: History
) -> Iterator[list[Any]]:
    for name, attributes in findings.items():
        times = exam.findings.get((path, name), ())
        question = _pair(_text(path, name), bool(times), top, f"{path}_{name}")
        yield question
        history = [*top, question[:2]]
        for number, told in enumerate(times, start=1):
            for kind, answer_type, options in attributes:
                silent = NONE if NONE in options else "unspecified"
                answers = list(told.get(kind, (silent,)))
                about = _about(answer_type, list(options), f"{path}_{name}_{kind}")
                attribute = [TEXTS[kind], answers, history, about]
                yield attribute
                history = [*history, attribute[:2]]
            if name == "opacity":
                more = number < len(times)
                again = _pair(
                    "Is there another opacity in the lung?", more, history, f"{path}_{name}"
                )
                yield again
                history = [*history, again[:2]]


def _text(path: str, name: str) -> str:
    area, _, kind = path.partition("_")
    match kind:
        case "objects":
            return f"Are there {' '.join(reversed(name.split(', ')))}?"
        case "body_regions":
            return f"Is there anything abnormal in the {name}?"
        case "signs":
            return f"Is there an {name} in the {area}?"
        case _:
            return f"Is there {name} in the {area}?"


def _pair(text: str, holds: bool, history: History, path: str) -> list[Any]:
    answer = ["yes" if holds else "no"]
    return [text, answer, history, _about("single_choice", YES_NO, path)]


def _about(answer_type: str, options: list[str], path: str) -> dict[str, Any]:
    return {"answer_type": answer_type, "options": options, "path": path}
