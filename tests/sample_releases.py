"""The synthetic releases of all sources, written and read for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from chexinstruct.release import Release
from chexinstruct.schema import Study
from chexinstruct.source import Source, registry


@dataclass(frozen=True)
class Table:
    """The studies of a source in memory, as its children see them."""

    studies: list[Study]

    def __iter__(self) -> Iterator[Study]:
        return iter(self.studies)

    def __len__(self) -> int:
        return len(self.studies)

    def get(self, study_id: str) -> Study | None:
        return self._by_id.get(study_id)

    def with_image(self, key: str) -> Study | None:
        return self._by_image.get(key)

    @cached_property
    def _by_id(self) -> dict[str, Study]:
        return {study.id: study for study in self.studies}

    @cached_property
    def _by_image(self) -> dict[str, Study]:
        return {image.key: study for study in self.studies for image in study.images}


@dataclass(frozen=True)
class Loaded:
    """A synthetic release and what its loader made of it."""

    source: Source
    variant: str
    folder: Path
    release: Release
    studies: Table


@dataclass(frozen=True)
class Samples:
    """Writes and reads each synthetic release once; parents in their publisher's layout."""

    home: Path
    done: dict[tuple[str, str], Loaded] = field(default_factory=dict)

    def load(self, key: str, variant: str | None = None) -> Loaded:
        source = registry()[key]
        variant = variant or source.sample.VARIANTS[0]
        if (key, variant) not in self.done:
            folder = self.home / f"{key}-{variant}"
            folder.mkdir()
            source.sample.write(folder, variant)
            self.done[key, variant] = self.read(key, variant, folder)
        return self.done[key, variant]

    def read(self, key: str, variant: str, folder: Path) -> Loaded:
        """Read a release that lies somewhere else."""
        source = registry()[key]
        release = Release.open(folder, source=key)
        parents = {parent: self.load(parent).studies for parent in source.card.parents}
        return Loaded(
            source, variant, folder, release, Table(list(source.loader.studies(release, parents)))
        )


def variants() -> list[tuple[str, str]]:
    """Every (source, variant)."""
    return [(key, name) for key, source in registry().items() for name in source.sample.VARIANTS]


def read_release(key: str, folder: Path) -> tuple[dict[str, Study], Release]:
    """What the loader of a source without parents makes of a folder, by id."""
    release = Release.open(folder, source=key)
    studies = list(registry()[key].loader.studies(release, {}))
    assert len({study.id for study in studies}) == len(studies)
    return {study.id: study for study in studies}, release
