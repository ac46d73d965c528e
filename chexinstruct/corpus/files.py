"""A built corpus, opened: what it holds, and its rows, one row group at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.places import local_only
from chexinstruct.schema import LOCK, SPLITS, Lock, Shard, Split, StoredFile
from chexinstruct.source import Source

_DATA_NAME = re.compile(
    rf"(?P<task>[a-z0-9_]+)/(?P<split>{'|'.join(SPLITS)})-(?P<source>[a-z0-9_]+)-\d{{5}}-of-\d{{5}}"
)
_IMAGES_NAME = re.compile(r"images/(?P<release>[a-z0-9_]+)-\d{5}-of-\d{5}\.parquet")


@dataclass(frozen=True)
class LockedFile:
    """A file that the lock names."""

    name: str
    """Path inside the corpus, POSIX separators."""
    path: Path
    size: int
    """Bytes, as the lock says."""
    sha256: str
    """As the lock says."""


@dataclass(frozen=True)
class CorpusFile(LockedFile):
    """A data file; its name says what stands in it, so none is opened to choose among them."""

    task: str
    split: Split
    source: str
    shard: Shard
    """What the lock says of it."""


@dataclass(frozen=True)
class ImageFile(LockedFile):
    """A file of pictures of a corpus built with ``images: store``."""

    release: str
    """Key of the source whose release the pictures come from."""
    stored: StoredFile
    """What the lock says of it."""


@dataclass(frozen=True)
class Corpus:
    """A built corpus. Nothing of it is held in memory but its lock."""

    path: Path
    lock: Lock
    files: tuple[CorpusFile, ...]
    """By task, split, source and number."""
    images: tuple[ImageFile, ...]
    """Empty unless the pictures are stored apart."""

    def tasks(self) -> list[str]:
        """Keys of the tasks that have rows, sorted."""
        return sorted({file.task for file in self.files})

    def sources(self) -> list[str]:
        """Keys of the sources that have rows, sorted."""
        return sorted({file.source for file in self.files})

    def splits(self) -> list[Split]:
        """Splits that have rows, in the order train, validation, test."""
        present = {file.split for file in self.files}
        return [split for split in SPLITS if split in present]

    def select(
        self,
        *,
        tasks: Sequence[str] = (),
        sources: Sequence[str] = (),
        splits: Sequence[str] = (),
    ) -> list[CorpusFile]:
        """The files of some tasks, sources and splits; an empty choice means all.

        Raises:
            CallError: a name of which the corpus has no rows; those it has are listed.
        """
        for what, asked, known in (
            ("task", tasks, self.tasks()),
            ("source", sources, self.sources()),
            ("split", splits, self.splits()),
        ):
            for name in asked:
                if name not in known:
                    raise CallError(
                        f"{self.path} has no rows of {what} {name!r}; it has {', '.join(known)}"
                    )
        return [
            file
            for file in self.files
            if (not tasks or file.task in tasks)
            and (not sources or file.source in sources)
            and (not splits or file.split in splits)
        ]

    def rows(
        self,
        columns: Sequence[str] | None = None,
        *,
        tasks: Sequence[str] = (),
        sources: Sequence[str] = (),
        splits: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """The rows of some tasks, sources and splits, a row group at a time.

        Args:
            columns: only these are read (``images.list.element.path`` reads a part of one); None:
                all. Without ``images`` no picture is touched.
            tasks: keys; none: all. So for ``sources`` and ``splits``.

        Raises:
            CallError: an unknown name.
            ChexinstructError: a file cannot be read.
        """
        for file in self.select(tasks=tasks, sources=sources, splits=splits):
            yield from read_batches(file.path, columns)


def open_corpus(path: str | Path) -> Corpus:
    """The corpus in a folder; reads its lock and nothing else.

    Raises:
        ChexinstructError: there is no lock, so no corpus or an unfinished one, or the lock is not
            of this version.
    """
    folder = local_only(
        path,
        "a corpus that is read",
        "copy it with the store's own tool, as docs/buckets.md says",
    )
    try:
        lock = msgspec.json.decode((folder / LOCK).read_bytes(), type=Lock)
    except (FileNotFoundError, NotADirectoryError):
        raise ChexinstructError(
            f"no corpus at {folder}, or its build was not finished: run the build again"
        ) from None
    except msgspec.MsgspecError as error:
        raise ChexinstructError(
            f"{folder / LOCK}: not a lock that this version reads ({error}); open it with the "
            "version of chexinstruct that wrote it, or build the corpus again"
        ) from None
    files = [_data_file(folder, shard) for shard in lock.shards]
    order = {split: number for number, split in enumerate(SPLITS)}
    files.sort(key=lambda file: (file.task, order[file.split], file.source, file.name))
    return Corpus(
        folder, lock, tuple(files), tuple(_image_file(folder, item) for item in lock.pictures)
    )


def _data_file(folder: Path, shard: Shard) -> CorpusFile:
    named = _DATA_NAME.fullmatch(shard.name)
    if named is None:
        raise _strange(folder, shard.name)
    name = f"data/{shard.name}.parquet"
    return CorpusFile(
        name=name,
        path=folder / name,
        size=shard.size,
        sha256=shard.sha256,
        task=named["task"],
        split=cast(Split, named["split"]),
        source=named["source"],
        shard=shard,
    )


def _image_file(folder: Path, stored: StoredFile) -> ImageFile:
    named = _IMAGES_NAME.fullmatch(stored.name)
    if named is None:
        raise _strange(folder, stored.name)
    return ImageFile(
        name=stored.name,
        path=folder / stored.name,
        size=stored.size,
        sha256=stored.sha256,
        release=named["release"],
        stored=stored,
    )


def _strange(folder: Path, name: str) -> ChexinstructError:
    # Also keeps a lock of unknown origin from naming files outside the corpus.
    return ChexinstructError(f"{folder / LOCK}: {name!r} is not the name of a corpus file")


def picture_releases(source: str, sources: Mapping[str, Source]) -> Iterator[str]:
    """The releases that rows of a source show pictures of: its own, and those it builds on.

    A name of a picture is only looked for there: file names like 1.png stand in many releases.
    Of a source that is not in the registry only its own is known.
    """
    yield source
    if source in sources:
        for parent in sources[source].card.parents:
            yield from picture_releases(parent, sources)


def named_pictures(
    folder: Path, files: Iterable[CorpusFile], sources: Mapping[str, Source]
) -> dict[str, pa.ChunkedArray]:
    """Names of the pictures that rows show, by the releases that the pictures may lie in.

    Args:
        folder: of the corpus that has the files.
        files: whose rows are looked at; only the names of their pictures are read.
        sources: the registry.

    Raises:
        ChexinstructError: a file is not there or damaged.
    """
    named: dict[str, list[pa.Array]] = {}
    for file in files:
        parts = [
            pc.unique(pc.list_flatten(batch["image_ids"]))
            for batch in read_batches(folder / file.name, ["image_ids"])
        ]
        found = pc.unique(pa.chunked_array(parts, pa.string()))
        for release in picture_releases(file.source, sources):
            named.setdefault(release, []).append(found)
    return {release: pa.chunked_array(parts, pa.string()) for release, parts in named.items()}


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one Parquet file, a row group at a time.

    Raises:
        CallError: the file has no such column.
        ChexinstructError: the file is not there or damaged.
    """
    for _, table in row_groups(path, columns):
        yield from table.to_batches()


def row_groups(
    path: Path, columns: Sequence[str] | None = None, numbers: Iterable[int] | None = None
) -> Iterator[tuple[int, pa.Table]]:
    """(number, rows) of the row groups of one Parquet file; of some of them, if they are given.

    Raises:
        CallError: the file has no such column.
        ChexinstructError: the file is not there or damaged.
    """
    with opened(path) as file:
        known = file.schema_arrow.names
        for name in columns or ():
            if name.partition(".")[0] not in known:
                raise CallError(f"{path}: no column {name!r}; it has {', '.join(known)}")
        for number in range(file.num_row_groups) if numbers is None else numbers:
            yield number, file.read_row_group(number, columns=columns)


@contextmanager
def opened(path: Path, *, dictionaries: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """A Parquet file of the corpus, to be read from.

    Args:
        path: of the file.
        dictionaries: columns to be read as the file codes them, equal values once.

    Raises:
        ChexinstructError: the file is not there or damaged, seen now or while it is read.
    """
    try:
        with pq.ParquetFile(path, read_dictionary=list(dictionaries)) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise ChexinstructError(
            f"{path}: cannot be read ({type(error).__name__}); "
            "`chexinstruct verify` tells what else is wrong with the corpus"
        ) from None
