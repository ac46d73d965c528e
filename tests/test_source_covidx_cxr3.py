"""COVIDx: lists of several versions, lines read from the right, persons of other sources."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.build.people import REASONS, resolve
from chexinstruct.build.studies import StudyTable, load_studies
from chexinstruct.errors import ReleaseError
from chexinstruct.manifest import Shares
from chexinstruct.schema import SPLITS, Study
from chexinstruct.source import registry
from chexinstruct.sources.covidx_cxr3 import sample
from chexinstruct.sources.rsna_pneumonia import sample as rsna

read = partial(read_release, "covidx_cxr3")

ALL = (*sample.TRAIN, *sample.TEST)
THREE = [case for case in ALL if case.three]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def write(folder: Path, **lists: str) -> Path:
    """Lists of the repository by name, e.g. ``train_COVIDx9B``, lines separated by ``|``."""
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(lines.split("|")) + "\n")
    return folder


def add(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


@pytest.mark.parametrize(
    ("variant", "pictures", "unlabelled"),
    [
        ("cxr3", [case.picture for case in ALL], 1),
        ("cxr4", [c.picture for c in (*sample.TRAIN, *sample.VALIDATION, *sample.TEST)], 0),
        ("covid_net", [case.picture for case in ALL], 0),
        ("three_classes", [case.picture for case in THREE], len(ALL) - len(THREE)),
        (
            "version_1",
            [c.picture for c in THREE if " " not in c.patient],
            len(ALL) - len(THREE) + 1,
        ),
    ],
)
def test_layouts_give_a_study_a_line_in_the_order_of_the_lists(
    tmp_path: Path, variant: str, pictures: list[str], unlabelled: int
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert list(studies) == pictures
    missing = [name for name, study in studies.items() if study.images[0].path is None]
    assert missing == [sample.MISSING]
    doubtful = {("doubtful_match", True): 1} if variant == "cxr3" else {}
    counts = {("unlabelled_picture", True): unlabelled} if unlabelled else {}
    assert release.reject_counts == {**doubtful, **counts}
    assert read(tmp_path)[0] == studies


def test_no_line_is_taken_for_a_header(folder: Path) -> None:
    studies, _ = read(folder)
    first = next(iter(studies.values()))
    assert first.id == "16745_2_1.PNG"
    assert first.origin and (first.origin.file, first.origin.row) == ("train.txt", 1)


def test_splits_are_those_of_the_lists(tmp_path: Path) -> None:
    sample.write(tmp_path, "cxr4")
    studies, _ = read(tmp_path)
    sides = {(study.split, study.split_origin) for study in studies.values()}
    assert sides == {("train", "train.txt"), ("validation", "val.txt"), ("test", "test.txt")}


# Labels


def test_status_is_present_or_absent_and_nothing_else_is_said(folder: Path) -> None:
    studies, _ = read(folder)
    for case in ALL:
        study = studies[case.picture]
        assert study.label_sets == ("covid",)
        assert states(study) == {"COVID-19": "present" if case.positive else "absent"}


def test_status_comes_from_a_test_and_not_from_the_picture() -> None:
    card = registry()["covidx_cxr3"].card
    assert {s.method for s in card.label_sets.values()} == {"test"}
    assert card.label_sets["covid"].findings == ("COVID-19",)


@pytest.mark.parametrize("variant", ["three_classes", "version_1"])
def test_three_classes_are_a_choice_of_their_own(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, _ = read(tmp_path)
    expected = {
        "normal": {"COVID-19": "absent", "no finding": "present"},
        "pneumonia": {"COVID-19": "absent", "pneumonia other than COVID-19": "present"},
        "COVID-19": {"COVID-19": "present"},
    }
    for case in THREE:
        if case.picture in studies:
            assert case.three and states(studies[case.picture]) == expected[case.three]
            assert studies[case.picture].label_sets == ("covid", "classes")


# Which list is read

POSITIVE = "1 a.png positive cohen"
NEGATIVE = "1 a.png negative cohen"


@pytest.mark.parametrize(
    ("lists", "chosen"),
    [
        ({"train_COVIDx9A": "1 a.png COVID-19 cohen", "train_COVIDx8B": POSITIVE}, "8B"),
        ({"train_COVIDx8B": POSITIVE, "train_COVIDx9B": POSITIVE}, "9B"),
        ({"train_COVIDx9B": POSITIVE, "train_COVIDx10B": POSITIVE}, "10B"),
        ({"train_COVIDx9B": POSITIVE, "train_COVIDx_CXR-3B": POSITIVE}, "_CXR-3B"),
        ({"train_COVIDx": "1 a.png COVID-19", "train_COVIDx5": "1 a.png COVID-19 cohen"}, "5"),
        # Version 6 has two classes and no letter.
        ({"train_COVIDx6": POSITIVE, "train_COVIDx7A": "1 a.png normal rsna"}, "6"),
    ],
)
def test_two_classes_go_before_three_and_newer_lists_before_older(
    tmp_path: Path, lists: dict[str, str], chosen: str
) -> None:
    studies, _ = read(write(tmp_path, **lists))
    assert studies["a.png"].split_origin == f"train_COVIDx{chosen}.txt"


def test_the_pages_own_list_goes_before_those_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, **{"train": NEGATIVE, "train_COVIDx_CXR-3B": POSITIVE})
    assert states(read(tmp_path)[0]["a.png"]) == {"COVID-19": "absent"}
    write(tmp_path, train="1 a.png normal cohen")
    assert states(read(tmp_path)[0]["a.png"]) == {"COVID-19": "present"}


def test_lists_of_one_version_are_read_together(tmp_path: Path) -> None:
    write(
        tmp_path,
        train_COVIDx9B=POSITIVE,
        test_COVIDx9B="2 b.png negative cohen",
        test_COVIDx8B="3 c.png negative cohen",
    )
    assert set(read(tmp_path)[0]) == {"a.png", "b.png"}


def test_lists_of_other_data_sets_are_none(tmp_path: Path) -> None:
    write(tmp_path, **{"train_COVIDxSev": "1 a.png level2", "train_COVIDx_CT-2A": "a.png 1 2 3"})
    with pytest.raises(ReleaseError, match=r"no train\.txt or train_COVIDx\*\.txt found"):
        read(tmp_path)


def test_lists_of_other_classes_are_one_clear_error(tmp_path: Path) -> None:
    write(tmp_path, train_COVIDx9B="1 a.png level2 cohen")
    with pytest.raises(ReleaseError, match=r"9B\.txt: its classes are neither negative, positive"):
        read(tmp_path)


# Lines


def test_lines_are_read_from_the_right(tmp_path: Path) -> None:
    sample.write(tmp_path, "cxr3")
    study = read(tmp_path)[0]["COVID(7).png"]
    assert study.people == ("covidx_cxr3:sirm/COVID 7",)
    assert (study.collection, states(study)) == ("sirm", {"COVID-19": "present"})


@pytest.mark.parametrize(
    "line",
    [
        "patient_id filename class source",
        "1 b.png maybe cohen",
        "1 b.png",
        "b.png positive cohen",
        "1 no_picture.txt positive cohen",
        "1 b.png normal rsna",  # a class of the other lists
    ],
)
def test_lines_that_say_nothing_are_rejected_by_number(folder: Path, line: str) -> None:
    add(folder / "train.txt", line)
    studies, release = read(folder)
    assert list(studies) == [case.picture for case in ALL]
    (reject,) = [r for r in release.rejects if not r.expected]
    assert (reject.reason, reject.path) == ("unknown_line", "train.txt")
    assert reject.row == len(sample.TRAIN) + 1


def test_a_picture_on_two_lists_is_a_test_picture(folder: Path) -> None:
    first = sample.TEST[0]
    add(folder / "train.txt", f"{first.patient} {first.picture} positive ricord")
    studies, release = read(folder)
    assert studies[first.picture].split == "test"
    assert [(r.reason, r.path) for r in release.rejects if not r.expected] == [
        ("listed_twice", "train.txt")
    ]


def test_a_picture_with_two_classes_has_no_label(folder: Path) -> None:
    case = sample.TRAIN[1]
    add(folder / "train.txt", f"{case.patient} {case.picture} positive rsna")
    studies, release = read(folder)
    assert case.picture not in studies
    assert release.reject_counts["contradictory_lines", False] == 1


# Pictures


def test_names_that_differ_in_the_suffix_alone_are_never_mixed_up(folder: Path) -> None:
    """They show two patients."""
    studies, _ = read(folder)
    assert studies["000001.jpg"].images[0].path == "train/000001.jpg"
    assert studies["000001.png"].images[0].path == "train/000001.png"
    assert studies["000001.jpg"].people != studies["000001.png"].people
    (folder / "train" / "000001.jpg").unlink()
    assert read(folder)[0]["000001.jpg"].images[0].path is None


def test_copies_of_another_format_are_found(folder: Path) -> None:
    (folder / "train" / "COVID-90001.jpeg").rename(folder / "train" / "COVID-90001.png")
    assert read(folder)[0]["COVID-90001.jpeg"].images[0].path == "train/COVID-90001.png"


def test_pictures_lie_in_the_folder_of_their_split_before_any_other(folder: Path) -> None:
    name = sample.TEST[0].picture
    copy = (folder / "test" / name).read_bytes()
    (folder / "old").mkdir()
    (folder / "old" / name).write_bytes(copy)
    assert read(folder)[0][name].images[0].path == f"test/{name}"
    (folder / "test" / name).unlink()
    assert read(folder)[0][name].images[0].path == f"old/{name}"


# Persons and collections


def test_ids_are_told_apart_by_collection(tmp_path: Path) -> None:
    write(tmp_path, train="5 a.png positive cohen|5 b.png positive fig1|5 c.png negative cohen")
    people = {name: study.people for name, study in read(tmp_path)[0].items()}
    assert people == {
        "a.png": ("covidx_cxr3:cohen/5",),
        "b.png": ("covidx_cxr3:fig1/5",),
        "c.png": ("covidx_cxr3:cohen/5",),
    }


def test_collection_is_kept_and_its_slip_is_mended(folder: Path) -> None:
    collections = {study.collection for study in read(folder)[0].values()}
    assert collections == {
        *("cohen", "rsna", "stonybrook", "sirm", "bimcv", "actmed", "fig1", "ricord")
    }


def test_bimcvs_patients_are_named_as_bimcv_names_them(folder: Path) -> None:
    study = read(folder)[0]["sub-S00001_ses-E00001_run-1_bp-chest_vp-pa_dx-corrected.png"]
    assert study.people == ("covidx_cxr3:bimcv/S00001", "bimcv_covid19:sub-S00001")


def test_pictures_of_the_rsna_are_named_as_its_own_loader_names_them(tmp_path: Path) -> None:
    sample.write(tmp_path / "covidx")
    rsna.write(tmp_path / "rsna")
    own, _ = read(tmp_path / "covidx")
    theirs, _ = read_release("rsna_pneumonia", tmp_path / "rsna")
    for name in ("normal", "one_box", "no_file"):
        picture = rsna.picture_id(name)
        first, *others = own[f"{picture}.png"].people
        assert first == f"covidx_cxr3:rsna/{picture}"
        assert tuple(others) == theirs[picture].people
        assert len(others) == 2 and others[1].startswith("nih_chestxray14:")


def test_pictures_of_the_rsna_are_told_by_their_ids_where_no_collection_is_named(
    tmp_path: Path,
) -> None:
    sample.write(tmp_path, "version_1")
    studies, _ = read(tmp_path)
    number = sample.rsna(0)
    assert studies[f"{number}.png"].people == (
        f"covidx_cxr3:{number}",
        f"rsna_pneumonia:{number}",
    )
    assert studies["9210_jumbo.JPG"].people == ("covidx_cxr3:9210",)
    assert {study.collection for study in studies.values()} == {None}


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_a_patient_stands_on_one_side(tmp_path: Path, variant: str) -> None:
    """Also one with both classes, and one of ChestX-ray14 whom train and test both show."""
    sample.write(tmp_path / "release", variant)
    said = load_studies(
        registry()["covidx_cxr3"], str(tmp_path / "release"), tmp_path / "cache", "key", {}
    )
    table = StudyTable(Path(said.table))
    for seed in range(20):
        placed = resolve(
            {"covidx_cxr3": table}, registry(), seed=seed, shares=Shares(), policy="clean"
        )["covidx_cxr3"]
        sides: dict[str, set[str]] = {}
        dropped = set()
        for study, side in zip(table, placed.split.tolist(), strict=True):
            if side < 0:
                dropped.add((study.id, REASONS[side]))
                continue
            for person in study.people:
                sides.setdefault(person, set()).add(SPLITS[side])
        assert all(len(side) == 1 for side in sides.values())
        leak = {(f"{sample.rsna(8)}.png", "split_conflict")}
        assert dropped == (leak if variant in ("cxr3", "cxr4") else set())
        if variant == "cxr4":
            validation = {p for p, side in sides.items() if side == {"validation"}}
            assert "covidx_cxr3:stonybrook/A100002" in validation
            assert "covidx_cxr3:cohen/9173" not in validation
