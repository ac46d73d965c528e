"""The bytes of a release: files of any file system, and members of zip archives."""

from __future__ import annotations

import gzip
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from chexinstruct.errors import ReleaseError
from chexinstruct.release.limits import Limits
from chexinstruct.release.paths import UnsafePath, archives, inside
from chexinstruct.release.rejects import RejectLog
from chexinstruct.release.streams import LocalBytes, RemoteBytes
from chexinstruct.transient import StorageError, tried

_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.ReadError)
_NO_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OSError)

T = TypeVar("T")

_LOCAL_BUFFER = 64 << 10
_REMOTE_BUFFER = 8 << 20
"""Bytes of one request while a file is read from front to end."""
_ZIP_BUFFER = 256 << 10
"""The same in an archive, where what follows a small member is mostly not wanted."""


class _Archive:
    """An open zip archive: its members by their path, cleaned as :func:`inside` does."""

    def __init__(self, store: Store, path: str) -> None:
        self._stream = store.open_plain(path, _ZIP_BUFFER)
        try:
            self._zip = zipfile.ZipFile(self._stream)
        except BaseException:
            self._stream.close()
            raise
        self.open = self._zip.open
        self.members: dict[str, zipfile.ZipInfo] = {}
        self.refused: list[tuple[str, str]] = []
        """Path and reason of members that are no part of the release."""
        for member in self._zip.infolist():
            if member.is_dir():
                continue
            try:
                name = inside(member.filename, store.source)
            except UnsafePath:
                self.refused.append((path, "its path leaves the archive"))
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                self.refused.append((f"{path}/{name}", "a link"))
                continue
            self.members[name] = member

    def close(self) -> None:
        self._zip.close()
        self._stream.close()


