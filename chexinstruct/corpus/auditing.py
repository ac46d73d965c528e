"""Does any person, or any picture, stand on two sides of a corpus?"""

from __future__ import annotations

from pathlib import Path

import msgspec

from chexinstruct.build.executor import Processes
from chexinstruct.corpus.copies import Copies, Copy, find_copies
from chexinstruct.corpus.files import open_corpus
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.overlaps import Overlap, describe, overlap_findings, overlaps
from chexinstruct.corpus.picture_checks import NO_PICTURES, picture_findings
from chexinstruct.corpus.row_checks import one_split_findings, unnamed_finding
from chexinstruct.corpus.tables import Rows
from chexinstruct.corpus.verifying import (
    leak_note,
    picture_roots,
    readable_finding,
    schema_fault,
)
from chexinstruct.source import registry

COPIES = "copies_in_one_split"


class Audit(msgspec.Struct, kw_only=True, frozen=True):
    """What an audit found."""

    passed: bool
    """No check failed. What is not checked stands among the findings."""
    findings: list[Finding]
    overlaps: list[Overlap]
    """All pairs of sources that share people, or are said to, and what was done about it."""
    copies: list[Copy]
    """Pictures of two sides that are copies of one another, the first of them."""


def audit(path: str | Path, *, workers: int = 1) -> Audit:
    """Look for persons and pictures that stand on several sides of a corpus.

    Persons are told by the ``patient`` column. Pictures are told by their names within a release,
    by their bytes, and by what they show (:mod:`chexinstruct.likeness`), whatever the sources. What
    cannot be looked at is ``not checked``, with the reason, never passed.

    Args:
        path: the corpus; every distinct picture of it is decoded.
        workers: processes that decode.

    Raises:
        ChexinstructError: there is no corpus.
    """
    corpus = open_corpus(path)
    sources = registry()
    note = leak_note(corpus)
    faults, fit = [], []
    for file in corpus.files:
        fault = schema_fault(file) if file.path.is_file() else "is missing"
        if fault is None:
            fit.append(file)
        else:
            faults.append(f"{file.name} {fault}")
    with (
        Rows(fit, roots=picture_roots(corpus, sources), skip_damaged=True) as rows,
        Processes(workers) as executor,
    ):
        findings = [*one_split_findings(rows, note), unnamed_finding(rows)]
        of_pictures, gallery = picture_findings(rows, corpus, note)
        findings += of_pictures
        copies = None if gallery is None else find_copies(rows, gallery, executor)
        findings += _copies_findings(copies, note)
        findings.insert(0, readable_finding(rows, faults))
    findings += overlap_findings(corpus, sources)
    findings.append(
        Finding(
            check="persons_without_names",
            level="not checked",
            message="people whom a release does not name, or names in two ways: their pictures "
            "differ, and nothing says whose they are",
        )
    )
    return Audit(
        passed=all(finding.level != "failed" for finding in findings),
        findings=findings,
        overlaps=overlaps(corpus.lock, corpus.sources(), sources),
        copies=copies.first if copies else [],
    )


def _copies_findings(copies: Copies | None, note: str) -> list[Finding]:
    if copies is None:
        return [Finding(check=COPIES, level="not checked", message=NO_PICTURES)]
    faults = []
    if copies.count:
        first = copies.first[0]
        faults = [
            f"pictures that are copies of one of another split: {copies.count:,}, for example "
            f"{' and '.join(first.shown_by)}{note}"
        ]
    fine = f"none of {copies.compared:,} pictures is a copy of one of another split, by its pixels"
    findings = [judged(COPIES, faults, fine)]
    lost = [
        f"{n:,} pictures {why}"
        for n, why in (
            (copies.unreadable, "cannot be decoded"),
            (copies.plain, "show one grey all over"),
        )
        if n
    ]
    if lost:
        findings.append(Finding(check=COPIES, level="not checked", message="; ".join(lost)))
    return findings


def render_audit(found: Audit) -> str:
    """The findings, the shared people and the copies, for a terminal."""
    lines = [f"{f.level}: {f.check}: {f.message}" for f in found.findings]
    if found.overlaps:
        lines += ["", "Sources that share people, or are said to:"]
        lines += [f"  {describe(overlap)}" for overlap in found.overlaps]
    if found.copies:
        lines += ["", "Copies on several sides:"]
        lines += [
            f"  {' and '.join(copy.shown_by)}: {copy.bits} bits differ, "
            f"correlation {copy.correlation:.3f}"
            for copy in found.copies
        ]
    return "\n".join(lines)
