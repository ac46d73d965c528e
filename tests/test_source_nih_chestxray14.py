"""NIH ChestX-ray14: tables of two years, boxes on the released grid, official lists."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sample_releases import read_release

from chexinstruct.build.people import REASONS, resolve
from chexinstruct.build.studies import StudyTable, load_studies
from chexinstruct.errors import ReleaseError
from chexinstruct.images import ImageSettings, normalise
from chexinstruct.manifest import Shares
from chexinstruct.release import Release
from chexinstruct.schema import SPLITS
from chexinstruct.source import registry
from chexinstruct.sources.nih_chestxray14 import sample

TABLE = "Data_Entry_2017_v2020.csv"
IDS = [row[0].removesuffix(".png") for row in sample.ROWS]
MISSING = sample.MISSING.removesuffix(".png")


read = partial(read_release, "nih_chestxray14")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def add(path: Path, *lines: str) -> None:
    text = path.read_text()
    path.write_text("\n".join([text.removesuffix("\n"), *lines]) + "\n")


def only_reject(release: Release) -> tuple[str, str, int | None, bool]:
    (reject,) = release.rejects
    return reject.reason, reject.path, reject.row, reject.expected


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_a_study_a_picture_in_the_order_of_the_table(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert list(studies) == IDS
    assert read(tmp_path)[0] == studies
    ages = {("implausible_age", True): 1} if variant == "kaggle" else {}
    assert release.reject_counts == ages
    table = "Data_Entry_2017.csv" if variant == "kaggle" else TABLE
    for line, (number, study) in enumerate(studies.items(), start=2):
        assert [(image.key, image.view_source) for image in study.images] == [
            (f"{number}.png", "table")
        ]
        assert study.people == (f"nih_chestxray14:{int(number[:8])}",)
        assert study.origin and (study.origin.file, study.origin.row) == (table, line)
        assert study.label_sets[0] == "findings"


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_eight_pictures_can_be_read_and_one_is_missing(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    paths = {number: study.images[0].path for number, study in studies.items()}
    assert [number for number, path in paths.items() if path is None] == [MISSING]
    folders = {str(Path(path).parent) for path in paths.values() if path}
    assert folders == (
        {"images"} if variant == "no_lists" else {"images_001/images", "images_002/images"}
    )
    for path in filter(None, paths.values()):
        picture = normalise(release.read(path), ImageSettings())
        assert (picture.width, picture.height) == (64, 64)


def test_picture_of_four_channels_is_among_those_read(folder: Path) -> None:
    path = read(folder)[0][sample.RGBA.removesuffix(".png")].images[0].path
    assert path
    assert (folder / path).read_bytes()[25] == 6  # PNG colour type: RGBA


def test_converted_pictures_are_found_by_the_name_of_the_table(tmp_path: Path) -> None:
    sample.write(tmp_path, "no_lists")
    (tmp_path / "images").rename(tmp_path / "images-224")
    for path in (tmp_path / "images-224").iterdir():
        path.rename(path.with_suffix(".jpg"))
    image = read(tmp_path)[0][IDS[0]].images[0]
    assert (image.key, image.path) == ("00000001_000.png", "images-224/00000001_000.jpg")


def test_labels_in_the_order_of_the_table_under_canonical_names(folder: Path) -> None:
    studies, _ = read(folder)
    found = {
        number: [(x.finding, x.state, x.name) for x in s.labels] for number, s in studies.items()
    }
    assert found["00000001_002"] == [
        ("pleural effusion", "present", "Effusion"),
        ("cardiomegaly", "present", "Cardiomegaly"),
    ]
    assert found["00000003_000"] == [("pleural thickening", "present", "Pleural_Thickening")]
    assert [number for number, labels in found.items() if not labels] == [
        "00000002_000",
        "00000004_000",
    ]


def test_label_set_of_the_card_holds_the_fourteen_and_blank_means_absent() -> None:
    card = registry()["nih_chestxray14"].card
    findings = card.label_sets["findings"]
    assert len(findings.findings) == 14
    assert (findings.blank, findings.method) == ("absent", "report_labeller")
    boxes = card.label_sets["boxes"]
    assert len(boxes.findings) == 8 and set(boxes.findings) < set(findings.findings)
    assert (boxes.drawn, boxes.shape) == ("some", "box")


def test_boxes_are_corner_and_size_on_the_released_grid(folder: Path) -> None:
    studies, _ = read(folder)
    (heart,) = studies["00000001_000"].regions
    assert heart.box == pytest.approx((392.2, 512.0, 833.2, 842.7))
    assert (heart.frame, heart.label) == ((1024, 1024), "cardiomegaly")
    with_boxes = {number for number, s in studies.items() if "boxes" in s.label_sets}
    assert with_boxes == {"00000001_000", "00000001_002", "00000003_002"}
    assert with_boxes == {number for number, s in studies.items() if s.regions}


def test_infiltrate_of_the_box_list_is_the_infiltration_of_the_table(folder: Path) -> None:
    study = read(folder)[0]["00000003_002"]
    assert [(r.label, r.name) for r in study.regions] == [
        ("infiltration", "Infiltrate"),
        ("mass", "Mass"),
    ]
    assert {r.label for r in study.regions} == {x.finding for x in study.labels}


def test_place_in_time_is_the_follow_up_and_not_the_suffix_of_the_name(folder: Path) -> None:
    replace(folder / TABLE, "00000001_000.png,Cardiomegaly,0", "00000001_000.png,Cardiomegaly,12")
    studies, _ = read(folder)
    assert studies["00000003_002"].order == "0001"
    first = [s for s in studies.values() if s.people == ("nih_chestxray14:1",)]
    assert [s.id for s in sorted(first, key=lambda s: str(s.order))] == [
        "00000001_001",
        "00000001_002",
        "00000001_000",
    ]


def test_age_sex_and_view_of_the_table(folder: Path) -> None:
    studies, _ = read(folder)
    assert (studies["00000003_000"].age, studies["00000003_000"].sex) == (0, "F")
    assert studies["00000002_000"].age == 81
    views = {number: s.images[0].view for number, s in studies.items()}
    assert [number for number, view in views.items() if view == "AP"] == [
        "00000001_002",
        "00000003_002",
        "00000004_000",
    ]
    assert set(views.values()) == {"PA", "AP"}


def test_ages_of_the_2017_table(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    table = tmp_path / "Data_Entry_2017.csv"
    replace(table, "00000001_000.png,Cardiomegaly,0,1,58,", "00000001_000.png,Cardiomegaly,0,1,,")
    replace(table, "Pleural_Thickening,0,3,0,", "Pleural_Thickening,0,3,006M,")
    studies, release = read(tmp_path)
    assert studies["00000005_000"].age == 58  # 058Y
    assert studies["00000003_000"].age == 0.5
    assert studies["00000002_000"].age is None  # 414
    assert studies["00000001_000"].age is None  # blank: nothing to set aside
    assert [(r.reason, r.row, r.expected) for r in release.rejects] == [
        ("implausible_age", 5, True),
    ]


def test_table_of_2020_wins_over_that_of_2017(folder: Path) -> None:
    sample.write(folder, "kaggle")
    studies, release = read(folder)
    assert studies["00000002_000"].age == 81 and not release.rejects


def test_sex_may_stand_under_its_other_heading(folder: Path) -> None:
    before, _ = read(folder)
    replace(folder / TABLE, "Patient Gender", "Patient Sex")
    assert read(folder)[0] == before


def test_columns_are_found_by_name(folder: Path) -> None:
    before, _ = read(folder)
    lines = (folder / TABLE).read_text().splitlines()
    moved = [",".join([*line.split(",")[5:], *line.split(",")[:5]]) for line in lines]
    (folder / TABLE).write_text("\n".join(moved) + "\n")
    assert read(folder)[0] == before


def test_official_lists_give_train_and_test_by_patient(folder: Path) -> None:
    studies, _ = read(folder)
    for study in studies.values():
        (person,) = study.people
        assert study.split == ("train" if int(person.rpartition(":")[2]) <= 4 else "test")
        assert study.split_origin == "official lists"
    assert registry()["nih_chestxray14"].card.validation_share == 0.1


def test_without_lists_there_is_no_split(tmp_path: Path) -> None:
    sample.write(tmp_path, "no_lists")
    studies, release = read(tmp_path)
    assert {(s.split, s.split_origin) for s in studies.values()} == {(None, None)}
    assert not release.rejects


@pytest.mark.parametrize("kept", ["train_val_list.txt", "test_list.txt"])
def test_one_list_alone_is_not_used_and_counted(folder: Path, kept: str) -> None:
    for name in ("train_val_list.txt", "test_list.txt"):
        if name != kept:
            (folder / name).unlink()
    studies, release = read(folder)
    assert {s.split for s in studies.values()} == {None}
    assert only_reject(release) == ("lone_list", kept, None, True)


def test_picture_on_both_lists_is_taken_for_test_and_counted(folder: Path) -> None:
    replace(folder / "test_list.txt", "00000005_000.png", "00000005_000.png\n00000004_000.png")
    studies, release = read(folder)
    assert studies["00000004_000"].split == "test"
    assert only_reject(release) == ("on_both_lists", "test_list.txt", 2, False)


def test_picture_on_neither_list_is_counted(folder: Path) -> None:
    replace(folder / "train_val_list.txt", "00000001_001.png\n", "")
    studies, release = read(folder)
    assert studies["00000001_001"].split is None
    assert only_reject(release) == ("on_no_list", TABLE, 3, False)


def test_names_that_the_table_lacks_are_counted_and_do_not_stop_a_build(folder: Path) -> None:
    add(folder / "test_list.txt", "00000099_000.png")
    add(folder / "BBox_List_2017.csv", "00000099_001.png,Mass,10.0,10.0,50.0,50.0,,,")
    studies, release = read(folder)
    assert list(studies) == IDS
    assert [(r.reason, r.path, r.detail, r.expected) for r in release.rejects] == [
        ("not_in_table", "BBox_List_2017.csv", f"no 00000099_001.png in {TABLE}", True),
        ("not_in_table", "test_list.txt", f"no 00000099_000.png in {TABLE}", True),
    ]


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_a_patient_stands_on_one_side_even_where_the_lists_leak(
    tmp_path: Path, variant: str
) -> None:
    release, cache = tmp_path / "release", tmp_path / "cache"
    sample.write(release, variant)
    leaks = variant == "box"
    if leaks:  # a later picture of patient 1 goes to the test list
        replace(release / "train_val_list.txt", "00000001_002.png\n", "")
        add(release / "test_list.txt", "00000001_002.png")
    source = registry()["nih_chestxray14"]
    loaded = load_studies(source, str(release), cache, "key", {})
    table = StudyTable(Path(loaded.table))
    for seed in range(20):
        people = resolve(
            {source.key: table}, registry(), seed=seed, shares=Shares(), policy="clean"
        )[source.key]
        sides: dict[int, set[str]] = {}
        for person, split in zip(people.person.tolist(), people.split.tolist(), strict=True):
            sides.setdefault(person, set()).add(SPLITS[split] if split >= 0 else REASONS[split])
        assert len(sides) == 6
        assert all(len(side - {"split_conflict"}) <= 1 for side in sides.values())
        conflicts = [table[int(row)].id for row in np.flatnonzero(people.split < 0)]
        assert conflicts == (["00000001_000", "00000001_001"] if leaks else [])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("00000005_000.png,Hernia,", "00000005_000.png,Hernias,", "unknown_finding"),
        ("00000005_000.png,Hernia,", "00000005_000.png,,", "unknown_finding"),
        ("Hernia,0,5,", "Hernia,0,,", "bad_number"),
        ("Hernia,0,5,", "Hernia,first,5,", "bad_number"),
        ("Hernia,0,5,", "Hernia,5,", "wrong_field_count"),
    ],
)
def test_damaged_rows_are_set_aside_by_line(folder: Path, old: str, new: str, reason: str) -> None:
    for name in ("train_val_list.txt", "test_list.txt"):
        (folder / name).unlink()
    replace(folder / TABLE, old, new)
    studies, release = read(folder)
    assert list(studies) == [number for number in IDS if number != "00000005_000"]
    assert only_reject(release) == (reason, TABLE, 9, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Infiltrate,212.0,", "Infiltrates of some kind,212.0,"),
        ("Infiltrate,212.0,", "Infiltrate,,"),
        ("Infiltrate,212.0,301.5,180.25,", "Infiltrate,212.0,301.5,0.0,"),
        ("Infiltrate,212.0,", "Infiltrate,nan,"),
    ],
)
def test_damaged_boxes_are_set_aside_and_their_neighbours_kept(
    folder: Path, old: str, new: str
) -> None:
    replace(folder / "BBox_List_2017.csv", old, new)
    studies, release = read(folder)
    assert [r.label for r in studies["00000003_002"].regions] == ["mass"]
    assert only_reject(release) == ("bad_box", "BBox_List_2017.csv", 2, False)


def test_without_the_box_list_nothing_was_drawn(folder: Path) -> None:
    (folder / "BBox_List_2017.csv").unlink()
    studies, release = read(folder)
    assert {s.label_sets for s in studies.values()} == {("findings",)}
    assert not any(s.regions for s in studies.values()) and not release.rejects


def test_release_without_its_table_is_one_clear_error(folder: Path) -> None:
    (folder / TABLE).unlink()
    with pytest.raises(ReleaseError, match=r"^nih_chestxray14: no Data_Entry_2017_v2020\.csv or "):
        read(folder)


def test_table_of_another_set_is_one_clear_error(folder: Path) -> None:
    replace(folder / TABLE, "Finding Labels", "Labels")
    with pytest.raises(ReleaseError, match=r"v2020\.csv, row 1: no column 'Finding Labels'"):
        read(folder)
