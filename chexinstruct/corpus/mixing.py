"""A mixture of built corpora: so many rows of train of each task and source, and how often."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chexinstruct.build.mixture import PairKey
from chexinstruct.build.shards import parquet_options
from chexinstruct.corpus.deriving import (
    check_target,
    drafted,
    finish,
    known_to,
    take,
    take_images,
)
from chexinstruct.corpus.files import Corpus, CorpusFile, ImageFile, open_corpus, opened, row_groups
from chexinstruct.corpus.mixplan import MixPlan, quotas
from chexinstruct.corpus.narrowing import example_names, narrowed_lines, rows_left
from chexinstruct.corpus.picture_checks import picture_findings
from chexinstruct.corpus.row_checks import one_split_findings
from chexinstruct.corpus.tables import Rows
from chexinstruct.corpus.verifying import picture_roots
from chexinstruct.draw import key
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import LOCK, Lock, Shard
from chexinstruct.schema.lock import Mixed, MixedParent
from chexinstruct.source import Source

REASON = "mixture"
"""Under which examples of train are counted that were not taken."""

T = TypeVar("T")

Times = npt.NDArray[np.int64]
"""How often each row stands in the mixture."""


def mix_corpora(paths: Sequence[str | Path], out: str | Path, plan: MixPlan) -> Lock:
    """One corpus of one or several, with so many rows of train of each task and source.

    Which rows are taken depends on the seed and their ids alone. A row that stands there again has
    ``#2``, ``#3``, ... behind its id. Files of which every row is taken once are hard links or
    copies; others are written a row group at a time, and no picture is decoded.

    Args:
        paths: the corpora; they stay as they are. The mixture has name, version and choices of the
            first.
        out: an empty folder, or one that is not there yet; readable by its owner alone.
        plan: what is asked.

    Returns:
        The lock of the mixture; what each task and pair gave stands last in ``mixed``.

    Raises:
        CallError: the plan does not fit, or ``out`` cannot be taken.
        ChexinstructError: there is no corpus, the corpora cannot be put together, or a person or a
            picture would stand on two sides.
    """
    corpora = [open_corpus(path) for path in paths]
    if not corpora:
        raise CallError("name a corpus to mix")
    target = Path(out)
    for corpus in corpora:
        check_target(corpus.path, target)
    merged = _merged(corpora, plan)
    known = known_to(merged)
    if len(corpora) > 1:
        _check_sides(merged, corpora, known.sources)
    train = [file for file in merged.files if file.split == "train"]
    available: dict[PairKey, int] = {}
    for file in train:
        pair = (file.task, file.source)
        available[pair] = available.get(pair, 0) + file.shard.rows
    given, shares = quotas(plan, available)
    with drafted(target) as draft:
        shards = [take(file, draft).shard for file in merged.files if file.split != "train"]
        for pair, wanted in given.items():
            shards += _mixed_shards(
                [f for f in train if (f.task, f.source) == pair], wanted, plan, draft
            )
        names = {f"data/{shard.name}.parquet" for shard in shards}
        files = [file for file in merged.files if file.name in names]
        step = Mixed(
            parents=[
                MixedParent(
                    lock=hashlib.sha256((corpus.path / LOCK).read_bytes()).hexdigest(),
                    manifest=corpus.lock.manifest,
                )
                for corpus in corpora
            ],
            seed=plan.seed,
            splits=list(plan.splits),
            shares=shares,
        )
        lock = msgspec.structs.replace(
            merged.lock,
            ledger=narrowed_lines(merged.lock.ledger, shards, REASON),
            shards=sorted(shards, key=lambda shard: shard.name),
            pictures=take_images(merged, files, draft, known.sources, needed_only=True),
            mixed=[*merged.lock.mixed, step],
        )
        finish(draft, lock, known)
    return lock


def _merged(corpora: Sequence[Corpus], plan: MixPlan) -> Corpus:
    """The corpora as one, though their files lie apart; only the splits that are asked for.

    Raises:
        ChexinstructError: they have pictures in different ways, or different rows of one pair.
    """
    first = corpora[0]
    for corpus in corpora[1:]:
        for what, ours, theirs in (
            ("images.mode", *(c.lock.manifest["images"]["mode"] for c in (first, corpus))),
            ("split_policy", *(c.lock.manifest["split_policy"] for c in (first, corpus))),
        ):
            if ours != theirs:
                raise ChexinstructError(
                    f"{first.path} was built with {what}: {ours}, {corpus.path} with {theirs}; "
                    "build both alike"
                )
    splits = {"train", *plan.splits}
    files: dict[PairKey, tuple[Corpus, list[CorpusFile]]] = {}
    images: dict[str, tuple[Corpus, list[ImageFile]]] = {}
    for corpus in corpora:
        for pair in sorted({(file.task, file.source) for file in corpus.files}):
            own = [file for file in corpus.files if (file.task, file.source) == pair]
            holder, held = files.setdefault(pair, (corpus, own))
            if _digests(held) != _digests(own):
                raise _two_kinds(holder, corpus, f"rows of {'/'.join(pair)}")
        for release in sorted({image.release for image in corpus.images}):
            stored = [image for image in corpus.images if image.release == release]
            keeper, there = images.setdefault(release, (corpus, stored))
            if _digests(there) != _digests(stored):
                raise _two_kinds(keeper, corpus, f"stored pictures of {release}")
    ledger = [
        line
        for corpus in corpora
        for line in corpus.lock.ledger
        if line.split in splits and files.get((line.task, line.source), (corpus, []))[0] is corpus
    ]
    accounts = {a.source: a for c in reversed(corpora) for a in c.lock.sources}
    lock = msgspec.structs.replace(
        first.lock,
        sources=[accounts[name] for name in sorted(accounts)],
        ledger=sorted(_once(ledger), key=lambda e: (e.task, e.source, e.split)),
        skipped_sources={},
        shared=_once(item for corpus in corpora for item in corpus.lock.shared),
        links=_once(item for corpus in corpora for item in corpus.lock.links),
        filtered=_once(item for corpus in corpora for item in corpus.lock.filtered),
        mixed=_once(item for corpus in corpora for item in corpus.lock.mixed),
    )
    return Corpus(
        first.path,
        lock,
        tuple(file for _, held in files.values() for file in held if file.split in splits),
        tuple(chain.from_iterable(held for _, held in images.values())),
    )


def _digests(files: Sequence[CorpusFile] | Sequence[ImageFile]) -> set[tuple[str, str]]:
    return {(file.name, file.sha256) for file in files}


def _two_kinds(one: Corpus, two: Corpus, what: str) -> ChexinstructError:
    return ChexinstructError(
        f"{one.path} and {two.path} have different {what}; take them out of one of the two with "
        "`chexinstruct filter`"
    )


def _once(items: Iterable[T]) -> list[T]:
    """The items without repetition, in their order."""
    found: list[T] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _check_sides(merged: Corpus, corpora: Sequence[Corpus], sources: Mapping[str, Source]) -> None:
    """Stop where a person or a picture would stand on two sides of the mixture.

    Digests of persons are keyed by the seed, so they are compared only where all seeds are equal;
    pictures are compared by name and by bytes in any case.
    """
    if merged.lock.manifest["split_policy"] == "official":
        return  # leaks of the releases are kept on purpose
    one_seed = len({corpus.lock.manifest["seed"] for corpus in corpora}) == 1
    with Rows(merged.files, roots=picture_roots(merged, sources)) as rows:
        findings = [*one_split_findings(rows, "")]
        if not one_seed:
            findings = [f for f in findings if f.check != "patients_in_one_split"]
        findings += picture_findings(rows, merged, "")[0]
    for finding in findings:
        if finding.level == "failed":
            raise ChexinstructError(
                f"the corpora cannot be mixed: {finding.message}; build them from one manifest, or "
                "leave a source out of one of them"
            )


def _mixed_shards(
    files: Sequence[CorpusFile], wanted: int, plan: MixPlan, folder: Path
) -> list[Shard]:
    """Write the files of train of one pair, with so many rows."""
    shards = []
    for file, times in zip(files, _times(files, wanted, plan.seed), strict=True):
        if (times == 1).all():
            shards.append(take(file, folder).shard)
        elif times.any():
            shards.append(_write(file, times, folder))
    return shards


def _times(files: Sequence[CorpusFile], wanted: int, seed: int) -> list[Times]:
    """How often each row of each file is taken: all as often, and those of the lowest keys once
    more."""
    sizes = [file.shard.rows for file in files]
    every, more = divmod(wanted, sum(sizes))
    times = np.full(sum(sizes), every, np.int64)
    if more:
        keys = np.fromiter(
            (
                key(seed, "mix", id)
                for file in files
                for _, table in row_groups(file.path, ["id"])
                for id in table["id"].to_pylist()
            ),
            np.uint64,
        )
        if len(keys) != len(times):
            raise ChexinstructError(
                f"{files[0].path}: other rows than the lock says; `chexinstruct verify` tells more"
            )
        times[np.argsort(keys, kind="stable")[:more]] += 1
    return np.split(times, np.cumsum(sizes)[:-1])


def _write(file: CorpusFile, times: Times, folder: Path) -> Shard:
    """Write the rows of a file so often; a row group anew for each repetition, so that memory stays
    that of one."""
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    ids: list[str] = []
    named = []
    start = 0
    with (
        opened(file.path) as read,
        pq.ParquetWriter(target, read.schema_arrow, **parquet_options()) as writer,
    ):
        for group in range(read.num_row_groups):
            here = times[start : start + read.metadata.row_group(group).num_rows]
            start += len(here)
            for number in range(1, int(here.max()) + 1):
                table = rows_left(read, group, pa.chunked_array([here >= number], pa.bool_()))
                if number == 1:
                    ids += table["id"].to_pylist()
                    named.append(pc.unique(pc.list_flatten(table["image_ids"])))
                writer.write_table(table if number == 1 else _marked(table, number))
    with target.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    examples = len(example_names(ids, file))
    return msgspec.structs.replace(
        file.shard,
        key="",  # a build never takes it for its own
        sha256=sha256,
        size=target.stat().st_size,
        rows=int(times.sum()),
        examples=examples,
        pictures=len(pc.unique(pa.chunked_array(named, pa.string()))),
        reasons={**file.shard.reasons, REASON: file.shard.examples - examples},
    )


def _marked(rows: pa.Table, number: int) -> pa.Table:
    """The rows as they stand there for the second time or later."""
    ids = pc.binary_join_element_wise(rows["id"], f"#{number}", "")
    place = rows.schema.get_field_index("id")
    return rows.set_column(place, rows.schema.field(place), ids)
