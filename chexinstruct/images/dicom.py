"""DICOM files to 8-bit grey.

The order is that of the standard's grayscale pipeline (PS3.4 N.2): Modality LUT or rescale, then
VOI LUT or window, then the inversion of MONOCHROME1. All of it is folded into one table over the
stored codes, which is applied to the pixels once.

Where the standard leaves a choice, or a file leaves the standard:

- VOI LUT and window are alternative views (PS3.3 C.11.2); the VOI LUT is taken, being the curve
  that a window only approximates. Of several of either, the first.
- With neither, or none that shows anything (``tone.usable``): pictures of 8 bits or fewer keep
  their full range, as they were windowed before; deeper ones are stretched between percentiles.
- Pixel Padding Value and Range Limit mark what is no picture (PS3.3 C.7.5.1.1.2): it does not
  count in the statistics, and comes out black in both photometric interpretations.
- Presentation LUT Shape is not read: in digital radiographs it repeats the photometric
  interpretation (PS3.3 C.8.11.3.1.2), and following both would invert twice.
- Colour pictures and palettes are turned into luma, without a window.
"""

from __future__ import annotations

import io
import math
import zlib
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from chexinstruct.images import tone
from chexinstruct.images.codecs import CODECS, decode
from chexinstruct.images.decoded import MAX_PIXELS, Decoded, check_size
from chexinstruct.images.errors import BadImage, decoding
from chexinstruct.images.signature import has_magic

Codes = npt.NDArray[np.unsignedinteger[Any]]

_NATIVE = {
    ImplicitVRLittleEndian: "uncompressed",
    ExplicitVRLittleEndian: "uncompressed",
    DeflatedExplicitVRLittleEndian: "deflated",
    ExplicitVRBigEndian: "big_endian",
}
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_MAX_INFLATED = 4 * MAX_PIXELS
_BLOCK = 32
"""Rows that greys are looked up for at a time."""
_PIXEL_DATA_TAG = b"\xe0\x7f\x10\x00"


class _Header(NamedTuple):
    """What the Image Pixel module says (PS3.3 C.7.6.3)."""

    syntax: UID
    frame: tuple[int, int]
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool

    @property
    def little_endian(self) -> bool:
        return self.syntax != ExplicitVRBigEndian


def read(data: bytes) -> Decoded:
    """The picture of a single-frame DICOM file.

    Raises:
        BadImage: it holds none, or one that cannot be read; see ``errors.Reason``.
    """
    _refuse_deflate_bomb(data)
    with decoding("the DICOM header", "invalid_header"):
        dataset = dcmread(io.BytesIO(data), force=True)
        header = _header(dataset, data)
    if header.photometric in _COLOUR:
        picture = _luma(dataset, header)
        steps = [header.photometric.lower()]
    else:
        codes, values = _codes(dataset, header)
        with decoding("the DICOM grey scale", "invalid_header"):
            table, steps = _table(dataset, header, codes, values)
        picture = Image.fromarray(_shown(codes, table))
    compression = _NATIVE.get(header.syntax) or CODECS[header.syntax].name
    return Decoded(
        picture, header.frame, (0, 0, *header.frame), " ".join(["dicom", compression, *steps])
    )


def _refuse_deflate_bomb(data: bytes) -> None:
    """Inflate a deflated data set piecemeal before pydicom inflates it as a whole."""
    if not has_magic(data):
        return
    with decoding("the DICOM file meta group", "invalid_header"):
        stream = io.BytesIO(data)  # shares the bytes; a slice of them would copy the picture
        stream.seek(132)
        meta = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        size, rest = 0, stream.read()
        while rest and not inflate.eof:
            size += len(inflate.decompress(rest, 2**24))
            rest = inflate.unconsumed_tail
            if size > _MAX_INFLATED:
                raise BadImage("oversized_image", "the deflated DICOM data set is too large")
        if not inflate.eof:
            raise BadImage("truncated_image", "the deflated DICOM data set ends too early")


