"""Every promise that verify makes, broken once in a copy of a sound corpus."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_support import build_small, copy, edit_lock, edit_rows, relock, write_table
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.corpus import Finding, verify
from chexinstruct.corpus.tables import Kinds
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import LOCK

BOXES = "data/phrase_grounding/{}-ms_cxr-00000-of-00001.parquet"
VQA = "data/close_ended_vqa/{}-slake-00000-of-00001.parquet"
TEXT = "data/natural_language_inference/{}-radnli-00000-of-00001.parquet"
STORED = "images/mimic_cxr-00000-of-00001.parquet"

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    for mode in ("embed", "store", "none"):
        build_small(folder, mode)
    return folder


def failed(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.message for finding in findings if finding.level == "failed"}


def row(name: str, **values: Any) -> Damage:
    """Set values of the first row of a file."""

    def damage(corpus: Path) -> None:
        edit_rows(corpus, name, lambda rows: rows[0].update(values))

    return damage


def part(name: str, column: str, **values: Any) -> Damage:
    """Set values in the first item of a list of the first row that has one."""

    def edit(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if row[column])[column][0].update(values)

    return lambda corpus: edit_rows(corpus, name, edit)


def from_train(name: str, *columns: str) -> Damage:
    """Give the first test row values of the first train row."""

    def damage(corpus: Path) -> None:
        first = pq.read_table(corpus / name.format("train")).slice(0, 1).to_pylist()[0]
        row(name.format("test"), **{column: first[column] for column in columns})(corpus)

    return damage


def remove(name: str) -> Damage:
    return lambda corpus: (corpus / name).unlink()


def truncate(name: str) -> Damage:
    return lambda corpus: (corpus / name).write_bytes((corpus / name).read_bytes()[:-1])


def flip(corpus: Path) -> None:
    path = corpus / VQA.format("test")
    data = path.read_bytes()
    assert data.count(b"parquet-cpp") == 1  # who wrote it; in the footer
    path.write_bytes(data.replace(b"parquet-cpp", b"parquet-cpq"))


def add(name: str) -> Damage:
    def damage(corpus: Path) -> None:
        (corpus / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(corpus / VQA.format("test"), corpus / name)

    return damage


def table(name: str, change: Callable[[pa.Table], pa.Table]) -> Damage:
    def damage(corpus: Path) -> None:
        write_table(corpus, name, change(pq.read_table(corpus / name)))

    return damage


def as_float(column: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, pa.nulls(len(table), pa.float32()))

    return change


def ledger(**change: int) -> Damage:
    def edit(lock: Any) -> None:
        line = next(line for line in lock["ledger"] if line["rows"])
        for name, n in change.items():
            line[name] += n

    return lambda corpus: edit_lock(corpus, edit)


def without_line(corpus: Path) -> None:
    def edit(lock: Any) -> None:
        lock["ledger"] = [line for line in lock["ledger"] if not line["rows"]]

    edit_lock(corpus, edit)


def same_id(corpus: Path) -> None:
    edit_rows(corpus, VQA.format("train"), lambda rows: rows[1].update(id=rows[0]["id"]))


def unreadable_page(corpus: Path) -> None:
    """Damage the compressed instructions; the footer stays, and tells where they are."""
    path = corpus / VQA.format("train")
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    (chunk,) = (c for c in chunks if c.path_in_schema == "instruction")
    data = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + 60
    data[middle : middle + 20] = bytes(20)
    path.write_bytes(data)
    relock(corpus, VQA.format("train"))


def fewer_pictures(corpus: Path) -> None:
    edit_rows(corpus, VQA.format("test"), lambda rows: rows[0]["images"].pop())


def cut_picture(corpus: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["images"][0]["bytes"] = rows[0]["images"][0]["bytes"][:-20]

    edit_rows(corpus, VQA.format("test"), edit)


def same_bytes(corpus: Path) -> None:
    """The picture of a train row under the name of a test row's."""
    train = pq.read_table(corpus / VQA.format("train")).to_pylist()[0]
    content = train["images"][0]["bytes"]
    edit_rows(corpus, VQA.format("test"), lambda rows: rows[0]["images"][0].update(bytes=content))


