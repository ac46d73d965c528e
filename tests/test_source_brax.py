"""BRAX: labels by name, paths with something before or behind them, bins of age, order of dates."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.images import ImageSettings, normalise
from chexinstruct.schema import Study
from chexinstruct.source import registry
from chexinstruct.sources.brax import sample
from chexinstruct.synthetic import dicom, radiograph, save

TABLE = "master_spreadsheet_update.csv"

read = partial(read_release, "brax")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


def edit(folder: Path, old: str, new: str, count: int = 1) -> None:
    path = folder / TABLE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_same_studies(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path / "one")
    sample.write(tmp_path / "other", variant)
    one, _ = read(tmp_path / "one")
    other, release = read(tmp_path / "other")
    assert not release.reject_counts
    assert list(other) == sorted(exam.study for exam in sample.EXAMS)
    for exam in sample.EXAMS:
        study = other[exam.study]
        assert study.people == (f"brax:{exam.patient}",)
        assert [(i.key, i.view_name or "") for i in study.images] == [
            (sample.key(exam, number), name) for number, name in enumerate(exam.views, start=1)
        ]
        same = one[exam.study]
        assert (study.labels, study.order, study.sex) == (same.labels, same.order, same.sex)
        missing = [number for number, i in enumerate(study.images, start=1) if i.path is None]
        assert missing == [n for s, n in (sample.MISSING, sample.NOT_THERE) if s == exam.study]


def test_labels_are_found_by_name_whatever_stands_before_them(tmp_path: Path) -> None:
    for variant in ("v1_1_0", "v1_0_0"):  # a column without a name; the alphabet
        sample.write(tmp_path / variant, variant)
        studies, _ = read(tmp_path / variant)
        assert states(studies["80020001"]) == {"pneumonia": "present", "edema": "uncertain"}
        assert states(studies["80020008"]) == {
            "atelectasis": "present",
            "edema": "absent",
            "pneumothorax": "absent",
            "support devices": "present",
        }


def test_no_finding_denies_nothing_and_blank_is_not_absent(folder: Path) -> None:
    studies, _ = read(folder)
    assert states(studies["80020002"]) == {"support devices": "present"}
    bare = studies["80020003"]
    assert (bare.label_sets, bare.labels) == (("chexpert",), ())
    chexpert = registry()["brax"].card.label_sets["chexpert"]
    assert (chexpert.blank, chexpert.uncertain) == ("not_mentioned", "ignore")
    assert not chexpert.uncertain_by_finding and len(chexpert.findings) == 13


def test_bins_are_no_ages(folder: Path) -> None:
    studies, _ = read(folder)
    assert {study.age for study in studies.values()} == {None}
    assert {study.sex for study in studies.values()} == {"F", "M", "O"}


def test_studies_of_one_patient_are_one_person_in_the_order_of_their_dates(folder: Path) -> None:
    studies, _ = read(folder)
    mine = [s for s in studies.values() if s.people == ("brax:70010001",)]
    assert [(s.id, s.order) for s in mine] == [
        ("80020001", "20370310"),
        ("80020006", "20290501"),
        ("80020007", "20290501"),  # of one date: neither comes before the other
    ]


def test_dates_with_hyphens_sort_too_and_others_are_counted(folder: Path) -> None:
    edit(folder, "20180704", "2018-07-04")
    edit(folder, "20190101", "1/1/19", 2)
    studies, release = read(folder)
    assert studies["80020002"].order == "20180704"
    assert studies["80020003"].order is None
    assert release.reject_counts == {("bad_date", False): 1}


def test_views(folder: Path) -> None:
    studies, _ = read(folder)
    seen = {i.view_name: (i.view, i.view_source) for s in studies.values() for i in s.images}
    assert seen == {
        "PA": ("PA", "table"),
        "AP": ("AP", "table"),
        "L": ("LATERAL", "table"),
        "RL": ("LATERAL", "table"),
        "AP LLD": ("DECUBITUS", "table"),
        "LT-DECUB": ("DECUBITUS", "table"),
        "RLO": ("OBLIQUE", "table"),
        None: (None, None),
    }


def test_ids_are_text(folder: Path) -> None:
    studies, _ = read(folder)
    assert "080020009" in studies
    sample.write(folder / "old", "v1_0_0")
    assert "80020001.0" in (folder / "old/master_spreadsheet.csv").read_text()
    assert "80020001" in read(folder / "old")[0]


def test_a_missing_picture_is_not_replaced_by_one_whose_name_begins_alike(tmp_path: Path) -> None:
    for variant in ("v1_1_0", "stray"):
        sample.write(tmp_path / variant, variant)
        study = read(tmp_path / variant)[0]["080020009"]
        assert study.images[11].key.endswith("/image-12") and study.images[11].path is None
        assert str(study.images[0].path).endswith("/image-1.png")


def test_a_suffix_that_belongs_to_the_name_is_kept(folder: Path) -> None:
    place = f"images/{sample.key(sample.EXAMS[1], 1)}.png"
    (folder / place).rename(folder / f"{place}.png")
    edit(folder, f"{place},", f"{place}.png-copy,")
    assert read(folder)[0]["80020002"].images[0].path == f"{place}.png"


def test_the_png_is_taken_before_the_dicom_and_the_dicom_where_it_is_missing(folder: Path) -> None:
    for exam in sample.EXAMS[1], sample.EXAMS[6]:
        for number in range(1, len(exam.views) + 1):
            file = dicom(radiograph(64, 64, 1), f"1.2.3.{number}")
            save(folder, {f"Anonymized_DICOMs/{sample.key(exam, number)}.dcm": file})
    studies, _ = read(folder)
    assert str(studies["80020002"].images[0].path).startswith("images/")
    assert [str(i.path).rpartition(".")[2] for i in studies["80020007"].images] == ["png", "dcm"]


@pytest.mark.parametrize("variant", ["v1_1_0", "v1_0_0"])
def test_pictures_can_be_read(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    deep = studies[sample.DEEP[0]].images[0]
    for path in (deep.path, studies["80020004"].images[0].path):
        assert path is not None
        picture = normalise(release.read(path), ImageSettings())
        assert (picture.width, picture.height) == (deep.width, deep.height) == (64, 64)


def test_rows_that_disagree_leave_the_study_without_labels(folder: Path) -> None:
    rows = (folder / TABLE).read_text().splitlines()
    second = next(row for row in rows if "80020001" in row and ",L," in row)
    edit(folder, second, second.replace(",1.0,", ",0.0,"))
    studies, release = read(folder)
    assert release.reject_counts == {("labels_differ", False): 1}
    study = studies["80020001"]
    assert (study.label_sets, study.labels, len(study.images)) == ((), (), 2)


@pytest.mark.parametrize(
    ("old", "new", "reason", "rows", "study"),
    [
        (",70010002,", ",,", "bad_id", 1, None),
        (",80020002,", ",,", "bad_id", 1, None),
        (",70010003,M,0,", ",70019999,M,0,", "bad_id", 2, None),
        (",,,1.0,PA,", ",,,yes,PA,", "unknown_label_value", 1, ()),
    ],
)
def test_damaged_rows_are_counted(
    folder: Path, old: str, new: str, reason: str, rows: int, study: tuple[str, ...] | None
) -> None:
    edit(folder, old, new)
    studies, release = read(folder)
    assert release.reject_counts == {(reason, False): rows}
    if study is None:
        assert len(studies) == len(sample.EXAMS) - 1
    else:
        assert studies["80020002"].label_sets == study


def test_a_picture_named_twice_stands_once(folder: Path) -> None:
    first, second = (f"images/{sample.key(sample.EXAMS[2], number)}.png" for number in (1, 2))
    edit(folder, second, first)
    edit(folder, f"images/{sample.key(sample.EXAMS[1], 1)}.png", "")
    edit(folder, f"Anonymized_DICOMs/{sample.key(sample.EXAMS[1], 1)}.dcm", "")
    studies, release = read(folder)
    assert release.reject_counts == {("duplicate_picture", False): 1, ("no_path", False): 1}
    assert len(studies["80020003"].images) == 1
    assert studies["80020002"].images == () and studies["80020002"].labels


def test_of_two_tables_that_of_1_1_0_is_read(tmp_path: Path) -> None:
    sample.write(tmp_path, "stray")
    assert len(list(tmp_path.rglob("master_spreadsheet*.csv"))) == 2
    studies, _ = read(tmp_path)
    assert "89999999" not in studies  # only in the older one


def test_a_table_of_another_release_is_one_clear_error(folder: Path) -> None:
    (folder / TABLE).write_text("Path,Sex\nx,M\n")
    with pytest.raises(ReleaseError, match=r"row 1: no column 'AccessionNumber'"):
        read(folder)
