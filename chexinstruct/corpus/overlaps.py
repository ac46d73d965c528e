"""Sources that show the same people: what is known of them, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chexinstruct.corpus.files import Corpus
from chexinstruct.corpus.findings import Finding
from chexinstruct.schema import Lock
from chexinstruct.schema.lock import Link, SharedPersons
from chexinstruct.source import OverlapBy, Source


class Overlap(msgspec.Struct, kw_only=True, frozen=True):
    """Two sources that show the same people, or are said to."""

    sources: list[str]
    declared: OverlapBy | None
    """By what it shows, as a card says; None: the build found it."""
    persons: SharedPersons | None
    """The persons that the build found in both, and what it did."""
    pixels: Link | None
    """The comparison of their pictures; None: there was none."""


def overlaps(lock: Lock, present: Sequence[str], sources: Mapping[str, Source]) -> list[Overlap]:
    """All pairs of sources that share people, by the lock or by a card, sorted.

    Args:
        lock: of the corpus.
        present: sources of the corpus; cards of others do not count.
        sources: the registry.
    """
    said: dict[tuple[str, str], OverlapBy] = {}
    for key in set(present) & sources.keys():
        for overlap in sources[key].card.overlaps:
            if overlap.source in present:
                said[min(key, overlap.source), max(key, overlap.source)] = overlap.by
    shared = {(item.sources[0], item.sources[1]): item for item in lock.shared}
    links = {(item.sources[0], item.sources[1]): item for item in lock.links}
    return [
        Overlap(
            sources=list(pair),
            declared=said.get(pair),
            persons=shared.get(pair),
            pixels=links.get(pair),
        )
        for pair in sorted(said.keys() | shared.keys() | links.keys())
    ]


def describe(overlap: Overlap) -> str:
    """In one line, for people."""
    parts = []
    if persons := overlap.persons:
        known = f"{persons.persons - persons.by_pixels:,} by ids, {persons.by_pixels:,} by pixels"
        parts.append(f"{persons.persons:,} persons in common ({known})")
        parts.append(f"their studies {persons.studies[0]:,} and {persons.studies[1]:,}")
        lost = [
            f"{n:,} of {name} as {reason}"
            for name, counts in zip(overlap.sources, persons.left_out, strict=True)
            for reason, n in counts.items()
        ]
        parts.append(f"left out: {', '.join(lost) or 'none'}")
        if persons.on_several_sides:
            parts.append(f"{persons.on_several_sides:,} persons stand on several sides")
    else:
        parts.append("no person in common is known")
    if link := overlap.pixels:
        parts.append(
            f"pictures compared {link.compared[0]:,} and {link.compared[1]:,}, "
            f"{link.matches:,} copies found"
        )
    return f"{' and '.join(overlap.sources)}: {'; '.join(parts)}"


def overlap_findings(corpus: Corpus, sources: Mapping[str, Source]) -> list[Finding]:
    """What is known of the declared overlaps of a corpus, by what shows them."""
    fine: dict[str, list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for overlap in overlaps(corpus.lock, corpus.sources(), sources):
        if overlap.declared is None:
            continue
        why = _unknown(overlap)
        told = f"{' and '.join(overlap.sources)}{': ' if why else ''}{why}"
        by = "pixels" if overlap.pixels else overlap.declared
        (unknown if why else fine).setdefault(by, []).append(told)
    findings = []
    for kind, said in (
        ("people", "ids bring the people together of"),
        ("pixels", "all pictures were compared of"),
        ("text", ""),
        ("nothing", ""),
    ):
        if pairs := fine.get(kind):
            message = f"{said} {', '.join(pairs)}"
            findings.append(Finding(check=f"overlaps_by_{kind}", level="ok", message=message))
        if pairs := unknown.get(kind):
            message = "; ".join(pairs)
            findings.append(
                Finding(check=f"overlaps_by_{kind}", level="not checked", message=message)
            )
    return findings


def unchecked_finding(corpus: Corpus, sources: Mapping[str, Source]) -> Finding:
    """The same in one finding, for a check that compares no pictures."""
    open_ = [f for f in overlap_findings(corpus, sources) if f.level == "not checked"]
    if open_:
        message = "; ".join(finding.message for finding in open_)
        return Finding(check="overlaps", level="not checked", message=message)
    fine = "every declared overlap is known by ids, or was compared by pixels"
    return Finding(check="overlaps", level="ok", message=fine)


def _unknown(overlap: Overlap) -> str:
    """Why an overlap is not, or not wholly, known; empty: it is."""
    link = overlap.pixels
    if overlap.declared == "text":
        return "only their wording shows it, which nothing compares"
    if overlap.declared == "nothing":
        return "nothing shows which people they share"
    if link is None and overlap.declared == "people" and overlap.persons:
        return ""
    if link is None:
        why = "only pixels can bring their people together"
        if overlap.declared == "people":
            why = "no id brings any of their people together"
        return f"{why}, and their pictures were not compared (link: none)"
    return ", ".join(
        f"{n:,} pictures of {name} were not compared ({reason})"
        for name, reasons in zip(link.sources, link.not_compared, strict=True)
        for reason, n in reasons.items()
    )