class Store:
    """The files of one release, opened by their path inside it without listing the others."""

    def __init__(
        self,
        location: str,
        source: str,
        limits: Limits,
        storage_options: dict[str, Any] | None,
    ) -> None:
        self.source = source
        self.limits = limits
        self.log = RejectLog()
        self.shown = re.sub(r"//[^/@]*@", "//", location)  # without user and password
        self._zips: dict[str, _Archive] = {}
        try:
            self.fs, self.root = url_to_fs(location, **(storage_options or {}))
            folder = self.tried(lambda: self.fs.isdir(self.root))
            there = folder or self.tried(lambda: self.fs.exists(self.root))
        except StorageError:
            raise
        except ImportError as error:  # fsspec says which package to install
            raise ReleaseError(source, f"cannot open {self.shown}: {error}") from error
        except Exception as error:  # every file system has errors of its own; some show tokens
            raise ReleaseError(
                source,
                f"cannot open {self.shown} ({type(error).__name__})",
                fix="check the address and your access to it",
            ) from error
        if not folder:
            raise ReleaseError(
                source,
                f"{self.shown} is {'a file' if there else 'not there'}",
                fix="give the folder that holds the release",
            )
        self.local = isinstance(self.fs, LocalFileSystem)

    def close(self) -> None:
        """Close the archives that were opened."""
        for archive in self._zips.values():
            archive.close()
        self._zips.clear()

    def error(
        self, problem: str, path: str, *, row: int | None = None, fix: str | None = None
    ) -> ReleaseError:
        """An error that names the source and the file."""
        return ReleaseError(self.source, problem, file=path, row=row, fix=fix)

    def damaged(self, path: str) -> ReleaseError:
        """The error for a file whose bytes cannot be what was released."""
        return self.error("empty, damaged or cut short", path, fix="download it again")

    def zip(self, path: str) -> _Archive:
        """The archive at that path, opened once.

        Raises:
            ReleaseError: it is empty, cut short or no zip archive.
        """
        if path not in self._zips:
            try:
                self._zips[path] = _Archive(self, path)
            except PermissionError as error:
                raise self.error("may not be read", path, fix="mend its permissions") from error
            except _NO_ZIP as error:
                raise self.damaged(path) from error
        return self._zips[path]

    def split(self, path: str) -> tuple[str, str] | None:
        """The zip archive and the member that a path means, or None for a file of its own."""
        for outer, inner in archives(path):
            if outer in self._zips or self._is_file(outer):
                return outer, inner
        return None

    def _is_file(self, path: str) -> bool:
        return self.tried(lambda: bool(self.fs.isfile(f"{self.root}/{path}")), path)

    def tried(self, call: Callable[[], T], path: str | None = None) -> T:
        """What the call gives, tried again while storage fails.

        Raises:
            StorageError: it does not recover; the message names source and file.
        """
        return tried(call, f"{self.source}: {path or self.shown}")

    def open_plain(self, path: str, buffer: int = _REMOTE_BUFFER) -> BinaryIO:
        """A file of its own, not packed; ``path`` is taken as it is.

        Failures of storage while it is read are waited for.

        Args:
            path: the file.
            buffer: bytes of a request to a remote store.
        """
        with self._told(path):
            if self.local:
                return cast(
                    BinaryIO,
                    io.BufferedReader(
                        LocalBytes(Path(self.root, path), self.tried, path), _LOCAL_BUFFER
                    ),
                )
            raw = RemoteBytes(self.fs, f"{self.root}/{path}", self.tried, path)
            return cast(BinaryIO, io.BufferedReader(raw, buffer))

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Errors of opening a file, with source and file."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise self.error("no such file", path) from error
        except PermissionError as error:
            raise self.error("may not be read", path, fix="mend its permissions") from error

    def _open_member(self, outer: str, inner: str) -> BinaryIO:
        archive, path = self.zip(outer), f"{outer}/{inner}"
        member = archive.members.get(inner)
        if member is None:
            raise self.error("no such file", path)
        grows = member.file_size > self.limits.ratio * member.compress_size
        if grows and member.file_size > self.limits.ratio_from:
            raise self.error(f"grows over {self.limits.ratio} times when unpacked; refused", path)
        try:
            return cast(BinaryIO, archive.open(member))
        except (RuntimeError, NotImplementedError) as error:  # a password; Deflate64
            raise self.error(
                "encrypted, or packed in a way that Python does not read",
                path,
                fix=f"unpack {outer} beside itself and move it away",
            ) from error

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """A file or zip member as it is stored.

        Raises:
            ReleaseError: it is not there, may not be read, or is damaged.
            UnsafePath: the path leaves the release.
        """
        path = inside(path, self.source)
        parts = self.split(path)
        try:
            with self._open_member(*parts) if parts else self.open_plain(path) as stream:
                yield stream
        except _DAMAGE as error:
            raise self.damaged(path) from error

    @contextmanager
    def open_unpacked(self, path: str) -> Iterator[BinaryIO]:
        """As :meth:`open`; a ``.gz`` or ``.tgz`` file is unpacked on the way."""
        with self.open(path) as stream:
            if path.endswith((".gz", ".tgz")):
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield stream

    def read(self, path: str) -> bytes:
        """A file as it is stored, whole; a remote one by a single request."""
        path = inside(path, self.source)
        if self.local or self.split(path):
            with self.open(path) as stream:
                return self._whole(stream, path, self.limits.file)
        with self._told(path):
            data = self.tried(lambda: self._fetched(path), path)
        return self._bounded(data, path, self.limits.file)

    def _fetched(self, path: str) -> bytes:
        whole = f"{self.root}/{path}"
        try:
            return cast(bytes, self.fs.cat_file(whole, start=0, end=self.limits.file + 1))
        except (OSError, ValueError):
            # An empty object has no range that could be asked for.
            if self.fs.info(whole)["size"] == 0:
                return b""
            raise

    def read_unpacked(self, path: str, limit: int) -> bytes:
        """A file whole, unpacked if ``.gz``; at most ``limit`` bytes."""
        with self.open_unpacked(path) as stream:
            return self._whole(stream, path, limit)

    def _whole(self, stream: BinaryIO, path: str, limit: int) -> bytes:
        # A file of its own tells its size; reading up to a limit would get memory for it first.
        raw = getattr(stream, "raw", None)
        size = raw.size() if isinstance(raw, (LocalBytes, RemoteBytes)) else limit
        return self._bounded(stream.read(min(size, limit) + 1), path, limit)

    def _bounded(self, data: bytes, path: str, limit: int) -> bytes:
        if len(data) > limit:
            raise self.error(f"more than the {limit:,} bytes that are read at once", path)
        return data

    def lines(self, stream: BinaryIO, path: str) -> Iterator[bytes]:
        """The lines of a stream, line breaks kept.

        Raises:
            ReleaseError: a line reaches the limit.
        """
        limit, row = self.limits.line, 0
        while line := stream.readline(limit):
            row += 1
            if len(line) >= limit:
                raise self.error(f"a line of {limit:,} bytes or more", path, row=row)
            yield line
