"""A corpus read by older versions of datasets: ``pytest -m readers``.

Needs one of the dependency groups ``readers-datasets-2`` and ``readers-datasets-3``; with the
newest version, which the group ``dev`` brings, the same must hold.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import get_dataset_config_names, load_dataset
from PIL import Image

from chexinstruct.build.columns import corpus_schema
from chexinstruct.tasks import registry as tasks

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def corpus(demo: Path) -> Path:
    return demo / "corpus"


def written(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The rows as pyarrow alone reads them."""
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def assert_read(found: Any, expected: list[dict[str, Any]]) -> None:
    """Types, pictures and all values are those that were written."""
    schema = corpus_schema()
    assert found.column_names == schema.names
    read = found.features.arrow_schema
    for field in schema:
        assert read.field(field.name).type.equals(field.type), field.name
    assert len(found) == len(expected)
    for row, own in zip(found, expected, strict=True):
        assert_same(row, own)


def assert_same(row: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    pictures = row["images"]
    assert all(isinstance(picture, Image.Image) for picture in pictures)
    stored = [Image.open(io.BytesIO(picture["bytes"])) for picture in own["images"]]
    assert [picture.tobytes() for picture in pictures] == [picture.tobytes() for picture in stored]
    others = [name for name in own if name != "images"]
    assert {name: row[name] for name in others} == {name: own[name] for name in others}


def test_every_task_opens_by_the_name_of_its_folder(corpus: Path, tmp_path: Path) -> None:
    assert set(get_dataset_config_names(str(corpus))) >= set(tasks())
    seen = {"pairs": False, "regions": False, "history": False, "options": False}
    for task in sorted(tasks()):
        files = sorted((corpus / "data" / task).glob("*.parquet"))
        splits = load_dataset(str(corpus), task, cache_dir=str(tmp_path))
        assert set(splits) == {path.name.partition("-")[0] for path in files}
        for split, found in splits.items():
            own = written(path for path in files if path.name.startswith(f"{split}-"))
            assert_read(found, own)
            seen["pairs"] |= any(len(row["images"]) > 1 for row in own)
            for column in seen.keys() - {"pairs"}:
                seen[column] |= any(row[column] for row in own)
    assert all(seen.values()), seen


def test_files_alone_tell_their_features(corpus: Path, tmp_path: Path) -> None:
    """Without the card: every file at once, as a download of some of them would be read."""
    files = sorted((corpus / "data").rglob("*.parquet"))
    names = [str(path) for path in files]
    found = load_dataset("parquet", data_files=names, split="train", cache_dir=str(tmp_path))
    assert_read(found, written(files))


def test_rows_are_streamed(corpus: Path) -> None:
    files = sorted((corpus / "data" / "view_matching").glob("train-*.parquet"))
    rows = load_dataset(str(corpus), "view_matching", split="train", streaming=True)
    own = written(files)
    assert own and len(own[0]["images"]) == 2
    for row, expected in zip(rows, own, strict=True):
        assert_same(row, expected)


def test_the_features_stand_after_a_map(corpus: Path, tmp_path: Path) -> None:
    """When datasets itself has written the rows once."""
    files = sorted((corpus / "data" / "view_matching").glob("train-*.parquet"))
    rows = load_dataset(str(corpus), "view_matching", split="train", cache_dir=str(tmp_path))
    kept = rows.map(lambda row: {"instruction": row["instruction"]})
    assert_read(kept, written(files))
