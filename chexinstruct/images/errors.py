"""The one error of this room, with the reasons that the ledger counts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image

from chexinstruct.errors import ChexinstructError

Reason = Literal[
    "empty_file",
    "not_an_image",
    "unsupported_format",
    "unsupported_transfer_syntax",
    "unsupported_photometric",
    "unsupported_bit_depth",
    "invalid_header",
    "no_pixel_data",
    "multi_frame",
    "oversized_image",
    "truncated_image",
    "undecodable_image",
]


class BadImage(ChexinstructError):
    """A file that cannot be turned into a picture.

    ``reason`` is the word the ledger counts. The message is one line and quotes nothing of the
    file but sizes and format names; the caller knows the path and puts it in front.
    """

    def __init__(self, reason: Reason, problem: str) -> None:
        super().__init__(reason, problem)  # both, so that the error can be pickled
        self.reason: Reason = reason
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


@contextmanager
def decoding(what: str, otherwise: Reason) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into :class:`BadImage`.

    Decoders raise nearly every kind of exception on damaged files, so all are caught, but for
    MemoryError, which tells of the machine and not of the file. Their messages are not passed on:
    they may quote header values of a patient.

    Args:
        what: what was being read, for the message.
        otherwise: the reason, unless the exception tells of truncation or size.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are read all the same
            yield
    except (BadImage, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise BadImage("oversized_image", f"{what} has too many pixels") from error
    except Exception as error:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise BadImage("truncated_image", f"{what} ends too early") from error
        raise BadImage(
            otherwise, f"{what} cannot be read (the decoder raised {type(error).__name__})"
        ) from error
