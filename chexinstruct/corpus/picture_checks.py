"""Checks of the pictures: that rows have theirs, that they are whole, and in one split each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from chexinstruct.corpus.files import Corpus, ImageFile
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.gallery import Collector, Gallery, Pictures, by_group, found, read_names
from chexinstruct.corpus.pictures import embedded, mismatched, stored
from chexinstruct.corpus.tables import SPLIT_BITS, Numbers, Rows
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import SPLITS

MATCH, BYTES, SPLIT = "pictures_match_names", "picture_bytes", "picture_bytes_in_one_split"
"""The checks."""

NO_PICTURES = "the corpus was built without pictures"

_WHOLE = "every picture is a whole JPEG or PNG by its header and end"
_APART = "no picture stands in two splits by its bytes"


def picture_findings(rows: Rows, corpus: Corpus, note: str) -> tuple[list[Finding], Gallery | None]:
    """The checks, as the corpus embeds its pictures, stores them apart or has none.

    Args:
        rows: of the corpus; files whose pictures cannot be read are noted in ``rows.damaged``.
        corpus: for its stored pictures.
        note: is said beside leaks between splits.

    Returns:
        The findings, and the whole pictures; None of a corpus without.
    """
    mode = corpus.lock.manifest["images"]["mode"]
    if mode == "embed":
        return _embedded(rows, note)
    if mode == "store":
        return _stored(rows, corpus.images, note)
    checks = (MATCH, BYTES, SPLIT)
    return [Finding(check=c, level="not checked", message=NO_PICTURES) for c in checks], None


def _embedded(rows: Rows, note: str) -> tuple[list[Finding], Gallery]:
    unmatched: list[str] = []
    broken: list[str] = []
    held = Collector()
    for number, file in enumerate(rows.files):
        whole = []
        try:
            unmatched += [f"row {row} has other pictures than names" for row in mismatched(file)]
            for picture in embedded(file):
                if picture.problem:
                    broken.append(f"a picture of row {picture.row} {picture.problem}")
                else:
                    whole.append((picture.digest, picture.group, picture.at))
        except ChexinstructError as error:
            rows.damaged[file.name] = str(error)
        held.add(found(whole, split=SPLITS.index(file.split), file=number))
    gallery = Gallery(rows.files, "images", held.pictures())
    findings = [
        judged(MATCH, unmatched, "every row has one picture for each of its picture names"),
        judged(BYTES, broken, _WHOLE),
        judged(SPLIT, _twice(rows, gallery, note), _APART),
    ]
    return findings, gallery


_NAMED = """
SELECT id, split, text_key(concat(root, chr(31), image)) AS key
FROM (SELECT id, split, root, unnest(image_ids) AS image FROM rows)
"""
"""The pictures that rows name."""


def _stored(rows: Rows, images: Sequence[ImageFile], note: str) -> tuple[list[Finding], Gallery]:
    broken: list[str] = []
    keys: list[Numbers] = [np.empty(0, np.uint64)]
    every: list[Pictures] = [found([], split=0, file=0)]
    for number, file in enumerate(images):
        try:
            pictures = list(stored(file))
        except ChexinstructError:
            broken.append(f"{file.name} is missing or damaged")
            continue
        broken += [f"{file.name}: {p.id} {p.problem}" for p in pictures if p.problem]
        places = [(p.digest, p.group, p.at) for p in pictures]
        every.append(found(places, split=0, file=number))
        keys.append(_keys(rows, [(file.release, picture.id) for picture in pictures]))
    have, content = np.concatenate(keys), np.concatenate(every)
    named = np.unique(rows.kinds(["id", "image_ids"], _NAMED).keys)
    there = np.isin(named >> SPLIT_BITS, have)
    missing = np.unique(named[~there] >> SPLIT_BITS)
    faults = []
    if len(missing):
        first = _first(rows, int(missing[0]))
        faults = [f"pictures of rows that are not stored: {len(missing):,}, for example of {first}"]
    order = np.argsort(have)
    shown = content[order[np.searchsorted(have, named[there] >> SPLIT_BITS, sorter=order)]]
    shown["split"] = named[there] & np.uint64(2**SPLIT_BITS - 1)
    held = Collector()
    held.add(shown)
    gallery = Gallery(tuple(images), "image", held.pictures())
    findings = [
        judged(MATCH, faults, "every picture that a row names is stored"),
        judged(BYTES, broken, _WHOLE),
        judged(SPLIT, _twice(rows, gallery, note), _APART),
    ]
    return findings, gallery


def _twice(rows: Rows, gallery: Gallery, note: str) -> list[str]:
    """Equal pictures in several splits, as one fault or none."""
    shared = gallery.in_several_splits()
    if not len(shared):
        return []
    entries = gallery.pictures[gallery.pictures["digest"] == shared[0]]
    told = " and ".join(showing(rows, gallery, entries))
    return [f"pictures in several splits by their bytes: {len(shared):,}, for example {told}{note}"]


def showing(rows: Rows, gallery: Gallery, pictures: Pictures) -> list[str]:
    """For each of some pictures a row of its split that shows it, as ``id (split)``."""
    names = [""] * len(pictures)
    releases = [""] * len(pictures)
    for number, group, chosen in by_group(pictures):
        file = gallery.files[number]
        read = read_names(file, gallery.column, group, pictures["at"][chosen].tolist())
        for entry, name in zip(chosen.tolist(), read, strict=True):
            names[entry] = name
            releases[entry] = file.release if isinstance(file, ImageFile) else ""
    splits = [SPLITS[number] for number in pictures["split"]]
    if gallery.column == "image":
        names = _naming(rows, list(zip(releases, names, splits, strict=True)))
    return [f"{name} ({split})" for name, split in zip(names, splits, strict=True)]


def _naming(rows: Rows, pictures: Sequence[tuple[str, str, str]]) -> list[str]:
    """The first row that names a picture, given as release, name and split, for each of some."""
    keys = _keys(rows, [(release, name) for release, name, _ in pictures])
    first = {
        (key, split): id
        for key, split, id in rows.ask(
            ["id", "image_ids"],
            f"SELECT key, split, min(id) FROM ({_NAMED}) "
            f"WHERE key IN ({', '.join(map(str, keys))}) GROUP BY key, split",
        )
    }
    splits = [split for _, _, split in pictures]
    return [str(first.get((int(k), s), "no row")) for k, s in zip(keys, splits, strict=True)]


def _keys(rows: Rows, pictures: Sequence[tuple[str, str]]) -> Numbers:
    """Keys of stored pictures, given as release and name, as ``_NAMED`` has them."""
    named = [f"{rows.roots.get(release, release)}\x1f{name}" for release, name in pictures]
    return rows.text_keys(pa.array(named, pa.string()))


def _first(rows: Rows, key: int) -> str:
    """The first row of each split that names a picture."""
    found = rows.ask(
        ["id", "image_ids"],
        f"SELECT split, min(id) FROM ({_NAMED}) WHERE key = {key} GROUP BY split ORDER BY split",
    )
    return " and ".join(f"{id} ({split})" for split, id in found)
