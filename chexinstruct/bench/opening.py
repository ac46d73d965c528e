"""A bench, opened: its lock, its items, and the bytes of their pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from chexinstruct.bench.folder import ITEMS, BenchLock, read_items, read_lock
from chexinstruct.bench.item import BenchImage, BenchItem
from chexinstruct.draw import key
from chexinstruct.errors import CallError, ChexinstructError


@dataclass(frozen=True)
class Bench:
    """A bench, or a part of one."""

    path: Path
    lock: BenchLock
    items: tuple[BenchItem, ...]
    """In the order of the file."""

    @property
    def digest(self) -> str:
        """Of these items; pictures count through their own digests."""
        return hashlib.sha256("".join(map(item_digest, self.items)).encode()).hexdigest()

    def picture(self, image: BenchImage) -> bytes:
        """The bytes of a picture.

        Raises:
            ChexinstructError: it is missing, lies outside the bench, or is not the one that the
                bench was built with.
        """
        path = (self.path / image.file).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise ChexinstructError(f"{self.path}: the picture {image.file} lies outside the bench")
        try:
            data = path.read_bytes()
        except OSError:
            raise ChexinstructError(f"{self.path}: no picture {image.file}") from None
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise ChexinstructError(
                f"{self.path}: {image.file} has changed since the bench was built"
            )
        return data

    def part(
        self,
        *,
        tasks: Iterable[str] = (),
        sources: Iterable[str] = (),
        limit: int | None = None,
        seed: int = 0,
    ) -> Bench:
        """Only some items.

        Args:
            tasks: empty: all.
            sources: empty: all.
            limit: so many of each task and source, drawn by the seed.
            seed: of the draw.

        Raises:
            CallError: a name that the bench does not know.
            ChexinstructError: an id stands there twice, so that answers could not be told apart.
        """
        if copies := len(self.items) - len({item.id for item in self.items}):
            raise ChexinstructError(f"{self.path / ITEMS}: {copies} ids stand there twice")
        for kind, asked, known in (
            ("task", set(tasks), {item.task for item in self.items}),
            ("source", set(sources), {item.source for item in self.items}),
        ):
            if unknown := asked - known:
                names = ", ".join(sorted(known))
                raise CallError(f"the bench has no {kind} {sorted(unknown)[0]!r}; it has {names}")
        chosen = [
            item
            for item in self.items
            if (not tasks or item.task in tasks) and (not sources or item.source in sources)
        ]
        if limit is not None:
            chosen = _limited(chosen, limit, seed)
        return replace(self, items=tuple(chosen))


def _limited(items: Sequence[BenchItem], limit: int, seed: int) -> list[BenchItem]:
    kept: set[str] = set()
    taken: dict[tuple[str, str], int] = {}
    for item in sorted(items, key=lambda item: key(seed, "limit", item.id)):
        cell = (item.task, item.source)
        taken[cell] = taken.get(cell, 0) + 1
        if taken[cell] <= limit:
            kept.add(item.id)
    return [item for item in items if item.id in kept]


def item_digest(item: BenchItem) -> str:
    """SHA-256 of everything in an item, first 32 digits."""
    return hashlib.sha256(msgspec.json.encode(item)).hexdigest()[:32]


def open_bench(path: str | Path) -> Bench:
    """The bench in a folder.

    Raises:
        CallError: there is no bench, or its build was not finished.
        ChexinstructError: it is damaged, or of another version.
    """
    folder = Path(path)
    return Bench(folder, read_lock(folder), tuple(read_items(folder)))
