"""BIMCV-COVID19+: sessions, sidecars, projections that lie, tabs in cells, Spanish reports."""

from __future__ import annotations

import csv
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.reports import clean_bimcv
from chexinstruct.schema import Label, Study
from chexinstruct.shared.normal import DENIED
from chexinstruct.source import registry
from chexinstruct.sources.bimcv_covid19 import sample
from chexinstruct.sources.bimcv_covid19.labels import texts
from chexinstruct.vocabulary import compatible_negative

EXPECTED = {
    "not_a_radiograph": 3,
    "other_body_part": 1,
    "wrong_tone": 1,
    "no_sidecar": 1,
    "ct_only_session": 1,
    "session_without_radiograph": 3,
    "duplicate_row": 1,
    "further_report": 1,
    "excluded_by_label": 1,
    "placeholder_report": 1,
    "report_beside_ct": 1,
    "unused_translation": 2,
}
TABLE = "derivatives/labels/labels_covid19_posi.tsv"

read = partial(read_release, "bimcv_covid19")


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The publisher's layout; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    return folder


@pytest.fixture(scope="module")
def studies(official: Path) -> dict[str, Study]:
    """The studies of the publisher's layout by session."""
    found, _ = read(official)
    return {study.id.rpartition("-")[2]: study for study in found.values()}


