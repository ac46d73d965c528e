"""MIMIC-CXR: JPEG and DICOM release, reports packed and loose."""

from __future__ import annotations

import gzip
import zipfile
from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.source import registry
from chexinstruct.sources.mimic_cxr import sample
from chexinstruct.sources.mimic_cxr.texts import REPORTS

TABLED = tuple(variant for variant in sample.VARIANTS if variant not in ("dicom", "srrg"))


read = partial(read_release, "mimic_cxr")


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


def sections(study: Study) -> dict[str, str]:
    assert study.report is not None
    return study.report.sections


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    """Change the text of a plain or packed table."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    assert old in text
    text = text.replace(old, new, 1)
    path.write_bytes(
        gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()
    )


@pytest.mark.parametrize("variant", TABLED)
def test_every_layout_gives_the_same_studies(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert read(tmp_path)[0] == studies
    assert release.reject_counts == {("missing_report", True): 1}
    keys = [(study.people[0], study.id) for study in studies.values()]
    assert keys == sorted(keys)
    for exam in sample.EXAMS:
        study = studies[f"s{exam.study}"]
        assert study.people == (f"mimic_cxr:{exam.subject}",)
        assert [i.key for i in study.images] == [
            sample.dicom_id(exam.study, n) for n in range(1, len(exam.views) + 1)
        ]
        assert study.split == {"validate": "validation"}.get(str(exam.split), exam.split)
        assert (study.split_origin is None) == (study.split is None)
        assert (study.report is not None) == (exam.study in REPORTS)
    absent = [i.key for s in studies.values() for i in s.images if i.path is None]
    assert absent == [sample.MISSING]
    texts = {s.id: s.report.raw for s in studies.values() if s.report}
    if variant != "jpg":
        sample.write(tmp_path / "jpg")
        packed, _ = read(tmp_path / "jpg")
        assert texts == {s.id: s.report.raw for s in packed.values() if s.report}


def test_labels_and_label_sets_are_those_of_the_card(folder: Path) -> None:
    card = registry()["mimic_cxr"].card
    for study in read(folder)[0].values():
        findings = {f for name in study.label_sets for f in card.label_sets[name].findings}
        assert states(study).keys() <= findings
    policies = card.label_sets["chexpert"].uncertain_by_finding
    assert policies["edema"] == "present" and policies["cardiomegaly"] == "absent"
    assert len(card.label_sets["chexpert"].findings) == 13


def test_the_card_names_every_file_that_is_read(folder: Path) -> None:
    card = registry()["mimic_cxr"].card
    release = Release.open(folder, source="mimic_cxr")
    found = {path for file in card.files for path in release.find_all(file.pattern)}
    unread = set(release.files) - found
    assert unread == {"mimic-cxr-2.0.0-negbio.csv.gz"}


def test_four_states_of_a_label(folder: Path) -> None:
    studies, _ = read(folder)
    assert states(studies["s50000012"]) == {
        "atelectasis": "present",
        "pleural effusion": "present",
        "pneumonia": "uncertain",
        "pneumothorax": "absent",
    }  # the other nine cells are blank: not mentioned


def test_no_finding_denies_nothing_that_the_report_does_not_deny(folder: Path) -> None:
    studies, _ = read(folder)
    assert states(studies["s50000006"]) == dict.fromkeys(
        ("cardiomegaly", "consolidation", "pleural effusion", "pneumothorax"), "absent"
    )
    bare = studies["s59999999"]
    assert (bare.label_sets, bare.labels) == (("chexpert",), ())


def test_labels_of_the_radiologist_replace_those_of_the_program(tmp_path: Path) -> None:
    sample.write(tmp_path / "new")
    sample.write(tmp_path / "old", "wget")
    new, old = read(tmp_path / "new")[0], read(tmp_path / "old")[0]
    assert old["s50000008"].label_sets == ("chexpert",)
    assert states(old["s50000008"])["cardiomegaly"] == "uncertain"
    assert new["s50000008"].label_sets == ("radiologists",)
    assert states(new["s50000008"])["cardiomegaly"] == "absent"
    # Airspace Opacity there is Lung Opacity elsewhere
    assert states(new["s50000003"])["lung opacity"] == "present"
    assert "consolidation" not in states(new["s50000003"])
    read_by = {s.id for s in new.values() if "radiologists" in s.label_sets}
    assert read_by == {f"s{study}" for study in sample.RADIOLOGIST}


def test_studies_that_the_label_table_leaves_out(folder: Path) -> None:
    study = read(folder)[0]["s59999996"]
    assert (study.label_sets, study.labels, study.split) == ((), (), "test")


def test_order_is_time_and_not_study_id(folder: Path) -> None:
    studies, _ = read(folder)
    mine = [s for s in studies.values() if s.people == ("mimic_cxr:10000001",)]
    # 8:05 in the morning (80556.875), 22:15 of that day, 0:50 three days later (5012.5)
    by_time = sorted(mine, key=lambda study: str(study.order))
    assert [s.id for s in by_time] == ["s50000004", "s50000001", "s50000009"]
    assert [s.id for s in mine] == ["s50000001", "s50000004", "s50000009"]


def test_order_is_that_of_the_earliest_picture(folder: Path) -> None:
    table = folder / "mimic-cxr-2.0.0-metadata.csv.gz"
    before = read(folder)[0]["s50000002"].order
    lateral = sample.dicom_id(50000002, 2)
    row = f"{lateral},10000002,50000002,CHEST (PA AND LAT),LATERAL,192,160,21501102"
    edit(table, f"{row},142005.25", f"{row},91500.0")
    after = read(folder)[0]["s50000002"].order
    assert before == "21501102 142005.250000 s50000002"
    assert after == "21501102 091500.000000 s50000002"


def test_a_time_that_is_none_leaves_the_study_without_a_place(folder: Path) -> None:
    edit(folder / "mimic-cxr-2.0.0-metadata.csv.gz", "21930718,54500.0", "21930718,5:45")
    studies, release = read(folder)
    assert studies["s59999990"].order is None
    assert release.reject_counts["bad_time", False] == 1


def test_views(folder: Path) -> None:
    studies, _ = read(folder)
    seen = {image.view_name: image.view for study in studies.values() for image in study.images}
    assert seen == {
        "PA": "PA",
        "AP": "AP",
        "LATERAL": "LATERAL",
        "LL": "LL",
        "AP AXIAL": "AP AXIAL",
        "XTABLE LATERAL": "LATERAL",
        "RPO": "OBLIQUE",
        "SWIMMERS": "OTHER",
        "antero-posterior": "AP",  # ViewPosition is blank there
        None: None,
    }
    blank = studies["s59999993"].images[0]
    assert blank.key == sample.NO_VIEW_CODE and blank.view_source is None


def test_rows_is_height_and_columns_is_width(folder: Path) -> None:
    studies, _ = read(folder)
    frontal, lateral = studies["s50000007"].images
    assert (frontal.width, frontal.height) == sample.LANDSCAPE
    assert (lateral.width, lateral.height) == sample.PORTRAIT


def test_report_sections(folder: Path) -> None:
    studies, _ = read(folder)
    normal = sections(studies["s50000010"])
    assert normal["indication"] == "Chest pain."
    assert normal["impression"] == "No acute cardiopulmonary process."
    assert normal["findings"].endswith("There is no free air beneath the diaphragm.")
    assert "findings" not in sections(studies["s59999997"])
    assert "impression" not in sections(studies["s59999998"])
    # FINDINGS: with nothing below it is no findings section, and swallows no other
    assert sections(studies["s59999999"]) == {
        "indication": "Neck pain.",
        "impression": "No acute intrathoracic abnormality.",
        "preamble": "FINAL REPORT",
    }
    for study in ("s59999996", "s59999989"):  # a conclusion without a header; no header at all
        assert "pneumothorax is seen." in sections(studies[study])["last_paragraph"]
        assert not {"findings", "impression"} & sections(studies[study]).keys()
    wet = sections(studies["s59999992"])
    assert wet["preamble"].startswith("WET READ: ___") and "addendum" in wet
    report = studies["s50000010"].report
    assert report is not None and report.raw is not None and report.origin is not None
    assert report.raw.startswith(" " * 33 + "FINAL REPORT\n EXAMINATION:")
    assert report.origin.file.endswith("p10/p10000003/s50000010.txt")


def test_reports_are_found_through_any_folders_of_the_archive(tmp_path: Path) -> None:
    sample.write(tmp_path, "wget")
    archive = next(tmp_path.rglob("mimic-cxr-reports.zip"))
    with zipfile.ZipFile(archive) as opened:
        assert all(name.startswith("mimic-cxr-reports/files/p1") for name in opened.namelist())
    studies, _ = read(tmp_path)
    assert sum(study.report is not None for study in studies.values()) == len(REPORTS)


def test_a_release_without_reports_is_read_without_complaint(folder: Path) -> None:
    (folder / "mimic-cxr-reports.zip").unlink()
    studies, release = read(folder)
    assert len(studies) == len(sample.EXAMS)
    assert all(study.report is None for study in studies.values())
    assert not release.reject_counts


def test_an_unreadable_report_costs_its_text_only(tmp_path: Path) -> None:
    sample.write(tmp_path, "unpacked")
    path = next(tmp_path.rglob("s50000002.txt"))
    path.write_bytes(b" FINDINGS:  secret \xff\xfe")
    studies, release = read(tmp_path)
    assert studies["s50000002"].report is None and studies["s50000002"].labels
    assert release.reject_counts["unreadable_report", False] == 1
    assert not any("secret" in reject.detail for reject in release.rejects)


def test_dicom_release_takes_view_size_and_time_from_headers(tmp_path: Path) -> None:
    sample.write(tmp_path / "dicom", "dicom")
    sample.write(tmp_path / "jpg")
    dicom, release = read(tmp_path / "dicom")
    jpg, _ = read(tmp_path / "jpg")
    assert list(dicom) == list(jpg)
    # the file without bytes cannot be read; the one that is missing is not tried
    assert release.reject_counts == {("missing_report", True): 1, ("bad_dicom", False): 1}
    for key, study in dicom.items():
        assert (study.split, study.label_sets) == (None, ())
        assert (study.people, study.report is None) == (jpg[key].people, jpg[key].report is None)
        if key not in ("s59999998", f"s{sample.UNTIMED}"):
            assert study.order == jpg[key].order
    assert dicom[f"s{sample.UNTIMED}"].order is None
    missing = dicom["s59999998"]
    assert missing.order is None and missing.images[0].width is None
    lateral = dicom["s50000002"].images[1]
    assert (lateral.view, lateral.view_source, lateral.width) == ("LATERAL", "header", 160)
    blank = dicom["s50000007"].images[1]
    assert (blank.view, blank.view_name, blank.view_source) == (None, None, None)


def test_both_releases_in_one_folder_are_one(folder: Path) -> None:
    alone, _ = read(folder)
    sample.write(folder, "dicom")
    mixed, release = read(folder)
    assert mixed == alone  # tables and JPEG pictures of the JPEG release
    assert release.reject_counts == {("missing_report", True): 1}


def test_plain_and_packed_copy_of_a_table_are_read_once(folder: Path) -> None:
    alone, _ = read(folder)
    packed = folder / "mimic-cxr-2.0.0-metadata.csv.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    both, _ = read(folder)
    assert [(s.id, s.images, s.report) for s in both.values()] == [
        (s.id, s.images, s.report) for s in alone.values()
    ]


def test_a_known_damaged_file_is_on_the_card() -> None:
    card = registry()["mimic_cxr"].card
    stems = [bad.path.rsplit("/", 1)[1].removesuffix(".jpg") for bad in card.known_bad]
    assert len(stems) == 7 and all(len(stem) == 44 for stem in stems)


@pytest.mark.parametrize(
    ("table", "old", "new", "reason"),
    [
        ("metadata", ",10000003,50000010,", ",10000003,5,", "bad_id"),
        ("split", "10000003,train", "10000003,tarin", "unknown_split"),
        ("split", "10000003,train", "10000003,test", "split_conflict"),
        ("chexpert", "10000003,50000010,,,0.0", "10000003,50000010,,,2.0", "unknown_label_value"),
    ],
)
def test_damaged_rows_are_counted(
    folder: Path, table: str, old: str, new: str, reason: str
) -> None:
    edit(folder / f"mimic-cxr-2.0.0-{table}.csv.gz", old, new)
    studies, release = read(folder)
    assert release.reject_counts[reason, False] == 1
    match reason:
        case "unknown_label_value":
            assert studies["s50000010"].label_sets == ()
        case "unknown_split":
            assert studies["s50000010"].split == "train"  # by the other picture's row
        case _:
            assert studies["s50000002"].split == "train"


def test_without_any_picture_table_the_error_names_both(folder: Path) -> None:
    (folder / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    with pytest.raises(ReleaseError, match=r"metadata\.csv or cxr-record-list\.csv"):
        read(folder)


def test_a_label_table_of_another_shape_stops_with_its_name(folder: Path) -> None:
    edit(folder / "mimic-cxr-2.0.0-chexpert.csv.gz", "Pneumonia", "Pneumonitis")
    with pytest.raises(ReleaseError, match=r"chexpert\.csv\.gz.*no column 'Pneumonia'"):
        read(folder)


def test_sample_can_feed_every_kind_of_task(folder: Path) -> None:
    studies = list(read(folder)[0].values())
    for split in ("train", "validation", "test"):
        mine = [s for s in studies if s.split == split]
        both = [
            s for s in mine if s.report and {"findings", "impression"} <= s.report.sections.keys()
        ]
        assert len(both) >= 3
        pairs = [s for s in mine if {"PA", "LATERAL"} <= {i.view for i in s.images}]
        assert len({s.people for s in pairs}) >= 2
        assert {"present", "absent"} <= {label.state for s in mine for label in s.labels}
        assert len({s.people for s in mine}) < len(mine)  # somebody has a prior study


def test_sample_writes_the_same_bytes_every_time(tmp_path: Path) -> None:
    for variant in sample.VARIANTS:
        for copy in ("a", "b"):
            sample.write(tmp_path / variant / copy, variant)
        one, two = (
            {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
            for root in (tmp_path / variant / "a", tmp_path / variant / "b")
        )
        assert one == two
