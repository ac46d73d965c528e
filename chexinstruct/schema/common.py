"""Words that every part of the schema uses."""

from __future__ import annotations

from typing import Literal

import msgspec

Split = Literal["train", "validation", "test"]
"""The Hub's names of the splits."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

LicenseClass = Literal["open", "registered", "credentialed"]
"""How a user gets a release: without an account, with one, or with training and a signed DUA."""

Redistribution = Literal["yes", "unknown", "no"]
"""Whether copies of the release, or texts and pictures made from it, may be passed on."""


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,  # records hold no cycles, and there are millions of them
):
    """Base of everything in the schema: immutable, named fields, validated when decoded."""


class Origin(Record, frozen=True, kw_only=True):
    """Where in the release a record was read."""

    file: str
    """Path inside the release, POSIX separators."""
    row: int | None = None
    """Line of the file, counted from 1 with the header, where the file has rows."""
