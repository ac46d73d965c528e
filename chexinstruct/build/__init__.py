"""The builder: stages from releases to a sealed corpus."""

from chexinstruct.build.missing import MissingPictures
from chexinstruct.build.pipeline import build
from chexinstruct.build.setting import BuildOptions

__all__ = ["BuildOptions", "MissingPictures", "build"]
