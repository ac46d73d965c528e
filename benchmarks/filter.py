"""Speed and peak memory of `chexinstruct filter` on a corpus with embedded PNG, against `cp`.

Makes the corpus from the radiographs of a folder, each taken several times with other noise, unless
it stands in SCRATCH from before. Each command is a process of its own, and runs once to warm the
file cache; what is written is flushed to the disk, and counted in the time.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from chexinstruct.build import BuildOptions, build
from chexinstruct.corpus import open_corpus
from chexinstruct.manifest import Manifest

SOURCE = "nih_chestxray14"
FINDINGS = ("No Finding", "Effusion", "Mass", "Cardiomegaly|Effusion", "Nodule")
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


def write_release(folder: Path, radiographs: list[Path], pictures: int) -> None:
    """ChestX-ray14 as its publisher lays it out, of pictures that compress like radiographs."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "Data_Entry_2017_v2020.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(HEADER.split(","))
        for number in range(pictures):
            with Image.open(radiographs[number % len(radiographs)]) as image:
                pixels = np.array(image.convert("L"))
            rows = rng.integers(len(pixels), size=8)
            pixels[rows] += rng.integers(2, size=(8, pixels.shape[1]), dtype=np.uint8)
            name = f"{number // 2 + 1:08d}_{number % 2:03d}.png"
            Image.fromarray(pixels).save(folder / "images" / name, compress_level=1)
            age, view = 20 + number % 60, ("PA", "AP")[number % 2]
            cells = [name, FINDINGS[number % 5], number % 2, number // 2 + 1, age, "M", view]
            writer.writerow([*cells, *pixels.shape[::-1], 0.143, 0.143])


def timed(command: list[str]) -> tuple[float, int]:
    """Seconds until what the command wrote is on the disk, and its peak resident memory in MB."""
    os.sync()
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    os.sync()
    return time.monotonic() - begun, peak


def resident(pid: int) -> int:
    """Most resident memory of a process so far, in MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) // 1024 if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("radiographs", type=Path, help="a folder of PNG")
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--other", type=Path, help="a folder on another file system, for copies")
    parser.add_argument("--pictures", type=int, default=3000)
    arguments = parser.parse_args()
    scratch: Path = arguments.scratch
    corpus = scratch / "corpus"
    if not corpus.exists():
        radiographs = sorted(arguments.radiographs.rglob("*.png"))
        write_release(scratch / "releases" / SOURCE, radiographs, arguments.pictures)
        manifest = Manifest(
            name="bench",
            version="1.0.0",
            sources=(SOURCE,),
            tasks=("view_classification", "image_classification"),
            images={"size": 1024, "format": "png"},
        )
        options = BuildOptions(cache=scratch / "cache", workers=os.cpu_count() or 1)
        build(manifest, scratch / "releases", corpus, options)
        shutil.rmtree(scratch / "cache")
        shutil.rmtree(scratch / "releases")
    opened = open_corpus(corpus)
    task = ["--task", "view_classification"]
    views = [file for file in opened.files if file.task == "view_classification"]
    patients = sorted({p for b in opened.rows(["patient"]) for p in b["patient"].to_pylist()})
    withdrawn = scratch / "withdrawn.txt"
    withdrawn.write_text("\n".join(patients[:: len(patients) // 2]))
    program = [str(Path(sys.executable).with_name("chexinstruct")), "filter", str(corpus)]
    whole = sum(file.size for file in opened.files)
    runs: list[tuple[str, list[str], Path]] = [
        ("cp, the same files", ["cp", "-r", str(corpus / "data/view_classification")], scratch),
        ("filter --task, links", [*program, *task, "--out"], scratch),
    ]
    if arguments.other:
        runs += [
            ("cp, other file system", runs[0][1], arguments.other),
            ("filter --task, other file system", runs[1][1], arguments.other),
        ]
    runs += [
        ("filter --view PA", [*program, "--view", "PA", "--out"], scratch),
        ("filter --exclude-ids", [*program, "--exclude-ids", str(withdrawn), "--out"], scratch),
    ]
    print(f"{whole / 2**20:,.0f} MB, view_classification {sum(f.size for f in views) / 2**20:,.0f}")
    for name, command, folder in runs:
        best, peak = float("inf"), 0
        for _ in range(3):
            out = folder / "out"
            seconds, memory = timed([*command, str(out)])
            best, peak = min(best, seconds), max(peak, memory)
            size = sum(p.stat().st_size for p in out.rglob("*.parquet"))
            shutil.rmtree(out)
        rate = size / 2**20 / best
        print(
            f"{name}: {size / 2**20:,.0f} MB in {best:.1f} s, {rate:,.0f} MB/s, {peak} MB resident"
        )


if __name__ == "__main__":
    main()
