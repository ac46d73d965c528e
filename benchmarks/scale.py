"""How the cost of a build without pictures grows, what a second worker gives, and what is not done
twice.

The release is a made-up table of ChestX-ray14: as many patients as the wanted rows need, with the
follow-ups, ages and findings that the published table has on average. Each build is a command of
its own with a cold cache; parts that compare two ways take turns. Figures are added to the JSON
file as soon as a part has them, so that parts may be run one by one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import Cost, chexinstruct, machine, run, said

from chexinstruct.config import shipped

LOCK = "chexinstruct.lock.json"
NIH = "nih_chestxray14"
TABLE = "Data_Entry_2017_v2020.csv"
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROWS_A_STUDY = 2.75
"""Rows of a corpus that a study of the made-up table gives, one phrasing each."""
FOLLOW_UPS = 0.72
"""Chance that a patient comes once more; 112,120 pictures are of 30,805 patients."""
NORMAL = 0.54
"""Share of pictures without a finding."""
FINDINGS = {
    "Infiltration": 19894,
    "Effusion": 13317,
    "Atelectasis": 11559,
    "Nodule": 6331,
    "Mass": 5782,
    "Pneumothorax": 5302,
    "Consolidation": 4667,
    "Pleural_Thickening": 3385,
    "Cardiomegaly": 2776,
    "Emphysema": 2516,
    "Edema": 2303,
    "Fibrosis": 1686,
    "Pneumonia": 1431,
    "Hernia": 227,
}
"""Pictures with each finding, as the publisher counts them."""
CHANGED_TASK = "view_classification"
LARGE = 10_000_000


def release(root: Path, rows: int) -> Path:
    """A data root with a release that gives about so many rows; the same for the same number."""
    studies = round(rows / ROWS_A_STUDY)
    chance = random.Random(studies)
    names, weights = list(FINDINGS), list(FINDINGS.values())
    folder = root / NIH
    folder.mkdir(parents=True)
    with (folder / TABLE).open("w") as file:
        file.write(f"{HEADER}\n")
        patient = follow_up = 0
        for _ in range(studies):
            if follow_up == 0 or chance.random() >= FOLLOW_UPS:
                patient, follow_up = patient + 1, 0
                age, sex = chance.randint(5, 90), chance.choice("MF")
            found = {"No Finding"}
            if chance.random() >= NORMAL:
                found = set(chance.choices(names, weights, k=chance.choice((1, 1, 1, 2, 2, 3))))
            name, view = f"{patient:08d}_{follow_up:03d}.png", chance.choice(("PA", "PA", "AP"))
            cells = [name, "|".join(sorted(found)), follow_up, patient, age, sex, view]
            file.write(",".join(map(str, cells)) + ",2500,2048,0.143,0.143\n")
            follow_up += 1
    return root


def digests(corpus: Path) -> dict[str, str]:
    """SHA-256 of every file of a corpus, by its path in it."""
    found = {}
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and ".build" not in path.parts:
            with path.open("rb") as file:
                found[path.relative_to(corpus).as_posix()] = hashlib.file_digest(
                    file, "sha256"
                ).hexdigest()
    return found


@dataclass
class Bench:
    """Where it runs, and what it found."""

    scratch: Path
    figures: dict[str, Any]
    rows: int
    rounds: int
    limit: float
    data_root: Path | None
    sources: list[str]
    sizes: list[int]
    made: dict[int, Path] = field(default_factory=dict)

    def root(self, rows: int | None = None) -> Path:
        """The data root: the given one, or one made up."""
        if rows is None and self.data_root is not None:
            return self.data_root
        wanted = rows or self.rows
        if wanted not in self.made:
            self.made[wanted] = release(self.scratch / f"data-{wanted}", wanted)
        return self.made[wanted]

    def build(
        self, folder: Path, root: Path, *extra: str, workers: int = 2, kill: float | None = None
    ) -> Cost:
        """Build without pictures in a folder, or go on with what stands there."""
        sources = [NIH] if root != self.data_root else self.sources
        call = chexinstruct("build", "full", "--images", "none", "--data-root", str(root))
        call += [part for source in sources for part in ("--source", source)]
        call += ["--out", str(folder / "corpus"), "--cache", str(folder / "cache")]
        folder.mkdir(exist_ok=True)
        call += ["--workers", str(workers), *extra]
        return run(call, folder / "log", limit=self.limit, kill_after=kill)


def rates(cost: Cost, corpus: Path) -> dict[str, Any]:
    """What a build took and made."""
    lock = json.loads((corpus / LOCK).read_text())
    rows = sum(shard["rows"] for shard in lock["shards"])
    return {
        **took(cost),
        "rows": rows,
        "bytes": sum(shard["size"] for shard in lock["shards"]),
        "shards": len(lock["shards"]),
        "rows_per_second": round(rows / cost.wall),
        "rows_per_cpu_second": round(rows / cost.cpu),
    }


def took(cost: Cost) -> dict[str, Any]:
    return {
        "seconds": round(cost.wall, 2),
        "cpu_seconds": round(cost.cpu, 2),
        "parent_mb": round(cost.parent, 1),
        "worker_mb": round(cost.child, 1),
        "load": [round(value, 2) for value in cost.load],
    }


def told(what: str, found: dict[str, Any]) -> None:
    """A line of the table."""
    line = f"{what:30}{found['seconds']:9.1f} s{found['cpu_seconds']:9.1f} CPU s"
    if "rows" in found:
        line += f"{found['rows']:12,} rows{found['rows_per_second']:9,}/s"
        line += f"{found['rows_per_cpu_second']:9,}/CPU s{found['bytes'] / 2**20:9,.1f} MB"
    line += f"   RAM {found['parent_mb']:.0f} + {found['worker_mb']:.0f} MB"
    print(f"{line}   load {found['load'][0]:.1f}", flush=True)


def medians(found: list[dict[str, Any]]) -> dict[str, float]:
    return {
        key: statistics.median(item[key] for item in found) for key in ("seconds", "cpu_seconds")
    }


def alternating(
    bench: Bench, ways: dict[str, Callable[[Path], Cost]]
) -> tuple[dict[str, list[dict[str, Any]]], bool]:
    """Each way of building once a round, cold; the figures, and whether all bytes are the same."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    bytes_of: list[dict[str, str]] = []
    for _ in range(bench.rounds):
        for name, way in ways.items():
            with folder_of(bench) as folder:
                found[name].append(rates(way(folder), folder / "corpus"))
                bytes_of.append(digests(folder / "corpus"))
            told(name, found[name][-1])
    return found, all(item == bytes_of[0] for item in bytes_of)


