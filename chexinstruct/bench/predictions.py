"""What a run leaves on disk: a line for each answer, and the lock that says how they came about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from chexinstruct.bench.models.contract import Likelihood
from chexinstruct.build.cache import read_json
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema.common import Record

PREDICTIONS = "predictions.jsonl"
RUN_LOCK = "run.lock.json"

Mode = Literal["generate", "likelihood"]


class Prediction(Record, frozen=True, kw_only=True):
    """One line: what became of one question."""

    id: str
    """Of the item."""
    rotation: int = 0
    """The options were shown with so many of the first at the end."""
    item: str
    """Digest of the item."""
    prompt: str
    """Digest of the prompt; empty for baselines."""
    status: Literal["answered", "error"]
    answer: str | None = None
    """As the model gave it."""
    likelihoods: tuple[Likelihood, ...] = ()
    """Of the options, in the order shown."""
    priors: tuple[Likelihood, ...] = ()
    """The same without pictures."""
    credit: float | None = None
    """Of a baseline: what it earns, without an answer."""
    finish: str | None = None
    seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached: bool = False
    error: str | None = None


class RunLock(Record, frozen=True, kw_only=True):
    """How the answers of a run came about."""

    chexinstruct: str
    python: str
    bench: str
    """Folder, as it was named."""
    bench_digest: str
    """Of the items asked."""
    items: int
    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    limit: int | None = None
    model: dict[str, Any]
    mode: Mode = "generate"
    style: str
    style_version: str
    style_digest: str
    dialect: str
    pictures: str = "shown"
    rotations: int = 1
    seed: int = 0
    corpus: str | None = None
    """Folder of the corpus that the model is said to have been trained on."""
    approved: str | None = None
    """What the user said of a host that credentialed items were sent to."""

    def differs(self, other: RunLock) -> list[str]:
        """Names of the fields in which two runs differ, places and versions left out."""
        free = {"chexinstruct", "python", "bench", "approved", "corpus"}
        return [
            name
            for name in self.__struct_fields__
            if name not in free and getattr(self, name) != getattr(other, name)
        ]


def read_lock(run: Path) -> RunLock:
    """The lock of a run.

    Raises:
        CallError: the folder holds no run.
        ChexinstructError: the lock is damaged.
    """
    try:
        lock = read_json(run / RUN_LOCK, RunLock)
    except msgspec.MsgspecError:
        raise ChexinstructError(f"{run / RUN_LOCK}: damaged") from None
    if lock is None:
        raise CallError(f"{run} holds no run: there is no {RUN_LOCK}")
    found: RunLock = lock
    return found


def read_predictions(run: Path) -> dict[tuple[str, int], Prediction]:
    """The last line of each question, by item and rotation. A line that was cut off is no line.

    Raises:
        ChexinstructError: a line is damaged.
    """
    found: dict[tuple[str, int], Prediction] = {}
    decoder = msgspec.json.Decoder(Prediction)
    try:
        data = (run / PREDICTIONS).read_bytes()
    except FileNotFoundError:
        return found
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            one = decoder.decode(line)
        except msgspec.MsgspecError:
            raise ChexinstructError(f"{run / PREDICTIONS}, line {number}: damaged") from None
        found[one.id, one.rotation] = one
    return found


@contextmanager
def appending(run: Path) -> Iterator[BinaryIO]:
    """The predictions, opened at the end of their last whole line."""
    path = run / PREDICTIONS
    path.touch(mode=0o600)
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0, 2)
        yield file


def append(file: BinaryIO, prediction: Prediction) -> None:
    """One line more; it outlives the process from here on."""
    file.write(msgspec.json.encode(prediction) + b"\n")
    file.flush()
