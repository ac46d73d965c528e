"""Study tables and builds for tests of the builder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chexinstruct.build.people import REASONS, People, Ties, resolve
from chexinstruct.build.studies import StudyTable, write_table
from chexinstruct.manifest import Manifest, Shares
from chexinstruct.schema import SPLITS, Study
from chexinstruct.source import Card, Source

FEW = ("mimic_cxr", "ms_cxr", "nih_chestxray14", "radnli")
"""A source with reports, one that is derived from it, one with labels, one of texts."""


def study(id: str, *people: str, **content: Any) -> Study:
    return Study(source="a", id=id, people=tuple(people), **content)


def table(folder: Path, studies: Sequence[Study], name: str = "a") -> StudyTable:
    """A study table of one source, as the studies stage writes it."""
    path = folder / f"{name}.arrow"
    write_table(path, iter(studies), name)
    return StudyTable(path)


def source(key: str, **content: Any) -> Source:
    """A source that only its card is known of."""
    card = Card(
        key=key,
        name=key,
        summary="",
        home="",
        versions=(),
        license="open",
        license_name="",
        terms="",
        redistribution="yes",
        access=("Ask.",),
        citation="",
        files=(),
        split="",
        **content,
    )
    return Source(card, f"nowhere.{key}")


def placed(
    tables: dict[str, StudyTable],
    sources: Sequence[Source] = (),
    *,
    seed: int = 0,
    policy: str = "clean",
    ties: Sequence[Ties] = (),
) -> dict[str, People]:
    """The people stage over tables; sources that are not given have a card without any rule."""
    known = {name: source(name) for name in tables} | {s.key: s for s in sources}
    return resolve(tables, known, seed=seed, shares=Shares(), policy=policy, ties=ties)


def names(table: StudyTable, people: People) -> dict[str, str]:
    """By study: its split, or the reason why it has none."""
    ids = table.table["id"].to_pylist()
    return {
        id: SPLITS[split] if split >= 0 else REASONS[split]
        for id, split in zip(ids, people.split.tolist(), strict=True)
    }


def recipe(**content: Any) -> Manifest:
    """A small manifest: pictures of 64 pixels."""
    content = {"images": {"size": 64}, **content}
    return Manifest.model_validate({"name": "test", "version": "1.0.0", **content})


def copied(data_root: Path, folder: Path, *sources: str) -> Path:
    """A data root of some sources that a test may change; the time stamps are kept."""
    for key in sources:
        shutil.copytree(data_root / key, folder / key)
    return folder


def contents(corpus: Path) -> dict[str, bytes]:
    """Every file of a corpus by its path in it."""
    return {
        path.relative_to(corpus).as_posix(): path.read_bytes()
        for path in sorted(corpus.rglob("*"))
        if path.is_file() and ".build" not in path.parts
    }


def data_files(corpus: Path) -> dict[str, int]:
    """When each Parquet file was written, in nanoseconds."""
    return {
        path.relative_to(corpus).as_posix(): path.stat().st_mtime_ns
        for path in sorted(corpus.rglob("*.parquet"))
    }


def without_keys(lock: bytes) -> dict[str, Any]:
    """A lock without the keys of its files, which follow from time stamps of pictures."""
    content: dict[str, Any] = msgspec.json.decode(lock)
    for part in ("shards", "pictures"):
        for file in content[part]:
            del file["key"]
    return content


def small_disk(folder: Path, size: str) -> list[str]:
    """The beginning of a command that runs another with a small file system at the folder.

    Where the machine mounts none, the test that asks is skipped.
    """
    inside = f'mount -t tmpfs -o size={size} none {folder} && exec "$@"'
    call = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh"]
    try:
        able = subprocess.run([*call, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("this machine mounts nothing for us")
    return call
