"""RadNLI: two lists of sentence pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
    assert [s.split for s in studies] == ["validation"] * len(sample.DEV) + ["test"] * 6
    assert {s.split_origin for s in studies} == {"radnli_dev_v1.jsonl", "radnli_test_v1.jsonl"}
    assert not any(s.people or s.images for s in studies)
    assert [(p.first, p.second, p.relation) for s in studies for p in s.pairs] == [
        *sample.DEV,
        *sample.TEST[:-1],
    ]
    assert read(tmp_path)[0] == studies
    assert release.reject_counts == {("unknown_label", False): 1}


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
