"""What became of studies, candidates and files that are no rows of the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from chexinstruct.corpus import Corpus
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema.lock import Line, Link, MixtureShare, SharedPersons, SourceAccount


class Funnel(msgspec.Struct, kw_only=True, frozen=True):
    """From releases to rows, as the lock accounts for it."""

    sources: list[SourceAccount]
    ledger: list[Line]
    shared: list[SharedPersons]
    links: list[Link]
    mixture: list[MixtureShare]
    skipped_sources: dict[str, str]
    filters: int
    """How often rows were taken out after the build; sources are accounted for as built."""


class Rejected(msgspec.Struct, kw_only=True, frozen=True):
    """A file or row of a release that could not be used."""

    file: str
    reason: str
    row: int | None = None
    detail: str = ""
    expected: bool = False
    source: str = ""


class RejectCount(msgspec.Struct, kw_only=True, frozen=True):
    """How many of a source have a reason."""

    source: str
    reason: str
    expected: bool
    count: int


class Rejects(msgspec.Struct, kw_only=True, frozen=True):
    """Some of what could not be used."""

    counts: list[RejectCount]
    """Of all that is listed, by source and reason."""
    found: int
    """That match."""
    start: int
    items: list[Rejected]


def funnel(corpus: Corpus) -> Funnel:
    """The accounts of the lock."""
    lock = corpus.lock
    return Funnel(
        sources=lock.sources,
        ledger=lock.ledger,
        shared=lock.shared,
        links=lock.links,
        mixture=lock.mixture,
        skipped_sources=lock.skipped_sources,
        filters=len(lock.filtered),
    )


def rejects(
    corpus: Corpus, *, source: str = "", reason: str = "", start: int = 0, count: int = 100
) -> Rejects:
    """The rejects of a source and reason (empty: any), from ``start`` on.

    Raises:
        ChexinstructError: a list of rejects cannot be read.
    """
    counts: Counter[tuple[str, str, bool]] = Counter()
    for item in _rejected(corpus.path / "rejects"):
        counts[item.source, item.reason, item.expected] += 1

    def asked(key: str, why: str) -> bool:
        return source in ("", key) and reason in ("", why)

    chosen = (i for i in _rejected(corpus.path / "rejects") if asked(i.source, i.reason))
    return Rejects(
        counts=[
            RejectCount(source=key, reason=why, expected=expected, count=n)
            for (key, why, expected), n in sorted(counts.items())
        ],
        found=sum(n for (key, why, _), n in counts.items() if asked(key, why)),
        start=start,
        items=list(islice(chosen, start, start + count)),
    )


def _rejected(folder: Path) -> Iterator[Rejected]:
    decoder = msgspec.json.Decoder(Rejected)
    for path in sorted(folder.glob("*.jsonl")):
        try:
            with path.open("rb") as lines:
                for line in lines:
                    yield msgspec.structs.replace(decoder.decode(line), source=path.stem)
        except (OSError, msgspec.MsgspecError) as error:
            raise ChexinstructError(
                f"{path}: cannot be read ({type(error).__name__}); build the corpus again"
            ) from None
