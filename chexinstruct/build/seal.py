"""The last stage: rejects, card, and the lock, written last of all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow.csv import write_csv

from chexinstruct.build.cache import whole_file, write_json
from chexinstruct.build.finished import forget, unseal
from chexinstruct.build.link import READ_BY_PEOPLE
from chexinstruct.build.quality import describe
from chexinstruct.build.studies import Rejection
from chexinstruct.papers import papers
from chexinstruct.schema import LOCK, Lock
from chexinstruct.source import Source
from chexinstruct.tasks import Task


def seal(
    out: Path,
    lock: Lock,
    sources: Mapping[str, Source],
    tasks: Mapping[str, Task],
    rejects: Mapping[str, Sequence[Rejection]],
    bad: Mapping[str, Sequence[tuple[str, str, str]]],
    matches: Mapping[str, pa.Table],
) -> None:
    """Make the folder a corpus: drop files that are no part of it, write report, papers, lock.

    Args:
        out: the folder; its data files are all written.
        lock: what stands in them.
        sources: the registry.
        tasks: of the manifest.
        rejects: rows that could not be used, by source.
        bad: pictures that could not be read, by source: path, reason, detail.
        matches: copies of pictures, by pair of sources.
    """
    _drop_strangers(out, lock)
    _write_rejects(out / "rejects", rejects, bad, sources)
    _write_links(out / "links", matches)
    kept = describe(out, lock, sources)
    for name, text in papers(lock, sources, tasks, kept.quality, kept.plot_paths()).items():
        with whole_file(out / name) as draft:
            draft.write_text(text, encoding="utf-8")
    write_json(out / LOCK, lock)
    forget(out)


def _drop_strangers(out: Path, lock: Lock) -> None:
    """Remove data files of an earlier build that this one does not have."""
    ours = {out / "data" / f"{shard.name}.parquet" for shard in lock.shards}
    ours |= {out / file.name for file in lock.pictures}
    folders = [out / "data", out / "images"]
    found = {path for folder in folders for path in (folder, *folder.rglob("*"))}
    strangers = [path for path in found - ours if path.is_file()]
    if strangers:
        unseal(out)
    for path in [*strangers, *out.glob(".*.tmp")]:
        path.unlink()
    for path in sorted(filter(Path.is_dir, found), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def _write_links(folder: Path, matches: Mapping[str, pa.Table]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for pair, table in sorted(matches.items()):
        with whole_file(folder / f"{pair}.csv") as draft:
            write_csv(table.select(READ_BY_PEOPLE), draft)


def _write_rejects(
    folder: Path,
    rejects: Mapping[str, Sequence[Rejection]],
    bad: Mapping[str, Sequence[tuple[str, str, str]]],
    sources: Mapping[str, Source],
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for source in sorted({*rejects, *(name for name, found in bad.items() if found)}):
        lines = [json.dumps(msgspec.to_builtins(item)) for item in rejects.get(source, ())]
        known = tuple(item.path for item in sources[source].card.known_bad)
        lines += [
            json.dumps(
                msgspec.to_builtins(Rejection(path, None, reason, detail, path.endswith(known)))
            )
            for path, reason, detail in bad.get(source, ())
        ]
        with whole_file(folder / f"{source}.jsonl") as draft:
            draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