def _integer(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    value = dataset.get(keyword)
    if value is None or value == "":
        if default is None:
            raise BadImage("invalid_header", f"the DICOM header lacks {keyword}")
        return default
    return int(value)


def _header(dataset: Dataset, data: bytes) -> _Header:
    """Check all that can be checked before pixels are decoded."""
    meta = getattr(dataset, "file_meta", None) or Dataset()
    if "PixelData" not in dataset:
        _refuse_without_pixels(dataset, data)
    syntax: UID | None = meta.get("TransferSyntaxUID")
    if syntax is None:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        syntax = plain if little else ExplicitVRBigEndian
    compressed = dataset["PixelData"].is_undefined_length
    if not (syntax in CODECS or (syntax in _NATIVE and not compressed)):
        raise BadImage(
            "unsupported_transfer_syntax", f"DICOM pixel data in {_syntax_name(syntax, compressed)}"
        )
    if _integer(dataset, "NumberOfFrames", 1) > 1:
        raise BadImage("multi_frame", "the DICOM file has several frames, one is expected")

    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    check_size(columns, rows)
    samples = _integer(dataset, "SamplesPerPixel", 1)
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip().upper()
    photometric = photometric or ("MONOCHROME2" if samples == 1 else "RGB")
    if photometric not in (_GREY if samples == 1 else _COLOUR if samples == 3 else ()):
        raise BadImage(
            "unsupported_photometric", "DICOM pixels are neither grey, palette, RGB nor YBR"
        )
    allocated = _integer(dataset, "BitsAllocated")
    if allocated not in (8, 16):
        raise BadImage(
            "unsupported_bit_depth", f"DICOM pixels of {allocated} bits; 8 and 16 are read"
        )
    stored = _integer(dataset, "BitsStored", allocated)
    if not 1 <= stored <= allocated:
        raise BadImage("invalid_header", f"{stored} bits stored in {allocated} allocated")
    high = _integer(dataset, "HighBit", stored - 1)
    if not stored - 1 <= high < allocated:
        high = stored - 1
    needed = rows * columns * samples * allocated // 8
    if photometric == "YBR_FULL_422":
        needed = needed * 2 // 3
    found = len(dataset.PixelData)
    if syntax in _NATIVE and found < needed:
        raise BadImage("truncated_image", f"{found} bytes of DICOM pixel data, {needed} expected")
    signed = _integer(dataset, "PixelRepresentation", 0) == 1
    return _Header(syntax, (columns, rows), photometric, allocated, stored, high, signed)


def _refuse_without_pixels(dataset: Dataset, data: bytes) -> NoReturn:
    if "Rows" not in dataset and not has_magic(data):
        raise BadImage("not_an_image", "the file is neither a picture nor DICOM")
    # pydicom leaves out an element that is cut off, or returns nothing at all.
    if _PIXEL_DATA_TAG in data or len(dataset) == 0:
        raise BadImage("truncated_image", "the DICOM file ends too early")
    raise BadImage("no_pixel_data", "the DICOM file has no pixel data")


def _syntax_name(syntax: UID, compressed: bool) -> str:
    if syntax in _NATIVE and compressed:
        return "an unnamed compression, though the file says it is uncompressed"
    return f"the transfer syntax {syntax.name if syntax.is_transfer_syntax else 'of its own'}"


def _codes(dataset: Dataset, header: _Header) -> tuple[Codes, tone.Floats]:
    """The stored codes, unsigned, (rows, columns), and the value that each possible code means."""
    columns, rows = header.frame
    if header.syntax not in _NATIVE or not header.little_endian:
        pixels = decode(dataset, header.syntax, header.frame, raw=True)
        if pixels.shape != (rows, columns) or pixels.dtype.itemsize > 2:
            raise BadImage("invalid_header", "the DICOM header does not fit its compressed picture")
        pixels = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
        bits = 8 * pixels.dtype.itemsize
        unsigned = np.dtype(f"u{pixels.dtype.itemsize}")
        values = np.arange(2**bits).astype(unsigned).view(pixels.dtype)
        if pixels.dtype.kind == "u" and header.signed:
            values = _signed(values.astype(np.int64) & (2**header.stored - 1), header)
        least = -(2 ** (header.stored - 1)) if header.signed else 0
        possible = np.clip(values.astype(np.float64), least, least + 2**header.stored - 1)
        return pixels.view(unsigned), possible
    native: np.dtype[np.unsignedinteger[Any]] = np.dtype(f"<u{header.allocated // 8}")
    codes = np.frombuffer(dataset.PixelData, native, rows * columns).reshape(rows, columns)
    # The whole container is the code: bits outside BitsStored are masked in the table, not in the
    # pixels, which spares a pass over them.
    cells = np.arange(2**header.allocated)
    kept = (cells >> (header.high + 1 - header.stored)) & (2**header.stored - 1)
    return codes, _signed(kept, header).astype(np.float64)


def _signed(numbers: npt.NDArray[Any], header: _Header) -> npt.NDArray[Any]:
    """Numbers of BitsStored bits read in two's complement where the header says so."""
    if not header.signed:
        return numbers
    return np.where(numbers >= 2 ** (header.stored - 1), numbers - 2**header.stored, numbers)


def _table(
    dataset: Dataset, header: _Header, codes: Codes, stored: tone.Floats
) -> tuple[tone.Table, list[str]]:
    """The grey of each code, and what was done to get it."""
    steps = [header.photometric.lower().replace(" ", "_")]
    if header.photometric == "PALETTE COLOR":
        return tone.quantise(_palette(dataset, stored)), steps
    counts = tone.count(codes, len(stored))
    padding = _padding(dataset, header, stored)
    if counts[~padding].any():
        counts[padding] = 0
    values, modality = _modality(dataset, header, stored)
    levels, chosen = _levels(dataset, header, values, counts)
    if header.photometric == "MONOCHROME1":
        levels = 1.0 - levels
    levels[padding] = 0.0
    return tone.quantise(levels), [*steps, *modality, *chosen]


def _shown(codes: Codes, table: tone.Table) -> tone.Table:
    """The grey of each pixel, as ``table[codes]`` gives it in two and a half times the time.

    The codes of a block, widened to indices, stay in the processor's cache. There is a cell for
    each possible code, so that nothing is clipped.
    """
    grey = np.empty(codes.shape, np.uint8)
    for start in range(0, len(codes), _BLOCK):
        block = slice(start, start + _BLOCK)
        np.take(table, codes[block], out=grey[block], mode="clip")
    return grey


def _padding(dataset: Dataset, header: _Header, stored: tone.Floats) -> npt.NDArray[np.bool_]:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(len(stored), dtype=bool)
    ends = [int(value), _integer(dataset, "PixelPaddingRangeLimit", int(value))]
    # Writers disagree on the sign of these two, so both are cut to the stored bits first.
    low, high = sorted(_signed(np.array(ends) & (2**header.stored - 1), header))
    mask: npt.NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return mask


def _modality(
    dataset: Dataset, header: _Header, stored: tone.Floats
) -> tuple[tone.Floats, list[str]]:
    lut = _lut(dataset, "ModalityLUTSequence", header)
    if lut is not None:
        return lut.apply(stored), ["modality_lut"]
    slope = _number(dataset, "RescaleSlope")
    intercept = _number(dataset, "RescaleIntercept") or 0.0
    if not slope or (slope == 1 and intercept == 0):
        return stored, []
    if not math.isfinite(slope) or not math.isfinite(intercept):
        raise BadImage("invalid_header", "the DICOM rescale slope or intercept is not a number")
    return stored * slope + intercept, ["rescale"]


def _levels(
    dataset: Dataset, header: _Header, values: tone.Floats, counts: tone.Counts
) -> tuple[tone.Floats, list[str]]:
    """Levels by the first of VOI LUT, window, and the pixels themselves that shows something."""
    steps = []
    lut = _lut(dataset, "VOILUTSequence", header)
    if lut is not None:
        levels = lut.levels(values)
        if tone.usable(levels, counts):
            return levels, ["voi_lut"]
        steps.append("voi_lut_unusable")
    center, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if center is not None and width is not None:
        function = str(dataset.get("VOILUTFunction") or "").strip().upper()
        function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
        windowed = tone.window(values, center, width, function)
        if windowed is not None and tone.usable(windowed, counts):
            return windowed, [*steps, f"window {function.lower()}"]
        steps.append("window_unusable")
    if header.stored <= 8:
        return tone.full_range(values), [*steps, "full_range"]
    return tone.percentile(values, counts), [*steps, "percentile"]


def _number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of a decimal attribute; None where absent or empty, NaN where unreadable."""
    try:
        value = dataset.get(keyword)
        if isinstance(value, MultiValue):
            value = value[0] if value else None
        return None if value is None or value == "" else float(value)
    except ValueError:
        return math.nan


def _lut(dataset: Dataset, keyword: str, header: _Header) -> tone.Lut | None:
    """The first table of a sequence; None where there is none or it is incomplete."""
    items = dataset.get(keyword)
    if not items or not items[0].get("LUTDescriptor") or not items[0].get("LUTData"):
        return None
    length, first, bits = (int(number) for number in items[0].LUTDescriptor)
    length = (length & 0xFFFF) or 2**16
    raw = items[0].LUTData
    if isinstance(raw, bytes):
        word = "<u2" if header.little_endian else ">u2"
        entries = np.frombuffer(raw, word if len(raw) >= 2 * length else np.uint8, length)
    else:
        entries = np.atleast_1d(np.asarray(raw, dtype=np.int64))[:length] & 0xFFFF
    return tone.Lut(first, entries.astype(np.float64), min(max(bits, 1), 16))


def _palette(dataset: Dataset, stored: tone.Floats) -> tone.Floats:
    bits = int(dataset.RedPaletteColorLookupTableDescriptor[2])
    colours = apply_color_lut(stored.astype(np.uint16), dataset)
    luma: tone.Floats = colours @ np.array([0.299, 0.587, 0.114])
    levels: tone.Floats = np.clip(luma / (2**bits - 1), 0.0, 1.0)
    return levels


def _luma(dataset: Dataset, header: _Header) -> Image.Image:
    pixels = decode(dataset, header.syntax, header.frame, raw=False)
    columns, rows = header.frame
    if pixels.shape != (rows, columns, 3):
        raise BadImage("invalid_header", "the DICOM header does not fit its compressed picture")
    if pixels.dtype.itemsize > 1:
        pixels = pixels >> max(header.stored - 8, 0)
    return Image.fromarray(pixels.astype(np.uint8)).convert("L")
