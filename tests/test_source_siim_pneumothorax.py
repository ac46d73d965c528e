"""SIIM-ACR Pneumothorax Segmentation: run lengths, pictures at any depth, patients by header."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.regions import decode_rle
from chexinstruct.schema import Study
from chexinstruct.sources.siim_pneumothorax import sample

BAD = {("bad_mask", False): 2, ("contradictory_rows", False): 1}
DAMAGED = {"odd_values", "past_the_end", "both"}
EARLY = {name for name, case in sample.CASES.items() if not case.stage_1_test}


read = partial(read_release, "siim_pneumothorax")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout by case."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    found, _ = read(folder)
    return {name: found[sample.image_id(name)] for name in sample.CASES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("variant", "unlabelled"),
    [("stage_2", 2), ("stage_1", 4), ("both_tables", 2), ("png", 1), ("png_mirror", 1)],
)
def test_layouts_give_the_labelled_pictures_and_count_the_others(
    tmp_path: Path, variant: str, unlabelled: int
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    names = EARLY if variant == "stage_1" else set(sample.CASES)
    assert list(studies) == sorted(map(sample.image_id, names))
    for name in names:
        study = studies[sample.image_id(name)]
        assert (study.images[0].path is None) is (name == sample.MISSING)
        assert study.label_sets == (() if name in DAMAGED else ("masks",))
        assert study.split is None
    ages = {} if variant.startswith("png") else {("implausible_age", True): 1}
    counts = {**BAD, **ages, ("unlabelled_picture", True): unlabelled}
    assert release.reject_counts == counts
    assert read(tmp_path)[0] == studies


def test_table_of_stage_2_wins_over_that_of_stage_1(tmp_path: Path) -> None:
    sample.write(tmp_path, "both_tables")
    studies, _ = read(tmp_path)
    assert {s.origin.file for s in studies.values() if s.origin} == {"stage_2_train.csv"}
    assert sample.image_id("stage_1_test_positive") in studies


@pytest.mark.parametrize("name", ["negative", "negative_blank_before", "negative_empty"])
def test_every_spelling_of_none_is_absent(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    assert [(label.finding, label.state) for label in study.labels] == [("pneumothorax", "absent")]
    assert study.regions == ()


def test_rectangle_of_the_competition_page_has_its_pixel_edges(studies: dict[str, Study]) -> None:
    study = studies["rectangle"]
    (region,) = study.regions
    assert region.box == (100, 200, 150, 260)
    assert (region.shape, region.frame, region.label) == ("mask", (1024, 1024), "pneumothorax")
    assert [(label.finding, label.state) for label in study.labels] == [("pneumothorax", "present")]


def test_masks_are_decoded_down_the_columns_with_relative_offsets(
    studies: dict[str, Study],
) -> None:
    (region,) = studies["left_apex"].regions
    mask = decode_rle(region.rle, (1024, 1024))
    assert np.array_equal(mask, sample.LEFT_APEX)
    rows, columns = np.nonzero(mask)
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert region.box == edges
    assert studies["first_pixel"].regions[0].box == (0, 0, 3, 1024)


def test_every_row_of_a_picture_is_a_region_in_the_order_of_the_table(
    studies: dict[str, Study],
) -> None:
    left, right = studies["two_masks"].regions
    assert right.box[2] < 512 < left.box[0]
    assert [r.box for r in studies["adjoining"].regions] == [
        (640, 200, 700, 320),
        (700, 220, 760, 400),
    ]


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_picture_with_a_damaged_row_carries_no_label(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    assert (study.labels, study.regions, study.label_sets) == ((), (), ())


def test_rejects_name_the_row(folder: Path) -> None:
    _, release = read(folder)
    lines = (folder / "train-rle.csv").read_text().splitlines()
    rows = [r.row for r in release.rejects if r.reason == "bad_mask" and r.row]
    assert [lines[row - 1].split(",")[1] for row in rows] == ["5 10 20", "1048570 10"]


def test_patient_of_the_header_joins_pictures(studies: dict[str, Study]) -> None:
    first, later = studies["left_apex"], studies["left_apex_later"]
    assert first.people == later.people == ("siim_pneumothorax:patient:p-one",)
    assert len({study.people for study in studies.values()}) == len(studies) - 1


def test_picture_is_the_patient_where_no_header_names_one(
    tmp_path: Path, studies: dict[str, Study]
) -> None:
    sample.write(tmp_path, "png")
    flat, _ = read(tmp_path)
    for study in (studies["no_patient_id"], studies[sample.MISSING], *flat.values()):
        assert study.people == (f"siim_pneumothorax:{study.id}",)


def test_age_sex_view_and_size_of_the_header(studies: dict[str, Study]) -> None:
    study = studies["negative"]
    (image,) = study.images
    assert (study.age, study.sex) == (62, "M")
    assert (image.view, image.view_source) == ("PA", "header")
    assert (image.width, image.height) == (sample.PIXELS, sample.PIXELS)
    assert studies["two_masks"].images[0].view == "AP"
    assert studies["lossless"].age == 58  # 058Y
    assert studies["age_155"].age is None
    missing = studies[sample.MISSING]
    assert (missing.age, missing.sex, missing.images[0].view) == (None, None, None)


def test_pictures_are_found_by_their_whole_uid_at_any_depth(folder: Path) -> None:
    uid = sample.image_id("rectangle")
    flat = folder / f"{uid}.dcm"
    (found,) = folder.rglob(f"{uid}.dcm")
    shutil.move(found, flat)
    assert read(folder)[0][uid].images[0].path == f"{uid}.dcm"
    # a name that agrees up to the last dot is another picture
    shutil.move(flat, folder / f"{uid.rpartition('.')[0]}.dcm")
    assert read(folder)[0][uid].images[0].path is None


def test_masks_as_pictures_are_not_taken_for_radiographs(tmp_path: Path) -> None:
    sample.write(tmp_path, "png")
    for path in list(tmp_path.glob("*.png")):
        (tmp_path / "a_masks").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "a_masks" / path.name)
    studies, release = read(tmp_path)
    assert not any("mask" in (s.images[0].path or "") for s in studies.values())
    assert release.reject_counts["unlabelled_picture", True] == 1


def test_numbered_pictures_of_the_mirror_go_by_its_lists(tmp_path: Path) -> None:
    folder = "pneumothorax-chest-xray-images-and-masks"  # its own name speaks of masks
    sample.write(tmp_path / folder, "png_mirror")
    listed = (tmp_path / folder / "stage_1_test_images.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in listed] == ["0_test_0_.png", "1_test_1_.png"]
    study = read(tmp_path)[0][sample.image_id("stage_1_test_positive")]
    assert study.images[0].path == f"{folder}/png_images/1_test_1_.png"


def test_release_without_a_table_is_one_clear_error(folder: Path) -> None:
    (folder / "train-rle.csv").unlink()
    with pytest.raises(ReleaseError, match=r"no stage_2_train\.csv or train-rle\.csv"):
        read(folder)


def test_table_of_another_competition_is_one_clear_error(folder: Path) -> None:
    (folder / "stage_2_train.csv").write_text("ID,Label\nID_1_any,0\n")
    with pytest.raises(ReleaseError, match=r"stage_2_train.csv, row 1: no column 'ImageId'"):
        read(folder)
