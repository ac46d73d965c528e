"""MS-CXR-T: pairs of pictures and of sentences, all of them held out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_releases import Loaded, Samples

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.source import registry
from chexinstruct.sources.ms_cxr_t import sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load("ms_cxr_t")


def test_each_layout_gives_the_same_pairs_and_names_what_it_left_out(samples: Samples) -> None:
    official = samples.load("ms_cxr_t")
    for variant in sample.VARIANTS:
        other = samples.load("ms_cxr_t", variant)
        assert [s.id for s in other.studies] == [s.id for s in official.studies]
        assert [s.comparisons for s in other.studies] == [s.comparisons for s in official.studies]
        assert other.release.reject_counts == {
            ("not_in_parent", True): 2,
            ("two_persons", False): 1,
            ("unknown_change", False): 1,
            ("duplicate_pair", False): 1,
            ("unknown_relation", False): 1,
            ("empty_sentence", False): 1,
        }


def test_a_pair_shows_the_prior_first_and_names_three_changes(loaded: Loaded) -> None:
    study = loaded.studies.get("s50000000_s50000008")
    assert study is not None
    assert [(i.key, i.role, i.release) for i in study.images] == [
        (sample.dicom_id(50000008, 1), "prior", "mimic_cxr"),
        (sample.dicom_id(50000000, 1), "current", "mimic_cxr"),
    ]
    assert [(c.finding, c.change, c.quality) for c in study.comparisons] == [
        ("consolidation", "worsening", None),
        ("edema", "stable", "disagreement"),
        ("pleural effusion", "improving", "one_expert"),
    ]


def test_all_of_it_is_a_benchmark_on_the_persons_of_mimic(samples: Samples, loaded: Loaded) -> None:
    parent = samples.load("mimic_cxr").studies
    for study in loaded.studies:
        assert (study.split, study.holdout) == ("test", True)
        if study.images:
            exam = parent.get(study.id.partition("_")[0])
            assert exam is not None and study.people == exam.people
        else:
            assert study.people == ()


def test_sentences_are_pairs_without_blanks_at_odds(loaded: Loaded) -> None:
    pairs = [pair for study in loaded.studies for pair in study.pairs]
    assert [pair.relation for pair in pairs] == ["paraphrase"] * 2 + ["contradiction"] * 2
    assert pairs[1].second == "No change of the pulmonary edema."


def test_one_of_the_two_tables_will_do_and_none_is_an_error(
    samples: Samples, tmp_path: Path
) -> None:
    parents = {"mimic_cxr": samples.load("mimic_cxr").studies}
    loader = registry()["ms_cxr_t"].loader
    with pytest.raises(ReleaseError, match="two tables of MS-CXR-T"):
        list(loader.studies(Release.open(tmp_path, source="ms_cxr_t"), parents))
    sample.write(tmp_path)
    (tmp_path / "MS_CXR_T_temporal_image_classification_v1.0.0.csv").unlink()
    found = list(loader.studies(Release.open(tmp_path, source="ms_cxr_t"), parents))
    assert len(found) == 4 and all(study.pairs for study in found)
