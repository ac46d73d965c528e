"""MS-CXR: boxes and phrases joined to the studies of MIMIC-CXR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Region, Study
from chexinstruct.source import registry
from chexinstruct.sources.ms_cxr import loader, sample


@dataclass
class Table:
    """The studies of a parent, in memory."""

    studies: list[Study]

    def __iter__(self) -> Iterator[Study]:
        return iter(self.studies)

    def get(self, study_id: str) -> Study | None:
        return next((s for s in self.studies if s.id == study_id), None)

    def with_image(self, key: str) -> Study | None:
        return next((s for s in self.studies if any(i.key == key for i in s.images)), None)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("mimic_cxr")
    source = registry()["mimic_cxr"]
    source.sample.write(folder)
    release = Release.open(folder, source="mimic_cxr")
    return Table(list(source.loader.studies(release, {})))


def read(folder: Path, parent: Table) -> tuple[dict[str, Study], Release]:
    release = Release.open(folder, source="ms_cxr")
    studies = list(loader.studies(release, {"mimic_cxr": parent}))
    assert len({study.id for study in studies}) == len(studies)
    return {study.id: study for study in studies}, release


def name(study: int, number: int = 1) -> str:
    return f"s{study}_{sample.dicom_id(study, number)}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def phrases(study: Study) -> list[tuple[str | None, str | None]]:
    return [(region.phrase, region.label) for region in study.regions]


def test_a_picture_is_a_study_with_what_its_parent_knows(folder: Path, parent: Table) -> None:
    studies, release = read(folder, parent)
    assert read(folder, parent)[0] == studies
    assert list(studies) == sorted(studies)
    assert release.reject_counts == {
        ("bad_box", False): 1,
        ("frame_mismatch", False): 1,
        ("not_in_parent", True): 2,
    }
    known = {f"s{r.study}" for r in sample.ROWS} - {"s50000099", "s59999990"}
    assert {key.split("_")[0] for key in studies} == known
    for study in studies.values():
        exam = parent.with_image(study.images[0].key)
        assert exam is not None
        image, original = study.images[0], exam.images[0]
        assert (image.release, image.path) == ("mimic_cxr", original.path)
        assert (image.width, image.height) == (original.width, original.height)
        assert (image.view, image.view_source) == (original.view, "table")
        assert study.people == exam.people
        assert exam.report is not None
        assert study.report == replace(exam.report, release="mimic_cxr")
        assert {region.image for region in study.regions} == {image.key}


def test_labels_are_those_of_the_card_and_absence_is_never_claimed(
    folder: Path, parent: Table
) -> None:
    card = registry()["ms_cxr"].card
    boxes = card.label_sets["boxes"]
    assert (boxes.blank, boxes.drawn, boxes.shape) == ("not_mentioned", "some", "box")
    studies, _ = read(folder, parent)
    seen = {region.label for study in studies.values() for region in study.regions}
    assert seen == set(boxes.findings)
    assert all(s.label_sets == ("boxes",) and not s.labels for s in studies.values())
    assert card.requires == ("mimic_cxr",) and card.split_authority == "mimic_cxr"


def test_one_phrase_with_two_boxes_keeps_both_in_the_order_of_the_table(
    folder: Path, parent: Table
) -> None:
    study = read(folder, parent)[0][name(50000001)]
    left, right, edema = study.regions
    assert left.phrase == right.phrase == "small bilateral pleural effusions"
    assert right.box == (14, 106, 66, 138) and right.frame == sample.LANDSCAPE
    assert edema.label == "edema" and edema.name == "Edema"


def test_a_box_past_the_edge_stays_as_released(folder: Path, parent: Table) -> None:
    region = read(folder, parent)[0][name(50000001)].regions[0]
    assert region.box == (128, 104, 198, 138)
    assert region.frame == (192, 160)


def test_one_phrase_with_two_categories(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0][name(50000002)]
    phrase = "Right lower lobe consolidation compatible with pneumonia"
    assert phrases(study) == [(phrase, "consolidation"), (phrase, "pneumonia")]


def test_a_box_without_area_is_rejected_and_its_neighbour_kept(folder: Path, parent: Table) -> None:
    studies, release = read(folder, parent)
    assert phrases(studies[name(50000009)]) == [("Left basilar atelectasis", "atelectasis")]
    assert [r.row for r in release.rejects if r.reason == "bad_box"] == [7]


def test_blanks_in_phrases_are_collapsed(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0][name(50000005)]
    assert phrases(study) == [("small left apical pneumothorax", "pneumothorax")]
    assert study.regions[0].box == (118, 16, 162, 42)


def test_phrases_stand_in_findings_in_the_impression_or_nowhere(
    folder: Path, parent: Table
) -> None:
    studies, _ = read(folder, parent)

    def places(study: Study, region: Region) -> set[str]:
        assert study.report is not None and region.phrase is not None
        return {n for n, text in study.report.sections.items() if region.phrase in text}

    found = {
        frozenset(places(study, region)) for study in studies.values() for region in study.regions
    }
    assert {frozenset(), frozenset({"findings"}), frozenset({"impression"})} <= found


def test_boxes_of_a_larger_copy_keep_their_own_frame(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0][name(59999988)]
    assert study.regions[0].frame == (320, 384)
    assert (study.images[0].width, study.images[0].height) == (160, 192)


def test_a_picture_on_its_side_is_rejected(folder: Path, parent: Table) -> None:
    studies, release = read(folder, parent)
    assert name(59999990) not in studies
    rejects = [r.detail for r in release.rejects if r.reason == "frame_mismatch"]
    assert rejects == ["160 x 192 here, 192 x 160 in mimic_cxr"]


def test_pictures_and_studies_that_the_parent_lacks(folder: Path, parent: Table) -> None:
    _, release = read(folder, parent)
    gone = [r.detail.split()[0] for r in release.rejects if r.reason == "not_in_parent"]
    assert gone == [sample.dicom_id(50000004, 9), sample.dicom_id(50000099, 1)]
    nothing, bare = read(folder, Table([]))
    assert not nothing
    assert bare.reject_counts == {("not_in_parent", True): len(sample.ROWS)}


def test_benchmark_items_are_held_out_and_the_rest_follows_mimic(
    folder: Path, parent: Table
) -> None:
    studies, _ = read(folder, parent)
    splits = {key: (s.split, s.holdout, s.split_origin) for key, s in studies.items()}
    assert splits[name(50000005)] == ("test", True, "MS-CXR split column")  # MIMIC: train
    assert splits[name(50000012)] == ("validation", True, "MS-CXR split column")
    # train here, validation in MIMIC-CXR
    assert splits[name(59999988)] == ("validation", False, "MIMIC-CXR-JPG split table")
    assert splits[name(50000001)] == ("train", False, "MIMIC-CXR-JPG split table")


def test_without_a_split_column_mimic_decides(tmp_path: Path, parent: Table) -> None:
    sample.write(tmp_path, "v0_1")
    studies, _ = read(tmp_path, parent)
    assert studies[name(50000005)].split == "train"
    assert not any(study.holdout for study in studies.values())
    assert {s.split_origin for s in studies.values()} == {"MIMIC-CXR-JPG split table"}


def test_cells_may_be_floats(folder: Path, parent: Table) -> None:
    before = read(folder, parent)[0]
    table = next(folder.glob("*.csv"))
    text = table.read_text()
    assert ",30,34,134,84,192,160," in text
    table.write_text(text.replace(",30,34,134,84,192,160,", ",30.0,34.0,134.0,84.0,192.0,160.0,"))
    assert read(folder, parent)[0] == before


def test_the_table_is_read_and_not_its_twin(folder: Path, parent: Table) -> None:
    before = read(folder, parent)[0]
    twin = next(folder.glob("*.json"))
    twin.write_text("{")
    assert read(folder, parent)[0] == before
    next(folder.glob("*.csv")).unlink()
    with pytest.raises(ReleaseError, match=r"no MS_CXR_Local_Alignment_v\*\.csv found"):
        read(folder, parent)


@pytest.mark.parametrize("variant", ["both", "wget"])
def test_of_several_versions_the_newest_is_read(
    tmp_path: Path, parent: Table, variant: str
) -> None:
    sample.write(tmp_path / "one")
    sample.write(tmp_path / "more", variant)
    one, more = read(tmp_path / "one", parent)[0], read(tmp_path / "more", parent)[0]
    assert {k: (s.regions, s.split) for k, s in more.items()} == {
        k: (s.regions, s.split) for k, s in one.items()
    }


def test_no_order_since_the_row_before_need_not_be_the_study_before(
    folder: Path, parent: Table
) -> None:
    studies, _ = read(folder, parent)
    assert {study.order for study in studies.values()} == {None}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Edema,", "Oedema,", "unknown_finding"),
        (",30,34,134,84,", ",30,34,wide,84,", "bad_box"),
        (",30,34,134,84,", ",300,34,134,84,", "bad_box"),
        (",30,34,134,84,192,", ",30,34,134,84,inf,", "bad_box"),
        (",30,34,134,84,192,160,train", ",30,34,134,84,192,160,dev", "unknown_split"),
    ],
)
def test_damaged_rows_are_counted(
    folder: Path, parent: Table, old: str, new: str, reason: str
) -> None:
    table = next(folder.glob("*.csv"))
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    before = 1 if reason == "bad_box" else 0
    studies, release = read(folder, parent)
    assert release.reject_counts[reason, False] == before + 1
    assert len(studies[name(50000001)].regions) == 2


def test_sample_repeats_the_ids_of_the_parent_sample() -> None:
    theirs = registry()["mimic_cxr"].sample
    exams = {exam.study: exam for exam in theirs.EXAMS}  # type: ignore[attr-defined]
    unknown = {row.study for row in sample.ROWS} - exams.keys()
    assert unknown == {50000099}
    assert all(exams[row.study].subject == row.subject for row in sample.ROWS if row.study in exams)
    assert sample.dicom_id(50000001, 1) == theirs.dicom_id(50000001, 1)  # type: ignore[attr-defined]
