"""MIMIC-NLE: numbers of sentences become the sentences of MIMIC-CXR's reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sample_releases import Loaded, Samples, Table

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.reports import nle_sentences
from chexinstruct.schema import Explanation, Study
from chexinstruct.sources.mimic_nle import loader, sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def loaded(samples: Samples) -> Loaded:
    return samples.load("mimic_nle")


def texts(loaded: Loaded) -> dict[str, str]:
    return {f"{s.id}#{e.id}": e.text for s in loaded.studies for e in s.explanations}


def study(loaded: Loaded, name: str) -> Study:
    found = loaded.studies.get(name)
    assert found is not None
    return found


def test_numbers_lead_to_the_sentences_of_the_reports(loaded: Loaded) -> None:
    found = texts(loaded)
    # the two numbers of the impression's list are sentences of their own
    assert found["s50000001#6"].startswith("New moderate pulmonary edema")
    # a semicolon ends a sentence, so that a piece of one is explained
    assert found["s50000012#5"] == "superimposed pneumonia cannot be excluded."
    written = {row.id: row.text for rows in sample.LISTS.values() for row in rows}
    written[sample.LATER] = sample.LATER_TEXT
    for name, text in found.items():
        assert text == " ".join(written[name].split())


def test_made_lists_give_the_same_and_more_where_reports_are_missing(
    samples: Samples, loaded: Loaded
) -> None:
    made = texts(samples.load("mimic_nle", "made"))
    assert made == texts(loaded) | {
        "s59999993#0": "Left basilar opacity most consistent with atelectasis."
    }
    assert texts(samples.load("mimic_nle", "flat")) == texts(loaded)


def test_labels_say_what_is_explained_and_by_what(loaded: Loaded) -> None:
    assert study(loaded, "s59999991").explanations[0] == Explanation(
        id="1",
        diagnoses=("lung lesion",),
        suspected=("lung lesion",),
        evidence=("lung opacity",),
        text="A faint opacity in the left upper lobe may be a nodule.",
    )
    (both,) = (e for e in study(loaded, "s50000008").explanations if e.id == "4")
    assert (both.diagnoses, both.suspected, both.evidence) == (
        ("atelectasis", "pleural effusion"),
        (),
        (),
    )


def test_every_line_that_is_left_out_has_a_reason(samples: Samples, loaded: Loaded) -> None:
    common = {
        ("bad_id", False): 1,
        ("bad_labels", False): 1,
        ("duplicate_id", False): 1,
        ("no_diagnosis", False): 1,
        ("no_such_sentence", False): 1,
        ("diagnosis_denied", True): 1,
        ("not_in_parent", True): 1,
    }
    assert loaded.release.reject_counts == {
        **common,
        ("labels_not_in_sentence", True): 2,
        ("no_report", True): 1,
        ("split_differs", True): 3,
    }
    made = samples.load("mimic_nle", "made").release
    assert made.reject_counts == {
        **common,
        ("labels_not_in_sentence", True): 1,
        ("differs_from_report", False): 1,
        ("split_differs", True): 3,
    }
    rows = [r for r in made.rejects if r.reason == "differs_from_report"]
    assert [r.row for r in rows] == [
        1 + [row.id for row in sample.LISTS["test"]].index(sample.CHANGED)
    ]


def test_pictures_persons_and_split_are_those_of_mimic(samples: Samples, loaded: Loaded) -> None:
    parent = samples.load("mimic_cxr").studies
    for made in samples.load("mimic_nle", "made").studies:
        exam = parent.get(made.id)
        assert exam is not None and made.people == exam.people
        assert [(i.key, i.path) for i in made.images] == [(i.key, i.path) for i in exam.images]
        assert {i.release for i in made.images} == {"mimic_cxr"}
        assert made.report is None
    # of the test list, and of train in MIMIC-CXR; in no split there
    assert study(loaded, "s50000005").split == "train"
    unsplit = study(samples.load("mimic_nle", "made"), "s59999993")
    assert (unsplit.split, unsplit.split_origin) == ("train", "MIMIC-NLE lists")


def read(folder: Path, parent: Table) -> Iterator[Study]:
    return loader.studies(Release.open(folder, source="mimic_nle"), {"mimic_cxr": parent})


def line(name: str, diagnosis: str = "Pneumonia") -> dict[str, Any]:
    on = [int(label == diagnosis) for label in loader.NAMES]
    return {
        "sentence_ID": name,
        "diagnosis_label": on,
        "evidence_label": [0] * 10,
        "img_labels": [[1 - x, 0, x] for x in on],
    }


def test_sentences_of_other_numbers_are_refused(samples: Samples, tmp_path: Path) -> None:
    """As when the lists or the reports are of another version: most speak of something else."""
    parent = samples.load("mimic_cxr").studies
    lines = [
        line(f"{exam.id}#{number}")
        for exam in parent
        if exam.report and exam.report.raw
        for number in range(len(nle_sentences(exam.report.raw)))
    ]
    assert len(lines) > loader.CHECKED
    path = tmp_path / "train-query.json"
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ReleaseError, match=r"only \d+ of \d+ sentences speak of their labels"):
        list(read(tmp_path, parent))


def test_reports_are_needed_unless_the_lists_are_made(samples: Samples, tmp_path: Path) -> None:
    bare = Table([replace(exam, report=None) for exam in samples.load("mimic_cxr").studies])
    queries = samples.load("mimic_nle", "flat").folder
    with pytest.raises(ReleaseError, match=r"mimic_cxr has no reports.*mimic-cxr-reports\.zip"):
        list(read(queries, bare))
    made = list(read(samples.load("mimic_nle", "made").folder, bare))
    assert "s50000002" in {exam.id for exam in made}


def test_one_list_will_do(samples: Samples, tmp_path: Path) -> None:
    folder = samples.load("mimic_nle", "flat").folder
    (tmp_path / "dev-query.json").write_bytes((folder / "dev-query.json").read_bytes())
    found = list(read(tmp_path, samples.load("mimic_cxr").studies))
    assert [s.id for s in found] == ["s50000007", "s50000012"]
