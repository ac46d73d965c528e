"""Two options that differ in one word, from the index terms that people gave to Open-i reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.schema import Study


class Term(NamedTuple):
    """An index term of the list."""

    pattern: str
    side: str
    wording: str | None
    """With ``{x}`` for the side; None: no item has it."""


def fine_grained(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """One item where exactly one term of the report, counted with repeats, is in the list.

    Terms outside the list do not matter, even if they name the other side.
    """
    part = asking.part
    terms = _terms(tuple(part.codes.items()), tuple(part.sides))
    listed = [terms[code] for code in study.codes if code in terms]
    if not study.images:
        yield Refused("no_image")
    elif len(listed) != 1:
        yield Refused("several_listed_codes" if listed else "no_listed_code")
    elif listed[0].wording is None:
        yield Refused("no_wording")
    elif isinstance(images := asking.one(study), Refused):
        yield images
    else:
        (term,) = listed
        (other,) = (side for side in part.sides if side != term.side)
        yield Candidate(
            study=study,
            key=str(part.subtask),
            side=term.side,
            group=term.pattern,
            images=images,
            question=part.question,
            options=tuple(str(term.wording).format(x=side) for side in (term.side, other)),
            slices=(("code", term.pattern),),
        )


@lru_cache(maxsize=16)
def _terms(codes: tuple[tuple[str, str | None], ...], sides: tuple[str, ...]) -> Mapping[str, Term]:
    return {
        pattern.format(x=side): Term(pattern, side, wording)
        for pattern, wording in codes
        for side in sides
    }
