"""Which pictures a build would show, told from the tables before any picture is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chexinstruct.build.cache import cache_folder
from chexinstruct.build.home import LocalHome
from chexinstruct.build.parts import executor_of
from chexinstruct.build.pipeline import prepare, set_up
from chexinstruct.build.references import read_reference
from chexinstruct.build.setting import BuildOptions
from chexinstruct.manifest import Manifest
from chexinstruct.release import Release
from chexinstruct.source import Card


@dataclass(frozen=True, order=True)
class ListedPicture:
    """A picture that some row of the corpus would show."""

    release: str
    """Key of the source whose release holds it."""
    path: str
    """Inside the release: where it lies here, else where its publisher puts it, else the name that
    the tables use for it."""
    published: str | None
    """In the publisher's layout, where the tables tell it."""
    size: int | None
    """Bytes of the file here; None where it is missing."""


@dataclass(frozen=True)
class Listing:
    """What a manifest would show."""

    pictures: tuple[ListedPicture, ...]
    """By release and path."""
    silent: tuple[str, ...]
    """Sources that name no picture: rows of theirs have none, or the loader goes by the picture
    files and none is here."""
    skipped: dict[str, str]
    """Sources that are not there, with the reason."""

    def of(self, release: str, *, missing: bool = False) -> Iterator[ListedPicture]:
        """The pictures of a release, or those of them that are not here."""
        for picture in self.pictures:
            if picture.release == release and not (missing and picture.size is not None):
                yield picture

    def missing_bytes(self, card: Card) -> int | None:
        """About how much is to be downloaded of a release: the mean of its pictures that are here,
        else of all as its card tells, times those that are missing; None where neither is known."""
        sizes = [picture.size for picture in self.of(card.key) if picture.size is not None]
        missing = sum(1 for _ in self.of(card.key, missing=True))
        if sizes:
            return missing * sum(sizes) // len(sizes)
        if card.sizes.pictures and card.sizes.count:
            return missing * card.sizes.pictures // card.sizes.count
        return None


def list_pictures(
    manifest: Manifest, data_root: str | Path, options: BuildOptions | None = None
) -> Listing:
    """The pictures that a build of the manifest would show, whether they are here or not.

    Runs the stages of a build up to the choice of examples, and shares its cache. Sizes that a
    release tells in picture files alone are unknown while these are missing, and people are not
    linked by pixels; so the list may hold a few pictures that the build then leaves out.

    Args:
        manifest: the recipe.
        data_root: folder or URL that holds one folder a source key.
        options: how to run.

    Raises:
        ChexinstructError: a release that the manifest names has no tables to tell from.
    """
    options = options or BuildOptions()
    with executor_of(options) as executor:
        # Nothing is written but the cache: the folder of the corpus has no part in these stages.
        cache = cache_folder(options.cache)
        home = LocalHome(Path())
        setting = set_up(manifest, str(data_root), home, cache, options, executor, listed=True)
        ready = prepare(setting)
    inputs, planned = ready.inputs, ready.planned
    by_release: dict[str, dict[str, str | None]] = {}
    shown: set[str] = set()
    for text, source in {(t, plan.pair.source) for plan in planned for t in plan.references}:
        picture = read_reference(text)
        shown.add(source)
        path = picture.path or picture.published or picture.key
        by_release.setdefault(picture.release, {})[path] = picture.published
    found: list[ListedPicture] = []
    for key, paths in sorted(by_release.items()):
        with Release.open(inputs.locations[key], source=key) as release:
            for path, published in sorted(paths.items()):
                info = release.files.get(path)
                found.append(ListedPicture(key, path, published, info.size if info else None))
    return Listing(tuple(found), tuple(sorted(inputs.asked - shown)), dict(inputs.skipped))
