"""RSNA Pneumonia Detection Challenge: Kaggle's tables, the RSNA's file, persons of ChestX-ray14."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_releases import read_release

from chexinstruct.build.people import resolve
from chexinstruct.build.studies import StudyTable, load_studies
from chexinstruct.errors import ReleaseError
from chexinstruct.manifest import Shares
from chexinstruct.regions import unit
from chexinstruct.schema import Label, Study
from chexinstruct.source import registry
from chexinstruct.sources.nih_chestxray14 import sample as nih
from chexinstruct.sources.rsna_pneumonia import sample

TABLE, DETAILS = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
ANNOTATIONS = "pneumonia-challenge-annotations-adjudicated-kaggle_2018.json"
MAPPINGS = "pneumonia-challenge-dataset-mappings_2018.json"
MATCHES = "rsna_nih_matches.csv"
POSITIVE = {name for name, case in sample.CASES.items() if case.boxes}
DAMAGED = ("bad_dicom", False)
UNLABELLED = ("unlabelled_picture", True)

read = partial(read_release, "rsna_pneumonia")


def by_case(studies: dict[str, Study]) -> dict[str, Study]:
    return {name: studies[sample.picture_id(name)] for name in sample.CASES}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout by case."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    return by_case(read(folder)[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def row_of(name: str) -> str:
    """The row of a negative picture."""
    return f"{sample.picture_id(name)},,,,,0\n"


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


@pytest.mark.parametrize(
    ("variant", "counts"),
    [
        ("kaggle", {DAMAGED: 1, UNLABELLED: 1, ("doubtful_match", True): 1}),
        ("zips", {DAMAGED: 1, UNLABELLED: 1, ("doubtful_match", True): 1}),
        ("copies", {}),
        ("rsna_page", {DAMAGED: 1, UNLABELLED: 2}),
    ],
)
def test_layouts_give_a_study_a_labelled_picture_and_count_the_others(
    tmp_path: Path, variant: str, counts: dict[tuple[str, bool], int]
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert set(studies) == set(map(sample.picture_id, sample.CASES))
    for name, study in by_case(studies).items():
        assert (study.images[0].path is None) is (name == sample.MISSING)
        assert study.split is None
        assert bool(study.regions) is (name in POSITIVE)
    if variant != "copies":
        counts = {**counts, ("implausible_age", True): 1}
    assert release.reject_counts == counts
    assert read(tmp_path)[0] == studies


def test_layouts_agree_on_labels_and_boxes(tmp_path: Path) -> None:
    found = []
    for variant in ("kaggle", "zips", "rsna_page"):
        sample.write(tmp_path / variant, variant)
        cases = by_case(read(tmp_path / variant)[0])
        found.append({n: (s.label_sets, s.labels, s.regions, s.age) for n, s in cases.items()})
    assert found[0] == found[1] == found[2]


def test_test_pictures_never_become_studies(folder: Path) -> None:
    studies, release = read(folder)
    picture = f"stage_2_test_images/{sample.picture_id(sample.UNLABELLED)}.dcm"
    assert picture in release.files
    assert all(study.images[0].path != picture for study in studies.values())
    assert [r.path for r in release.rejects if r.reason == "unlabelled_picture"] == [picture]


# What is present and what is absent


@pytest.mark.parametrize("name", sorted(POSITIVE))
def test_suspicious_opacity_is_pneumonia_and_every_one_is_drawn(
    studies: dict[str, Study], name: str
) -> None:
    study = studies[name]
    assert study.label_sets == ("pneumonia", "opacities", "classes")
    assert states(study) == {"pneumonia": "present", "lung opacity": "present"}
    assert len(study.regions) == len(sample.CASES[name].boxes)


def test_normal_picture_has_neither_pneumonia_nor_lung_opacity(studies: dict[str, Study]) -> None:
    study = studies["normal"]
    assert study.label_sets == ("pneumonia", "opacities", "classes")
    assert states(study) == {
        "pneumonia": "absent",
        "lung opacity": "absent",
        "no finding": "present",
    }


def test_other_abnormality_is_neither_normal_nor_known_to_be_without_opacity(
    studies: dict[str, Study],
) -> None:
    study = studies["not_normal"]
    assert study.label_sets == ("pneumonia", "classes")
    assert states(study) == {"pneumonia": "absent", "abnormality without pneumonia": "present"}


def test_without_the_classes_only_pneumonia_is_known_to_be_absent(tmp_path: Path) -> None:
    sample.write(tmp_path, "copies")
    found = by_case(read(tmp_path)[0])
    assert found["normal"].label_sets == ("pneumonia",)
    assert found["normal"].labels == (Label(finding="pneumonia", state="absent"),)
    assert found["one_box"].label_sets == ("pneumonia", "opacities")


def test_classes_of_the_card_are_those_of_the_table() -> None:
    sets = registry()["rsna_pneumonia"].card.label_sets
    assert sets["classes"].kind == "exclusive" and len(sets["classes"].findings) == 3
    assert (sets["opacities"].drawn, sets["opacities"].shape) == ("all", "box")
    assert sets["pneumonia"].drawn == "none"


# Boxes


def test_boxes_are_corner_and_size_in_the_released_grid(studies: dict[str, Study]) -> None:
    (region,) = studies["one_box"].regions
    assert region.box == (264, 152, 477, 531)
    assert (region.frame, region.label, region.name) == (
        (1024, 1024),
        "lung opacity",
        "Lung Opacity",
    )
    assert [r.box for r in studies["three_boxes"].regions] == [
        (562, 152, 818.5, 605),
        (180.25, 300, 320.25, 396.125),
        (200, 610, 350, 730),
    ]


def test_box_that_touches_the_border_ends_there(studies: dict[str, Study]) -> None:
    (region,) = studies["at_the_border"].regions
    assert region.box == (700, 624, 1024, 1024)
    assert unit(region.box, (1024, 1024)) == (700 / 1024, 624 / 1024, 1, 1)


edges = st.lists(
    st.floats(0, 1024, allow_subnormal=False), min_size=2, max_size=2, unique=True
).map(sorted)


@settings(max_examples=30)
@given(st.lists(st.tuples(edges, edges), min_size=1, max_size=4))
def test_boxes_of_the_table_come_back_as_fractions_of_the_picture(
    drawn: list[tuple[list[float], list[float]]],
) -> None:
    """x, y, width, height -> box in pixels -> box in 0..1, in the table's order."""
    written = [(x1, y1, x2 - x1, y2 - y1) for (x1, x2), (y1, y2) in drawn]
    name = sample.picture_id("one_box")
    rows = [f"{name},{x!r},{y!r},{w!r},{h!r},1" for x, y, w, h in written]
    with tempfile.TemporaryDirectory() as place:
        text = "\n".join(["patientId,x,y,width,height,Target", *rows]) + "\n"
        Path(place, TABLE).write_text(text)
        found, release = read(Path(place))
    assert not release.rejects
    assert len(found[name].regions) == len(drawn)
    for region, ((x1, x2), (y1, y2)) in zip(found[name].regions, drawn, strict=True):
        assert region.frame == (1024, 1024)
        corners = (x1 / 1024, y1 / 1024, x2 / 1024, y2 / 1024)
        assert unit(region.box, region.frame) == pytest.approx(corners, abs=1e-12)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("562.0,152.0,256.5,453.0,1", "562.0,152.0,0.0,453.0,1"),
        ("562.0,152.0,256.5,453.0,1", "562.0,152.0,256.5,-1,1"),
        ("562.0,152.0,256.5,453.0,1", ",,,,1"),
        ("562.0,152.0,256.5,453.0,1", "562.0,nan,256.5,453.0,1"),
        ("562.0,152.0,256.5,453.0,1", "562.0,here,256.5,453.0,1"),
    ],
)
def test_a_picture_with_a_damaged_box_keeps_its_label_and_no_box(
    folder: Path, old: str, new: str
) -> None:
    change(folder / TABLE, old, new)
    studies, release = read(folder)
    study = by_case(studies)["three_boxes"]
    assert (study.label_sets, study.regions) == (("pneumonia", "classes"), ())
    assert states(study) == {"pneumonia": "present"}
    (reject,) = [r for r in release.rejects if r.reason == "bad_box"]
    assert (reject.path, reject.row, reject.expected) == (TABLE, 5, False)


