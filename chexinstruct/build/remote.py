"""A folder of a remote store, written whole file by whole file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.places import shown
from chexinstruct.transient import Short, tried

T = TypeVar("T")

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""Extra of this package by scheme. These stores show an object only when all of it has arrived."""
PICTURES = "images"
"""The column that texts have empty."""
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Bucket:
    """A folder of a store that fsspec knows. Where it is and who asks, its own settings say.

    Every method waits for failures of the store as :mod:`chexinstruct.transient` says.
    """

    url: str

    @classmethod
    def at(cls, url: str) -> Bucket:
        """The folder at a URL; it need not be there yet.

        Raises:
            CallError: no library for the scheme is installed, or the URL is wrong.
        """
        made = cls(url.rstrip("/"))
        try:
            made._place()
        except ImportError:
            extra = EXTRAS.get(url.partition(":")[0])
            fix = f"pip install 'chexinstruct[{extra}]'" if extra else "install what fsspec names"
            raise CallError(f"{made.shown}: no library for it is installed; {fix}") from None
        except ValueError as error:
            raise CallError(f"{made.shown}: {type(error).__name__}; check the address") from error
        return made

    @property
    def shown(self) -> str:
        """The URL without user and password."""
        return shown(self.url)

    def _place(self) -> tuple[Any, str]:
        """The file system, of which fsspec keeps one a process, and the folder in it."""
        # What others write meanwhile has to be seen.
        fs, root = url_to_fs(self.url, use_listings_cache=False)
        return fs, root.rstrip("/")

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Errors of a store as one line; their own text may quote a signed request."""
        try:
            yield
        except ChexinstructError:
            raise
        except Exception as error:
            raise ChexinstructError(
                f"{self.shown}/{name}: {type(error).__name__}; check that the bucket is there, and "
                "your rights to list, read, write and delete in it"
            ) from error

    def _tried(self, call: Callable[[], T], name: str) -> T:
        with self._told(name):
            return tried(call, f"{self.shown}/{name}")

    def put(self, file: Path, name: str) -> None:
        """Upload a file; it takes its name when all of it is there, and is then looked at.

        Raises:
            StorageError: what arrives is another file each time.
        """
        fs, root = self._place()
        target = f"{root}/{name}"

        def upload() -> None:
            if self.url.partition(":")[0] in EXTRAS:
                fs.put_file(str(file), target)
            else:
                folder, _, last = target.rpartition("/")
                fs.makedirs(folder, exist_ok=True)
                draft = f"{folder}/.{last}.{uuid.uuid4().hex}.tmp"
                try:
                    fs.put_file(str(file), draft)
                    fs.mv(draft, target)
                except BaseException:
                    if fs.exists(draft):
                        fs.rm_file(draft)
                    raise
            self._compare(file, fs, target)

        self._tried(upload, name)

    def _compare(self, file: Path, fs: Any, target: str) -> None:
        about = fs.info(target)
        if about["size"] != file.stat().st_size:
            raise Short(f"{about['size']} bytes arrived")
        told = _md5(about)
        if told is None:
            return
        with file.open("rb") as ours:
            if hashlib.file_digest(ours, "md5").hexdigest() == told:
                return
        # With keys of a customer the tag is no MD5, so only the bytes themselves can tell.
        with file.open("rb") as ours, fs.open(target, "rb") as theirs:
            if (
                hashlib.file_digest(ours, "sha256").digest()
                != hashlib.file_digest(theirs, "sha256").digest()
            ):
                raise Short("other bytes arrived")

    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        fs, root = self._place()
        if self.url.partition(":")[0] not in EXTRAS:
            fs.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
        self._tried(lambda: fs.pipe_file(f"{root}/{name}", data), name)

    def get(self, name: str) -> bytes | None:
        """A small file, or None where there is none."""
        fs, root = self._place()

        def fetch() -> bytes | None:
            try:
                data: bytes = fs.cat_file(f"{root}/{name}")
            except FileNotFoundError:
                return None
            return data

        return self._tried(fetch, name)

    def get_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Small files, several at once; those that have gone are left out."""
        fs, root = self._place()
        wanted = {f"{root}/{name}": name for name in names}
        if not wanted:
            return {}

        def fetch() -> dict[str, bytes]:
            found: dict[str, Any] = fs.cat(list(wanted), on_error="return")
            for value in found.values():
                if isinstance(value, Exception) and not isinstance(value, FileNotFoundError):
                    raise value
            return {wanted[path]: data for path, data in found.items() if isinstance(data, bytes)}

        return self._tried(fetch, next(iter(wanted.values())))

    def files(self, folder: str) -> dict[str, int]:
        """Name and bytes of all files under a folder, sorted."""
        return {name: about["size"] for name, about in self._listed(folder).items()}

    def times(self, folder: str) -> dict[str, datetime]:
        """Name of all files under a folder, and when each was written, by the clock of the
        store."""
        fs, root = self._place()
        return {
            name: self._tried(lambda name=name: fs.modified(f"{root}/{name}"), name)  # type: ignore[misc]
            for name in self._listed(folder)
        }

    def _listed(self, folder: str) -> Mapping[str, Any]:
        fs, root = self._place()

        def find() -> dict[str, Any]:
            fs.invalidate_cache()
            try:
                found: dict[str, Any] = fs.find(f"{root}/{folder}".rstrip("/"), detail=True)
            except FileNotFoundError:
                return {}
            return found

        found = self._tried(find, folder)
        inner = root.strip("/") + "/"
        return {
            path.lstrip("/").removeprefix(inner): about
            for path, about in sorted(found.items())
            if about.get("type") != "directory"
        }

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are no error."""
        fs, root = self._place()
        paths = [f"{root}/{name}" for name in names]
        if self.url.partition(":")[0] not in EXTRAS:
            paths = [path for path in paths if fs.exists(path)]
        if paths:
            self._tried(lambda: fs.rm(paths), paths[0].removeprefix(f"{root}/"))

    def fetch_texts(self, name: str, folder: Path) -> None:
        """A data file without its pictures, into a folder of this machine.

        Only the columns that are asked for travel.
        """
        fs, root = self._place()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)

        def fetch() -> None:
            with fs.open(f"{root}/{name}", "rb", cache_type="none") as stream:
                file = pq.ParquetFile(stream, pre_buffer=True)
                schema = file.schema_arrow
                kept = [one for one in schema.names if one != PICTURES]
                empty = schema.get_field_index(PICTURES)
                with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                    for group in range(file.metadata.num_row_groups):
                        table = file.read_row_group(group, columns=kept)
                        none = pa.array([[]] * len(table), schema.field(empty).type)
                        table = table.add_column(empty, schema.field(empty), none)
                        writer.write_table(table.cast(schema))

        self._tried(fetch, name)


def _md5(about: Mapping[str, Any]) -> str | None:
    """What a store tells of the bytes: md5Hash of GCS; the tag of S3, which is one for an object
    that came in one piece."""
    if told := about.get("md5Hash"):
        try:
            return base64.b64decode(told).hex()
        except binascii.Error:
            return None
    tag = str(about.get("ETag") or "").strip('"')
    return tag if _MD5.fullmatch(tag) else None
