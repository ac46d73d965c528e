"""The lock of a corpus: what it was made of, what stands in it, and what became of the rest."""

from __future__ import annotations

from typing import Any

import msgspec

LOCK = "chexinstruct.lock.json"
"""Its file in the corpus; written last of all, so a corpus without it is not whole."""


class Line(msgspec.Struct, kw_only=True):
    """The account of one (task, source, split).

    studies = used + the sum of study_reasons; candidates = examples + the sum of candidate_reasons.
    """

    task: str
    source: str
    split: str
    studies: int
    used: int
    study_reasons: dict[str, int]
    candidates: int
    examples: int
    candidate_reasons: dict[str, int]
    rows: int


class SourceAccount(msgspec.Struct, kw_only=True):
    """The account of one source, before any task."""

    source: str
    studies_key: str
    """Digest of its study table: it changes when the studies do."""
    studies: int
    splits: dict[str, int]
    """Studies by split, after the manifest's limits."""
    left_out: dict[str, int]
    """Studies without a split, by reason."""
    pictures: int
    """Pictures named by the studies of all splits."""
    missing_pictures: int
    """Of them, those whose file is not in this copy of the release."""
    bad_pictures: dict[str, int]
    """Of the used ones, those that could not be read, by reason."""
    rejects: dict[str, int]
    expected_rejects: dict[str, int]
    expected: list[dict[str, Any]]
    """Published counts, and what was found where it can be counted."""


class SharedPersons(msgspec.Struct, kw_only=True):
    """Persons whom two sources have in common, and what was done to keep each on one side.

    Lists have one entry for each of the two sources, in their order. Studies are all of the two
    releases, before the manifest's limits.
    """

    sources: list[str]
    persons: int
    by_pixels: int
    """Of them, those whom only equal pictures show to be the same; ids of the releases show the
    others."""
    studies: list[int]
    """Studies of these persons."""
    left_out: list[dict[str, int]]
    """Of them, those left out, by reason: their release puts them on another side."""
    on_several_sides: int
    """Persons who stand on several sides all the same; none unless official splits are kept."""


class Link(msgspec.Struct, kw_only=True):
    """The comparison of the pictures of two sources.

    Lists have one entry for each of the two sources, in their order.
    """

    sources: list[str]
    compared: list[int]
    """Pictures."""
    not_compared: list[dict[str, int]]
    """Pictures that could not be, by reason."""
    matches: int
    """Pairs of pictures found to be copies of one another."""
    equal: int
    """Of them, those that are the same in every pixel once normalised."""


class MixtureShare(msgspec.Struct, kw_only=True):
    """What the mixture of train gave to one task or pair."""

    name: str
    """Task, or task/source where the pair has a weight of its own."""
    weight: float
    available: int
    """Examples of train that it had after sampling."""
    chosen: int
    """Of them, those that the mixture took."""


class StoredFile(msgspec.Struct, kw_only=True, frozen=True):
    """A file of pictures of a corpus built with ``images: store``."""

    name: str
    key: str
    sha256: str
    size: int


class Shard(msgspec.Struct, kw_only=True, frozen=True):
    """What stands in a finished shard; written when the shard stands under its name."""

    name: str
    key: str
    sha256: str
    size: int
    rows: int
    examples: int
    pictures: int
    """Distinct pictures."""
    reasons: dict[str, int]
    """Of candidates that became no example."""


class Withdrawn(msgspec.Struct, kw_only=True, frozen=True):
    """A list of withdrawals that was applied; its names stand nowhere, since they are of people."""

    sha256: str
    """Of the names, sorted, a line each."""
    names: int
    found: dict[str, int]
    """Of them, those that are rows, studies, pictures and patients of the corpus."""
    unknown: int


class Filtered(msgspec.Struct, kw_only=True, frozen=True):
    """One filter on the way from the corpus that was built to this one."""

    parent: str
    """SHA-256 of the lock that was filtered."""
    tasks: list[str]
    """As asked for, families as their tasks; empty: all. So for sources and splits."""
    sources: list[str]
    splits: list[str]
    redistributable: bool = False
    """Rows that may not be passed on were left out."""
    licenses: list[str] = []
    """As asked for; empty: all. So for languages, views and findings."""
    languages: list[str] = []
    views: list[str] = []
    findings: list[str] = []
    where: str | None = None
    """The condition, as asked."""
    withdrawn: Withdrawn | None = None


class MixedParent(msgspec.Struct, kw_only=True, frozen=True):
    """A corpus that went into a mixture of built corpora."""

    lock: str
    """SHA-256 of its lock."""
    manifest: dict[str, Any]


class MixedShare(msgspec.Struct, kw_only=True, frozen=True):
    """What one task or pair gave to train of a mixture of built corpora."""

    name: str
    """Task, or task/source where the pair was named."""
    weight: float | None
    """As asked; None where rows were asked for."""
    available: int
    """Rows of train that it had."""
    rows: int
    """Rows that it gave, repetitions included."""
    repeated: int
    """Of them, those that stand there for the second time or later."""
    share: float
    """Of all rows of train: the probability of a reader that interleaves."""


class Mixed(msgspec.Struct, kw_only=True, frozen=True):
    """A mixture of built corpora."""

    parents: list[MixedParent]
    seed: int
    splits: list[str]
    """Kept whole besides train."""
    shares: list[MixedShare]


class Lock(msgspec.Struct, kw_only=True):
    """Everything needed to build the same bytes again, and what stands in them."""

    chexinstruct: str
    python: str
    libraries: dict[str, str]
    manifest: dict[str, Any]
    sources: list[SourceAccount]
    ledger: list[Line]
    shards: list[Shard]
    pictures: list[StoredFile]
    skipped_sources: dict[str, str]
    """Sources that were asked for and left out, with the reason."""
    shared: list[SharedPersons] = []
    """Pairs of sources with persons in common, parents of sources included."""
    links: list[Link] = []
    """Pairs of sources whose pictures were compared, if the manifest asked for it."""
    mixture: list[MixtureShare] = []
    """How the mixture of train came about, if the manifest asked for one."""
    filtered: list[Filtered] = []
    """What was taken out of the corpus after its build, in order; the accounts of sources and the
    mixture are those of the build."""
    mixed: list[Mixed] = []
    """The mixtures of built corpora that led here, in order; ``manifest`` is that of the first
    corpus of the last one."""
