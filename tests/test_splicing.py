"""Row groups that are copied as they are, read by pyarrow, DuckDB and datasets."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_support import build_small, copy, relock, rows_of
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.build.shards import parquet_options
from chexinstruct.corpus import filter_corpus, verify
from chexinstruct.corpus.compact import decode, encode
from chexinstruct.corpus.splicing import Group, splice
from chexinstruct.errors import ChexinstructError

NIH = "data/image_classification/train-nih_chestxray14-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def corpus(made_once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with a file of many row groups."""
    small = made_once("hub-embed", lambda folder: build_small(folder, "embed") and None) / "embed"
    made = copy(small, tmp_path_factory.mktemp("splicing") / "corpus")
    table = pq.read_table(small / NIH)
    assert len(table) >= 18
    pq.write_table(table, made / NIH, row_group_size=2, **parquet_options())
    relock(made, NIH)
    return made


def footer(path: Path) -> bytes:
    data = path.read_bytes()
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


def chunks(path: Path, group: int) -> list[bytes]:
    """The bytes of the column chunks of a row group."""
    data, metadata = path.read_bytes(), pq.read_metadata(path).row_group(group)
    found = []
    for number in range(metadata.num_columns):
        column = metadata.column(number)
        start = column.dictionary_page_offset or column.data_page_offset
        found.append(data[start : start + column.total_compressed_size])
    return found


def check_pages(path: Path) -> int:
    """Whether the offset indexes lead to pages, whose number it is."""
    data, pages = path.read_bytes(), 0
    for group in decode(footer(path))[4].value.values:
        for chunk in group[1].value.values:
            place, length = chunk[4].value, chunk[5].value
            locations = decode(data[place : place + length])[1].value.values
            assert locations[0][1].value == chunk[3].value[9].value  # the first page of data
            for location in locations:
                header = decode(data[location[1].value :])
                size = len(encode(header)) + header[3].value
                assert size == location[2].value
                pages += 1
    return pages


def test_a_footer_is_written_as_it_was_read(corpus: Path) -> None:
    for path in corpus.rglob("*.parquet"):
        assert encode(decode(footer(path))) == footer(path)


def test_groups_of_two_files_become_one_that_all_readers_read(corpus: Path, tmp_path: Path) -> None:
    source, other, out = corpus / NIH, tmp_path / "other.parquet", tmp_path / "out.parquet"
    table = pq.read_table(source)
    pq.write_table(table.slice(7, 9), other, row_group_size=4, **parquet_options())
    groups = [
        Group(source, 5),
        Group(other, 0),
        Group(source, 0),
        Group(other, 2),
        Group(source, 8),
    ]
    splice(groups, out)
    parts = [pq.ParquetFile(path).read_row_group(number) for path, number in groups]
    expected = pa.concat_tables(parts)
    assert pq.read_table(out).equals(expected)
    assert pq.read_schema(out).equals(pq.read_schema(source), check_metadata=True)
    for number, group in enumerate(groups):
        assert chunks(out, number) == chunks(*group)
    column = pq.read_metadata(out).row_group(1).column(0)
    assert column.has_offset_index and column.has_column_index
    assert check_pages(out) == sum(
        check_pages_of(path, number, tmp_path) for path, number in groups
    )
    ids = expected["id"].to_pylist()
    found = duckdb.sql(f"SELECT id FROM '{out}' WHERE id >= '{min(ids)}'").fetchall()
    assert [row[0] for row in found] == ids
    loaded = load_dataset("parquet", data_files=str(out), split="train", cache_dir=tmp_path / "hf")
    assert loaded["id"] == ids or list(loaded["id"]) == ids
    assert loaded[0]["images"][0].size == (64, 64)


def check_pages_of(path: Path, number: int, scratch: Path) -> int:
    splice([Group(path, number)], scratch / "one.parquet")
    return check_pages(scratch / "one.parquet")


def test_withdrawals_leave_the_other_row_groups_as_they_are(corpus: Path, tmp_path: Path) -> None:
    rows = rows_of(corpus)
    groups = pq.ParquetFile(corpus / NIH)
    gone = groups.read_row_group(3, columns=["id"])["id"][0].as_py()
    (tmp_path / "gone.txt").write_text(gone)
    digests = []
    for name in ("one", "two"):
        filter_corpus(corpus, tmp_path / name, exclude_ids=tmp_path / "gone.txt")
        digests.append(hashlib.sha256((tmp_path / name / NIH).read_bytes()).digest())
    out = tmp_path / "one"
    assert digests[0] == digests[1]
    assert rows_of(out) == [row for row in rows if row["id"] != gone]
    assert [f for f in verify(out) if f.level == "failed"] == []
    assert not list(out.rglob("*.rewritten"))
    for number in range(groups.num_row_groups):
        if number != 3:
            assert chunks(out / NIH, number) == chunks(corpus / NIH, number)
    assert gone.encode() not in (out / NIH).read_bytes()


@given(st.binary(max_size=200))
def test_what_is_no_structure_is_refused(data: bytes) -> None:
    try:
        struct = decode(data)
    except ValueError:
        return
    assert decode(encode(struct)) == struct


@pytest.mark.parametrize("damage", ["cut", "footer", "length", "none"])
def test_damaged_files_are_told(damage: str, corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    shutil.copy(corpus / NIH, path)
    data: Any = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-100]
    elif damage == "footer":
        data[-8 - len(footer(path)) : -8] = b"\xff" * len(footer(path))
    elif damage == "length":
        data[-8:-4] = b"\xff" * 4
    else:
        data = b""
    path.write_bytes(data)
    with pytest.raises(ChexinstructError, match="not a Parquet file"):
        splice([Group(path, 0)], tmp_path / "out.parquet")
