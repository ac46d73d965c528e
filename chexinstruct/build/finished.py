"""Files of the corpus that stand finished: by its lock, or by the markers of a killed build."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from chexinstruct.build.home import WORK, Home, write_json
from chexinstruct.schema import LOCK, Lock, Shard, StoredFile

F = TypeVar("F", Shard, StoredFile)
T = TypeVar("T")


def place(file: Shard | StoredFile) -> str:
    """Where a file stands in the corpus."""
    return f"data/{file.name}.parquet" if isinstance(file, Shard) else file.name


def mark(home: Home, file: Shard | StoredFile) -> None:
    """Note that a file stands under its name."""
    write_json(home, f"{_markers(type(file))}/{file.name}.json", file)


def finished(home: Home, kind: type[F]) -> dict[str, F]:
    """The files of earlier runs that are still there, by name."""
    marked = home.read_all(_markers(kind))
    found = [_decoded(content, kind) for content in marked.values()]
    found += [file for file in _sealed(home) if isinstance(file, kind)]
    if not any(found):
        return {}
    sizes = home.files("data" if kind is Shard else "images")
    return {file.name: file for file in found if file and sizes.get(place(file)) == file.size}


def unseal(home: Home) -> None:
    """Take the lock away before a file changes, since it stands only beside what it describes.

    What it names gets markers, so that a killed build does not begin anew.
    """
    for file in _sealed(home):
        mark(home, file)
    home.remove([LOCK])


def forget(home: Home) -> None:
    """Remove the markers; the lock stands."""
    home.remove(name for kind in (Shard, StoredFile) for name in home.files(_markers(kind)))


def sealed(home: Home) -> Lock | None:
    """The lock; None too where another version of this program wrote it otherwise."""
    content = home.read(LOCK)
    return None if content is None else _decoded(content, Lock)


def _sealed(home: Home) -> list[Shard | StoredFile]:
    lock = sealed(home)
    return [*lock.shards, *lock.pictures] if lock else []


def _decoded(content: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        return None


def _markers(kind: type[Shard] | type[StoredFile]) -> str:
    return f"{WORK}/{'shards' if kind is Shard else 'pictures'}"
