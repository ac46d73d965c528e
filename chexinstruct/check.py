"""What a data root holds, source by source, and what to do about what it lacks."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from shlex import quote

import msgspec

from chexinstruct.editions import Completeness, completeness
from chexinstruct.errors import ChexinstructError, ReleaseError
from chexinstruct.release import Release
from chexinstruct.source import Source
from chexinstruct.sums import NAME as SUMS_FILE
from chexinstruct.sums import Sums, check_sums

PACKED = (".tar.gz", ".tgz", ".tar")
"""Archives out of which pictures are not read at random."""
PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


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
    sums: Sums | None = None
    """The files held against the publisher's checksums, where that was asked for."""

    @property
    def usable(self) -> bool:
        """Whether a build can read the source."""
        whole = self.sums is None or not self.sums.wrong
        return self.present and whole and all(f.found or not f.needed for f in self.files)


def check_source(source: Source, location: str, *, sums: bool = False) -> SourceCheck:
    """Look at the release of one source; reads its listing, and counts the rows of its tables.

    Args:
        source: of the registry.
        location: of its release.
        sums: read all files and compare them with the publisher's checksums, if it ships some.
    """
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
            f"{file.pattern} is missing{'' if file.needed else ' (optional)'}: {file.what}"
            for file in files
            if file.found is None
        ]
        try:
            held = completeness(release, card.editions)
        except ReleaseError as error:
            held = None
            problems.append(str(error))
        summed = check_sums(release) if sums else None
    if held is not None:
        problems += _gaps(source, held, location)
    packed = [info.path for info in listing if info.path.lower().endswith(PACKED)]
    lacking = any(
        file.found is None and (file.needed or file.pattern.endswith(PICTURES)) for file in files
    )
    if packed and (lacking or (held is not None and held.status == "partial")):
        place = quote(location)
        unpack = f"find {place} -name '*.t*gz' -exec tar -xzf {{}} -C {place} \\;"
        problems.append(f"{len(packed)} archives are still packed, e.g. {packed[0]}; run: {unpack}")
    if summed is not None and summed.wrong:
        shown = ", ".join(summed.wrong[:20])
        more = f" and {len(summed.wrong) - 20:,} more (--json lists all)" * (len(summed.wrong) > 20)
        problems.append(
            f"{len(summed.wrong):,} files differ from the publisher's checksums; move them away "
            f"and fetch them again: {shown}{more}"
        )
    elif sums and summed is None:
        problems.append(f"no {SUMS_FILE} in the release, so checksums were not compared")
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
        sums=summed,
    )


def _gaps(source: Source, held: Completeness, location: str) -> list[str]:
    """What of the edition is not here, or not as it was published."""
    told = "; ".join(item.told for item in held.differing)
    match held.status:
        case "partial":
            where = f"`chexinstruct sources {source.key}` tells where the rest is"
            gaps = [f"a part of {held.edition}: {told}; {where}"]
        case "different version":
            known = ", ".join(edition.name for edition in source.card.editions)
            gaps = [
                f"not as published ({known}); nearest to {held.edition}: {told}; a table that is "
                "too short may be a download that broke off"
            ]
        case _:
            return []
    if any(item.what == "files" and _of_pictures(item.pattern) for item in held.differing):
        root = quote(location.rstrip("/").rpartition("/")[0] or ".")
        gaps.append(
            f"pictures are missing; `chexinstruct files full --data-root {root} "
            f"--source {source.key} --missing` lists those that a build would show, and "
            "`build --on-missing-image skip` does without them"
        )
    return gaps


def _of_pictures(pattern: str) -> bool:
    return any(one.lower().endswith(PICTURES) for one in pattern.split("|"))


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
    sums: bool = False,
) -> list[SourceCheck]:
    """The state of the sources of a data root, problems of all of them at once.

    Args:
        data_root: holds one folder a source key.
        sources: the registry.
        keys: the sources to look at; empty: all that are there.
        source_dirs: places of sources that lie elsewhere.
        sums: compare all files with the publishers' checksums, which reads every byte.

    Raises:
        ChexinstructError: the data root does not exist.
    """
    places = source_dirs or {}
    if "://" not in data_root and not Path(data_root).is_dir():
        raise ChexinstructError(f"no data root at {data_root}: give the folder of your releases")
    checks = []
    for key in keys or sources:
        place = places.get(key) or f"{data_root.rstrip('/')}/{key}"
        result = check_source(sources[key], place, sums=sums)
        if keys or result.present:
            checks.append(result)
    for item in checks if not keys else ():
        for used, lost in sources[item.source].card.uses.items():
            if all(other.source != used for other in checks):
                item.problems.append(f"{used} is not there (optional): {lost}")
    if not keys and "://" not in data_root:
        checks += _misnamed(Path(data_root), sources, {item.source for item in checks})
    return [*checks, *_missing_parents(checks, sources)]


def strangers(
    data_root: str, checks: Sequence[SourceCheck], sources: Mapping[str, Source]
) -> list[str]:
    """Folders of a data root that no source reads: other data, or a name that was mistyped.

    Args:
        data_root: as checked.
        checks: of it; folders that they tell how to rename are no strangers.
        sources: the registry.
    """
    if "://" in data_root:
        return []
    told = {Path(item.location) for item in checks}
    return sorted(
        folder.name
        for folder in Path(data_root).iterdir()
        if folder.is_dir()
        and folder.name not in sources
        and folder.name[0] != "."
        and not any(folder == place or folder in place.parents for place in told)
    )


def _misnamed(
    data_root: Path, sources: Mapping[str, Source], here: Collection[str]
) -> list[SourceCheck]:
    """Releases that lie in the data root under their publisher's name and not under their key."""
    names: dict[str, str] = {}
    for key, source in sources.items():
        for project in source.card.physionet:
            names.setdefault(_plain(project.slug), key)
        names[_plain(key)] = key
    folders = [folder for folder in data_root.iterdir() if folder.is_dir()]
    folders += (data_root / "physionet.org" / "files").glob("*/")  # of a wget in the data root
    found: dict[str, Path] = {}
    for folder in sorted(folders):
        meant = names.get(_plain(folder.name))
        if meant is not None and meant not in here and folder.name not in sources:
            found.setdefault(meant, folder)
    return [
        SourceCheck(
            source=key,
            location=str(folder),
            present=False,
            files=[],
            completeness=None,
            problems=[
                f"not found, but {folder} looks like it; run: mv {quote(str(folder))} "
                f"{quote(str(data_root / key))}; or give --source-dir {key}={quote(str(folder))} "
                "to every call"
            ],
        )
        for key, folder in found.items()
    ]


def _plain(name: str) -> str:
    """A folder's name without case, marks and a version at its end."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"[-_. ]v?\d+(\.\d+)+$", "", name.lower()))


def _missing_parents(
    checks: Sequence[SourceCheck], sources: Mapping[str, Source]
) -> list[SourceCheck]:
    """Sources that are not there and that some source which is there requires."""
    known = {item.source for item in checks}  # what is wrong with these is told already
    told: dict[str, list[str]] = {}
    for item in checks:
        for parent in sources[item.source].card.requires:
            if parent not in known:
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
