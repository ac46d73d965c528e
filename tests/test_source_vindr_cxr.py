"""VinDr-CXR: PhysioNet's and Kaggle's tables, three readers a picture."""

from __future__ import annotations

from collections import Counter
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.config import load_yaml
from chexinstruct.errors import ReleaseError
from chexinstruct.regions import consensus
from chexinstruct.schema import Label, Region, Study
from chexinstruct.source import Card
from chexinstruct.sources.vindr_cxr import loader, sample
from chexinstruct.vocabulary import NO_FINDING, canonical

CARD = files("chexinstruct.sources.vindr_cxr") / "card.yaml"
PHYSIONET = ("physionet", "top_level")
KAGGLE = ("kaggle", "kaggle_png", "kaggle_png_sizes")
BAD = {("contradictory_reader", False): 1, ("bad_box", False): 1}


read = partial(read_release, "vindr_cxr")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout by case."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    found, _ = read(folder)
    return {name: found[sample.image_id(name)] for name in (*sample.TRAIN, *sample.TEST)}


def readers(items: tuple[Label, ...] | tuple[Region, ...], finding: str) -> list[str | None]:
    name = "label" if items and isinstance(items[0], Region) else "finding"
    return [item.reader for item in items if getattr(item, name) == finding]


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("variant", PHYSIONET)
def test_physionet_layouts_give_train_and_test_by_picture(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    train = sorted(map(sample.image_id, sample.TRAIN))
    test = sorted(map(sample.image_id, sample.TEST))
    assert list(studies) == train + test
    for study in studies.values():
        assert study.split == ("train" if study.id in train else "test")
        assert study.people == (f"vindr_cxr:{study.id}",)
        assert study.label_sets == ("findings", "diseases")
        assert [(i.key, i.view, i.view_source) for i in study.images] == [
            (study.id, "PA", "inferred")
        ]
        assert study.license is None
    assert release.reject_counts == {**BAD, ("implausible_age", True): 2}
    assert read(tmp_path)[0] == studies


@pytest.mark.parametrize("variant", KAGGLE)
def test_kaggle_layouts_give_train_only_and_count_its_unlabelled_test(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert list(studies) == sorted(map(sample.image_id, sample.TRAIN))
    assert {study.split for study in studies.values()} == {"train"}
    assert {study.label_sets for study in studies.values()} == {("findings_kaggle",)}
    assert {study.license for study in studies.values()} == {"registered"}
    unlabelled = {r.path.split(".")[0] for r in release.rejects if r.reason == "unlabelled_picture"}
    assert unlabelled == {f"test/{sample.image_id(name)}" for name in sample.TEST}
    ages = {("implausible_age", True): 2} if variant == "kaggle" else {}
    counts = {**BAD, ("unlabelled_picture", True): len(sample.TEST), **ages}
    assert release.reject_counts == counts
    assert read(tmp_path)[0] == studies


def test_physionet_wins_where_both_layouts_lie_together(tmp_path: Path) -> None:
    sample.write(tmp_path)
    physionet = read(tmp_path)[0]
    sample.write(tmp_path, "kaggle")
    assert read(tmp_path)[0] == physionet


@pytest.mark.parametrize("variant", [PHYSIONET[0], KAGGLE[0]])
def test_every_box_is_kept_with_its_reader_in_the_order_of_the_table(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, _ = read(tmp_path)
    for name, readings in sample.TRAIN.items():
        drawn = [
            (item, tuple(map(float, box)), reader)
            for reader, reading in readings.items()
            for item, box in reading
            if box and box[0] < box[2] and (variant == "physionet" or item in sample.KAGGLE)
        ]
        study = studies[sample.image_id(name)]
        assert [(r.name, r.box, r.reader) for r in study.regions] == drawn
        assert [r.label for r in study.regions] == [canonical(item) for item, _, _ in drawn]


@pytest.mark.parametrize("variant", [PHYSIONET[0], KAGGLE[0]])
def test_all_three_readers_are_named_whether_or_not_they_found_something(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, _ = read(tmp_path)
    for name, readings in sample.TRAIN.items():
        labels = studies[sample.image_id(name)].labels
        assert {label.reader for label in labels} == set(readings)
        assert all(label.state == "present" for label in labels)
        assert len({(label.reader, label.finding) for label in labels}) == len(labels)


def test_finding_of_one_reader_is_disputed_and_not_present(studies: dict[str, Study]) -> None:
    study = studies["one_reader"]
    assert readers(study.labels, "calcification") == ["R8"]
    assert readers(study.labels, NO_FINDING) == ["R12", "R13"]
    agreed = consensus(study.regions, "majority", readers=3)
    assert agreed.regions == () and set(agreed.disputed) == {"calcification"}


def test_boxes_of_two_readers_make_one(studies: dict[str, Study]) -> None:
    study = studies["overlapping"]
    (box,) = consensus(study.regions, "upstream", readers=3).regions
    assert box.box == (66, 108, 150, 172)
    (box,) = consensus(study.regions, "majority", readers=3).regions
    assert box.label == "cardiomegaly"


def test_picture_without_findings_has_none_but_its_readers(studies: dict[str, Study]) -> None:
    study = studies["normal"]
    assert study.regions == ()
    assert {(label.finding, label.name) for label in study.labels} == {(NO_FINDING, "No finding")}


def test_diseases_are_labels_without_boxes_under_either_spelling(studies: dict[str, Study]) -> None:
    train, test = studies["other_diseases"], studies["test_other_disease"]
    assert readers(train.labels, "other disease") == ["R8", "R9", "R10"]
    assert readers(test.labels, "other disease") == [None]
    assert "other disease" not in {region.label for region in (*train.regions, *test.regions)}
    # No box, so the box table says "No finding"; the label table knows better.
    assert readers(studies["copd"].labels, "COPD") == ["R1", "R2", "R3"]
    assert readers(studies["copd"].labels, NO_FINDING) == []


def test_consensus_of_the_test_split_names_no_reader(studies: dict[str, Study]) -> None:
    heart = studies["test_heart"]
    assert {r.reader for r in heart.regions} == {None}
    assert [x.finding for x in heart.labels] == ["cardiomegaly", "aortic enlargement"]
    assert studies["test_normal"].labels == ()


def test_label_sets_of_the_card_are_those_of_the_tables() -> None:
    sets = load_yaml(CARD, Card).label_sets
    assert sets["findings"].findings == tuple(map(canonical, loader.LABELS[:22]))
    assert sets["diseases"].findings == tuple(map(canonical, loader.LABELS[22:27]))
    assert sets["findings_kaggle"].findings == tuple(map(canonical, sample.KAGGLE[:14]))


def test_box_past_the_edge_stays_as_released(studies: dict[str, Study]) -> None:
    first = studies["past_the_edge"].regions[0]
    assert first.box == (120, 160, 200, 230)
    assert first.frame == sample.SIZE


def test_box_without_width_is_rejected_and_the_word_of_its_reader_stands(
    studies: dict[str, Study],
) -> None:
    study = studies["flat_box"]
    assert readers(study.regions, "cardiomegaly") == ["R10", "R8"]
    assert readers(study.labels, "cardiomegaly") == ["R9", "R10", "R8"]


def test_marked_finding_stands_against_no_finding_of_the_same_reader(
    studies: dict[str, Study],
) -> None:
    study = studies["contradiction"]
    assert readers(study.labels, "aortic enlargement") == ["R9", "R10"]
    assert readers(study.labels, NO_FINDING) == ["R8"]


def test_frame_and_size_come_from_the_dicom_header(folder: Path) -> None:
    studies, _ = read(folder)
    for study in studies.values():
        here = study.id != sample.image_id(sample.MISSING)
        (image,) = study.images
        assert (image.path is not None) is here
        assert (image.width, image.height) == (sample.SIZE if here else (None, None))
        assert {r.frame for r in study.regions} <= {sample.SIZE if here else None}


def test_kaggle_without_the_original_size_has_no_frame(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle_png")
    studies, _ = read(tmp_path)
    assert {r.frame for s in studies.values() for r in s.regions} == {sample.SIZE}
    (tmp_path / "train_meta.csv").unlink()
    studies, _ = read(tmp_path)
    assert {r.frame for s in studies.values() for r in s.regions} == {None}


def test_original_size_may_stand_in_the_box_table(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle_png_sizes")
    studies, _ = read(tmp_path)
    assert {r.frame for s in studies.values() for r in s.regions} == {sample.SIZE}
    # The file at hand is smaller, and its own size is not known without opening it.
    assert {(i.width, i.height) for s in studies.values() for i in s.images} == {(None, None)}


def test_size_that_is_none_is_rejected(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle_png")
    replace(tmp_path / "train_meta.csv", ",224,192", ",0,192")
    studies, release = read(tmp_path)
    assert release.reject_counts["bad_size", False] == 1
    assert {r.frame for r in studies[sample.image_id("overlapping")].regions} == {sample.SIZE}


def test_sex_and_plausible_age_of_the_header(studies: dict[str, Study]) -> None:
    assert (studies["normal"].sex, studies["normal"].age) == ("F", 45)
    assert (studies["overlapping"].sex, studies["overlapping"].age) == ("M", 67)
    assert (studies["far_apart"].sex, studies["far_apart"].age) == ("M", None)
    assert (studies["one_reader"].sex, studies["one_reader"].age) == (None, None)
    assert studies["three_of_a_class"].sex == "O"


def test_unknown_class_and_blank_reader_are_rejected_by_row(folder: Path) -> None:
    table = folder / "annotations/annotations_train.csv"
    replace(table, ",R8,Calcification,", ",R8,Calcifikation,")
    replace(table, ",R7,No finding", ",,No finding")
    studies, release = read(folder)
    assert release.reject_counts["unknown_finding", False] == 1
    assert release.reject_counts["no_reader", False] == 1
    (row,) = [r.row for r in release.rejects if r.reason == "unknown_finding"]
    assert row and "Calcifikation" in table.read_text().splitlines()[row - 1]
    assert studies[sample.image_id("one_reader")].regions == ()
    # The label table still names both readers.
    assert Counter(x.finding for x in studies[sample.image_id("normal")].labels) == {NO_FINDING: 3}


def test_label_that_is_neither_0_nor_1_is_rejected(folder: Path) -> None:
    path = folder / "annotations/image_labels_test.csv"
    heart = sample.image_id("test_heart")
    replace(path, f"{heart},1,0,0,1,", f"{heart},1.0,x,,1,")
    studies, release = read(folder)
    assert release.reject_counts["bad_label", False] == 1
    assert [x.finding for x in studies[heart].labels] == ["cardiomegaly", "aortic enlargement"]


def test_without_label_tables_diseases_were_not_looked_for(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / f"annotations/image_labels_{split}.csv").unlink()
    studies, _ = read(folder)
    assert {study.label_sets for study in studies.values()} == {("findings",)}


def test_picture_that_only_the_label_table_names_is_kept(folder: Path) -> None:
    path = folder / "annotations/annotations_test.csv"
    heart = sample.image_id("test_heart")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(heart)))
    studies, _ = read(folder)
    study = studies[heart]
    assert study.regions == ()
    assert {x.finding for x in study.labels} == {"aortic enlargement", "cardiomegaly"}
    assert study.origin and study.origin.file == "annotations/image_labels_test.csv"


def test_release_without_tables_is_one_clear_error(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    (tmp_path / "train.csv").unlink()
    with pytest.raises(ReleaseError, match=r"vindr_cxr: no annotations_train.csv or train.csv"):
        read(tmp_path)


def test_table_of_another_layout_is_one_clear_error(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    replace(tmp_path / "train.csv", "rad_id", "reader")
    with pytest.raises(ReleaseError, match=r"train.csv, row 1: no column 'rad_id' or 'rad_ID'"):
        read(tmp_path)
