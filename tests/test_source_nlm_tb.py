"""Tuberculosis sets: labels of file names, readings in several spellings, masks, merged copies."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.images import BadImage, ImageSettings, normalise
from chexinstruct.schema import Study
from chexinstruct.source import registry
from chexinstruct.sources.nlm_tb import sample

COUNTS = {
    ("unknown_name", False): 1,
    ("reading_disagrees", True): 2,
    ("several_readings", True): 1,
    ("empty_reading", True): 1,
    ("unread_patient", True): 1,
    ("implausible_age", True): 1,
}

read = partial(read_release, "nlm_tb")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    return read(folder)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_same_studies(
    tmp_path: Path, variant: str, studies: dict[str, Study]
) -> None:
    sample.write(tmp_path, variant)
    found, release = read(tmp_path)
    assert list(found) == sorted(sample.FILMS)
    merged = {("duplicate_file", True): 1} if variant == "merged" else {}
    assert release.reject_counts == COUNTS | merged
    for name, study in found.items():
        same = studies[name]
        assert (study.labels, study.people, study.sex, study.age) == (
            same.labels,
            same.people,
            same.sex,
            same.age,
        )
        assert (study.images[0].path is None) is (sample.FILMS[name].form == "missing")
        assert "/CXR_png/" in (study.images[0].path or "/CXR_png/")


def test_label_is_the_last_digit_of_the_name_whatever_the_reading_says(
    studies: dict[str, Study],
) -> None:
    for name, study in studies.items():
        state = {"0": "absent", "1": "present"}[name[-1]]
        assert [(x.finding, x.state) for x in study.labels] == [("tuberculosis", state)]
        assert study.label_sets == ("tuberculosis",)
    asked = registry()["nlm_tb"].card.label_sets["tuberculosis"]
    assert (asked.findings, asked.kind, asked.method) == (("tuberculosis",), "binary", "reader")


def test_contradictions_are_counted_with_the_file(folder: Path) -> None:
    _, release = read(folder)
    told = {Path(r.path).stem: r.detail for r in release.rejects if r.reason == "reading_disagrees"}
    assert told == {
        "CHNCXR_0005_0": "the file name says normal",
        "CHNCXR_0350_1": "the file name says tuberculosis",
    }


def test_sets_are_disjoint_in_people(studies: dict[str, Study]) -> None:
    assert studies["MCUCXR_0001_0"].people == ("nlm_tb:MCU_0001",)
    assert studies["CHNCXR_0001_0"].people == ("nlm_tb:CHN_0001",)
    assert len({study.people for study in studies.values()}) == len(studies)
    assert {study.split for study in studies.values()} == {None}


def test_one_number_with_both_labels_is_one_person(folder: Path) -> None:
    home = folder / "MontgomerySet/CXR_png"
    (home / "MCUCXR_0104_0.png").write_bytes((home / "MCUCXR_0104_1.png").read_bytes())
    studies, _ = read(folder)
    assert studies["MCUCXR_0104_0"].people == studies["MCUCXR_0104_1"].people


@pytest.mark.parametrize(
    ("name", "sex", "age"),
    [
        ("MCUCXR_0001_0", "F", 27),
        ("MCUCXR_0150_1", "F", 33),  # not UTF-8
        ("CHNCXR_0001_0", "M", 45),
        ("CHNCXR_0002_0", "F", 28),
        ("CHNCXR_0003_0", "F", 64 / 365),
        ("CHNCXR_0004_0", None, None),
        ("CHNCXR_0327_1", "F", 0.25),
        ("CHNCXR_0350_1", "F", 71),
        ("CHNCXR_0400_1", None, None),  # no text
        ("CHNCXR_0410_1", None, None),  # two patients
        ("CHNCXR_0411_1", None, None),
        ("CHNCXR_0420_1", "M", 16 / 12),
        ("CHNCXR_0421_1", "M", None),  # 245 years
    ],
)
def test_sex_and_age_in_every_spelling(
    studies: dict[str, Study], name: str, sex: str | None, age: float | None
) -> None:
    assert (studies[name].sex, studies[name].age) == (sex, age)


def test_readings_are_kept_whole_and_are_no_sections(studies: dict[str, Study]) -> None:
    report = studies["MCUCXR_0150_1"].report
    assert report is not None and report.raw is not None and report.origin is not None
    assert report.raw.endswith("Nodes of 8\xb12 mm.") and report.sections == {}
    assert report.origin.file == "MontgomerySet/ClinicalReadings/MCUCXR_0150_1.txt"
    without = {name for name, study in studies.items() if study.report is None}
    assert without == {"CHNCXR_0400_1", "CHNCXR_0410_1", "CHNCXR_0411_1"}


def test_masks_are_no_radiographs(tmp_path: Path) -> None:
    for variant in sample.VARIANTS:
        sample.write(tmp_path / variant, variant)
        release = read(tmp_path / variant)[1]
        assert sum("mask" in path.rpartition("Segmentation")[2].lower() for path in release.files)
        assert not any("mask" in reject.path.rpartition("/")[2] for reject in release.rejects)
    # without its radiograph the mask of the same name is not taken for it
    (tmp_path / "released/MontgomerySet/CXR_png/MCUCXR_0001_0.png").unlink()
    studies, _ = read(tmp_path / "released")
    assert studies["MCUCXR_0001_0"].images[0].path is None


def test_pictures_of_every_form_can_be_read_but_the_damaged_one(folder: Path) -> None:
    studies, release = read(folder)
    for name, film in sample.FILMS.items():
        path = studies[name].images[0].path
        if path is None:
            continue
        if film.form == "corrupt":
            with pytest.raises(BadImage):
                normalise(release.read(path), ImageSettings())
        else:
            picture = normalise(release.read(path), ImageSettings())
            assert {picture.width, picture.height} == {96, 112}


def test_the_projection_is_the_publishers_word_and_not_asked_about(
    studies: dict[str, Study],
) -> None:
    assert {(i.view, i.view_source) for s in studies.values() for i in s.images} == {
        ("PA", "inferred")
    }


def test_one_set_alone_will_do(tmp_path: Path) -> None:
    sample.write(tmp_path, "packed")
    (tmp_path / "ChinaSet_AllFiles.zip").unlink()
    assert list(read(tmp_path)[0]) == [name for name in sorted(sample.FILMS) if name[0] == "M"]


def test_another_collection_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "Normal").mkdir()
    (tmp_path / "Normal/Normal-1.png").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"no MCUCXR_\?{4}_\[01\]\.png or CHNCXR"):
        read(tmp_path)
