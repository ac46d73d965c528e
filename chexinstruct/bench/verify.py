"""Does a bench hold what is promised, and how far is it from what was published?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chexinstruct.bench.contamination import contamination
from chexinstruct.bench.folder import digest_of
from chexinstruct.bench.gaps import Gap, gaps
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.opening import Bench, open_bench
from chexinstruct.chexbench.choosing import PartLine
from chexinstruct.corpus.findings import Finding, judged


class Verified(msgspec.Struct, kw_only=True, frozen=True):
    """What a check of a bench says."""

    findings: list[Finding]
    gaps: list[Gap]


def verify_bench(path: str | Path, *, corpus: str | Path | None = None) -> Verified:
    """Check a bench.

    Args:
        path: folder of the bench.
        corpus: one whose train split may not share a person, a study or a picture with the bench.

    Raises:
        ChexinstructError: there is no bench, or no corpus.
    """
    bench = open_bench(path)
    findings = [
        _files(bench),
        _pictures(bench),
        _ids(bench),
        judged("items", list(_faults(bench.items)), "every item can be asked and scored"),
        _asked_once(bench),
        _accounts(bench),
        _splits(bench),
    ]
    if corpus is not None:
        findings += contamination(bench, corpus)
    return Verified(findings=findings, gaps=list(gaps(bench.lock, bench.items)))


def _ids(bench: Bench) -> Finding:
    counts = Counter(item.id for item in bench.items)
    faults = [f"{id} stands {n} times" for id, n in counts.items() if n > 1]
    return judged("ids_unique", faults, "no id stands twice")


def _files(bench: Bench) -> Finding:
    faults = []
    for name, sha256 in bench.lock.files.items():
        if not (bench.path / name).is_file():
            faults.append(f"{name} is missing")
        elif digest_of(bench.path / name) != sha256:
            faults.append(f"{name} has another SHA-256 than the lock says")
    if len(bench.items) != bench.lock.items:
        faults.append(f"{len(bench.items):,} items where the lock says {bench.lock.items:,}")
    return judged("files", faults, "items and persons are those of the lock")


def _pictures(bench: Bench) -> Finding:
    if bench.lock.images is None:
        message = "the bench was built without pictures"
        return Finding(check="pictures", level="not checked", message=message)
    named = {(image.file, image.sha256) for item in bench.items for image in item.images}
    faults = []
    for file, sha256 in sorted(named):
        path = bench.path / file
        if not path.is_file():
            faults.append(f"{file} is missing")
        elif digest_of(path) != sha256:
            faults.append(f"{file} has another SHA-256 than its item says")
    return judged("pictures", faults, f"all {len(named):,} pictures are those of the items")


def _faults(items: Iterable[BenchItem]) -> Iterable[str]:
    for item in items:
        if item.form == "choice":
            if item.answer is None or not 0 <= item.answer < len(item.options):
                yield f"{item.id} has no right option"
            if len(set(item.options)) < max(2, len(item.options)):
                yield f"{item.id} has equal options, or one"
            if not item.question:
                yield f"{item.id} has no question"
        elif item.form == "boxes":
            if not item.boxes or not all(
                0 <= b.image < len(item.images) and 0 <= b.x1 < b.x2 <= 1 and 0 <= b.y1 < b.y2 <= 1
                for b in item.boxes
            ):
                yield f"{item.id} has no box, or one outside its picture"
        elif not (item.reference or "").strip():
            yield f"{item.id} has no reference"
        if not item.images and not item.context:
            yield f"{item.id} shows nothing"


def _asked_once(bench: Bench) -> Finding:
    asked = Counter(
        (
            item.task,
            item.source,
            tuple(image.id for image in item.images),
            item.question,
            item.context,
            tuple(sorted(item.options)),
        )
        for item in bench.items
    )
    copies = sum(n - 1 for n in asked.values())
    faults = [f"items that ask what an earlier one asks of the same pictures: {copies:,}"]
    fine = "no two items ask the same of the same pictures"
    if bench.lock.upstream is not None and copies:
        message = f"{faults[0]}; so the authors' file has it"
        return Finding(check="asked_once", level="not checked", message=message)
    return judged("asked_once", faults if copies else [], fine)


def _accounts(bench: Bench) -> Finding:
    faults = []
    for part in bench.lock.parts:
        sums = (
            ("studies", part.studies, part.used + sum(part.left_out.values())),
            ("candidates", part.candidates, part.items + sum(part.reasons.values())),
        )
        faults += [
            f"{_name(part)}: {told:,} {what}, {counted:,} accounted for"
            for what, told, counted in sums
            if told != counted
        ]
    if sum(part.items for part in bench.lock.parts) != len(bench.items):
        faults.append("the items of the parts are not the items of the bench")
    return judged("accounts", faults, "all sums of the lock hold")


def _splits(bench: Bench) -> Finding:
    faults = [
        f"{line.source}: the test part has another digest than that of the whole release; pictures "
        "have other ids here"
        for line in bench.lock.splits
        if line.expected is not None and line.expected != line.digest
    ]
    partial = [
        f"{line.source} ({line.pictures:,} pictures)"
        for line in bench.lock.splits
        if line.expected is None
    ]
    if partial and not faults:
        message = f"not the whole release, so its test part is another: {', '.join(partial)}"
        return Finding(check="listed_splits", level="not checked", message=message)
    return judged("listed_splits", faults, "listed test parts are those of the whole releases")


def _name(part: PartLine) -> str:
    return "/".join(filter(None, (part.task, part.subtask, part.source)))
