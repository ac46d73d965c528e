"""Published figures, counted in real releases; run with ``CHEXINSTRUCT_DATA_ROOT=/data pytest``.

The data root holds one folder a source key. Sources that are not there are skipped; pictures are
not needed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from sample_releases import Table

from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.source import registry

ROOT = os.environ.get("CHEXINSTRUCT_DATA_ROOT")
pytestmark = pytest.mark.skipif(ROOT is None, reason="CHEXINSTRUCT_DATA_ROOT is not set")

# label: present, absent, uncertain; pictures of train.csv (Irvin 2019)
CHEXPERT = {
    "enlarged cardiomediastinum": (10_798, 21_638, 12_403),
    "cardiomegaly": (27_000, 11_116, 8_087),
    "lung opacity": (105_581, 6_599, 5_598),
    "lung lesion": (9_186, 1_270, 1_488),
    "edema": (52_246, 20_726, 12_984),
    "consolidation": (14_783, 28_097, 27_742),
    "pneumonia": (6_039, 2_799, 18_770),
    "atelectasis": (33_376, 1_328, 33_739),
    "pneumothorax": (19_448, 56_341, 3_145),
    "pleural effusion": (86_187, 35_396, 11_628),
    "other pleural abnormality": (3_523, 316, 2_653),
    "fracture": (9_040, 2_512, 642),
    "support devices": (116_001, 6_137, 1_079),
}
# pictures of Data_Entry_2017_v2020.csv (Wang 2017)
NIH = {
    "infiltration": 19_894,
    "pleural effusion": 13_317,
    "atelectasis": 11_559,
    "nodule": 6_331,
    "mass": 5_782,
    "pneumothorax": 5_302,
    "consolidation": 4_667,
    "pleural thickening": 3_385,
    "cardiomegaly": 2_776,
    "emphysema": 2_516,
    "edema": 2_303,
    "pulmonary fibrosis": 1_686,
    "pneumonia": 1_431,
    "hernia": 227,
}


def opened(key: str) -> Release:
    folder = Path(str(ROOT)) / key
    if not folder.is_dir():
        pytest.skip(f"no {key} in the data root")
    return Release.open(folder, source=key)


def studies(key: str) -> Iterator[Study]:
    release = opened(key)
    yield from registry()[key].loader.studies(release, {})
    unexpected = {reason: n for (reason, known), n in release.reject_counts.items() if not known}
    assert not unexpected


def people(found: list[Study]) -> int:
    return len({study.people[0] for study in found})


def test_nih_chestxray14() -> None:
    found = list(studies("nih_chestxray14"))
    assert (len(found), people(found)) == (112_120, 30_805)
    views = Counter(image.view for study in found for image in study.images)
    assert views == {"PA": 67_310, "AP": 44_810}
    assert Counter(study.sex for study in found) == {"M": 63_340, "F": 48_780}
    labels = Counter(label.finding for study in found for label in study.labels)
    assert {name: labels[name] for name in NIH} == NIH
    assert sum(len(study.regions) for study in found) == 984


def test_chexpert() -> None:
    states: Counter[tuple[str, str]] = Counter()
    found: Counter[str] = Counter()
    persons: set[str] = set()
    views: Counter[str | None] = Counter()
    for study in studies("chexpert"):
        if study.split != "train":
            continue
        persons.update(study.people)
        found["studies"] += 1
        found["pictures"] += len(study.images)
        views.update(image.view for image in study.images)
        for label in study.labels:
            states[label.finding, label.state] += len(study.images)
    assert (found["pictures"], found["studies"], len(persons)) == (223_414, 187_641, 64_540)
    assert (views["AP"], views["PA"], views["LATERAL"]) == (161_590, 29_420, 32_387)
    for name, counts in CHEXPERT.items():
        said = tuple(states[name, state] for state in ("present", "absent", "uncertain"))
        assert said == counts, name


def test_padchest() -> None:
    """160,861 rows less those that the card says are set aside: other examinations and views."""
    found = list(studies("padchest"))
    assert len(found) == 108_820
    assert sum(len(study.images) for study in found) == 158_911
    assert all(study.report is None or not study.report.sections for study in found)


def test_rsna_pneumonia() -> None:
    found = list(studies("rsna_pneumonia"))
    states = Counter(
        label.state for study in found for label in study.labels if label.finding == "pneumonia"
    )
    assert states == {"absent": 20_672, "present": 6_012}
    boxes = Counter(len(study.regions) for study in found)
    assert sum(count * n for count, n in boxes.items()) == 9_555
    assert (boxes[2], boxes[3], boxes[4]) == (3_266, 119, 13)
    if (Path(str(ROOT)) / "rsna_pneumonia/rsna_nih_matches.csv").exists():
        linked = [s for s in found if any(p.startswith("nih_chestxray14:") for p in s.people)]
        assert len(linked) == 26_684 - 98
        assert len({p for s in linked for p in s.people if p.startswith("nih")}) == 11_410


def test_siim_pneumothorax() -> None:
    found = list(studies("siim_pneumothorax"))
    assert len(found) == 12_047
    assert sum(bool(study.regions) for study in found) == 2_669
    assert sum(len(study.regions) for study in found) == 3_576


def test_vindr_cxr() -> None:
    found = list(studies("vindr_cxr"))
    assert len(found) == 15_000
    boxes = list(chain.from_iterable(study.regions for study in found))
    assert len(boxes) == 36_096
    readers: dict[tuple[str, str | None], set[str | None]] = {}
    for box in boxes:
        readers.setdefault((box.image, box.label), set()).add(box.reader)
    assert Counter(map(len, readers.values())) == {1: 6_540, 2: 3_559, 3: 5_266}


def test_openi() -> None:
    found = [study for study in studies("openi") if study.report]
    sections = Counter(frozenset(s.report.sections) for s in found if s.report)
    both, findings, impression = (
        sum(n for names, n in sections.items() if wanted <= names)
        for wanted in ({"findings", "impression"}, {"findings"}, {"impression"})
    )
    assert (both, findings, impression) == (3_419, 3_425, 3_921)


def test_covidx_cxr3() -> None:
    found = list(studies("covidx_cxr3"))
    sides = Counter(
        (study.split, label.state)
        for study in found
        for label in study.labels
        if label.finding == "COVID-19"
    )
    assert sides == {
        ("train", "present"): 16_490,
        ("train", "absent"): 13_992,
        ("test", "present"): 200,
        ("test", "absent"): 200,
    }
    assert people(found) == 17_026


def test_slake() -> None:
    english = Counter(
        question.split or study.split
        for study in studies("slake")
        for question in study.questions
        if question.language == "en"
    )
    assert english == {"train": 1_423, "validation": 338, "test": 361}


def test_vqa_rad() -> None:
    """794 questions on chests less the 13 that are damaged, undecided or asked twice."""
    found = list(studies("vqa_rad"))
    assert (len(found), people(found)) == (107, 107)
    assert Counter(study.split for study in found) == {"train": 34, "test": 73}
    questions = [question for study in found for question in study.questions]
    assert Counter(q.split for q in questions) == {"train": 620 - 10, "test": 174 - 3}
    assert Counter(q.form for q in questions) == {"closed": 511 - 7, "open": 283 - 6}
    closed = [q.answers[0].casefold() for q in questions if q.form == "closed"]
    assert sum(answer in ("yes", "no") for answer in closed) == 368 + 109 - 5


def test_medvqa_2019() -> None:
    """Of the test list 2 pictures; with the other lists 136 of train and 23 of validation."""
    found = list(studies("medvqa_2019"))
    split = Counter(study.split for study in found)
    assert split["test"] == 2
    assert split["train"] in (0, 136)
    assert split["validation"] in (0, 23)


def test_rad_restruct() -> None:
    """Every question of the files is asked, or left out by name."""
    release = opened("rad_restruct")
    parents = {"openi": Table(list(studies("openi")))}
    found = list(registry()["rad_restruct"].loader.studies(release, parents))
    assert Counter(s.split for s in found) == {"train": 2_877, "validation": 360, "test": 360}
    assert sum(len(study.images) for study in found) == 3_720
    assert release.reject_counts == {("not_stated", True): 7_192, ("contradicted_no", True): 21_231}
    asked = [question for study in found for question in study.questions]
    assert len(asked) + release.reject_counts.total() == 176_855
    answers = Counter(question.answers for question in asked if question.group)
    assert answers == {("yes",): 10_186, ("no",): 152_071 - 21_231}
    assert sum(len(question.options) == 1 for question in asked) == 57 + 196


def test_roco() -> None:
    """Every caption of the lists is a study or has a reason; figures counted with this rule."""
    found = list(studies("roco"))
    lists = Counter(study.split for study in found)
    assert (lists["validation"], lists["test"]) == (408, 412)
    sides: dict[str, set[str | None]] = {}
    for study in found:
        sides.setdefault(study.people[0], set()).add(study.split)
    assert sum({"validation", "test"} <= side for side in sides.values()) == 21
