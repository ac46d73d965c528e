"""Files of the corpus that stand finished: by its lock, or by the markers of a killed build."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from chexinstruct.build.cache import read_json, write_json
from chexinstruct.schema import LOCK, Lock, Shard, StoredFile

WORK = ".build"
"""Folder of the corpus that holds markers of finished files until the lock is written."""

F = TypeVar("F", Shard, StoredFile)
T = TypeVar("T")


def mark(out: Path, file: Shard | StoredFile) -> None:
    """Note that a file stands under its name."""
    write_json(_markers(out, type(file)) / f"{file.name}.json", file)


def finished(out: Path, kind: type[F]) -> dict[str, F]:
    """The files of earlier runs, by name."""
    found = [_read(path, kind) for path in sorted(_markers(out, kind).rglob("*.json"))]
    found += [file for file in _sealed(out) if isinstance(file, kind)]
    return {file.name: file for file in found if file is not None}


def stands(path: Path, key: str, known: Shard | StoredFile | None) -> bool:
    """Whether a file was finished under this key and is still there."""
    if known is None or known.key != key:
        return False
    return path.is_file() and path.stat().st_size == known.size


def unseal(out: Path) -> None:
    """Take the lock away before a file changes, since it stands only beside what it describes.

    What it names gets markers, so that a killed build does not begin anew.
    """
    for file in _sealed(out):
        mark(out, file)
    (out / LOCK).unlink(missing_ok=True)


def forget(out: Path) -> None:
    """Remove the markers; the lock stands."""
    for kind in (Shard, StoredFile):
        shutil.rmtree(_markers(out, kind), ignore_errors=True)


def _sealed(out: Path) -> list[Shard | StoredFile]:
    lock = _read(out / LOCK, Lock)
    return [*lock.shards, *lock.pictures] if lock else []


def _read(path: Path, kind: type[T]) -> T | None:
    """What stands there; None too where another version of this program wrote it otherwise."""
    try:
        found: T | None = read_json(path, kind)
    except msgspec.DecodeError:
        return None
    return found


def _markers(out: Path, kind: type[Shard] | type[StoredFile]) -> Path:
    return out / WORK / ("shards" if kind is Shard else "pictures")
