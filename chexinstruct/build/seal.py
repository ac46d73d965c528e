"""The last stage: rejects, card, and the lock, written last of all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow.csv import write_csv

from chexinstruct.build.cache import whole_file
from chexinstruct.build.finished import forget, place, unseal
from chexinstruct.build.home import DATA, Home, write_json
from chexinstruct.build.link import READ_BY_PEOPLE
from chexinstruct.build.quality import describe
from chexinstruct.build.setting import Setting
from chexinstruct.build.studies import Rejection
from chexinstruct.papers import papers
from chexinstruct.quality import Counted, CountJob, Run, in_turn
from chexinstruct.schema import LOCK, Lock
from chexinstruct.source import Source


def seal(
    setting: Setting,
    lock: Lock,
    rejects: Mapping[str, Sequence[Rejection]],
    bad: Mapping[str, Sequence[tuple[str, str, str]]],
    matches: Mapping[str, pa.Table],
) -> None:
    """Make it a corpus: drop files that are no part of it, write report, papers, lock.

    Args:
        setting: of the build, in whose home the data files are all written.
        lock: what stands in them.
        rejects: rows that could not be used, by source.
        bad: pictures that could not be read, by source: path, reason, detail.
        matches: copies of pictures, by pair of sources.
    """
    home, sources = setting.home, setting.sources
    _drop_strangers(home, lock)
    with home.desk() as folder:
        _write_rejects(folder / "rejects", rejects, bad, sources)
        _write_links(folder / "links", matches)
        kept = describe(folder, lock, sources, lambda: home.texts(lock), counting(setting))
        written = papers(lock, sources, setting.tasks, kept.quality, kept.plot_paths())
        for name, text in written.items():
            with whole_file(folder / name) as draft:
                draft.write_text(text, encoding="utf-8")
    write_json(home, LOCK, lock)
    forget(home)


def counting(setting: Setting) -> Run:
    """What counts the rows of a report: the workers, which end behind the last job.

    Few rows are counted here while they end. So are all rows where workers may be on other
    machines: jobs leave their records in this machine's folder for temporary files, and read a copy
    on it of a corpus whose home is a URL.
    """

    def run(
        function: Callable[[CountJob], Counted], jobs: Sequence[CountJob]
    ) -> Iterator[tuple[int, Counted]]:
        if len(jobs) > 1 and setting.executor.local:
            yield from setting.run("report", function, jobs)
            setting.executor.dismiss()
        else:
            setting.executor.dismiss()
            yield from in_turn(function, jobs)

    return run


def _drop_strangers(home: Home, lock: Lock) -> None:
    """Remove data files of an earlier build that this one does not have."""
    ours = {place(shard) for shard in lock.shards} | {place(file) for file in lock.pictures}
    strangers = [name for folder in DATA for name in home.files(folder) if name not in ours]
    if strangers:
        unseal(home)
        home.remove(strangers)


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
