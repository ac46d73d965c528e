"""Exports of a bench to harnesses, without the harnesses: files, letters, pictures, scores."""

from __future__ import annotations

import base64
import csv
import json
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from textwrap import dedent
from typing import Any

import datasets
import msgspec
import pandas as pd
import pytest
import yaml
from bench_support import items, write_items
from harness_support import ACCURACY, FINE, PARSED, TEXT, TIME, VQA, harness_bench, said
from typer.testing import CliRunner

from chexinstruct.bench.harness import HARNESSES, export_bench
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.opening import open_bench
from chexinstruct.bench.prompts import load_style
from chexinstruct.cli import app
from chexinstruct.errors import CallError, ChexinstructError

Export = Callable[..., Path]
LETTERS = "ABCDEF"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return harness_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def exported(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = tmp_path_factory.mktemp("exports")

    def make(name: str, style: str | None = None) -> Path:
        out = folder / f"{name}-{style}"
        if not out.exists():
            export_bench(bench, out, name, style=style)
        return out

    return make


@pytest.fixture(scope="module")
def origin(bench: Path) -> dict[str, BenchItem]:
    return {item.id: item for item in open_bench(bench).items}


@pytest.mark.parametrize("name", HARNESSES)
def test_every_item_is_exported_or_counted(name: str, exported: Export) -> None:
    out = exported(name)
    account = json.loads((out / "export.json").read_text())
    texts = {"text_not_scored_by_vlmevalkit": 8} if name == "vlmevalkit" else {"no_reference": 1}
    assert account["left_out"] == {f"boxes_not_scored_by_{name}": 8, **texts}
    assert sum(account["items"].values()) + sum(account["left_out"].values()) == account["read"]
    cells = {VQA: 24, FINE: 16, TIME: 3} | ({} if name == "vlmevalkit" else {TEXT: 7})
    assert account["items"] == cells
    assert sum(file["rows"] for file in account["files"]) == sum(cells.values())
    for file in account["files"]:
        assert sha256((out / file["name"]).read_bytes()).hexdigest() == file["sha256"]


@pytest.mark.parametrize("name", HARNESSES)
def test_restricted_items_carry_their_terms(name: str, exported: Export) -> None:
    out = exported(name)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert not json.loads((out / "export.json").read_text())["publishable"]
    assert (out / ".gitignore").read_text() == "*\n"
    assert "Do not publish" in (out / "README.md").read_text()
    terms = (out / "LICENSES.md").read_text()
    assert "| ms_cxr_t | 3 | credentialed | no |" in terms and "slake" in terms


def test_open_items_alone_may_be_published(bench: Path, tmp_path: Path) -> None:
    made = export_bench(bench, tmp_path / "open", "inspect", sources=["slake", "openi"])
    assert made.publishable and made.restricted == {} and made.sources == ["openi", "slake"]
    assert not (tmp_path / "open" / ".gitignore").exists()
    assert "publish" not in (tmp_path / "open" / "README.md").read_text()


@pytest.mark.parametrize("name", HARNESSES)
def test_same_bench_gives_the_same_files(
    name: str, bench: Path, exported: Export, tmp_path: Path
) -> None:
    export_bench(bench, tmp_path / "again", name)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (exported(name), tmp_path / "again")
    )
    assert first == second


@pytest.mark.parametrize("name", ["lm-eval", "lmms-eval", "inspect"])
@pytest.mark.parametrize("style", ["letters", "chexbench_v2"])
def test_words_options_and_letters_are_those_of_bench_run(
    name: str, style: str, exported: Export, origin: dict[str, BenchItem]
) -> None:
    rows = _rows(exported(name, style), name)
    assert len(rows) == 50
    for row in rows:
        item = origin[row["id"]]
        prompt = load_style(style).prompt(item, item.options, "unit")
        assert (row["system"], row["text"]) == (prompt.system, prompt.text)
        assert tuple(row["options"]) == item.options and row["answer"] == item.answer
        right = LETTERS[item.answer] if item.answer is not None else item.reference
        assert row["target"] == right
        assert row["cluster"] == item.cluster


def _rows(out: Path, name: str) -> list[dict[str, Any]]:
    if name == "inspect":
        return [json.loads(line) for line in (out / "items.jsonl").read_text().splitlines()]
    files = {"test": [str(path) for path in sorted(out.glob("data/*.parquet"))]}
    return list(datasets.load_dataset("parquet", data_files=files)["test"])


