"""Is a corpus the one that a recipe was made of? By its bytes, or else row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from chexinstruct.corpus import Corpus, open_corpus
from chexinstruct.corpus.locks import lock_changes
from chexinstruct.errors import CallError
from chexinstruct.hub.digests import pictures, row_digests, source_keys, studies
from chexinstruct.hub.recipe import PICTURES, ROWS, STUDIES, Recipe, read_recipe
from chexinstruct.schema import Lock

Keyed = dict[tuple[str, str, str], str]
"""(task, split, digest of the id) -> digest of the row."""


class SourceComparison(msgspec.Struct, kw_only=True, frozen=True):
    """The rows of one source, the recipe's and ours."""

    source: str
    recipe_rows: int
    rows: int
    keyed: bool
    """The keys are equal, so rows can be told apart. Without, either all rows are alike in number
    and nothing more is known, or they are not."""
    same: int
    """Rows that are equal in all but the bytes of their pictures."""
    changed: int
    """Rows with the same id and other content."""
    studies_gone: int
    """Studies of the recipe's rows that have none here, in that split."""
    studies_new: int

    @property
    def is_same(self) -> bool:
        """Whether all rows are equal."""
        return self.keyed and self.same == self.rows == self.recipe_rows


class PictureComparison(msgspec.Struct, kw_only=True, frozen=True):
    """The pictures of both."""

    same: int
    changed: int
    """With other bytes."""
    gone: int
    new: int


class Comparison(msgspec.Struct, kw_only=True, frozen=True):
    """What a comparison found."""

    same_bytes: bool
    """Every file has the SHA-256 that the recipe's lock says."""
    same_rows: bool
    """Every row is there and equal, in all but the bytes of its pictures."""
    files: list[str]
    """Files that differ, are missing, or are not in the recipe's lock."""
    why: list[str]
    """What else differs between the two locks: versions, and what the releases hold."""
    sources: list[SourceComparison] = []
    """Empty where the bytes are the same."""
    pictures: PictureComparison | None = None
    """None where the bytes are the same, or there are no pictures."""


def compare(
    recipe: str | Path, corpus: str | Path, *, keys: Mapping[str, str] | None = None
) -> Comparison:
    """Hold a corpus against a recipe.

    Where bytes differ, rows are compared by keyed digests. The key of a source follows from all its
    rows, so if one row differs, none can be told apart, unless the recipe's author gives the keys.

    Args:
        recipe: its folder.
        corpus: folder of the corpus; its rows are read only where its bytes differ.
        keys: by source, of :func:`chexinstruct.hub.recipe_keys`.

    Raises:
        CallError: the keys are no keys.
        ChexinstructError: there is no recipe or no corpus.
    """
    read, ours = read_recipe(recipe), open_corpus(corpus)
    files = _files(read.lock, ours.lock)
    if not files:
        return Comparison(same_bytes=True, same_rows=True, files=[], why=[])
    sources = _sources(read, ours, _keys(keys or {}))
    return Comparison(
        same_bytes=False,
        same_rows=all(source.is_same for source in sources),
        files=files,
        why=lock_changes(read.lock, ours.lock, was="in the recipe", now="here"),
        sources=sources,
        pictures=_pictures(read, ours),
    )


def render_comparison(found: Comparison) -> str:
    """The comparison, for a terminal."""
    if found.same_bytes:
        return "The same corpus: every file has the digest that the recipe's lock says."
    lines = [f"Not the same bytes: {len(found.files):,} files differ, the first {found.files[0]}."]
    lines += [f"  {line}" for line in found.why]
    if found.same_rows:
        lines.append("All rows are the same, in everything but the bytes of pictures.")
    for source in found.sources:
        if source.is_same:
            continue
        lines.append(f"{source.source}: {_told(source)}")
    if found.pictures is not None:
        p = found.pictures
        lines.append(
            f"Pictures: {p.same:,} the same, {p.changed:,} with other bytes, {p.gone:,} of the "
            f"recipe not here, {p.new:,} not in the recipe."
        )
    return "\n".join(lines)


