"""A corpus out of a corpus: whole files by name, nothing decoded and nothing encoded anew."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.build.cache import write_json
from chexinstruct.build.quality import describe
from chexinstruct.corpus.files import (
    Corpus,
    CorpusFile,
    ImageFile,
    LockedFile,
    open_corpus,
    read_batches,
)
from chexinstruct.datacard import CARD, card
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import LOCK, Lock
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

    Returns:
        The lock of the new corpus; the parent's lock and what was asked stand in ``filtered``.

    Raises:
        CallError: an unknown name, nothing to do, nothing left, or ``out`` cannot be taken.
        ChexinstructError: ``path`` is no corpus, or a file of it is missing.
    """
    corpus = open_corpus(path)
    target = Path(out)
    _check_target(corpus.path, target)
    known = _known(corpus)
    wanted = _tasks(corpus, tasks, families, known.tasks)
    if not (wanted or sources or splits):
        raise CallError("name the tasks, families, sources or splits to keep")
    files = corpus.select(tasks=wanted, sources=sources, splits=splits)
    if not files:
        raise CallError(
            f"{corpus.path} has rows of each of these tasks, sources and splits, "
            "but no row that is of all three kinds at once; ask for less"
        )
    images = _images_of(corpus, files, known.sources)
    lock = _lock(corpus, files, images, wanted, sources, splits)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        for file in [*files, *images]:
            _take(file, draft)
        kept = describe(draft, lock, known.sources, corpus.path)  # a fault names its file
        text = card(lock, known.sources, known.tasks, kept.quality, kept.plot_paths())
        (draft / CARD).write_text(text, encoding="utf-8")
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


def _images_of(
    corpus: Corpus, files: Sequence[CorpusFile], sources: Mapping[str, Source]
) -> list[ImageFile]:
    """The stored files that hold a picture which rows of these files name."""
    if not corpus.images:
        return []
    # A name is only looked for in its source's release and in those the source builds on: file
    # names like 1.png stand in many releases.
    named: dict[str, list[pa.Array]] = {}
    for file in files:
        found = _distinct(file.path, "image_ids")
        for release in _releases(file.source, sources):
            named.setdefault(release, []).append(found)
    return [image for image in corpus.images if _holds(image, named.get(image.release, ()))]


def _releases(key: str, sources: Mapping[str, Source]) -> Iterator[str]:
    yield key
    for parent in sources[key].card.parents:
        yield from _releases(parent, sources)


def _distinct(path: Path, column: str) -> pa.Array:
    parts = [pc.unique(pc.list_flatten(b[column])) for b in read_batches(path, [column])]
    return pc.unique(pa.chunked_array(parts, pa.string()))


def _holds(image: ImageFile, named: Collection[pa.Array]) -> bool:
    if not named:
        return False
    names = pa.chunked_array(named, pa.string())
    return any(
        pc.any(pc.is_in(batch["image_id"], value_set=names)).as_py()
        for batch in read_batches(image.path, ["image_id"])
    )


def _lock(
    corpus: Corpus,
    files: Sequence[CorpusFile],
    images: Sequence[ImageFile],
    tasks: Sequence[str],
    sources: Sequence[str],
    splits: Sequence[str],
) -> Lock:
    parent = corpus.lock
    ledger = [
        line
        for line in parent.ledger
        if (not tasks or line.task in tasks)
        and (not sources or line.source in sources)
        and (not splits or line.split in splits)
    ]
    present = {line.source for line in ledger}
    step = Filtered(
        parent=hashlib.sha256((corpus.path / LOCK).read_bytes()).hexdigest(),
        tasks=sorted(set(tasks)),
        sources=sorted(set(sources)),
        splits=sorted(set(splits)),
    )
    return msgspec.structs.replace(
        parent,
        sources=[account for account in parent.sources if account.source in present],
        ledger=ledger,
        shards=sorted((file.shard for file in files), key=lambda shard: shard.name),
        pictures=[image.stored for image in images],
        skipped_sources={} if sources else parent.skipped_sources,
        shared=[item for item in parent.shared if present.issuperset(item.sources)],
        links=[item for item in parent.links if present.issuperset(item.sources)],
        filtered=[*parent.filtered, step],
    )


def _take(file: LockedFile, folder: Path) -> None:
    """Put the file into another corpus, as a hard link where that can be.

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
