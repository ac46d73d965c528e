"""From the bytes of any picture file to the normalised 8-bit picture of the corpus."""

from __future__ import annotations

import hashlib
import io
from typing import Annotated, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from chexinstruct.images import raster
from chexinstruct.images.decoded import Decoded
from chexinstruct.images.errors import BadImage
from chexinstruct.images.geometry import output_size
from chexinstruct.images.signature import is_dicom
from chexinstruct.images.tone import UNTOLD, Told
from chexinstruct.schema import Frame, Record


class ImageSettings(BaseModel):
    """How the pictures of a corpus are made; part of the manifest, for it changes pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Annotated[int, Field(ge=32, le=4096)] = 512
    """Shorter side of the output, pixels; smaller pictures are not enlarged."""
    format: Literal["jpeg", "png"] = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    """Of JPEG; PNG is lossless."""
    filter: Literal["lanczos", "area"] = "lanczos"
    """How pictures are made smaller: ``lanczos`` keeps fine lines best; ``area`` averages the
    pixels under each new one, which takes a tenth of the time where the sides are whole multiples.
    """


class Normalised(Record, frozen=True, kw_only=True):
    """A normalised picture: 8-bit grey, the whole released picture, scaled."""

    data: bytes
    """The encoded file; it holds pixels only, no comments, profiles or EXIF of the original."""
    format: Literal["jpeg", "png"]
    width: int
    height: int
    """Pixels of this picture."""
    source_width: int
    source_height: int
    """Pixels of the released picture."""
    sha256: str
    """Of ``data``, in hexadecimal."""
    steps: str
    """What was done to the greys, e.g. ``dicom jpeg2000 monochrome1 window linear``."""


def normalise(data: bytes, settings: ImageSettings, told: Told = UNTOLD) -> Normalised:
    """Decode, turn into 8-bit grey, scale and encode a picture file.

    What the file is, is decided by its content, never by a suffix: DICOM (single frame), PNG, JPEG,
    JPEG 2000, WebP or BMP. Equal arguments give equal bytes, under the same versions of Pillow,
    pydicom, imagecodecs, pylibjpeg-openjpeg and NumPy.

    Args:
        data: the file.
        settings: of the corpus.
        told: what the release tells of the greys; a DICOM file knows better, and is believed.

    Raises:
        BadImage: for every file that cannot be read, with the reason to count it under.
    """
    if not data:
        raise BadImage("empty_file", "the file is empty")
    if is_dicom(data):
        # Loads for a fifth of a second, which processes that see no DICOM need not spend.
        from chexinstruct.images import dicom

        decoded = dicom.read(data)
    elif raster.is_raster(data):
        decoded = raster.read(data, settings.size, told)
    else:
        raise raster.refuse(data)
    target = output_size(decoded.source, settings.size)
    encoded = _encode(_scaled(decoded, target, settings.filter), settings)
    return Normalised(
        data=encoded,
        format=settings.format,
        width=target[0],
        height=target[1],
        source_width=decoded.source[0],
        source_height=decoded.source[1],
        sha256=hashlib.sha256(encoded).hexdigest(),
        steps=decoded.steps,
    )


def _scaled(decoded: Decoded, target: Frame, name: str) -> Image.Image:
    picture = decoded.picture
    if target == decoded.source:
        return picture
    if name == "lanczos":
        return picture.resize(target, Image.Resampling.LANCZOS, box=decoded.box, reducing_gap=2.0)
    across, down = picture.width // target[0], picture.height // target[1]
    if (across * target[0], down * target[1]) == picture.size == decoded.box[2:]:
        return picture.reduce((across, down))
    # Pillow's own box filter gives some pixels twice the weight of others where they do not divide
    # evenly; with this window a picture comes nearer to exact areas (53 dB and more against 47).
    return picture.resize(target, Image.Resampling.HAMMING, box=decoded.box)


def _encode(picture: Image.Image, settings: ImageSettings) -> bytes:
    picture.info = {}  # Pillow would write comments and profiles of the original along
    buffer = io.BytesIO()
    if settings.format == "png":
        # Z_RLE (3): for radiographs both faster and smaller than zlib's default strategy.
        picture.save(buffer, "PNG", compress_level=1, compress_type=3)
    else:
        picture.save(buffer, "JPEG", quality=settings.quality)
    return buffer.getvalue()
