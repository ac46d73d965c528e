"""What a data root holds, source by source, and what to do about what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from chexinstruct.editions import Completeness, completeness
from chexinstruct.errors import ChexinstructError, ReleaseError
from chexinstruct.release import Release
from chexinstruct.source import Source

PACKED = (".tar.gz", ".tgz", ".tar")
"""Archives out of which pictures are not read at random."""


class FileCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an expected file is there."""

    pattern: str
    what: str
    needed: bool
    found: str | None
    """The first match, inside the release."""
    count: int
    """How many files match."""


class SourceCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one source."""

    source: str
    location: str
    present: bool
    """Whether anything lies at the location."""
    files: list[FileCheck]
    completeness: Completeness | None
    """What of the published release is there; None where nothing can be read."""
    problems: list[str]
    """One line each, with what to do next."""

    @property
    def usable(self) -> bool:
        """Whether a build can read the source."""
        return self.present and all(file.found or not file.needed for file in self.files)


def check_source(source: Source, location: str) -> SourceCheck:
    """Look at the release of one source; reads its listing, and counts the rows of its tables."""
    card = source.card
    try:
        release = Release.open(location, source=source.key)
        listing = list(release.files.values())
    except ReleaseError as error:
        where = f"`chexinstruct sources {source.key}` tells how to get it"
        return SourceCheck(
            source=source.key,
            location=location,
            present=Path(location).exists(),
            files=[],
            completeness=None,
            problems=[str(error) if Path(location).exists() else f"not found; {where}"],
        )
    with release:
        files = [_file_check(release, item.pattern, item.what, item.needed) for item in card.files]
        problems = [
            f"{file.pattern} is missing: {file.what}"
            + ("" if file.needed else " (the source can be built without it)")
            for file in files
            if file.found is None
        ]
        try:
            held = completeness(release, card.editions)
        except ReleaseError as error:
            held = None
            problems.append(str(error))
    if held is not None:
        problems += _gaps(source, held)
    packed = [info.path for info in listing if info.path.lower().endswith(PACKED)]
    if packed and any(file.found is None for file in files):
        unpack = f"for f in {location}/*.t*gz; do tar -xzf $f -C {location}; done"
        problems.append(f"{len(packed)} archives are still packed, e.g. {packed[0]}; run: {unpack}")
    empty = [info.path for info in listing if info.size == 0]
    if empty:
        problems.append(
            f"{len(empty)} files are empty, e.g. {empty[0]}; their download broke off, so fetch "
            "them again"
        )
    return SourceCheck(
        source=source.key,
        location=location,
        present=True,
        files=files,
        completeness=held,
        problems=problems,
    )


def _gaps(source: Source, held: Completeness) -> list[str]:
    """What of the edition is not here, or not as it was published."""
    told = "; ".join(item.told for item in held.differing)
    match held.status:
        case "partial":
            where = f"`chexinstruct sources {source.key}` tells where the rest is"
            return [f"a part of {held.edition}: {told}; {where}"]
        case "different version":
            known = ", ".join(edition.name for edition in source.card.editions)
            return [
                f"not as published ({known}); nearest to {held.edition}: {told}; a table that is "
                "too short may be a download that broke off"
            ]
        case _:
            return []


def _file_check(release: Release, pattern: str, what: str, needed: bool) -> FileCheck:
    found = release.find_all(pattern)
    return FileCheck(
        pattern=pattern,
        what=what,
        needed=needed,
        found=found[0] if found else None,
        count=len(found),
    )


def check(
    data_root: str,
    sources: Mapping[str, Source],
    *,
    keys: Sequence[str] = (),
    source_dirs: Mapping[str, str] | None = None,
) -> list[SourceCheck]:
    """The state of the sources of a data root, problems of all of them at once.

    Args:
        data_root: holds one folder a source key.
        sources: the registry.
        keys: the sources to look at; empty: all that are there.
        source_dirs: places of sources that lie elsewhere.

    Raises:
        ChexinstructError: the data root does not exist.
    """
    places = source_dirs or {}
    if "://" not in data_root and not Path(data_root).is_dir():
        raise ChexinstructError(f"no data root at {data_root}: give the folder of your releases")
    checks = []
    for key in keys or sources:
        result = check_source(sources[key], places.get(key) or f"{data_root.rstrip('/')}/{key}")
        if keys or result.present:
            checks.append(result)
    for item in checks if not keys else ():
        for used, lost in sources[item.source].card.uses.items():
            if all(other.source != used for other in checks):
                item.problems.append(
                    f"{used} is not there: {lost} (the source can be built without it)"
                )
    return [*checks, *_missing_parents(checks, sources)]


def _missing_parents(
    checks: Sequence[SourceCheck], sources: Mapping[str, Source]
) -> list[SourceCheck]:
    """Sources that are not there and that some source which is there requires."""
    usable = {item.source for item in checks}
    told: dict[str, list[str]] = {}
    for item in checks:
        for parent in sources[item.source].card.requires:
            if parent not in usable:
                told.setdefault(parent, []).append(item.source)
    return [
        SourceCheck(
            source=parent,
            location="",
            present=False,
            files=[],
            completeness=None,
            problems=[
                f"not found, and {', '.join(children)} cannot be built without it; "
                f"`chexinstruct sources {parent}` tells how to get it"
            ],
        )
        for parent, children in told.items()
    ]
