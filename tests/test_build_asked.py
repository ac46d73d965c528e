"""What a manifest asks for: pairs, what is left out, how rows are phrased and what they may say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import yaml
from build_support import recipe
from typer.testing import CliRunner

from chexinstruct.build import BuildOptions, build
from chexinstruct.build.inputs import MissingInputs
from chexinstruct.cli import app
from chexinstruct.errors import CallError
from chexinstruct.manifest import overridden
from chexinstruct.schema import LOCK, Lock

PAIRS: Mapping[str, list[str]] = {
    "view_classification": ["nih_chestxray14", "openi"],
    "findings_generation": ["openi"],
}


def made(data_root: Path, folder: Path, *, available: bool = False, **content: Any) -> Lock:
    content = {"images": {"mode": "none"}, **content}
    options = BuildOptions(cache=folder / "cache", available=available)
    return build(recipe(**content), data_root, folder / "out", options)


def rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "out" / "data").rglob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def pairs_of(lock: Lock) -> set[tuple[str, str]]:
    return {(line.task, line.source) for line in lock.ledger}


# Pairs


def test_only_the_pairs_are_built_and_only_their_sources_read(
    data_root: Path, tmp_path: Path
) -> None:
    lock = made(data_root, tmp_path, pairs=PAIRS)
    built = {("view_classification", "nih_chestxray14"), ("findings_generation", "openi")}
    assert pairs_of(lock) == built  # Open-i states no projection
    assert [account.source for account in lock.sources] == ["nih_chestxray14", "openi"]
    assert {(row["task"], row["source"]) for row in rows(tmp_path)} == built
    assert lock.manifest["pairs"] == PAIRS


def test_tasks_and_sources_choose_among_the_pairs(data_root: Path, tmp_path: Path) -> None:
    lock = made(data_root, tmp_path / "a", pairs=PAIRS, tasks=["findings_generation"])
    assert pairs_of(lock) == {("findings_generation", "openi")}
    assert [account.source for account in lock.sources] == ["openi"]
    narrowed = overridden(recipe(pairs=PAIRS), sources=["nih_chestxray14", "radnli"])
    lock = made(data_root, tmp_path / "b", pairs=PAIRS, sources=narrowed.sources)
    assert pairs_of(lock) == {("view_classification", "nih_chestxray14")}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"tasks": ["text_qa"]}, "nothing to build: the pairs of test have none of these tasks"),
        (
            {"sources": ["radnli"]},
            "nothing to build: the pairs of test are of nih_chestxray14, openi",
        ),
    ],
)
def test_an_empty_choice_is_told(
    data_root: Path, tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    with pytest.raises(CallError, match=words):
        made(data_root, tmp_path, pairs=PAIRS, **content)


def test_every_source_of_the_pairs_must_be_there_or_is_told(
    data_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "releases"
    root.mkdir()
    (root / "openi").symlink_to(data_root / "openi")
    with pytest.raises(MissingInputs, match="nih_chestxray14 not found"):
        made(root, tmp_path, pairs=PAIRS)
    lock = made(root, tmp_path, pairs=PAIRS, available=True)
    assert pairs_of(lock) == {("findings_generation", "openi")}
    assert list(lock.skipped_sources) == ["nih_chestxray14"]


def test_what_is_left_out_is_not_built_and_the_card_says_why(
    data_root: Path, tmp_path: Path
) -> None:
    why = "Its | views are not | to be trusted."
    lock = made(
        data_root,
        tmp_path,
        sources=["nih_chestxray14"],
        tasks=["view_classification", "image_classification"],
        leave_out={
            "view_classification/nih_chestxray14": why,
            "view_classification/brax": "Not built here.",
        },
    )
    assert pairs_of(lock) == {("image_classification", "nih_chestxray14")}
    card = (tmp_path / "out" / "README.md").read_text()
    assert why.replace("|", "\\|") in card
    assert "Not built here." not in card


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"pairs": {"view_clasification": ["openi"]}}, "pairs: 'view_clasification' is no task;"),
        (
            {"pairs": {"text_qa": ["opni", "radqa", "nih"], "view_matching": ["nih"]}},
            "pairs: 'opni', 'nih' is no source;",
        ),
        ({"leave_out": {"text_qa/opni": "why"}}, "leave_out: 'text_qa/opni' is no task/source;"),
        ({"sampling": {"openi/text_qa": {}}}, "sampling: 'openi/text_qa' is no task, no source"),
        ({"mixture": {"total": 1, "weights": {"openi": 1}}}, "mixture.weights: 'openi' is no task"),
    ],
)
def test_misspelt_names_are_told_before_anything_is_read(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    with pytest.raises(CallError) as caught:
        made(tmp_path / "nowhere", tmp_path, **content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_misspelt_names_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        made(
            tmp_path,
            tmp_path,
            pairs={"x": ["y"]},
            leave_out={"a/b": "why"},
            sampling={"c": {}},
        )
    assert all(f"'{name}'" in str(caught.value) for name in ("x", "y", "a/b", "c"))


# Phrasings, options, leaks


def test_a_pair_may_have_more_phrasings_than_others(data_root: Path, tmp_path: Path) -> None:
    lock = made(
        data_root,
        tmp_path,
        pairs=PAIRS,
        sampling={"view_classification/nih_chestxray14": {"phrasings": 4}},
    )
    for line in lock.ledger:
        times = 4 if line.task == "view_classification" else 1
        assert line.rows == times * line.examples
    assert len({row["id"] for row in rows(tmp_path)}) == sum(line.rows for line in lock.ledger)


def test_options_are_shown_and_answered_in_the_styles_that_are_asked_for(
    data_root: Path, tmp_path: Path
) -> None:
    """Built twice with one cache: the style is part of what a shard is known by."""
    content = {"sources": ["nih_chestxray14"], "tasks": ["view_classification"], "seed": 3}
    made(data_root, tmp_path, **content)
    free = [row for row in rows(tmp_path) if row["options"]]
    letters = {"labels": ["upper"], "answers": ["label"]}
    made(data_root, tmp_path, options=letters, **content)
    listed = [row for row in rows(tmp_path) if row["options"]]
    assert [row["id"] for row in listed] == [row["id"] for row in free]
    assert [row["response"] for row in listed] != [row["response"] for row in free]
    assert {row["response"].strip("()") for row in listed} <= set("ABC")
    for row in listed:
        assert [option["label"] for option in row["options"]] == ["A", "B", "C"]
        right = next(o for o in row["options"] if o["label"] == row["response"].strip("()"))
        assert [right["text"]] == row["answers"]


def test_styles_that_nothing_fits_are_told(data_root: Path, tmp_path: Path) -> None:
    words = "options: no style of _styles.yaml has labels none and answers label"
    with pytest.raises(CallError, match=words):
        made(data_root, tmp_path, options={"labels": ["none"], "answers": ["label"]})


def test_classes_of_leaks_are_switched_one_by_one(data_root: Path, tmp_path: Path) -> None:
    content = {"sources": ["mimic_cxr"], "tasks": ["findings_generation"]}

    def dropped(**leaks: bool) -> set[str]:
        made(data_root, tmp_path, leaks=leaks, **content)
        told = [row["metadata"]["dropped_sentences"] or "" for row in rows(tmp_path)]
        return {word.partition(":")[0] for line in told for word in line.split()}

    assert "prior" in dropped()
    assert "prior" not in dropped(prior=False)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "clean, without sentences of deidentified, time, " in card


# The command line


def test_fields_are_set_on_the_command_line(data_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    own = {"extends": "full", "name": "own", "version": "1.0.0", "images": {"mode": "none"}}
    path.write_text(yaml.safe_dump(own))
    call = ["build", str(path), "--data-root", str(data_root), "--out", str(tmp_path / "out")]
    call += ["--source", "nih_chestxray14", "--task", "view_classification"]
    result = CliRunner().invoke(
        app, [*call, "--set", "sampling.view_classification.cap=1", "--set", "splits=[train]"]
    )
    assert result.exit_code == 0, result.output
    lock = msgspec.json.decode((tmp_path / "out" / LOCK).read_bytes(), type=Lock)
    assert sum(line.rows for line in lock.ledger) == 1
    assert lock.manifest["splits"] == ["train"]
    assert lock.manifest["leave_out"], "the lock holds what was extended"
    assert "extends" not in json.dumps(lock.manifest)
    with pytest.raises(CallError, match=r"^--set limit=none: limit: "):
        CliRunner().invoke(app, [*call, "--set", "limit=none"], catch_exceptions=False)
