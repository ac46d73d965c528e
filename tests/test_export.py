"""A corpus exported, and read back as its readers read it."""

from __future__ import annotations

import gc
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import webdataset
from build_support import contents
from corpus_support import build_small, copy, edit_rows, rows_of
from datasets import load_dataset
from PIL import Image

from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.export import FORMATS, export_corpus
from chexinstruct.export.marks import broken_up, has_marks
from chexinstruct.regions import EXPORT_DIALECTS, format_boxes, parse_boxes, resized_like_qwen
from chexinstruct.tasks import registry as tasks

GROUNDING = "data/phrase_grounding/{}-ms_cxr-00000-of-00001.parquet"
NLI = "data/natural_language_inference/{}-radnli-00000-of-00001.parquet"

Export = Callable[[str], Path]
Rows = dict[str, dict[str, Any]]

# Of files that WebDataset does not close.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def exported(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Exports of the demo corpus, all tasks, in several files."""
    folder = tmp_path_factory.mktemp("exports")

    def make(name: str) -> Path:
        if not (folder / name).exists():
            export_corpus(demo / "corpus", folder / name, name, shard_size=100_000)
        return folder / name

    return make


@pytest.fixture(scope="module")
def origin(demo: Path) -> dict[str, dict[str, Any]]:
    """The rows of the demo corpus by id."""
    return {row["id"]: row for row in rows_of(demo / "corpus")}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    for mode in ("embed", "store", "none"):
        build_small(folder, mode)
    return folder


def members(shards: Sequence[Path], decoder: str | None = None) -> list[dict[str, Any]]:
    """The rows of some shards, as WebDataset reads them."""
    rows = webdataset.WebDataset([str(path) for path in shards], shardshuffle=False)
    found = list(rows.decode(decoder) if decoder else rows)
    del rows
    gc.collect()  # it leaves it to the garbage collector to close its files
    return found


def told(folder: Path) -> Any:
    return json.loads((folder / "export.json").read_bytes())


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """The records of any format."""
    if shards := sorted((folder / "data").glob("*.tar")):
        yield from (json.loads(row["json"]) for row in members(shards))
        return
    for file in told(folder)["files"]:
        path = folder / file["name"]
        if path.suffix == ".parquet":
            yield from pq.read_table(path).to_pylist()
        elif path.suffix == ".json":
            yield from json.loads(path.read_bytes())
        else:
            yield from map(json.loads, path.read_bytes().splitlines())


def record(folder: Path, id: str) -> dict[str, Any]:
    (found,) = (row for row in records(folder) if row["id"] == id)
    return found


def texts(row: dict[str, Any]) -> list[str]:
    """The texts of a record of any format, in the order of reading."""
    if "prefix" in row:
        return [row["prefix"], row["suffix"]]
    turns = row.get("conversations") or row.get("messages") or row["prompt"] + row["completion"]
    parts = [turn.get("value", turn.get("content")) for turn in turns]
    return [
        part if isinstance(part, str) else "".join(p["text"] or "" for p in part) for part in parts
    ]


# Every format, every task


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_is_exported_or_refused_for_what_the_format_cannot_hold(
    name: str, exported: Export, origin: Rows
) -> None:
    folder = exported(name)
    found = Counter(row["id"] for row in records(folder))
    assert set(found.values()) == {1}
    export = told(folder)
    assert export["read"] == len(origin) == len(found) + sum(export["refused"].values())
    assert sum(export["rows"].values()) == sum(f["rows"] for f in export["files"]) == len(found)
    lost = Counter(len(origin[id]["image_ids"]) for id in origin.keys() - found.keys())
    if name == "paligemma":
        assert 1 not in lost
        assert export["refused"] == {
            "no_picture": lost.pop(0),
            "too_many_pictures": lost.total(),
        }
    else:
        assert not lost
        assert {origin[id]["task"] for id in found} == set(tasks())


@pytest.mark.parametrize("name", FORMATS)
def test_pictures_and_marks_are_as_many_as_the_row_has(
    name: str, exported: Export, origin: Rows
) -> None:
    folder = exported(name)
    seen = set()
    for row in records(folder):
        held = row.get("images", row.get("image", []))
        held = [held] if isinstance(held, str) else held
        assert len(held) == len(origin[row["id"]]["image_ids"])
        seen.add(min(len(held), 3))
        marks = sum(text.count("<image>") for text in texts(row))
        if name == "trl":
            marks = sum(part["type"] == "image" for t in row["prompt"] for part in t["content"])
            assert all(Image.open(io.BytesIO(image["bytes"])).size for image in held)
        if name not in ("chexagent", "paligemma"):
            assert marks == len(held)
        if not FORMATS[name].inside:
            for path in held:
                assert re.fullmatch(r"images/[0-9a-f]{2}/[\w-]+\.(jpg|png)", path)
                assert (folder / path).is_file()
    assert seen == ({1} if name == "paligemma" else {0, 1, 2, 3})


