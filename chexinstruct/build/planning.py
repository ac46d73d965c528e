"""What a build would do: which pictures and shards, why, for how long, and how much disk it takes.

The tables are read for it, since only they tell; what is read stays in the cache for the build.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chexinstruct.build.finished import finished, sealed
from chexinstruct.build.ledger import library_versions
from chexinstruct.build.parts import executor_of
from chexinstruct.build.pictures import Asked, Pictured, ask
from chexinstruct.build.pipeline import Prepared, opened, prepare, resolved
from chexinstruct.build.setting import BuildOptions, Setting
from chexinstruct.build.shards import shard_jobs, unwritten
from chexinstruct.images import BadImage, normalise
from chexinstruct.manifest import Manifest
from chexinstruct.release import Release
from chexinstruct.schema import SPLITS, Shard

SAMPLE = 6
"""Pictures of a release that are made to see how long one takes and how large it gets."""
ROWS_A_SECOND = 10_000
"""Of one worker, with all stages and one phrasing; benchmarks/scale.py measures it."""
ROW_BYTES = 110
"""Of a row without pictures on disk."""
PICTURE_BYTES = 75_000
"""Of a picture of which no sample could be made, at the default size."""
STORE_FROM = 2.0
"""Copies of a picture in an embedded corpus from which on ``store`` is advised."""


class PlannedPictures(msgspec.Struct, frozen=True):
    """The pictures of one release."""

    release: str
    used: int
    to_make: int
    """Of them, those that have to be decoded; the others are in the cache."""
    seconds: float
    """Of one worker."""
    bytes_each: float


class Disk(msgspec.Struct, frozen=True):
    """Bytes on disk at the end of a build, under one choice of ``images``."""

    images: str
    cache: int
    """Normalised pictures; tables take little beside them."""
    output: int


class Plan(msgspec.Struct, frozen=True):
    """What a build would do."""

    rows: dict[str, dict[str, int]]
    """By task and split, before what pictures and wording may lose."""
    pictures: list[PlannedPictures]
    shards: int
    shards_to_write: list[str]
    reasons: list[str]
    seconds: float
    """All workers together, about."""
    disk: list[Disk]
    advice: str | None
    """Which ``images`` would do better; None: the one that was chosen."""


def plan(
    manifest: Manifest, data_root: str | Path, out: str | Path, options: BuildOptions | None = None
) -> Plan:
    """Tell what :func:`chexinstruct.build.build` would do with the same arguments.

    Raises:
        ChexinstructError: as the build would, before it makes a picture.
    """
    options = options or BuildOptions()
    with (
        executor_of(options) as executor,
        opened(manifest, data_root, out, options, executor) as setting,
    ):
        ready = prepare(setting)
        asked = ask(setting, ready.references, ready.inputs.locations) if _has(setting) else None
        pictures = list(_pictures(setting, asked, ready.inputs.locations)) if asked else []
        pictured = Pictured(Path(), asked.wanted, {}) if asked else None
        jobs = shard_jobs(setting, ready.planned, ready.indexed, pictured)
        left = unwritten(jobs, finished(setting.home, Shard))
        rows = sum(len(job.rows) * job.wording.phrasings for job in left)
        made = sum(item.seconds for item in pictures)
        disk = list(_disk(setting, ready, pictures))
        return Plan(
            rows=_rows(setting, ready),
            pictures=pictures,
            shards=len(jobs),
            shards_to_write=sorted(job.name for job in left),
            reasons=_reasons(setting, ready, len(jobs), len(left)),
            seconds=(made + rows / ROWS_A_SECOND) / options.workers,
            disk=disk,
            advice=_advice(setting, ready, pictures),
        )


def _has(setting: Setting) -> bool:
    return setting.manifest.images.mode != "none"


def _rows(setting: Setting, ready: Prepared) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for item in ready.planned:
        task, split = item.pair.task.key, SPLITS[item.split]
        count = len(item.rows) * setting.manifest.phrasings_of(task, item.pair.source)
        by_split = rows.setdefault(task, {})
        by_split[split] = by_split.get(split, 0) + count
    return rows


def _pictures(
    setting: Setting, asked: Asked, locations: Mapping[str, str]
) -> Iterator[PlannedPictures]:
    for release, used in asked.used.items():
        missing = [item for job in asked.jobs if job.release == release for item in job.wanted]
        step = max(1, len(missing) // SAMPLE)
        seconds, sizes = [], []
        with Release.open(locations[release], source=release) as opened_release:
            for item in missing[::step][:SAMPLE]:
                begun = time.perf_counter()
                try:
                    data = opened_release.read(item.path)
                    sizes.append(len(normalise(data, setting.manifest.images, item.told).data))
                except (BadImage, OSError):
                    continue  # the build will count it
                seconds.append(time.perf_counter() - begun)
        each = sum(sizes) / len(sizes) if sizes else PICTURE_BYTES
        yield PlannedPictures(
            release=release,
            used=used,
            to_make=len(missing),
            seconds=len(missing) * sum(seconds) / len(seconds) if seconds else 0.0,
            bytes_each=each,
        )


def _copies(ready: Prepared) -> int:
    """Pictures of an embedded corpus, counted once for each task, source and split."""
    return sum(map(len, ready.references))


def _disk(setting: Setting, ready: Prepared, pictures: Sequence[PlannedPictures]) -> Iterator[Disk]:
    """For each choice, as far as it is known: without pictures only ``none`` is."""
    text = ROW_BYTES * sum(sum(s.values()) for s in _rows(setting, ready).values())
    once = sum(item.used * item.bytes_each for item in pictures)
    used = sum(item.used for item in pictures)
    yield Disk("none", 0, text)
    if used:
        yield Disk("store", int(once), text + int(once))
        yield Disk("embed", int(once), text + int(once * _copies(ready) / used))


def _advice(setting: Setting, ready: Prepared, pictures: Sequence[PlannedPictures]) -> str | None:
    used = sum(item.used for item in pictures)
    if setting.manifest.images.mode != "embed" or not used:
        return None
    copies = _copies(ready) / used
    if copies < STORE_FROM:
        return None
    return f"each picture would stand {copies:.1f} times in the corpus; --images store has it once"


def _reasons(setting: Setting, ready: Prepared, shards: int, left: int) -> list[str]:
    """Why there is something to do, as far as the lock of the last build tells."""
    if not left:
        return []
    lock = sealed(setting.home)
    if lock is None:
        standing = shards - left
        return [f"an interrupted build: {standing} shards stand" if standing else "a new corpus"]
    reasons = [
        f"{name} {lock.libraries.get(name, 'not used')} -> {version}"
        for name, version in library_versions().items()
        if lock.libraries.get(name) != version
    ]
    reasons += [
        f"{account.source}: the release, or the code that reads it, gives other studies"
        for account in lock.sources
        if (said := ready.loaded.get(account.source)) and said.content != account.studies_key
    ]
    now = msgspec.json.decode(msgspec.json.encode(resolved(setting, ready.held)))
    reasons += [f"manifest: {field} has changed" for field in _changed(lock.manifest, now)]
    return reasons or ["tasks, templates or the program have changed"]


def _changed(old: Any, new: Any, field: str = "") -> Iterator[str]:
    """Dotted names of the fields that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _changed(old.get(name), new.get(name), f"{field}.{name}" if field else name)
    elif old != new:
        yield field
