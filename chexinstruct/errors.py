"""Errors that a user can act on, each told in one line."""

from __future__ import annotations

from typing import Any


class ChexinstructError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with 1."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By arguments and state, whatever the subclass takes: errors come back from workers.
        return _again, (type(self), self.args, self.__dict__)


def _again(
    kind: type[ChexinstructError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> ChexinstructError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(state)
    return error


class CallError(ChexinstructError):
    """The call itself is wrong (unknown name, contradicting options); exit code 2."""


class Unfinished(ChexinstructError):
    """What other processes are to make is not there yet; exit code 75, as for a failure that will
    pass (EX_TEMPFAIL of sysexits.h)."""


class ReleaseError(ChexinstructError):
    """A release lacks something or holds something unexpected.

    The message names the source, the file, the row where there is one, what was expected and what
    to do. It never quotes report text, which may be credentialed.
    """

    def __init__(
        self,
        source: str,
        problem: str,
        *,
        file: str | None = None,
        row: int | None = None,
        fix: str | None = None,
    ) -> None:
        place = source if file is None else f"{source}: {file}"
        if row is not None:
            place += f", row {row}"
        super().__init__(f"{place}: {problem}" + (f"; {fix}" if fix else ""))
        self.source = source
