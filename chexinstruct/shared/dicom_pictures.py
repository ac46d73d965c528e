"""Pictures as their DICOM headers describe them, for releases without a table that does."""

from __future__ import annotations

from collections.abc import Mapping

from chexinstruct.schema import Image
from chexinstruct.vocabulary import view

TAGS = ("Rows", "Columns", "ViewPosition")
"""The attributes that :func:`described` reads (PS3.3 C.7.6.3, C.8.1.1)."""


def described(key: str, path: str | None, header: Mapping[str, str]) -> Image:
    """The picture with its size in pixels and its projection.

    Args:
        key: of the picture.
        path: of its file, if it is there.
        header: :data:`TAGS` as :meth:`chexinstruct.release.Release.dicom_text` gives them, blank
            where there is no DICOM file or it does not say.
    """
    width, height = header["Columns"], header["Rows"]
    name = header["ViewPosition"]
    return Image(
        key=key,
        path=path,
        width=int(width) if width else None,
        height=int(height) if height else None,
        view=view(name),
        view_name=name or None,
        view_source="header" if name else None,
    )
