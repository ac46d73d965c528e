"""The card, the table of licences and the Croissant description, read by the tools they are for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest
import yaml
from corpus_support import SOURCES, TASKS, build_small, rows_of
from datasets import get_dataset_config_info, load_dataset
from huggingface_hub import DatasetCard

from chexinstruct.build.quality import describe
from chexinstruct.corpus import filter_corpus, open_corpus
from chexinstruct.papers import CROISSANT, LICENSES, PAPERS, papers
from chexinstruct.source import permits, registry
from chexinstruct.tasks import registry as tasks

pytestmark = [  # of rdflib at itself, and of pandas at mlcroissant
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
]


@pytest.fixture(scope="module", params=["embed", "store"])
def corpus(request: pytest.FixtureRequest, made_once: Callable[..., Path]) -> Path:
    mode: str = request.param
    return made_once(f"hub-{mode}", lambda folder: build_small(folder, mode) and None) / mode


def croissant(corpus: Path) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(jsonld=corpus / "croissant.json")


def content(corpus: Path) -> Any:
    return json.loads((corpus / "croissant.json").read_bytes())


def test_croissant_is_valid(corpus: Path) -> None:
    issues = croissant(corpus).metadata.ctx.issues
    assert not issues.errors
    assert all("datePublished" in warning for warning in issues.warnings)


def test_croissant_names_every_file_with_its_digest(corpus: Path) -> None:
    held = open_corpus(corpus)
    found = {f.id: (f.content_url, f.sha256) for f in croissant(corpus).metadata.file_objects}
    expected = {f.name: (f.name, f.sha256) for f in (*held.files, *held.images)}
    assert found == expected


@pytest.mark.parametrize("task", TASKS)
def test_rows_are_read_through_croissant(task: str, corpus: Path) -> None:
    expected = {row["id"]: row for row in rows_of(corpus) if row["task"] == task}
    found = list(itertools.islice(croissant(corpus).records(task), len(expected) + 1))
    assert len(found) == len(expected)
    for record in found:
        read = {key.removeprefix(f"{task}/"): value for key, value in record.items()}
        row = expected.pop(read["id"].decode())
        for name in ("instruction", "response", "split", "redistribution", "source"):
            assert read[name].decode() == row[name]
        assert [name.decode() for name in read["image_ids"]] == row["image_ids"]
        boxes = [
            [region[f"{task}/regions/{edge}"] for edge in ("x1", "y1", "x2", "y2")]
            for region in read["regions"]
        ]
        assert boxes == [[r["x1"], r["y1"], r["x2"], r["y2"]] for r in row["regions"]]
        if corpus.name == "embed":
            assert [p.format for p in read["images"]] == ["JPEG"] * len(row["images"])


def test_stored_pictures_are_read_through_croissant(made_once: Callable[..., Path]) -> None:
    stored = made_once("hub-store", lambda f: build_small(f, "store") and None) / "store"
    count = sum(pq.read_metadata(f.path).num_rows for f in open_corpus(stored).images)
    found = list(croissant(stored).records("images"))
    assert len(found) == count
    assert all(min(record["images/image"].size) >= 1 for record in found)


def test_croissant_tells_origin_and_terms(corpus: Path) -> None:
    known = registry()
    said = content(corpus)
    assert {e["@id"] for e in said["prov:wasDerivedFrom"]} == {
        known[key].card.home for key in SOURCES
    }
    assert "chexinstruct" in said["prov:wasGeneratedBy"]["prov:label"]
    codes = {term["termCode"] for term in said["usageInfo"]}
    assert codes == {"DUO_0000042", "DUO_0000046", "DUO_0000026"}
    assert said["rai:dataLimitations"] and said["rai:personalSensitiveInformation"]


def test_croissant_of_the_open_part_allows_more(corpus: Path, tmp_path: Path) -> None:
    filter_corpus(corpus, tmp_path / "open", redistributable=True)
    said = content(tmp_path / "open")
    assert {term["termCode"] for term in said["usageInfo"]} == {"DUO_0000042"}
    assert not croissant(tmp_path / "open").metadata.ctx.issues.errors


def test_papers_follow_from_the_lock(corpus: Path) -> None:
    lock = open_corpus(corpus).lock
    kept = describe(corpus, lock, registry())
    made = papers(lock, registry(), tasks(), kept.quality, kept.plot_paths())
    assert tuple(made) == PAPERS
    for name in (CROISSANT, LICENSES):
        assert (corpus / name).read_text(encoding="utf-8") == made[name]


def test_card_is_read_by_the_hub_and_by_datasets(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="datasets")
    card = DatasetCard.load(corpus / "README.md", ignore_metadata_errors=False)
    data = card.data.to_dict()
    assert data["license"] == "other" and (corpus / data["license_link"]).is_file()
    rows = rows_of(corpus, ["task"])
    for task in TASKS:
        info = get_dataset_config_info(str(corpus), task)
        told = {name: split.num_examples for name, split in info.splits.items()}
        loaded = load_dataset(str(corpus), task)
        assert told == {name: len(split) for name, split in loaded.items()}
        assert sum(told.values()) == sum(row["task"] == task for row in rows)
    assert caplog.messages == []  # it tells what of a card it passes over


def test_card_has_the_sections_of_a_datasheet(corpus: Path) -> None:
    text = (corpus / "README.md").read_text(encoding="utf-8")
    for section in (
        "Motivation",
        "Composition",
        "Collection",
        "Preprocessing",
        "Uses",
        "Limits",
        "Distribution",
        "Maintenance",
    ):
        assert f"\n## {section}\n" in text
    distribution = text.partition("## Distribution")[2].partition("## ")[0]
    assert "ms_cxr, radnli" in distribution and "--recipe" in distribution


def test_licenses_tell_the_strictest_word_of_parents(corpus: Path) -> None:
    text = (corpus / "LICENSES.md").read_text(encoding="utf-8")
    lines = {line.split()[1]: line for line in text.splitlines() if line.startswith("| ")}
    assert "| credentialed | no |" in lines["ms_cxr"] and "(on mimic_cxr)" in lines["ms_cxr"]
    assert lines["slake"].endswith("| open | yes | yes | yes | yes |")
    assert "**mimic_cxr**" in text  # its terms too, though no row is of it
    known = registry()
    assert (
        permits("rad_restruct", known).derivatives == "no"
    )  # its own licence is MIT, Open-i's not
    assert known["rad_restruct"].card.permits.derivatives == "yes"


def test_front_matter_is_plain_yaml(corpus: Path) -> None:
    head = (corpus / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    said = yaml.safe_load(head)
    assert {c["config_name"] for c in said["configs"]} >= set(TASKS)
    assert "object-detection" in said["task_categories"]