class folder_of:
    """A fresh folder that is removed afterwards."""

    def __init__(self, bench: Bench) -> None:
        self.path = Path(tempfile.mkdtemp(dir=bench.scratch))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)


def growth(bench: Bench) -> dict[str, Any]:
    """Made-up releases of growing size, one build each."""
    found = []
    for rows in bench.sizes:
        with folder_of(bench) as folder:
            cost = bench.build(folder, bench.root(rows))
            found.append(rates(cost, folder / "corpus"))
        shutil.rmtree(bench.made.pop(rows))
        told(f"{rows:,} rows wanted", found[-1])
    return {"builds": found}


def workers(bench: Bench) -> dict[str, Any]:
    """One and two workers in turn."""
    ways = {
        f"{n} workers": lambda folder, n=n: bench.build(folder, bench.root(), workers=n)
        for n in (1, 2)
    }
    found, same = alternating(bench, ways)
    one, two = (medians(found[name])["seconds"] for name in ways)
    efficiency = one / (2 * two)
    print(f"efficiency of two workers {efficiency:.2f}, same bytes: {same}")
    return {"efficiency": efficiency, "same_bytes": same, "builds": found}


def dask(bench: Bench) -> dict[str, Any]:
    """The two executors in turn, two workers each."""
    ways = {
        name: lambda folder, name=name: bench.build(folder, bench.root(), "--executor", name)
        for name in ("processes", "dask")
    }
    found, same = alternating(bench, ways)
    one, other = (medians(found[name])["seconds"] for name in ways)
    print(f"dask / processes {one / other:.2f}, same bytes: {same}")
    return {"ratio": one / other, "same_bytes": same, "builds": found}


def again(bench: Bench) -> dict[str, Any]:
    """A build, the same build once more, and once more with another template of one task."""
    root = bench.root()
    with folder_of(bench) as folder:
        first = rates(bench.build(folder, root), folder / "corpus")
        told("build", first)
        before = stamps(folder / "corpus")
        nothing = [took(bench.build(folder, root)) for _ in range(bench.rounds)]
        untouched = stamps(folder / "corpus") == before
        seconds = medians(nothing)["seconds"]
        told("nothing changed", nothing[-1])
        overlay = folder / "templates"
        overlay.mkdir()
        text = (shipped("templates") / f"{CHANGED_TASK}.yaml").read_text(encoding="utf-8")
        (overlay / f"{CHANGED_TASK}.yaml").write_text(text.replace("radiograph?", "X-ray image?"))
        changed = took(bench.build(folder, root, "--set", f"templates={overlay}"))
        after = stamps(folder / "corpus")
        written = sorted(name for name in after if after[name] != before.get(name))
        tasks = sorted({Path(name).parts[1] for name in written})
        told("template changed", changed)
        print(f"untouched: {untouched}; {len(written)} of {len(after)} shards anew, of {tasks}")
        return {
            "build": first,
            "nothing_seconds": seconds,
            "nothing": nothing,
            "untouched": untouched,
            "template": changed,
            "tasks_written": tasks,
            "shards_written": len(written),
        }


def stamps(corpus: Path) -> dict[str, int]:
    return {
        path.relative_to(corpus).as_posix(): path.stat().st_mtime_ns
        for path in corpus.rglob("*.parquet")
    }


