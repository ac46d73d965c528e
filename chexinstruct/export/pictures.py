"""The pictures of rows, wherever the corpus has them, as files that are written once each."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_hexdigest

from chexinstruct.corpus.files import (
    Corpus,
    CorpusFile,
    named_pictures,
    picture_releases,
    read_batches,
)
from chexinstruct.corpus.pictures import picture_size
from chexinstruct.export.texts import Refused
from chexinstruct.schema import Frame
from chexinstruct.source import Source

_KINDS = {b"\xff\xd8": ".jpg", b"\x89P": ".png"}
"""The first two bytes of a picture -> the suffix of its file."""

_LONGEST = 80
"""Characters of a key that stand in a file name; the digest behind them tells keys apart."""


@dataclass(frozen=True)
class Picture:
    """A picture of a row."""

    name: str
    """Path below the export, POSIX separators: ``images/3f/<key>-<digest>.jpg``."""
    content: bytes | Path
    """Its bytes, or the file that holds them."""

    @cached_property
    def data(self) -> bytes:
        """The encoded picture."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    @cached_property
    def size(self) -> Frame:
        """(width, height) in pixels.

        Raises:
            Refused: it is no JPEG or PNG.
        """
        size = picture_size(self.data)
        if size is None:
            raise Refused("unreadable_picture")
        return size


def file_name(key: str, salt: bytes) -> str:
    """``images/<two digits>/<key>-<digest>`` of a picture, the suffix left out.

    Safe on every file system, whatever the key: letters, digits, dot, dash and underscore alone.
    The digest keeps apart keys that differ in other characters, in case, or far behind.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", key)[:_LONGEST].strip("_") or "picture"
    digest = xxh3_64_hexdigest(key.encode() + b"\0" + salt)
    return f"images/{digest[:2]}/{safe}-{digest}"


def suffix(data: bytes) -> str:
    """Of the file of a picture, by its first bytes.

    Raises:
        Refused: neither JPEG nor PNG.
    """
    try:
        return _KINDS[data[:2]]
    except KeyError:
        raise Refused("unreadable_picture") from None


class Embedded:
    """Pictures that stand in the rows."""

    columns: tuple[str, ...] = ("images",)
    """Of the corpus; what is read of each row for its pictures."""

    def of(self, row: Mapping[str, Any]) -> list[Picture]:
        """The pictures of a row.

        Raises:
            Refused: one has no bytes, or is no picture.
        """
        held = row["images"]
        if len(held) != len(row["image_ids"]) or not all(image["bytes"] for image in held):
            raise Refused("missing_picture")
        return [
            Picture(file_name(key, image["bytes"]) + suffix(image["bytes"]), image["bytes"])
            for key, image in zip(row["image_ids"], held, strict=True)
        ]


class Stored:
    """Pictures that the corpus keeps apart, unpacked into a folder as they will stand there.

    Args:
        folder: where to; below it they have their names.
        corpus: whose.
        files: data files whose rows are exported; no other picture is unpacked.
        sources: the registry; a row's pictures lie in its source's release or in one of those that
            the source builds on.
    """

    columns: tuple[str, ...] = ()

    def __init__(
        self,
        folder: Path,
        corpus: Corpus,
        files: Sequence[CorpusFile],
        sources: Mapping[str, Source],
    ) -> None:
        self.folder = folder
        self.sources = sources
        named = named_pictures(corpus.path, files, sources)
        for image in corpus.images:
            if image.release in named:
                self._unpack(image.path, image.release, named[image.release])

    def of(self, row: Mapping[str, Any]) -> list[Picture]:
        """The pictures of a row.

        Raises:
            Refused: one is not there, or stands in several releases under the same name.
        """
        return [self._found(row["source"], key) for key in row["image_ids"]]

    def _found(self, source: str, key: str) -> Picture:
        found = [
            Picture(name, path)
            for release in picture_releases(source, self.sources)
            for kind in _KINDS.values()
            if (path := self.folder / (name := file_name(key, release.encode()) + kind)).exists()
        ]
        if len(found) != 1:
            raise Refused("ambiguous_picture" if found else "missing_picture")
        return found[0]

    def _unpack(self, path: Path, release: str, wanted: pa.ChunkedArray) -> None:
        for batch in read_batches(path, ["image_id", "image"]):
            chosen = batch.filter(pc.is_in(batch["image_id"], value_set=wanted))
            for row in chosen.to_pylist():
                data = row["image"]["bytes"] or b""
                if data[:2] in _KINDS:  # rows that name another kind are refused: not found
                    name = file_name(row["image_id"], release.encode()) + suffix(data)
                    put(self.folder, Picture(name, data))


def put(folder: Path, picture: Picture) -> None:
    """Write a picture's file below a folder if it does not stand there yet."""
    path = folder / picture.name
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture.content, Path):  # unpacked beside it, and taken away in the end
        try:
            os.link(picture.content, path)
        except OSError:  # a file system without links
            shutil.copyfile(picture.content, path)
    else:
        path.write_bytes(picture.content)
