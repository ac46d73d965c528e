"""CANDID-PTX: masks of three tables, silence of reports, files without a suffix, free text."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.regions import decode_rle
from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.sources.candid_ptx import sample

GRID = (1024, 1024)
REPORTS = "Pneumothorax_reports.csv"
TABLES = {
    ("bad_mask", False): 2,
    ("contradictory_rows", False): 1,
    ("no_patient", False): 1,
    ("reports_differ", False): 1,
    ("blank_mask", True): 1,
    ("repeated_mask", True): 1,
    ("two_patients", True): 1,
    ("unlabelled_picture", True): 1,
}
KEPT = [name for name in sample.CASES if name != "two_patients"]

read = partial(read_release, "candid_ptx")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Study], Release]:
    """The studies of the publisher's layout by case, and the release."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    found, release = read(folder)
    return {name: found[sample.study_id(name)] for name in KEPT}, release


@pytest.fixture
def studies(loaded: tuple[dict[str, Study], Release]) -> dict[str, Study]:
    return loaded[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def states(study: Study, finding: str) -> dict[str, tuple[str, str | None]]:
    """State and method by the last number of the picture."""
    return {str(x.image): (x.state, x.method) for x in study.labels if x.finding == finding}


def state(study: Study, finding: str) -> tuple[str, str | None] | None:
    found = list(states(study, finding).values())
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_layouts_give_the_same_studies_in_the_order_of_their_ids(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    found, release = read(tmp_path)
    assert list(found) == sorted({sample.study_id(name) for name in KEPT})
    listed = {} if variant == "png" else {("not_in_reports", True): 1}
    assert release.reject_counts == {**TABLES, **listed}
    assert read(tmp_path)[0] == found
    missing = found[sample.study_id(sample.MISSING)]
    paths = [i.path for s in found.values() if s is not missing for i in s.images]
    assert None not in paths and missing.images[0].path is None


def test_files_without_a_suffix_are_found_by_their_whole_uid_at_any_depth(folder: Path) -> None:
    uid = sample.image_id("rectangle")
    found = read(folder)[0][sample.study_id("rectangle")]
    assert found.images[0].path == f"dataset/second_part/{uid}"
    (folder / "dataset/second_part" / uid).rename(folder / f"{uid}.dcm")
    assert read(folder)[0][sample.study_id("rectangle")].images[0].path == f"{uid}.dcm"
    # A name that agrees up to the last dot is another picture.
    (folder / f"{uid}.dcm").rename(folder / uid.rpartition(".")[0])
    assert read(folder)[0][sample.study_id("rectangle")].images[0].path is None


def test_header_tells_age_sex_view_and_size(studies: dict[str, Study]) -> None:
    study = studies["two_masks"]
    assert (study.age, study.sex) == (31, "F")
    (image,) = study.images
    assert (image.view, image.view_source) == ("AP", "header")
    assert (image.width, image.height) == (sample.PIXELS, sample.PIXELS)
    assert studies["no_chest_tube"].images[0].view is None
    assert studies[sample.MISSING].images[0].width is None


def test_patients_and_their_order_in_time(studies: dict[str, Study]) -> None:
    first, later = studies["clear"], studies["two_masks"]
    assert first.people == later.people == ("candid_ptx:P12",)
    assert (first.order, later.order) == ("20110304", "20110309")
    assert studies["blank"].order is None  # P14_2013 is no date
    assert studies["no_patient"].people == (f"candid_ptx:{sample.study_id('no_patient')}",)
    assert studies["no_patient"].order is None


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("P12_2011-03-04_a.dcm", "20110304"),
        ("P12_2011_03_04.dcm", "20110304"),
        ("P12_20111304.dcm", None),
        ("P12_04-03-2011.dcm", None),
        ("P12_120110304.dcm", None),
    ],
)
def test_dates_are_read_year_first_or_not_at_all(folder: Path, name: str, date: str | None) -> None:
    replace(folder / REPORTS, "P12_20110304_1.dcm", name)
    assert read(folder)[0][sample.study_id("clear")].order == date


