"""The demo as a newcomer runs it: corpus, bench, baselines and report from synthetic releases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chexinstruct.bench.verify import verify_bench
from chexinstruct.build import BuildOptions
from chexinstruct.cli import app
from chexinstruct.demo import demo
from chexinstruct.demo_bench import BenchDemo, demo_bench
from chexinstruct.errors import CallError

Made = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="module")
def shown(demo: Path, data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchDemo:
    options = BuildOptions(cache=demo / "cache", on_missing_image="skip")
    return demo_bench(data_root, demo / "corpus", tmp_path_factory.mktemp("chexbench"), options)


def test_the_bench_holds_what_is_promised(shown: BenchDemo) -> None:
    findings = verify_bench(shown.bench).findings
    assert [f for f in findings if f.level == "failed"] == [] and shown.items > 150


def test_the_report_tells_sight_from_guessing(shown: BenchDemo) -> None:
    """The toy that looks is above its baseline, and level with it when the pictures are grey."""
    content = json.loads(Path(shown.report).with_suffix(".json").read_bytes())
    slake = {
        name: next(c for c in scores["cells"] if c.get("source") == "slake")
        for name, scores in content.items()
        if name.startswith("symmetry")
    }
    seen, blank = slake["symmetry"], slake["symmetry, blank pictures"]
    assert seen["n"] == blank["n"] == 108 and seen["clusters"] == 36
    assert seen["gain"]["low"] > 0 >= blank["gain"]["low"]
    page = Path(shown.report).read_text(encoding="utf-8")
    assert 'class="track above"' in page and 'class="track level"' in page
    assert "<script" not in page and "http" not in page
    text = Path(shown.report).with_suffix(".md").read_text(encoding="utf-8")
    assert "## Shared with training" in text and "made-up-answers" in text
    assert "wanted items are not there" in text  # why most tasks have few
    assert "B is better" in shown.overview and "too few items to tell" in shown.overview


def test_all_baselines_are_run(shown: BenchDemo) -> None:
    names = {Path(run).name for run in shown.runs}
    assert names >= {"random", "majority", "question-prior", "longest-option", "symmetry-blank"}


@pytest.mark.slow
def test_the_command_tells_where_the_report_is(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo")])
    assert told.exit_code == 0
    last = told.output.splitlines()[-3:]
    assert [Path(line.strip()).is_file() for line in last] == [True] * 3
    again = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo")])
    assert again.output == told.output


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CallError, match="other files"):
        demo(tmp_path)
