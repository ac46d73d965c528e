"""Where the finished files of a corpus stand: a folder of this machine, or a remote store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from chexinstruct.build.cache import digest, private_folder, whole_file
from chexinstruct.build.lease import leased
from chexinstruct.build.parts import taken
from chexinstruct.build.remote import Bucket
from chexinstruct.places import is_remote
from chexinstruct.schema import LOCK, Lock

if TYPE_CHECKING:
    from chexinstruct.build.setting import Part

WORK = ".build"
"""Folder of the corpus that holds markers of finished files until the lock is written."""
DATA = ("data", "images")
"""Its folders of data files; all else is for people and small."""


class Home(Protocol):
    """Where the finished files of a corpus stand. Names are relative and POSIX.

    A home can be pickled: the processes that write shards get it with their jobs.
    """

    @property
    def shown(self) -> str:
        """For messages; without user and password."""

    def whole_file(self, name: str) -> AbstractContextManager[Path]:
        """A path of this machine to write to. The file stands in the home, whole, when the block
        has ended without an error; half a file never does."""

    def read(self, name: str) -> bytes | None:
        """A small file, or None where there is none."""

    def read_all(self, folder: str) -> dict[str, bytes]:
        """The small files under a folder by name, sorted."""

    def files(self, folder: str) -> dict[str, int]:
        """Name and bytes of all files under a folder, sorted."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are no error."""

    def desk(self) -> AbstractContextManager[Path]:
        """A folder of this machine with everything that is no data file, the lock and markers
        excepted; what it holds when the block has ended is what the home holds."""

    def texts(self, lock: Lock) -> AbstractContextManager[Path]:
        """A folder of this machine that has the data files, those with pictures without them."""

    def held(self, part: Part | None) -> AbstractContextManager[None]:
        """Keep other builds out, as :func:`chexinstruct.build.parts.taken` says.

        Raises:
            CallError: somebody else holds it.
        """


def home_of(out: str | Path, cache: Path) -> Home:
    """The home at a path or URL.

    Raises:
        ChexinstructError: the store cannot be reached, or no library for it is installed.
    """
    if is_remote(out):
        return RemoteHome(Bucket.at(str(out)), cache / "uploads")
    return LocalHome(Path(str(out).removeprefix("file://")))


def write_json(home: Home, name: str, value: Any) -> None:
    """The value as JSON, keys sorted."""
    with home.whole_file(name) as draft:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted")) + b"\n")


@dataclass(frozen=True)
class LocalHome:
    """A folder of this machine."""

    folder: Path

    @property
    def shown(self) -> str:
        """See :class:`Home`."""
        return str(self.folder)

    def whole_file(self, name: str) -> AbstractContextManager[Path]:
        """See :class:`Home`."""
        return whole_file(self.folder / name)

    def read(self, name: str) -> bytes | None:
        """See :class:`Home`."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, folder: str) -> dict[str, bytes]:
        """See :class:`Home`."""
        found = {name: self.read(name) for name in self.files(folder)}
        return {name: content for name, content in found.items() if content is not None}

    def files(self, folder: str) -> dict[str, int]:
        """See :class:`Home`."""
        found = {}
        for path in sorted((self.folder / folder).rglob("*")):
            with suppress(FileNotFoundError):  # another part's draft, which took its final name
                if path.is_file():
                    found[path.relative_to(self.folder).as_posix()] = path.stat().st_size
        return found

    def remove(self, names: Iterable[str]) -> None:
        """See :class:`Home`; folders that become empty go too."""
        for name in names:
            path = self.folder / name
            path.unlink(missing_ok=True)
            for parent in path.relative_to(self.folder).parents:
                above = self.folder / parent
                if parent == Path() or not above.is_dir() or any(above.iterdir()):
                    break
                above.rmdir()

    @contextmanager
    def desk(self) -> Iterator[Path]:
        """See :class:`Home`."""
        yield self.folder
        for path in self.folder.glob(".*.tmp"):
            path.unlink()

    @contextmanager
    def texts(self, lock: Lock) -> Iterator[Path]:
        """See :class:`Home`."""
        yield self.folder

    @contextmanager
    def held(self, part: Part | None) -> Iterator[None]:
        """See :class:`Home`."""
        with taken(private_folder(private_folder(self.folder) / WORK), part):
            yield


@dataclass(frozen=True)
class RemoteHome:
    """A folder of a store that fsspec knows, with a folder of this machine to write drafts in."""

    bucket: Bucket
    drafts: Path

    @property
    def shown(self) -> str:
        """See :class:`Home`."""
        return self.bucket.shown

    @contextmanager
    def whole_file(self, name: str) -> Iterator[Path]:
        """See :class:`Home`."""
        private_folder(self.drafts)
        with tempfile.TemporaryDirectory(prefix=f"{digest(name)}-", dir=self.drafts) as folder:
            draft = Path(folder) / Path(name).name
            yield draft
            self.bucket.put(draft, name)

    def read(self, name: str) -> bytes | None:
        """See :class:`Home`."""
        return self.bucket.get(name)

    def read_all(self, folder: str) -> dict[str, bytes]:
        """See :class:`Home`."""
        return self.bucket.get_all(self.bucket.files(folder))

    def files(self, folder: str) -> dict[str, int]:
        """See :class:`Home`."""
        return self.bucket.files(folder)

    def remove(self, names: Iterable[str]) -> None:
        """See :class:`Home`."""
        self.bucket.remove(names)

    @contextmanager
    def desk(self) -> Iterator[Path]:
        """See :class:`Home`."""
        private_folder(self.drafts)
        with tempfile.TemporaryDirectory(prefix="desk-", dir=self.drafts) as name:
            folder = Path(name)
            others = (LOCK, *(f"{one}/" for one in (*DATA, WORK)))
            before = self.bucket.get_all(
                name for name in self.bucket.files("") if not name.startswith(others)
            )
            for path, content in before.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            yield folder
            after = LocalHome(folder).files("")
            for path in after:
                if before.get(path) != (folder / path).read_bytes():
                    self.bucket.put(folder / path, path)
            self.bucket.remove(before.keys() - after.keys())

    @contextmanager
    def texts(self, lock: Lock) -> Iterator[Path]:
        """See :class:`Home`; only columns of text are fetched."""
        private_folder(self.drafts)
        with tempfile.TemporaryDirectory(prefix="texts-", dir=self.drafts) as name:
            folder = Path(name)
            for shard in lock.shards:
                self.bucket.fetch_texts(f"data/{shard.name}.parquet", folder)
            yield folder

    def held(self, part: Part | None) -> AbstractContextManager[None]:
        """See :class:`Home`."""
        return leased(self.bucket, part)
