"""The builder: stages from releases to a sealed corpus."""

from chexinstruct.build.ledger import Line, Lock, SourceAccount
from chexinstruct.build.pipeline import MissingPictures, build
from chexinstruct.build.setting import BuildOptions
from chexinstruct.build.shards import Shard

__all__ = ["BuildOptions", "Line", "Lock", "MissingPictures", "Shard", "SourceAccount", "build"]
