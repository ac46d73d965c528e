"""A bench on disk: items, pictures, persons, and the lock that says how all of it came about.

BENCH/items.jsonl     one :class:`~chexinstruct.bench.item.BenchItem` a line
BENCH/images/..       each picture once, normalised as in a corpus
BENCH/persons.jsonl   who is in it, for checks against corpora
BENCH/bench.lock.json written last: a folder without it is not whole
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from chexinstruct.bench.item import BenchItem
from chexinstruct.build.cache import whole_file, write_json
from chexinstruct.build.holdout import PERSONS, BenchStudy
from chexinstruct.chexbench.choosing import PartLine, SplitLine
from chexinstruct.errors import CallError, ChexinstructError

ITEMS = "items.jsonl"
IMAGES = "images"
LOCK = "bench.lock.json"

_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class SourceLine(msgspec.Struct, kw_only=True):
    """A release that the bench was built from."""

    source: str
    studies_key: str
    """Digest of its study table: it changes when the studies do."""
    studies: int


class Imported(msgspec.Struct, kw_only=True):
    """A bench that was taken over from the authors' item file."""

    sha256: str
    """Of the file."""
    items: dict[str, int]
    """In it, by task and source."""
    lost: dict[str, int]
    """Of them, those that could not be taken over, by reason."""
    missing: list[str]
    """Names of pictures that are not there."""


class BenchLock(msgspec.Struct, kw_only=True):
    """What a bench was made of."""

    chexinstruct: str
    python: str
    libraries: dict[str, str]
    edition: str
    recipe: str
    version: str
    """Of the parts and rules; of the authors' own items it is empty."""
    seed: int
    views: str
    images: dict[str, Any] | None
    """How pictures were normalised; None: the bench has none, and items name them by id alone."""
    sources: list[SourceLine]
    skipped_sources: dict[str, str]
    parts: list[PartLine]
    splits: list[SplitLine]
    items: int
    files: dict[str, str]
    """SHA-256 of the files of the bench, save the pictures, which the items have."""
    upstream: Imported | None = None


def read_lock(folder: Path) -> BenchLock:
    """The lock of a bench.

    Raises:
        CallError: there is no bench, or its build was not finished.
        ChexinstructError: the lock is damaged, or of another version.
    """
    try:
        return msgspec.json.decode((folder / LOCK).read_bytes(), type=BenchLock)
    except (FileNotFoundError, NotADirectoryError):
        raise CallError(
            f"no bench at {folder}, or its build was not finished: run `chexinstruct bench build`"
        ) from None
    except msgspec.MsgspecError as error:
        raise ChexinstructError(
            f"{folder / LOCK}: not a lock that this version reads ({error}); build the bench again"
        ) from None


def read_items(folder: Path) -> list[BenchItem]:
    """The items of a bench, in their order.

    Raises:
        ChexinstructError: the file is missing or damaged.
    """
    path = folder / ITEMS
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ChexinstructError(f"{path}: cannot be read ({type(error).__name__})") from None
    items = []
    for number, line in enumerate(lines, start=1):
        try:
            items.append(msgspec.json.decode(line, type=BenchItem))
        except msgspec.MsgspecError as error:
            raise ChexinstructError(f"{path}, line {number}: {error}") from None
    return items


def start(folder: Path) -> None:
    """Make a folder ready to be written; from here on it is no bench until :func:`seal`.

    Raises:
        CallError: it holds something that is no bench.
    """
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if inside and not inside & {ITEMS, LOCK, IMAGES}:
        raise CallError(f"{folder} holds other files; give a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / LOCK).unlink(missing_ok=True)


def seal(
    folder: Path, lock: BenchLock, items: Iterable[BenchItem], persons: Iterable[BenchStudy]
) -> BenchLock:
    """Write items and persons, take away pictures that no item shows, and write the lock."""
    items = list(items)
    _write_lines(folder / ITEMS, items)
    _write_lines(folder / PERSONS, persons)
    shown = {folder / image.file for item in items for image in item.images if image.file}
    for path in (folder / IMAGES).rglob("*"):
        if path.is_file() and path not in shown:
            path.unlink()
    lock.items = len(items)
    lock.files = {name: digest_of(folder / name) for name in (ITEMS, PERSONS)}
    write_json(folder / LOCK, lock)
    return lock


def _write_lines(path: Path, records: Iterable[msgspec.Struct]) -> None:
    with whole_file(path) as draft:
        draft.write_bytes(b"".join(_ENCODE(record) + b"\n" for record in records))


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def picture_name(release: str, key: str, suffix: str) -> str:
    """Where in a bench the picture of that key stands, POSIX separators."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in key)
    if plain != key or plain.startswith("."):  # two keys may not become one name
        plain += "-" + hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{IMAGES}/{release}/{plain}{suffix}"
