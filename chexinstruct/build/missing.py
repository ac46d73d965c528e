"""Pictures that studies name and the release does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chexinstruct.build.setting import Setting
from chexinstruct.errors import ChexinstructError


class MissingPictures(ChexinstructError):
    """Pictures that studies name are not in the release."""


class Missing(NamedTuple):
    """The pictures of a source that are not there."""

    pictures: int
    """Named by its studies."""
    missing: int
    """Of them."""
    first: str | None


def refuse_missing(setting: Setting, found: Mapping[str, Missing]) -> None:
    """Stop the build where pictures are missing, unless they are not wanted or may be skipped.

    Args:
        setting: of the build.
        found: by source.

    Raises:
        MissingPictures: all sources told at once.
    """
    if not setting.rules.pictures or setting.options.on_missing_image == "skip":
        return
    told = [
        f"{key}: {item.missing:,} of {item.pictures:,} pictures are not in the "
        f"release, the first {item.first}"
        for key, item in found.items()
        if item.missing
    ]
    if told:
        raise MissingPictures(
            "; ".join(told) + "; --on-missing-image skip builds without them, counted"
        )
