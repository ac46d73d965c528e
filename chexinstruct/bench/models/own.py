"""Models that users bring themselves: a Python function, or a file of answers."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from chexinstruct.bench.models.contract import (
    Likelihood,
    Model,
    ModelDownError,
    ModelError,
    Question,
    Reply,
)
from chexinstruct.errors import CallError


class Function(Model):
    """``module:function`` or ``path/file.py:function``, called with a :class:`Question`.

    It returns the answer as text or :class:`Reply`, or, in likelihood mode, one
    :class:`Likelihood` an option. What it raises is written down as the error of that question.

    Raises:
        CallError: there is no such function.
    """

    def __init__(self, name: str) -> None:
        self.identity = {"kind": "callable", "name": name}
        self._function = _found(name)

    def answer(self, question: Question) -> Reply:
        """Call the function."""
        said = self._called(question)
        if isinstance(said, str):
            return Reply(said)
        if isinstance(said, Reply):
            return said
        raise ModelError(f"the function returned {type(said).__name__}, not text")

    def likelihoods(self, question: Question) -> Sequence[Likelihood]:
        """Call the function."""
        said = self._called(question)
        if not isinstance(said, Sequence) or len(said) != len(question.options):
            raise ModelError("the function did not return one Likelihood an option")
        return said

    def _called(self, question: Question) -> Any:
        try:
            return self._function(question)
        except ModelError:
            raise
        except Exception as error:  # a user's code: one question's failure is not the run's
            raise ModelDownError(f"{type(error).__name__}: {error}") from error


def _found(name: str) -> Callable[[Question], Any]:
    place, mark, function = name.rpartition(":")
    if not mark:
        raise CallError(f"callable {name}: write MODULE:FUNCTION or FILE.py:FUNCTION")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(place).stem, place)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules.setdefault(Path(place).stem, module)  # dataclasses look for their module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        found = getattr(module, function)
    except (ImportError, FileNotFoundError, AttributeError) as error:
        raise CallError(f"callable {name}: {error}") from None
    if not callable(found):
        raise CallError(f"callable {name}: it is no function")
    called: Callable[[Question], Any] = found
    return called


class _Line(msgspec.Struct):
    id: str
    answer: str


class Answers(Model):
    """A JSON Lines file of ``id`` (of an item) and ``answer``: for systems that run elsewhere.

    Letters mean the options in the order of the item.

    Raises:
        CallError: the file cannot be read, or an id stands there twice.
    """

    def __init__(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CallError(f"{path}: {error.strerror}") from None
        self.identity = {"kind": "answers", "name": path.name, "sha256": sha256(data).hexdigest()}
        self._answers: dict[str, str] = {}
        decoder = msgspec.json.Decoder(_Line)
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                read = decoder.decode(line)
            except msgspec.MsgspecError:
                raise CallError(
                    f'{path}, line {number}: not {{"id": "..", "answer": ".."}}'
                ) from None
            if read.id in self._answers:
                raise CallError(f"{path}, line {number}: the id {read.id} stands there twice")
            self._answers[read.id] = read.answer

    def answer(self, question: Question) -> Reply:
        """Look it up."""
        try:
            return Reply(self._answers[question.id])
        except KeyError:
            raise ModelError("the file holds no answer") from None
