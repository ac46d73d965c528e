"""ROCO: chest radiographs told by captions, one person an article, both editions."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from build_support import names, placed, table
from sample_releases import Samples, read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.source import registry
from chexinstruct.sources.roco import sample
from chexinstruct.sources.roco.selection import CHEST_PART, PLAIN_FILM, why_not

read = partial(read_release, "roco")

SELECTED = {90001, 90004, 90005, 90006, 90010, 90012, 90013, 90014}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_chest_radiographs_are_taken_with_caption_article_and_list(
    tmp_path: Path, variant: str
) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    second = variant == "rocov2"
    wanted = {
        (sample.v2_id if second else sample.v1_id)(figure): figure
        for figure in sample.FIGURES
        if figure.number in SELECTED | ({sample.V2_ONLY} if second else set())
    }
    assert studies.keys() == wanted.keys()
    for key, figure in wanted.items():
        study = studies[key]
        assert study.people == (f"pmc:PMC{figure.article}",)
        assert study.split == figure.split
        assert [text.text for text in study.texts] == [figure.caption]
        (image,) = study.images
        assert (image.path is None) == (figure.number == sample.MISSING)
    assert sum(release.reject_counts.values()) + len(studies) == len(sample.FIGURES)
    assert all(known for _, known in release.reject_counts)


def test_pictures_of_both_names_are_found(folder: Path) -> None:
    by_id = {key: study.images[0].path for key, study in read(folder)[0].items()}
    assert str(by_id["ROCO_90001"]).endswith("/ROCO_90001.jpg")
    assert str(by_id["ROCO_90006"]).endswith("/PMC9000009_xyz-90006-g01.jpg")


def test_the_licence_of_the_article_says_what_may_be_passed_on(tmp_path: Path) -> None:
    sample.write(tmp_path / "a")
    sample.write(tmp_path / "b", "unlicensed")
    told = {key: study.redistribution for key, study in read(tmp_path / "a")[0].items()}
    assert told["ROCO_90001"] == "yes"
    assert told["ROCO_90010"] == "yes"  # share alike
    assert told["ROCO_90004"] == "no"  # no derivatives
    assert told["ROCO_90005"] == "unknown"  # no code
    assert told["ROCO_90012"] == "unknown"  # non-commercial
    assert {study.redistribution for study in read(tmp_path / "b")[0].values()} == {"unknown"}


def test_figures_of_an_article_stand_on_one_side(tmp_path: Path) -> None:
    studies = table(tmp_path, Samples(tmp_path).load("roco").studies.studies, "roco")
    people = placed({"roco": studies}, [registry()["roco"]])
    sides = names(studies, people["roco"])
    assert sides["ROCO_90013"] == "test"
    assert sides["ROCO_90006"] == "split_conflict"


def test_the_projection_is_what_the_caption_says(folder: Path) -> None:
    views = {key: study.images[0].view for key, study in read(folder)[0].items()}
    assert (views["ROCO_90004"], views["ROCO_90006"], views["ROCO_90001"]) == (
        "PA",
        "LATERAL",
        None,
    )


@pytest.mark.parametrize(
    "caption",
    [
        "X-ray chest PA view showing a cavity",
        "Radiograph of the chest revealing bilateral effusions.",
        "Chest X-rayBlack arrows show a lead.",
        "Posteroanterior roentgenogram of the thorax.",
        "Lung radiograph with apical opacities.",
        "Chest radiograph with bones free of metastases.",
        "Chest X-ray after bronchoscopy.",
    ],
)
def test_captions_of_chest_radiographs(caption: str) -> None:
    assert why_not(caption) is None


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("Lateral radiograph of the thoracic spine", "no_chest_radiograph_named"),
        ("Knee X-ray", "no_chest_radiograph_named"),
        ("Chest X-ray and CT", "other_modality"),
        ("Echocardiography after the chest radiograph", "other_modality"),
        ("Chest radiograph with contrast swallow", "other_modality"),
        ("X-ray chest and abdomen of a newborn", "other_body_part"),
        ("Panoramic radiograph before the chest X-ray", "other_body_part"),
        ("Ventrodorsal thoracic radiograph", "no_patient"),
        ("Chest X-rays (a) before and (b) later", "composite_figure"),
        ("PA and lateral chest radiographs", "composite_figure"),
        ("Two consecutive chest radiographs", "composite_figure"),
        ("Chest radiograph (posterior-anterior and lateral view)", "composite_figure"),
        ("Chest X-ray. A. Pleural line B. Blocked tube", "composite_figure"),
        ("Anteroposterior cervico-thoracic radiograph", "other_body_part"),
        ("Radiografía de tórax", "caption_not_english"),
    ],
)
def test_captions_of_anything_else(caption: str, reason: str) -> None:
    assert why_not(caption) == reason


def test_checked_concepts_overrule_the_words() -> None:
    assert why_not("Opacities in both lungs.", {PLAIN_FILM, CHEST_PART}) is None
    assert why_not("Chest X-ray?", {"C0040405"}) == "other_modality"
    assert why_not("Opacities.", {PLAIN_FILM}) == "no_chest_radiograph_named"


def test_broken_rows_are_named(folder: Path) -> None:
    home = folder / "data" / "test" / "radiology"
    with (home / "captions.txt").open("a") as file:
        file.write(
            "ROCO_90001\t Chest X-ray.\nROCO_90098\t \nROCO_90099 no tab\n"
            "ROCO_90097\t Chest film.\n"
        )
    with (home / "licences.txt").open("a") as file:
        file.write("ROCO_90013,PMC9_x.jpg,public\n")
    with (home / "dlinks.txt").open("a") as file:
        file.write("ROCO_90097\tno link\tx.jpg\n")
    reasons = {r.reason for r in read(folder)[1].rejects if not r.expected}
    assert reasons == {
        "repeated_id",
        "empty_caption",
        "wrong_field_count",
        "no_article",
        "unknown_license",
        "bad_link",
    }


def test_what_is_no_release_is_told(folder: Path) -> None:
    sample.write(folder, "rocov2")
    with pytest.raises(ReleaseError, match="ROCO and ROCOv2"):
        read(folder)


def test_without_articles_nothing_is_read(tmp_path: Path) -> None:
    sample.write(tmp_path, "unlicensed")
    (tmp_path / "data" / "train" / "radiology" / "dlinks.txt").unlink()
    with pytest.raises(ReleaseError, match=r"no dlinks\.txt and no licences\.txt"):
        read(tmp_path)