@pytest.mark.parametrize("name", FORMATS)
def test_texts_are_those_of_the_corpus_but_for_boxes_and_turns(
    name: str, exported: Export, origin: Rows
) -> None:
    turned = 0
    for row in records(exported(name)):
        row_of = origin[row["id"]]
        *earlier, asked, answered = [text.replace("<image>\n", "") for text in texts(row)]
        if row_of["history"] and name != "paligemma":
            turned += 1
            said = [
                part for turn in row_of["history"] for part in (turn["question"], turn["answer"])
            ]
            assert earlier == said
            head = "".join(f"Q: {t['question']}\nA: {t['answer']}\n" for t in row_of["history"])
            assert row_of["instruction"] == f"{head}\n{asked}"
        elif not row_of["regions"]:
            assert not earlier
            assert (asked, answered) == (row_of["instruction"], row_of["response"])
    assert turned or name == "paligemma"


def test_no_path_of_this_machine_is_in_an_export(exported: Export, demo: Path) -> None:
    for name in FORMATS:
        for path, data in contents(exported(name)).items():
            if not path.startswith("images/"):
                assert str(demo).encode() not in data, path
                assert b"\\\\" not in data or path.endswith((".parquet", ".tar")), path


# Boxes


@pytest.mark.parametrize("name", ["trl", "llava", "qwen-vl", "chexagent", "paligemma", "radvlm"])
def test_boxes_can_be_read_in_the_dialect_of_the_format(
    name: str, exported: Export, origin: Rows
) -> None:
    folder = exported(name)
    dialect = told(folder)["boxes"]
    read = 0
    for row in records(folder):
        regions = origin[row["id"]]["regions"]
        if not regions:
            continue
        size = Image.open(io.BytesIO(origin[row["id"]]["images"][0]["bytes"])).size
        boxes = [box for text in texts(row) for box in parse_boxes(text, dialect, size)]
        exact = [(r["x1"], r["y1"], r["x2"], r["y2"]) for r in regions]
        assert len(boxes) == len(exact)
        for box in boxes:  # within a step of a box that is not taken yet
            near = [origin for origin in exact if box == pytest.approx(origin, abs=0.025)]
            exact.remove(near[0])
        read += len(boxes)
    assert read > 50


def test_qwen25_boxes_are_pixels_of_the_resized_picture(
    demo: Path, tmp_path: Path, origin: Rows
) -> None:
    out = tmp_path / "out"
    limits = (784, 50_176)
    made = export_corpus(
        demo / "corpus",
        out,
        "qwen-vl",
        tasks=["abnormality_grounding"],
        boxes="qwen2.5-vl",
        resize_like="784:50176",
    )
    assert made.resize_like == list(limits)
    boxed = 0
    for row in records(out):
        row_of = origin[row["id"]]
        picture = Image.open(io.BytesIO(row_of["images"][0]["bytes"])).size
        width, height = resized_like_qwen(picture, limits)
        for region in row_of["regions"]:
            left, top = round(region["x1"] * width), round(region["y1"] * height)
            assert f"[{left}, {top}, " in texts(row)[-1]
            boxed += 1
    assert boxed


def test_swift_has_the_exact_boxes_and_a_mark_for_each(exported: Export, origin: Rows) -> None:
    named = 0
    for row in records(exported("ms-swift")):
        objects, text = row["objects"], "".join(texts(row))
        exact = [[r["x1"], r["y1"], r["x2"], r["y2"]] for r in origin[row["id"]]["regions"]]
        assert sorted(objects["bbox"]) == sorted(exact)
        assert objects["bbox_type"] == "norm1"
        assert text.count("<bbox>") == len(exact) == len(objects["image_id"])
        assert text.count("<ref-object>") == len(objects["ref"])
        named += len(objects["ref"])
        assert [m["loss"] for m in row["messages"] if m["loss"]] == [True]
    assert named


