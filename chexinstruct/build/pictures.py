"""The pictures stage: every used picture is normalised once and kept in packs.

A pack is an Arrow file of a few hundred pictures. Packs are only added, so a killed build loses
at most those in the making; a picture is known by its path and by a stamp: size and time of its
file, and what the release tells of its greys. So nothing is made twice, and a picture of which any
of these changed is made anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import code_digest, digest, whole_file
from chexinstruct.build.ledger import library_versions
from chexinstruct.build.parts import not_there
from chexinstruct.build.references import read_reference
from chexinstruct.build.setting import Setting
from chexinstruct.draw import key as _hash
from chexinstruct.errors import ChexinstructError, ReleaseError
from chexinstruct.images import UNTOLD, BadImage, ImageSettings, Told, normalise
from chexinstruct.release import Release
from chexinstruct.schema import Frame

PACK = 256
"""Pictures of a pack, at most."""
PACKS, LEAST = 32, 16
"""Packs that even few pictures are shared among, so that many workers have something to do, as long
as each has so many pictures."""

ALLOWED = 20
"""Unreadable pictures that a small release may have."""
POLL = 5.0
"""Seconds between two looks for the pictures of other parts."""

UNREADABLE = "unreadable_file"
"""The reason of a picture whose file could not be read."""

COLUMNS = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("stamp", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("data", pa.binary()),
        pa.field("sha256", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("source_width", pa.int32()),
        pa.field("source_height", pa.int32()),
    ]
)


@dataclass(frozen=True, order=True)
class Wanted:
    """A picture file of a release as it stands now."""

    path: str
    stamp: str
    """Changes whenever the picture has to be made anew."""
    key: str = ""
    """The picture's name in its source, where it is to be stored by name."""
    told: Told = UNTOLD


@dataclass(frozen=True)
class PictureJob:
    """Normalise some pictures into one pack."""

    release: str
    location: str
    wanted: tuple[Wanted, ...]
    settings: ImageSettings
    pack: str


def folder(cache: Path, release: str, settings: ImageSettings) -> Path:
    """Where the packs of a release under some settings stand."""
    # Of the settings of a corpus those that change pixels.
    named = settings.model_dump(include=set(ImageSettings.model_fields))
    made_by = (
        code_digest("chexinstruct.headers", "chexinstruct.images", "chexinstruct.build.pictures"),
        library_versions(),
    )
    return cache / "pictures" / release / digest(named, made_by)


def make_pack(job: PictureJob) -> list[tuple[str, str]]:
    """Write the pack; a picture that cannot be decoded stands in it with its reason.

    Returns:
        Path and kind of error of files that could not be read at all. They stand in no pack, so
        that the next build tries again: their permissions may be mended by then. Storage that
        fails stops the build instead, so that what is built does not depend on the weather.
    """
    unreadable: list[tuple[str, str]] = []
    rows: list[dict[str, Any]] = []
    with Release.open(job.location, source=job.release) as release:
        for item in job.wanted:
            row: dict[str, Any] = {"path": item.path, "stamp": item.stamp}
            try:
                picture = normalise(release.read(item.path), job.settings, item.told)
            except BadImage as error:
                row |= {"reason": error.reason, "detail": str(error)}
            except (OSError, ReleaseError) as error:
                unreadable.append((item.path, type(error).__name__))
                continue
            else:
                row |= {
                    "data": picture.data,
                    "sha256": picture.sha256,
                    "width": picture.width,
                    "height": picture.height,
                    "source_width": picture.source_width,
                    "source_height": picture.source_height,
                }
            rows.append(row)
    with whole_file(Path(job.pack)) as draft:
        table = pa.Table.from_pylist(rows, schema=COLUMNS)
        with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, COLUMNS) as writer:
            writer.write_table(table)
    return unreadable


