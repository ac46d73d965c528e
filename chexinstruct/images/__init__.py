"""Any picture of a release to the normalised 8-bit picture, and where places lie in it."""

from chexinstruct.images.errors import BadImage, Reason
from chexinstruct.images.geometry import matches, output_size, to_unit
from chexinstruct.images.normalised import ImageSettings, Normalised, normalise
from chexinstruct.images.tone import UNTOLD, Told

__all__ = [
    "UNTOLD",
    "BadImage",
    "ImageSettings",
    "Normalised",
    "Reason",
    "Told",
    "matches",
    "normalise",
    "output_size",
    "to_unit",
]
