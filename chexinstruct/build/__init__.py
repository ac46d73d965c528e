"""The builder: stages from releases to a sealed corpus."""

from chexinstruct.build.listing import ListedPicture, Listing, list_pictures
from chexinstruct.build.missing import MissingPictures
from chexinstruct.build.parts import Share
from chexinstruct.build.pipeline import build, build_part
from chexinstruct.build.planning import Plan, plan
from chexinstruct.build.setting import BuildOptions, Part

__all__ = [
    "BuildOptions",
    "ListedPicture",
    "Listing",
    "MissingPictures",
    "Part",
    "Plan",
    "Share",
    "build",
    "build_part",
    "list_pictures",
    "plan",
]