@pytest.fixture
def folder(official: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(official, tmp_path / "copy")


def states(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


def english(study: Study) -> bool:
    return study.report is not None and study.report.language == "en"


# Layouts


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_layouts_give_the_same_sessions(
    tmp_path: Path, variant: str, studies: dict[str, Study]
) -> None:
    sample.write(tmp_path, variant)
    found, release = read(tmp_path)
    assert [*found] == [study.id for study in studies.values()]
    assert not [reason for reason, expected in release.reject_counts if not expected]
    for study, official in zip(found.values(), studies.values(), strict=True):
        assert study.people == official.people
        assert study.labels == official.labels
        if variant != "packed_pictures":
            assert [i.path is None for i in study.images] == [
                i.path is None for i in official.images
            ]
            assert (study.age, study.sex, study.order) == (
                official.age,
                official.sex,
                official.order,
            )
            assert [(i.key, i.view, i.inverted, i.window) for i in study.images] == [
                (i.key, i.view, i.inverted, i.window) for i in official.images
            ]
    told = {(study.report.language if study.report else None) for study in found.values()}
    assert ("en" in told) == (variant == "unpacked")


def test_every_row_and_file_left_out_is_counted(folder: Path) -> None:
    _, release = read(folder)
    assert release.reject_counts == {(reason, True): n for reason, n in EXPECTED.items()}


def test_pictures_of_a_packed_package_are_known_and_missing(tmp_path: Path) -> None:
    sample.write(tmp_path, "packed_pictures")
    found, _ = read(tmp_path)
    images = found["sub-S00001_ses-E00001"].images
    assert [image.path for image in images] == [None, None]
    assert found["sub-S00010_ses-E00015"].images[0].path


def test_pictures_of_two_iterations_are_taken_once(tmp_path: Path) -> None:
    sample.write(tmp_path, "iterations")
    found, release = read(tmp_path)
    (image,) = found["sub-S00001_ses-E00003"].images
    assert image.path and image.path.startswith("iter1/")
    assert release.reject_counts["duplicate_picture", True] == 1
    # the second table repeats all rows of the first
    assert release.reject_counts["duplicate_row", True] == 11


def test_sessions_are_named_by_what_is_left_when_a_picture_is_missing(folder: Path) -> None:
    sidecar = next(folder.rglob("*E00012*.json"))
    assert read(folder)[0]["sub-S00008_ses-E00012"].images[0].path is None
    sidecar.unlink()
    found, release = read(folder)
    assert "sub-S00008_ses-E00012" not in found
    assert release.reject_counts["session_without_radiograph", True] == 4


def test_tables_without_any_picture_are_one_clear_error(folder: Path) -> None:
    for subject in folder.glob("sub-*"):
        shutil.rmtree(subject)
    with pytest.raises(ReleaseError, match=r"no radiograph sub-S\*.*unpack the \.tgz packages"):
        read(folder)


def test_a_picture_named_in_another_way_is_told(folder: Path) -> None:
    picture = next(folder.rglob("*E00015*.png"))
    picture.rename(picture.with_name("image.png"))
    _, release = read(folder)
    assert release.reject_counts["other_picture", False] == 1


# Persons and time


def test_subject_is_the_person_in_the_spelling_of_the_file_names(
    studies: dict[str, Study],
) -> None:
    assert studies["E00001"].people == ("bimcv_covid19:sub-S00001",)
    assert studies["E00001"].people == studies["E00003"].people
    assert len({study.people for study in studies.values()}) == 11


def test_sessions_of_a_person_stand_in_time(studies: dict[str, Study]) -> None:
    first, blind, last = (studies[name].order for name in ("E00001", "E00002", "E00003"))
    assert first and last and first < last
    assert blind is None  # without a sidecar nothing tells its date
    assert studies["E00005"].order == "20200312 ses-E00005"  # no time, no other session


def test_a_day_with_a_session_without_time_is_not_put_in_order(folder: Path) -> None:
    path = next(folder.rglob("*E00014*.json"))
    content = json.loads(path.read_text())
    del content["00080030"]
    path.write_text(json.dumps(content))
    found, _ = read(folder)
    assert found["sub-S00009_ses-E00013"].order is None
    assert found["sub-S00009_ses-E00014"].order is None


def test_age_and_sex_come_from_the_sidecar_else_from_the_participants(
    studies: dict[str, Study],
) -> None:
    assert (studies["E00001"].age, studies["E00001"].sex) == (83, "F")
    assert (studies["E00008"].age, studies["E00008"].sex) == (29, "F")  # [29], ['F']
    assert (studies["E00010"].age, studies["E00010"].sex) == (71, "M")  # the table has two ages


# Pictures


def test_ct_and_other_body_parts_are_no_pictures(studies: dict[str, Study]) -> None:
    assert "E00004" not in studies
    assert [image.key for image in studies["E00013"].images] == [
        "sub-S00009_ses-E00013_run-2_bp-chest_dx"
    ]


def test_tone_comes_from_sidecars_of_either_form(studies: dict[str, Study]) -> None:
    (wrapped, _), (plain,) = studies["E00001"].images, studies["E00003"].images
    assert (wrapped.inverted, wrapped.window) == (True, (2000, 3600))
    assert (plain.inverted, plain.window) == (True, (2000, 3600))
    (bare,) = studies["E00002"].images
    assert (bare.inverted, bare.window) == (False, None)
    assert studies["E00013"].images[0].window is None


@pytest.mark.parametrize(
    ("tags", "window"),
    [
        ({"00281050": ["2048", "1500"], "00281051": ["4096", "900"]}, (2048, 4096)),
        ({"00281050": "2048\\1500", "00281051": "4096\\900"}, (2048, 4096)),
        ({"00281050": 2048, "00281051": 0}, None),
        ({"00281050": "", "00281051": 4096}, None),
        ({"00281050": 128, "00281051": 256, "00280101": 8}, None),
        ({"00281050": 1000, "00281051": 2000, "00281053": 2, "00281052": -24}, (512, 1000)),
        ({"00281050": 1000, "00281051": 2000, "00281053": 1, "00281052": 0}, (1000, 2000)),
        ({"00281050": {"vr": "DS"}, "00281051": {"vr": "DS", "Value": []}}, None),
    ],
)
def test_window_is_the_first_one_in_stored_values(
    folder: Path, tags: dict[str, Any], window: tuple[float, float] | None
) -> None:
    path = next(folder.rglob("*E00015*.json"))
    content = json.loads(path.read_text())
    for tag in ("00281050", "00281051"):
        del content[tag]
    path.write_text(json.dumps(content | tags))
    assert read(folder)[0]["sub-S00010_ses-E00015"].images[0].window == window


def test_a_damaged_sidecar_is_told_and_its_picture_kept(folder: Path) -> None:
    next(folder.rglob("*E00015*.json")).write_text("{")
    found, release = read(folder)
    (image,) = found["sub-S00010_ses-E00015"].images
    assert image.path and image.window is None
    assert release.reject_counts["bad_sidecar", False] == 1


def view_of(folder: Path, **said: str) -> list[str | None]:
    """The projections of the first session when its second picture says something else."""
    place = folder / "sub-S00001" / "ses-E00001" / "mod-rx"
    tags = said.pop("tags", "acq-2_run-1_bp-chest_vp-pa")
    for path in list(place.glob("*acq-2*")):
        path.rename(place / f"sub-S00001_ses-E00001_{tags}_dx{path.suffix}")
    (path,) = place.glob(f"*_{tags}_dx.json")
    content = json.loads(path.read_text())
    for tag in ("0008103E", "00185101"):
        content.pop(tag, None)
    named = {"series": "0008103E", "position": "00185101"}
    path.write_text(json.dumps(content | {named[name]: value for name, value in said.items()}))
    images = read(folder)[0]["sub-S00001_ses-E00001"].images
    return [image.view for image in sorted(images, key=lambda image: image.key)]


@pytest.mark.parametrize(
    ("said", "view"),
    [
        ({"series": "W Torax Lat."}, "LATERAL"),
        ({"series": "TÓRAX_LATERAL", "position": "PA"}, "LATERAL"),
        ({"position": "PA"}, None),  # a second acquisition
        ({}, None),
        ({"series": "W Torax PA", "position": "PA"}, "PA"),
        ({"series": "Torax frontal"}, "PA"),
        ({"series": "Torax PA y lateral"}, None),  # both of the study
        ({"series": "Torax AP"}, None),  # against vp-pa
        ({"series": "Torax bilateral"}, None),  # names no projection
        ({"series": "Torax AP decubito lateral", "position": "AP"}, None),
        ({"position": "LL"}, None),  # against vp-pa
        ({"tags": "acq-2_run-1_bp-chest_vp-ll", "position": "LL"}, "LATERAL"),
        ({"tags": "acq-2_run-1_bp-chest_vp-lateral"}, "LATERAL"),
        ({"tags": "acq-2_run-1_bp-chest_vp-ll", "series": "Torax frontal"}, None),
        ({"tags": "run-2_bp-chest_vp-ap"}, "AP"),
        ({"tags": "run-2_bp-chest_vp-ap", "position": "PA"}, None),
        ({"tags": "run-2_bp-chest_vp-pa"}, None),  # the first picture claims PA too
        ({"tags": "run-2_bp-chest", "series": "Torax lat"}, "LATERAL"),
        ({"tags": "run-2_bp-chest", "position": "GENERICA"}, None),
        ({"tags": "run-2_bp-chest"}, None),
    ],
)
def test_projection_is_told_where_it_is_beyond_doubt(
    folder: Path, said: dict[str, str], view: str | None
) -> None:
    # the first picture has its series text, so nothing makes it doubtful
    assert sorted(map(str, view_of(folder, **said))) == sorted(["PA", str(view)])


def test_two_pictures_that_claim_the_same_projection_have_none(studies: dict[str, Study]) -> None:
    images = studies["E00010"].images
    assert [(image.view, image.view_name) for image in images] == [(None, "PA")] * 2


def test_projection_names_where_it_comes_from(studies: dict[str, Study]) -> None:
    assert studies["E00002"].images[0].view_source == "filename"
    assert studies["E00013"].images[0].view_source == "header"
    assert studies["E00013"].images[0].view == "AP"


# Labels


def test_labels_are_parsed_with_their_tabs_blanks_and_repeats(studies: dict[str, Study]) -> None:
    assert studies["E00001"].labels == (
        Label(finding="pneumonia"),
        Label(finding="infiltration", name="infiltrates"),
        Label(finding="COVID-19", name="COVID 19"),
    )
    assert studies["E00001"].label_sets == ("findings",)


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("['a'\t' b c'\t'']", ("a", "b c")),
        ("['a', 'b']", ("a", "b")),
        ("""["kerley's lines"\t'a']""", ("kerley's lines", "a")),
        ("[]", ()),
        ("", ()),
        ("nan", ()),
    ],
)
def test_lists_of_quoted_texts(cell: str, items: tuple[str, ...]) -> None:
    assert texts(cell) == items