# Rows that contradict or cannot be read


def test_two_targets_of_one_picture_leave_it_without_labels(folder: Path) -> None:
    with (folder / TABLE).open("a") as table:
        table.write(row_of("one_box"))
    studies, release = read(folder)
    study = by_case(studies)["one_box"]
    assert (study.label_sets, study.labels, study.regions) == ((), (), ())
    assert release.reject_counts["contradictory_rows", False] == 1


def test_a_target_that_is_neither_leaves_the_picture_without_labels(folder: Path) -> None:
    change(folder / TABLE, row_of("normal"), row_of("normal").replace(",0\n", ",2\n"))
    studies, release = read(folder)
    assert by_case(studies)["normal"].label_sets == ()
    assert release.reject_counts["bad_target", False] == 1


def test_a_class_that_is_not_what_the_target_says_is_not_used(folder: Path) -> None:
    name = sample.picture_id("normal")
    change(folder / DETAILS, f"{name},Normal", f"{name},Lung Opacity")
    studies, release = read(folder)
    assert states(by_case(studies)["normal"]) == {"pneumonia": "absent"}
    (reject,) = [r for r in release.rejects if r.reason == "contradictory_class"]
    assert (reject.path, reject.row, reject.expected) == (DETAILS, 2, False)


def test_a_class_of_another_name_is_rejected(folder: Path) -> None:
    name = sample.picture_id("normal")
    change(folder / DETAILS, f"{name},Normal", f"{name},Healthy")
    studies, release = read(folder)
    assert by_case(studies)["normal"].label_sets == ("pneumonia",)
    assert release.reject_counts["unknown_class", False] == 1


