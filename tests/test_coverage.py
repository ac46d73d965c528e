"""Which pairs the manifests give on the synthetic releases, and how that is told."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from chexinstruct.build import BuildOptions, build
from chexinstruct.cli import app
from chexinstruct.coverage import (
    MARKS,
    PairCoverage,
    coverage,
    made_pairs,
    named_pairs,
    render_grid,
)
from chexinstruct.errors import CallError
from chexinstruct.manifest import Manifest, load_manifest, overridden
from chexinstruct.schema import LOCK, Lock
from chexinstruct.source import build_order, registry
from chexinstruct.tasks import registry as tasks

Pair = tuple[str, str]

UPSTREAM = named_pairs(load_manifest("chexinstruct-v2"))
HERE = {(task, source) for task, source in UPSTREAM if task in tasks() and source in registry()}
"""The pairs of the original builder whose task and source are here."""


def narrowed(name: str, pairs: set[Pair]) -> Manifest:
    """A shipped manifest with some of its pairs, without pictures."""
    chosen: dict[str, tuple[str, ...]] = {}
    for task, source in sorted(pairs):
        chosen[task] = (*chosen.get(task, ()), source)
    manifest = load_manifest(name).model_copy(update={"pairs": chosen})
    return overridden(manifest, images="none")


def made_in(root: Path, folder: Path, name: str, pairs: set[Pair]) -> set[Pair]:
    """The pairs that have rows."""
    options = BuildOptions(cache=folder / "cache")
    return set(made_pairs(build(narrowed(name, pairs), root, folder / "out", options)))


def in_another_layout(name: str, task: str, source: str, folder: Path) -> bool:
    """Whether a pair has rows in some other layout of the release than its publisher's."""
    for variant in registry()[source].sample.VARIANTS[1:]:
        root = folder / variant
        for key in build_order({source}, registry()):
            (root / key).mkdir(parents=True)
            sample = registry()[key].sample
            sample.write(root / key, variant if key == source else sample.VARIANTS[0])
        if made_in(root, root / "build", name, {(task, source)}):
            return True
    return False


@pytest.mark.parametrize("name", ["chexinstruct-v2", "chexinstruct-v1"])
def test_every_pair_of_the_original_is_produced(name: str, data_root: Path, tmp_path: Path) -> None:
    wanted = {
        (task, source)
        for task, source in named_pairs(load_manifest(name))
        if task in tasks() and source in registry()
    }
    missing = wanted - made_in(data_root, tmp_path, name, wanted)
    for task, source in sorted(missing):
        folder = tmp_path / f"{task}-{source}"
        assert in_another_layout(name, task, source, folder), (task, source)


@pytest.fixture(scope="module")
def pairs(demo: Path) -> list[PairCoverage]:
    """The demo is the manifest full with small pictures."""
    lock = msgspec.json.decode((demo / "corpus" / LOCK).read_bytes(), type=Lock)
    return coverage(lock)


def test_full_gives_what_the_original_gives_and_much_more(pairs: list[PairCoverage]) -> None:
    made = {(pair.task, pair.source) for pair in pairs if pair.rows}
    lost = HERE - made
    assert lost <= {("impression_generation", "padchest")}, "needs a table of translations"
    ours = made - UPSTREAM
    assert len(ours) >= 46
    if HERE == UPSTREAM:
        assert len(made) >= 120


def test_what_is_left_out_would_give_nothing_and_no_upstream_pair_is(
    data_root: Path, tmp_path: Path
) -> None:
    left_out = {(n.partition("/")[0], n.partition("/")[2]) for n in load_manifest("full").leave_out}
    assert left_out and not left_out & UPSTREAM
    manifest = narrowed("full", left_out).model_copy(update={"leave_out": {}})
    lock = build(manifest, data_root, tmp_path / "out", BuildOptions(cache=tmp_path / "cache"))
    looked_at = {(line.task, line.source) for line in lock.ledger}
    assert looked_at == left_out, "no study has what the task needs: nothing to leave out"
    assert made_pairs(lock) == {}


def test_marks_say_whose_a_pair_is(pairs: list[PairCoverage]) -> None:
    by_name = {(pair.task, pair.source): pair for pair in pairs}
    assert len(by_name) == len(pairs)
    assert {name for name, pair in by_name.items() if pair.upstream} == UPSTREAM
    drawn = {name for name, pair in by_name.items() if pair.v1}
    assert drawn == named_pairs(load_manifest("chexinstruct-v1"))
    views = by_name["view_classification", "chexpert"]
    assert (views.mark, views.upstream, views.v1) == ("U", True, False)
    assert (views.access, views.requires) == ("registered", [])
    assert views.carries == ["a current picture", "a picture of stated projection"]
    assert by_name["view_classification", "nih_chestxray14"].mark == "+"
    left = by_name["image_classification", "ms_cxr"]
    assert (left.mark, left.rows, left.requires) == ("x", 0, ["mimic_cxr"])
    assert left.left_out == load_manifest("full").leave_out["image_classification/ms_cxr"]
    assert by_name["impression_generation", "padchest"].mark == "?"
    for pair in pairs:
        assert (pair.mark in "U+") == (pair.rows > 0)
        assert (pair.mark == "x") == (pair.left_out is not None)


def test_the_grid_has_every_pair_at_its_place(pairs: list[PairCoverage]) -> None:
    legend, grid, sums = render_grid(pairs).split("\n\n")
    names = [line.split()[1] for line in legend.splitlines()]
    header, *lines = grid.splitlines()
    assert header.split() == [str(n) for n in range(1, len(names) + 1)]
    found = {}
    for line in lines:
        task, *marks = line.split()
        assert len(marks) == len(names)
        found |= {(task, s): m for s, m in zip(names, marks, strict=True) if m != "."}
    assert found == {(pair.task, pair.source): pair.mark for pair in pairs}
    counts = [int(line.rpartition(" ")[2]) for line in sums.splitlines()]
    assert counts == [sum(pair.mark == mark for pair in pairs) for mark in MARKS]


@pytest.mark.slow
def test_the_command_tells_the_same_as_the_demo(pairs: list[PairCoverage]) -> None:
    result = CliRunner().invoke(app, ["tasks", "--matrix", "--json"], catch_exceptions=False)
    told = msgspec.convert(json.loads(result.stdout), list[PairCoverage])
    assert [(p.task, p.source, p.mark) for p in told] == [(p.task, p.source, p.mark) for p in pairs]
    with pytest.raises(CallError, match="--matrix shows all tasks"):
        CliRunner().invoke(app, ["tasks", "text_qa", "--matrix"], catch_exceptions=False)