EMBEDDED: dict[str, tuple[Damage, set[str]]] = {
    "file missing": (remove(VQA.format("test")), {"files"}),
    "file cut off": (truncate(VQA.format("test")), {"files", "schema"}),
    "byte changed": (flip, {"files"}),
    "file added": (
        add("data/close_ended_vqa/train-other-00000-of-00001.parquet"),
        {"no_other_files"},
    ),
    "draft left": (add("data/.train.tmp"), {"no_other_files"}),
    "picture file added": (add("images/slake.parquet"), {"no_other_files"}),
    "column missing": (
        table(VQA.format("test"), lambda table: table.drop_columns("history")),
        {"schema"},
    ),
    "column of another type": (table(VQA.format("test"), as_float("origin")), {"schema"}),
    "features missing": (
        table(VQA.format("test"), lambda table: table.replace_schema_metadata({})),
        {"schema"},
    ),
    "row missing": (table(VQA.format("test"), lambda table: table.slice(1)), {"row_counts"}),
    "study unaccounted for": (ledger(studies=1), {"ledger"}),
    "candidate unaccounted for": (ledger(candidates=1), {"ledger"}),
    "rows not those of the files": (ledger(rows=1), {"ledger"}),
    "examples not those of the files": (ledger(examples=1, candidates=1), {"ledger"}),
    "files without a line": (without_line, {"ledger"}),
    "row of another source": (row(VQA.format("test"), source="radnli"), {"rows_in_their_files"}),
    "row of another task": (row(VQA.format("test"), task="text_qa"), {"rows_in_their_files"}),
    "no id": (row(VQA.format("test"), id=None), {"rows_in_their_files"}),
    "blank response": (row(VQA.format("test"), response=" \n"), {"texts_not_empty"}),
    "no instruction": (row(TEXT.format("test"), instruction=None), {"texts_not_empty"}),
    "answer not among the options": (
        row(VQA.format("test"), options=[{"label": "A", "text": "x"}], answers=["y"]),
        {"options_hold_answers"},
    ),
    "options without an answer": (
        row(VQA.format("test"), options=[{"label": "A", "text": "x"}], answers=[]),
        {"options_hold_answers"},
    ),
    "region beyond its picture": (part(BOXES.format("test"), "regions", x2=1.25), {"regions"}),
    "region without a width": (
        part(BOXES.format("test"), "regions", x1=0.5, x2=0.5),
        {"regions"},
    ),
    "region upside down": (part(BOXES.format("test"), "regions", y1=0.9, y2=0.1), {"regions"}),
    "region not a number": (part(BOXES.format("test"), "regions", x1=math.nan), {"regions"}),
    "region on no picture": (part(BOXES.format("test"), "regions", image=3), {"regions"}),
    "path in a text": (
        row(VQA.format("test"), response="It is in /home/anna/cxr/1.png."),
        {"no_local_paths"},
    ),
    "Windows path in an answer": (
        row(TEXT.format("test"), options=[], answers=[r"C:\cxr\1.png"]),
        {"no_local_paths"},
    ),
    "absolute origin": (
        row(VQA.format("test"), origin="/data/slake/test.json:3"),
        {"no_local_paths"},
    ),
    "climbing origin": (row(VQA.format("test"), origin="../slake/test.json"), {"no_local_paths"}),
    "unknown licence": (row(VQA.format("test"), license="public"), {"terms_known"}),
    "no redistribution": (row(VQA.format("test"), redistribution=None), {"terms_known"}),
    "id twice": (same_id, {"ids_unique"}),
    "patient in two splits": (from_train(VQA, "patient"), {"patients_in_one_split"}),
    "picture in two splits": (
        from_train(VQA, "image_ids", "images"),
        {"pictures_in_one_split", "picture_bytes_in_one_split"},
    ),
    "question in two splits": (
        from_train(VQA, "image_ids", "images", "instruction"),
        {"questions_in_one_split", "pictures_in_one_split", "picture_bytes_in_one_split"},
    ),
    "picture in two splits under two names": (same_bytes, {"picture_bytes_in_one_split"}),
    "picture missing": (fewer_pictures, {"pictures_match_names"}),
    "picture with a path": (
        part(VQA.format("test"), "images", path="/home/anna/source.jpg"),
        {"pictures_match_names"},
    ),
    "no bytes": (part(VQA.format("test"), "images", bytes=b""), {"picture_bytes"}),
    "null bytes": (part(VQA.format("test"), "images", bytes=None), {"picture_bytes"}),
    "no picture": (part(VQA.format("test"), "images", bytes=b"GIF89a"), {"picture_bytes"}),
    "picture cut off": (cut_picture, {"picture_bytes"}),
    "page damaged": (unreadable_page, {"readable"}),
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_broken_promise_is_caught_and_no_other(name: str, built: Path, tmp_path: Path) -> None:
    damage, expected = EMBEDDED[name]
    corpus = copy(built / "embed", tmp_path / "corpus")
    damage(corpus)
    assert failed(verify(corpus)).keys() == expected


def stored_rows(edit: Callable[[list[dict[str, Any]]], None]) -> Damage:
    def damage(corpus: Path) -> None:
        path = corpus / STORED
        table = pq.read_table(path)
        rows = table.to_pylist()
        edit(rows)
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
        relock(corpus, STORED)

    return damage


def shown_in(corpus: Path, split: str) -> str:
    """Name of a picture of a split."""
    return str(pq.read_table(corpus / BOXES.format(split))["image_ids"][0][0].as_py())


def stored_twice(corpus: Path) -> None:
    one, other = shown_in(corpus, "train"), shown_in(corpus, "test")

    def edit(rows: list[dict[str, Any]]) -> None:
        by_name = {row["image_id"]: row["image"] for row in rows}
        by_name[other]["bytes"] = by_name[one]["bytes"]

    stored_rows(edit)(corpus)


IN_STORE: dict[str, tuple[Damage, set[str]]] = {
    "file missing": (remove(STORED), {"files", "picture_bytes", "pictures_match_names"}),
    "file cut off": (truncate(STORED), {"files", "picture_bytes", "pictures_match_names"}),
    "picture not stored": (stored_rows(lambda rows: rows.clear()), {"pictures_match_names"}),
    "picture in two splits under two names": (stored_twice, {"picture_bytes_in_one_split"}),
    "no bytes": (
        stored_rows(lambda rows: rows[0]["image"].update(bytes=None)),
        {"picture_bytes"},
    ),
    "patient in two splits": (from_train(VQA, "patient"), {"patients_in_one_split"}),
}


@pytest.mark.parametrize("name", IN_STORE)
def test_broken_promise_of_stored_pictures(name: str, built: Path, tmp_path: Path) -> None:
    damage, expected = IN_STORE[name]
    corpus = copy(built / "store", tmp_path / "corpus")
    damage(corpus)
    assert failed(verify(corpus)).keys() == expected


@pytest.mark.parametrize("mode", ["embed", "store", "none"])
def test_sound_corpus_passes_and_what_cannot_be_known_is_not_called_passed(
    mode: str, built: Path
) -> None:
    findings = verify(built / mode)
    assert failed(findings) == {}
    open_ = {finding.check: finding.message for finding in findings if finding.level != "ok"}
    pictures = {"pictures_match_names", "picture_bytes", "picture_bytes_in_one_split"}
    assert open_.keys() == {"overlaps"} | (pictures if mode == "none" else set())
    assert "nih_chestxray14 and slake" in open_["overlaps"]


def test_every_check_has_a_test_that_breaks_it(built: Path) -> None:
    broken = {check for _, expected in EMBEDDED.values() for check in expected}
    assert broken == {finding.check for finding in verify(built / "embed")} - {"overlaps"}


def test_findings_name_what_to_look_at_and_quote_no_text(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    rows = pq.read_table(corpus / VQA.format("test")).to_pylist()
    row(VQA.format("test"), response=r"SECRET C:\x", license="SECRET")(corpus)
    from_train(VQA, "patient")(corpus)
    remove(TEXT.format("test"))(corpus)
    said = failed(verify(corpus))
    assert rows[0]["id"] in said["no_local_paths"]
    assert rows[0]["id"] in said["patients_in_one_split"]
    assert "(train)" in said["patients_in_one_split"]
    assert TEXT.format("test") in said["files"]
    assert not any("SECRET" in message or "\n" in message for message in said.values())


def test_official_splits_fail_and_say_why(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    from_train(VQA, "patient")(corpus)
    edit_lock(corpus, lambda lock: lock["manifest"].update(split_policy="official"))
    assert "official splits" in failed(verify(corpus))["patients_in_one_split"]


def test_answers_are_compared_as_options_show_them(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    shown = [{"label": "A", "text": "< |box|> < image>"}]
    row(VQA.format("test"), options=shown, answers=["<|box|> <image>"])(corpus)
    assert failed(verify(corpus)) == {}


def test_unfinished_corpus_is_no_corpus(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "embed", tmp_path / "corpus")
    (corpus / LOCK).unlink()
    with pytest.raises(ChexinstructError, match="run the build again"):
        verify(corpus)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2))))
def test_kinds_count_repeats_and_what_crosses_splits(rows: list[tuple[int, int]]) -> None:
    kinds = Kinds(np.sort(np.array([key << 2 | split for key, split in rows], dtype=np.uint64)))
    keys = [key for key, _ in rows]
    assert len(kinds.repeated()) == len(keys) - len(set(keys))
    crossing = {key for key in keys if len({s for k, s in rows if k == key}) > 1}
    assert kinds.across_splits().tolist() == sorted(crossing)