@pytest.mark.parametrize("name", ["lm-eval", "lmms-eval"])
def test_parquet_gives_pictures_in_their_order(
    name: str, exported: Export, bench: Path, origin: dict[str, BenchItem]
) -> None:
    for row in _rows(exported(name), name):
        item = origin[row["id"]]
        assert [p.size for p in row["images"]] == [(i.width, i.height) for i in item.images]
        if item.source == "ms_cxr_t":
            assert [picture.getpixel((5, 5)) for picture in row["images"]] == [30, 220]


def test_inspect_has_the_pictures_as_files(exported: Export, origin: dict[str, BenchItem]) -> None:
    out = exported("inspect")
    for row in _rows(out, "inspect"):
        found = [sha256((out / name).read_bytes()).hexdigest() for name in row["images"]]
        assert found == [image.sha256 for image in origin[row["id"]].images]


def test_vlmevalkit_table_keeps_to_the_columns_of_the_kit(
    exported: Export, origin: dict[str, BenchItem]
) -> None:
    """As the kit reads it: pandas, ``[`` for a list of pictures, missing cells for no option."""
    table = pd.read_csv(exported("vlmevalkit") / "CheXbench.tsv", sep="\t")
    assert list(table["index"]) == list(range(43))
    for row in table.to_dict("records"):
        item = origin[row["id"]]
        held = row["image"]
        pictures = [held] if held[0] != "[" else [str(one) for one in yaml.safe_load(held)]
        assert all(len(one) > 64 for one in pictures)  # shorter ones name another row
        shown = [sha256(base64.b64decode(one)).hexdigest() for one in pictures]
        assert shown == [image.sha256 for image in item.images]
        options = [row[letter] for letter in LETTERS if not pd.isna(row[letter])]
        assert tuple(options) == item.options
        assert row["answer"] == LETTERS[item.answer or 0]
        assert row["question"] == item.question
    assert Counter(table["category"]) == {VQA: 24, FINE: 16, TIME: 3}


class _Functions(yaml.SafeLoader):
    """Reads ``!function utils.x`` as the text behind it."""


_Functions.add_constructor("!function", lambda loader, node: f"!{node.value}")


@pytest.mark.parametrize("name", ["lm-eval", "lmms-eval"])
def test_task_files_name_what_is_there(name: str, exported: Export) -> None:
    out = exported(name, "chexbench_v2")
    code = (out / "utils.py").read_text()
    tasks = {p.stem: yaml.load(p.read_text(), _Functions) for p in out.glob("[a-z]*.yaml")}
    assert tasks.keys() == {VQA, FINE, TIME, TEXT}
    for cell, task in tasks.items():
        assert task["task"] == f"chexbench_{cell}"
        called = {value for value in task.values() if str(value).startswith("!utils.")}
        assert called and all(f"def {call.removeprefix('!utils.')}(" in code for call in called)
        metrics = [metric["metric"] for metric in task["metric_list"]]
        assert ("rouge_l" in metrics) == (cell == TEXT)
    group = yaml.load((out / "_chexbench.yaml").read_text(), _Functions)
    assert group["task"] == [f"chexbench_{cell}" for cell in (VQA, FINE, TIME)]
    if name == "lm-eval":
        assert ("doc_to_image" in tasks[VQA], "doc_to_image" in tasks[TEXT]) == (True, False)
        assert tasks[VQA]["description"] == "You are a helpful assistant.\n\n"


HOOKS = """
import importlib.util, json, sys
sys.modules["chexinstruct"] = None  # a harness has no chexinstruct beside it
out, answers = sys.argv[1], json.loads(sys.stdin.read())
spec = importlib.util.spec_from_file_location("utils", out + "/utils.py")
utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(utils)
found = {}
for cell, rows in answers.items():
    results = [utils.process_choice(row, [answer]) for row, answer in rows]
    found[cell] = {
        metric: sum(r[metric]["score"] if isinstance(r[metric], dict) else r[metric]
                    for r in results) / len(results)
        for metric in results[0]
    }
text = utils.process_text({"target": "No acute process.", "cluster": "a"}, ["no [sic] process"])
print(json.dumps([found, text]))
"""