def test_classes_of_pictures_that_the_table_lacks_are_counted(folder: Path) -> None:
    change(folder / TABLE, row_of("normal"), "")
    studies, release = read(folder)
    assert sample.picture_id("normal") not in studies
    assert [(r.path, r.row) for r in release.rejects if r.reason == "not_in_table"] == [
        (DETAILS, 2)
    ]


# Headers and files


def test_age_sex_view_and_size_of_the_header(studies: dict[str, Study]) -> None:
    study = studies["one_box"]
    (image,) = study.images
    assert (study.age, study.sex) == (58, "M")
    assert (image.view, image.view_source) == ("PA", "header")
    assert (image.width, image.height) == (sample.PIXELS, sample.PIXELS)
    assert (studies["three_boxes"].age, studies["three_boxes"].images[0].view) == (1, "AP")
    assert (studies["age_151"].age, studies["age_151"].sex) == (None, "M")
    for name in (sample.MISSING, sample.PNG, sample.DAMAGED):
        study = studies[name]
        assert (study.age, study.sex, study.images[0].view) == (None, None, None)


def test_copies_of_another_format_are_found(studies: dict[str, Study], tmp_path: Path) -> None:
    path = studies[sample.PNG].images[0].path
    assert path == f"stage_2_train_images/{sample.picture_id(sample.PNG)}.png"
    sample.write(tmp_path, "copies")
    found = by_case(read(tmp_path)[0])
    suffixes = Counter(Path(s.images[0].path).suffix for s in found.values() if s.images[0].path)
    assert suffixes == {".png": 6, ".jpg": 4}


def test_archives_of_tables_and_pictures_are_read_where_they_lie(tmp_path: Path) -> None:
    sample.write(tmp_path, "zips")
    study = by_case(read(tmp_path)[0])["one_box"]
    assert study.images[0].path == f"stage_2_train_images.zip/{study.id}.dcm"
    assert study.origin and study.origin.file == f"{TABLE}.zip/{TABLE}"


