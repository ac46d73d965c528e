"""A corpus out of a corpus: whole files by name where that will do, and nothing is decoded."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import write_json
from chexinstruct.build.quality import describe
from chexinstruct.corpus.files import (
    Corpus,
    CorpusFile,
    LockedFile,
    open_corpus,
    picture_releases,
    read_batches,
)
from chexinstruct.corpus.licensing import COLUMNS, leaving
from chexinstruct.corpus.narrowing import (
    kept,
    masks_of,
    narrow_images,
    narrow_shard,
    narrowed_lines,
)
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.papers import papers
from chexinstruct.places import local_only
from chexinstruct.schema import LOCK, Lock, Shard, StoredFile
from chexinstruct.schema.lock import Filtered
from chexinstruct.source import Source
from chexinstruct.source import registry as source_registry
from chexinstruct.tasks import Task
from chexinstruct.tasks import registry as task_registry


def filter_corpus(
    path: str | Path,
    out: str | Path,
    *,
    tasks: Sequence[str] = (),
    families: Sequence[str] = (),
    sources: Sequence[str] = (),
    splits: Sequence[str] = (),
    redistributable: bool = False,
) -> Lock:
    """A corpus of some tasks, sources and splits of another one.

    Files are hard links to the parent's where the file system has them, else copies; they are never
    changed in place by a build, so a link stays what it was. Stored pictures stay by whole files:
    those that hold a picture which a kept row names. Rejects and
    lists of linked pictures are not taken along.

    Args:
        path: the corpus; it stays as it is.
        out: an empty folder, or one that is not there yet; readable by its owner alone.
        tasks: keys; none: all.
        families: families whose tasks stay, besides ``tasks``.
        sources: keys; none: all.
        splits: names; none: all.
        redistributable: only rows that everyone may have, as :mod:`chexinstruct.corpus.licensing`
            tells. Files that hold other rows too, or stored pictures that no row names any more,
            are written anew; nothing is decoded.

    Returns:
        The lock of the new corpus; the parent's lock and what was asked stand in ``filtered``.

    Raises:
        CallError: an unknown name, nothing to do, nothing left, or ``out`` cannot be taken.
        ChexinstructError: ``path`` is no corpus, or a file of it is missing.
    """
    corpus = open_corpus(path)
    target = local_only(out, "what is written", "copy it with the tool of the store when it stands")
    _check_target(corpus.path, target)
    known = _known(corpus)
    wanted = _tasks(corpus, tasks, families, known.tasks)
    if not (wanted or sources or splits or redistributable):
        raise CallError(
            "name the tasks, families, sources or splits to keep, or ask for --redistributable"
        )
    files = corpus.select(tasks=wanted, sources=sources, splits=splits)
    if not files:
        raise CallError(
            f"{corpus.path} has rows of each of these tasks, sources and splits, "
            "but no row that is of all three kinds at once; ask for less"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        if redistributable:
            shards = _redistributable(files, known.sources, draft)
            if not shards:
                raise CallError(
                    f"no row of {corpus.path} may be passed on to everyone; "
                    "`chexinstruct push --recipe` publishes how to build it"
                )
            names = {f"data/{shard.name}.parquet" for shard in shards}
            files = [file for file in files if file.name in names]
        else:
            shards = [_take(file, draft).shard for file in files]
        named = _named(corpus, files, draft, known.sources)
        pictures = _take_images(corpus, named, draft, needed_only=redistributable)
        step = Filtered(
            parent=hashlib.sha256((corpus.path / LOCK).read_bytes()).hexdigest(),
            tasks=sorted(set(wanted)),
            sources=sorted(set(sources)),
            splits=sorted(set(splits)),
            redistributable=redistributable,
        )
        lock = _lock(corpus, shards, pictures, step)
        kept = describe(draft, lock, known.sources)
        written = papers(lock, known.sources, known.tasks, kept.quality, kept.plot_paths())
        for name, text in written.items():
            (draft / name).write_text(text, encoding="utf-8")
        write_json(draft / LOCK, lock)
        draft.replace(target)
    except OSError as error:
        raise ChexinstructError(f"{target}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return lock


def _check_target(parent: Path, target: Path) -> None:
    here, there = parent.resolve(), target.resolve()
    if here == there or here in there.parents:
        raise CallError(f"{target} is the corpus itself or lies in it; name another folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CallError(f"{target} is not an empty folder; name one that is, or a new one")


@dataclass(frozen=True)
class _Known:
    sources: Mapping[str, Source]
    tasks: Mapping[str, Task]


def _known(corpus: Corpus) -> _Known:
    """The registries; the card is written from them, so they must know what the corpus holds."""
    known = _Known(source_registry(), task_registry())
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


def _tasks(
    corpus: Corpus, tasks: Sequence[str], families: Sequence[str], known: Mapping[str, Task]
) -> list[str]:
    """The tasks to keep; none: all."""
    held: dict[str, list[str]] = {}
    for name in corpus.tasks():
        held.setdefault(known[name].family, []).append(name)
    for family in families:
        if family not in held:
            raise CallError(
                f"{corpus.path} has no rows of family {family!r}; it has {', '.join(sorted(held))}"
            )
    return sorted({*tasks, *(name for family in families for name in held[family])})


REASON = "not_redistributable"
"""Under which examples are counted that were left out for their terms."""


def _redistributable(
    files: Sequence[CorpusFile], sources: Mapping[str, Source], folder: Path
) -> list[Shard]:
    """Put the rows that everyone may have into another corpus."""
    shards = []
    for file in files:
        masks = masks_of(file.path, COLUMNS, lambda rows: leaving(rows, sources))
        stay, of = kept(masks)
        if stay == of:
            shards.append(_take(file, folder).shard)
        elif stay:
            shards.append(narrow_shard(file, masks, folder, REASON))
    return shards


def _named(
    corpus: Corpus, files: Sequence[CorpusFile], folder: Path, sources: Mapping[str, Source]
) -> dict[str, pa.ChunkedArray]:
    """Names of the pictures that rows of the new corpus show, by the releases they may lie in."""
    if not corpus.images:
        return {}
    # A name is only looked for in its source's release and in those the source builds on: file
    # names like 1.png stand in many releases.
    named: dict[str, list[pa.Array]] = {}
    for file in files:
        found = _distinct(folder / file.name, "image_ids")
        for release in picture_releases(file.source, sources):
            named.setdefault(release, []).append(found)
    return {release: pa.chunked_array(parts, pa.string()) for release, parts in named.items()}


def _is_named(rows: pa.Table, names: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(rows["image_id"], value_set=names)


def _take_images(
    corpus: Corpus, named: Mapping[str, pa.ChunkedArray], folder: Path, *, needed_only: bool
) -> list[StoredFile]:
    """Put the stored pictures that are named into another corpus, with their neighbours or not."""
    taken = []
    for image in corpus.images:
        if image.release not in named:
            continue
        is_named = partial(_is_named, names=named[image.release])
        masks = masks_of(image.path, ["image_id"], is_named)
        stay, of = kept(masks)
        if stay == of or (stay and not needed_only):
            taken.append(_take(image, folder).stored)
        elif stay:
            taken.append(narrow_images(image, masks, folder))
    return taken


def _distinct(path: Path, column: str) -> pa.Array:
    parts = [pc.unique(pc.list_flatten(b[column])) for b in read_batches(path, [column])]
    return pc.unique(pa.chunked_array(parts, pa.string()))


def _lock(
    corpus: Corpus, shards: Sequence[Shard], pictures: Sequence[StoredFile], step: Filtered
) -> Lock:
    parent = corpus.lock
    ledger = [
        line
        for line in parent.ledger
        if (not step.tasks or line.task in step.tasks)
        and (not step.sources or line.source in step.sources)
        and (not step.splits or line.split in step.splits)
    ]
    if step.redistributable:
        with_rows = {shard.name.split("-")[1] for shard in shards}
        ledger = narrowed_lines([e for e in ledger if e.source in with_rows], shards, REASON)
    present = {line.source for line in ledger}
    is_part = bool(step.sources) or step.redistributable
    return msgspec.structs.replace(
        parent,
        sources=[account for account in parent.sources if account.source in present],
        ledger=ledger,
        shards=sorted(shards, key=lambda shard: shard.name),
        pictures=list(pictures),
        skipped_sources={} if is_part else parent.skipped_sources,
        shared=[item for item in parent.shared if present.issuperset(item.sources)],
        links=[item for item in parent.links if present.issuperset(item.sources)],
        filtered=[*parent.filtered, step],
    )


F = TypeVar("F", bound=LockedFile)


def _take(file: F, folder: Path) -> F:
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
