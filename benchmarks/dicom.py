"""Uncompressed DICOM to JPEG, beside pydicom's own route through 64-bit floats.

Files of 3000 x 3000 pixels with 12 bits in 16 are made from a picture. Each run is a process of its
own that reads, windows, scales to a shorter side of 512 and encodes; the two take turns. Memory is
anonymous memory, the peak of the process.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from processes import machine, run, said
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from chexinstruct.images import ImageSettings, normalise, output_size

SIDE, BITS, SIZE = 3000, 12, 512


def make(folder: Path, picture: Path, count: int) -> None:
    """``count`` files, each with noise of its own, so that no two are the same."""
    if picture.suffix == ".dcm":
        grey = Image.fromarray(dcmread(picture).pixel_array)
    else:
        grey = Image.open(picture)
    big = np.asarray(grey.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int32)
    for number in range(count):
        noise = np.random.default_rng(number).integers(-12, 13, big.shape)
        file = Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        file.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
        file.Rows = file.Columns = SIDE
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit = 16, BITS, BITS - 1
        file.PixelRepresentation = 0
        file.WindowCenter, file.WindowWidth = 2**BITS // 2, 2**BITS * 3 // 4
        pixels = np.clip((big << BITS - 8) + noise, 0, 2**BITS - 1)
        file.PixelData = pixels.astype(np.uint16).tobytes()
        file.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def ours(path: Path) -> bytes:
    return normalise(path.read_bytes(), ImageSettings(size=SIZE)).data


def floats(path: Path) -> bytes:
    """The way of pydicom's documentation."""
    file = dcmread(path)
    pixels = apply_voi_lut(apply_modality_lut(file.pixel_array, file), file).astype(np.float64)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
    image = Image.fromarray(pixels.astype(np.uint8))
    image = image.resize(output_size(image.size, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


METHODS: dict[str, Callable[[Path], bytes]] = {"ours": ours, "floats": floats}


def work(name: str, folder: Path) -> None:
    """One run: processor seconds of all files but the first, which pays for imports."""
    first, *rest = sorted(folder.iterdir())
    METHODS[name](first)
    begun = time.process_time()
    for path in rest:
        METHODS[name](path)
    print(json.dumps({"cpu": (time.process_time() - begun) / len(rest)}))


def difference(path: Path) -> float:
    """Mean difference of the two results in grey levels."""
    one, other = (
        np.asarray(Image.open(io.BytesIO(method(path))), np.int16) for method in METHODS.values()
    )
    return float(np.abs(one - other).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path, help="a DICOM file or a picture to make them from")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--work", choices=METHODS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.picture)
        return
    facts = machine()
    print(said(facts))
    cpus: dict[str, list[float]] = {name: [] for name in METHODS}
    peaks: dict[str, list[float]] = {name: [] for name in METHODS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "files"
        folder.mkdir()
        make(folder, given.picture, given.count)
        apart = difference(folder / "0000.dcm")
        for _ in range(given.rounds):
            for name in METHODS:
                log = Path(scratch) / f"{name}-{len(cpus[name])}"
                call = [sys.executable, __file__, str(folder), "--work", name]
                cost = run(call, log, limit=600)
                cpus[name].append(json.loads(log.read_text())["cpu"])
                peaks[name].append(cost.peak)
    figures = {
        name: {"ms": statistics.median(cpus[name]) * 1e3, "mb": max(peaks[name])}
        for name in METHODS
    }
    ratio = figures["floats"]["ms"] / figures["ours"]["ms"]
    for name, found in figures.items():
        print(f"{name:8}{found['ms']:8.1f} CPU ms a picture{found['mb']:8.0f} MB")
    print(f"ratio {ratio:.2f}, mean difference {apart:.2f} grey levels")
    if given.json:
        kept = {"machine": facts, "ratio": ratio, "difference": apart, "methods": figures}
        given.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
