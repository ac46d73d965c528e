"""Digests of rows, pictures and studies that tell nothing to who does not have them.

Ids of rows name answers (``.../pneumonia/present``), and an answer is often one of two words: a
plain digest of either could be guessed. The digests of rows are therefore keyed, a key a source,
and the key is made of all rows of the source. Who builds the same rows has the key; nobody else.
Pictures cannot be guessed, so theirs are plain. Those of studies are plain too: they say that a
study is used, to whoever knows its name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import msgspec
import pyarrow as pa

from chexinstruct.build.columns import corpus_schema
from chexinstruct.corpus import Corpus, CorpusFile
from chexinstruct.corpus.files import read_batches

WORD = 32
"""Hexadecimal digits that are kept of a digest: 128 bits."""

COLUMNS = ["images.list.element.path" if n == "images" else n for n in corpus_schema().names]
"""All of a row but the bytes of its pictures, which depend on versions of libraries."""

RowDigest = tuple[str, str]
"""Of the id, and of the whole row."""


def source_keys(corpus: Corpus) -> dict[str, bytes]:
    """The key of each source, from all its rows in any order; reads no picture."""
    sums: dict[str, int] = {}
    for file in corpus.files:
        for _, content in _rows(file):
            number = int.from_bytes(hashlib.sha256(content).digest(), "big")
            sums[file.source] = (sums.get(file.source, 0) + number) % 2**256
    return {
        source: hashlib.sha256(b"rows of " + source.encode() + total.to_bytes(32, "big")).digest()
        for source, total in sorted(sums.items())
    }


def row_digests(file: CorpusFile, key: bytes) -> list[RowDigest]:
    """The digests of the rows of a file, sorted: the order of rows would tell whose they are."""
    return sorted(
        (_keyed(key, b"id ", id.encode()), _keyed(key, b"row ", content))
        for id, content in _rows(file)
    )


def study_digest(source: str, study: str) -> str:
    """The digest of a study's name."""
    return hashlib.sha256(f"{source}/{study}".encode()).hexdigest()[:WORD]


def studies(corpus: Corpus) -> dict[tuple[str, str], set[str]]:
    """(source, split) -> digests of the studies of its rows."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in corpus.files:
        place = found.setdefault((file.source, file.split), set())
        for batch in read_batches(file.path, ["study_id"]):
            names = batch["study_id"].unique().to_pylist()
            place.update(study_digest(file.source, name) for name in names)
    return found


def pictures(corpus: Corpus) -> dict[str, dict[str, str]]:
    """Source -> digest of a picture's name -> SHA-256 of its bytes; every picture is read.

    The source of a picture that is stored apart is the release in which it lies.
    """
    found: dict[str, dict[str, str]] = {}
    for image in corpus.images:
        place = found.setdefault(image.release, {})
        for batch in read_batches(image.path, ["image_id", "image"]):
            data = batch["image"].field("bytes")
            for name, content in zip(batch["image_id"].to_pylist(), data, strict=True):
                _note(place, study_digest(image.release, name), content)
    for file in corpus.files:
        place = found.setdefault(file.source, {})
        for batch in read_batches(file.path, ["image_ids", "images"]):
            names = batch["image_ids"].flatten().to_pylist()
            data = batch["images"].flatten().field("bytes")
            if len(names) == len(data):  # else they are stored apart
                for name, content in zip(names, data, strict=True):
                    _note(place, study_digest(file.source, name), content)
    return {source: dict(sorted(place.items())) for source, place in found.items() if place}


def _note(place: dict[str, str], name: str, content: pa.Scalar) -> None:
    if name not in place and content.is_valid:
        place[name] = hashlib.sha256(content.as_buffer()).hexdigest()


def _rows(file: CorpusFile) -> Iterator[tuple[str, bytes]]:
    """Id and content of each row of a file; equal rows give equal bytes."""
    for batch in read_batches(file.path, COLUMNS):
        for row in batch.to_pylist():
            yield row["id"], msgspec.json.encode(row, order="deterministic")


def _keyed(key: bytes, what: bytes, content: bytes) -> str:
    return hmac.digest(key, what + content, "sha256").hex()[:WORD]
