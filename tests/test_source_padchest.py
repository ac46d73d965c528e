"""PadChest: studies by report, labels of two kinds, places by sentence, reports that stay raw."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from sample_releases import read_release
from task_context import FakePolicies

from chexinstruct.build.people import resolve
from chexinstruct.build.studies import StudyTable, load_studies
from chexinstruct.errors import ReleaseError
from chexinstruct.images import BadImage, ImageSettings, normalise
from chexinstruct.manifest import Shares
from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.shared.anatomy import PLACES
from chexinstruct.shared.normal import DENIED
from chexinstruct.source import registry
from chexinstruct.sources.padchest import sample
from chexinstruct.tasks.labels import states
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.vocabulary import DEVICES, implied_by

read = partial(read_release, "padchest")
SETS = registry()["padchest"].card.label_sets
POLICIES = FakePolicies()

REJECTS = {
    ("contradictory_normal", True): 2,
    ("empty_label", True): 2,
    ("excluded_view", True): 3,
    ("labelled_exclude", True): 1,
    ("no_labels", True): 1,
    ("repeated_label", True): 1,
    ("shared_places", True): 3,
    ("unlisted_picture", True): 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path, "folders")
    return tmp_path


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout by case."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    found, _ = read(folder)
    return {name: found[_id(name)] for name in sample.EXAMS if _id(name) in found}


def _id(name: str) -> str:
    exam = sample.EXAMS[name]
    return f"{exam.study}:{exam.patient}" if name.startswith("two_patients") else exam.study


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def said(study: Study) -> dict[str, str]:
    return {label.finding: label.state for label in study.labels}


def where(study: Study) -> dict[str, tuple[str, ...]]:
    return {x.finding: x.locations for x in study.labels if x.state == "present"}


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_layouts_give_the_same_studies_and_the_same_counts(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    found, release = read(tmp_path)
    dropped = {"exclude", "unknown_view"}
    assert set(found) == {_id(name) for name in sample.EXAMS if name not in dropped}
    unused = {("unused_translation", True): 1} if variant == "folders" else {}
    assert release.reject_counts == REJECTS | unused
    paths = {image.key: image.path for study in found.values() for image in study.images}
    assert [key for key, path in paths.items() if path is None] == [sample.picture(sample.MISSING)]


def test_pictures_of_a_study_stand_together_in_the_order_of_the_table(
    studies: dict[str, Study],
) -> None:
    views = [(i.view, i.view_name, i.view_source) for i in studies["later"].images]
    assert views == [("LATERAL", "L", "table"), ("PA", "PA", "table")]  # and no rib view
    assert [(i.width, i.height) for i in studies["later"].images] == [(64, 64)] * 2
    (lying,) = studies["child"].images
    assert (lying.view, lying.view_name) == ("AP", "AP_horizontal")


def test_projection_told_by_a_network_is_not_asked_for(studies: dict[str, Study]) -> None:
    assert [i.view_source for i in studies["no_birth"].images] == ["inferred"] * 2
    assert NEEDS["frontal_and_lateral"].holds(studies["no_birth"], ())
    assert not NEEDS["view"].holds(studies["no_birth"], ())


def test_facts_of_patients(studies: dict[str, Study]) -> None:
    facts = {name: (studies[name].age, studies[name].sex) for name in studies}
    assert facts["child"] == (0, "O")
    assert facts["no_birth"] == (None, None)
    assert facts["later"] == (66, "F")
    assert studies["missing_picture"].people == (f"padchest:1{'5' * 29}",)
    first, later = studies["normal"], studies["later"]
    assert first.people == later.people and str(first.order) < str(later.order)
    assert (first.split, first.split_origin) == (None, None)


def test_one_report_is_one_person_and_has_the_labels_of_physicians(
    studies: dict[str, Study],
) -> None:
    by_physician, by_program = studies["by_physician"], studies["by_program"]
    assert set(by_physician.people) & set(by_program.people) == {"padchest:report:519"}
    assert by_physician.labels == by_program.labels
    assert by_program.label_sets == ("physicians",)
    assert said(by_program) == {"linear atelectasis": "present"}


def test_study_of_two_patients_is_two_studies_of_one_person(studies: dict[str, Study]) -> None:
    one, other = studies["two_patients"], studies["two_patients_again"]
    assert one.id != other.id
    assert set(one.people) & set(other.people) == {"padchest:report:521"}


def test_studies_of_one_report_stand_on_one_side(tmp_path: Path) -> None:
    sample.write(tmp_path / "release")
    source = registry()["padchest"]
    loaded = load_studies(source, str(tmp_path / "release"), tmp_path / "cache", "key", {})
    table = StudyTable(Path(loaded.table))
    rows = {study.id: row for row, study in enumerate(table)}
    for seed in range(10):
        people = resolve(
            {source.key: table}, registry(), seed=seed, shares=Shares(), policy="clean"
        )[source.key]
        sides = [people.split[rows[_id(name)]] for name in ("by_physician", "by_program")]
        assert sides[0] == sides[1]


# Labels


def test_blank_says_nothing_beside_a_finding(studies: dict[str, Study]) -> None:
    found = states(studies["by_physician"], SETS["physicians"], POLICIES)
    assert (found.present, found.absent, found.complete) == (("linear atelectasis",), (), False)


@pytest.mark.parametrize("name", ["normal", "normal_unchanged", "normal_program"])
def test_normal_study_denies_what_nobody_leaves_unsaid(
    studies: dict[str, Study], name: str
) -> None:
    (applied,) = studies[name].label_sets
    assert applied.endswith("_normal")
    found = states(studies[name], SETS[applied], POLICIES)
    assert found.complete and not found.present
    assert {"pneumonia", "pneumothorax", "cardiomegaly", "pleural effusion"} <= set(found.absent)
    unsaid = {"scoliosis", "calcified granuloma", "nipple shadow", "pacemaker", "rib fracture"}
    assert unsaid.isdisjoint(SETS[applied].findings)


def test_a_denied_finding_takes_the_narrower_ones_along() -> None:
    everything, denied = SETS["physicians"].findings, set(SETS["physicians_normal"].findings)
    assert denied < set(everything)
    assert SETS["physicians_normal"].findings == DENIED, "what normal denies stands in one place"
    assert SETS["program"].findings == everything
    assert set(SETS["program_normal"].findings) == denied
    for finding in everything:
        broader = implied_by([finding]) - {finding}
        assert finding in denied or not broader & denied, finding
        assert finding not in denied or DEVICES not in broader


def test_sentences_of_physicians_deny(studies: dict[str, Study]) -> None:
    assert said(studies["denied"]) == {
        "pneumonia": "present",
        "chronic changes": "present",
        "cardiomegaly": "absent",
        "mediastinal enlargement": "absent",
        "superior mediastinal enlargement": "absent",
        "mediastinal mass": "absent",
        "costophrenic angle blunting": "absent",
        "pleural effusion": "absent",
    }
    assert "absent" not in said(studies["repeated"]).values()


def test_a_finding_beside_a_normal_sentence_stands(folder: Path) -> None:
    table = folder / sample.TABLE
    text = table.read_text()
    said_so = "['pneumonia', 'chronic changes', 'unchanged']"
    assert said_so in text
    table.write_text(text.replace(said_so, "['pneumonia', 'cardiomegaly']"))
    assert said(read(folder)[0][_id("denied")])["cardiomegaly"] == "present"


def test_statements_are_no_findings(studies: dict[str, Study]) -> None:
    for name in ("unchanged", "suboptimal"):
        assert (studies[name].label_sets, studies[name].labels) == (("program",), ())
    for name in ("no_labels", "only_empty"):
        assert (studies[name].label_sets, studies[name].labels) == ((), ())


def test_empty_and_repeated_labels_are_left_out(studies: dict[str, Study]) -> None:
    assert list(said(studies["empty_label"])) == ["pneumonia", "infiltration"]
    assert list(said(studies["repeated"])) == ["nodule", "calcified granuloma"]
    assert [x.name for x in studies["empty_label"].labels] == [None, "infiltrates"]


def test_normal_beside_a_finding_is_set_aside(studies: dict[str, Study]) -> None:
    assert studies["contradictory"].label_sets == ("program",)
    assert said(studies["contradictory"]) == {"pacemaker": "present"}


# Places


def test_places_belong_to_the_only_finding_of_their_sentence(studies: dict[str, Study]) -> None:
    assert where(studies["later"]) == {
        "pleural effusion": ("left side", "pleura"),
        "cardiomegaly": ("heart",),
    }
    assert where(studies["shared_sentence"]) == {
        "kyphosis": (),
        "cardiomegaly": (),
        "nodule": ("right side", "lung apex"),
        "basal hypoexpansion": ("both sides", "both lung bases"),
    }


def test_one_list_of_the_program_is_read_sentence_by_sentence(studies: dict[str, Study]) -> None:
    assert where(studies["repeated"]) == {
        "nodule": ("left upper lobe", "left side"),
        "calcified granuloma": ("right side",),  # "lobar" says no place
    }
    assert where(studies["contradictory"]) == {"pacemaker": ("hemithorax", "left side")}
    assert where(studies["empty_label"]) == {"pneumonia": (), "infiltration": ()}
    assert where(studies["child"]) == {
        "umbilical venous catheter": (),  # "central" is a word of the label
        "nasogastric tube": ("region below the diaphragm",),
    }


def test_places_are_canonical(studies: dict[str, Study]) -> None:
    named = {name for s in studies.values() for x in s.labels for name in x.locations}
    assert named and named <= PLACES.keys()


# Faults


HERNIA = "['hiatal hernia', 'loc retrocardiac']"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("['hiatal hernia']", "['hiatal hernias']", "unknown_finding"),
        (HERNIA, "['hiatal hernia', 'loc elbow']", "unknown_place"),
        (HERNIA, "['hiatal hernias', 'loc retrocardiac']", "unknown_finding"),
        (HERNIA, "['hiatal hernia' + 'x']", "bad_list"),
        (HERNIA, "__import__('os')", "bad_list"),
        (HERNIA, "[" * 5000, "bad_list"),
        ("20120226", "2012-02-26", "bad_date"),
        (f"{sample.PROGRAM},['hiatal hernia']", "GPT,['hiatal hernia']", "unknown_method"),
    ],
)
def test_what_is_not_known_is_told_and_the_study_kept(
    folder: Path, old: str, new: str, reason: str
) -> None:
    table = folder / sample.TABLE
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))
    found, release = read(folder)
    assert _id("no_birth") in found
    told = [(r.reason, r.path) for r in release.rejects if not r.expected]
    assert told == [(reason, sample.TABLE)]


def test_release_without_its_table_is_one_clear_error(folder: Path) -> None:
    (folder / sample.TABLE).unlink()
    with pytest.raises(ReleaseError, match=r"^padchest: no PADCHEST_chest_x_ray\S+\.csv or "):
        read(folder)


# Reports and pictures


def test_spanish_text_is_kept_and_is_no_section(studies: dict[str, Study]) -> None:
    report = studies["normal"].report
    assert report and report.sections == {} and report.language == "es"
    assert report.raw == sample.EXAMS["normal"].text.strip()
    assert studies["no_labels"].report is None  # nan
    assert studies["only_empty"].report is None  # full stops alone


@pytest.mark.parametrize("variant", ["folders", "flat"])
def test_translation_of_the_user_is_the_impression(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path, variant)
    found, _ = read(tmp_path)
    told = {s.id: s.report for s in found.values() if s.report and s.report.sections}
    assert set(told) == {_id(name) for name in sample.TRANSLATED}
    for name, text in sample.TRANSLATED.items():
        report = told[_id(name)]
        assert (report.sections, report.language) == ({"impression": text}, "en")
        assert report.raw == sample.EXAMS[name].text.strip()


def test_empty_translation_is_counted(folder: Path) -> None:
    replace(folder / "translations.csv", "No abnormality of the chest is seen.", "")
    found, release = read(folder)
    report = found[_id("normal")].report
    assert report and report.sections == {}
    assert [r.reason for r in release.rejects if not r.expected] == ["empty_translation"]


def test_picture_of_twelve_bits_is_not_black(tmp_path: Path) -> None:
    sample.write(tmp_path)
    with Release.open(tmp_path, source="padchest") as release:
        found, _ = read(tmp_path)
        greys = {}
        for name in ("normal", "by_physician", sample.TRUNCATED):
            image = found[_id(name)].images[0]
            assert image.path and image.window is None and not image.inverted
            data = release.read(image.path)
            if name == sample.TRUNCATED:
                with pytest.raises(BadImage):
                    normalise(data, ImageSettings())
                continue
            (tmp_path / "x.jpg").write_bytes(normalise(data, ImageSettings()).data)
            with Picture.open(tmp_path / "x.jpg") as picture:
                greys[name] = np.asarray(picture)
    assert all(grey.mean() > 40 and grey.max() > 150 for grey in greys.values())