@pytest.mark.parametrize("cell", ["pneumonia", "['a' 'b", "['a'] . x", "[a]"])
def test_what_is_no_list_is_refused_without_a_quote(cell: str) -> None:
    with pytest.raises(ValueError, match=r"^no list of quoted texts$"):
        texts(cell)


def test_uncertain_labels_are_of_the_finding_itself(studies: dict[str, Study]) -> None:
    assert states(studies["E00005"]) == {"COVID-19": "uncertain", "increased density": "present"}


def test_nothing_is_absent_that_a_report_does_not_mention(studies: dict[str, Study]) -> None:
    for name, study in studies.items():
        if name not in ("E00008", "E00015"):
            assert "absent" not in states(study).values()
    (label_set,) = registry()["bimcv_covid19"].card.label_sets.values()
    assert label_set.blank == "not_mentioned"


def test_normal_denies_what_nobody_leaves_unsaid(studies: dict[str, Study]) -> None:
    found = states(studies["E00015"])
    assert found.pop("no finding") == "present"
    assert set(found.values()) == {"absent"} and set(found) == set(DENIED)
    assert {label.method for label in studies["E00015"].labels} == {None, "inferred"}
    assert states(studies["E00008"]).keys() == found.keys() | {"no finding"}  # normal, unchanged
    for said_of_nobody in ("COVID-19", "scoliosis", "nasogastric tube", "calcified granuloma"):
        assert said_of_nobody not in found
    assert all(compatible_negative(finding, ["no finding"]) for finding in DENIED)


