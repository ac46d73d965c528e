"""Whether a file is DICOM, told without the libraries that read it."""

from __future__ import annotations


def has_magic(data: bytes) -> bool:
    """Whether the file has the preamble of DICOM files (PS3.10 7.1)."""
    return data[128:132] == b"DICM"


def is_dicom(data: bytes) -> bool:
    """Whether the file is DICOM: by its magic, or as a data set written without the file header."""
    if has_magic(data):
        return True
    # A bare data set begins with the file meta group or the identifying group, little endian.
    group, first = data[:2], data[2:4]
    if group not in (b"\x02\x00", b"\x08\x00") or len(data) < 132 or first[1:] != b"\x00":
        return False
    vr, length = data[4:6], int.from_bytes(data[4:8], "little")
    return (vr.isalpha() and vr.isupper()) or length < len(data)
