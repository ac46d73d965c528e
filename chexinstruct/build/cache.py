"""Cache keys, and files that stand under their final name only when they are whole."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import platformdirs
from xxhash import xxh3_128, xxh3_128_hexdigest

from chexinstruct.places import local_only


def digest(*parts: object) -> str:
    """A key from values that JSON can write (models included); equal values give equal keys."""
    return xxh3_128_hexdigest(msgspec.json.encode(parts, order="deterministic"))


def array_digest(*arrays: npt.NDArray[Any]) -> str:
    """A key from arrays, without a copy of them."""
    state = xxh3_128()
    for array in arrays:
        state.update(f"{array.dtype}{array.shape}".encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """Of the bytes of a file, a piece in memory at a time."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, xxh3_128).hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Of the source files of modules and packages, by dotted name; changes when the code does."""
    state = xxh3_128()
    for name in modules:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(name)
        origin = Path(spec.origin)
        inside = spec.submodule_search_locations
        for path in sorted(origin.parent.rglob("*.py")) if inside else [origin]:
            state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()


def default_cache() -> Path:
    """The user's own cache folder, or ``$CHEXINSTRUCT_CACHE``."""
    chosen = os.environ.get("CHEXINSTRUCT_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("chexinstruct"))


def local_cache(path: Path) -> Path:
    """The cache folder, which is no URL: stages map its tables into memory.

    Raises:
        CallError: it is a URL.
    """
    return local_only(
        path,
        "the cache",
        "its tables are mapped into memory, so give a fast disk with --cache, best one that the "
        "parts of a build share",
    )


def cache_folder(chosen: Path | None) -> Path:
    """The cache of a build; None: the user's own.

    Raises:
        CallError: it is a URL.
    """
    return private_folder(local_cache(chosen or default_cache()))


def private_folder(path: Path) -> Path:
    """The folder, made readable by its owner alone: it may hold credentialed text."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the final name when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Parts of a build on several machines write to one cache, and may have equal process ids.
    writer = f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"
    draft = path.with_name(f".{path.name}.{writer}.tmp")
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """The value as JSON, keys sorted, under its final name only when whole."""
    with whole_file(path) as draft:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted")) + b"\n")


def read_json(path: Path, model: Any = Any) -> Any:
    """The JSON of a file, or None when there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(data, type=model)


def once(path: Path, make: Callable[[Path], None]) -> Path:
    """The file, made by ``make`` when it is not there yet."""
    if not path.exists():
        with whole_file(path) as draft:
            make(draft)
    return path
