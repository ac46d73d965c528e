"""The quality report of a corpus, from its data files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chexinstruct.quality import counting, guessing
from chexinstruct.quality.concerns import concerns
from chexinstruct.quality.jobs import Run, in_turn
from chexinstruct.quality.report import Quality
from chexinstruct.quality.rows import Facts
from chexinstruct.quality.sums import DataFile
from chexinstruct.schema import Lock


def measure(folder: Path, lock: Lock, roots: Mapping[str, str], run: Run = in_turn) -> Quality:
    """Count what stands in the data files of a corpus. No picture is read.

    Some 3 s of processor time for a million rows, and 100 MB of memory for any number: what may be
    much goes to a temporary folder, up to 100 bytes a row. Most of the time is that of the jobs.

    Args:
        folder: of the corpus.
        lock: names the data files; of the rest, name and version are used.
        roots: source -> the source whose pictures it shows, so that pictures which several sources
            show count once; sources that are not there show their own.
        run: runs the jobs that count the rows, each of some files; for example in processes, which
            must see the corpus and the system's folder for temporary files. The report does not
            depend on it.

    Raises:
        ChexinstructError: a file cannot be read, or has other columns than this version writes.
    """
    files = data_files(folder, lock, roots)
    name, version = lock.manifest["name"], lock.manifest["version"]
    if not files:
        return Quality(name=name, version=version)
    with Facts(files, run) as facts:
        guesses = guessing.guesses(facts)
        places = guessing.places(facts)
        yes_no = guessing.yes_no(facts)
        rows = counting.rows(facts)
        repeats = counting.repeats(facts, rows)
        faulty = counting.faulty(facts)
        across = counting.across_splits(facts, rows)
        patients, people, shared = counting.people(facts)
        counts = counting.counts(facts)
        return Quality(
            name=name,
            version=version,
            rows=sum(count.rows for count in counts),
            concerns=concerns(guesses, places, yes_no, repeats, faulty, across),
            counts=counts,
            guesses=guesses,
            places=places,
            yes_no=yes_no,
            balance=counting.balance(facts),
            lengths=counting.lengths(facts),
            repeats=repeats,
            faulty=faulty,
            across_splits=across,
            patients=patients,
            people=people,
            shared_patients=shared,
            reuse=counting.reuse(facts),
        )


def data_files(folder: Path, lock: Lock, roots: Mapping[str, str]) -> list[DataFile]:
    """The data files with what their names say: ``TASK/SPLIT-SOURCE-00000-of-00001``."""
    files = []
    for shard in lock.shards:
        task, _, name = shard.name.partition("/")
        split, source, *_ = name.split("-")
        path = folder.resolve() / "data" / f"{shard.name}.parquet"
        files.append(DataFile(path, task, source, split, roots.get(source, source), shard.rows))
    return files
