"""What every corpus that is made of others has in common: its place, its files, its papers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import write_json
from chexinstruct.build.quality import describe
from chexinstruct.corpus.files import Corpus, CorpusFile, LockedFile, named_pictures
from chexinstruct.corpus.narrowing import kept, masks_of, narrow_images
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.papers import papers
from chexinstruct.schema import LOCK, Lock, StoredFile
from chexinstruct.source import Source
from chexinstruct.source import registry as source_registry
from chexinstruct.tasks import Task
from chexinstruct.tasks import registry as task_registry


def check_target(parent: Path, target: Path) -> None:
    """Whether what is made of a corpus or bench can be written there.

    Raises:
        CallError: it is the parent or lies in it, or it is not empty.
    """
    here, there = parent.resolve(), target.resolve()
    if here == there or here in there.parents:
        raise CallError(f"{target} is {parent} or lies in it; name another folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CallError(f"{target} is not an empty folder; name one that is, or a new one")


@contextmanager
def drafted(target: Path) -> Iterator[Path]:
    """A folder beside the target, that takes its place if all goes well and is gone if not.

    Raises:
        ChexinstructError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
        try:
            yield draft
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ChexinstructError(f"{target}: cannot be written: {error.strerror}") from None


@dataclass(frozen=True)
class Known:
    """The registries."""

    sources: Mapping[str, Source]
    tasks: Mapping[str, Task]


def known_to(corpus: Corpus) -> Known:
    """The registries; the card is written from them, so they must know what the corpus holds."""
    known = Known(source_registry(), task_registry())
    for what, held, registered in (
        ("source", corpus.sources(), known.sources),
        ("task", corpus.tasks(), known.tasks),
    ):
        for name in held:
            if name not in registered:
                raise ChexinstructError(
                    f"{corpus.path}: the {what} {name!r} is not known here; install the package "
                    f"that gives it (the corpus was built by chexinstruct "
                    f"{corpus.lock.chexinstruct})"
                )
    return known


def finish(folder: Path, lock: Lock, known: Known) -> None:
    """Write report, papers and lock; the lock last."""
    described = describe(folder, lock, known.sources)
    written = papers(lock, known.sources, known.tasks, described.quality, described.plot_paths())
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_json(folder / LOCK, lock)


def _is_named(rows: pa.Table, names: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(rows["image_id"], value_set=names)


def take_images(
    corpus: Corpus,
    files: Sequence[CorpusFile],
    folder: Path,
    sources: Mapping[str, Source],
    *,
    needed_only: bool,
) -> list[StoredFile]:
    """Put the stored pictures that rows name into another corpus, with their neighbours or not.

    Args:
        corpus: that has the pictures.
        files: with the rows, as they stand in the other corpus already.
        folder: of the other corpus.
        sources: the registry.
        needed_only: no picture that nobody names; else a file stays whole where one is named.
    """
    if not corpus.images:
        return []
    named = named_pictures(folder, files, sources)
    taken = []
    for image in corpus.images:
        if image.release not in named:
            continue
        is_named = partial(_is_named, names=named[image.release])
        masks = masks_of(image.path, ["image_id"], is_named)
        stay, of = kept(masks)
        if stay == of or (stay and not needed_only):
            taken.append(take(image, folder).stored)
        elif stay:
            taken.append(narrow_images(image, masks, folder))
    return taken


F = TypeVar("F", bound=LockedFile)


def take(file: F, folder: Path) -> F:
    """Put the file into another corpus, as a hard link where that can be; gives it back.

    Raises:
        ChexinstructError: it is not there, or not of the size that the lock says.
    """
    source, target = file.path.resolve(), folder / file.name
    if not source.is_file() or source.stat().st_size != file.size:
        raise ChexinstructError(
            f"{file.path}: not there, or not as the lock says; `chexinstruct verify` tells more"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
    return file