def test_names_stand_beside_their_boxes_in_any_dialect(small: Path, tmp_path: Path) -> None:
    told_by = {
        "chexagent": r"<\|ref\|>(.+?)<\|/ref\|><\|box\|>",
        "radvlm": r"(.+?) \[",
        "paligemma": r"> (.+)",
    }
    answers = {r["id"]: r for r in rows_of(small / "embed") if r["task"] == "phrase_grounding"}
    for name, pattern in told_by.items():
        export_corpus(small / "embed", tmp_path / name, name, tasks=["phrase_grounding"])
        for row in records(tmp_path / name):
            (first, *_) = re.findall(pattern, texts(row)[-1].split(" ; ")[0])
            assert first == answers[row["id"]]["regions"][0]["phrase"]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], ...]] = {
    "boxes_differ_from_regions": (
        lambda row: row["regions"].pop(),
        lambda row: row["regions"][0].update(x1=0.9999),
        lambda row: row.update(response=row["response"] + "<|box|>(1,2),(3,4)<|/box|>"),
        lambda row: row.update(response=row["response"] + "<|ref|>nothing<|/ref|>"),
    ),
    "missing_picture": (
        lambda row: row["images"].clear(),
        lambda row: row["images"][0].update(bytes=b""),
    ),
    "unreadable_picture": (lambda row: row["images"][0].update(bytes=b"GIF89a"),),
    "region_without_picture": (lambda row: row["regions"][0].update(image=1),),
    "empty_response": (lambda row: row.update(regions=[], response=" "),),
}


def test_what_does_not_fit_together_is_refused_and_counted(small: Path, tmp_path: Path) -> None:
    corpus = copy(small / "embed", tmp_path / "corpus")
    faults = [fault for some in FAULTS.values() for fault in some]

    def damage(rows: list[dict[str, Any]]) -> None:
        rows[:] = [copy_of(rows[0], number) for number in range(len(faults) + 1)]
        for row, fault in zip(rows, faults, strict=False):
            fault(row)

    edit_rows(corpus, GROUNDING.format("train"), damage)
    choice = {"tasks": ["phrase_grounding"], "splits": ["train"]}
    made = export_corpus(corpus, tmp_path / "out", "ms-swift", **choice)
    assert made.refused == {reason: len(some) for reason, some in sorted(FAULTS.items())}
    assert made.rows == {"train": 1}


def copy_of(row: dict[str, Any], number: int) -> dict[str, Any]:
    """A row that may be changed, under another id."""
    return deepcopy({**row, "id": f"{row['id']}/{number}"})


def test_a_box_smaller_than_the_grid_of_the_target_is_refused(small: Path, tmp_path: Path) -> None:
    corpus = copy(small / "embed", tmp_path / "corpus")

    def narrow(rows: list[dict[str, Any]]) -> None:
        # 0 to 100 by the cut of CheXagent-2: 0.50 and 0.51, where 0.505 and 0.5079 are one pixel.
        rows[0]["regions"][0].update(x1=0.5048, x2=0.5068)
        rows[0]["response"] = re.sub(r"\(\d+,(\d+)\),\(\d+,", r"(50,\1),(51,", rows[0]["response"])

    edit_rows(corpus, GROUNDING.format("train"), narrow)
    choice = {"tasks": ["phrase_grounding"], "splits": ["train"]}
    made = export_corpus(corpus, tmp_path / "qwen", "qwen-vl", boxes="qwen2.5-vl", **choice)
    assert made.refused == {"box_too_small": 1}


@pytest.mark.parametrize("name", ["trl", "llama-factory", "ms-swift"])
def test_the_page_trains_as_the_readme_of_an_export_does(name: str) -> None:
    page = Path(__file__).parents[1] / "docs" / "exports.md"
    code = [
        line for line in FORMATS[name].guide.splitlines() if line.startswith("    ") or not line
    ]
    assert "\n".join(code).strip("\n") in page.read_text(encoding="utf-8")


def test_the_readme_names_no_split_that_was_not_written(small: Path, tmp_path: Path) -> None:
    for splits in (["train"], ["train", "validation"]):
        folder = tmp_path / "-".join(splits)
        export_corpus(small / "embed", folder, "llama-factory", splits=splits)
        said = (folder / "README.md").read_text(encoding="utf-8")
        assert ("eval_dataset: chexinstruct_validation" in said) == ("validation" in splits)
        assert "dataset: chexinstruct_train" in said


def test_the_page_shows_dialects_as_they_are_written() -> None:
    page = (Path(__file__).parents[1] / "docs" / "exports.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `([\w.-]+)` \| .+ \| `(.*[\d>a-z].*)` \| .+ \|$", page, re.M))
    box = (0.1234, 0.25, 0.4567, 0.9996)
    for name in EXPORT_DIALECTS:
        size = resized_like_qwen((512, 640)) if name == "qwen2.5-vl" else (512, 640)
        written = format_boxes([box], name, "pleural effusion", size)
        assert shown[name].replace("\\|", "|") == written


