"""Sizes from the headers of coded pictures, without decoding."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from chexinstruct.schema import Frame

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
J2K_MAGIC = b"\xff\x4f\xff\x51"

# Start of frame markers (ITU-T T.81 table B.1): C0..CF but for C4 (Huffman tables), C8 (reserved)
# and CC (arithmetic conditioning); F7 of JPEG-LS (ITU-T T.87 C.1).
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def header_size(source: bytes | BinaryIO) -> Frame | None:
    """(width, height) of a PNG or JPEG, from its first bytes; None for anything else.

    A stream is read from where it stands, as far as needed, and not rewound. EXIF orientation does
    not count: the size is that of the stored pixels, where annotations live.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    start = stream.read(24)
    if start.startswith(PNG_MAGIC) and start[12:16] == b"IHDR" and len(start) == 24:
        width, height = struct.unpack(">II", start[16:])
    elif start.startswith(JPEG_MAGIC):
        _, (width, height) = _jpeg_frame(_Ahead(start[2:], stream)) or (0, (0, 0))
    else:
        return None
    return (width, height) if width and height else None


def codestream(coded: bytes) -> tuple[int, Frame] | None:
    """Kind and (width, height) of a JPEG, JPEG-LS or JPEG 2000 picture, boxed or not.

    The kind is the second byte of the marker that gives the size: start of frame, or SIZ (0x51).
    None for anything else.
    """
    if coded.startswith(JPEG_MAGIC):
        return _jpeg_frame(_Ahead(b"", io.BytesIO(coded[2:])))
    start = coded.find(J2K_MAGIC)
    size = coded[start + 8 : start + 24]
    if start < 0 or len(size) < 16:
        return None
    # SIZ segment (ITU-T T.800 A.5.1): extent of the reference grid, then the offset in it.
    right, bottom, left, top = struct.unpack(">IIII", size)
    return J2K_MAGIC[-1], (right - left, bottom - top)


class _Ahead:
    """A stream with some bytes of it already taken."""

    def __init__(self, taken: bytes, stream: BinaryIO) -> None:
        self._taken = taken
        self._stream = stream

    def read(self, number: int) -> bytes:
        head, self._taken = self._taken[:number], self._taken[number:]
        return head + self._stream.read(number - len(head)) if len(head) < number else head


def _jpeg_frame(stream: _Ahead) -> tuple[int, Frame] | None:
    """Walk the marker segments up to the start of frame (ITU-T T.81 B.1.1.4, B.2.2)."""
    while True:
        if stream.read(1) != b"\xff":
            return None
        marker = b"\xff"
        while marker == b"\xff":  # fill bytes
            marker = stream.read(1)
        head = stream.read(2)
        if not marker or len(head) < 2:
            return None
        length = int.from_bytes(head, "big") - 2
        segment = stream.read(max(length, 0))
        if marker[0] in _START_OF_FRAME and len(segment) >= 5:
            height, width = struct.unpack(">HH", segment[1:5])
            return marker[0], (width, height)
        if length < 0 or len(segment) < length:
            return None
