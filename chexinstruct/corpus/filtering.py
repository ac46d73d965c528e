"""A corpus out of a corpus: whole files by name where that will do, and nothing is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from chexinstruct.corpus.choosing import Choice, Withdrawals
from chexinstruct.corpus.conditions import Condition
from chexinstruct.corpus.deriving import (
    Known,
    check_target,
    drafted,
    finish,
    known_to,
    take,
    take_images,
)
from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus
from chexinstruct.corpus.narrowing import kept, narrow_shard, narrowed_lines
from chexinstruct.errors import CallError
from chexinstruct.places import local_only
from chexinstruct.schema import LOCK, Lock, Shard, StoredFile
from chexinstruct.schema.lock import Filtered
from chexinstruct.tasks import Task

TOLD = 10
"""Unknown names that are told; the others are counted."""


def filter_corpus(
    path: str | Path,
    out: str | Path,
    *,
    tasks: Sequence[str] = (),
    families: Sequence[str] = (),
    sources: Sequence[str] = (),
    splits: Sequence[str] = (),
    redistributable: bool = False,
    licenses: Sequence[str] = (),
    languages: Sequence[str] = (),
    views: Sequence[str] = (),
    findings: Sequence[str] = (),
    where: str | None = None,
    exclude_ids: str | Path | None = None,
    tell: Callable[[str], object] | None = None,
) -> Lock:
    """A corpus of some tasks, sources, splits and rows of another one.

    Files are hard links to the parent's where the file system has them, else copies; they are never
    changed in place by a build, so a link stays what it was. Stored pictures stay by whole files:
    those that hold a picture which a kept row names. Rejects and
    lists of linked pictures are not taken along.

    Tasks, families, sources and splits choose among files, and none is opened. The other conditions
    look at rows: of a file of which only some stay, row groups that stay whole are copied byte by
    byte and the others written anew, one at a time. So are stored pictures that no row names any
    more. No picture is decoded.

    Args:
        path: the corpus; it stays as it is.
        out: an empty folder, or one that is not there yet; readable by its owner alone.
        tasks: keys; none: all.
        families: families whose tasks stay, besides ``tasks``.
        sources: keys; none: all.
        splits: names; none: all.
        redistributable: only rows that everyone may have, as :mod:`chexinstruct.corpus.licensing`
            tells.
        licenses: only rows of these licence classes.
        languages: only rows in these languages.
        views: only rows that have pictures, all of one of these projections.
        findings: only rows that ask about one of these.
        where: only rows of which this is true, see :mod:`chexinstruct.corpus.conditions`.
        exclude_ids: a file of withdrawals, one a line: the id of a row, ``source/study``,
            ``source/picture`` or the digest of a patient.
        tell: takes what the user should know, such as withdrawals that the corpus knows not.

    Returns:
        The lock of the new corpus; the parent's lock and what was asked stand in ``filtered``.

    Raises:
        CallError: an unknown name, nothing to do, nothing left, or ``out`` cannot be taken.
        ChexinstructError: ``path`` is no corpus, or a file of it is missing.
    """
    corpus = open_corpus(path)
    target = local_only(out, "what is written", "copy it with the tool of the store when it stands")
    check_target(corpus.path, target)
    known = known_to(corpus)
    wanted = _tasks(corpus, tasks, families, known.tasks)
    with ExitStack() as stack:
        choice = Choice(
            known.sources,
            redistributable=redistributable,
            licenses=licenses,
            languages=languages,
            views=views,
            findings=findings,
            withdrawals=None if exclude_ids is None else Withdrawals(exclude_ids),
            condition=None if where is None else stack.enter_context(Condition(where)),
        )
        if not (wanted or sources or splits or choice.reason):
            raise CallError(
                "name the tasks, families, sources or splits to keep, or a condition on rows"
            )
        step = Filtered(
            parent=hashlib.sha256((corpus.path / LOCK).read_bytes()).hexdigest(),
            tasks=sorted(set(wanted)),
            sources=sorted(set(sources)),
            splits=sorted(set(splits)),
            redistributable=redistributable,
            licenses=sorted(set(licenses)),
            languages=sorted(set(languages)),
            views=sorted(set(views)),
            findings=sorted(set(findings)),
            where=where,
        )
        return _filter(corpus, target, known, choice, step, tell or _silent)


def _silent(_: str) -> None:
    pass


def _filter(
    corpus: Corpus,
    target: Path,
    known: Known,
    choice: Choice,
    step: Filtered,
    tell: Callable[[str], object],
) -> Lock:
    files = corpus.select(tasks=step.tasks, sources=step.sources, splits=step.splits)
    if not files:
        raise CallError(
            f"{corpus.path} has rows of each of these tasks, sources and splits, "
            "but no row that is of all three kinds at once; ask for less"
        )
    with drafted(target) as draft:
        reason = choice.reason
        if reason is not None:
            shards = _chosen(files, choice, draft, reason)
            choice.check_names(corpus.path)
            if not shards:
                raise CallError(_nothing_left(corpus, choice))
            names = {f"data/{shard.name}.parquet" for shard in shards}
            files = [file for file in files if file.name in names]
        else:
            shards = [take(file, draft).shard for file in files]
        if choice.withdrawals is not None:
            step = msgspec.structs.replace(step, withdrawn=choice.withdrawals.account())
            if unknown := choice.withdrawals.unknown():
                tell(
                    f"{choice.withdrawals.path}: {len(unknown):,} of "
                    f"{len(choice.withdrawals.names):,} names stand in no row that was looked at: "
                    f"{', '.join(unknown[:TOLD])}{', ...' if len(unknown) > TOLD else ''}"
                )
        pictures = take_images(corpus, files, draft, known.sources, needed_only=reason is not None)
        lock = _lock(corpus, shards, pictures, step, reason)
        finish(draft, lock, known)
    return lock


def _nothing_left(corpus: Corpus, choice: Choice) -> str:
    if choice.reason == "not_redistributable":
        return (
            f"no row of {corpus.path} may be passed on to everyone; "
            "`chexinstruct push --recipe` publishes how to build it"
        )
    return (
        f"no row of {corpus.path} meets all that was asked, so there is nothing to write; "
        "leave a condition out to see which one takes the last rows"
    )


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


def _chosen(files: Sequence[CorpusFile], choice: Choice, folder: Path, reason: str) -> list[Shard]:
    """Put the rows that are asked for into another corpus: whole files where all of one stay."""
    shards = []
    for file in files:
        masks = choice.masks(file)
        stay, of = kept(masks)
        if stay == of:
            shards.append(take(file, folder).shard)
        elif stay:
            shards.append(narrow_shard(file, masks, folder, reason))
    return shards


def _lock(
    corpus: Corpus,
    shards: Sequence[Shard],
    pictures: Sequence[StoredFile],
    step: Filtered,
    reason: str | None,
) -> Lock:
    parent = corpus.lock
    ledger = [
        line
        for line in parent.ledger
        if (not step.tasks or line.task in step.tasks)
        and (not step.sources or line.source in step.sources)
        and (not step.splits or line.split in step.splits)
    ]
    if reason is not None:
        with_rows = {shard.name.split("-")[1] for shard in shards}
        ledger = narrowed_lines([e for e in ledger if e.source in with_rows], shards, reason)
    present = {line.source for line in ledger}
    is_part = bool(step.sources) or reason is not None
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
