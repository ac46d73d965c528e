"""CXR-LT: two editions joined to the studies of MIMIC-CXR, whose split wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_releases import Table

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import LabelSet, Study
from chexinstruct.source import registry
from chexinstruct.sources.cxr_lt import loader, sample
from chexinstruct.tasks.labels import States, states

CARD = registry()["cxr_lt"].card
HOME = "cxr-lt-multi-label-long-tailed-classification-on-chest-x-rays-2.0.0"
MIMIC = "MIMIC-CXR-JPG split table"
UNKNOWN = {"50000099"}


class Policies:
    consensus = "majority"
    uncertain = "source"
    text = "clean"


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("mimic_cxr")
    source = registry()["mimic_cxr"]
    source.sample.write(folder)
    return Table(list(source.loader.studies(Release.open(folder, source="mimic_cxr"), {})))


def read(folder: Path, parent: Table) -> tuple[dict[str, Study], Release]:
    release = Release.open(folder, source="cxr_lt")
    studies = list(loader.studies(release, {"mimic_cxr": parent}))
    assert len({study.id for study in studies}) == len(studies)
    return {study.id: study for study in studies}, release


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def said(study: Study, name: str) -> States:
    """What tasks make of a label set of the study."""
    assert name in study.label_sets
    return states(study, CARD.label_sets[name], Policies())


def labels(study: Study) -> dict[str, str]:
    """Of the findings that are asked about."""
    context = CARD.label_sets["chexpert"].findings
    return {x.finding: x.state for x in study.labels if x.finding not in context}


def table(folder: Path, edition: int, name: str) -> Path:
    return folder / HOME / f"cxr-lt-{edition}" / name


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_studies_people_and_pictures_are_those_of_mimic(
    tmp_path: Path, parent: Table, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path, parent)
    assert studies.keys() == {f"s{exam.study}" for exam in sample.EXAMS if exam.study != 50000099}
    for study in studies.values():
        exam = parent.get(study.id)
        assert exam is not None
        assert (study.people, study.order) == (exam.people, None)
        assert study.report is None  # mimic_cxr writes it
        known = {image.key: image for image in exam.images}
        for image in study.images:
            assert image.release == "mimic_cxr"
            assert (image.path, image.view) == (known[image.key].path, known[image.key].view)
        assert [i.key for i in study.images] == [
            i.key for i in exam.images if i.key in {j.key for j in study.images}
        ]
    assert {name for s in studies.values() for name in s.label_sets} <= CARD.label_sets.keys()
    assert not {r for r, expected in release.reject_counts if not expected} - {"labels_differ"}


def test_rejects_of_both_editions(folder: Path, parent: Table) -> None:
    _, release = read(folder, parent)
    tables = 3  # 2023, 2024, and all labels of 2024
    assert release.reject_counts == {
        ("not_in_parent", True): tables + 1,
        ("labels_differ", False): 1,
        ("editions_differ", True): 1,
    }
    assert {r.detail for r in release.rejects if "differ" in r.reason} == {
        "Fibrosis",
        "Hernia, Nodule",
    }


def test_label_sets_follow_the_files_in_which_a_study_stands(tmp_path: Path, parent: Table) -> None:
    applied = {}
    for variant in sample.VARIANTS:
        sample.write(tmp_path / variant, variant)
        studies, _ = read(tmp_path / variant, parent)
        applied[variant] = {key: study.label_sets for key, study in studies.items()}
    train, test, gold = "s50000004", "s59999998", "s50000003"
    assert applied["v2_0_0"][train] == ("edition_2024_all", "chexpert")
    assert applied["v2_0_0"][gold] == ("gold", "zero_shot", "chexpert")
    assert applied["v1_1_0"][train] == ("edition_2023", "chexpert")
    assert applied["v1_1_0"][test] == ()  # its labels were kept back
    assert applied["packed"][test] == ("edition_2023", "chexpert")
    assert applied["starting_kits"][train] == ("edition_2024", "chexpert")
    assert applied["starting_kits"][test] == ("edition_2024_all", "chexpert")
    assert applied["starting_kits"]["s50000007"] == ("edition_2024", "chexpert")  # development


def test_findings_are_those_that_mimic_does_not_ask_about() -> None:
    asked = [s for s in CARD.label_sets.values() if s.role == "asked"]
    mine = {finding for s in asked for finding in s.findings}
    theirs = set(registry()["mimic_cxr"].card.label_sets["chexpert"].findings)
    assert len(mine) == 31 and mine.isdisjoint(theirs)
    assert set(CARD.label_sets["chexpert"].findings) == theirs | {"no finding"}
    assert {s.name: len(s.findings) for s in asked} == {
        "edition_2023": 12,
        "edition_2024": 26,
        "edition_2024_all": 31,
        "gold": 12,
        "zero_shot": 5,
    }
    assert {s.blank for s in asked} == {"absent"}


def test_labels_are_found_by_name_and_zero_is_absent(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0]["s50000004"]
    assert len(study.images) == 3
    assert labels(study) == {
        "aortic calcification": "present",
        "tortuous aorta": "present",
        "cardiomyopathy": "present",
    }
    found = said(study, "edition_2024_all")
    assert found.present == ("aortic calcification", "tortuous aorta", "cardiomyopathy")
    assert {"hernia", "mass", "kyphosis", "rounded atelectasis"} <= set(found.absent)
    assert not found.complete  # cardiomegaly is there too
    assert "bulla" in found.absent
    assert "hilar abnormality" not in found.absent  # the name of a place


def test_both_spellings_of_rounded_atelectasis(tmp_path: Path, parent: Table) -> None:
    for variant in ("v2_0_0", "starting_kits"):
        sample.write(tmp_path / variant, variant)
        for path in (tmp_path / variant).rglob("test_labeled_task2.csv"):
            path.unlink()
        study = read(tmp_path / variant, parent)[0]["s50000003"]
        assert labels(study) == {"mass": "present", "rounded atelectasis": "present"}


def test_nothing_is_absent_beside_what_either_source_calls_present(
    folder: Path, parent: Table
) -> None:
    studies, _ = read(folder, parent)
    pneumonia = said(studies["s50000002"], "edition_2024_all")
    assert "infiltration" not in (*pneumonia.present, *pneumonia.absent)
    fracture = said(studies["s59999992"], "edition_2024_all")
    assert "clavicle fracture" in fracture.present
    assert "rib fracture" not in fracture.absent  # which rib or bone is not told
    # MIMIC-CXR is unsure of a lung lesion, of which nothing stands here
    lesion = studies["s59999991"]
    mine = {label.finding: label.state for label in lesion.labels}
    assert mine["lung lesion"] == "uncertain"
    assert "mass" not in said(lesion, "edition_2024_all").absent


def test_what_the_sources_know_of_chexperts_findings_is_context_only(
    folder: Path, parent: Table
) -> None:
    study = read(folder, parent)[0]["s50000001"]
    context = [x for x in study.labels if x.finding in CARD.label_sets["chexpert"].findings]
    assert {x.finding for x in context} == {
        "atelectasis",  # MIMIC-CXR alone
        "cardiomegaly",
        "edema",
        "pleural effusion",
        "support devices",
    }
    assert all(x.state == "present" for x in context)
    assert CARD.label_sets["chexpert"].role == "context"


def test_editions_that_disagree_leave_the_finding_open(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0]["s59999992"]
    assert labels(study) == {
        "nodule": "uncertain",
        "hernia": "uncertain",
        "clavicle fracture": "present",
    }
    found = said(study, "edition_2024_all")
    assert found.uncertain == ("hernia", "nodule")
    assert not {"nodule", "hernia"} & {*found.present, *found.absent}


def test_pictures_that_disagree_leave_the_finding_open(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0]["s59999991"]
    assert labels(study) == {"pulmonary fibrosis": "uncertain"}
    assert len(study.images) == 2


def test_what_people_read_takes_the_place_of_the_program(folder: Path, parent: Table) -> None:
    studies, _ = read(folder, parent)
    mass = studies["s50000003"]
    assert labels(mass) == {"nodule": "present"}
    assert CARD.label_sets["gold"].method == "reader"
    assert "rounded atelectasis" not in {f for n in mass.label_sets for f in sets(n).findings}
    assert len(mass.images) == 2  # people read the report of both
    assert labels(studies["s59999994"]) == {"hernia": "present"}
    assert labels(studies["s59999998"]) == {"emphysema": "present", "bulla": "present"}


def sets(name: str) -> LabelSet:
    return CARD.label_sets[name]


def test_labels_of_the_program_in_the_second_task_are_not_those_of_people(
    folder: Path, parent: Table
) -> None:
    studies, _ = read(folder, parent)
    assert {s.id for s in studies.values() if "gold" in s.label_sets} == {"s50000003", "s59999994"}
    assert "edition_2024_all" in studies["s50000007"].label_sets  # development


def test_a_study_is_normal_only_where_the_tables_say_so(tmp_path: Path, parent: Table) -> None:
    sample.write(tmp_path / "both")
    sample.write(tmp_path / "old", "packed")
    both, old = read(tmp_path / "both", parent)[0], read(tmp_path / "old", parent)[0]
    assert said(both["s50000006"], "edition_2024_all").complete
    # No Finding in 2023, not Normal in 2024
    assert said(old["s50000010"], "edition_2023").complete
    assert labels(both["s50000010"]) == {"scoliosis": "present"}
    # neither
    bare = both["s59999999"]
    assert [(x.finding, x.state) for x in bare.labels] == [("no finding", "absent")]
    found = said(bare, "edition_2024_all")
    assert found.present == () and "mass" in found.absent and not found.complete


def test_devices_alone_are_no_answer(folder: Path, parent: Table) -> None:
    study = read(folder, parent)[0]["s50000011"]
    found = said(study, "edition_2024_all")
    assert labels(study) == {} and found.present == () and not found.complete


def test_rows_without_a_study_id_are_joined_by_their_picture(folder: Path, parent: Table) -> None:
    studies, _ = read(folder, parent)
    assert labels(studies[f"s{sample.BLANK}"]) == {"pleural thickening": "present"}
    assert list(studies)[-1] == f"s{sample.BLANK}"
    study, number = sample.ALSO_BLANK
    keys = [image.key for image in studies[f"s{study}"].images]
    assert sample.dicom_id(study, number) in keys


def test_the_split_of_mimic_wins_and_both_are_told(folder: Path, parent: Table) -> None:
    studies, _ = read(folder, parent)

    def split(study: int) -> tuple[str | None, str | None]:
        found = studies[f"s{study}"]
        return found.split, found.split_origin

    # train in CXR-LT 2023 and test in MIMIC-CXR; the reverse
    assert split(50000008) == ("test", f"{MIMIC}; CXR-LT 2023: train, 2024: test")
    assert split(59999998) == ("train", f"{MIMIC}; CXR-LT 2023: test, 2024: test")
    assert split(50000007) == (
        "validation",
        f"{MIMIC}; CXR-LT 2023: development, 2024: development",
    )
    # MIMIC-CXR has no split for it: the newer edition
    assert split(59999993) == ("train", "CXR-LT 2023: development, 2024: train")
    assert CARD.split_authority == "mimic_cxr"
    assert all(not study.holdout for study in studies.values())


def test_no_study_stands_in_train_whose_pictures_are_test_in_mimic(
    folder: Path, parent: Table
) -> None:
    for study in read(folder, parent)[0].values():
        exam = parent.get(study.id)
        assert exam is not None and (exam.split is None or study.split == exam.split)


def test_a_split_that_is_not_by_patient_is_counted(folder: Path, parent: Table) -> None:
    train, test = table(folder, 2023, "train.csv"), table(folder, 2023, "test.csv")
    rows = train.read_text().splitlines()
    moved = next(row for row in rows if "50000009" in row or "50000011" in row)
    edit(train, moved + "\n", "")
    test.write_text(test.read_text() + moved + "\n")
    studies, release = read(folder, parent)
    assert release.reject_counts["split_differs", True] == 1
    assert studies["s50000011"].split == "train"


def test_of_two_copies_of_a_table_one_is_read(folder: Path, parent: Table) -> None:
    alone, _ = read(folder, parent)
    path = table(folder, 2023, "train.csv")
    (folder / HOME / "copy/of/it").mkdir(parents=True)
    (folder / HOME / "copy/of/it/train.csv").write_text(path.read_text().replace(",1", ",0"))
    twice, release = read(folder, parent)
    assert twice == alone
    assert release.reject_counts["duplicate_table", True] == 1


def test_tables_of_other_editions_are_set_aside(tmp_path: Path, parent: Table) -> None:
    sample.write(tmp_path, "packed")
    _, release = read(tmp_path, parent)
    told = {(r.path, r.detail) for r in release.rejects if r.reason == "unknown_table"}
    assert told == {
        ("cxr-lt-2026/train.csv", "not of MIMIC-CXR"),
        ("mine.csv", "no file of CXR-LT"),
    }


def test_without_the_parent_nothing_is_known(folder: Path) -> None:
    studies, release = read(folder, Table([]))
    assert not studies
    assert {reason for reason, _ in release.reject_counts} == {"not_in_parent"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("50000001.0", "5.0", "bad_id"),
        (",10000001,50000001.0", ",10000002,50000001.0", "id_mismatch"),
        (",50000001.0", ",50000002.0", "not_in_parent"),
    ],
)
def test_damaged_rows_are_counted(
    folder: Path, parent: Table, old: str, new: str, reason: str
) -> None:
    before = read(folder, parent)[1].reject_counts
    edit(table(folder, 2023, "train.csv"), old, new)
    studies, release = read(folder, parent)
    assert sum(release.reject_counts.values()) == sum(before.values()) + 1
    assert [n for (name, _), n in release.reject_counts.items() if name == reason]
    assert "s50000001" in studies  # by the edition of 2024


def test_a_label_that_is_neither_yes_nor_no(folder: Path, parent: Table) -> None:
    path = table(folder, 2023, "train.csv")
    row = next(row for row in path.read_text().splitlines() if "50000001.0" in row)
    edit(path, row, row[: -len(",0")] + ",-1")
    _, release = read(folder, parent)
    assert release.reject_counts["unknown_label_value", False] == 1


def test_a_table_that_lost_a_column_stops_with_its_name(folder: Path, parent: Table) -> None:
    edit(table(folder, 2024, "labels.csv"), "Kyphosis", "Cyphosis")
    with pytest.raises(ReleaseError, match=r"labels\.csv, row 1: no column 'Kyphosis'"):
        read(folder, parent)


def test_a_folder_of_another_release_is_one_clear_error(tmp_path: Path, parent: Table) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ReleaseError, match=r"no labels\.csv or train_labeled\.csv"):
        read(tmp_path, parent)


def test_sample_repeats_the_ids_of_the_parent_sample() -> None:
    theirs = registry()["mimic_cxr"].sample
    exams = {exam.study: exam for exam in theirs.EXAMS}  # type: ignore[attr-defined]
    mine = {exam.study: exam for exam in sample.EXAMS}
    assert {str(study) for study in mine.keys() - exams.keys()} == UNKNOWN
    for study in mine.keys() & exams.keys():
        assert exams[study].subject == mine[study].subject
        assert len(exams[study].views) == mine[study].pictures
    assert sample.dicom_id(50000001, 1) == theirs.dicom_id(50000001, 1)  # type: ignore[attr-defined]
