"""A small corpus, and ways to damage a copy of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.build import BuildOptions, build
from chexinstruct.build.shards import parquet_options
from chexinstruct.manifest import Manifest
from chexinstruct.schema import LOCK
from chexinstruct.source import registry

SOURCES = ("ms_cxr", "nih_chestxray14", "radnli", "slake")
TASKS = (
    "close_ended_vqa",  # options, and yes or no
    "image_classification",  # one source of several, sides
    "natural_language_inference",  # no pictures
    "phrase_grounding",  # regions, pictures of a parent
)


def build_small(folder: Path, mode: str) -> Path:
    """A corpus of four sources, whose pictures are embedded, stored apart or left out."""
    raw = folder / "raw"
    for key in (*SOURCES, "mimic_cxr"):  # MS-CXR shows pictures of MIMIC-CXR
        if not (raw / key).exists():
            (raw / key).mkdir(parents=True)
            registry()[key].sample.write(raw / key)
    manifest = Manifest.model_validate(
        {
            "name": "small",
            "version": "1.2.0",
            "sources": SOURCES,
            "tasks": TASKS,
            "images": {"mode": mode, "size": 64},
        }
    )
    options = BuildOptions(cache=folder / "cache", on_missing_image="skip")
    build(manifest, raw, folder / mode, options)
    return folder / mode


def copy(corpus: Path, to: Path) -> Path:
    """A copy to be damaged."""
    shutil.copytree(corpus, to, ignore=shutil.ignore_patterns(".build"))
    return to


def edit_lock(corpus: Path, edit: Callable[[Any], None]) -> None:
    """Change the lock, given as plain values."""
    lock = json.loads((corpus / LOCK).read_bytes())
    edit(lock)
    (corpus / LOCK).write_text(json.dumps(lock))


def relock(corpus: Path, name: str) -> None:
    """Make the lock say of a file what it is now, so that only its rows can be wrong."""
    data = (corpus / name).read_bytes()

    def edit(lock: Any) -> None:
        for entry in (*lock["shards"], *lock["pictures"]):
            if name in (entry["name"], f"data/{entry['name']}.parquet"):
                entry |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}

    edit_lock(corpus, edit)


def write_table(corpus: Path, name: str, table: pa.Table) -> None:
    """Replace a data file, and tell the lock."""
    pq.write_table(table, corpus / name, **parquet_options())
    relock(corpus, name)


def edit_rows(corpus: Path, name: str, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the rows of a data file, given as plain values, and tell the lock."""
    table = pq.read_table(corpus / name)
    rows = table.to_pylist()
    edit(rows)
    write_table(corpus, name, pa.Table.from_pylist(rows, schema=table.schema))


def rows_of(corpus: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All rows as plain values, with the split of each."""
    rows = []
    for path in sorted((corpus / "data").rglob("*.parquet")):
        split = path.name.partition("-")[0]
        rows += [
            {**row, "split": split} for row in pq.read_table(path, columns=columns).to_pylist()
        ]
    return rows
