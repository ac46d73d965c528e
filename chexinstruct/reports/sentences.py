"""Sentences of a report, by a fixed rule."""

from __future__ import annotations

import re

_CLOSING = "[\"'”’)\\]]*"
_END = re.compile(rf"[.?!]{_CLOSING} (?=\((?:[a-z]|\d{{1,2}})\) |(.))")
_ENDED = re.compile(rf"[.?!]{_CLOSING}$")
_OPENING = "\"'“‘_!<"  # also of masks: ___, !PERSONALNAME!, <###>
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:Dr|Mr|Mrs|Ms|St|vs|approx|[Ee]\.g|[Ii]\.e|[AaPp]\.[Mm]|[A-Z])$"
)
# A full word before the stop, and none after it that goes on: "Lungs are clear. heart is normal."
_FULL_WORD = re.compile(r"(?:^|\s)(?!(?:approx|resp|incl|prob|poss|bilat|hosp|eval)$)[a-z]{4,}$")
_GOES_ON = re.compile(
    r"(?:with|without|and|or|but|nor|which|that|than|in|of|at|on|to|from|as|by|for|into|over|status"
    r"|likely|possibly|probably|consistent|compatible|suggest\w*|measuring|may|com|org|gov)\b"
)
_NUMBER_SIGN = re.compile(r"(?:^|[\s(])[Nn]o$")
_LIST_NUMBER = re.compile(
    r"(?:(\d{1,2})[.)](?= |$|[A-Z][a-z])|\((?:[A-Za-z]|\d{1,2})\)(?= )|[a-z]\)(?= )) ?"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each ending in a full stop, question or exclamation mark.

    White space runs become one blank. A sentence ends at ``.``, ``?`` or ``!`` before a blank and
    an upper-case letter, a digit, a quote, a mask or a list letter in parentheses; between a full
    word and one in small letters that does not go on ("clear. heart is normal"); not after an
    abbreviation (``Dr.``, ``vs.``, ``a.m.``, a single capital, ``No.`` before a digit). List
    numbers (``1.``, ``2)``, ``(a)``) at the start of a sentence go, and so do pieces without any
    letter. Nothing else is changed, so decimals and masks stay whole.
    """
    pieces = _pieces(" ".join(text.split()))
    found = []
    item = 0
    for i, piece in enumerate(pieces):
        while number := _LIST_NUMBER.match(piece):
            piece = piece[number.end() :]
            item = int(number[1] or item)
        # "1. Cardiomegaly 2. Edema": the next number of a list whose items lack full stops.
        following = f"{item + 1}."
        if (
            item
            and piece.endswith(f" {following}")
            and i + 1 < len(pieces)
            and not pieces[i + 1].startswith(following)
        ):
            piece = piece.removesuffix(f" {following}")
            item += 1
        if any(map(str.isalpha, piece)):
            found.append(piece if _ENDED.search(piece) else piece + ".")
    return found


def _pieces(text: str) -> list[str]:
    pieces = []
    start = 0
    for end in _END.finditer(text):
        if _ends_sentence(text, end):
            pieces.append(text[start : end.end() - 1])
            start = end.end()
    pieces.append(text[start:])
    return pieces


def _ends_sentence(text: str, end: re.Match[str]) -> bool:
    follower = end[1]
    if follower is not None and not (
        follower.isupper() or follower.isdecimal() or follower in _OPENING
    ):
        return _starts_small(text, end)
    if text[end.start()] != ".":
        return True
    before = text[max(0, end.start() - 8) : end.start()]
    if follower is not None and follower.isdecimal() and _NUMBER_SIGN.search(before):
        return False
    return not _ABBREVIATION.search(before)


def _starts_small(text: str, end: re.Match[str]) -> bool:
    """Whether a sentence ends here though the next begins with a small letter, as a slip."""
    return (
        end[1].islower()
        and text[end.start()] == "."
        and _FULL_WORD.search(text[max(0, end.start() - 40) : end.start()]) is not None
        and _GOES_ON.match(text, end.end()) is None
    )
