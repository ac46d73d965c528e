"""Every way in which a person or a picture may stand on two sides, made once in a sound corpus."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from build_support import copied, recipe, source
from corpus_support import build_small, copy, edit_lock, edit_rows, relock
from PIL import Image
from typer.testing import CliRunner

from chexinstruct.build import BuildOptions, build
from chexinstruct.cli import app
from chexinstruct.corpus import Audit, audit, filter_corpus, open_corpus
from chexinstruct.corpus.findings import Level
from chexinstruct.corpus.overlaps import overlap_findings
from chexinstruct.schema import LOCK

VQA = "data/close_ended_vqa/{}-slake-00000-of-00001.parquet"
BOXES = "data/phrase_grounding/{}-ms_cxr-00000-of-00001.parquet"
STORED = "images/mimic_cxr-00000-of-00001.parquet"

ALWAYS_OPEN = {"overlaps_by_pixels", "persons_without_names"}
"""Of the small corpus: SLAKE and ChestX-ray14 were not linked."""
OF_PICTURES = {
    "pictures_match_names",
    "picture_bytes",
    "picture_bytes_in_one_split",
    "copies_in_one_split",
}

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    for mode in ("embed", "store", "none"):
        build_small(folder, mode)
    return folder


def at(level: Level, found: Audit) -> dict[str, str]:
    return {f.check: f.message for f in found.findings if f.level == level}


def first_row(corpus: Path, split: str) -> dict[str, Any]:
    row: dict[str, Any] = pq.read_table(corpus / VQA.format(split)).slice(0, 1).to_pylist()[0]
    return row


def taken_over(*columns: str) -> Damage:
    """The first test row takes values of the first train row."""

    def damage(corpus: Path) -> None:
        values = {column: first_row(corpus, "train")[column] for column in columns}
        edit_rows(corpus, VQA.format("test"), lambda rows: rows[0].update(values))

    return damage


def saved_anew(data: bytes) -> bytes:
    """A smaller and brighter copy."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.resize((56, 60)).point(lambda grey: grey * 1.1)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def shown(change: Callable[[bytes], bytes]) -> Damage:
    """The first test row shows, under its own name, what is made of a picture of a train row."""

    def damage(corpus: Path) -> None:
        data = change(first_row(corpus, "train")["images"][0]["bytes"])
        edit_rows(corpus, VQA.format("test"), lambda rows: rows[0]["images"][0].update(bytes=data))

    return damage


