"""Storage that fails and recovers: what counts as such a failure, and how long it is waited for."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from chexinstruct.errors import ChexinstructError

T = TypeVar("T")

TRIES = 5
FIRST_WAIT = 0.5
"""Seconds before the second try; each further wait is twice as long, so 7.5 s in all, beside what
the client of a store waits by itself."""

_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        *("EAGAIN", "EBUSY", "EIO", "ESTALE", "ETIMEDOUT", "EREMOTEIO"),
        *("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOTCONN"),
        *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETRESET", "ENETUNREACH"),
    )
    if hasattr(errno, name)
)
"""Errors of network file systems (NFS: EIO, ESTALE, ETIMEDOUT) and sockets; s3fs gives EBUSY for
SlowDown and EIO for an internal error of the store."""
_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Of HTTP (RFC 9110, 6585, 8470): the request may be right, and fail for what will pass."""
_CLIENTS = frozenset(
    {
        *("ClientConnectionError", "ClientPayloadError"),  # aiohttp
        *("HTTPClientError", "IncompleteReadError", "ResponseStreamingError"),  # botocore
        *("ChunkedEncodingError", "ConnectionError", "Timeout"),  # requests
        *("HTTPException", "IncompleteRead"),  # http.client
    }
)
"""Errors of HTTP clients that are no OSError, by name: which client is there is for fsspec to
say."""


class StorageError(ChexinstructError):
    """Storage failed again and again; nothing of what it holds is known to be wrong."""


class Short(ConnectionError):
    """Fewer bytes came than the store had told of."""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may do well a moment later."""
    seen: BaseException | None = error
    while seen is not None and seen.__cause__ is not None and _status(seen) is None:
        seen = seen.__cause__
    if seen is not None and (status := _status(seen)) is not None:
        return status in _STATUSES  # s3fs gives EIO for every refusal that it has no name for
    seen = error
    while seen is not None:
        if isinstance(seen, (TimeoutError, ConnectionError)):
            return True
        if isinstance(seen, OSError) and seen.errno in _PASSING:
            return True
        if any(c.__name__ in _CLIENTS for c in type(seen).__mro__):
            return True
        seen = seen.__cause__
    return False


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error of a client tells of."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        found = getattr(error, "status", None) or getattr(error, "code", None)
        found = found or getattr(response, "status_code", None)
    return int(found) if str(found).isdecimal() else None


def waits() -> Iterator[float]:
    """Seconds to wait after each failure but the last.

    Each process has up to a quarter of its own, so that the workers of a build do not all come back
    at once.
    """
    own = 1 - os.getpid() % 64 / 256
    for step in range(TRIES - 1):
        yield FIRST_WAIT * 2**step * own


def tried(call: Callable[[], T], what: str) -> T:
    """What the call gives, tried again while storage fails.

    Args:
        call: may be made twice.
        what: the file, and whose it is, for the message.

    Raises:
        StorageError: it failed :data:`TRIES` times. The message names the kind of error only, for
            that of a client may quote addresses with a signature.
        Exception: any other error of the call, at once.
    """
    for wait in waits():
        try:
            return call()
        except Exception as error:
            if not is_transient(error):
                raise
        time.sleep(wait)
    try:
        return call()
    except Exception as error:
        if not is_transient(error):
            raise
        raise failing(error, what) from error


def failing(error: BaseException, what: str) -> StorageError:
    """The error of storage that did not recover."""
    number = getattr(error, "errno", None)
    kind = errno.errorcode.get(number, "") if isinstance(number, int) else ""
    told = f"{type(error).__name__} {kind}".strip()
    return StorageError(
        f"{what}: the storage failed {TRIES} times ({told}); run the same command again when it is "
        "back, what is finished is kept"
    )
