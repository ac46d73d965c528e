"""RadNLI: two lists of sentence pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from sample_releases import Loaded, Samples, Table

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.sources.radnli import loader, sample


def read(folder: Path) -> tuple[list[Study], Release]:
    release = Release.open(folder, source="radnli")
    return list(loader.studies(release, {})), release


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """The dev file of a sample release under ``tmp_path``."""
    sample.write(tmp_path)
    return next(tmp_path.rglob("radnli_dev_v1.jsonl"))


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_pair_is_a_study_of_text_alone(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    tests = len(sample.TEST) - 1
    assert [s.split for s in studies] == ["validation"] * len(sample.DEV) + ["test"] * tests
    assert {s.split_origin for s in studies} == {"radnli_dev_v1.jsonl", "radnli_test_v1.jsonl"}
    assert not any(s.people or s.images for s in studies)
    assert [(p.first, p.second, p.relation) for s in studies for p in s.pairs] == [
        *sample.DEV,
        *sample.TEST[:-1],
    ]
    assert read(tmp_path)[0] == studies
    silver = {("without_mimic_cxr", True): len(sample.SILVER) - 1, ("unknown_label", False): 2}
    assert release.reject_counts == (silver if variant == "wget" else {("unknown_label", False): 1})


def test_both_files_number_their_pairs_alike(tmp_path: Path) -> None:
    sample.write(tmp_path)
    ids = [study.id for study in read(tmp_path)[0]]
    assert {"dev-0", "test-0"} <= set(ids)
    assert len(set(ids)) == len(ids)


def test_reverse_of_a_pair_keeps_its_own_label_and_the_same_split(dev: Path) -> None:
    studies, _ = read(dev.parent)
    first, reverse = studies[0], studies[1]
    assert (first.pairs[0].first, first.pairs[0].second) == (
        reverse.pairs[0].second,
        reverse.pairs[0].first,
    )
    assert (first.pairs[0].relation, reverse.pairs[0].relation) == ("entailment", "neutral")
    assert first.split == reverse.split


def test_masked_words_stay(dev: Path) -> None:
    assert any("ends ___ cm" in study.pairs[0].first for study in read(dev.parent)[0])


def test_blank_line_and_lines_of_origin(dev: Path) -> None:
    rows = [s.origin.row for s in read(dev.parent)[0] if s.split == "validation" and s.origin]
    blank = sample.BLANK_AFTER
    assert rows == [*range(1, blank + 1), *range(blank + 2, len(sample.DEV) + 2)]


def test_last_line_without_newline_is_read(tmp_path: Path) -> None:
    sample.write(tmp_path)
    test = next(tmp_path.rglob("radnli_test_v1.jsonl"))
    assert not test.read_bytes().endswith(b"\n")
    test.write_text("\n".join(test.read_text().splitlines()[:2]))
    assert read(tmp_path)[0][-1].id == "test-1"


def test_unknown_keys_are_ignored(dev: Path) -> None:
    row = {"pair_id": "x", "sentence1": "A.", "sentence2": "B.", "gold_label": "neutral"}
    dev.write_text(json.dumps(row | {"sentence1_parse": "(S)", "tokens": ["A"]}))
    assert read(dev.parent)[0][0].id == "dev-x"


def test_bad_lines_are_counted_by_reason_and_quote_no_sentence(dev: Path) -> None:
    good = {
        "pair_id": "7",
        "sentence1": "SECRET one.",
        "sentence2": "SECRET two.",
        "gold_label": "neutral",
    }
    lines = [
        good,
        good | {"sentence1": "SECRET other."},
        good | {"pair_id": "8", "sentence2": " "},
        good | {"pair_id": "9", "gold_label": "SECRET"},
        {"pair_id": "10", "sentence1": "SECRET", "gold_label": "neutral"},
        good | {"pair_id": "11", "sentence1": None},
    ]
    dev.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"pair_id": "SECRET')
    studies, release = read(dev.parent)
    assert [s.id for s in studies if s.split == "validation"] == ["dev-7"]
    dev_rejects = [r for r in release.rejects if r.path.endswith(dev.name)]
    assert [(r.row, r.reason) for r in dev_rejects] == [
        (2, "duplicate_id"),
        (3, "empty_sentence"),
        (4, "unknown_label"),
        (5, "bad_json"),
        (6, "bad_json"),
        (7, "bad_json"),
    ]
    assert not any("SECRET" in r.detail for r in release.rejects)


def test_missing_list_is_one_line_that_names_it(dev: Path) -> None:
    dev.unlink()
    with pytest.raises(ReleaseError, match=r"^radnli: no radnli_dev_v1\.jsonl found") as caught:
        read(dev.parent)
    assert "\n" not in str(caught.value)


# The list that a program labelled


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load("radnli")


def test_places_in_reports_become_train_pairs(loaded: Loaded) -> None:
    silver = [s for s in loaded.studies if s.split == "train"]
    assert [(s.pairs[0].first, s.pairs[0].second, s.pairs[0].relation) for s in silver] == [
        (
            "There is no pleural effusion or pneumothorax.",
            "There is a small left apical pneumothorax.",
            "contradiction",
        ),
        (
            "The lungs are clear without focal consolidation, pleural effusion or pneumothorax.",
            "The lungs are clear.",
            "entailment",
        ),
        (
            "The heart is mildly enlarged.",
            "There is mild biapical pleural thickening.",
            "neutral",
        ),
        (
            "There are new small bilateral pleural effusions with adjacent bibasilar atelectasis.",
            "There is new moderate pulmonary edema.",
            "neutral",
        ),
    ]
    assert {s.pairs[0].annotator for s in silver} == {"program"}
    assert {s.pairs[0].annotator for s in loaded.studies if s not in silver} == {None}


def test_both_persons_of_a_train_pair_are_known_and_not_taken_for_one(loaded: Loaded) -> None:
    of = {s.id: (s.people, s.quoted) for s in loaded.studies}
    assert of["silver-0"] == (("mimic_cxr:10000002",), ("mimic_cxr:10000004",))
    assert of["silver-3"] == (("mimic_cxr:10000001",), ())


def test_train_pairs_that_cannot_be_used_have_a_reason(loaded: Loaded) -> None:
    told = [(r.row, r.reason) for r in loaded.release.rejects if r.path.endswith(loader.SILVER)]
    assert told == [
        (5, "not_in_parent"),
        (6, "range_not_a_sentence"),
        (7, "range_not_a_sentence"),
        (8, "range_not_a_sentence"),
        (9, "not_train"),
        (10, "no_report"),
        (11, "in_gold_list"),
        (12, "bad_place"),
        (13, "unknown_label"),
    ]


def test_patients_without_a_split_leave_the_pair_to_the_hash(
    samples: Samples, loaded: Loaded
) -> None:
    parent = samples.load("mimic_cxr").studies
    unsplit = Table([replace(exam, split=None, split_origin=None) for exam in parent])
    release = Release.open(loaded.folder, source="radnli")
    found = {s.id: s for s in loader.studies(release, {"mimic_cxr": unsplit})}
    assert (found["silver-0"].split, found["silver-0"].split_origin) == (None, None)
    assert "silver-8" in found, "nobody says that its patient is of validation"
