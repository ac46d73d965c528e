"""Files that outlive failures of their storage: each read is one call that can be made again."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from chexinstruct.transient import Short

T = TypeVar("T")


class Tried(Protocol):
    """Makes a call for a file again while storage fails."""

    def __call__(self, call: Callable[[], T], path: str, /) -> T:
        """What the call gives."""


class _Bytes(io.RawIOBase):
    """A file of which any range can be read at any time."""

    def __init__(self, tried: Tried, path: str) -> None:
        self._tried, self._path = tried, path
        self._at = 0
        self._size = tried(self._told_size, path)

    def _told_size(self) -> int:
        raise NotImplementedError

    def _range(self, start: int, end: int) -> bytes:
        """At most the bytes from ``start`` up to ``end``, at least one."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the file")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        start, end = self._at, min(self._at + len(buffer), self._size)
        if start >= end:
            return 0
        data = self._tried(lambda: self._range(start, end), self._path)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class LocalBytes(_Bytes):
    """A file of this machine or of a network file system, opened anew after a failure: the handle
    of a file on NFS may have become stale."""

    def __init__(self, file: Path, tried: Tried, path: str) -> None:
        self._name = file
        self._file: io.FileIO | None = None
        super().__init__(tried, path)

    def _opened(self) -> io.FileIO:
        if self._file is None:
            self._file = io.FileIO(self._name)
        return self._file

    def _told_size(self) -> int:
        return os.fstat(self._opened().fileno()).st_size

    def _range(self, start: int, end: int) -> bytes:
        try:
            file = self._opened()
            file.seek(start)
            data = file.read(end - start)
        except OSError:
            self.close_file()
            raise
        return data or b""

    def close_file(self) -> None:
        """Let go of the handle; the next read opens the file again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the file for good."""
        self.close_file()
        super().close()


class RemoteBytes(_Bytes):
    """An object of a store that fsspec knows, by ranges; nothing is kept beside the buffer of the
    reader, for the read-ahead of stores fetches whole archives for one small member."""

    def __init__(self, fs: Any, address: str, tried: Tried, path: str) -> None:
        self._fs, self._address = fs, address
        super().__init__(tried, path)

    def _told_size(self) -> int:
        about = self._fs.info(self._address)
        if about.get("type") == "directory":
            raise IsADirectoryError(self._address)
        return int(about["size"])

    def _range(self, start: int, end: int) -> bytes:
        data: bytes = self._fs.cat_file(self._address, start=start, end=end)
        if len(data) != end - start:
            raise Short(f"{len(data)} of {end - start} bytes")
        return data