def hollow(data: bytes) -> bytes:
    """As PNG whose header and end are sound, and whose pixels are not."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(buffer, "PNG")
    whole = buffer.getvalue()
    return whole[:60] + bytes(200) + whole[260:]


FAILING: dict[str, tuple[Damage, set[str]]] = {
    "person on two sides": (taken_over("patient"), {"patients_in_one_split"}),
    "picture on two sides": (
        taken_over("image_ids", "images"),
        {"pictures_in_one_split", "picture_bytes_in_one_split"},
    ),
    "question on two sides": (
        taken_over("image_ids", "images", "instruction"),
        {"questions_in_one_split", "pictures_in_one_split", "picture_bytes_in_one_split"},
    ),
    "the same bytes under another name": (shown(bytes), {"picture_bytes_in_one_split"}),
    "a copy under another name": (shown(saved_anew), {"copies_in_one_split"}),
    "picture missing": (
        lambda corpus: edit_rows(corpus, VQA.format("test"), lambda rows: rows[0]["images"].pop()),
        {"pictures_match_names"},
    ),
    "picture cut off": (shown(lambda data: data[:-40]), {"picture_bytes"}),
    "file missing": (lambda corpus: (corpus / VQA.format("test")).unlink(), {"readable"}),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_stands_on_two_sides_is_found_and_nothing_else(
    name: str, built: Path, tmp_path: Path
) -> None:
    damage, expected = FAILING[name]
    corpus = copy(built / "embed", tmp_path / "corpus")
    damage(corpus)
    found = audit(corpus)
    assert at("failed", found).keys() == expected
    assert not found.passed


def test_every_check_has_a_test_that_breaks_it(built: Path) -> None:
    broken = {check for _, expected in FAILING.values() for check in expected}
    checks = {finding.check for finding in audit(built / "embed").findings}
    assert broken == checks - ALWAYS_OPEN - {"patients_named"}


@pytest.mark.parametrize("mode", ["embed", "store", "none"])
def test_clean_corpus_passes_and_the_rest_is_not_called_passed(mode: str, built: Path) -> None:
    found = audit(built / mode)
    assert at("failed", found) == {}
    assert found.passed
    open_ = at("not checked", found)
    assert open_.keys() == ALWAYS_OPEN | (OF_PICTURES if mode == "none" else set())
    assert "nih_chestxray14 and slake" in open_["overlaps_by_pixels"]
    assert "(link: none)" in open_["overlaps_by_pixels"]
    if mode == "none":
        assert "without pictures" in open_["copies_in_one_split"]


def test_copies_are_listed_with_rows_of_both_sides(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    shown(saved_anew)(corpus)
    (found,) = audit(corpus).copies
    assert set(found.shown_by) == {
        f"{first_row(corpus, split)['id']} ({split})" for split in ("train", "test")
    }
    assert found.bits <= 48
    assert found.correlation >= 0.8
    assert audit(corpus, workers=2) == audit(corpus)


def test_copies_among_stored_pictures(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "store", tmp_path / "corpus")
    names = {
        split: pq.read_table(corpus / BOXES.format(split))["image_ids"][0][0].as_py()
        for split in ("train", "test")
    }
    table = pq.read_table(corpus / STORED)
    rows = table.to_pylist()
    pictures = {row["image_id"]: row["image"] for row in rows}
    pictures[names["test"]]["bytes"] = saved_anew(pictures[names["train"]]["bytes"])
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), corpus / STORED)
    relock(corpus, STORED)
    found = audit(corpus)
    assert at("failed", found).keys() == {"copies_in_one_split"}
    (pair,) = found.copies
    shown_by = dict(reversed(told.removesuffix(")").split(" (")) for told in pair.shown_by)
    for split, name in names.items():
        rows = pq.read_table(corpus / BOXES.format(split)).to_pylist()
        assert name in next(row["image_ids"] for row in rows if row["id"] == shown_by[split])


def test_pictures_that_cannot_be_compared_are_not_checked(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 77).save(buffer, "JPEG")
    shown(lambda _: buffer.getvalue())(corpus)
    assert at("not checked", audit(corpus))["copies_in_one_split"] == (
        "1 pictures show one grey all over"
    )
    shown(hollow)(corpus)
    assert at("not checked", audit(corpus))["copies_in_one_split"] == (
        "1 pictures cannot be decoded"
    )


def test_rows_of_nobody_are_not_checked(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    edit_rows(corpus, VQA.format("test"), lambda rows: rows[0].update(patient=None))
    found = audit(corpus)
    assert first_row(corpus, "test")["id"] in at("not checked", found)["patients_named"]
    assert found.passed


def test_people_in_several_sources_and_what_was_done(built: Path) -> None:
    """MS-CXR shows MIMIC-CXR's people; its benchmark takes some out of the other's train rows."""
    found = {tuple(overlap.sources): overlap for overlap in audit(built / "embed").overlaps}
    persons = found["mimic_cxr", "ms_cxr"].persons
    assert persons is not None
    assert persons.persons > 0 and persons.by_pixels == persons.on_several_sides == 0
    assert persons.left_out[0]["held_out"] > 0
    pair = found["nih_chestxray14", "slake"]
    assert (pair.declared, pair.persons, pair.pixels) == ("pixels", None, None)


@pytest.mark.parametrize("policy", ["official", "clean"])
def test_official_splits_fail_where_people_cross(
    policy: str, data_root: Path, tmp_path: Path
) -> None:
    """A picture of a train patient stands in the test list too, as in releases split by picture."""
    root = copied(data_root, tmp_path / "data", "nih_chestxray14")
    lists = {name: root / "nih_chestxray14" / f"{name}_list.txt" for name in ("train_val", "test")}
    moved = "00000001_001.png\n"
    lists["train_val"].write_text(lists["train_val"].read_text().replace(moved, ""))
    lists["test"].write_text(moved + lists["test"].read_text())
    manifest = recipe(
        tasks=("view_classification",),
        sampling={"view_classification": {"balance": False}},
        split_policy=policy,
    )
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    build(manifest, root, tmp_path / "corpus", options)
    found = audit(tmp_path / "corpus")
    crossing = {"patients_in_one_split"} if policy == "official" else set()
    assert at("failed", found).keys() == crossing
    assert all("official splits" in message for message in at("failed", found).values())


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("people", "no id brings any of their people together"),
        ("pixels", "only pixels can bring their people together"),
        ("text", "only their wording"),
        ("nothing", "nothing shows which people"),
    ],
)
def test_overlaps_that_a_card_declares_are_not_called_checked(
    by: str, words: str, built: Path
) -> None:
    """Nobody of these two stands in both by ids, as in a release without the list that joins."""
    card = source("slake", overlaps=[{"source": "radnli", "how": "", "by": by}])
    (found,) = overlap_findings(open_corpus(built / "embed"), {"slake": card})
    assert (found.check, found.level) == (f"overlaps_by_{by}", "not checked")
    assert found.message.startswith("radnli and slake: ") and words in found.message


def test_links_of_the_lock_are_told(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    link = {
        "sources": ["nih_chestxray14", "slake"],
        "compared": [8, 6],
        "not_compared": [{}, {"missing_file": 2}],
        "matches": 0,
        "equal": 0,
    }
    edit_lock(corpus, lambda lock: lock.update(links=[link]))
    assert at("not checked", audit(corpus))["overlaps_by_pixels"] == (
        "nih_chestxray14 and slake: 2 pictures of slake were not compared (missing_file)"
    )
    link["not_compared"] = [{}, {}]
    edit_lock(corpus, lambda lock: lock.update(links=[link]))
    found = audit(corpus)
    assert "nih_chestxray14 and slake" in at("ok", found)["overlaps_by_pixels"]
    smaller = tmp_path / "smaller"
    lock = filter_corpus(corpus, smaller, sources=["slake", "ms_cxr"])
    assert lock.links == []
    assert "overlaps_by_pixels" not in {finding.check for finding in audit(smaller).findings}


def test_the_demo_shows_nobody_twice(demo: Path) -> None:
    """If this fails, two samples draw the same phantom: give one of them other seeds or sizes."""
    assert at("failed", audit(demo / "corpus")) == {}


def test_the_demo_shows_every_identity_space(demo: Path) -> None:
    """People whom a card says that ids bring together are brought together by the samples."""
    assert "overlaps_by_people" in at("ok", audit(demo / "corpus"))
    assert "overlaps_by_people" not in at("not checked", audit(demo / "corpus"))


def test_the_command_says_the_same_and_fails_with_it(built: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    sound = runner.invoke(app, ["audit", str(built / "embed")])
    assert sound.exit_code == 0
    assert "not checked: persons_without_names" in sound.output
    assert "mimic_cxr and ms_cxr: " in sound.output
    corpus = copy(built / "embed", tmp_path / "corpus")
    shown(saved_anew)(corpus)
    failing = runner.invoke(app, ["audit", str(corpus)])
    assert failing.exit_code == 1
    assert "failed: copies_in_one_split: pictures that are copies of one of another split: 1" in (
        failing.output
    )
    told = json.loads(runner.invoke(app, ["audit", str(corpus), "--json"]).output)
    assert told["passed"] is False
    assert len(told["copies"]) == 1
    (corpus / LOCK).unlink()
    assert runner.invoke(app, ["audit", str(corpus)]).exit_code == 1
