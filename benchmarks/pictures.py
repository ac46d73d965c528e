"""Pictures per second of a whole build, beside a bare loop and beside other tools.

Each round runs every method once, as a command of its own with a cold cache and two processes, so
that what else the machine does falls on all of them. All make grey JPEG of quality 95 with a
shorter side of 512 from the same files. The bare loop decodes, scales and encodes as the build
does, and does nothing else. Each round also runs every method on a few pictures: what that takes is
start-up for the most part, and the rate between the two sizes is shown apart from it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from PIL import Image, ImageChops
from processes import machine, said

SIZE, QUALITY, PROCESSES = 512, 95, 2
FEW = 20
"""Pictures of the short runs."""
TABLE = "Data_Entry_2017_v2020.csv"

BARE = """
import io, sys
from multiprocessing import get_context
from pathlib import Path
from PIL import Image

def smaller(image, size):
    if sys.argv[2] == "lanczos":
        return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    across, down = image.width // size[0], image.height // size[1]
    if (across * size[0], down * size[1]) == image.size:
        return image.reduce((across, down))
    return image.resize(size, Image.Resampling.HAMMING)

def work(paths):
    try:
        from kornia_rs.io import decode_image_png_u8
    except ImportError:
        decode_image_png_u8 = None
    for path in paths:
        data = Path(path).read_bytes()
        if decode_image_png_u8 and data[:4] == b"\\x89PNG":
            width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
            image = Image.fromarray(decode_image_png_u8(data, (height, width), "mono")[..., 0])
        else:
            image = Image.open(io.BytesIO(data))
        scale = 512 / min(image.size)
        size = tuple(round(side * scale) for side in image.size)
        if image.format == "JPEG":
            image.draft("L", (2 * size[0], 2 * size[1]))
        image = smaller(image.convert("L"), size)
        image.save(io.BytesIO(), "JPEG", quality=95)

if __name__ == "__main__":
    paths = sorted(map(str, Path(sys.argv[1]).glob("*.png")))
    with get_context("spawn").Pool(2) as pool:
        pool.map(work, [paths[0::2], paths[1::2]], chunksize=1)
"""

MAP = """
import io, sys
from PIL import Image
from datasets import Image as Picture, load_dataset

def size_of(image):
    scale = 512 / min(image.size)
    return tuple(round(side * scale) for side in image.size)

def typical(row):
    image = row["image"].convert("L")
    return {"image": image.resize(size_of(image), Image.Resampling.LANCZOS)}

