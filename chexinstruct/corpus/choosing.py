"""Which rows of a file stay, told by columns that hold no pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.corpus.conditions import Condition
from chexinstruct.corpus.files import CorpusFile, picture_releases
from chexinstruct.corpus.licensing import COLUMNS, leaving
from chexinstruct.corpus.narrowing import Masks, masks_of
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import LicenseClass
from chexinstruct.schema.lock import Withdrawn
from chexinstruct.source import Source

KINDS = ("rows", "studies", "pictures", "patients")
"""What a line of a list of withdrawals may name, in the order of counting."""


class Withdrawals:
    """A list of what must go, and what of it was found.

    Args:
        path: one name a line; empty lines and lines that start with ``#`` are passed over.

    Raises:
        CallError: there is no such file, or it names nothing.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise CallError(f"{path}: not there, or no text in UTF-8") from None
        self.path = path
        self.names = sorted({s for line in lines if (s := line.strip()) and s[0] != "#"})
        if not self.names:
            raise CallError(f"{path}: names nothing to exclude")
        self._names = pa.array(self.names, pa.string())
        self._found: dict[str, set[str]] = {kind: set() for kind in KINDS}

    columns = ("id", "source", "study_id", "image_ids", "patient")

    def spared(self, rows: pa.Table, file: CorpusFile, sources: Mapping[str, Source]) -> pa.Array:
        """Which rows nothing of the list names."""
        study = pc.binary_join_element_wise(rows["source"], rows["study_id"], "/")
        named = pa.array([False] * len(rows))
        for kind, names in (
            ("rows", rows["id"]),
            ("studies", study),
            ("patients", rows["patient"]),
        ):
            hit = pc.is_in(names, value_set=self._names)
            self._found[kind].update(pc.unique(names.filter(hit)).to_pylist())
            named = pc.or_(named, _flat(hit))
        lists = _flat(rows["image_ids"])
        parents, pictures = pc.list_parent_indices(lists), pc.list_flatten(lists)
        for release in picture_releases(file.source, sources):
            names = pc.binary_join_element_wise(pa.scalar(release), pictures, "/")
            hit = pc.is_in(names, value_set=self._names)
            self._found["pictures"].update(pc.unique(names.filter(hit)).to_pylist())
            of_row = pc.is_in(
                pa.array(range(len(rows)), pa.int64()),
                value_set=pc.unique(parents.filter(hit)).cast(pa.int64()),
            )
            named = pc.or_(named, of_row)
        return pc.invert(named)

    def account(self) -> Withdrawn:
        """For the lock: the list by its digest, since it names people."""
        text = "\n".join(self.names)
        return Withdrawn(
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            names=len(self.names),
            found={kind: len(names) for kind, names in self._found.items()},
            unknown=len(self.unknown()),
        )

    def unknown(self) -> list[str]:
        """Names of which the rows that were looked at know nothing."""
        return sorted(set(self.names).difference(*self._found.values()))


@dataclass
class Choice:
    """Which rows are asked for, all conditions at once; empty ones let every row through."""

    sources: Mapping[str, Source]
    redistributable: bool = False
    licenses: Sequence[str] = ()
    languages: Sequence[str] = ()
    views: Sequence[str] = ()
    findings: Sequence[str] = ()
    withdrawals: Withdrawals | None = None
    condition: Condition | None = None
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.licenses:
            if name not in get_args(LicenseClass):
                raise CallError(
                    f"no licence class {name!r}; there are open, registered, credentialed"
                )

    @property
    def reason(self) -> str | None:
        """Under which examples that go are counted: the one condition, or ``filtered``."""
        asked = [
            reason
            for reason, is_asked in (
                ("not_redistributable", self.redistributable),
                ("other_license", self.licenses),
                ("other_language", self.languages),
                ("other_view", self.views),
                ("other_finding", self.findings),
                ("withdrawn", self.withdrawals),
                ("other_condition", self.condition),
            )
            if is_asked
        ]
        return asked[0] if len(asked) == 1 else "filtered" if asked else None

    def masks(self, file: CorpusFile) -> Masks:
        """Which rows of a file stay, by row group.

        Raises:
            ChexinstructError: the file cannot be read.
        """
        columns = dict.fromkeys(["id"])
        if self.redistributable:
            columns |= dict.fromkeys(COLUMNS)
        columns |= dict.fromkeys(
            name
            for name, asked in (("license", self.licenses), ("language", self.languages))
            if asked
        )
        if self.views or self.findings:
            columns |= {"metadata": None}
        columns |= dict.fromkeys(self.withdrawals.columns if self.withdrawals else ())
        columns |= dict.fromkeys(self.condition.columns if self.condition else ())
        return masks_of(file.path, list(columns), lambda rows: self._keep(rows, file))

    def _keep(self, rows: pa.Table, file: CorpusFile) -> pa.ChunkedArray:
        masks: list[pa.Array] = []
        if self.redistributable:
            masks.append(leaving(rows, self.sources))
        if self.licenses:
            masks.append(pc.is_in(rows["license"], value_set=_texts(self.licenses)))
        if self.languages:
            masks.append(self._among("language", rows["language"], self.languages))
        if self.findings:
            found = pc.struct_field(rows["metadata"], "finding")
            masks.append(self._among("finding", found, self.findings))
        if self.views:
            masks.append(self._of_views(_flat(pc.struct_field(rows["metadata"], "views"))))
        if self.withdrawals:
            masks.append(self.withdrawals.spared(rows, file, self.sources))
        if self.condition:
            masks.append(self.condition.holds(rows))
        every = pa.array([True] * len(rows))
        for mask in masks:
            every = pc.and_(every, pc.fill_null(_flat(mask), False))
        return pa.chunked_array([every], pa.bool_())

    def _among(self, what: str, values: pa.ChunkedArray, asked: Sequence[str]) -> pa.ChunkedArray:
        self._seen.setdefault(what, set()).update(pc.unique(values).to_pylist())
        return pc.is_in(values, value_set=_texts(asked))

    def _of_views(self, lists: pa.ListArray) -> pa.Array:
        """Rows with pictures, each of them of a projection that is asked for."""
        views, parents = pc.list_flatten(lists), pc.list_parent_indices(lists)
        other = pc.invert(self._among("view", views, self.views))
        strange = pc.unique(parents.filter(other)).cast(pa.int64())
        of_row = pc.is_in(pa.array(range(len(lists)), pa.int64()), value_set=strange)
        return pc.and_(pc.greater(pc.list_value_length(lists), 0), pc.invert(of_row))

    def check_names(self, corpus: Path) -> None:
        """After all files: whether every name that was asked for stands in some row.

        Raises:
            CallError: one does not; those that do are listed.
        """
        for what, asked in (
            ("language", self.languages),
            ("view", self.views),
            ("finding", self.findings),
        ):
            seen = self._seen.get(what, set())
            for name in asked:
                if name not in seen:
                    held = ", ".join(sorted(filter(None, seen))) or "none at all"
                    raise CallError(f"{corpus} has no rows of {what} {name!r}; it has {held}")
        if self.withdrawals and len(self.withdrawals.unknown()) == len(self.withdrawals.names):
            raise CallError(
                f"{self.withdrawals.path}: {corpus} knows none of its names. Write ids of rows, "
                "source/study, source/picture or patient digests, one a line"
            )


def _texts(values: Sequence[str]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array of one or several."""
    if not isinstance(values, pa.ChunkedArray):
        return values
    joined = values.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):  # of no rows, or too large for one
        if len(joined):
            raise ChexinstructError("a row group is too large to be looked at")
        return pa.array([], joined.type)
    return joined
