"""The way in which CheXbench's published code scored: for comparison with its papers only.

It reads the first capital letter in round brackets and nothing else. Where there is none it guesses
an option, so that a refusal earns chance credit. There the guess was unseeded; here a run scored
again gives the same numbers.
"""

from __future__ import annotations

import re
from string import ascii_uppercase

from chexinstruct.draw import Draw, key

_BRACKETED = re.compile(r"\(([A-Z])\)")


def legacy_choice(text: str | None, options: int, *, seed: int, item: str) -> tuple[int, bool]:
    """Index of the letter read or guessed, and whether it was guessed.

    The index may lie beyond the options, as it may in the original: then the answer is wrong.
    """
    if found := _BRACKETED.search(text or ""):
        return ascii_uppercase.index(found[1]), False
    return Draw(key(seed, "legacy", item)).below(options), True
