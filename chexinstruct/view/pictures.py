"""The pictures of single rows, read without those of all others being kept."""

from __future__ import annotations

import io
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from chexinstruct.corpus import Corpus, ImageFile
from chexinstruct.corpus.files import opened, picture_releases
from chexinstruct.source import registry
from chexinstruct.view.matches import Place

KEPT = 256 * 2**20
"""Bytes of row groups that are kept."""
THUMB = 160
"""Pixels of the longer side of a small picture."""
PIXELS = 100_000_000
"""Of a picture that is made small, at most."""

_EMBEDDED = "images.list.element.bytes"
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Pictures:
    """Pictures by the place of their row, whether embedded or stored apart.

    A row group is read at once, as Parquet has it, and some stay in memory: the neighbours of a
    row show pictures of the same group. May be asked from several threads.

    Args:
        corpus: whose pictures.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._releases = _releases(corpus)
        self._groups: OrderedDict[tuple[Path, int], pa.Array] = OrderedDict()
        self._footers: dict[Path, pq.FileMetaData] = {}
        self._lock = threading.RLock()

    def of(self, place: Place, number: int, name: str) -> bytes | None:
        """A picture of a row; None: the corpus does not hold it.

        Args:
            place: of the row.
            number: of the picture in the row, from 0.
            name: in the row's ``image_ids``; stored pictures are found by it.

        Raises:
            ChexinstructError: a file cannot be read.
        """
        if self._corpus.images:
            return self._stored(self._corpus.files[place.file].source, name)
        return self._embedded(place, number)

    def _embedded(self, place: Place, number: int) -> bytes | None:
        file = self._corpus.files[place.file]
        with self._lock:
            metadata = self._footer(file.path)
            sizes = (metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
            ends = list(accumulate(sizes))
            group = bisect_right(ends, place.row)
            if group == len(ends):
                return None
            lists = self._group(file.path, group, _EMBEDDED)
        row = lists[place.row - (ends[group - 1] if group else 0)].values
        if row is None or not 0 <= number < len(row):
            return None
        data: bytes | None = row[number]["bytes"].as_py()
        return data

    def _stored(self, source: str, name: str) -> bytes | None:
        for release in self._releases[source]:
            for file in self._corpus.images:
                if file.release == release:
                    found = self._stored_in(file, name)
                    if found is not None:
                        return found
        return None

    def _stored_in(self, file: ImageFile, name: str) -> bytes | None:
        with self._lock:
            metadata = self._footer(file.path)
            for group in _holding(metadata, "image_id", name):
                names = self._group(file.path, group, "image_id")
                at = pc.index(names, name).as_py()
                if at >= 0:
                    pictures = self._group(file.path, group, "image.bytes")
                    data: bytes | None = pictures[at]["bytes"].as_py()
                    return data
        return None

    def _footer(self, path: Path) -> pq.FileMetaData:
        if path not in self._footers:
            with opened(path) as file:
                self._footers[path] = file.metadata
        return self._footers[path]

    def _group(self, path: Path, group: int, column: str) -> pa.Array:
        """A column of a row group; what was not asked for of late is let go."""
        key = (path / column, group)
        if key not in self._groups:
            # An embedded picture that many rows show is kept once, as the file has it.
            with opened(path, dictionaries=[_EMBEDDED] if column == _EMBEDDED else ()) as file:
                table = file.read_row_group(group, columns=[column])
            self._groups[key] = table.column(0).combine_chunks()
        self._groups.move_to_end(key)
        while len(self._groups) > 1 and sum(g.nbytes for g in self._groups.values()) > KEPT:
            self._groups.popitem(last=False)
        return self._groups[key]


def _releases(corpus: Corpus) -> dict[str, list[str]]:
    """Source -> the releases that its stored pictures lie in, its own first."""
    if not corpus.images:
        return {}
    known = registry()
    return {key: list(picture_releases(key, known)) for key in corpus.sources()}


def _holding(metadata: pq.FileMetaData, column: str, value: str) -> Iterator[int]:
    """The row groups that can hold a value, by the least and greatest that the file tells."""
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    at = names.index(column)
    for group in range(metadata.num_row_groups):
        told = metadata.row_group(group).column(at).statistics
        if told is None or not told.has_min_max or told.min <= value <= told.max:
            yield group


def kind_of(data: bytes) -> str | None:
    """Media type of a JPEG or PNG by its first bytes; None for anything else."""
    for magic, kind in _KINDS.items():
        if data.startswith(magic):
            return kind
    return None


def smaller(data: bytes, side: int, *, quality: int = 80) -> bytes | None:
    """A picture as a JPEG of at most ``side`` pixels; None: it cannot be read.

    The same bytes give the same bytes under one version of Pillow.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > PIXELS:
                return None
            picture.draft("L" if picture.mode == "L" else "RGB", (side, side))
            small = picture.convert("L" if picture.mode in ("1", "L") else "RGB")
            small.thumbnail((side, side), Image.Resampling.BILINEAR)
            out = io.BytesIO()
            small.save(out, "JPEG", quality=quality)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return out.getvalue()