# Marks in the text of releases


MARKS = (
    "<image>",
    "<video>",
    "<bbox>",
    "<ref-object>",
    "<loc0012>",
    "<seg001>",
    "</s>",
    "<start_of_turn>",
    "<|im_start|>",
    "<|box|>",
    "<｜User｜>",
    "[INST]",
    "<0x0A>",
)


@pytest.mark.parametrize("name", ["llama-factory", "trl", "webdataset"])
def test_marks_are_broken_up_wherever_they_stand(name: str, small: Path, tmp_path: Path) -> None:
    corpus = copy(small / "embed", tmp_path / "corpus")

    def write(rows: list[dict[str, Any]]) -> None:
        rows[:] = [copy_of(rows[0], number) for number in range(len(MARKS))]
        for row, mark in zip(rows, MARKS, strict=True):
            row.update(instruction=f"{mark}{row['instruction']}{mark}", response=f"yes {mark}")
            row["history"] = [{"question": mark, "answer": mark}]

    edit_rows(corpus, NLI.format("test"), write)
    choice = {"tasks": ["natural_language_inference"], "splits": ["test"]}
    made = export_corpus(corpus, tmp_path / "out", name, **choice)
    assert not made.refused
    said = [text for row in records(tmp_path / "out") for text in texts(row)]
    assert not any(has_marks(text) for text in said)
    assert {f"yes {mark[0]} {mark[1:]}" for mark in MARKS} <= set(said)


@pytest.mark.parametrize("text", ["SpO2 <90 and >80", "a < b > c", "[PA] view", "x <- y", "<5 mm"])
def test_words_that_are_no_marks_stay(text: str) -> None:
    assert broken_up(text) == text


def test_breaking_up_twice_is_breaking_up_once() -> None:
    text = "<<image>> <|<|im_end|>|> [/INST][INST]"
    assert broken_up(broken_up(text)) == broken_up(text)
    assert not has_marks(broken_up(text))


# Readers


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "webdataset"])
@pytest.mark.parametrize("first", ["as written", "last file first"])
def test_datasets_reads_all_files_as_one_table(name: str, first: str, exported: Export) -> None:
    folder = exported(name)
    files = [file["name"] for file in told(folder)["files"]]
    if name in ("llava", "radvlm"):  # two kinds of rows, in files of their own
        files = [file for file in files if "several" not in file]
    if first != "as written":
        files.reverse()
    kind = "parquet" if name == "trl" else "json"
    table = load_dataset(kind, data_files=[str(folder / file) for file in files], split="train")
    assert table.num_rows == sum(f["rows"] for f in told(folder)["files"] if f["name"] in files)
    assert "null" not in str(table.features).replace("'loss'", "")


@pytest.mark.parametrize("name", ["ms-swift", "chexagent"])
def test_each_file_alone_tells_the_types_of_all(name: str, small: Path, tmp_path: Path) -> None:
    corpus = copy(small / "embed", tmp_path / "corpus")

    def many(rows: list[dict[str, Any]]) -> None:
        rows[:] = [copy_of(row, number) for row in rows for number in range(20)]

    for kind in (GROUNDING, NLI):
        edit_rows(corpus, kind.format("train"), many)
    choice = {"tasks": ["phrase_grounding", "natural_language_inference"], "splits": ["train"]}
    export_corpus(corpus, tmp_path / "out", name, shard_size=4_000, **choice)
    files = [str(tmp_path / "out" / file["name"]) for file in told(tmp_path / "out")["files"]]
    assert len(files) > 5
    types = [load_dataset("json", data_files=f, split="train").features for f in files]
    assert all(found == types[0] for found in types)
    assert "null" not in str(types[0])


def test_webdataset_reads_pictures_and_texts(exported: Export, origin: Rows) -> None:
    folder = exported("webdataset")
    shards = sorted((folder / "data").glob("train-*.tar"))
    assert len(shards) > 1
    for row in members(shards, "pil"):
        content = row["json"]
        pictures = [row[name] for name in content["images"]]
        assert len(pictures) == len(origin[content["id"]]["image_ids"])
        assert all(isinstance(picture, Image.Image) for picture in pictures)


