"""Bounds on what is read from a release."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on untrusted input; the defaults leave room for every release we know.

    Fields of tables are also bound by the csv module's own limit of 131,072 characters.
    """

    file: int = 512 * MIB
    """Bytes of a file, zip member or tar member that is read whole."""
    json: int = 2048 * MIB
    """Bytes of a JSON file, unpacked; some annotation files have several hundred million."""
    line: int = 16 * MIB
    """Characters of a line of text, or of a table's row with its line breaks."""
    xml: int = 64 * MIB
    """Bytes of an XML document."""
    xml_depth: int = 100
    """Elements inside one another."""
    ratio: int = 200
    """Times by which a packed file may grow; asked only past ``ratio_from``."""
    ratio_from: int = 64 * MIB
    """Bytes up to which any growth is harmless, so that blank masks are not taken for bombs."""