def test_every_row_with_runs_is_a_mask_of_the_grid(studies: dict[str, Study]) -> None:
    study = studies["two_masks"]
    left, right = study.regions
    assert np.array_equal(decode_rle(left.rle, GRID), sample.LEFT_APEX)
    assert np.array_equal(decode_rle(right.rle, GRID), sample.RIGHT_APEX)
    assert right.box[2] < 512 < left.box[0]
    assert state(study, "pneumothorax") == ("present", None)
    assert studies["rectangle"].regions[0].box == (100, 200, 150, 260)
    assert {r.frame for s in studies.values() for r in s.regions} == {GRID}


def test_one_mask_drawn_in_two_rows_is_one_region(studies: dict[str, Study]) -> None:
    assert len(studies["repeated"].regions) == 1


def test_minus_one_is_none_and_a_blank_is_not_known(studies: dict[str, Study]) -> None:
    assert state(studies["clear"], "pneumothorax") == ("absent", None)
    assert state(studies["blank"], "pneumothorax") is None
    assert "pneumothorax" not in studies["blank"].label_sets


@pytest.mark.parametrize("name", ["odd_runs", "past_the_end", "contradiction"])
def test_a_picture_with_a_damaged_row_is_not_asked_about_that_finding(
    studies: dict[str, Study], name: str
) -> None:
    assert state(studies[name], "pneumothorax") is None
    assert studies[name].regions == ()
    assert state(studies[name], "rib fracture") == ("absent", "inferred")


def test_lists_give_masks_and_the_word_that_there_is_none(studies: dict[str, Study]) -> None:
    ribs = studies["rib_fracture"]
    assert state(ribs, "rib fracture") == ("present", None)
    assert [r.label for r in ribs.regions] == ["rib fracture"] * 2
    tube = studies["tube"]
    assert state(tube, "chest tube") == ("present", None)
    assert [r.label for r in tube.regions] == ["pneumothorax", "chest tube"]
    # The list outweighs the report, which speaks of another tube.
    assert state(studies["no_chest_tube"], "chest tube") == ("absent", None)


def test_silence_of_the_report_makes_a_picture_free_that_no_list_names(
    studies: dict[str, Study],
) -> None:
    for finding in ("rib fracture", "chest tube"):
        for name in ("two_masks", "blank", "no_patient"):
            assert state(studies[name], finding) == ("absent", "inferred")
        assert state(studies["no_report"], finding) is None
        # Which of the two reports is of which picture is not known.
        assert states(studies["differ_a"], finding) == {}
    assert state(studies["no_rib_fracture"], "rib fracture") is None
    assert state(studies["no_rib_fracture"], "chest tube") == ("absent", "inferred")
    assert state(studies["clear"], "rib fracture") == ("absent", "inferred")


def test_silence_means_nothing_in_a_patient_with_the_finding(studies: dict[str, Study]) -> None:
    assert studies["later_and_silent"].people == studies["rib_fracture"].people
    assert state(studies["later_and_silent"], "rib fracture") is None
    assert state(studies["later_and_silent"], "chest tube") == ("absent", "inferred")


def test_without_its_list_a_finding_was_not_looked_for(tmp_path: Path) -> None:
    sample.write(tmp_path, "png")
    found, _ = read(tmp_path)
    assert {name for s in found.values() for name in s.label_sets} == {"pneumothorax"}


def test_two_pictures_of_a_study_share_its_report_and_not_their_labels(
    studies: dict[str, Study],
) -> None:
    pair = studies["pair_a"]
    assert [i.key for i in pair.images] == [sample.image_id("pair_a"), sample.image_id("pair_b")]
    assert states(pair, "pneumothorax") == {
        sample.image_id("pair_a"): ("present", None),
        sample.image_id("pair_b"): ("absent", None),
    }
    assert [r.image for r in pair.regions] == [sample.image_id("pair_a")]
    assert pair.report and "expiratory" in pair.report.sections["findings"]


