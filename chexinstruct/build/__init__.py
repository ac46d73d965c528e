"""The builder: stages from releases to a sealed corpus.

The names are looked up when they are asked for: workers import this package too, and need few of
its modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chexinstruct.build.builds import build, build_part
    from chexinstruct.build.listing import ListedPicture, Listing, list_pictures
    from chexinstruct.build.missing import MissingPictures
    from chexinstruct.build.parts import Share
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

_HOMES = {
    "builds": ("build", "build_part"),
    "listing": ("ListedPicture", "Listing", "list_pictures"),
    "missing": ("MissingPictures",),
    "parts": ("Share",),
    "planning": ("Plan", "plan"),
    "setting": ("BuildOptions", "Part"),
}
"""By module: what it gives."""


def __getattr__(name: str) -> Any:
    """A name of ``__all__``, from its module (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
