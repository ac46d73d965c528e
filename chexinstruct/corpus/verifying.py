"""Does a corpus hold what is promised of every corpus?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.build.columns import corpus_schema
from chexinstruct.corpus.files import Corpus, CorpusFile, LockedFile, open_corpus
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.overlaps import unchecked_finding
from chexinstruct.corpus.picture_checks import picture_findings
from chexinstruct.corpus.row_checks import one_split_findings, row_findings, unique_finding
from chexinstruct.corpus.tables import Rows
from chexinstruct.source import Source, picture_root, registry


def verify(path: str | Path) -> list[Finding]:
    """Check everything that is promised of a corpus; one finding a check, always in this order.

    Every file is read for its digest, every picture for its header; none is decoded. Where files
    are missing or damaged, the checks of rows look at the others.

    Raises:
        ChexinstructError: there is no corpus.
    """
    corpus = open_corpus(path)
    sources = registry()
    note = leak_note(corpus)
    faults = [(file, schema_fault(file)) for file in corpus.files if file.path.is_file()]
    fit = [file for file, fault in faults if fault is None]
    findings = [
        _files(corpus),
        _no_other_files(corpus),
        judged(
            "schema",
            [f"{file.name} {fault}" for file, fault in faults if fault],
            "every data file has the columns and the features of the corpus",
        ),
        _row_counts(fit),
        _ledger(corpus),
    ]
    with Rows(fit, roots=picture_roots(corpus, sources), skip_damaged=True) as rows:
        findings += row_findings(rows)
        findings.append(unique_finding(rows))
        findings += one_split_findings(rows, note)
        findings += picture_findings(rows, corpus, note)[0]
        findings.append(readable_finding(rows))
    findings.append(unchecked_finding(corpus, sources))
    return findings


def leak_note(corpus: Corpus) -> str:
    """What is said beside leaks between splits."""
    if corpus.lock.manifest["split_policy"] == "official":
        return " (the manifest keeps official splits, leaks of the releases included)"
    return ""


def picture_roots(corpus: Corpus, sources: Mapping[str, Source]) -> dict[str, str]:
    """For each source the one whose pictures it shows: the first it builds on, or itself."""
    return {key: picture_root(key, sources) for key in {*sources, *corpus.sources()}}


def readable_finding(rows: Rows, others: Sequence[str] = ()) -> Finding:
    """Whether all rows were looked at; asked for after all else.

    Args:
        rows: of the corpus.
        others: what keeps more files from being looked at, one fault a file.
    """
    damaged = [f"{name} holds data that cannot be read" for name in sorted(rows.damaged)]
    fine = "every data file can be read to its end"
    return judged("readable", [*others, *damaged], fine)


def _files(corpus: Corpus) -> Finding:
    faults = []
    listed: list[LockedFile] = [*corpus.files, *corpus.images]
    for file in listed:
        if not file.path.is_file():
            faults.append(f"{file.name} is missing")
        elif (size := file.path.stat().st_size) != file.size:
            faults.append(f"{file.name} has {size:,} bytes where the lock says {file.size:,}")
        else:
            with file.path.open("rb") as content:
                if file_digest(content, "sha256").hexdigest() != file.sha256:
                    faults.append(f"{file.name} has another SHA-256 than the lock says")
    fine = f"all {len(listed):,} files of the lock are there, with their size and SHA-256"
    return judged("files", faults, fine)


def _no_other_files(corpus: Corpus) -> Finding:
    ours = {file.path for file in corpus.files} | {file.path for file in corpus.images}
    faults = [
        f"{path.relative_to(corpus.path).as_posix()} is no part of the corpus"
        for folder in ("data", "images")
        for path in sorted((corpus.path / folder).rglob("*"))
        if not path.is_dir() and path not in ours
    ]
    return judged("no_other_files", faults, "data/ and images/ hold no file beyond the lock")


def schema_fault(file: CorpusFile) -> str | None:
    """What keeps the rows of a file from being looked at."""
    try:
        schema = pq.read_schema(file.path)
    except (OSError, pa.ArrowException):
        return "is no Parquet file"
    expected = corpus_schema()
    if not schema.equals(expected):
        here, there = set(schema), set(expected)
        names = sorted({field.name for field in here ^ there})
        return f"has other columns ({', '.join(names) or 'in another order'})"
    if _features(schema) != _features(expected):
        return "has other features for Hugging Face datasets"
    return None


def _features(schema: pa.Schema) -> object:
    """What ``datasets`` reads in the schema; None where it finds nothing."""
    note = (schema.metadata or {}).get(b"huggingface")
    try:
        return None if note is None else json.loads(note)
    except ValueError:
        return None


def _row_counts(files: list[CorpusFile]) -> Finding:
    faults = []
    for file in files:
        rows = pq.read_metadata(file.path).num_rows
        if rows != file.shard.rows:
            faults.append(f"{file.name} has {rows:,} rows where the lock says {file.shard.rows:,}")
    return judged("row_counts", faults, "every data file has as many rows as the lock says")


def _ledger(corpus: Corpus) -> Finding:
    faults = []
    rows: Counter[tuple[str, str, str]] = Counter()
    examples: Counter[tuple[str, str, str]] = Counter()
    for file in corpus.files:
        place: tuple[str, str, str] = (file.task, file.source, file.split)
        rows[place] += file.shard.rows
        examples[place] += file.shard.examples
    for line in corpus.lock.ledger:
        place = (line.task, line.source, line.split)
        sums = (
            ("studies", line.studies, line.used + sum(line.study_reasons.values())),
            ("candidates", line.candidates, line.examples + sum(line.candidate_reasons.values())),
            ("examples", line.examples, examples.pop(place, 0)),
            ("rows", line.rows, rows.pop(place, 0)),
        )
        faults += [
            f"{', '.join(place)}: {told:,} {what}, {counted:,} accounted for"
            for what, told, counted in sums
            if told != counted
        ]
    faults += [f"{', '.join(place)}: has files and no line in the ledger" for place in rows]
    return judged("ledger", faults, "all sums of the ledger hold")
