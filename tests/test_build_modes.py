"""Where pictures go, how rows are grouped, and who may read what a build leaves behind."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from build_support import contents, data_files, recipe
from datasets import load_dataset
from PIL import Image

from chexinstruct.build import BuildOptions, build, shards
from chexinstruct.schema import Lock

SOURCES = ["mimic_cxr", "ms_cxr"]
TASKS = ["phrase_grounding", "view_classification"]


def made(data_root: Path, folder: Path, **manifest: Any) -> Lock:
    options = BuildOptions(cache=folder / "cache", on_missing_image="skip")
    manifest = {"sources": SOURCES, "tasks": TASKS, **manifest}
    return build(recipe(**manifest), data_root, folder / "out", options)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "out" / "data").rglob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def without_pictures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "images"} for row in rows]


def test_store_holds_each_picture_once_for_all_tasks(data_root: Path, tmp_path: Path) -> None:
    """MS-CXR asks about pictures of MIMIC-CXR: they are stored under the release they lie in."""
    made(data_root, tmp_path / "embed")
    embedded = rows_of(tmp_path / "embed")
    lock = made(data_root, tmp_path / "store", images={"mode": "store", "size": 64})
    rows = rows_of(tmp_path / "store")
    assert without_pictures(rows) == without_pictures(embedded)
    assert not any(row["images"] for row in rows)
    stored: dict[str, bytes] = {}
    for file in lock.pictures:
        for row in pq.read_table(tmp_path / "store" / "out" / file.name).to_pylist():
            assert row["source"] == "mimic_cxr"
            assert row["image_id"] not in stored
            assert row["image"]["path"] == f"{row['image_id']}.jpg"
            stored[row["image_id"]] = row["image"]["bytes"]
    assert {key for row in rows for key in row["image_ids"]} == stored.keys()
    for row in embedded:
        pictures = [picture["bytes"] for picture in row["images"]]
        assert pictures == [stored[key] for key in row["image_ids"]]
    assert {row["source"] for row in rows} == set(SOURCES)


def test_stored_pictures_open_as_a_data_set(data_root: Path, tmp_path: Path) -> None:
    made(data_root, tmp_path, images={"mode": "store", "size": 64})
    out = str(tmp_path / "out")
    pictures = load_dataset(out, "images", split="all", streaming=True)
    assert min(next(iter(pictures))["image"].size) == 64
    assert load_dataset(out, "phrase_grounding", split="train")[0]["images"] == []


def test_stored_pictures_are_not_written_again(data_root: Path, tmp_path: Path) -> None:
    made(data_root, tmp_path, images={"mode": "store", "size": 64})
    before, written = contents(tmp_path / "out"), data_files(tmp_path / "out")
    made(data_root, tmp_path, images={"mode": "store", "size": 64})
    assert contents(tmp_path / "out") == before
    assert data_files(tmp_path / "out") == written
    picture = next((tmp_path / "out" / "images").iterdir())
    picture.unlink()
    made(data_root, tmp_path, images={"mode": "store", "size": 64})
    assert contents(tmp_path / "out") == before
    later = data_files(tmp_path / "out")
    assert [name for name in later if later[name] != written[name]] == [f"images/{picture.name}"]
    made(data_root, tmp_path, images={"mode": "none"})
    assert not (tmp_path / "out" / "images").exists()


def test_none_holds_no_pictures_but_names_them(data_root: Path, tmp_path: Path) -> None:
    lock = made(data_root, tmp_path, images={"mode": "none"})
    rows = rows_of(tmp_path)
    assert lock.pictures == []
    assert not any(row["images"] for row in rows)
    assert all(row["image_ids"] for row in rows)
    assert not (tmp_path / "cache" / "pictures").exists()


@pytest.mark.parametrize(("kind", "suffix"), [("png", ".png"), ("jpeg", ".jpg")])
def test_pictures_are_of_the_format_and_size_asked_for(
    data_root: Path, tmp_path: Path, kind: str, suffix: str
) -> None:
    made(data_root, tmp_path, images={"format": kind, "size": 48}, tasks=TASKS[:1])
    for row in rows_of(tmp_path):
        (picture,) = row["images"]
        opened = Image.open(io.BytesIO(picture["bytes"]))
        assert (opened.format, min(opened.size)) == (kind.upper(), 48)
        assert picture["path"].endswith(suffix)


def test_rows_are_cut_into_groups(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By rows where there are no pictures; else by pictures, each of them in one group."""
    monkeypatch.setattr(shards, "GROUP_PICTURES", 2)
    monkeypatch.setattr(shards, "GROUP_ROWS", 7)
    made(
        data_root,
        tmp_path,
        sources=["ms_cxr", "radnli"],
        tasks=["natural_language_inference", "phrase_grounding"],
        phrasings=3,
    )
    groups: dict[str, list[list[list[str]]]] = {}
    for path in (tmp_path / "out" / "data").rglob("*.parquet"):
        file = pq.ParquetFile(path)
        read = [
            file.read_row_group(number, columns=["image_ids"])["image_ids"].to_pylist()
            for number in range(file.num_row_groups)
        ]
        groups.setdefault(path.parent.name, []).extend(read)
    texts = groups["natural_language_inference"]
    assert len(texts) > 2
    assert all(len(rows) <= 7 for rows in texts)
    shown = [{key for row in rows for key in row} for rows in groups["phrase_grounding"]]
    assert len(shown) > 2
    assert all(len(pictures) <= 2 for pictures in shown)
    assert sum(map(len, shown)) == len(set().union(*shown))
    assert max(map(len, groups["phrase_grounding"])) > 7, "a picture of many rows is not cut"


def test_several_phrasings_are_rows_of_their_own(data_root: Path, tmp_path: Path) -> None:
    lock = made(data_root, tmp_path, tasks=["phrase_grounding"], phrasings=3)
    rows = rows_of(tmp_path)
    examples = sum(line.examples for line in lock.ledger)
    assert len(rows) == 3 * examples == sum(line.rows for line in lock.ledger)
    by_example: dict[str, set[str]] = {}
    for row in rows:
        by_example.setdefault(row["id"].rpartition("/")[0], set()).add(row["template"])
    assert [len(templates) for templates in by_example.values()] == [3] * examples


def test_a_cap_keeps_as_many_and_counts_the_rest(data_root: Path, tmp_path: Path) -> None:
    sampling = {"phrase_grounding": {"cap": 2}}
    lock = made(data_root, tmp_path, tasks=["phrase_grounding"], sampling=sampling)
    capped = [line for line in lock.ledger if "cap" in line.candidate_reasons]
    assert capped
    assert {line.rows for line in capped} == {2}
    assert all(line.rows <= 2 for line in lock.ledger)


def test_only_the_splits_that_are_asked_for_are_built(data_root: Path, tmp_path: Path) -> None:
    lock = made(data_root, tmp_path, splits=["test"])
    assert {shard.name.partition("/")[2].partition("-")[0] for shard in lock.shards} == {"test"}
    left = [account.left_out["beyond_limit_or_split"] for account in lock.sources]
    assert all(n > 0 for n in left)


def test_the_cache_is_for_its_owner_alone(data_root: Path, tmp_path: Path) -> None:
    made(data_root, tmp_path, tasks=["phrase_grounding"])
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
