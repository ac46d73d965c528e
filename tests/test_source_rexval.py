"""ReXVal: candidate impressions, and the errors that six raters counted in them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from sample_releases import Loaded, Samples, read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import ErrorCounts, Study
from chexinstruct.sources.rexval import loader, sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load("rexval")


def study(loaded: Loaded, number: int) -> Study:
    found = loaded.studies.get(f"s{number}")
    assert found is not None
    return found


def test_every_layout_gives_the_same_counts(samples: Samples, loaded: Loaded) -> None:
    for variant in sample.VARIANTS:
        other = samples.load("rexval", variant)
        assert [(s.id, s.error_counts) for s in other.studies] == [
            (s.id, s.error_counts) for s in loaded.studies
        ]
        assert other.release.reject_counts == {
            ("not_rated", False): 8,
            ("unknown_candidate", False): 1,
            ("unknown_category", False): 1,
            ("unknown_significance", False): 1,
            ("bad_count", False): 1,
            ("duplicate_count", False): 1,
            ("patient_unknown", True): 1,
            ("split_differs", True): 1,
        }


def test_each_rater_keeps_what_he_counted(loaded: Loaded) -> None:
    counts = study(loaded, 50000008).error_counts
    assert Counter(c.id for c in counts) == dict.fromkeys(sample.CANDIDATES, 6)
    second = next(c for c in counts if (c.id, c.annotator) == ("radgraph", "1"))
    assert second == ErrorCounts(
        id="radgraph",
        reference="Moderate right pleural effusion with right basilar atelectasis.",
        candidate="Moderate left pleural effusion. No pneumothorax.",
        annotator="1",
        significant={
            "false finding": 0,
            "missing finding": 1,
            "wrong location": 1,
            "wrong severity": 0,
            "unfounded comparison": 0,
            "missing comparison": 0,
        },
        insignificant={
            "false finding": 1,
            "missing finding": 0,
            "wrong location": 0,
            "wrong severity": 0,
            "unfounded comparison": 0,
            "missing comparison": 0,
        },
    )
    missing = {c.annotator for c in study(loaded, 50000003).error_counts if c.id == "s_emb"}
    assert missing == {"0", "1", "2", "3", "4"}


def test_masks_and_comparisons_stay(loaded: Loaded) -> None:
    (reference,) = {c.reference for c in study(loaded, 50000003).error_counts}
    assert reference == ("Right upper lobe nodule, new compared with ___. Chest CT is recommended.")


def test_all_of_it_is_a_benchmark_on_the_patients_of_mimic(
    samples: Samples, loaded: Loaded
) -> None:
    parent = samples.load("mimic_cxr").studies
    for made in loaded.studies:
        assert (made.split, made.holdout, made.images) == ("test", True, ())
        exam = parent.get(made.id)
        assert made.people == (exam.people if exam else ())
    assert study(loaded, 50999999).people == ()


def test_without_mimic_the_patients_are_unknown(loaded: Loaded) -> None:
    found, release = read_release("rexval", loaded.folder)
    assert found.keys() == {s.id for s in loaded.studies}
    assert not any(s.people for s in found.values())
    assert release.reject_counts["patient_unknown", True] == len(found)


def rewritten(loaded: Loaded, folder: Path, numbers: dict[str, str]) -> Path:
    """The release with other study numbers in its ratings."""
    for path in loaded.folder.rglob("*.csv"):
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        if path.name == loader.RATINGS:
            rows = [rows[0], *([numbers.get(row[0], row[0]), *row[1:]] for row in rows[1:])]
        with (folder / path.name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def test_positions_may_count_from_one(loaded: Loaded, tmp_path: Path) -> None:
    folder = rewritten(loaded, tmp_path, {str(n): str(n + 1) for n in range(4)})
    found, _ = read_release("rexval", folder)
    assert [s.error_counts for s in found.values()] == [s.error_counts for s in loaded.studies]


@pytest.mark.parametrize("numbers", [{"0": "9"}, {"0": "1", "3": "1"}, {"0": "50999998"}])
def test_numbers_that_fit_nothing_are_refused(
    loaded: Loaded, tmp_path: Path, numbers: dict[str, str]
) -> None:
    with pytest.raises(ReleaseError, match="study_number holds neither positions of the 4 rows"):
        read_release("rexval", rewritten(loaded, tmp_path, numbers))


def test_a_report_row_that_cannot_be_read_would_shift_the_others(
    loaded: Loaded, tmp_path: Path
) -> None:
    folder = rewritten(loaded, tmp_path, {})
    path = folder / loader.REPORTS
    path.write_text(path.read_text().replace("\n50000003,", "\n,50000003,", 1))
    with pytest.raises(ReleaseError, match="the ratings go by their positions"):
        read_release("rexval", folder)


def test_a_study_that_stands_twice_is_read_once(loaded: Loaded, tmp_path: Path) -> None:
    folder = rewritten(loaded, tmp_path, {})
    path = folder / loader.REPORTS
    path.write_text(path.read_text().replace("50999999", "50000010"))
    found, release = read_release("rexval", folder)
    assert list(found) == ["s50000008", "s50000003", "s50000010"]
    assert release.reject_counts["duplicate_study", False] == 1
