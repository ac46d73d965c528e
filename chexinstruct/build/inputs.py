"""Which sources a build can read, told at once before anything is built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from chexinstruct.errors import ChexinstructError
from chexinstruct.places import is_remote, shown
from chexinstruct.source import Source, build_order
from chexinstruct.transient import StorageError, tried


@dataclass(frozen=True)
class Inputs:
    """The sources of a build."""

    locations: dict[str, str]
    """By source, parents first: where its release lies."""
    asked: frozenset[str]
    """The sources that tasks run on; the others are parents only."""
    skipped: dict[str, str]
    """Sources left out, with the reason."""


class MissingInputs(ChexinstructError):
    """Releases that the manifest needs are not there."""


def locate(data_root: str, source_dirs: Mapping[str, str], key: str) -> str:
    """Where the release of a source should lie."""
    return source_dirs.get(key) or f"{data_root.rstrip('/')}/{key}"


def present(places: Collection[str]) -> set[str]:
    """Those of the places where something lies. Remote ones that lie side by side are listed at
    once, and taken at their word.

    Raises:
        ChexinstructError: a store cannot be reached, or may not be read.
    """
    found = {place for place in places if not is_remote(place) and _holds(Path(place))}
    beside: dict[str, set[str]] = {}
    for place in filter(is_remote, places):
        beside.setdefault(place.rstrip("/").rpartition("/")[0], set()).add(place)
    for parent, remote in beside.items():
        names = _listed(parent)
        found |= {place for place in remote if place.rstrip("/").rpartition("/")[2] in names}
    return found


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _listed(url: str) -> set[str]:
    """What lies in a remote folder."""
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(url)
        listed = tried(lambda: filesystem.ls(path, detail=False, refresh=True), shown(url))
    except FileNotFoundError:
        return set()
    except StorageError:
        raise
    except Exception as error:  # every file system has errors of its own; some show tokens
        told = str(error) if isinstance(error, ImportError) else type(error).__name__
        raise ChexinstructError(
            f"{shown(url)} cannot be listed ({told}); check the address, your access to it, and "
            "that the library for it is installed, e.g. pip install 'chexinstruct[s3]'"
        ) from error
    return {name.rstrip("/").rpartition("/")[2] for name in listed}


def choose(
    asked: tuple[str, ...] | str,
    sources: Mapping[str, Source],
    data_root: str,
    source_dirs: Mapping[str, str],
    *,
    available: bool,
) -> Inputs:
    """The sources that can be built.

    Args:
        asked: source keys, or ``all`` for every source that is there.
        sources: the registry.
        data_root: holds one folder a source key.
        source_dirs: places of sources that lie elsewhere.
        available: leave out what is missing instead of failing.

    Raises:
        MissingInputs: every missing release, with where it is to be had; or nothing is there.
        CallError: an unknown key.
    """
    here = {key: locate(data_root, source_dirs, key) for key in sources}
    there = present(set(here.values()))
    found = {key for key, place in here.items() if place in there}
    wanted = found if asked == "all" else set(asked)
    build_order(wanted, sources)  # unknown keys are told before missing files
    skipped: dict[str, str] = {}
    chosen: set[str] = set()
    for key in sorted(wanted):
        missing = [part for part in build_order({key}, sources) if part not in found]
        if not missing:
            chosen.add(key)
            continue
        skipped[key] = "not found: " + "; ".join(
            f"{part} at {here[part]} with {_files(sources[part])} "
            f"({sources[part].card.access[0]} `chexinstruct sources {part}` tells more)"
            for part in missing
        )
    if skipped and not available and asked != "all":
        told = "; ".join(f"{key} {reason}" for key, reason in skipped.items())
        able = ", ".join(sorted(chosen)) or "nothing"
        raise MissingInputs(f"{told}; without them --available builds {able}")
    if not chosen:
        told = "; ".join(f"{key} {reason}" for key, reason in skipped.items())
        raise MissingInputs(
            f"no release to build from in {data_root}"
            + (
                f": {told}"
                if told
                else "; it should hold one folder a source key, as "
                "`chexinstruct sources` lists them"
            )
        )
    usable = {key for key in found if found.issuperset(build_order({key}, sources))}
    order = build_order(chosen, sources, usable)
    return Inputs({key: here[key] for key in order}, frozenset(chosen), skipped)


def _files(source: Source) -> str:
    """The files that the source cannot do without, or of which it needs some."""
    files = source.card.files
    needed = [item.pattern for item in files if item.needed]
    return ", ".join(needed) or "some of " + ", ".join(item.pattern for item in files)
