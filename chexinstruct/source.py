"""The contract of a source: its card, its loader, its sample release, and the registry of all.

A source is a package folder that holds ``card.yaml``, ``loader.py`` with :func:`studies` as
:class:`Loader` describes it, and ``sample.py`` with ``VARIANTS`` and ``write`` as :class:`Sample`
describes them. Ours stand in ``sources/``; other packages add theirs through the entry point group
``chexinstruct.sources`` (name: the source key; value: the package folder, dotted).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from chexinstruct.config import load_yaml
from chexinstruct.errors import CallError
from chexinstruct.release import Release
from chexinstruct.schema import LabelSet, LicenseClass, Redistribution, Study

ENTRY_POINTS = "chexinstruct.sources"

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ExpectedFile(_Part):
    """A file of the release that the loader reads, or a folder of pictures."""

    pattern: str
    """As :meth:`chexinstruct.release.Release.find` takes it."""
    what: str
    needed: bool = True
    """False: the loader does without it, and says what is lost in ``what``."""


OverlapBy = Literal["people", "pixels", "text", "nothing"]
"""What shows which people two sources share: ids of people, studies or pictures, which the loaders
bring together; only the pixels of their pictures, which the ``link`` stage compares; only wording,
which nothing compares; or nothing at all."""


class Overlap(_Part):
    """Another source that shows the same people or pictures."""

    source: str
    how: str
    """What is shared, and how a match can be found, if at all."""
    by: OverlapBy = "people"


class KnownBad(_Part):
    """A file of the official release that is known to be damaged."""

    path: str
    """The end of the path inside the release."""
    reason: str


class Count(_Part):
    """A published or counted figure, to hold a release against."""

    what: str
    n: int
    origin: str
    """Who says so."""


Permit = Literal["yes", "unknown", "no"]


class Permits(_Part):
    """Whether the terms allow some uses that users ask about.

    ``unknown``: they do not say, or differ from part to part.
    """

    commercial: Permit = "unknown"
    """Use that is not for research or teaching alone."""
    derivatives: Permit = "unknown"
    """Changed copies, to be passed on."""
    online_services: Permit = "unknown"
    """Sending text or pictures to services of others, such as language models behind an API."""


class Edition(_Part):
    """A published state of a release, told from others by how much its files hold."""

    name: str
    """What its users call it, e.g. ``stage 2``."""
    rows: dict[str, Annotated[int, Field(gt=0)]] = {}
    """Rows of tables, headers not counted, by pattern of the file; entries of JSON files, and
    questions of those in the form of SQuAD."""
    files: dict[str, Annotated[int, Field(gt=0)]] = {}
    """Number of files by pattern, pictures above all; alternatives are separated by ``|``."""
    origin: str
    """Who says so."""


Bytes = Annotated[int, Field(gt=0)]


class Sizes(_Part):
    """About how much there is to download, in bytes; None where no one says."""

    tables: Bytes | None = None
    """Tables, reports and annotations."""
    pictures: Bytes | None = None
    """All pictures, as they are offered."""
    count: Annotated[int, Field(gt=0)] | None = None
    """How many pictures these are, so that the size of one can be told."""


class Download(_Part):
    """A file that its publisher gives to everyone, without an account."""

    url: Annotated[str, Field(pattern=r"^https?://[^/@\s]+/\S+$")]
    file: Annotated[str, Field(pattern=r"^[^/\\:][^\\:]*$")]
    """Where it goes inside the release; relative, POSIX separators."""
    what: str
    pictures: bool = False
    """Whether it holds pictures, which ``--tables-only`` leaves out."""
    size: Bytes | None = None
    """Bytes, only where known to the byte."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    redirects: tuple[str, ...] = ()
    """Domains that the address may lead on to, beside its own host and what lies under it."""

    @field_validator("file")
    @classmethod
    def _inside(cls, value: str) -> str:
        if ".." in value.split("/"):
            raise ValueError("leaves the release")
        return value


