"""May these rows leave? What holds them back, and what can be done instead."""

from __future__ import annotations

from collections.abc import Sequence

from chexinstruct.corpus import Standing
from chexinstruct.errors import CallError


def promise(held: Sequence[Standing], repo: str) -> str:
    """The words with which a user takes it on himself to pass rows on.

    They name the sources and the repository, so that words said of one corpus never hold for
    another, and a stored command does not let a source slip in that was added later.
    """
    return f"I may share {', '.join(_sources(held))} with everyone who can read {repo}"


def guard(rows: Sequence[Standing], repo: str, *, private: bool, words: str | None) -> None:
    """Stop what may not leave.

    Args:
        rows: the terms of all rows.
        repo: where they would go.
        private: whether only some would see them.
        words: with which the user takes it on himself; only looked at where it is needed.

    Raises:
        CallError: some rows may not go there; names sources, terms and counts, and the ways on.
    """
    held = [standing for standing in rows if not standing.may_leave]
    if not held:
        return
    needed = promise(held, repo)
    if private and words == needed:
        return
    count = sum(standing.rows for standing in held)
    told = "; ".join(f"{s.source} ({s.why_not}): {s.rows:,} rows" for s in held)
    problem = f"{count:,} rows may not be passed on: {told}. "
    if words is not None and not private:
        raise CallError(problem + "--i-may-share holds for --private alone, and nothing was sent")
    if words is not None:
        raise CallError(problem + f"The words must be exactly: --i-may-share '{needed}'")
    raise CallError(
        problem + "Nothing was sent. Publish how to build it instead: --recipe. Or the rows that "
        "everyone may have: --open-only. Or, if your agreements allow copies on the servers of "
        f"the Hub, push privately and say so: --private --i-may-share '{needed}'"
    )


def _sources(held: Sequence[Standing]) -> list[str]:
    return sorted({standing.source for standing in held})
