"""The link stage: the same pictures in two sources that no id brings together.

For each pair of sources whose cards declare an overlap that only pixels can show, or that ids
should show and do not, every picture of one is compared with every picture of the other, as
:mod:`chexinstruct.likeness` does it, on the normalised pictures; the persons of two copies are one
person to the people stage.

The normalised pictures are those of the pictures stage, which finds them made. Prints are kept by
the digests of what they were made of, and matches by the digests of all that was compared, so a
picture that has changed is looked at anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import code_digest, digest, once, whole_file
from chexinstruct.build.inputs import Inputs
from chexinstruct.build.ledger import COMPARING, LIBRARIES, library_versions
from chexinstruct.build.missing import Missing, refuse_missing
from chexinstruct.build.people import Number, Ties, persons_by_ids
from chexinstruct.build.pictures import Stored, normalise_all, open_shelf
from chexinstruct.build.references import read_reference, write_reference
from chexinstruct.build.setting import Setting
from chexinstruct.build.studies import Loaded, StudyTable, open_studies
from chexinstruct.likeness import (
    CORRELATION,
    SIDE,
    WORDS,
    Thumbs,
    correlations,
    hashes_of,
    near,
    picture_print,
)
from chexinstruct.schema.lock import Link
from chexinstruct.source import Source

PRINTS = pa.schema(
    [
        pa.field("sha256", pa.string()),
        pa.field("hash", pa.binary(8 * WORDS)),
        pa.field("thumb", pa.binary(SIDE * SIDE)),
    ]
)
"""Hash and thumb are null for a picture that shows nothing."""

MATCHES = pa.schema(
    [
        pa.field("study", pa.string()),
        pa.field("picture", pa.string()),
        pa.field("other_study", pa.string()),
        pa.field("other_picture", pa.string()),
        pa.field("bits", pa.int32()),
        pa.field("correlation", pa.float64()),
        pa.field("equal", pa.bool_()),
        pa.field("row", pa.int32()),
        pa.field("other_row", pa.int32()),
    ]
)
"""Copies: whose they are, how much they differ, and rows of the study tables."""
READ_BY_PEOPLE = MATCHES.names[:-2]
"""The columns that mean something outside the build."""

MISSING, PLAIN = "missing_file", "plain_picture"
"""Reasons for which a picture is not compared, besides those of pictures that cannot be read."""

_DIGITS = 2
"""Of a digest, by which prints are put into files."""
_CONFIRMED_AT_ONCE = 1024


@dataclass(frozen=True)
class Linked:
    """What the pixels say of all pairs of sources that were compared."""

    ties: list[Ties]
    accounts: list[Link]
    matches: dict[str, pa.Table]
    """By the names of both sources, joined with a hyphen: the copies (MATCHES)."""

    @classmethod
    def none(cls) -> Linked:
        """Nothing was compared."""
        return cls([], [], {})


def pairs_to_compare(
    ids: Mapping[str, Number], sources: Mapping[str, Source]
) -> list[tuple[str, str]]:
    """The pairs of sources that share people whom only pixels can show.

    A card says so; or it says that ids bring the people together and none does, since a list that
    tells whose pictures they are is not in the release.

    Args:
        ids: person of each study, by source, as ids tell.
        sources: the registry.
    """
    pairs = set()
    for key in ids:
        for overlap in sources[key].card.overlaps:
            if overlap.source not in ids or overlap.by not in ("pixels", "people"):
                continue
            if overlap.by == "people" and np.isin(ids[key], ids[overlap.source]).any():
                continue
            pairs.add((min(key, overlap.source), max(key, overlap.source)))
    return sorted(pairs)


def link(setting: Setting, inputs: Inputs, loaded: Mapping[str, Loaded]) -> Linked:
    """Compare the pictures of all pairs that ask for it.

    All pictures of a source are compared, whatever the limits of the manifest: who is who must not
    depend on them.

    Raises:
        MissingPictures: before anything is decoded, if missing pictures are not to be skipped.
        ChexinstructError: more pictures than expected cannot be read.
    """
    tables = {name: open_studies(said.table) for name, said in loaded.items()}
    pairs = pairs_to_compare(persons_by_ids(tables, setting.cache), setting.sources)
    listed = {name: _listed(tables[name], name) for name in sorted({*chain(*pairs)})}
    pairs = [pair for pair in pairs if all(listed[name].missing.pictures for name in pair)]
    names = sorted({*chain(*pairs)})
    listed = {name: listed[name] for name in names}
    refuse_missing(
        setting,
        {name: said.missing for name, said in listed.items() if name in inputs.asked},
    )
    pictured = normalise_all(
        setting, [said.references for said in listed.values()], inputs.locations
    )
    albums = {name: _album(setting, listed[name], str(pictured.shelf)) for name in names}
    linked = Linked.none()
    for pair in pairs:
        one, other = (albums[name] for name in pair)
        matches = _matches(setting, pair, one, other)
        rows = np.stack([matches[name].to_numpy() for name in ("row", "other_row")], axis=1)
        linked.ties.append(Ties(pair, rows))
        linked.matches["-".join(pair)] = matches
        linked.accounts.append(
            Link(
                sources=list(pair),
                compared=[len(one.rows), len(other.rows)],
                not_compared=[one.not_compared, other.not_compared],
                matches=len(matches),
                equal=int(np.count_nonzero(matches["equal"].to_numpy(zero_copy_only=False))),
            )
        )
    return linked


@dataclass(frozen=True)
class _Listed:
    """The pictures that the studies of a source name, those at hand apart."""

    rows: list[int]
    """Of the study table."""
    studies: list[str]
    names: list[str]
    references: list[str]
    missing: Missing


def _listed(table: StudyTable, source: str) -> _Listed:
    named = [(row, study.id, image) for row, study in enumerate(table) for image in study.images]
    here = [entry for entry in named if entry[2].path is not None]
    absent = [image.key for _, _, image in named if image.path is None]
    return _Listed(
        [row for row, _, _ in here],
        [study for _, study, _ in here],
        [image.key for _, _, image in here],
        [write_reference(image, source) for _, _, image in here],
        Missing(len(named), len(absent), absent[0] if absent else None),
    )


@dataclass(frozen=True)
class _Album:
    """The pictures of a source that can be compared, in the order of its studies."""

    rows: npt.NDArray[np.int32]
    studies: list[str]
    names: list[str]
    sums: list[str]
    """SHA-256 of the normalised pictures."""
    prints: pa.Table
    at: npt.NDArray[np.int64]
    """For each picture its row of the prints."""
    not_compared: dict[str, int]

    def hashes(self) -> npt.NDArray[np.uint64]:
        chosen = self.prints["hash"].take(pa.array(self.at)).to_pylist()
        return hashes_of(b"".join(chosen))

    def thumbs(self, pictures: npt.NDArray[np.int64]) -> Thumbs:
        chosen = self.prints["thumb"].take(pa.array(self.at[pictures])).to_pylist()
        return np.frombuffer(b"".join(chosen), dtype=np.uint8).reshape(-1, SIDE, SIDE)


def _album(setting: Setting, listed: _Listed, shelf: str) -> _Album:
    """Make the prints of a source that are not in the cache, and open them all."""
    lost = Counter[str]()
    if listed.missing.missing:
        lost[MISSING] = listed.missing.missing
    sums: list[str | None] = []
    places: dict[str, tuple[str, str]] = {}
    for named in listed.references:
        release, path, *_ = read_reference(named)
        sums.append(open_shelf(shelf).sha256(release, path))
        if sums[-1] is None:
            lost[str(open_shelf(shelf).get(release, path))] += 1
        else:
            places.setdefault(sums[-1], (release, path))
    prints = _prints(setting, places, shelf)
    known = {
        name: row
        for row, (name, hash) in enumerate(
            zip(prints["sha256"].to_pylist(), prints["hash"].is_valid().to_pylist(), strict=True)
        )
        if hash
    }
    kept = [i for i, name in enumerate(sums) if name in known]
    if plain := sum(name is not None for name in sums) - len(kept):
        lost[PLAIN] = plain
    ours = [str(sums[i]) for i in kept]
    return _Album(
        rows=np.array([listed.rows[i] for i in kept], dtype=np.int32),
        studies=[listed.studies[i] for i in kept],
        names=[listed.names[i] for i in kept],
        sums=ours,
        prints=prints,
        at=np.array([known[name] for name in ours], dtype=np.int64),
        not_compared=dict(sorted(lost.items())),
    )


@dataclass(frozen=True)
class PrintJob:
    """Make the prints of some normalised pictures."""

    file: str
    shelf: str
    pictures: tuple[tuple[str, str, str], ...]
    """SHA-256, release and path of each."""


def make_prints(job: PrintJob) -> None:
    """Write the file of the prints."""
    shelf = open_shelf(job.shelf)
    prints = []
    for _, release, path in job.pictures:
        stored = shelf.get(release, path)
        assert isinstance(stored, Stored)
        prints.append(picture_print(stored.data))
    columns = (
        [name for name, _, _ in job.pictures],
        [p and p.hash for p in prints],
        [p and p.thumb for p in prints],
    )
    arrays = [pa.array(c, f.type) for c, f in zip(columns, PRINTS, strict=True)]
    with whole_file(Path(job.file)) as draft:
        _write(draft, pa.table(arrays, schema=PRINTS))


def _prints(setting: Setting, places: Mapping[str, tuple[str, str]], shelf: str) -> pa.Table:
    """The prints of some pictures.

    They lie in files by the first digits of their digests, so that few files change when a picture
    comes or goes.

    Args:
        setting: of the build.
        places: SHA-256 -> release and path.
        shelf: that holds the pictures.
    """
    buckets: dict[str, list[tuple[str, str, str]]] = {}
    for name, (release, path) in sorted(places.items()):
        buckets.setdefault(name[:_DIGITS], []).append((name, release, path))
    files = {
        digest([name for name, _, _ in items], _made_by()): tuple(items)
        for items in buckets.values()
    }
    home = setting.cache / "prints"
    jobs = [PrintJob(str(home / f"{name}.arrow"), shelf, items) for name, items in files.items()]
    for _ in setting.run("prints", make_prints, [j for j in jobs if not Path(j.file).exists()]):
        pass
    return pa.concat_tables([PRINTS.empty_table(), *(_open(Path(job.file)) for job in jobs)])


def _made_by() -> tuple[str, dict[str, str]]:
    code = code_digest("chexinstruct.likeness", "chexinstruct.build.link")
    return code, library_versions((*LIBRARIES, *COMPARING))


def _matches(setting: Setting, pair: tuple[str, str], one: _Album, other: _Album) -> pa.Table:
    """The copies of two sources (MATCHES), from the cache where the same was compared before."""
    compared = [(a.studies, a.names, a.sums, a.rows.tolist()) for a in (one, other)]
    name = f"{'-'.join(pair)}-{digest(compared, _made_by())}.arrow"
    file = once(setting.cache / "links" / name, partial(_compare, one=one, other=other))
    return _open(file)


def _compare(path: Path, *, one: _Album, other: _Album) -> None:
    candidates = near(one.hashes(), other.hashes())
    alike = [np.empty(0)]
    for start in range(0, len(candidates.one), _CONFIRMED_AT_ONCE):
        part = slice(start, start + _CONFIRMED_AT_ONCE)
        thumbs = one.thumbs(candidates.one[part]), other.thumbs(candidates.other[part])
        alike.append(correlations(*thumbs))
    correlation = np.concatenate(alike)
    kept = np.flatnonzero(correlation >= CORRELATION)
    left, right = candidates.one[kept].tolist(), candidates.other[kept].tolist()
    columns = (
        [one.studies[i] for i in left],
        [one.names[i] for i in left],
        [other.studies[j] for j in right],
        [other.names[j] for j in right],
        candidates.bits[kept],
        correlation[kept].round(3),
        [one.sums[i] == other.sums[j] for i, j in zip(left, right, strict=True)],
        one.rows[left],
        other.rows[right],
    )
    arrays = [pa.array(c, f.type) for c, f in zip(columns, MATCHES, strict=True)]
    _write(path, pa.table(arrays, schema=MATCHES))


def _open(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