def test_reports_that_differ_within_a_study_are_not_used(studies: dict[str, Study]) -> None:
    assert len(studies["differ_a"].images) == 2
    assert studies["differ_a"].report is None
    assert state(studies["no_report"], "pneumothorax") == ("absent", None)
    assert studies["no_report"].report is None


def test_reports_are_cut_at_their_comment(studies: dict[str, Study]) -> None:
    def sections(name: str) -> dict[str, str]:
        report = studies[name].report
        assert report is not None and report.raw
        return {k: v for k, v in report.sections.items() if k != "examination"}

    assert sections("clear") == {
        "history": "Left sided pain after a fall, short of breath.",
        "findings": sample.CLEAR,
    }
    assert sections("two_masks") == {
        "history": "Pneumothorax?",
        "comparison": "Film of <###>.",
        "findings": "Small pneumothoraces at both apices. The mediastinum is central.",
        "impression": "Small apical pneumothoraces on both sides.",
    }
    assert sections("rectangle")["impression"] == "Small right pneumothorax."
    assert "impression" not in sections("tube")
    assert sections("inverted_16_bit") == {"findings": "Lungs clear."}


def test_picture_of_two_patients_is_left_out(folder: Path) -> None:
    found, release = read(folder)
    assert sample.study_id("two_patients") not in found
    (reject,) = [r for r in release.rejects if r.reason == "two_patients"]
    assert reject.expected
    assert not any(set(s.people) & {"candid_ptx:P25", "candid_ptx:P26"} for s in found.values())


def test_picture_of_two_studies_is_left_out_and_counted(folder: Path) -> None:
    uid, study = sample.image_id("clear"), sample.study_id("clear")
    replace(folder / REPORTS, f"{uid},{study}", f"{uid},{sample.study_id('tube')}")
    with (folder / REPORTS).open("a", encoding="utf-8") as table:
        table.write(f"{uid},{study},-1,,P12_20110304_1.dcm\n")
    found, release = read(folder)
    assert release.reject_counts["two_studies", False] == 2
    assert study not in found


def test_masks_that_count_from_the_first_pixel_are_refused(folder: Path) -> None:
    absolute = "700100 40 701124 40 702148 40"
    replace(folder / REPORTS, "5 10 20", absolute)
    with pytest.raises(ReleaseError, match=r"count from the first pixel.*; use the publisher's"):
        read(folder)


def test_rows_of_nothing_are_rejected(folder: Path) -> None:
    replace(folder / REPORTS, f"{sample.image_id('clear')},", ",")
    _, release = read(folder)
    assert release.reject_counts["no_image_id", False] == 1


def test_study_without_an_id_is_its_picture(folder: Path) -> None:
    replace(folder / REPORTS, f",{sample.study_id('clear')},", ",,")
    found, _ = read(folder)
    assert found[sample.image_id("clear")].people == ("candid_ptx:P12",)


def test_file_that_is_no_dicom_is_counted(folder: Path) -> None:
    (folder / "dataset" / sample.image_id("clear")).write_bytes(b"nothing of the kind" * 20)
    found, release = read(folder)
    assert release.reject_counts["bad_dicom", False] == 1
    assert found[sample.study_id("clear")].images[0].width is None


def test_release_without_reports_is_one_clear_error(folder: Path) -> None:
    (folder / REPORTS).unlink()
    with pytest.raises(ReleaseError, match=r"candid_ptx: no Pneumothorax_reports\.csv"):
        read(folder)


def test_table_of_another_form_is_one_clear_error(folder: Path) -> None:
    replace(folder / "chest_tube.csv", "mask_rle", "mask")
    with pytest.raises(ReleaseError, match=r"chest_tube\.csv, row 1: no column 'mask_rle'"):
        read(folder)
