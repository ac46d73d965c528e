"""PNG, JPEG, JPEG 2000, WebP and BMP to 8-bit grey.

8-bit pictures keep their greys: they were made for display. 16-bit grey is shown through the
window that a table of the release gives. Without one, or with one that shows nothing
(``tone.usable``), it is stretched between percentiles, exactly as a DICOM picture: releases store
10 to 15 significant bits in 16 (PadChest 10 and 12), so dividing by 65,535 gives black pictures,
and the maximum is set by a lead marker as often as by the patient. But a 16-bit container whose
values all fit 8 bits is taken for the 8-bit picture it holds. What a table calls inverted is
inverted last.

Alpha channels are dropped and colour becomes luma (ITU-R BT.601, as Pillow does). EXIF orientation
is not applied: annotations are drawn on the stored pixels.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from chexinstruct.headers import J2K_MAGIC, JPEG_MAGIC, PNG_MAGIC
from chexinstruct.images import png, tone
from chexinstruct.images.decoded import Decoded, check_size
from chexinstruct.images.errors import BadImage, decoding
from chexinstruct.images.geometry import output_size
from chexinstruct.schema import Box

FORMATS = ("PNG", "JPEG", "JPEG2000", "WEBP", "BMP")
"""Few on purpose: what the releases hold, and no format that nests others."""

_JP2_MAGIC = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_OTHERS = {b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"GIF8": "GIF", b"\x1f\x8b": "gzip"}
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def is_raster(data: bytes) -> bool:
    """Whether the file begins like one of :data:`FORMATS`."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return webp or data.startswith((PNG_MAGIC, JPEG_MAGIC, J2K_MAGIC, _JP2_MAGIC, b"BM"))


def refuse(data: bytes) -> BadImage:
    """The error for a file that is neither DICOM nor one of :data:`FORMATS`."""
    for magic, name in _OTHERS.items():
        if data.startswith(magic):
            return BadImage(
                "unsupported_format", f"{name} is not read; {', '.join(FORMATS)} and DICOM are"
            )
    return BadImage("not_an_image", "the file is neither a picture nor DICOM")


def read(data: bytes, size: int, told: tone.Told) -> Decoded:
    """The picture of a file.

    Args:
        data: the file.
        size: shorter side that is wanted in the end, pixels: a JPEG is decoded at a fraction of
            its size as long as twice that is left.
        told: what the release tells of the greys.

    Raises:
        BadImage: see ``errors.Reason``.
    """
    with (
        decoding("the picture", "undecodable_image"),
        Image.open(io.BytesIO(data), formats=FORMATS) as image,
    ):
        source = image.size
        check_size(*source)
        name = "JPEG" if image.format == "MPO" else image.format or ""
        if name != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise BadImage("multi_frame", f"the {name} file is an animation, one frame is expected")
        steps = f"{name.lower()} {image.mode}"
        box: Box = (0, 0, *source)
        if name == "JPEG":
            width, height = output_size(source, size)
            wanted = None if (width, height) == source else (2 * width, 2 * height)
            drafted = image.draft("L", wanted)
            if drafted:
                box = drafted[1]
        grey = png.decode_grey(data) if name == "PNG" else None
        if grey is None:
            image.load()
        if image.mode in _DEEP:
            picture, scaling = _eight_bits(np.asarray(image) if grey is None else grey, told.window)
            steps = f"{steps} {scaling}"
        else:
            picture = _luma(image) if grey is None else Image.fromarray(grey)
        if told.inverted:
            picture, steps = ImageOps.invert(picture), f"{steps} inverted"
        return Decoded(picture, source, box, steps)


def _eight_bits(
    pixels: npt.NDArray[Any], window: tuple[float, float] | None
) -> tuple[Image.Image, str]:
    if pixels.dtype != np.uint16 and (pixels.min() < 0 or pixels.max() > 0xFFFF):
        raise BadImage("unsupported_bit_depth", "the picture has more than 16 bits a pixel")
    codes = pixels.astype(np.uint16, copy=False)
    values = np.arange(2**16, dtype=np.float64)
    counts = tone.count(codes, len(values))
    steps = ""
    if window is not None:
        levels = tone.window(values, *window, "LINEAR")
        if levels is not None and tone.usable(levels, counts):
            return Image.fromarray(tone.quantise(levels)[codes]), "window linear"
        steps = "window_unusable "
    if codes.max() <= 0xFF:
        return Image.fromarray(codes.astype(np.uint8)), f"{steps}8_bits_used"
    table = tone.quantise(tone.percentile(values, counts))
    return Image.fromarray(table[codes]), f"{steps}percentile"


def _luma(image: Image.Image) -> Image.Image:
    if image.mode == "L":
        return image
    image.info.pop("transparency", None)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    return image.convert("L")
