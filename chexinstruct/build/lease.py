"""Who works on a corpus of a remote store, where no kernel can hold a lock.

Everybody first writes an object of its own and then lists those of others. Stores whose listings
show every write that has ended (S3, GCS, MinIO) cannot let two of them miss each other; two that
begin at once may both be refused. The object is written again while the build runs, and one that
was not for :data:`GONE` seconds, by the clock of the store, is of a build that was killed. A build
that sleeps for longer and wakes is not kept from going on.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from chexinstruct.build.remote import Bucket
from chexinstruct.errors import CallError, ChexinstructError

if TYPE_CHECKING:
    from chexinstruct.build.setting import Part

LEASES = ".build/leases"
BEAT = 60.0
"""Seconds between two signs of life."""
GONE = 300.0
"""Seconds without one, after which a build counts as killed."""


class Lease(msgspec.Struct, frozen=True):
    """What an object of a build says."""

    host: str
    process: int
    part: str | None
    """``K/N``; None: the whole corpus."""


@contextmanager
def leased(bucket: Bucket, part: Part | None) -> Iterator[None]:
    """Hold a corpus for one build, or for one part beside other parts.

    Raises:
        CallError: somebody else holds it.
    """
    asked = f"{part.number}/{part.of}" if part else None
    lease = Lease(socket.gethostname(), os.getpid(), asked)
    name = f"{LEASES}/{uuid.uuid4().hex}.json"
    content = msgspec.json.encode(lease)
    bucket.write(name, content)
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(BEAT):
            with suppress(ChexinstructError):  # the next beat may do
                bucket.write(name, content)

    beating = threading.Thread(target=live, daemon=True)
    try:
        _refuse(bucket, name, asked)
        beating.start()
        yield
    finally:
        ended.set()
        if beating.is_alive():
            beating.join()
        bucket.remove([name])


def _refuse(bucket: Bucket, mine: str, asked: str | None) -> None:
    """Remove what killed builds have left, and give way to those that live."""
    times = bucket.times(LEASES)
    others = bucket.get_all(name for name in times if name != mine)
    for name, content in others.items():
        lease = msgspec.json.decode(content, type=Lease)
        age = (times[mine] - times[name]).total_seconds()
        if age > GONE or _was_here(lease):
            bucket.remove([name])
        elif asked is None or lease.part in (None, asked):
            who = f"part {lease.part} of a build" if lease.part else "another build"
            raise CallError(
                f"{who} ({lease.host}, process {lease.process}) is writing to {bucket.shown}; wait "
                f"for it to end, or, if it was killed, for {GONE / 60:g} minutes"
            )


def _was_here(lease: Lease) -> bool:
    """Whether it was a process of this machine that has ended."""
    if lease.host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(lease.process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