@pytest.mark.parametrize("name", ["lm-eval", "lmms-eval"])
def test_code_of_an_export_scores_alone_and_as_we_do(name: str, exported: Export) -> None:
    out = exported(name)
    asked: dict[str, list[Any]] = {}
    for row in _rows(out, name):
        row.pop("images")
        if row["answer"] is not None:
            asked.setdefault(f"{row['task']}_{row['source']}", []).append([row, said(row["text"])])
    ended = subprocess.run(
        [sys.executable, "-I", "-c", HOOKS, str(out)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    found, text = json.loads(ended.stdout)
    accuracy = "acc" if name == "lm-eval" else "accuracy"
    assert {cell: values[accuracy] for cell, values in found.items()} == ACCURACY
    assert {cell: values["parse_rate"] for cell, values in found.items()} == PARSED
    # no, process of three words: precision 1, recall 2/3
    value = text["rouge_l"]
    assert (value if name == "lm-eval" else value["score"]) == pytest.approx(0.8)


def _with_first(bench: Path, tmp_path: Path, **fields: Any) -> Path:
    """A copy of the bench whose first item is another."""
    first, *others = items(tmp_path / "bench")
    return write_items(tmp_path / "bench", [msgspec.structs.replace(first, **fields), *others])


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("lm-eval", {"question": "What of <image>?"}, "picture_mark_in_text"),
        ("vlmevalkit", {"options": ("None", "yes")}, "text_read_as_missing"),
        ("vlmevalkit", {"options": tuple("abcdefg")}, "too_many_options"),
        ("vlmevalkit", {"images": ()}, "no_picture"),
        ("inspect", {"options": ("Yes", "yes ")}, "options_alike"),
        ("inspect", {"answer": 2, "options": ("yes", "no")}, "answer_not_among_options"),
        ("inspect", {"answer": -1}, "answer_not_among_options"),
        ("lm-eval", {"answer": 30}, "answer_not_among_options"),
        ("lmms-eval", {"options": tuple(map(str, range(30)))}, "too_many_options"),
    ],
)
def test_what_a_harness_would_misread_is_left_out(
    name: str, fields: dict[str, Any], reason: str, bench: Path, tmp_path: Path
) -> None:
    changed = _with_first(bench, tmp_path, **fields)
    made = export_bench(changed, tmp_path / "out", name, tasks=["visual_question_answering"])
    assert made.left_out == {reason: 1} and made.items == {VQA: 23}


def test_style_must_show_the_options(bench: Path, tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match=r"no item .* options_not_in_prompt 24"):
        export_bench(
            bench,
            tmp_path / "out",
            "lm-eval",
            style="question_only",
            tasks=["visual_question_answering"],
        )
    assert list(tmp_path.iterdir()) == []


def test_refusals_are_told(bench: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="there are lm-eval, lmms-eval, vlmevalkit, inspect"):
        export_bench(bench, tmp_path / "out", "helm")
    with pytest.raises(CallError, match="words of its own"):
        export_bench(bench, tmp_path / "out", "vlmevalkit", style="letters")
    with pytest.raises(CallError, match="lies in it"):
        export_bench(bench, bench / "export", "inspect")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CallError, match="not an empty folder"):
        export_bench(bench, tmp_path, "inspect")
    first = items(tmp_path / "bench")[0]
    bare = msgspec.structs.replace(first.images[0], file="")
    write_items(tmp_path / "bench", [msgspec.structs.replace(first, images=(bare,))])
    with pytest.raises(ChexinstructError, match="built without pictures"):
        export_bench(tmp_path / "bench", tmp_path / "out", "inspect")
    assert not (tmp_path / "out").exists()


def test_command_tells_what_it_wrote(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "kit"
    call = ["bench", "export", str(bench), "--format", "vlmevalkit", "--out", str(out)]
    ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 0, ended.output
    assert f"{TIME}: 3\n" in ended.output
    assert "left out, boxes_not_scored_by_vlmevalkit: 8" in ended.output
    assert "Not to be published: it holds items of ms_cxr_t." in ended.output
    with (out / "CheXbench.tsv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file, dialect="excel-tab"))) == 44


def test_docs_have_the_commands_of_the_exports() -> None:
    page = (Path(__file__).parents[1] / "docs" / "bench-exports.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(HARNESSES)
    for harness in HARNESSES.values():
        command = harness.guide.partition("\n\n")[0]
        assert f"```bash\n{dedent(command)}\n```" in page
