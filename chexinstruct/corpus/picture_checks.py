"""Checks of the pictures: that rows have theirs, that they are whole, and in one split each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa

from chexinstruct.corpus.files import Corpus, ImageFile
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.pictures import embedded, mismatched, stored
from chexinstruct.corpus.tables import SPLIT_BITS, Numbers, Rows
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import Split

MATCH, BYTES, SPLIT = "pictures_match_names", "picture_bytes", "picture_bytes_in_one_split"
"""The checks."""

_WHOLE = "every picture is a whole JPEG or PNG by its header and end"
_APART = "no picture stands in two splits by its bytes"


def picture_findings(rows: Rows, corpus: Corpus, note: str) -> Iterator[Finding]:
    """The checks, as the corpus embeds its pictures, stores them apart or has none.

    Args:
        rows: of the corpus; files whose pictures cannot be read are noted in ``rows.damaged``.
        corpus: for its stored pictures.
        note: is said beside leaks between splits.
    """
    mode = corpus.lock.manifest["images"]["mode"]
    if mode == "embed":
        yield from _embedded(rows, note)
    elif mode == "store":
        yield from _stored(rows, corpus.images, note)
    else:
        for check in (MATCH, BYTES, SPLIT):
            message = "the corpus was built without pictures"
            yield Finding(check=check, level="not checked", message=message)


def _embedded(rows: Rows, note: str) -> Iterator[Finding]:
    unmatched: list[str] = []
    broken: list[str] = []
    held: dict[Split, Numbers] = {}
    for file in rows.files:
        digests = []
        try:
            unmatched += [f"row {row} has other pictures than names" for row in mismatched(file)]
            for picture in embedded(file):
                if picture.problem:
                    broken.append(f"a picture of row {picture.row} {picture.problem}")
                else:
                    digests.append(picture.digest)
        except ChexinstructError as error:
            rows.damaged[file.name] = str(error)
        fresh = np.array(digests, dtype=np.uint64)
        held[file.split] = np.union1d(held.get(file.split, fresh), fresh)
    yield judged(MATCH, unmatched, "every row has one picture for each of its picture names")
    yield judged(BYTES, broken, _WHOLE)
    pairs = [np.intersect1d(a, b) for a, b in combinations(held.values(), 2)]
    shared = np.unique(np.concatenate(pairs)) if pairs else np.array([], dtype=np.uint64)
    faults = []
    if len(shared):
        faults = [_equal(len(shared), _showing(rows, int(shared[0])), note)]
    yield judged(SPLIT, faults, _APART)


def _showing(rows: Rows, digest: int) -> str:
    """The first row of each split that shows a picture; goes through the pictures again."""
    found: dict[Split, str] = {}
    for file in rows.files:
        if file.split not in found and file.name not in rows.damaged:
            for picture in embedded(file):
                if picture.digest == digest:
                    found[file.split] = picture.row
                    break
    return " and ".join(f"{row} ({split})" for split, row in found.items())


_NAMED = """
SELECT id, split, text_key(concat(root, chr(31), image)) AS key
FROM (SELECT id, split, root, unnest(image_ids) AS image FROM rows)
"""
"""The pictures that rows name."""


def _stored(rows: Rows, images: Sequence[ImageFile], note: str) -> Iterator[Finding]:
    broken: list[str] = []
    keys: list[Numbers] = []
    digests: list[int] = []
    for file in images:
        try:
            pictures = list(stored(file))
        except ChexinstructError:
            broken.append(f"{file.name} is missing or damaged")
            continue
        broken += [f"{file.name}: {p.id} {p.problem}" for p in pictures if p.problem]
        digests += [picture.digest for picture in pictures]
        root = rows.roots.get(file.release, file.release)
        keys.append(rows.text_keys(pa.array([f"{root}\x1f{p.id}" for p in pictures], pa.string())))
    have = np.concatenate([np.array([], dtype=np.uint64), *keys])
    named = np.unique(rows.kinds(["id", "image_ids"], _NAMED).keys)
    there = np.isin(named >> SPLIT_BITS, have)
    missing = np.unique(named[~there] >> SPLIT_BITS)
    faults = []
    if len(missing):
        first = _first(rows, missing[:1])
        faults = [f"pictures of rows that are not stored: {len(missing):,}, for example of {first}"]
    yield judged(MATCH, faults, "every picture that a row names is stored")
    yield judged(BYTES, broken, _WHOLE)
    yield judged(SPLIT, _twice(rows, named[there], have, digests, note), _APART)


def _twice(
    rows: Rows, named: Numbers, have: Numbers, digests: Sequence[int], note: str
) -> list[str]:
    """Equal pictures in several splits, as one fault or none.

    Args:
        rows: of the corpus.
        named: key and split of the pictures that rows name.
        have: keys of the stored pictures.
        digests: of the same.
        note: is said beside each.
    """
    order = np.argsort(have)
    at = order[np.searchsorted(have, named >> SPLIT_BITS, sorter=order)]
    content = np.array(digests, dtype=np.uint64)[at]
    splits = named & np.uint64(2**SPLIT_BITS - 1)
    pairs = np.unique(np.stack([content, splits]), axis=1)[0]
    shared = np.unique(pairs[1:][pairs[1:] == pairs[:-1]])
    if not len(shared):
        return []
    told = _first(rows, named[content == shared[0]] >> SPLIT_BITS)
    return [_equal(len(shared), told, note)]


def _equal(count: int, told: str, note: str) -> str:
    return f"pictures in several splits by their bytes: {count:,}, for example {told}{note}"


def _first(rows: Rows, keys: Numbers) -> str:
    """The first row of each split that names one of some pictures."""
    listed = ", ".join(map(str, keys))
    found = rows.ask(
        ["id", "image_ids"],
        f"SELECT split, min(id) FROM ({_NAMED}) WHERE key IN ({listed}) "
        "GROUP BY split ORDER BY split",
    )
    return " and ".join(f"{id} ({split})" for split, id in found)
