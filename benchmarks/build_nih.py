"""Rows and pictures per CPU second, and peak memory, of a build of ChestX-ray14.

Each measurement is a process of its own with a cold cache. CPU is user and system time of that
process and its children; memory is anonymous memory (RssAnon), for mapped files are not counted.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

TABLE = "Data_Entry_2017_v2020.csv"
BOXES = "BBox_List_2017.csv"
RUN = """
import sys
from pathlib import Path
from chexinstruct.build import BuildOptions, build
from chexinstruct.manifest import Manifest
root, out, cache, mode, phrasings, workers = sys.argv[1:]
manifest = Manifest(name="bench", version="1.0.0", phrasings=int(phrasings),
                    sources=("nih_chestxray14",), images={"mode": mode})
build(manifest, root, out, BuildOptions(cache=Path(cache), workers=int(workers),
                                        on_missing_image="skip"))
"""


def longer(release: Path, target: Path, times: int) -> None:
    """Copy the tables, each row ``times`` times under new patients and picture names."""
    target.mkdir(parents=True)
    shutil.copy(release / BOXES, target / BOXES)
    with (release / TABLE).open(newline="") as old, (target / TABLE).open("w", newline="") as new:
        reader, writer = csv.reader(old), csv.writer(new, lineterminator="\n")
        writer.writerow(next(reader))
        rows = list(reader)
        for copy in range(times):
            for row in rows:
                patient = int(row[3]) + copy * 100_000
                writer.writerow([f"{patient:08d}{row[0][8:]}", *row[1:3], patient, *row[4:]])


def anonymous(pid: int) -> int:
    """Anonymous memory of a process in MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("RssAnon")]
    return int(found[0]) // 1024 if found else 0


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [c for child in task.read_text().split() for c in children(int(child))]
        except OSError:
            continue
    return found


def measure(root: Path, mode: str, phrasings: int, workers: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        arguments = [str(root), str(out), f"{scratch}/cache", mode, str(phrasings), str(workers)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        process = subprocess.Popen([sys.executable, "-c", RUN, *arguments], env=os.environ)
        peak = 0
        while process.poll() is None:
            peak = max(peak, max((anonymous(pid) for pid in children(process.pid)), default=0))
            time.sleep(0.05)
        if process.returncode:
            sys.exit(process.returncode)
        wall = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lock = msgspec.json.decode((out / "chexinstruct.lock.json").read_bytes())
        rows = sum(shard["rows"] for shard in lock["shards"])
        pictures = sum(s["pictures"] - s["missing_pictures"] for s in lock["sources"])
        size = sum(shard["size"] for shard in lock["shards"])
    told = f"{rows:,} rows in {cpu:.1f} CPU s ({wall:.1f} s): {rows / cpu:,.0f} rows per CPU s"
    if mode != "none":
        told += f", {pictures:,} pictures, {pictures / cpu:,.1f} per CPU s"
    print(f"{told}; {size / 2**20:,.1f} MB; peak anonymous memory of a process {peak} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--phrasings", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--times", type=int, default=5, help="length of the longer table")
    parser.add_argument("--pictures", action="store_true")
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, load {load}, Python {sys.version.split()[0]}")
    measure(arguments.data_root, "none", arguments.phrasings, arguments.workers)
    with tempfile.TemporaryDirectory() as scratch:
        release = arguments.data_root / "nih_chestxray14"
        longer(release, Path(scratch) / "nih_chestxray14", arguments.times)
        measure(Path(scratch), "none", arguments.phrasings, arguments.workers)
    if arguments.pictures:
        measure(arguments.data_root, "embed", arguments.phrasings, arguments.workers)


if __name__ == "__main__":
    main()
