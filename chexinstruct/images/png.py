"""8-bit grey PNG by a faster decoder, where the ``[fast]`` extra is installed.

The decoder of ``kornia-rs`` gives the same pixels as Pillow in a third of the time. It is asked for
plain grey files alone, and Pillow reads whatever it refuses, so that with and without it a corpus
has the same bytes.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from chexinstruct.headers import PNG_MAGIC

HAS_FAST = find_spec("kornia_rs") is not None

_GREY = bytes((8, 0, 0, 0, 0))
"""Of IHDR: 8 bits, grey, deflate, the five filters, not interlaced."""


def decode_grey(data: bytes) -> npt.NDArray[np.uint8] | None:
    """The pixels (height, width) of an 8-bit grey PNG file; None: let Pillow read the file.

    Args:
        data: the file, whose size in pixels has been found fit to decode.
    """
    if not HAS_FAST or not data.startswith(PNG_MAGIC) or data[24:29] != _GREY:
        return None
    from kornia_rs.io import decode_image_png_u8

    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    try:
        pixels: npt.NDArray[np.uint8] = decode_image_png_u8(data, (height, width), "mono")
    except Exception:  # whatever it is, Pillow tells what is wrong with the file
        return None
    return pixels[..., 0]
