"""The pictures of a corpus, looked at without decoding them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from chexinstruct.corpus.files import CorpusFile, ImageFile, read_batches, row_groups
from chexinstruct.schema import Frame

_ENDS = (b"\xff\xd9", b"IEND\xaeB`\x82")
"""Of a whole JPEG (end of image, ITU-T T.81 B.1.1.3) and a whole PNG (chunk IEND with its CRC)."""


def picture_size(data: bytes) -> Frame | None:
    """(width, height) in pixels by the header of a JPEG or PNG; None for anything else."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def picture_problem(data: bytes) -> str | None:
    """What is wrong with the bytes of a picture; None: header and end are as they should be."""
    if not data:
        return "has no bytes"
    if picture_size(data) is None:
        return "is neither a JPEG nor a PNG"
    return None if data.endswith(_ENDS) else "is cut off"


@dataclass(frozen=True)
class Embedded:
    """A distinct picture of one row group."""

    row: str
    """Id of the first row that shows it."""
    group: int
    """Number of the row group."""
    at: int
    """Its place among all pictures of the row group."""
    digest: int
    """First 64 bits of the SHA-256 of its bytes."""
    problem: str | None


def embedded(file: CorpusFile) -> Iterator[Embedded]:
    """The pictures in the rows of a file; each is looked at once a row group."""
    for group, table in row_groups(file.path, ["id", "images"]):
        before = 0
        for batch in table.to_batches():
            data = pc.struct_field(pc.list_flatten(batch["images"]), "bytes")
            rows = pc.list_parent_indices(batch["images"])
            coded = data.fill_null(b"").dictionary_encode()
            _, first = np.unique(coded.indices.to_numpy(), return_index=True)
            for content, at in zip(coded.dictionary, first.tolist(), strict=True):
                yield Embedded(
                    batch["id"][rows[at].as_py()].as_py(),
                    group,
                    before + at,
                    _digest(content.as_buffer()),
                    picture_problem(content.as_py()),
                )
            before += len(data)


def mismatched(file: CorpusFile) -> Iterator[str]:
    """Ids of the rows of a file whose pictures are not one for each name, in the same order.

    The file name of a picture is its name with a suffix.
    """
    columns = ["id", "image_ids", "images.list.element.path"]
    for batch in read_batches(file.path, columns):
        names, pictures = batch["image_ids"], batch["images"]
        paths = pc.struct_field(pc.list_flatten(pictures), "path")
        stems = pc.replace_substring_regex(paths, r"\.[^.]*$", "")
        alike = pc.list_value_length(names).equals(pc.list_value_length(pictures))
        if alike and pc.list_flatten(names).equals(stems):
            continue
        for id, keys, held in zip(
            batch["id"], names.to_pylist(), pictures.to_pylist(), strict=True
        ):
            if [str(picture["path"]).rpartition(".")[0] for picture in held] != keys:
                yield id.as_py()


@dataclass(frozen=True)
class StoredPicture:
    """A picture of a file in ``images/``."""

    id: str
    group: int
    """Number of the row group."""
    at: int
    """Its row in the row group."""
    digest: int
    """First 64 bits of the SHA-256 of its bytes."""
    problem: str | None


def stored(file: ImageFile) -> Iterator[StoredPicture]:
    """The pictures of a stored file."""
    for group, table in row_groups(file.path, ["image_id", "image"]):
        data = pc.struct_field(table["image"], "bytes").fill_null(b"")
        for at, (id, content) in enumerate(zip(table["image_id"], data, strict=True)):
            yield StoredPicture(
                id.as_py(),
                group,
                at,
                _digest(content.as_buffer()),
                picture_problem(content.as_py()),
            )


def _digest(data: pa.Buffer) -> int:
    return int.from_bytes(sha256(data).digest()[:8], "big")
