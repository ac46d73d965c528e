"""The compressed pixel data of DICOM files, each transfer syntax by the decoder named for it.

Named, for pydicom would else take the first decoder of those installed, and lossy ones differ in
the last bit. For JPEG Lossless, 12-bit JPEG and JPEG-LS pydicom knows GDCM, which crashes on
damaged streams, and decoders under the GPL; imagecodecs reads them by libjpeg-turbo and CharLS.
These two believe the size that a stream gives. Where its end is missing libjpeg-turbo paints grey
and CharLS never returns. So kind, size and end of a stream are looked at before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import imagecodecs
import numpy.typing as npt
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from chexinstruct.headers import codestream
from chexinstruct.images.errors import BadImage, decoding
from chexinstruct.schema import Frame

Pixels = npt.NDArray[Any]


# Markers of JPEG, JPEG-LS and JPEG 2000 (ITU-T T.81 table B.1, T.87 C.1, T.800 A.5.1). Progressive
# JPEG (C2) is none of DICOM's and can ask for endless work: only Pillow gets it, with its own care.
_BASELINE = frozenset({0xC0, 0xC1, 0xC2})
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC3})
_JPEG_LS = frozenset({0xF7})
_JPEG2000 = frozenset({0x51})
_END_OF_IMAGE = b"\xff\xd9"


class Codec(NamedTuple):
    """How the pixel data of a transfer syntax is read."""

    name: str
    """As ``Decoded.steps`` says it."""
    decoder: str
    """``imagecodecs``, or the plugin of pydicom."""
    kinds: frozenset[int] = frozenset()
    """As :func:`header.codestream` gives them; none where a stream has no header."""


_LOSSLESS = Codec("jpeg_lossless", "imagecodecs", _SEQUENTIAL)
_LS = Codec("jpeg_ls", "imagecodecs", _JPEG_LS)
_J2K = Codec("jpeg2000", "pylibjpeg", _JPEG2000)
_HTJ2K = Codec("htj2k", "pylibjpeg", _JPEG2000)

CODECS = {
    JPEGBaseline8Bit: Codec("jpeg_baseline", "pillow", _BASELINE),
    JPEGExtended12Bit: Codec("jpeg_extended", "imagecodecs", _SEQUENTIAL),
    JPEGLossless: _LOSSLESS,
    JPEGLosslessSV1: _LOSSLESS,
    JPEGLSLossless: _LS,
    JPEGLSNearLossless: _LS,
    JPEG2000Lossless: _J2K,
    JPEG2000: _J2K,
    HTJ2KLossless: _HTJ2K,
    HTJ2KLosslessRPCL: _HTJ2K,
    HTJ2K: _HTJ2K,
    RLELossless: Codec("rle", "pydicom"),
}
"""By transfer syntax."""


def decode(dataset: Dataset, syntax: UID, frame: Frame, *, raw: bool) -> Pixels:
    """The stored codes of a single-frame file, whose header was checked.

    Args:
        dataset: the file.
        syntax: its transfer syntax; if compressed, one of :data:`CODECS`.
        frame: its (width, height) by the DICOM header.
        raw: False: YBR becomes RGB.

    Returns:
        Integers, (rows, columns) or (rows, columns, samples). Of signed numbers imagecodecs gives
        the stored bits as an unsigned type, pydicom the numbers.

    Raises:
        BadImage: they cannot be decoded, or the compressed picture has another size.
    """
    with decoding("the DICOM pixel data", "undecodable_image"):
        codec = CODECS.get(syntax, Codec("", ""))
        coded = _stream(dataset, frame, codec) if codec.kinds else b""
        if codec.decoder == "imagecodecs":
            return _by_imagecodecs(coded, codec, str(dataset.PhotometricInterpretation), raw=raw)
        pixels, _ = get_decoder(syntax).as_array(
            dataset, raw=raw, index=0, decoding_plugin=codec.decoder
        )
        return pixels


def _stream(dataset: Dataset, frame: Frame, codec: Codec) -> bytes:
    """The compressed picture, once its own header agrees with that of the file."""
    coded = get_frame(dataset.PixelData, 0, number_of_frames=1).rstrip(b"\0")
    kind, size = codestream(coded) or (None, frame)
    if kind not in codec.kinds:
        raise BadImage("undecodable_image", f"the DICOM pixel data is not {codec.name}")
    if size != frame:
        raise BadImage(
            "invalid_header",
            f"the DICOM header says {frame[0]} x {frame[1]} pixels, "
            f"its compressed picture {size[0]} x {size[1]}",
        )
    if codec.decoder == "imagecodecs" and not coded.endswith(_END_OF_IMAGE):
        raise BadImage("truncated_image", "the DICOM pixel data ends too early")
    return coded


def _by_imagecodecs(coded: bytes, codec: Codec, photometric: str, *, raw: bool) -> Pixels:
    colour = photometric.startswith(("RGB", "YBR"))
    if codec is _LS:
        pixels = imagecodecs.jpegls_decode(coded)
    elif colour:
        # Both alike, so that samples stay as they are: the DICOM header says what they mean.
        pixels = imagecodecs.jpeg8_decode(coded, colorspace="RGB", outcolorspace="RGB")
    else:
        pixels = imagecodecs.jpeg8_decode(coded)
    if colour and not raw and photometric.startswith("YBR_FULL"):
        pixels = convert_color_space(pixels, "YBR_FULL", "RGB")
    return pixels
