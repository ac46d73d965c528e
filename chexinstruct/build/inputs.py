"""Which sources a build can read, told at once before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chexinstruct.errors import ChexinstructError
from chexinstruct.source import Source, build_order


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


def present(location: str) -> bool:
    """Whether something lies there; remote places are taken at their word."""
    if "://" in location:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(location)
        return bool(filesystem.exists(path))
    folder = Path(location)
    return folder.is_dir() and any(folder.iterdir())


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
    found = {key for key, place in here.items() if present(place)}
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