def test_llama_factory_is_told_where_each_split_lies(exported: Export) -> None:
    folder = exported("llama-factory")
    info = json.loads((folder / "dataset_info.json").read_bytes())
    assert info.keys() == {f"chexinstruct_{s}" for s in ("train", "validation", "test")}
    for entry in info.values():
        assert {path.suffix for path in (folder / entry["file_name"]).iterdir()} == {".jsonl"}


def test_tasks_are_mixed_so_that_streams_see_all_of_them(exported: Export) -> None:
    whole = [row["id"].partition("/")[0] for row in records(exported("webdataset"))]
    assert len(set(whole[: len(whole) // 10])) > 15


# The folder


@pytest.mark.parametrize("name", ["trl", "llava", "ms-swift", "webdataset"])  # one a sink
def test_the_same_corpus_gives_the_same_bytes(name: str, small: Path, tmp_path: Path) -> None:
    made = [export_corpus(small / "embed", tmp_path / n, name) for n in ("one", "two")]
    assert made[0] == made[1]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("name", ["llama-factory", "trl"])
def test_stored_pictures_are_exported_like_embedded_ones(
    name: str, small: Path, tmp_path: Path
) -> None:
    for mode in ("embed", "store"):
        made = export_corpus(small / mode, tmp_path / mode, name)
        assert not made.refused
        assert not list((tmp_path / mode).glob(".*"))
    one, other = ({r["id"]: r for r in records(tmp_path / m)} for m in ("embed", "store"))
    assert one.keys() == other.keys()
    for id, row in one.items():
        pictures = [
            image["bytes"] if isinstance(image, dict) else (tmp_path / mode / image).read_bytes()
            for mode, held in (("embed", row), ("store", other[id]))
            for image in held["images"]
        ]
        half = len(pictures) // 2
        assert pictures[:half] == pictures[half:]


def test_a_corpus_without_pictures_gives_its_texts_alone(small: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"without pictures.*--text-only"):
        export_corpus(small / "none", tmp_path / "out", "llava")
    made = export_corpus(small / "none", tmp_path / "out", "llava", text_only=True)
    found = list(records(tmp_path / "out"))
    assert {row["id"].partition("/")[0] for row in found} == {"natural_language_inference"}
    assert made.refused == {"has_pictures": made.read - len(found)}
    with pytest.raises(CallError, match="paligemma takes no row without a picture"):
        export_corpus(small / "none", tmp_path / "other", "paligemma", text_only=True)


def test_terms_digests_and_counts_are_told(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = export_corpus(small / "embed", out, "llava", sources=["slake", "ms_cxr"])
    assert sum(made.rows.values()) == made.read
    assert made.corpus == "small 1.2.0"
    terms = (out / "LICENSES.md").read_text()
    assert "| slake |" in terms and "PhysioNet" in terms and "radnli" not in terms
    assert "train_mem.py" in (out / "README.md").read_text()
    assert (out.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"format": "yolo"}, "unknown format 'yolo'; there are trl, llava"),
        ({"tasks": ["nonsense"]}, "no rows of task 'nonsense'"),
        ({"boxes": "qwen"}, "ms-swift has boxes in one way only"),
        ({"format": "trl", "boxes": "yolo"}, "unknown box dialect 'yolo'"),
        ({"format": "radvlm", "boxes": "qwen"}, "in one way only"),
        ({"resize_like": "1:2"}, "--boxes qwen2.5-vl"),
        (
            {"format": "qwen-vl", "boxes": "qwen2.5-vl", "resize_like": "9:1"},
            "min_pixels:max_pixels",
        ),
    ],
)
def test_wrong_calls(choice: dict[str, Any], message: str, small: Path, tmp_path: Path) -> None:
    call = {"format": "ms-swift", **choice}
    with pytest.raises(CallError, match=message):
        export_corpus(small / "embed", tmp_path / "out", **call)
    assert not (tmp_path / "out").exists()


def test_nothing_stands_where_an_export_failed(small: Path, tmp_path: Path) -> None:
    corpus = copy(small / "embed", tmp_path / "corpus")
    (corpus / GROUNDING.format("train")).write_bytes(b"PAR1")
    with pytest.raises(ChexinstructError, match="cannot be read"):
        export_corpus(corpus, tmp_path / "out", "llava")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_what_stands_there_already_is_never_touched(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("notes")
    with pytest.raises(CallError, match="not an empty folder"):
        export_corpus(small / "embed", tmp_path, "llava")
    with pytest.raises(CallError, match="lies in it"):
        export_corpus(small / "embed", small / "embed" / "out", "llava")