def tuned(row):
    data = row["image"]["bytes"]
    image = Image.open(io.BytesIO(data) if data else row["image"]["path"])
    image = image.convert("L")
    image = image.resize(size_of(image), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return {"image": {"bytes": buffer.getvalue(), "path": None}}

if __name__ == "__main__":
    folder, out, cache, how = sys.argv[1:]
    rows = load_dataset("imagefolder", data_dir=folder, split="train", cache_dir=cache)
    if how == "tuned":
        rows = rows.cast_column("image", Picture(decode=False))
    rows = rows.map(globals()[how], num_proc=2)
    rows.to_parquet(out)
"""


def make(folder: Path, pictures: list[Path], count: int, kind: str) -> None:
    """``count`` different files under names of ChestX-ray14, and its table for them.

    Each is one of the pictures, moved aside by a few pixels and written anew; for JPEG enlarged to
    the size of digital radiographs.
    """
    home = folder / "nih_chestxray14"
    (home / "images").mkdir(parents=True)
    columns = [
        *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age"),
        *("Patient Gender", "View Position", "OriginalImage[Width", "Height]"),
        *("OriginalImagePixelSpacing[x", "y]"),
    ]
    names = [f"{number:08d}_000.png" for number in range(count)]
    jobs = [
        (pictures[number % len(pictures)], 4 * (number // len(pictures)), kind, home / "images" / n)
        for number, n in enumerate(names)
    ]
    with get_context("spawn").Pool(PROCESSES) as pool:
        pool.starmap(_write, jobs, chunksize=8)
    with (home / TABLE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for number, name in enumerate(names):
            view = "PA" if number % 2 else "AP"
            size = [2500, 2048, 0.14, 0.14]
            table.writerow([name, "No Finding", 0, number, 50, "M", view, *size])


def _write(picture: Path, aside: int, kind: str, path: Path) -> None:
    image = ImageChops.offset(Image.open(picture).convert("L"), aside, 0)
    if kind == "png":
        image.save(path, "PNG")
    else:
        image = image.resize((2544, 3056), Image.Resampling.BICUBIC)
        image.save(path, "JPEG", quality=QUALITY)


def run(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all below it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr or f"{command[0]} failed")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def methods(root: Path, peers: Path | None, filter_: str) -> dict[str, Callable[[Path], list[str]]]:
    folder = root / "nih_chestxray14" / "images"

    def ours(scratch: Path) -> list[str]:
        return [
            *(str(Path(sys.executable).with_name("chexinstruct")), "build", "full"),
            *("--data-root", str(root)),
            *("--source", "nih_chestxray14", "--task", "view_classification"),
            *("--set", "sampling.view_classification.balance=false"),
            *("--set", f"images.filter={filter_}"),
            *("--out", str(scratch / "corpus"), "--cache", str(scratch / "cache")),
            *("--workers", str(PROCESSES)),
        ]

    def mapped(how: str) -> Callable[[Path], list[str]]:
        return lambda scratch: [
            *(sys.executable, str(root / "map.py"), str(folder), str(scratch / "out.parquet")),
            *(str(scratch / "cache"), how),
        ]

    found: dict[str, Callable[[Path], list[str]]] = {
        "bare loop": lambda _: [sys.executable, str(root / "bare.py"), str(folder), filter_],
        "chexinstruct": ours,
        "datasets map, typical": mapped("typical"),
        "datasets map, tuned": mapped("tuned"),
    }
    if peers is not None:
        found["img2dataset"] = lambda scratch: [
            *(str(peers), "--url_list", str(root / "urls.txt"), "--output_folder"),
            *(str(scratch / "out"), "--processes_count", "2", "--thread_count", "8"),
            *("--image_size", str(SIZE), "--resize_mode", "keep_ratio", "--encode_quality"),
            *(str(QUALITY), "--output_format", "parquet", "--enable_wandb", "False"),
            *("--number_sample_per_shard", "500"),
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of PNG radiographs")
    parser.add_argument("--kind", choices=("png", "jpeg"), default="png")
    parser.add_argument("--filter", choices=("lanczos", "area"), default="lanczos")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--img2dataset", type=Path, help="its command, in its own environment")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    pictures = sorted(given.pictures.rglob("*.png"))
    facts = machine()
    print(said(facts))
    runs: dict[str, dict[int, list[tuple[float, float]]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        roots = {count: Path(scratch) / f"root-{count}" for count in (FEW, given.count)}
        servers = []
        try:
            for port, (count, root) in enumerate(roots.items(), start=8765):
                make(root, pictures, count, given.kind)
                (root / "bare.py").write_text(BARE)
                (root / "map.py").write_text(MAP)
                if given.img2dataset:
                    servers.append(serve(root, port))
            for number in range(given.rounds):
                for count, root in roots.items():
                    for name, command in methods(root, given.img2dataset, given.filter).items():
                        place = Path(scratch) / "run"
                        place.mkdir()
                        took = run(command(place), place)
                        shutil.rmtree(place)
                        runs.setdefault(name, {}).setdefault(count, []).append(took)
                        told = f"round {number + 1}: {count:6} pictures, {name:24}{took[0]:8.1f} s"
                        print(told, file=sys.stderr, flush=True)
        finally:
            for server in servers:
                server.kill()
    figures = {name: rates(found, given.count) for name, found in runs.items()}
    ours = figures["chexinstruct"]
    print(f"{given.count} {given.kind} pictures, {given.filter}, medians of {given.rounds} rounds")
    print(f"{'':24}{'per s':>9}{'per CPU s':>11}{'start s':>9}{'then per s':>12}{'ours / it':>11}")
    for name, found in figures.items():
        found["ratio"] = ours["per_second"] / found["per_second"]
        found["cpu_ratio"] = ours["per_cpu_second"] / found["per_cpu_second"]
        print(
            f"{name:24}{found['per_second']:9.1f}{found['per_cpu_second']:11.1f}"
            f"{found['start_seconds']:9.2f}{found['then_per_second']:12.1f}{found['ratio']:11.2f}"
        )
    if given.json:
        kept = {
            "machine": facts,
            "kind": given.kind,
            "filter": given.filter,
            "count": given.count,
            "methods": figures,
        }
        given.json.write_text(json.dumps({**kept, "runs": runs}, indent=1))


def serve(root: Path, port: int) -> subprocess.Popen[bytes]:
    """Serve the pictures on loopback, and list their addresses."""
    folder = root / "nih_chestxray14" / "images"
    names = sorted(path.name for path in folder.iterdir())
    urls = "".join(f"http://127.0.0.1:{port}/{name}\n" for name in names)
    (root / "urls.txt").write_text(urls)
    call = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(call, cwd=folder, stdout=quiet, stderr=quiet)


def rates(found: dict[int, list[tuple[float, float]]], count: int) -> dict[str, float]:
    """Medians of one method, from (wall, CPU) seconds by number of pictures."""
    start = statistics.median(wall for wall, _ in found[FEW])
    wall = statistics.median(wall for wall, _ in found[count])
    return {
        "per_second": count / wall,
        "per_cpu_second": count / statistics.median(cpu for _, cpu in found[count]),
        "start_seconds": start,
        "then_per_second": (count - FEW) / (wall - start) if wall > start else math.nan,
    }


if __name__ == "__main__":
    main()