def _told(source: SourceComparison) -> str:
    counts = f"{source.rows:,} rows, the recipe has {source.recipe_rows:,}; "
    lost = (
        f"{source.studies_gone:,} studies of the recipe are not here, "
        f"{source.studies_new:,} are not in the recipe"
    )
    if not source.keyed:
        return (
            f"{counts}{lost}. At least one row differs; which, only the keys of the recipe's "
            "author can tell (--keys)"
        )
    return f"{counts}{source.same:,} the same, {source.changed:,} changed; {lost}"


def _keys(keys: Mapping[str, str]) -> dict[str, bytes]:
    try:
        return {source: bytes.fromhex(key) for source, key in keys.items()}
    except (ValueError, TypeError):
        raise CallError("the keys are not those that `chexinstruct recipe --keys` wrote") from None


def _files(theirs: Lock, ours: Lock) -> list[str]:
    """Names of files that differ."""
    there, here = _digests(theirs), _digests(ours)
    return sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))


def _digests(lock: Lock) -> dict[str, str]:
    files = {f"data/{shard.name}.parquet": shard.sha256 for shard in lock.shards}
    return files | {file.name: file.sha256 for file in lock.pictures}


def _sources(recipe: Recipe, corpus: Corpus, keys: Mapping[str, bytes]) -> list[SourceComparison]:
    derived = source_keys(corpus)
    their_studies, our_studies = _their_studies(recipe), studies(corpus)
    their_rows = _their_rows(recipe)
    found = []
    for source in sorted(their_rows.keys() | derived.keys()):
        there = their_rows.get(source, {})
        here: Keyed = {}
        key = keys.get(source) or derived.get(source)
        for file in corpus.files:
            if file.source == source and key is not None:
                for id, row in row_digests(file, key):
                    here[file.task, file.split, id] = row
        places = [
            place for place in their_studies.keys() | our_studies.keys() if place[0] == source
        ]
        found.append(
            SourceComparison(
                source=source,
                recipe_rows=len(there),
                rows=len(here),
                keyed=source in keys or not there.keys().isdisjoint(here),
                same=sum(here.get(place) == row for place, row in there.items()),
                changed=sum(here.get(place, row) != row for place, row in there.items()),
                studies_gone=_missing(places, their_studies, our_studies),
                studies_new=_missing(places, our_studies, their_studies),
            )
        )
    return found


def _missing(
    places: Iterable[tuple[str, str]],
    all_: Mapping[tuple[str, str], set[str]],
    among: Mapping[tuple[str, str], set[str]],
) -> int:
    return sum(len(all_.get(place, set()) - among.get(place, set())) for place in places)


def _their_rows(recipe: Recipe) -> dict[str, Keyed]:
    found: dict[str, Keyed] = {}
    for row in pq.read_table(recipe.folder / ROWS).to_pylist():
        found.setdefault(row["source"], {})[row["task"], row["split"], row["id"]] = row["row"]
    return found


def _their_studies(recipe: Recipe) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for row in pq.read_table(recipe.folder / STUDIES).to_pylist():
        found.setdefault((row["source"], row["split"]), set()).add(row["study"])
    return found


def _pictures(recipe: Recipe, corpus: Corpus) -> PictureComparison | None:
    if PICTURES not in recipe.data:
        return None
    table = pq.read_table(recipe.folder / PICTURES).to_pylist()
    there = {(row["source"], row["picture"]): row["sha256"] for row in table}
    here = {
        (source, name): sha256
        for source, named in pictures(corpus).items()
        for name, sha256 in named.items()
    }
    both = there.keys() & here.keys()
    same = sum(there[place] == here[place] for place in both)
    return PictureComparison(
        same=same, changed=len(both) - same, gone=len(there) - len(both), new=len(here) - len(both)
    )
