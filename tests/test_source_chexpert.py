"""CheXpert and CheXpert Plus: editions joined by the names of pictures, labels, reports."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from build_support import recipe
from sample_releases import Samples, read_release

from chexinstruct.build import BuildOptions, build
from chexinstruct.errors import ReleaseError
from chexinstruct.images import ImageSettings, normalise
from chexinstruct.release import Release
from chexinstruct.schema import Image, Study
from chexinstruct.source import registry
from chexinstruct.sources.chexpert import sample

read = partial(read_release, "chexpert")

TRAIN = "CheXpert-v1.0-small/train.csv"
VALID = "CheXpert-v1.0-small/valid.csv"
TEST = "CheXpert/test_labels.csv"
PLUS = "df_chexpert_plus_240401.csv"
FIRST = "patient90001/study1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


def sections(study: Study) -> dict[str, str]:
    assert study.report is not None
    return study.report.sections


def image(studies: dict[str, Study], key: str) -> Image:
    (found,) = (i for study in studies.values() for i in study.images if i.key == key)
    return found


def unexpected(release: Release) -> dict[str, int]:
    return {reason: n for (reason, known), n in release.reject_counts.items() if not known}


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_studies_that_it_holds(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert not unexpected(release)
    tables = {
        "complete": {"train", "valid", "test"},
        "srrg": {"train", "valid", "test"},
        "chexlocalize": {"valid", "test"},
        "full": {"train", "valid", "test"},
    }.get(variant, {"train", "valid"})
    held = {
        f"{exam.place}/{name}"
        for exam in sample.EXAMS
        if exam.side in tables
        for name in exam.names()
        if variant in ("complete", "srrg", "plus") or f"{exam.place}/{name}" not in sample.PLUS_ONLY
        if variant != "plus" or exam.patient != sample.WITHOUT_REPORT
    }
    assert {image.key for study in studies.values() for image in study.images} == held
    missing = {i.key for study in studies.values() for i in study.images if i.path is None}
    assert missing == ({sample.MISSING} & held)
    for exam in sample.EXAMS:
        if study := studies.get(exam.place):
            assert study.people == (f"chexpert:patient{exam.patient}",)
            assert study.split == {"valid": "validation"}.get(exam.side, exam.side)
            assert [i.key for i in study.images] == sorted(i.key for i in study.images)


def test_editions_agree_on_what_they_share(tmp_path: Path) -> None:
    small, full, batches, plus = (
        read(tmp_path / variant)[0]
        for variant in ("small", "full", "batches", "plus")
        if sample.write(tmp_path / variant, variant) is None
    )
    for key, study in small.items():
        for other in (full[key], batches[key]):
            assert (other.order, other.age, other.sex) == (study.order, study.age, study.sex)
            assert other.labels == study.labels
            assert [(i.key, i.view) for i in other.images] == [
                (i.key, i.view) for i in study.images
            ]
        if other := plus.get(key):
            assert (other.order, other.age, other.sex) == (study.order, study.age, study.sex)
            assert {i.key: i.view for i in study.images}.items() <= {
                i.key: i.view for i in other.images
            }.items()


def test_order_is_the_number_of_the_study_and_not_its_text(folder: Path) -> None:
    studies, _ = read(folder)
    mine = [s for s in studies.values() if s.people == ("chexpert:patient90003",)]
    assert [(s.id, s.order) for s in mine] == [
        ("patient90003/study9", "0009"),
        ("patient90003/study10", "0010"),
    ]
    three = [s.id for s in studies.values() if s.people == ("chexpert:patient90002",)]
    assert three == [f"patient90002/study{n}" for n in (1, 2, 3)]


def test_the_prior_of_study_10_is_study_9(tmp_path: Path) -> None:
    """And the first study has none, whatever its report compares with."""
    sample.write(tmp_path / "root" / "chexpert")
    tasks = ["progression_findings_generation", "progression_impression_generation"]
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    manifest = recipe(sources=["chexpert"], tasks=tasks)
    build(manifest, tmp_path / "root", tmp_path / "out", options)
    rows = [
        row
        for path in (tmp_path / "out" / "data").rglob("*.parquet")
        for row in pq.read_table(path, columns=["task", "study_id", "image_ids"]).to_pylist()
    ]
    assert {row["task"] for row in rows} == set(tasks)
    assert {row["study_id"]: row["image_ids"] for row in rows} == {
        f"patient{patient}/study{number}": [
            f"patient{patient}/study{n}/view1_frontal" for n in (number - 1, number)
        ]
        for patient, number in ((90002, 2), (90002, 3), (90003, 10))
    }


def test_four_states_of_a_label(folder: Path) -> None:
    studies, _ = read(folder)
    assert states(studies[FIRST]) == {
        "atelectasis": "uncertain",
        "lung opacity": "present",
        "pneumothorax": "absent",
    }  # the other ten cells are blank: not mentioned
    assert studies[FIRST].label_sets == ("chexpert",)
    bare = studies["patient90008/study1"]
    assert (bare.label_sets, bare.labels) == (("chexpert",), ())


def test_no_finding_denies_nothing(folder: Path) -> None:
    studies, _ = read(folder)
    assert states(studies["patient90009/study1"]) == {
        "pneumothorax": "absent",
        "support devices": "present",
    }


def test_uncertain_policies_of_the_programs_and_none_of_radiologists() -> None:
    sets = registry()["chexpert"].card.label_sets
    for name in ("chexpert", "chexbert"):
        assert sets[name].uncertain == "ignore"
        assert sets[name].uncertain_by_finding == {
            "atelectasis": "present",
            "edema": "present",
            "pleural effusion": "present",
            "cardiomegaly": "absent",
            "consolidation": "absent",
        }
    assert sets["radiologists"].method == "reader"


@pytest.mark.parametrize("variant", ["complete", "full", "chexlocalize"])
def test_radiologists_answer_for_each_finding(tmp_path: Path, variant: str) -> None:
    """In a table by picture (Path) as in one by study (Study)."""
    sample.write(tmp_path, variant)
    studies, _ = read(tmp_path)
    read_by = [s for s in studies.values() if s.split in ("validation", "test")]
    assert {s.label_sets for s in read_by} == {("radiologists",)}
    assert {len(s.labels) for s in read_by} == {13}
    found = {s.id: {f for f, state in states(s).items() if state == "present"} for s in read_by}
    assert found["patient97001/study1"] == {"edema", "lung opacity", "support devices"}
    assert found["patient97002/study1"] == set()
    assert {state for s in read_by for state in states(s).values()} == {"present", "absent"}


def test_a_row_for_a_whole_study_stands_for_its_pictures(tmp_path: Path) -> None:
    sample.write(tmp_path, "full")
    studies, release = read(tmp_path)
    assert [i.key for i in studies["patient97002/study1"].images] == [
        "patient97002/study1/view1_frontal",
        "patient97002/study1/view2_lateral",
    ]
    for path in (tmp_path / "CheXpert-v1.0/test/patient97001/study1").iterdir():
        path.unlink()
    bare = read(tmp_path)[0]["patient97001/study1"]
    assert bare.images == () and bare.labels
    assert release.reject_counts["unlisted_picture", True] == 1


def test_views(folder: Path) -> None:
    studies, release = read(folder)
    told = {
        (i.view_name, i.view, i.view_source, i.key.rpartition("_")[2])
        for study in studies.values()
        for i in study.images
    }
    assert told == {
        ("AP", "AP", "table", "frontal"),
        ("PA", "PA", "table", "frontal"),
        ("Lateral", "LATERAL", "table", "lateral"),
        # frontal by flag and name, lateral by projection: nobody can tell
        ("LL", None, "table", "frontal"),
        ("RL", None, "table", "frontal"),
        # the list of test labels has no column of views
        ("frontal", None, "filename", "frontal"),
        ("lateral", "LATERAL", "filename", "lateral"),
    }
    places = [(r.path, r.detail) for r in release.rejects if r.reason == "contradictory_view"]
    assert [path for path, _ in places] == [TRAIN, TRAIN]
    assert "LL" in places[0][1] and "RL" in places[1][1]


def test_facts_of_the_patient(folder: Path) -> None:
    studies, release = read(folder)
    assert studies["patient90006/study1"].age is None  # 0, in both tables
    assert release.reject_counts["implausible_age", True] == 2
    assert studies["patient90010/study1"].age == 90
    assert (studies[FIRST].age, studies[FIRST].sex, studies[FIRST].race) == (68, "F", "White")
    assert studies["patient90002/study1"].race == "Asian"
    assert studies["patient90003/study9"].race is None  # Unknown
    assert studies["patient90009/study1"].race is None  # blank
    assert studies["patient90007/study1"].sex is None  # Unknown
    assert studies["patient90010/study1"].sex == "M"


def test_reports_attach_to_the_studies_of_v1(folder: Path) -> None:
    studies, _ = read(folder)
    assert studies["patient90012/study1"].report is None  # no row in CheXpert Plus
    assert all(s.report is None for s in studies.values() if s.split == "test")
    added = studies["patient90009/study1"]
    assert added.label_sets == ("chexpert",) and added.origin and added.origin.file == TRAIN
    lateral = image(studies, "patient90009/study1/view2_lateral")  # a row of CheXpert Plus only
    assert lateral.path == "PNG/train/patient90009/study1/view2_lateral.png"
    alone = studies["patient90013/study1"]
    assert alone.split == "train" and alone.split_origin == "CheXpert Plus split column"
    assert alone.origin and alone.origin.file == PLUS


def test_sections_without_what_stands_around_them(folder: Path) -> None:
    studies, _ = read(folder)
    assert sections(studies[FIRST]) == {
        "indication": "68-year-old female with cough and fever.",
        "comparison": "None.",
        "technique": "Two views of the chest.",
        "findings": "Patchy opacity at the right base may be atelectasis. No pneumothorax or"
        " pleural effusion is seen. The heart size is normal.",
        "impression": "1. Right basilar opacity, possibly atelectasis. 2. No pleural effusion.",
    }
    report = studies[FIRST].report
    assert report and report.raw and "4-POSSIBLE SIGNIFICANT FINDING" in report.raw
    assert sections(studies["patient90011/study1"])["impression"] == (
        "1. RIGHT CLAVICLE FRACTURE. 2. RIGHT LUNG OPACITY."
    )
    assert sections(studies["patient90008/study1"]) == {
        "impression": "1. Degenerative changes of the thoracic spine."
    }
    assert sections(studies["patient90005/study1"]).keys() == {"impression"}
    history = sections(studies["patient90004/study1"])
    assert history["history"] == "Preoperative evaluation." and "indication" not in history
    assert sections(studies["patient90013/study1"])["findings"] == (
        "The heart is enlarged. There is moderate pulmonary edema. No pneumothorax is seen."
    )
    for study in studies.values():
        if study.report:
            text = " ".join(study.report.sections.values())
            for furniture in ("POSSIBLE", "personally", "PERSONALLY", "anonymized", "END OF"):
                assert furniture not in text


def test_the_report_is_that_of_the_first_frontal_picture(folder: Path) -> None:
    """Its rows differ in dates and names, and the lateral one stands first in the table."""
    rows = list(
        Release.open(folder, source="chexpert").table(
            PLUS, {"path": "path_to_image", "report": "report"}
        )
    )
    mine = [row for row in rows if FIRST in row["path"]]
    assert len({row["report"] for row in mine}) == 2 and "lateral" in mine[0]["path"]
    report = read(folder)[0][FIRST].report
    assert report and report.origin
    assert (report.raw, report.origin.row) == (mine[1]["report"], mine[1].line)


def test_chexbert_labels_stand_in_where_nothing_else_labels(tmp_path: Path) -> None:
    sample.write(tmp_path / "both")
    sample.write(tmp_path / "plus", "plus")
    both, plus = read(tmp_path / "both")[0], read(tmp_path / "plus")[0]
    assert [s.id for s in both.values() if s.label_sets == ("chexbert",)] == ["patient90013/study1"]
    assert states(plus[FIRST]) == states(both[FIRST])
    assert {s.label_sets for s in plus.values()} == {("chexbert",), ()}
    # without a report there is nothing that the program could have read
    assert plus["patient90010/study1"].label_sets == ()


def test_chexbert_lines_of_no_use_are_counted(folder: Path) -> None:
    path = folder / "chexbert_labels/impression_fixed.json"
    lines = path.read_text().splitlines()
    values = dict.fromkeys(sample.FINDINGS)
    lines += [
        json.dumps({"path_to_image": "train/patient99999/study1/view1_frontal.jpg", **values}),
        json.dumps({"path_to_image": "train/view1_frontal.jpg", **values}),
        json.dumps({"path_to_image": "train/patient90013/study1/view1_frontal.jpg"}),
    ]
    path.write_text("\n".join(lines))
    studies, release = read(folder)
    assert unexpected(release) == {"bad_label_line": 2, "not_in_table": 1}
    assert studies["patient90013/study1"].label_sets == ("chexbert",)


def test_the_best_file_of_a_picture_is_taken(folder: Path) -> None:
    key = f"{FIRST}/view1_frontal"
    assert "CheXpert-v1.0-small/" in str(image(read(folder)[0], key).path)
    for place in ("DICOM/train", "PNG/train", "CheXpert-v1.0/train"):
        suffix = {"DICOM": ".dcm", "PNG": ".png"}.get(place.split("/")[0], ".jpg")
        path = folder / place / f"{key}{suffix}"
        path.parent.mkdir(parents=True)
        path.touch()
        best = image(read(folder)[0], key).path
        assert (best == f"{place}/{key}{suffix}") == (suffix != ".dcm")


def test_pictures_of_plus_are_found_by_the_stem_of_a_jpg_name(tmp_path: Path) -> None:
    sample.write(tmp_path, "plus")
    studies, release = read(tmp_path)
    paths = {i.key: i.path for study in studies.values() for i in study.images}
    packed = str(paths[f"{FIRST}/view1_frontal"])
    assert packed.startswith("PNG/png_chexpert_plus_chunk_0.zip/")
    assert "azDownload" not in "".join(filter(None, paths.values()))
    for key in (f"{FIRST}/view1_frontal", "patient90003/study10/view1_frontal"):
        picture = normalise(release.read(str(paths[key])), ImageSettings())
        assert (picture.width, picture.height) == (64, 64)


@pytest.mark.parametrize(
    ("table", "old", "new", "reason"),
    [
        (TRAIN, f"{FIRST}/view1", "patient1/study1/view1", "bad_path"),
        (TRAIN, f"{FIRST}/view1", "patient90001/study0/view1", "bad_path"),
        (TRAIN, f"{FIRST}/view2_lateral", f"{FIRST}/view1_frontal", "repeated_row"),
        (TRAIN, "68,Frontal,PA,,,,1.0", "68,Frontal,PA,,,,2.0", "unknown_label_value"),
        (TRAIN, "68,Frontal,PA,,,,1.0", "68,Frontal,PA,,,,0.0", "label_conflict"),
        (VALID, "64,Frontal,AP,0.0,0.0", "64,Frontal,AP,0.0,", "unanswered_finding"),
        (VALID, "64,Frontal,AP,0.0,0.0", "64,Frontal,AP,0.0,-1.0", "unanswered_finding"),
        (VALID, "valid/patient95002/", "valid/patient90002/", "split_conflict"),
        (PLUS, "No,train", "No,test", "unknown_split"),
    ],
)
def test_damaged_rows_are_counted(
    folder: Path, table: str, old: str, new: str, reason: str
) -> None:
    edit(folder / table, old, new)
    studies, release = read(folder)
    assert unexpected(release)[reason] == 1
    match reason:
        case "label_conflict":
            assert (studies[FIRST].label_sets, studies[FIRST].labels) == ((), ())
        case "unanswered_finding":
            assert studies["patient95002/study1"].label_sets == ()
        case "split_conflict":
            assert studies["patient90002/study1"].split == "validation"
        case _:  # the other row of the study speaks for it
            assert studies[FIRST].label_sets == ("chexpert",)


def test_rows_of_other_prefixes_are_one_study(folder: Path) -> None:
    """A mixed copy of the table: small and full names, as users put them together."""
    before, _ = read(folder)
    edit(folder / TRAIN, f"CheXpert-v1.0-small/train/{FIRST}/view2", f"x/{FIRST}/view2")
    assert read(folder)[0] == before


@pytest.mark.parametrize(
    ("table", "column"), [(TRAIN, "AP/PA"), (TEST, "Edema"), (PLUS, "section_impression")]
)
def test_a_table_of_another_shape_stops_with_its_name(
    folder: Path, table: str, column: str
) -> None:
    edit(folder / table, column, "other")
    with pytest.raises(ReleaseError, match=rf"{Path(table).name}.*no column '{column}'"):
        read(folder)


def test_the_card_names_every_file_that_is_read(tmp_path: Path) -> None:
    card = registry()["chexpert"].card
    samples = Samples(tmp_path)
    unread = set()
    for variant in sample.VARIANTS:
        release = samples.load("chexpert", variant).release
        found = {path for file in card.files for path in release.find_all(file.pattern)}
        unread |= {path.rpartition("/")[2] for path in set(release.files) - found}
    assert unread == {"findings_fixed.json", "report_fixed.json"}