def test_archives_in_an_archive_are_told_to_be_unpacked(tmp_path: Path) -> None:
    sample.write(tmp_path / "parts", "zips")
    shutil.make_archive(str(tmp_path / "whole" / "all"), "zip", tmp_path / "parts")
    with pytest.raises(ReleaseError, match=r"unpack the archive around all\.zip/.*\.zip,"):
        read(tmp_path / "whole")


def test_kaggles_table_lies_with_the_rsnas_pictures(tmp_path: Path) -> None:
    sample.write(tmp_path, "rsna_page")
    (tmp_path / ANNOTATIONS).unlink()
    sample.write(tmp_path / "tables")
    for name in (TABLE, DETAILS):
        shutil.copy(tmp_path / "tables" / name, tmp_path / name)
    shutil.rmtree(tmp_path / "tables")
    found = by_case(read(tmp_path)[0])
    path = found["one_box"].images[0].path
    assert path and path.endswith(f"{sample.uid('one_box')}.dcm")
    assert (found["one_box"].age, len(found["one_box"].regions)) == (58, 1)


# The RSNA's annotation file


@pytest.fixture
def page(tmp_path: Path) -> Path:
    sample.write(tmp_path, "rsna_page")
    return tmp_path


def test_pictures_without_a_final_label_are_no_studies(page: Path) -> None:
    studies, _ = read(page)
    assert sample.picture_id(sample.EXCLUDED) not in studies
    assert len(studies) == len(sample.CASES)


def test_kaggles_table_goes_before_the_annotation_file(page: Path) -> None:
    name = sample.picture_id("normal")
    (page / TABLE).write_text(f"patientId,x,y,width,height,Target\n{name},,,,,0\n")
    studies, _ = read(page)
    assert list(studies) == [name]


def test_ids_come_from_the_list_then_the_header_then_the_file(page: Path) -> None:
    by_list, _ = read(page)
    (page / MAPPINGS).unlink()
    by_header, _ = read(page)
    unread = {sample.MISSING, sample.DAMAGED, sample.PNG}
    assert by_header.keys() - by_list.keys() == {
        sample.uid(sample.MISSING),
        sample.uid(sample.DAMAGED),
    }
    for name in set(sample.CASES) - unread:
        study = by_header[sample.picture_id(name)]
        assert study.people == (f"rsna_pneumonia:{study.id}",)


def edited(page: Path, change: dict[str, object]) -> Path:
    path = page / ANNOTATIONS
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    return page


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [{"id": "G", "name": "Team 1", "labels": [{"id": "L_a", "name": "Lung Opacity"}]}],
        [{"id": "G", "name": "Calculated", "labels": [{"id": "L_a", "name": "Lung Opacity"}]}],
    ],
)
def test_annotations_without_the_final_labels_are_one_clear_error(
    page: Path, groups: list[object]
) -> None:
    with pytest.raises(ReleaseError, match=r"no label group 'Calculated' with the labels Normal"):
        read(edited(page, {"labelGroups": groups}))


def test_annotations_of_another_form_are_one_clear_error(page: Path) -> None:
    with pytest.raises(ReleaseError, match=rf"{ANNOTATIONS}: [^\n]+$"):
        read(edited(page, {"datasets": {"annotations": []}}))


def test_faults_of_annotations_are_set_aside_by_picture(page: Path) -> None:
    annotations = json.loads((page / ANNOTATIONS).read_text())["datasets"][0]["annotations"]
    final = [item for item in annotations if item["labelId"] in ("L_a", "L_b", "L_c")]
    first = {item["SOPInstanceUID"]: item for item in reversed(final)}
    first[sample.uid("three_boxes")]["data"] = None
    second = {**first[sample.uid("inverted")], "labelId": "L_b"}
    nameless = {"labelId": "L_b", "data": None}
    studies, release = read(
        edited(page, {"datasets": [{"annotations": [*annotations, second, nameless]}]})
    )
    found = by_case(studies)
    assert (found["three_boxes"].label_sets, found["three_boxes"].regions) == (
        ("pneumonia", "classes"),
        (),
    )
    assert found["inverted"].label_sets == ()
    for reason in ("bad_box", "contradictory_class", "no_picture_named"):
        assert release.reject_counts[reason, False] == 1


