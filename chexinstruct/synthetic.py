"""Phantoms for sample releases: pictures that look like chest radiographs and show nobody."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFilter
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def radiograph(width: int, height: int, seed: int, *, lateral: bool = False) -> Pixels:
    """A grey phantom of a chest, shape (height, width), bright bone on dark lung.

    The same numbers give the same picture, and any other one shows another chest: heart and
    diaphragm lie elsewhere, and the soft tissue has other markings.
    """
    noise = np.random.default_rng([seed, width, height])
    wobble = noise.uniform(-0.03, 0.03, 4)
    size = 256
    canvas = Image.new("L", (size, size), 8)
    draw = ImageDraw.Draw(canvas)

    def oval(x: float, y: float, w: float, h: float, grey: int) -> None:
        draw.ellipse(
            [(x - w / 2) * size, (y - h / 2) * size, (x + w / 2) * size, (y + h / 2) * size],
            fill=grey,
        )

    oval(0.5, 0.62, 0.92, 1.05, 150)
    if lateral:
        oval(0.48, 0.5, 0.62, 0.72, 48)
        oval(0.38 + wobble[0], 0.62, 0.3, 0.3, 170)
        for i in range(9):
            oval(0.8, 0.14 + i * 0.09, 0.07, 0.06, 205)
    else:
        for side in (-1, 1):
            oval(0.5 + side * 0.21, 0.48, 0.32, 0.68, 42)
        oval(0.54 + wobble[0], 0.62, 0.3 + wobble[1], 0.3, 176)
        oval(0.5, 0.35, 0.12, 0.5, 168)
        for i in range(8):
            y = (0.12 + i * 0.085) * size
            for side in (-1, 1):
                box = [
                    (0.5 + side * 0.23 - 0.19) * size,
                    y,
                    (0.5 + side * 0.23 + 0.19) * size,
                    y + 40,
                ]
                draw.arc(box, 190, 350, fill=112, width=4)
        draw.line([(0.2 * size, 0.13 * size), (0.47 * size, 0.17 * size)], fill=190, width=6)
        draw.line([(0.8 * size, 0.13 * size), (0.53 * size, 0.17 * size)], fill=190, width=6)
    oval(0.35, 1.0 + wobble[2], 0.6, 0.42, 178)
    oval(0.68, 1.02 + wobble[3], 0.6, 0.4, 172)
    smooth = canvas.filter(ImageFilter.GaussianBlur(3)).resize((width, height))
    spots = Image.fromarray(noise.normal(0, 30, (16, 16)).astype(np.float32))
    markings = np.asarray(spots.resize((width, height), Image.Resampling.BICUBIC))
    grain = noise.normal(0, 3, (height, width))
    levels = np.asarray(smooth, dtype=np.float64) + markings + grain
    pixels: Pixels = np.clip(levels, 0, 255).astype(np.uint8)
    return pixels


def crescent(size: int, x: float, y: float, width: float, height: float, shift: float) -> Mask:
    """A mask of ``size`` x ``size``: the part of an oval that the same oval, moved right by
    ``shift``, does not cover. So a pneumothorax lies along the chest wall."""
    rows, columns = np.mgrid[:size, :size]

    def oval(left: float) -> Mask:
        across, down = (columns + 0.5 - left) / width, (rows + 0.5 - y) / height
        return np.asarray(across**2 + down**2 < 0.25)

    return np.asarray(oval(x) & ~oval(x + shift))


def siim_runs(mask: Mask) -> str:
    """A mask as SIIM-ACR tables write it: pairs of gap and run, column by column."""
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(map(str, np.diff(edges, prepend=0)[: len(edges)]))


def encode(pixels: Pixels, suffix: str, *, mode: str = "L") -> bytes:
    """The picture as ``.png`` or ``.jpg`` bytes in the given Pillow mode."""
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels).convert(mode)
    picture.save(buffer, {".png": "PNG", ".jpg": "JPEG"}[suffix])
    return buffer.getvalue()


def save(folder: Path, files: dict[str, bytes | str]) -> None:
    """Write files of a release: path inside ``folder`` -> content (text as UTF-8, as it is)."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def csv_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text, cells quoted where they have to be."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """The rows as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def label_cells(labels: str, columns: Sequence[str]) -> list[str]:
    """``+Edema -Fracture ?Pneumonia`` as the CheXpert labeler's cells, blank where not named."""
    values = {"+": "1.0", "-": "0.0", "?": "-1.0"}
    found = {
        name: value for sign, value in values.items() for name in columns if sign + name in labels
    }
    return [found.get(name, "") for name in columns]


def dicom(
    pixels: Pixels,
    uid: str,
    *,
    bits: int = 8,
    monochrome1: bool = False,
    compression: str | None = None,
    **tags: Any,
) -> bytes:
    """A DICOM file of a phantom.

    Args:
        pixels: 8-bit picture, (height, width); shifted up to ``bits`` significant bits.
        uid: SOP instance UID.
        bits: 8 to 16; more than 8 are stored in 16.
        monochrome1: store inverted, as MONOCHROME1.
        compression: None, ``"jpeg"`` (baseline, 8 bits), or one without loss: ``"jpeg_lossless"``,
            ``"jpeg_ls"`` or ``"jpeg2000"``.
        tags: further attributes by keyword, e.g. ``WindowCenter=2048``.
    """
    stored: npt.NDArray[Any] = pixels.astype(np.uint16) << (bits - 8) if bits > 8 else pixels
    if monochrome1:
        stored = (2**bits - 1) - stored
    syntax = {
        None: ExplicitVRLittleEndian,
        "jpeg": JPEGBaseline8Bit,
        "jpeg_lossless": JPEGLosslessSV1,
        "jpeg_ls": JPEGLSLossless,
        "jpeg2000": JPEG2000Lossless,
    }[compression]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID("1.2.826.0.1.3680043.9.7433.1")
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = uid
    data.Modality = "DX"
    data.Rows, data.Columns = stored.shape
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME1" if monochrome1 else "MONOCHROME2"
    data.BitsAllocated = 8 if bits == 8 else 16
    data.BitsStored = bits
    data.HighBit = bits - 1
    data.PixelRepresentation = 0
    for name, value in tags.items():
        setattr(data, name, value)
    _store(data, stored, compression)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _store(data: Dataset, stored: npt.NDArray[Any], compression: str | None) -> None:
    if compression is None:
        raw = stored.tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        data["PixelData"].VR = "OB" if stored.dtype == np.uint8 else "OW"
        return
    data.PixelData = encapsulate([_coded(stored, data.BitsStored, compression)])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True


def _coded(stored: npt.NDArray[Any], bits: int, compression: str) -> bytes:
    buffer = io.BytesIO()
    match compression:
        case "jpeg":
            Image.fromarray(stored).save(buffer, "JPEG", quality=95)
        case "jpeg_lossless":
            # Selection value 1 of the transfer syntax: each pixel predicted from its left one.
            return bytes(
                imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=bits)
            )
        case "jpeg_ls":
            return bytes(imagecodecs.jpegls_encode(stored))
        case _:
            Image.fromarray(stored).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
    return buffer.getvalue()
