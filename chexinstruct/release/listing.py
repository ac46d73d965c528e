"""The listing of a release: every file of it, with size and stamp."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import xxhash

from chexinstruct.release.paths import is_junk
from chexinstruct.release.store import Store


class FileInfo(NamedTuple):
    """A file of a release."""

    path: str
    """Inside the release, POSIX separators; ``archive.zip/member`` for a member of a zip."""
    size: int
    """Bytes, unpacked for members of a zip."""
    stamp: str
    """Changes with the content: mtime in nanoseconds (local), CRC (zip member), or the tag or time
    that the file system gives."""


_STAMPS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "last_modified")


def scan(store: Store) -> Mapping[str, FileInfo]:
    """All files by path, sorted; zip archives as if they were folders, tar archives as files.

    Junk of operating systems and download tools is left out, and so are archives in archives.

    Raises:
        ReleaseError: a zip archive is empty or broken, or a folder may not be read.
    """
    files: list[FileInfo] = []
    for file in _local(store) if store.local else _remote(store):
        if file.path.lower().endswith(".zip"):
            files += _members(store, file.path)
        else:
            files.append(file)
    return MappingProxyType({file.path: file for file in sorted(files)})


def digest(files: Iterable[FileInfo]) -> str:
    """xxh3 (128 bits, hexadecimal) over path, size and stamp."""
    state = xxhash.xxh3_128()
    for path, size, stamp in files:
        state.update(f"{path}\0{size}\0{stamp}\0".encode())
    return state.hexdigest()


def _local(store: Store) -> Iterator[FileInfo]:
    """Linked folders are followed, each real folder once, so that loops end.

    They come after all real ones: a link to a folder of the same release adds nothing.
    """
    folders = [("", store.root)]
    links: list[tuple[str, str]] = []
    seen: set[tuple[int, int]] = set()
    while folders or links:
        prefix, folder = folders.pop() if folders else links.pop(0)
        identity = store.tried(Path(folder).stat, prefix)
        if (identity.st_dev, identity.st_ino) in seen:
            continue
        seen.add((identity.st_dev, identity.st_ino))
        try:
            entries = store.tried(partial(_entries, folder), prefix)
        except PermissionError as error:
            raise store.error(
                "folder may not be read", prefix or store.shown, fix="mend its permissions"
            ) from error
        for entry in entries:
            if is_junk(entry.name):
                continue
            if not _is_text(entry.name):
                place = prefix + entry.name.encode("utf-8", "backslashreplace").decode()
                store.log.add(place, None, "undecodable_name", "the file name is not UTF-8")
            elif entry.is_dir():
                into = links if entry.is_symlink() else folders
                into.append((f"{prefix}{entry.name}/", entry.path))
            elif entry.is_file():
                about = store.tried(entry.stat, prefix + entry.name)
                yield FileInfo(prefix + entry.name, about.st_size, str(about.st_mtime_ns))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_text(name: str) -> bool:
    """False where the file system holds bytes that are no UTF-8."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _remote(store: Store) -> Iterator[FileInfo]:
    root = store.root.rstrip("/") + "/"
    for name, about in store.tried(lambda: store.fs.find(store.root, detail=True)).items():
        path = name.removeprefix(root)
        if any(map(is_junk, path.split("/"))):
            continue
        stamp = next((about[key] for key in _STAMPS if about.get(key)), about.get("created", ""))
        yield FileInfo(path, about.get("size") or 0, str(stamp))


def _members(store: Store, path: str) -> Iterator[FileInfo]:
    archive = store.zip(path)
    for place, why in archive.refused:
        store.log.add(place, None, "unsafe_member", why)
    for name, member in archive.members.items():
        if not any(map(is_junk, name.split("/"))):
            yield FileInfo(f"{path}/{name}", member.file_size, f"{member.CRC:08x}")
