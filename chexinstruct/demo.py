"""The synthetic releases of all sources, and a corpus built from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from chexinstruct.build import BuildOptions, build
from chexinstruct.demo_bench import BenchDemo, demo_bench
from chexinstruct.errors import CallError
from chexinstruct.manifest import load_manifest
from chexinstruct.schema import Lock
from chexinstruct.source import registry


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An example of a task, with its pictures written out for looking at."""

    task: str
    id: str
    pictures: list[str]
    instruction: str
    response: str


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo made."""

    releases: str
    corpus: str
    lock: Lock
    examples: list[Shown]
    bench: BenchDemo | None = None


def write_releases(folder: Path) -> list[str]:
    """Write the sample release of every source, in its publisher's layout; gives their keys."""
    keys = []
    for key, source in registry().items():
        home = folder / key
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        source.sample.write(home)
        keys.append(key)
    return keys


def demo(out: Path, *, workers: int = 1, progress: bool = False, with_bench: bool = False) -> Demo:
    """Write the releases, build the corpus, and take one example of each task.

    Args:
        out: folder of all that is made.
        workers: processes.
        progress: show bars.
        with_bench: build CheXbench too, and report on baselines.

    Raises:
        CallError: ``out`` holds something that is not an earlier demo.
    """
    releases, corpus, pictures = out / "releases", out / "corpus", out / "pictures"
    chexbench = out / "chexbench"
    ours = (releases, corpus, pictures, chexbench)
    if out.exists() and any(p not in ours for p in out.iterdir()):
        raise CallError(f"{out} holds other files; name an empty folder")
    write_releases(releases)
    options = BuildOptions(
        workers=workers,
        cache=corpus / ".build" / "cache",
        progress=progress,
        on_missing_image="skip",
    )
    lock = build(load_manifest("demo"), releases, corpus, options)
    shutil.rmtree(chexbench, ignore_errors=True)
    bench = None
    if with_bench:
        chexbench.mkdir()
        bench = demo_bench(releases, corpus, chexbench, options)
    shutil.rmtree(corpus / ".build", ignore_errors=True)
    return Demo(
        releases=str(releases),
        corpus=str(corpus),
        lock=lock,
        examples=_examples(corpus, lock, pictures),
        bench=bench,
    )


def _examples(corpus: Path, lock: Lock, folder: Path) -> list[Shown]:
    """The first row of each task."""
    shutil.rmtree(folder, ignore_errors=True)
    shown = []
    first = {shard.name.partition("/")[0]: shard.name for shard in reversed(lock.shards)}
    for task, name in sorted(first.items()):
        path = corpus / "data" / f"{name}.parquet"
        columns = ["id", "images", "instruction", "response"]
        row = pq.ParquetFile(path).read_row_group(0, columns=columns).slice(0, 1).to_pylist()[0]
        written = []
        for number, image in enumerate(row["images"]):
            target = folder / f"{task}-{number}{Path(image['path']).suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(image["bytes"])
            written.append(str(target))
        shown.append(
            Shown(
                task=task,
                id=row["id"],
                pictures=written,
                instruction=row["instruction"],
                response=row["response"],
            )
        )
    return shown
