"""The one door to a release: listing, search, tables, documents, rejects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar, overload
from xml.etree.ElementTree import Element

import msgspec

from chexinstruct.errors import ReleaseError
from chexinstruct.headers import header_size
from chexinstruct.release import columnar, documents, grouping, listing, paths, tables
from chexinstruct.release.limits import Limits
from chexinstruct.release.listing import FileInfo
from chexinstruct.release.pictures import PictureIndex
from chexinstruct.release.rejects import Reject
from chexinstruct.release.store import Store
from chexinstruct.release.tables import Columns, Row
from chexinstruct.schema import Frame

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_UTF8 = "utf-8-sig"
"""UTF-8 with or without a byte order mark."""


class Release:
    """The files of one source as its publisher ships them; paths are relative and POSIX.

    A member of a zip archive has the path ``archive.zip/member``. Everything but :attr:`files` and
    what is named after it works without listing the release. Every method that takes a path raises
    :class:`ReleaseError` when the file is not there, may not be read or is damaged, and
    :class:`UnsafePath` when the path leaves the release.
    """

    def __init__(
        self,
        location: str,
        source: str,
        limits: Limits,
        storage_options: dict[str, Any] | None,
    ) -> None:
        self.location = location
        self.source = source
        self.limits = limits
        self._options = storage_options
        self._store = Store(location, source, limits, storage_options)

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        source: str,
        limits: Limits = Limits(),  # noqa: B008  frozen
        storage_options: dict[str, Any] | None = None,
    ) -> Release:
        """Open the folder that holds a release; nothing is listed or read yet.

        Args:
            location: a folder, or a URL of any file system that fsspec knows (``s3://bucket/nih``).
            source: key of the source, for messages.
            limits: bounds on what is read.
            storage_options: passed to the file system, e.g. ``{"anon": True}``.

        Raises:
            ReleaseError: there is no such folder.
        """
        if isinstance(location, Path):
            location = str(location.absolute())
        return cls(location, source, limits, storage_options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what opens it again: a copy starts without listing and rejects."""
        return type(self), (self.location, self.source, self.limits, self._options)

    def __repr__(self) -> str:
        return f"Release({self._store.shown!r}, source={self.source!r})"

    def close(self) -> None:
        """Close the archives that were opened; they are opened again on demand."""
        self._store.close()

    def __enter__(self) -> Release:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Listing

    @cached_property
    def files(self) -> Mapping[str, FileInfo]:
        """All files by path, sorted; scanned when first asked for.

        Members of zip archives are listed in place of the archive, tar archives as they are. Hidden
        files and what browsers, wget, macOS and Windows leave behind is not listed.

        Raises:
            ReleaseError: a zip archive is empty or broken.
        """
        return listing.scan(self._store)

    def digest(self, patterns: Sequence[str] | None = None) -> str:
        """xxh3 over path, size and stamp of all files, or of those that match any pattern."""
        files = self.files.values()
        if patterns is None:
            return listing.digest(files)
        return listing.digest(
            file for file in files if any(paths.matches(file.path, one) for one in patterns)
        )

    @overload
    def find(self, *patterns: str, required: Literal[True] = True) -> str: ...
    @overload
    def find(self, *patterns: str, required: bool) -> str | None: ...
    def find(self, *patterns: str, required: bool = True) -> str | None:
        """The file that matches the first of the patterns that any file matches.

        A pattern (``*``, ``?``, ``[..]``; ``*`` matches ``/`` too) is held against the path and all
        its ends from a folder on, so that ``labels/train*.csv`` is found in any folder. ``.gz`` may
        follow. Of several files the one with the fewest folders is taken, and of several of those
        the last by name, numbers compared as numbers: the newest version.

        Raises:
            ReleaseError: nothing matches and it is required.
        """
        for pattern in patterns:
            if found := self.find_all(pattern):
                return paths.newest(found)
        if required:
            inner = next((path for path in self.files if path.lower().endswith(".zip")), None)
            raise ReleaseError(
                self.source,
                f"no {' or '.join(patterns)} found under {self._store.shown}",
                fix="add the file, or give the folder that holds the release"
                if inner is None
                else f"unpack the archive around {inner}, since archives in archives are not read",
            )
        return None

    def find_all(self, pattern: str) -> list[str]:
        """All files that match, sorted; ``x.csv.gz`` is left out beside ``x.csv``."""
        return paths.matching(self.files, pattern)

    def pictures(
        self,
        suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".dcm", ".dicom"),
        *,
        parts: int = 1,
    ) -> PictureIndex:
        """The pictures by name, whatever folder or zip archive holds them.

        See :class:`PictureIndex` for ``suffixes`` and ``parts``.
        """
        return PictureIndex(self.files, suffixes, parts)

    def documents(
        self, pattern: str, *, archives: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, bytes]]:
        """Path and content of every file that matches ``pattern`` as :meth:`find` says.

        First loose files and zip members, sorted, then members of the tar archives (``.tar``,
        ``.tar.gz``, ``.tgz``) that match ``archives``, sorted within each. ``.gz`` files come
        unpacked. A packed document is left out, as the expected reject ``duplicate_document``, if a
        loose one has its file name, or an earlier archive a member of its path. Members of a tar
        that climb, links, devices and oversized ones are rejected.
        """
        return documents.documents(self._store, self.files, pattern, archives)

    # Tables

    def table(
        self,
        path: str,
        columns: Columns | None,
        *,
        optional: Columns = {},  # noqa: B006  never changed
        delimiter: str | None = None,
        encoding: str = _UTF8,
        content: bytes | None = None,
    ) -> Iterator[Row]:
        """The rows of a delimited table with a header, plain or ``.gz``.

        Args:
            path: the table.
            columns: our name -> the column's name in the file, or the spellings accepted. None:
                every column that has a name, under that name.
            optional: the same for columns that may be absent and then give ``""``.
            delimiter: None: a tab for ``.tsv`` and ``.tab``, else a comma.
            encoding: of the file.
            content: the bytes of the table where :meth:`documents` gave them, as of a member of a
                tar archive; None: they are read from ``path``.

        Blank rows are skipped. Rejected are rows with bytes that are not in the encoding
        (``undecodable``), with a wrong number of fields (``wrong_field_count``; columns at the end
        that are empty and without a name do not count), and one that the file ends inside
        (``unclosed_quote``). They are counted each time the table is read to its end.

        Raises:
            ReleaseError: a required column is missing or there twice, or a field or line is too
                long. Raised when iteration gets there.
        """
        return tables.table(self._store, path, columns, optional, delimiter, encoding, content)

    def header(
        self, path: str, *, delimiter: str | None = None, encoding: str = _UTF8
    ) -> list[str]:
        """The names of a table's columns, stripped."""
        return tables.header(self._store, path, delimiter, encoding)

    def grouped(
        self,
        path: str,
        columns: Columns | None,
        *,
        by: str | tuple[str, ...],
        derive: Callable[[Row], Mapping[str, str] | None] | None = None,
        optional: Columns = {},  # noqa: B006  never changed
        delimiter: str | None = None,
        encoding: str = _UTF8,
        memory_mb: int = 128,
    ) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
        """The rows of :meth:`table` by key: keys sorted as text, rows in the file's order.

        For tables whose rows of one key lie apart. Memory is bounded by about ``memory_mb`` and
        the largest group; the rest is spilled to a private temporary file, as large as the table.

        ``derive`` gives further cells of a row, the same for every row, where the key stands
        inside a cell (``train/patient00001/study1/...``); None leaves the row out.
        """
        rows = self.table(path, columns, optional=optional, delimiter=delimiter, encoding=encoding)
        if derive is not None:
            rows = grouping.derived(rows, derive)
        return grouping.grouped(rows, (by,) if isinstance(by, str) else by, memory_mb)

    # Text and JSON; .gz is unpacked

    def lines(self, path: str, *, encoding: str = _UTF8) -> Iterator[tuple[int, str]]:
        """Number (from 1) and text of each line that is not blank, outer blanks removed.

        A tab at the ends is kept: it may stand for an empty field. Lines that are not in the
        encoding are rejected as ``undecodable``.
        """
        for number, line in self._raw_lines(path):
            try:
                text = line.decode(encoding).strip(" \r\n")
            except UnicodeDecodeError:
                self.reject(path, number, "undecodable", f"not {encoding}")
                continue
            if text:
                yield number, text

    def _raw_lines(self, path: str) -> Iterator[tuple[int, bytes]]:
        with self._store.open_unpacked(path) as stream:
            yield from enumerate(self._store.lines(stream, path), start=1)

    def text(self, path: str, *, encoding: str = _UTF8) -> str:
        """A text file whole, as released.

        Raises:
            ReleaseError: it is not in the encoding.
        """
        try:
            return self._store.read_unpacked(path, self.limits.file).decode(encoding)
        except UnicodeDecodeError as error:
            raise self._store.error(f"not {encoding} text at byte {error.start}", path) from error

    @overload
    def json(self, path: str) -> Any: ...
    @overload
    def json(self, path: str, type: type[T]) -> T: ...
    def json(self, path: str, type: Any = Any) -> Any:
        """A JSON file whole, decoded as ``type`` (what msgspec takes; fields not named in a
        :class:`msgspec.Struct` are skipped and cost no memory).

        Raises:
            ReleaseError: it is no JSON, or not of that type.
        """
        data = self._store.read_unpacked(path, self.limits.json).removeprefix(b"\xef\xbb\xbf")
        try:
            return msgspec.json.decode(data, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._store.error(_json_problem(error), path) from error

    @overload
    def jsonl(self, path: str) -> Iterator[tuple[int, Any]]: ...
    @overload
    def jsonl(self, path: str, type: type[T]) -> Iterator[tuple[int, T]]: ...
    def jsonl(self, path: str, type: Any = Any) -> Iterator[tuple[int, Any]]:
        """Number (from 1) and value of each line of a JSON Lines file, blank lines skipped.

        Lines that are no JSON, or not of the type, are rejected as ``bad_json``.
        """
        decoder = msgspec.json.Decoder(type)
        for number, line in self._raw_lines(path):
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            try:
                value = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.reject(path, number, "bad_json", _json_problem(error))
                continue
            yield number, value

    def parquet(self, path: str, type: type[S]) -> Iterator[tuple[int, S]]:
        """Number (from 1) and value of each row of a Parquet file, as a :class:`msgspec.Struct`.

        Only the columns that the fields of ``type`` name are read, a few hundred rows at a time. A
        column may be absent, and a cell null, where its field has a default. Rows that are not of
        the type are rejected as ``bad_row``.

        Raises:
            ReleaseError: it is no Parquet file, a column is missing, or a column chunk grows too
                much when unpacked. Raised when iteration gets there.
        """
        return columnar.parquet(self._store, path, type)

    # Bytes

    def read(self, path: str) -> bytes:
        """A file as it is stored, at most ``limits.file`` bytes."""
        return self._store.read(path)

    def open_binary(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file as it is stored, as a stream."""
        return self._store.open(path)

    def xml(self, data: bytes, path: str) -> Element:
        """The root of an XML document; ``path`` is for messages.

        Raises:
            ReleaseError: it is not well-formed, has a DTD or entities, or is too large or deep.
        """
        return documents.xml(self._store, data, path)

    def dicom_header(self, path: str, tags: Sequence[str]) -> Dataset | None:
        """The attributes of a DICOM file that ``tags`` names by keyword; never its pixels.

        A file that is no DICOM gives None and the reject ``bad_dicom``; a value that cannot be
        converted is left out as ``bad_dicom_value``. pydicom gives a number that is spelt wrong
        as the text it is.
        """
        return documents.dicom_header(self._store, path, tags)

    def dicom_text(self, path: str | None, tags: Sequence[str]) -> dict[str, str]:
        """The same as text without outer blanks; blank where the file, if any, does not say."""
        header = self.dicom_header(path, tags) if path else None
        return {tag: str(header.get(tag) or "").strip() if header else "" for tag in tags}

    def picture_size(self, path: str) -> Frame | None:
        """(width, height) of a PNG or JPEG file, from its header; never its pixels.

        The size is that of the stored pixels, whatever EXIF says of turning them. A file without
        such a header gives None and the reject ``no_picture_size``.
        """
        with self._store.open(path) as stream:
            size = header_size(stream)
        if size is None:
            self.reject(path, None, "no_picture_size", "not a PNG or JPEG file, or cut short")
        return size

    def inside(self, path_from_table: str) -> str:
        """A path that a table names, with ``/`` and without ``.`` and leading slashes.

        Raises:
            UnsafePath: (a ReleaseError and a ValueError) it is empty, has a ``..``, or begins with
                a drive or a scheme. Known prefixes are for the caller to remove before.
        """
        return paths.inside(path_from_table, self.source)

    # Rejects

    def reject(
        self, path: str, row: int | None, reason: str, detail: str = "", *, expected: bool = False
    ) -> None:
        """Count a file or row that is set aside.

        Args:
            path: the file.
            row: line from 1, or None for the whole file.
            reason: in snake_case; counts are by reason.
            detail: for people; never text of a report.
            expected: True for what is known to be bad in the official release.
        """
        self._store.log.add(path, row, reason, detail, expected=expected)

    @property
    def rejects(self) -> list[Reject]:
        """The first 10,000 rejects of each reason."""
        return self._store.log.records

    @property
    def reject_counts(self) -> Counter[tuple[str, bool]]:
        """The number of all rejects by (reason, expected)."""
        return self._store.log.counts


def _json_problem(error: Exception) -> str:
    """What msgspec says, without the value that it quotes at times."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return re.sub(r"'.*'", "'...'", str(error), flags=re.DOTALL)
