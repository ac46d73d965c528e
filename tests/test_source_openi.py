"""Open-i: XML reports with PNG or DICOM pictures, and the Kaggle tables."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.schema import Study
from chexinstruct.sources.openi import sample

XML = tuple(variant for variant in sample.VARIANTS if variant != "kaggle")


read = partial(read_release, "openi")


def sections(study: Study) -> dict[str, str]:
    assert study.report is not None
    return study.report.sections


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("variant", XML)
def test_every_xml_layout_gives_all_reports_and_finds_their_pictures(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    assert set(studies) == {f"CXR{exam.number}" for exam in sample.EXAMS}
    assert list(studies) == sorted(studies)  # file names as text, packed or not
    assert not release.reject_counts
    for exam in sample.EXAMS:
        study = studies[f"CXR{exam.number}"]
        assert [i.key for i in study.images] == [
            f"CXR{exam.number}_{name}" for name, _ in exam.pictures
        ]
        assert study.people == (f"openi:{exam.number}",)
        assert study.codes == exam.major
        assert study.split is None
    missing = [i.key for s in studies.values() for i in s.images if i.path is None]
    assert missing == [sample.MISSING]
    assert read(tmp_path)[0] == studies


def test_kaggle_tables_give_the_same_texts_codes_and_keys(tmp_path: Path) -> None:
    sample.write(tmp_path / "png")
    sample.write(tmp_path / "kaggle", "kaggle")
    xml, _ = read(tmp_path / "png")
    kaggle, release = read(tmp_path / "kaggle")
    assert set(kaggle) == {study.id for study in xml.values() if study.images}
    assert not release.reject_counts
    for key, study in kaggle.items():
        assert sections(study) == sections(xml[key])
        assert (study.codes, study.people) == (xml[key].codes, xml[key].people)
        known = [i.key for i in xml[key].images if i.key != sample.NOT_PROJECTED]
        assert [i.key for i in study.images] == known
        assert all(i.path or i.key == sample.MISSING for i in study.images)


def test_view_is_what_the_projection_table_says(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    images = [i for s in read(tmp_path)[0].values() for i in s.images]
    assert {(i.view, i.view_name, i.view_source) for i in images} == {
        (None, "Frontal", "table"),
        ("LATERAL", "Lateral", "table"),
    }
    first = {s.id: s.images[0].view_name for s in read(tmp_path)[0].values()}
    assert (first["CXR2"], first["CXR10"]) == ("Frontal", "Lateral")  # as released, not sorted


def test_xml_alone_names_no_view(folder: Path) -> None:
    images = [i for s in read(folder)[0].values() for i in s.images]
    assert {(i.view, i.view_name, i.view_source) for i in images} == {(None, None, None)}


def test_projection_table_beside_the_xml_reports_is_used(tmp_path: Path) -> None:
    sample.write(tmp_path)
    sample.write(tmp_path, "kaggle")
    studies, _ = read(tmp_path)
    assert len(studies) == len(sample.EXAMS)  # the XML reports rule
    views = {i.key: i.view_name for s in studies.values() for i in s.images}
    assert views["CXR1_1_IM-0001-3001"] == "Lateral"
    assert views["CXR1_1_IM-0001-4001"] == "Frontal"
    assert [key for key, name in views.items() if name is None] == [sample.NOT_PROJECTED]


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_report_one_repeats_its_number_in_some_picture_names(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    images = read(tmp_path)[0]["CXR1"].images
    assert [i.key for i in images] == ["CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001"]
    assert all(i.path and i.path.split("_IM-")[1][:9] == i.key[-9:] for i in images)


def test_picture_name_with_one_more_number_group(folder: Path) -> None:
    (image,) = read(folder)[0]["CXR13"].images
    assert image.key == "CXR13_IM-0198-1001-0001"
    assert image.path == "NLMCXR_png/CXR13_IM-0198-1001-0001.png"


def test_section_without_text_is_absent(folder: Path) -> None:
    studies, _ = read(folder)
    assert sections(studies["CXR4"]).keys() == {"indication", "impression"}
    assert sections(studies["CXR5"]).keys() == {"comparison", "indication", "findings"}


def test_report_without_any_text_is_none(folder: Path) -> None:
    path = folder / "ecgen-radiology" / "4.xml"
    exam = next(exam for exam in sample.EXAMS if exam.number == 4)
    for text in (exam.indication, exam.impression):
        replace(path, f">{text}<", "> <")
    study = read(folder)[0]["CXR4"]
    assert study.report is None
    assert len(study.images) == 2


def test_report_without_pictures_stays(folder: Path) -> None:
    study = read(folder)[0]["CXR9"]
    assert study.images == ()
    assert "findings" in sections(study)


def test_masked_words_stay_in_the_sections(folder: Path) -> None:
    studies, _ = read(folder)
    assert "There are no XXXX of a pleural effusion." in sections(studies["CXR10"])["findings"]
    assert sections(studies["CXR11"])["findings"] == "The XXXX are clear. XXXX and XXXX are normal."


def test_entities_prior_cues_and_numbers_stay(folder: Path) -> None:
    found = sections(read(folder)[0]["CXR12"])
    assert "A nodule of <5 mm" in found["findings"]
    assert "No pleural effusion & no pneumothorax." in found["findings"]
    assert "unchanged from the prior study" in found["findings"]
    assert found["impression"] == "1. Stable right upper lobe nodule. 2. No acute disease."


def test_repeated_label_and_stray_full_stops_go_and_the_raw_text_stays(folder: Path) -> None:
    study = read(folder)[0]["CXR13"]
    found = sections(study)
    assert found["indication"] == "Fever and cough"
    assert found["findings"].startswith("There is airspace disease in the right lower lobe. No")
    assert study.report
    assert study.report.raw
    assert "INDICATION: INDICATION: Fever and cough" in study.report.raw
    assert "lower lobe . No pleural effusion.." in study.report.raw


def test_raw_text_is_kept_only_where_the_sections_do_not_hold_it(folder: Path) -> None:
    studies, _ = read(folder)
    changed = {s.id for s in studies.values() if s.report and s.report.raw}
    assert changed == {"CXR13", "CXR14", "CXR18"}


def test_findings_end_where_another_examination_begins(folder: Path) -> None:
    study = read(folder)[0]["CXR14"]
    findings = sections(study)["findings"]
    assert findings.startswith("The lungs are clear.")
    assert "knee" not in findings
    assert study.report
    assert "Left knee: There is narrowing" in str(study.report.raw)
    assert len(study.images) == 2  # the title names the knee, the pictures are chests


def test_whole_report_in_the_impression_is_cut_to_the_impression(folder: Path) -> None:
    found = sections(read(folder)[0]["CXR18"])
    assert found["impression"] == "Left rib fracture without pneumothorax."
    assert "findings" not in found


def test_same_findings_do_not_make_one_person(folder: Path) -> None:
    studies, _ = read(folder)
    one, other = studies["CXR1"], studies["CXR16"]
    assert sections(one)["findings"] == sections(other)["findings"]
    assert not set(one.people) & set(other.people)


def test_automatic_codes_are_left_out(folder: Path) -> None:
    assert "<automatic>thorax</automatic>" in (folder / "ecgen-radiology" / "2.xml").read_text()
    assert read(folder)[0]["CXR2"].codes == ("Cardiomegaly/mild", "Pleural Effusion/left/small")


def test_packed_and_unpacked_reports_together_are_read_once(tmp_path: Path) -> None:
    sample.write(tmp_path)
    sample.write(tmp_path, "packed")
    studies, release = read(tmp_path)
    assert len(studies) == len(sample.EXAMS)
    assert not [reason for reason, expected in release.reject_counts if not expected]


def test_damaged_reports_are_counted_by_reason(folder: Path) -> None:
    reports = folder / "ecgen-radiology"
    (reports / "2.xml").write_text((reports / "2.xml").read_text()[:400])
    replace(reports / "4.xml", "CXR4", "4")
    replace(reports / "5.xml", '<uId id="CXR5"/>', "")
    (reports / "copy.xml").write_bytes((reports / "10.xml").read_bytes())
    studies, release = read(folder)
    assert len(studies) == len(sample.EXAMS) - 3
    assert release.reject_counts == {
        ("bad_xml", False): 1,
        ("no_report_id", False): 2,
        ("duplicate_report", False): 1,
    }


def test_damaged_kaggle_rows_are_counted_by_reason(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    projections = tmp_path / "indiana_projections.csv"
    replace(projections, "2_IM-0652-1001.dcm.png,Frontal", "2_IM-0652-1001.dcm.png,Oblique")
    reports = tmp_path / "indiana_reports.csv"
    with reports.open(newline="") as stream:
        rows = list(csv.reader(stream))
    rows[2][0] = "four"
    with reports.open("w", newline="") as stream:
        csv.writer(stream).writerows([*rows, rows[1]])
    studies, release = read(tmp_path)
    assert release.reject_counts == {
        ("unknown_projection", False): 1,
        ("no_report_id", False): 1,
        ("duplicate_report", False): 1,
        ("no_report", False): 1,
    }
    assert "CXR2" not in studies


def test_unknown_projection_leaves_the_picture_without_a_view(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    replace(tmp_path / "indiana_projections.csv", "1001.dcm.png,Frontal", "1001.dcm.png,Oblique")
    image = read(tmp_path)[0]["CXR2"].images[0]
    assert image.path
    assert image.view is None


def test_folder_without_reports_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(ReleaseError, match=r"^openi: no .*NLMCXR_reports\.tgz or indiana_reports"):
        read(tmp_path)


def test_table_with_other_columns_is_told_in_one_line(tmp_path: Path) -> None:
    sample.write(tmp_path, "kaggle")
    (tmp_path / "indiana_reports.csv").write_text("uid,text\n1,SECRET\n")
    with pytest.raises(ReleaseError, match=r"indiana_reports\.csv, row 1: no column") as caught:
        read(tmp_path)
    assert "SECRET" not in str(caught.value)