def test_normal_beside_a_finding_denies_nothing(studies: dict[str, Study]) -> None:
    assert states(studies["E00013"]) == {"scoliosis": "present"}


def test_normal_of_one_of_two_reports_denies_nothing(folder: Path) -> None:
    rewrite(folder, lambda row: row.update(Labels="['normal']"), only=[("ses-E00006", 0)])
    assert read(folder)[0]["sub-S00003_ses-E00006"].label_sets == ()


def test_statements_about_the_study_are_no_findings(studies: dict[str, Study]) -> None:
    assert states(studies["E00010"]).keys() == {"nasogastric tube", "cardiomegaly"}
    assert states(studies["E00003"]).keys() == {"infiltration"}
    assert "E00007" not in studies  # exclude


def test_first_report_of_a_session_stands(tmp_path: Path) -> None:
    sample.write(tmp_path, "head_package")
    study = read(tmp_path)[0]["sub-S00003_ses-E00006"]
    assert states(study) == {"consolidation": "present"}
    assert study.report and study.report.sections == {
        "findings": "Consolidacion en lobulo inferior izquierdo."
    }


def test_session_with_ct_keeps_neither_report_nor_labels(studies: dict[str, Study]) -> None:
    study = studies["E00011"]
    assert (study.report, study.labels, study.label_sets) == (None, (), ())
    assert len(study.images) == 1


