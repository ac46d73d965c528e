"""Files that exported records go into, one after the other, none larger than asked for."""

from __future__ import annotations

import io
import tarfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

Record = Mapping[str, Any]
"""What a format makes of a row."""

_ROW_GROUP = 100


class Sink(ABC):
    """The files of one split, opened when they are needed.

    JSON has no schema: Hugging Face datasets takes the types of the first rows it reads for those
    of all, and fails at the first text where it has seen nothing but empty lists. So each file of
    JSON begins with a record that has something in every list, as long as there are such records.

    Args:
        folder: of the export.
        name: of the split, or of a part of it.
        limit: bytes after which another file is begun.
    """

    typed = False
    """Whether the files have a schema of their own, so that no record must lead."""

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self.folder = folder
        self.name = name
        self.limit = limit
        self.leads: deque[Record] = deque()
        """Records that files may begin with, best first; the rest is written in the end."""
        self.files: list[tuple[str, int]] = []
        """Path below the export, and records, of each file."""

    @abstractmethod
    def add(self, record: Record) -> None:
        """Write one record."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file that is open, if one is."""

    def finish(self) -> None:
        """Write the records that led no file, and finish the last one."""
        while self.leads:
            self.add(self.leads.pop())  # the best are kept for a file that may yet be begun
        self.close()

    def _begin(self, pattern: str) -> Path:
        name = pattern.format(name=self.name, number=len(self.files))
        self.files.append((name, 0))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _count(self) -> None:
        name, records = self.files[-1]
        self.files[-1] = (name, records + 1)


class _Stream(Sink):
    """A sink of files that are written byte after byte."""

    pattern: str
    _file: BinaryIO | None = None

    def _open(self) -> BinaryIO:
        if self._file is None or self._file.tell() >= self.limit:
            self.close()
            self._file = self._begin(self.pattern).open("wb")
            if self.leads:
                self.add(self.leads.popleft())
        return self._file

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class JsonLines(_Stream):
    """JSON Lines in a folder a split, for trainers that read several files."""

    pattern = "data/{name}/{number:05d}.jsonl"

    def add(self, record: Record) -> None:
        """Write one record."""
        self._open().write(msgspec.json.encode(record) + b"\n")
        self._count()


class OneJsonLines(JsonLines):
    """JSON Lines in one file, for trainers that take a single path."""

    pattern = "{name}.jsonl"

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        super().__init__(folder, name, 1 << 62)


class OneJson(Sink):
    """A JSON list in one file, for trainers that load it whole."""

    _file: BinaryIO | None = None

    def add(self, record: Record) -> None:
        """Write one record."""
        waiting = [record]
        if self._file is None:
            self._file = self._begin("{name}.json").open("wb")
            if self.leads:
                waiting.insert(0, self.leads.popleft())
        for item in waiting:
            self._file.write(b",\n" if self.files[-1][1] else b"[\n")
            self._file.write(msgspec.json.encode(item))
            self._count()

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._file.write(b"\n]\n")
            self._file.close()
            self._file = None


class Tars(_Stream):
    """WebDataset shards: ``files`` of a record, name -> bytes, one after the other."""

    pattern = "data/{name}-{number:05d}.tar"
    typed = True

    def add(self, record: Record) -> None:
        """Write one record."""
        stream = self._open()
        for name, data in record["files"].items():
            member = tarfile.TarInfo(name)  # no time, owner or mode of this machine
            member.size = len(data)
            stream.write(member.tobuf(tarfile.USTAR_FORMAT))
            stream.write(data)
            stream.write(bytes(-len(data) % tarfile.BLOCKSIZE))
        self._count()

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        super().close()


class Parquet(Sink):
    """Parquet with a schema of its own."""

    schema: pa.Schema
    typed = True
    _writer: pq.ParquetWriter | None = None

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        super().__init__(folder, name, limit)
        self._waiting: list[Record] = []
        self._out: io.BufferedWriter | None = None

    def add(self, record: Record) -> None:
        """Write one record."""
        if self._writer is None:
            self._out = self._begin("data/{name}-{number:05d}.parquet").open("wb")
            self._writer = pq.ParquetWriter(
                self._out, self.schema, compression="zstd", write_page_index=True
            )
        self._waiting.append(record)
        self._count()
        if len(self._waiting) == _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the last file."""
        if self._writer is not None and self._out is not None:
            if self._waiting:
                self._write()
            self._writer.close()
            self._out.close()
            self._writer = self._out = None

    def _flush(self) -> None:
        self._write()
        if self._out is not None and self._out.tell() >= self.limit:
            self.close()

    def _write(self) -> None:
        assert self._writer is not None
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self.schema))
        self._waiting = []
