"""Looking at the cache, and making room in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chexinstruct.build.cache import default_cache, local_cache

PACKS = "pictures"


class Stage(msgspec.Struct, frozen=True):
    """What one stage of builds keeps."""

    stage: str
    files: int
    size: int
    """Bytes."""
    used: str
    """Day of the last use."""


class Removed(msgspec.Struct, frozen=True):
    """An entry that was removed."""

    name: str
    """Inside the cache."""
    size: int


class _Entry(msgspec.Struct, frozen=True):
    """Files that are of use only together."""

    paths: list[Path]
    files: int
    size: int
    used: float


def contents(cache: Path | None = None) -> list[Stage]:
    """The stages that have something in the cache, largest first."""
    home = local_cache(cache or default_cache())
    stages = []
    for folder in sorted(path for path in home.glob("*") if path.is_dir()):
        entries = list(_entries(folder))
        if entries:
            last = datetime.fromtimestamp(max(entry.used for entry in entries), UTC)
            stages.append(
                Stage(
                    stage=folder.name,
                    files=sum(entry.files for entry in entries),
                    size=sum(entry.size for entry in entries),
                    used=last.date().isoformat(),
                )
            )
    return sorted(stages, key=lambda stage: -stage.size)


def shrink(cache: Path | None, limit: int) -> list[Removed]:
    """Remove what was not used for longest until ``limit`` bytes are left, and say what went.

    A build that finds something gone makes it again. One that runs meanwhile may fail for it, and
    go on when it is called again.
    """
    home = local_cache(cache or default_cache())
    entries = [entry for folder in home.glob("*") if folder.is_dir() for entry in _entries(folder)]
    held = sum(entry.size for entry in entries)
    removed = []
    for entry in sorted(entries, key=lambda entry: (entry.used, entry.paths)):
        if held <= limit:
            break
        for path in entry.paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        held -= entry.size
        removed.append(Removed(entry.paths[0].relative_to(home).as_posix(), entry.size))
    if any(item.name.startswith(f"{PACKS}/") for item in removed):
        # Lists of where pictures stand, which may name what has gone; they are made in a moment.
        for shelf in (home / PACKS).glob("*.arrow"):
            shelf.unlink(missing_ok=True)
    return removed


def _entries(folder: Path) -> Iterator[_Entry]:
    """What can be removed by itself: a pack of pictures, or what a stage keeps under one key."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.arrow") if folder.name == PACKS else folder.iterdir()):
        name = path.as_posix() if folder.name == PACKS else path.name.partition(".")[0]
        groups.setdefault(name, []).append(path)
    for paths in groups.values():
        files = [
            file
            for path in paths
            for file in (path.rglob("*") if path.is_dir() else [path])
            if file.is_file()
        ]
        stats = [file.stat() for file in files]
        if stats:
            yield _Entry(
                paths=paths,
                files=len(files),
                size=sum(stat.st_size for stat in stats),
                used=max(max(stat.st_atime, stat.st_mtime) for stat in stats),
            )
