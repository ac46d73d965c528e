"""VinDr-PCXR: children, boxes and diseases of one reader a picture, misspelt names."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.build.setting import Rules
from chexinstruct.config import load_yaml
from chexinstruct.errors import ReleaseError
from chexinstruct.regions import consensus
from chexinstruct.schema import Study
from chexinstruct.source import Card
from chexinstruct.sources.vindr_pcxr import loader, sample
from chexinstruct.tasks.labels import States, specific, states
from chexinstruct.vocabulary import NO_FINDING, canonical

CARD = load_yaml(files("chexinstruct.sources.vindr_pcxr") / "card.yaml", Card)
FAULTS = {("contradictory_reader", False): 1, ("bad_box", False): 1}

read = partial(read_release, "vindr_pcxr")


def by_case(folder: Path) -> dict[str, Study]:
    found, _ = read(folder)
    return {name: found[sample.image_id(name)] for name in (*sample.TRAIN, *sample.TEST)}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout by case."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    return by_case(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def present(study: Study) -> list[str]:
    return [label.finding for label in study.labels]


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_train_and_test_by_picture(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies, release = read(tmp_path)
    train = sorted(map(sample.image_id, sample.TRAIN))
    assert list(studies) == train + sorted(map(sample.image_id, sample.TEST))
    for study in studies.values():
        assert study.split == ("train" if study.id in train else "test")
        assert study.people == (f"vindr_pcxr:{study.id}",)
        assert study.label_sets == ("findings", "diseases")
        (image,) = study.images
        assert (image.key, image.view, image.view_source) == (study.id, "PA", "inferred")
    ages = {} if variant == "png" else {("implausible_age", True): 2}
    assert release.reject_counts == {**FAULTS, **ages}


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_box_is_kept_as_drawn_under_its_canonical_name(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    studies = by_case(tmp_path)
    for name, case in {**sample.TRAIN, **sample.TEST}.items():
        drawn = [(item, box, case.reader) for item, box in case.drawn if box[0] < box[2]]
        regions = studies[name].regions
        assert [(r.name, r.box, r.reader) for r in regions] == drawn
        assert [r.label for r in regions] == [canonical(item) for item, _, _ in drawn]
        here = variant == "png" or name != sample.MISSING
        assert {r.frame for r in regions} <= {sample.SIZE if here else None}


def test_misspelt_names_are_written_correctly(studies: dict[str, Study]) -> None:
    study = studies["misspelt"]
    assert [(r.label, r.name) for r in study.regions] == [
        ("diffuse alveolar opacity", "Diffuse aveolar opacity")
    ]
    assert present(studies["hernia"])[-1] == "diaphragmatic hernia"
    assert present(studies["overlapping"])[-1] == "bronchopneumonia"
    assert present(studies["masses"])[-2:] == ["mediastinal mass", "lung tumor"]


def test_label_sets_of_the_card_are_those_of_the_tables() -> None:
    sets = CARD.label_sets
    assert sets["findings"].findings == tuple(map(canonical, sample.FINDINGS))
    assert sets["diseases"].findings == tuple(map(canonical, loader.DISEASES))
    assert len(sets["findings"].findings) == 36


def test_vague_names_are_kept_and_not_asked_for(studies: dict[str, Study]) -> None:
    vague = {"other lesion", "other nodule or mass", "other disease"}
    assert set(present(studies["vague"])) == vague
    asked = {name for set_ in CARD.label_sets.values() for name in specific(set_.findings)}
    assert asked.isdisjoint(vague | {"other opacity"})


def test_reader_without_any_mark_found_nothing(studies: dict[str, Study]) -> None:
    for name in ("normal", "test_normal"):
        study = studies[name]
        assert [(x.finding, x.name, x.reader) for x in study.labels] == [
            (NO_FINDING, "No finding", "R2")
        ]
        assert study.regions == ()


def test_disease_without_box_is_present(studies: dict[str, Study]) -> None:
    """Its box table says "No finding", which denies findings and no disease."""
    study = studies["disease_without_box"]
    assert present(study) == ["bronchiolitis"]
    assert study.regions == ()


def test_no_disease_does_not_deny_a_drawn_finding(studies: dict[str, Study]) -> None:
    assert present(studies["finding_without_disease"]) == ["clavicle fracture"]
    assert present(studies["nothing_marked"]) == ["other opacity"]


def test_two_diseases_of_one_picture(studies: dict[str, Study]) -> None:
    assert present(studies["two_labels"])[-2:] == ["pneumonia", "pleuropneumonia"]


@pytest.mark.parametrize("scheme", ["majority", "upstream", "all"])
def test_one_reader_is_a_majority(studies: dict[str, Study], scheme: str) -> None:
    regions = studies["three_of_a_class"].regions
    assert len(regions) == 3
    agreed = consensus(regions, scheme, readers=1)
    assert {r.box for r in agreed.regions} == {r.box for r in regions}
    assert agreed.disputed == ()


def said(study: Study, label_set: str) -> States:
    rules = Rules(
        seed=0, consensus="majority", uncertain="source", text="clean", languages=(), pictures=True
    )
    return states(study, CARD.label_sets[label_set], rules)


def test_what_was_not_marked_is_absent_unless_it_overlaps(studies: dict[str, Study]) -> None:
    study = studies["three_of_a_class"]
    findings, diseases = said(study, "findings"), said(study, "diseases")
    assert findings.present == ("consolidation",)
    assert diseases.present == ("pneumonia",)
    assert "pneumothorax" in findings.absent
    assert "diaphragmatic hernia" in diseases.absent
    # Too near to what is there: neither present nor absent.
    assert {"infiltration", "diffuse alveolar opacity"}.isdisjoint(findings.absent)
    assert "pneumothorax" in said(studies["normal"], "findings").absent
    assert said(studies["normal"], "findings").present == ()


def test_ages_of_children_are_years(studies: dict[str, Study]) -> None:
    ages = {name: studies[name].age for name in sample.HEADERS}
    assert ages["normal"] == pytest.approx(10 / 12)
    assert ages["three_of_a_class"] == pytest.approx(6 / 52)
    assert ages["misspelt"] == pytest.approx(5 / 365)
    assert (ages["overlapping"], ages["six_classes"]) == (3, 9)
    for name in ("one_box", "two_labels", "masses", "normal_inverted"):
        assert ages[name] is None, name
    assert [studies[n].sex for n in ("normal", "overlapping", "two_labels", "one_box")] == [
        *("F", "M", "O"),
        None,
    ]


def test_a_newborn_has_an_age(folder: Path) -> None:
    path = folder / f"train/{sample.image_id('misspelt')}.dicom"
    path.write_bytes(path.read_bytes().replace(b"005D", b"001D"))
    assert by_case(folder)["misspelt"].age == pytest.approx(1 / 365)


def test_contradictions_and_flat_boxes_are_counted_and_the_mark_stands(folder: Path) -> None:
    studies = by_case(folder)
    assert present(studies["contradiction"]) == ["calcification"]
    flat = studies["flat_box"]
    assert present(flat) == ["cardiomegaly", "enlarged pulmonary artery"]
    assert [r.label for r in flat.regions] == ["enlarged pulmonary artery"]
    # Within the label table both cannot be true either.
    none = f"{sample.image_id('test_pneumonia')},R3,"
    replace(folder / "image_labels_test.csv", f"{none}0", f"{none}1")
    _, release = read(folder)
    assert release.reject_counts["contradictory_reader", False] == 2


def test_correct_spellings_of_columns_are_read_too(folder: Path) -> None:
    before = by_case(folder)
    for old, new in (
        ("Brocho-pneumonia", "Broncho-pneumonia"),
        ("Diagphramatic hernia", "Diaphragmatic hernia"),
        ("Other disease", "Other diseases"),
    ):
        replace(folder / "image_labels_train.csv", old, new)
    assert by_case(folder) == before


def test_unknown_class_is_rejected_by_row(folder: Path) -> None:
    replace(folder / "annotations_train.csv", ",Clavicle fracture,", ",Clavikle fracture,")
    studies, release = read(folder)
    assert release.reject_counts["unknown_finding", False] == 1
    assert studies[sample.image_id("finding_without_disease")].regions == ()


def test_picture_that_no_table_names_is_counted(folder: Path) -> None:
    extra = folder / "test" / f"{sample.image_id('unknown')}.dicom"
    extra.write_bytes((folder / f"test/{sample.image_id('test_normal')}.dicom").read_bytes())
    _, release = read(folder)
    assert release.reject_counts["unlabelled_picture", True] == 1


def test_smaller_copies_without_sizes_have_no_frame(tmp_path: Path) -> None:
    sample.write(tmp_path, "png")
    (tmp_path / "train_meta.csv").unlink()
    studies = by_case(tmp_path)
    assert {r.frame for name in sample.TRAIN for r in studies[name].regions} == {None}
    assert {r.frame for name in sample.TEST for r in studies[name].regions} == {sample.SIZE}


def test_without_label_tables_diseases_were_not_looked_for(folder: Path) -> None:
    (folder / "image_labels_test.csv").unlink()
    studies = by_case(folder)
    assert {studies[name].label_sets for name in sample.TEST} == {("findings",)}
    assert {studies[name].label_sets for name in sample.TRAIN} == {("findings", "diseases")}


def test_release_without_tables_is_one_clear_error(folder: Path) -> None:
    (folder / "annotations_train.csv").unlink()
    with pytest.raises(ReleaseError, match=r"vindr_pcxr: no annotations_train.csv"):
        read(folder)


def test_table_of_another_layout_is_one_clear_error(folder: Path) -> None:
    replace(folder / "image_labels_train.csv", "CPAM", "Cysts")
    with pytest.raises(ReleaseError, match=r"image_labels_train.csv, row 1: no column 'CPAM'"):
        read(folder)