# Persons


def test_matched_pictures_carry_the_person_of_chestxray14(studies: dict[str, Study]) -> None:
    number = sample.picture_id("not_normal")
    assert studies["not_normal"].people == (f"rsna_pneumonia:{number}", "nih_chestxray14:1")
    assert studies["one_box"].people[1:] == ("nih_chestxray14:1",)
    assert studies["doubtful"].people == (f"rsna_pneumonia:{studies['doubtful'].id}",)


def test_the_rsnas_list_is_trusted_where_the_match_is_not(page: Path) -> None:
    study = by_case(read(page)[0])["doubtful"]
    assert study.people[1:] == ("nih_chestxray14:2",)


def tables(tmp_path: Path, variant: str) -> dict[str, StudyTable]:
    """The study tables of both sources, as a build has them."""
    found = {}
    for key, source, name in (
        ("rsna_pneumonia", sample, variant),
        ("nih_chestxray14", nih, "box"),
    ):
        source.write(tmp_path / key, name)
        said = load_studies(registry()[key], str(tmp_path / key), tmp_path / "cache", key, {})
        found[key] = StudyTable(Path(said.table))
    return found


@pytest.mark.parametrize("variant", ["kaggle", "rsna_page"])
def test_one_person_never_stands_on_two_sides_of_the_two_sources(
    tmp_path: Path, variant: str
) -> None:
    """Names as both loaders spell them, put together by the builder."""
    found = tables(tmp_path, variant)
    people = {name: {p for study in table for p in study.people} for name, table in found.items()}
    shared = people["rsna_pneumonia"] & people["nih_chestxray14"]
    assert shared == {f"nih_chestxray14:{n}" for n in range(1, 7)}
    for seed in range(20):
        placed = resolve(found, registry(), seed=seed, shares=Shares(), policy="clean")
        sides: dict[str, set[int]] = {}
        for name, table in found.items():
            for study, side in zip(table, placed[name].split.tolist(), strict=True):
                assert side >= 0  # nobody is dropped: the pictures follow the lists of the NIH
                for person in study.people:
                    sides.setdefault(person, set()).add(side)
        assert all(len(side) == 1 for side in sides.values())


def test_without_matches_persons_are_not_joined(tmp_path: Path) -> None:
    found = tables(tmp_path, "copies")
    people = {name: {p for study in table for p in study.people} for name, table in found.items()}
    assert people["rsna_pneumonia"].isdisjoint(people["nih_chestxray14"])
    assert len(people["rsna_pneumonia"]) == len(sample.CASES)


# Errors


def test_release_without_a_table_is_one_clear_error(folder: Path) -> None:
    (folder / TABLE).unlink()
    with pytest.raises(ReleaseError, match=r"no stage_2_train_labels\.csv or pneumonia-challenge-"):
        read(folder)


def test_table_of_another_competition_is_one_clear_error(folder: Path) -> None:
    (folder / TABLE).write_text("ImageId,EncodedPixels\n1.2,-1\n")
    with pytest.raises(ReleaseError, match=r"labels\.csv, row 1: no column 'patientId'"):
        read(folder)


def test_header_is_all_that_is_read_of_a_picture(folder: Path) -> None:
    """A damaged file is told, and its study kept."""
    studies, release = read(folder)
    assert by_case(studies)[sample.DAMAGED].images[0].path
    (reject,) = [r for r in release.rejects if r.reason == "bad_dicom"]
    assert sample.picture_id(sample.DAMAGED) in reject.path