def resume(bench: Bench) -> dict[str, Any]:
    """Killed after half of its time and run again, in turn with builds that are left alone."""
    found: dict[str, list[dict[str, Any]]] = {"undisturbed": [], "killed and resumed": []}
    bytes_of = []
    for _ in range(bench.rounds):
        with folder_of(bench) as folder:
            alone = bench.build(folder, bench.root())
            found["undisturbed"].append(rates(alone, folder / "corpus"))
            bytes_of.append(digests(folder / "corpus"))
        told("undisturbed", found["undisturbed"][-1])
        with folder_of(bench) as folder:
            killed = bench.build(folder, bench.root(), kill=alone.wall / 2)
            rest = bench.build(folder, bench.root())
            both = Cost(
                killed.wall + rest.wall,
                killed.cpu + rest.cpu,
                max(killed.parent, rest.parent),
                max(killed.child, rest.child),
                killed.load,
            )
            found["killed and resumed"].append(rates(both, folder / "corpus"))
            bytes_of.append(digests(folder / "corpus"))
        told("killed and resumed", found["killed and resumed"][-1])
    one, other = (medians(items)["cpu_seconds"] for items in found.values())
    same = all(item == bytes_of[0] for item in bytes_of)
    print(f"CPU of a killed build / undisturbed {other / one:.2f}, same bytes: {same}")
    return {"cpu_ratio": other / one, "same_bytes": same, "builds": found}


def parts(bench: Bench) -> dict[str, Any]:
    """Two parts, one after the other, and the build that seals; beside a whole one."""
    root = bench.root()
    with folder_of(bench) as folder:
        whole = rates(bench.build(folder, root, workers=1), folder / "corpus")
        expected = digests(folder / "corpus")
    told("whole", whole)
    with folder_of(bench) as folder:
        steps = {}
        for part in (("--part", "1/2"), ("--part", "2/2"), ()):
            name = " ".join(part) or "seal"
            steps[name] = took(bench.build(folder, root, *part, workers=1))
            told(name, steps[name])
        same = digests(folder / "corpus") == expected
    ratio = sum(step["cpu_seconds"] for step in steps.values()) / whole["cpu_seconds"]
    print(f"CPU of the parts / of the whole {ratio:.2f}, same bytes: {same}")
    return {"whole": whole, "parts": steps, "cpu_ratio": ratio, "same_bytes": same}


def large(bench: Bench) -> dict[str, Any]:
    """One long build."""
    with folder_of(bench) as folder:
        cost = bench.build(folder, bench.root(LARGE))
        found = rates(cost, folder / "corpus")
        cached = sum(path.stat().st_size for path in (folder / "cache").rglob("*.*"))
    told(f"{LARGE:,} rows wanted", found)
    return {**found, "cache_bytes": cached}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "growth": growth,
    "workers": workers,
    "again": again,
    "resume": resume,
    "dask": dask,
    "parts": parts,
    "large": large,
}


def plot(figures: dict[str, Any], path: Path) -> None:
    """Seconds of processors and memory over rows."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    builds = list(figures["growth"]["builds"])
    if "large" in figures:
        builds.append(figures["large"])
    rows = [build["rows"] for build in builds]
    shown, (time, memory) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    time.loglog(rows, [build["cpu_seconds"] for build in builds], "o-", label="processor time")
    time.loglog(rows, [build["seconds"] for build in builds], "s--", label="two workers, wall")
    time.set_ylabel("seconds")
    memory.semilogx(rows, [build["worker_mb"] for build in builds], "o-", label="a worker")
    memory.semilogx(rows, [build["parent_mb"] for build in builds], "s--", label="the builder")
    memory.set_ylabel("peak of anonymous memory, MB")
    memory.set_ylim(bottom=0)
    for axes in (time, memory):
        axes.set_xlabel("rows of the corpus")
        axes.legend(frameon=False)
    shown.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="repeatable; default: all")
    parser.add_argument("--rows", type=int, default=500_000, help="of all parts but growth, large")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data-root", type=Path, help="real releases instead, but for growth")
    parser.add_argument("--source", action="append", default=[], help="of the data root")
    parser.add_argument("--limit", type=float, default=3600, help="seconds until a build hangs")
    parser.add_argument("--scratch", type=Path, help="a folder with room; default: of the system")
    parser.add_argument("--json", type=Path, default=Path("scale.json"))
    parser.add_argument("--plot", type=Path, help="SVG; default: beside the JSON")
    given = parser.parse_args()
    if given.data_root and not given.source:
        parser.error("--data-root needs --source")
    figures: dict[str, Any] = json.loads(given.json.read_text()) if given.json.exists() else {}
    if given.scratch is not None:
        given.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        bench = Bench(
            scratch=Path(scratch),
            figures=figures,
            rows=given.rows,
            rounds=given.rounds,
            limit=given.limit,
            data_root=given.data_root,
            sources=given.source,
            sizes=given.sizes,
        )
        for name in given.only or PARTS:
            facts = machine()
            print(f"\n{name}: {said(facts)}", flush=True)
            figures[name] = {"machine": facts, **PARTS[name](bench)}
            given.json.write_text(json.dumps(figures, indent=1))
    if "growth" in figures:
        plot(figures, given.plot or given.json.with_suffix(".svg"))
    bad = sorted(name for name, item in figures.items() if not item.get("same_bytes", True))
    sys.exit(f"other bytes: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    main()
