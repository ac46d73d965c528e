from __future__ import annotations

from collections import Counter

import pytest

from chexinstruct.shared.anatomy import PLACES, AnatomyError, around, place

PADCHEST = """acromioclavicular joint|airways|anterior mediastinum|anterior rib|aortic|aortic button
aortopulmonary window|apical|axilar|basal|basal bilateral|bilateral|bilateral costophrenic angle
bone|brachiocephalic veins|bronchi|cardiac|cardiophrenic angle|carotid artery|central|cervical
cervical vertebrae|clavicle|column|coronary|costoesternal|costophrenic angle|diaphragm
diffuse bilateral|dorsal vertebrae|epigastric|esophageal|extrapleural|extrapulmonary|fissure
gallbladder|gastric chamber|glenohumeral joint|hemithorax|hilar|hilar bilateral|humeral head
humeral neck|humerus|hypochondrium|infradiaphragm|infrahilar|intersomatic space|left
left costophrenic angle|left hypochondrium|left lower lobe|left upper lobe|lingula|lobar
lower lobe|lower lung field|lower mediastinum|lumbar vertebrae|lung field|major fissure
mediastinum|middle lobe|middle lung field|middle mediastinum|minor fissure|nipple|paracardiac
paramediastinum|paratracheal|paravertebral|pectoral|peribronchi|perihilar|pleural
posterior mediastinum|posterior rib|pulmonary artery|retrocardiac|rib|rib cartilage|right
right costophrenic angle|right hypochondrium|right lower lobe|right upper lobe|rotator cuff
scapula|shoulder|soft tissue|subclavian vein|subcutaneous|subpleural|subsegmental
superior cave vein|superior mediastinum|supra aortic|supradiaphragm|suprahilar|supraspisnous
thymus|tracheal|upper lobe|upper lung field""".replace("\n", "|").split("|")


def test_every_place_of_padchest_is_a_place_of_its_own() -> None:
    assert len(PADCHEST) == 104
    found = Counter(place(f"loc {name}").name for name in PADCHEST)
    assert [name for name, times in found.items() if times > 1] == []


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("loc cardiac", "heart"),
        ("loc  basal", "lung base"),
        ("loc column", "spine"),
        ("loc cervical", "neck"),
        ("loc cervical vertebrae", "cervical spine"),
        ("Right Middle Lobe", "middle lobe"),
        ("loc bilateral", "both sides"),
        ("loc gastric chamber", "stomach"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    assert place(spelling).name == name


@pytest.mark.parametrize("name", ["", "loc", "loc elbow", "elbow"])
def test_unknown_places_are_told(name: str) -> None:
    with pytest.raises(AnatomyError, match="unknown place"):
        place(name)


def test_no_spelling_belongs_to_two_places_or_is_listed_twice() -> None:
    owners = Counter(s.casefold() for p in PLACES.values() for s in (p.name, *p.spellings))
    assert [spelling for spelling, times in owners.items() if times > 1] == []


def test_broader_places_are_places_and_run_in_no_circle() -> None:
    for one in PLACES.values():
        assert set(one.broader) <= PLACES.keys()
        assert all(one.name not in around(broader) for broader in one.broader)


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [
        ("right lower lobe", {"lower lobe", "right lung", "lung", "right side"}),
        ("lingula", {"left upper lobe", "upper lobe", "left lung", "lung", "left side"}),
        ("middle lobe", {"right lung", "lung", "right side"}),
        ("left costophrenic angle", {"costophrenic angle", "pleura", "left side"}),
        ("aortic knob", {"aorta", "superior mediastinum", "mediastinum"}),
        ("heart", {"middle mediastinum", "mediastinum"}),
        ("humeral head", {"humerus", "shoulder", "skeleton"}),
        ("hilum", set()),
    ],
)
def test_places_lie_in_others(narrow: str, broad: set[str]) -> None:
    assert around(narrow) == broad | {narrow}


def test_what_lies_apart_stays_apart() -> None:
    assert "upper lung zone" not in around("left upper lobe")  # the lingula reaches far down
    assert "lung" not in around("hilum") | around("trachea") | around("pleura")
    assert "abdomen" not in around("stomach")  # a hiatal hernia takes it up
    sides = {"right side", "left side", "both sides"}
    assert all(len(around(name) & sides) < 2 for name in PLACES)
    assert {name for name, one in PLACES.items() if one.vague} == {"central", "lung lobe"}
