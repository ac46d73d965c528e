"""Safe, bounded reading of one source's release as its publisher ships it."""

from chexinstruct.release.limits import Limits
from chexinstruct.release.listing import FileInfo
from chexinstruct.release.paths import UnsafePath
from chexinstruct.release.pictures import PictureIndex
from chexinstruct.release.rejects import Reject
from chexinstruct.release.release import Release
from chexinstruct.release.tables import Columns, Row

__all__ = [
    "Columns",
    "FileInfo",
    "Limits",
    "PictureIndex",
    "Reject",
    "Release",
    "Row",
    "UnsafePath",
]
