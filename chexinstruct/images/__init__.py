"""Any picture of a release to the normalised 8-bit picture, and where places lie in it."""

from chexinstruct.images.errors import BadImage, Reason
from chexinstruct.images.geometry import matches, output_size, to_unit
from chexinstruct.images.normalised import ImageSettings, Normalised, normalise

__all__ = [
    "BadImage",
    "ImageSettings",
    "Normalised",
    "Reason",
    "matches",
    "normalise",
    "output_size",
    "to_unit",
]
