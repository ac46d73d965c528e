"""A corpus as its recipe: how to build it and how to tell that it is the same, without its content.

What may stand in a recipe is named here, field by field. Nothing else of a corpus is taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from chexinstruct.build.cache import write_json
from chexinstruct.corpus import Corpus, open_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub.digests import pictures, row_digests, source_keys, studies
from chexinstruct.hub.recipe_card import recipe_card
from chexinstruct.papers import CARD, LICENSES, licenses
from chexinstruct.schema import Lock
from chexinstruct.source import registry

RECIPE_LOCK = "recipe.lock.json"
"""Not the name that a lock has in a corpus: a recipe is none."""
RECIPE_MANIFEST = "manifest.yaml"
RECIPE_FOLDER = "digests"
ROWS, PICTURES, STUDIES = (
    f"{RECIPE_FOLDER}/{name}.parquet" for name in ("rows", "pictures", "studies")
)
RECIPE_PAPERS = (LICENSES, RECIPE_MANIFEST, CARD, RECIPE_LOCK)
RECIPE_FILES = (*RECIPE_PAPERS, ROWS, PICTURES, STUDIES)
"""All that a recipe can hold."""


@dataclass(frozen=True)
class Recipe:
    """The files of a recipe, by their names in it."""

    folder: Path
    lock: Lock
    data: tuple[str, ...]
    papers: tuple[str, ...]


def make_recipe(path: str | Path, out: str | Path) -> Recipe:
    """Write the recipe of a corpus into a folder.

    Args:
        path: the corpus; all its rows and pictures are read.
        out: an empty folder, or one that is not there yet.

    Raises:
        CallError: ``out`` cannot be taken.
        ChexinstructError: there is no corpus, or a file of it cannot be read.
    """
    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CallError(f"{target} is not an empty folder; name one that is, or a new one")
    return write_recipe(open_corpus(path), target)


def write_recipe(corpus: Corpus, folder: Path) -> Recipe:
    """Write the recipe of a corpus into a folder that is empty."""
    if corpus.lock.mixed:
        raise ChexinstructError(
            f"{corpus.path} was mixed from built corpora, so no manifest builds it; make recipes "
            "of those corpora, and say beside them how they were mixed"
        )
    lock = bare_lock(corpus.lock)
    sources = registry()
    used = corpus.sources()
    (folder / RECIPE_FOLDER).mkdir(parents=True)
    _write_rows(corpus, folder / ROWS)
    _write_table(
        folder / STUDIES,
        ("source", "split", "study"),
        (
            (source, split, study)
            for (source, split), found in sorted(studies(corpus).items())
            for study in sorted(found)
        ),
    )
    data = [ROWS, STUDIES]
    if corpus.lock.manifest["images"]["mode"] != "none":
        _write_table(
            folder / PICTURES,
            ("source", "picture", "sha256"),
            (
                (source, name, sha256)
                for source, found in sorted(pictures(corpus).items())
                for name, sha256 in found.items()
            ),
        )
        data.append(PICTURES)
    (folder / RECIPE_MANIFEST).write_text(_manifest_text(lock), encoding="utf-8")
    (folder / LICENSES).write_text(licenses(used, sources), encoding="utf-8")
    (folder / CARD).write_text(recipe_card(lock, used, sources), encoding="utf-8")
    write_json(folder / RECIPE_LOCK, lock)
    return Recipe(folder, lock, tuple(data), RECIPE_PAPERS)


def read_recipe(folder: str | Path) -> Recipe:
    """The recipe in a folder.

    Raises:
        ChexinstructError: there is none, or it is not of this version.
    """
    place = Path(folder)
    try:
        lock = msgspec.json.decode((place / RECIPE_LOCK).read_bytes(), type=Lock)
    except (FileNotFoundError, NotADirectoryError):
        raise ChexinstructError(
            f"no recipe at {place}: {RECIPE_LOCK} is missing; `chexinstruct recipe` makes one"
        ) from None
    except msgspec.MsgspecError as error:
        raise ChexinstructError(
            f"{place / RECIPE_LOCK}: not a lock that this version reads ({error}); use the version "
            "of chexinstruct that wrote it"
        ) from None
    data = tuple(name for name in (ROWS, STUDIES, PICTURES) if (place / name).is_file())
    papers = tuple(name for name in RECIPE_PAPERS if (place / name).is_file())
    return Recipe(place, lock, data, papers)


def recipe_keys(path: str | Path) -> dict[str, str]:
    """The key of each source's digests, for those who have the same rights and other rows.

    With them ``compare`` tells which rows differ. Never publish them: with a key, answers can be
    guessed from the digests.

    Raises:
        ChexinstructError: there is no corpus, or a file of it cannot be read.
    """
    return {source: key.hex() for source, key in source_keys(open_corpus(path)).items()}


def bare_lock(lock: Lock) -> Lock:
    """The lock as far as it is the same wherever the corpus is built."""
    return Lock(
        chexinstruct=lock.chexinstruct,
        python=lock.python,
        libraries=lock.libraries,
        manifest=lock.manifest,
        sources=[msgspec.structs.replace(account, studies_key="") for account in lock.sources],
        ledger=lock.ledger,
        shards=[msgspec.structs.replace(shard, key="") for shard in lock.shards],
        pictures=[msgspec.structs.replace(file, key="") for file in lock.pictures],
        skipped_sources=lock.skipped_sources,
        shared=lock.shared,
        links=lock.links,
        mixture=lock.mixture,
        filtered=lock.filtered,
    )


def _manifest_text(lock: Lock) -> str:
    """The manifest as a file to build from."""
    content: dict[str, Any] = {k: v for k, v in lock.manifest.items() if k != "templates"}
    if not lock.filtered:  # a filter may have taken sources out that decided on splits
        content["sources"] = [account.source for account in lock.sources]
    head = "# The manifest of the corpus, as it was built.\n"
    if "templates" in lock.manifest:
        head += "# It has templates of its own, which are not part of the recipe.\n"
    if held := content.pop("holdout_bench", None):
        if "recipe" in held:
            content["holdout_bench"] = held["recipe"]
        else:
            head += "# The people of a bench, which is not part of the recipe, are not in train.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _write_rows(corpus: Corpus, path: Path) -> None:
    keys = source_keys(corpus)
    names = ("source", "task", "split", "id", "row")
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for file in corpus.files:
            found = row_digests(file, keys[file.source])
            if not found:
                continue
            ids, rows = zip(*found, strict=True)
            same = [[text] * len(ids) for text in (file.source, file.task, file.split)]
            writer.write_table(pa.table([*same, list(ids), list(rows)], schema=schema))


def _write_table(path: Path, names: Sequence[str], rows: Iterable[tuple[str, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    schema = pa.schema([(name, pa.string()) for name in names])
    arrays = [pa.array(column, pa.string()) for column in columns]
    pq.write_table(pa.table(arrays, schema=schema), path, compression="zstd")
