"""The builder: stages from releases to a sealed corpus."""

from chexinstruct.build.listing import ListedPicture, Listing, list_pictures
from chexinstruct.build.missing import MissingPictures
from chexinstruct.build.pipeline import build
from chexinstruct.build.setting import BuildOptions

__all__ = [
    "BuildOptions",
    "ListedPicture",
    "Listing",
    "MissingPictures",
    "build",
    "list_pictures",
]
