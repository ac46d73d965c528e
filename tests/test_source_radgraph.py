"""RadGraph: entities in report texts, by characters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sample_releases import Loaded, Samples, read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Study
from chexinstruct.sources.radgraph import sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load("radgraph")


def study(loaded: Loaded, name: str) -> Study:
    found = loaded.studies.get(name)
    assert found is not None
    return found


def test_every_entity_stands_at_its_place(samples: Samples, loaded: Loaded) -> None:
    for variant in sample.VARIANTS:
        for made in samples.load("radgraph", variant).studies:
            for marked in made.entities:
                assert [marked.text[e.start : e.end] for e in marked.items] == [
                    e.text for e in marked.items
                ]
                places = [(e.start, e.end) for e in marked.items]
                assert places == sorted(places), "reading order, whatever their ids"
    (marked,) = study(loaded, "s50000002").entities
    assert [(e.text, e.type) for e in marked.items] == [
        ("Right", "anatomy"),
        ("lower lobe", "anatomy"),
        ("consolidation", "observation (definitely present)"),
        ("pneumonia", "observation (uncertain)"),
        ("Heart", "anatomy"),
        ("size", "anatomy"),
        ("normal", "observation (definitely present)"),
        ("effusion", "observation (definitely absent)"),
        ("effusion", "observation (definitely absent)"),
    ]
    assert "___" in study(loaded, "s50000004").entities[0].text


def test_two_radiologists_marked_each_test_text(loaded: Loaded) -> None:
    for name in ("s50000005", "chexpert-s042"):
        first, second = study(loaded, name).entities
        assert (first.annotator, second.annotator) == ("labeler_1", "labeler_2")
        assert first.text == second.text and first.items != second.items
    (once,) = study(loaded, "s50000013").entities
    assert once.annotator is None
    assert study(loaded, "s50000010").entities[0].items == ()


def test_test_texts_stay_and_the_others_follow_mimic(loaded: Loaded) -> None:
    splits = {s.id: (s.split, s.holdout, s.people) for s in loaded.studies}
    assert splits == {
        "s50000004": ("train", False, ("mimic_cxr:10000001",)),
        "s50000010": ("train", False, ("mimic_cxr:10000003",)),
        "s50000099": ("train", False, ("mimic_cxr:10000099",)),
        "s50000003": ("test", False, ("mimic_cxr:10000009",)),  # in train.json
        "s50000002": ("train", False, ("mimic_cxr:10000002",)),
        "s50000013": ("validation", False, ("mimic_cxr:10000006",)),
        "s50000005": ("test", True, ("mimic_cxr:10000004",)),  # of train in MIMIC-CXR
        "chexpert-s042": ("test", True, ()),
    }
    assert study(loaded, "s50000005").split_origin == "RadGraph test.json"


def test_without_mimic_the_files_tell_the_split_and_the_keys_the_patient(loaded: Loaded) -> None:
    found, release = read_release("radgraph", loaded.folder)
    assert (found["s50000003"].split, found["s50000003"].people) == (
        "train",
        ("mimic_cxr:10000009",),
    )
    assert {s.id: s.people for s in found.values()} == {s.id: s.people for s in loaded.studies}
    assert release.reject_counts["split_unknown", True] == 10


def test_keys_without_a_patient_find_him_in_mimic(samples: Samples, loaded: Loaded) -> None:
    bare = samples.load("radgraph", "zip").studies
    for made in loaded.studies:
        other = bare.get(made.id)
        assert other is not None and other.entities == made.entities
        assert other.people == (() if made.id == "s50000099" else made.people)


def test_every_report_that_is_left_out_has_a_reason(samples: Samples) -> None:
    for variant in sample.VARIANTS:
        release = samples.load("radgraph", variant).release
        assert release.reject_counts == {
            ("entity_does_not_fit", False): 2,
            ("unknown_report", False): 1,
            ("duplicate_report", False): 1,
            ("split_unknown", True): 1,
            ("split_differs", True): 2,
        }


def one(folder: Path, entity: dict[str, Any], text: str = "The heart is large .") -> Any:
    """What becomes of a train file with one text, in which one entity is marked."""
    entity = {"tokens": "heart", "label": "ANAT-DP", "start_ix": 1, "end_ix": 1} | entity
    record = {"text": text, "entities": {"1": entity}, "data_source": "MIMIC-CXR"}
    for name in ("dev", "test"):
        (folder / f"{name}.json").write_text("{}")
    (folder / "train.json").write_text(json.dumps({"p10/p10000001/s50000001.txt": record}))
    return read_release("radgraph", folder)


@pytest.mark.parametrize(
    "entity",
    [
        {"start_ix": 2, "end_ix": 2},
        {"end_ix": 2},
        {"start_ix": 1, "end_ix": 0},
        {"start_ix": -4, "end_ix": -4},
        {"start_ix": 9, "end_ix": 9},
        {"label": "Observation::definitely present"},
        {"tokens": "Heart"},
    ],
)
def test_an_entity_that_does_not_fit_takes_its_text_along(
    tmp_path: Path, entity: dict[str, Any]
) -> None:
    found, release = one(tmp_path, entity)
    assert not found
    assert release.reject_counts["entity_does_not_fit", False] == 1


def test_outer_blanks_shift_nothing(tmp_path: Path) -> None:
    found, _ = one(tmp_path, {"start_ix": 3, "end_ix": 3}, "  The heart is large . ")
    (marked,) = found["s50000001"].entities
    assert marked.text == "The heart is large ."
    assert (marked.items[0].start, marked.items[0].end) == (4, 9)


def test_another_layout_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"train\.json"):
        one(tmp_path, {"start_ix": "first"})