def rewrite(folder: Path, change: Any, only: list[tuple[str, int]] | None = None) -> None:
    """Change rows of the label table, named by session and place among its rows."""
    path = folder / TABLE
    with path.open(newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        names, rows = list(reader.fieldnames or ()), list(reader)
    seen: dict[str, int] = {}
    for row in rows:
        place = (row["ReportID"], seen.get(row["ReportID"], 0))
        seen[row["ReportID"]] = place[1] + 1
        if only is None or place in only:
            change(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_unknown_label_is_told_once_and_the_others_are_kept(folder: Path) -> None:
    def change(row: dict[str, str]) -> None:
        row["Labels"] = "['purple lung'\t'pneumonia'\t'double J stent']"

    rewrite(folder, change, only=[("ses-E00015", 0), ("ses-E00016", 0)])
    found, release = read(folder)
    assert states(found["sub-S00010_ses-E00015"]) == {
        "pneumonia": "present",
        "double J stent": "present",
    }
    (reject,) = [r for r in release.rejects if r.reason == "unknown_finding"]
    assert (reject.detail, reject.expected) == ("'purple lung' in 2 reports", False)


def test_row_of_another_subject_and_bad_list_are_told(folder: Path) -> None:
    rewrite(folder, lambda row: row.update(PatientID="sub-S00001"), only=[("ses-E00015", 0)])
    rewrite(folder, lambda row: row.update(Labels="pneumonia"), only=[("ses-E00016", 0)])
    found, release = read(folder)
    assert found["sub-S00010_ses-E00015"].labels == ()
    assert found["sub-S00011_ses-E00016"].labels == ()
    assert release.reject_counts["other_subject", False] == 1
    assert release.reject_counts["bad_label_list", False] == 1


# Reports


def test_report_is_spanish_and_its_text_as_released_is_kept(studies: dict[str, Study]) -> None:
    report = studies["E00001"].report
    assert report is not None and report.language == studies["E00001"].language == "es"
    assert report.sections == {
        "indication": "Fiebre y tos.",
        "findings": "Infiltrados bilaterales de predominio periferico compatibles con neumonia "
        "por covid. No se observa derrame pleural. Comentado con nombrepropio.",
    }
    assert report.raw and report.raw.startswith("juicio clinico fiebre y tos . infiltrados")


def test_translation_takes_the_place_of_the_report(studies: dict[str, Study]) -> None:
    assert [name for name, study in studies.items() if english(study)] == ["E00006", "E00016"]
    report = studies["E00016"].report
    assert report is not None and report.origin is not None
    assert report.sections == {"findings": "Bilateral interstitial pattern. Left pleural effusion."}
    assert report.origin.file == "translations.csv"
    assert report.raw == "patron intersticial bilateral . derrame pleural izquierdo ."


def test_table_without_reports_leaves_labels(folder: Path) -> None:
    path = folder / TABLE
    path.write_text(path.read_text().replace("\tReport\t", "\tOther\t", 1))
    found, _ = read(folder)
    assert {study.id for study in found.values() if study.report} == {
        "sub-S00003_ses-E00006",
        "sub-S00011_ses-E00016",
    }
    assert states(found["sub-S00001_ses-E00001"])


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("infiltrado basal . sin derrame .", {"findings": "Infiltrado basal. Sin derrame."}),
        (". . infiltrado basal", {"findings": "Infiltrado basal."}),
        ("nombrepropio . . nombrepropio nombrepropio .", {}),
        (" . ", {}),
        (
            "informe . hallazgos: nodulo . hallazgos compatibles con neumonia .",
            {"findings": "Nodulo. Hallazgos compatibles con neumonia."},
        ),
        (
            "juicio clinico: disnea . motivo de consulta . derrame visto por nombrepropio .",
            {"indication": "Disnea.", "findings": "Derrame visto por nombrepropio."},
        ),
        (
            "derrame pleural . impresion diagnostica: insuficiencia cardiaca . control posterior .",
            {
                "findings": "Derrame pleural.",
                "impression": "Insuficiencia cardiaca. Control posterior.",
            },
        ),
        ("conclusion sin cambios .", {"impression": "Sin cambios."}),
        # A diagnosis that is spoken of is no heading.
        (
            "diagnostico previo de neumonia .",
            {"findings": "Diagnostico previo de neumonia."},
        ),
        ("nodulo de 1.5 cm .", {"findings": "Nodulo de 1.5 cm."}),
    ],
)
def test_sentences_get_capital_and_stop_and_nothing_else_changes(
    text: str, sections: dict[str, str]
) -> None:
    assert clean_bimcv(text) == sections