def plan(
    cache: Path, release: str, location: str, wanted: Iterable[Wanted], settings: ImageSettings
) -> list[PictureJob]:
    """Jobs for the pictures that stand in no pack yet, in the order given."""
    home = folder(cache, release, settings)
    have = {(path, stamp) for pack in sorted(home.glob("*.arrow")) for path, stamp in _names(pack)}
    missing = [item for item in wanted if (item.path, item.stamp) not in have]
    packs = max(-(-len(missing) // PACK), min(PACKS, -(-len(missing) // LEAST)))
    bounds = [len(missing) * number // max(1, packs) for number in range(packs + 1)]
    jobs = []
    for start, stop in pairwise(bounds):
        part = tuple(missing[start:stop])
        name = digest([(item.path, item.stamp) for item in part])
        jobs.append(PictureJob(release, location, part, settings, str(home / f"{name}.arrow")))
    return jobs


def _names(pack: Path) -> list[tuple[str, str]]:
    table = _open(str(pack))
    return list(zip(table["path"].to_pylist(), table["stamp"].to_pylist(), strict=True))


@lru_cache(maxsize=4096)
def _open(path: str) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


@dataclass(frozen=True)
class Stored:
    """A picture from a pack."""

    data: bytes
    sha256: str
    source_size: Frame


@dataclass(frozen=True)
class Pictured:
    """The pictures of one build, all of them normalised."""

    shelf: Path
    wanted: dict[str, list[Wanted]]
    """By release, in the order of their first use; without those that could not be read."""
    bad: dict[str, list[tuple[str, str, str]]]
    """By release: path, reason and detail of those that could not be read."""


def normalise_all(
    setting: Setting, used: Iterable[Sequence[str]], locations: Mapping[str, str]
) -> Pictured:
    """Normalise the pictures of some references that stand in no pack yet.

    Raises:
        ChexinstructError: more pictures than expected cannot be read, or two studies tell different
            things of one.
    """
    settings = setting.manifest.images
    asked = ask(setting, used, locations)
    wanted, unreadable = asked.wanted, asked.unreadable
    with setting.bar("pictures", sum(len(job.wanted) for job in asked.jobs)) as bar:
        for number, lost in setting.executor.run(make_pack, asked.jobs):
            bar.update(len(asked.jobs[number].wanted))
            unreadable[asked.jobs[number].release].update(lost)
    if setting.options.part:
        _await_others(setting, asked, locations)
    for release, items in wanted.items():
        wanted[release] = [item for item in items if item.path not in unreadable[release]]
    bad = bad_pictures(setting.cache, wanted, settings)
    for release, found in bad.items():
        found += [(path, UNREADABLE, detail) for path, detail in unreadable[release].items()]
        found.sort()
        known = [item.path for item in setting.sources[release].card.known_bad]
        _judge(release, found, asked.used[release], known)
    shelf = setting.cache / "pictures" / f"{digest(wanted, settings.model_dump())}.arrow"
    if not shelf.exists():
        write_shelf(shelf, setting.cache, wanted, settings)
    return Pictured(shelf, wanted, bad)


@dataclass(frozen=True)
class Asked:
    """The pictures that some references name, by release, and what is to be done for them."""

    used: dict[str, int]
    """How many are named."""
    wanted: dict[str, list[Wanted]]
    """Those whose file is there, in the order of their first use."""
    unreadable: dict[str, dict[str, str]]
    """Path and reason of the others."""
    jobs: list[PictureJob]
    """For those that stand in no pack yet."""


def ask(setting: Setting, used: Iterable[Sequence[str]], locations: Mapping[str, str]) -> Asked:
    """Look up the files of some references, and whether they have been normalised already.

    Raises:
        ChexinstructError: two studies tell different things of one picture.
    """
    asked = Asked({}, {}, {}, [])
    settings = setting.manifest.images
    for release, named in sorted(_by_path(used).items()):
        asked.used[release] = len(named)
        wanted, unreadable = asked.wanted.setdefault(release, []), {}
        with Release.open(locations[release], source=release) as opened:
            for path, (key, told) in named.items():
                if info := opened.files.get(path):
                    stamp = f"{info.size}-{info.stamp}"
                    if told != UNTOLD:
                        stamp += f"-{digest(told)}"
                    wanted.append(Wanted(path, stamp, key, told))
                else:
                    unreadable[path] = "not in the release"
        asked.unreadable[release] = unreadable
        part = setting.options.part
        share = [w for w in wanted if part is None or part.has(_hash(w.path))]
        asked.jobs.extend(plan(setting.cache, release, locations[release], share, settings))
    return asked


def _await_others(setting: Setting, asked: Asked, locations: Mapping[str, str]) -> None:
    """Wait while the other parts make their shares of the pictures.

    When nobody makes any more, the few that are left may be files that cannot be read, which stand
    in no pack: this part sees for itself.

    Raises:
        Unfinished: more are left than a release may have of such files.
    """
    settings, minutes = setting.manifest.images, setting.options.wait
    before, since = -1, time.monotonic()
    while True:
        jobs = [
            job
            for release, items in asked.wanted.items()
            for job in plan(
                setting.cache,
                release,
                locations[release],
                [item for item in items if item.path not in asked.unreadable[release]],
                settings,
            )
        ]
        left = sum(len(job.wanted) for job in jobs)
        if not left:
            return
        if left != before:
            before, since = left, time.monotonic()
        elif time.monotonic() - since >= 60 * minutes:
            break
        time.sleep(min(POLL, 60 * minutes))
    if left > sum(map(_allowed, asked.used.values())):
        raise not_there(left, minutes)
    for number, lost in setting.executor.run(make_pack, jobs):
        asked.unreadable[jobs[number].release].update(lost)


def _by_path(used: Iterable[Sequence[str]]) -> dict[str, dict[str, tuple[str, Told]]]:
    """By release and path: the key of a picture, and what is told of its greys."""
    paths: dict[str, dict[str, tuple[str, Told]]] = {}
    for references in used:
        for reference in references:
            release, path, key, told, _ = read_reference(reference)
            _, first = paths.setdefault(release, {}).setdefault(path, (key, told))
            if told != first:
                raise ChexinstructError(
                    f"{release}: {path}: two studies tell different windows, or only one that it "
                    "is inverted; please report this"
                )
    return paths


def _allowed(used: int) -> int:
    """How many of the used pictures of a release may be unreadable."""
    return max(ALLOWED, used // 1000)


def _judge(
    release: str, bad: Sequence[tuple[str, str, str]], used: int, known: Sequence[str]
) -> None:
    unexpected = [b for b in bad if not any(b[0].endswith(path) for path in known)]
    allowed = _allowed(used)
    if len(unexpected) > allowed:
        path, reason, detail = unexpected[0]
        raise ChexinstructError(
            f"{release}: {len(unexpected)} of {used} pictures cannot be read, more than the "
            f"{allowed} allowed; the first: {path}: {reason}: {detail}; compare the files with "
            "the publisher's"
        )


class Shelf:
    """The normalised pictures of a build; looked up by release and path.

    The file of a shelf lists, sorted by hash, in which pack and row each picture stands.
    """

    def __init__(self, path: Path) -> None:
        table = _open(str(path))
        self._hash: npt.NDArray[np.uint64] = table["hash"].to_numpy()
        self._pack: npt.NDArray[np.int32] = table["pack"].to_numpy()
        self._row: npt.NDArray[np.int32] = table["row"].to_numpy()
        names = table.schema.metadata[b"packs"].decode().split("\n")
        self._packs = [str(path.parent / name) for name in names]

    def get(self, release: str, path: str) -> Stored | str:
        """The picture, or the reason why there is none."""
        place = self._place(release, path)
        if place is None:
            return UNREADABLE
        table, row = place
        reason = table["reason"][row].as_py()
        if reason is not None:
            return str(reason)
        return Stored(
            table["data"][row].as_py(),
            table["sha256"][row].as_py(),
            (table["source_width"][row].as_py(), table["source_height"][row].as_py()),
        )

    def sha256(self, release: str, path: str) -> str | None:
        """Of the picture's bytes, which are not read; None where :meth:`get` gives a reason."""
        place = self._place(release, path)
        return None if place is None else place[0]["sha256"][place[1]].as_py()

    def _place(self, release: str, path: str) -> tuple[pa.Table, int] | None:
        """Pack and row of a picture."""
        wanted = np.uint64(_hash(release, path))
        at = int(np.searchsorted(self._hash, wanted))
        if at == len(self._hash) or self._hash[at] != wanted:
            return None
        return _open(self._packs[self._pack[at]]), int(self._row[at])


@lru_cache(maxsize=4)
def open_shelf(path: str) -> Shelf:
    """The shelf at a path, opened once a process."""
    return Shelf(Path(path))


def write_shelf(
    path: Path, cache: Path, wanted: Mapping[str, list[Wanted]], settings: ImageSettings
) -> None:
    """Write the list of where each wanted picture stands; all of them stand in packs by now."""
    packs: list[str] = []
    places: list[tuple[int, int, int]] = []
    for release, items in sorted(wanted.items()):
        stands: dict[tuple[str, str], tuple[int, int]] = {}
        for pack in sorted(folder(cache, release, settings).glob("*.arrow")):
            for row, name in enumerate(_names(pack)):
                stands.setdefault(name, (len(packs), row))
            packs.append(pack.relative_to(path.parent).as_posix())  # the cache may be moved
        places += [(_hash(release, item.path), *stands[item.path, item.stamp]) for item in items]
    places.sort()
    columns = {
        "hash": pa.array([p[0] for p in places], pa.uint64()),
        "pack": pa.array([p[1] for p in places], pa.int32()),
        "row": pa.array([p[2] for p in places], pa.int32()),
    }
    table = pa.table(columns).replace_schema_metadata({"packs": "\n".join(packs)})
    with (
        whole_file(path) as draft,
        pa.OSFile(str(draft), "wb") as file,
        pa.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table)


def bad_pictures(
    cache: Path, wanted: Mapping[str, list[Wanted]], settings: ImageSettings
) -> dict[str, list[tuple[str, str, str]]]:
    """By release: (path, reason, detail) of the wanted pictures that could not be read, sorted."""
    bad: dict[str, list[tuple[str, str, str]]] = {}
    for release, items in wanted.items():
        names = {(item.path, item.stamp) for item in items}
        found = []
        for pack in sorted(folder(cache, release, settings).glob("*.arrow")):
            table = _open(str(pack))
            for i, reason in enumerate(table["reason"].to_pylist()):
                if reason is None:
                    continue
                path, stamp = table["path"][i].as_py(), table["stamp"][i].as_py()
                if (path, stamp) in names:
                    found.append((path, reason, table["detail"][i].as_py()))
        bad[release] = sorted(set(found))
    return bad
