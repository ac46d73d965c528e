"""Picture files for the tests of chexinstruct.images, made in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from chexinstruct.images import Normalised

Pixels = npt.NDArray[Any]
FULL = 4096  # a size that keeps small pictures as they are


def ramp(height: int, width: int, top: int) -> Pixels:
    """A smooth diagonal ramp from 0 to ``top``, float64."""
    y, x = np.mgrid[0:height, 0:width]
    return (x + y) / (height + width - 2) * top


def encode(pixels: Pixels | Image.Image, kind: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels_of(picture: Normalised) -> npt.NDArray[np.uint8]:
    image = Image.open(io.BytesIO(picture.data))
    assert image.mode == "L"
    assert image.format == picture.format.upper()
    assert image.size == (picture.width, picture.height)
    return np.asarray(image)


def lut_item(first: int, entries: Sequence[int], bits: int, kind: str = "OW") -> Dataset:
    """A lookup table; its data as words (OW), packed bytes (OB here stands for 8-bit OW) or US."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 2**16, first, bits]
    words = {"OW": "<u2", "OB": "u1"}
    data = list(entries) if kind == "US" else np.array(entries).astype(words[kind]).tobytes()
    item.add_new("LUTData", "US" if kind == "US" else "OW", data)
    return item


def dicom_file(
    stored: Pixels,
    *,
    bits: int | None = None,
    photometric: str = "MONOCHROME2",
    syntax: UID = ExplicitVRLittleEndian,
    coded: bytes | None = None,
    **tags: Any,
) -> bytes:
    """A DICOM file of ``stored``: (rows, columns) or (rows, columns, 3), 8 or 16 bits."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = "1.2.3.4"
    data.Rows, data.Columns = stored.shape[:2]
    data.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = 8 * stored.dtype.itemsize
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    if stored.ndim == 3:
        data.PlanarConfiguration = 0
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    if coded is None:
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        raw = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    else:
        data.PixelData = encapsulate([coded])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()