class PhysioNet(_Part):
    """A project of PhysioNet that holds the release, or a part of it."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    version: Annotated[str, Field(pattern=r"^[0-9.]+$")]
    what: str
    files: tuple[str, ...] = ()
    """All that is needed of it besides pictures; empty: take the whole project."""
    pictures: tuple[str, ...] = ()
    """What its pictures end in, where it has some."""
    bucket: str | None = None
    """Its bucket on Google Cloud Storage, for users who asked PhysioNet for access by cloud."""


class Card(_Part):
    """What is known of a source without reading its release."""

    key: Key
    name: str
    summary: str
    home: str
    versions: tuple[str, ...]
    license: LicenseClass
    license_name: str
    terms: str
    """The licence in one sentence."""
    redistribution: Redistribution
    permits: Permits = Permits()
    access: tuple[str, ...]
    """The steps by which a user gets the release."""
    sizes: Sizes = Sizes()
    physionet: tuple[PhysioNet, ...] = ()
    """The projects to take it from, if it is there."""
    downloads: tuple[Download, ...] = ()
    """What ``fetch`` downloads; only files that need no account and no agreement."""
    commands: tuple[str, ...] = ()
    """What to type besides, in the words of the publisher; ``DATA_ROOT`` is the user's."""
    citation: str
    languages: tuple[str, ...] = ("en",)
    files: tuple[ExpectedFile, ...]
    counts: tuple[Count, ...] = ()
    editions: tuple[Edition, ...] = ()
    """What ``check`` holds a release against."""
    label_sets: dict[str, LabelSet] = {}
    overlaps: tuple[Overlap, ...] = ()
    requires: tuple[Key, ...] = ()
    """Sources whose study tables the loader needs."""
    uses: dict[Key, str] = {}
    """Sources whose study tables the loader reads too where their releases are there; what is lost
    without each."""
    split_authority: Key | None = None
    """The source whose official split by person rules; None: the source's own."""
    split: str
    """Where the official split comes from, or that there is none."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the official train persons that become validation, by hash, where the release has no
    validation list of its own."""
    known_bad: tuple[KnownBad, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user of the rows should know: traps, noise, choices made."""

    @property
    def parents(self) -> tuple[Key, ...]:
        """All sources whose study tables the loader may be given, needed ones first."""
        return (*self.requires, *self.uses)

    @field_validator("label_sets", mode="before")
    @classmethod
    def _label_sets(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            return {
                name: msgspec.convert({**content, "name": name}, LabelSet)
                for name, content in value.items()
            }
        except (msgspec.ValidationError, TypeError) as error:
            raise ValueError(str(error)) from None


class Parent(Protocol):
    """The study table of a source that another source requires or uses."""

    def __iter__(self) -> Iterator[Study]:
        """All studies, in the loader's order."""

    def get(self, study_id: str) -> Study | None:
        """The study of that id."""

    def with_image(self, key: str) -> Study | None:
        """The study that holds the picture of that key."""


class Loader(Protocol):
    """What ``loader.py`` offers."""

    def studies(self, release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
        """The studies of a release, in an order that depends on the release alone.

        Opens no pixels and draws nothing. Rows that cannot be used go to ``release.reject``. Of
        ``parents``, those that the card requires are there, those that it uses may be.

        Raises:
            ReleaseError: the release is not what the card describes.
        """


class Sample(Protocol):
    """What ``sample.py`` offers: tiny synthetic releases with every quirk of the real one."""

    VARIANTS: tuple[str, ...]
    """Names of the layouts in the wild; the first is the publisher's own."""

    def write(self, folder: Path, variant: str = ...) -> None:
        """Write a release into an empty folder; the same bytes every time."""


@dataclass(frozen=True)
class Source:
    """A source known by its card; its loader is imported only when asked for."""

    card: Card
    package: str
    """Dotted name of the folder."""

    @property
    def key(self) -> str:
        """The snake_case name of the source."""
        return self.card.key

    @cached_property
    def loader(self) -> Loader:
        """The loader module."""
        return cast(Loader, import_module(f"{self.package}.loader"))

    @cached_property
    def sample(self) -> Sample:
        """The module that writes synthetic releases."""
        return cast(Sample, import_module(f"{self.package}.sample"))


@cache
def read_source(key: str, package: str) -> Source:
    """The source of a package.

    Raises:
        CallError: its card is wrong, or of another source.
    """
    source = Source(load_yaml(files(package) / "card.yaml", Card), package)
    if source.key != key:
        raise CallError(f"source {key}: the card in {package} names itself {source.key}")
    return source


def registry() -> dict[str, Source]:
    """All sources by key, sorted; reads the cards and imports no loader.

    Raises:
        CallError: two sources share a key.
    """
    home = import_module("chexinstruct.sources")
    packages = [
        (info.name, f"chexinstruct.sources.{info.name}")
        for info in pkgutil.iter_modules(home.__path__)
        if info.ispkg
    ]
    packages += [(point.name, point.value) for point in entry_points(group=ENTRY_POINTS)]
    found: dict[str, Source] = {}
    for key, package in sorted(packages):
        if key in found and found[key].package != package:
            raise CallError(f"source {key}: given by both {found[key].package} and {package}")
        found[key] = read_source(key, package)
    return found


_STRICTNESS_LICENSE: tuple[LicenseClass, ...] = ("open", "registered", "credentialed")
_STRICTNESS_REDISTRIBUTION: tuple[Redistribution, ...] = ("yes", "unknown", "no")


@dataclass(frozen=True)
class Terms:
    """What a row of a source may be used for, all its parents counted in."""

    license: LicenseClass
    redistribution: Redistribution


def strictest(terms: list[Terms]) -> Terms:
    """The strictest of several terms; at least one is given."""
    return Terms(
        max((t.license for t in terms), key=_STRICTNESS_LICENSE.index),
        strictest_word([t.redistribution for t in terms]),
    )


def strictest_word(words: Sequence[str]) -> Redistribution:
    """The strictest of ``yes``, ``unknown`` and ``no``; every other word counts as ``no``."""
    known: list[Redistribution] = [
        word if word in ("yes", "unknown") else "no"  # type: ignore[misc]
        for word in words
    ]
    return max(known, key=_STRICTNESS_REDISTRIBUTION.index)


def terms(key: str, sources: Mapping[str, Source]) -> Terms:
    """The strictest terms of a source and of all its parents, parents of parents included."""
    card = sources[key].card
    own = Terms(card.license, card.redistribution)
    return strictest([own, *(terms(parent, sources) for parent in card.parents)])


def permits(key: str, sources: Mapping[str, Source]) -> Permits:
    """What a source and all its parents allow, the strictest word of each."""
    card = sources[key].card
    all_ = [card.permits, *(permits(parent, sources) for parent in card.parents)]
    return Permits(
        **{name: strictest_word([getattr(p, name) for p in all_]) for name in Permits.model_fields}
    )


def picture_root(key: str, sources: Mapping[str, Source]) -> str:
    """The source whose pictures a source shows: the first it builds on, or itself."""
    while key in sources and sources[key].card.parents:
        key = sources[key].card.parents[0]
    return key


def terms_of(study: Study, of_source: Terms) -> Terms:
    """What rows of a study may be used for: the terms of its source, or its own where stricter."""
    if study.license is None and study.redistribution is None:
        return of_source
    own = Terms(
        study.license or of_source.license, study.redistribution or of_source.redistribution
    )
    return strictest([of_source, own])


def build_order(
    keys: set[str], sources: Mapping[str, Source], available: Collection[str] = ()
) -> list[str]:
    """The keys with all that they require, parents first, otherwise by name.

    Args:
        keys: of sources.
        sources: the registry.
        available: sources that come along where one of the others uses them.

    Raises:
        CallError: a key is unknown, or sources require one another in a circle.
    """
    order: list[str] = []

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in path:
            raise CallError(f"sources require one another: {' -> '.join((*path, key))}")
        if key not in sources:
            needed = f" (required by {path[-1]})" if path else ""
            raise CallError(
                f"unknown source {key!r}{needed}; `chexinstruct sources` lists the known ones"
            )
        card = sources[key].card
        for parent in (*card.requires, *(used for used in card.uses if used in available)):
            visit(parent, (*path, key))
        if key not in order:
            order.append(key)

    for key in sorted(keys):
        visit(key, ())
    return order
