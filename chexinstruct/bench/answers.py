"""Which option an answer names. Nothing is guessed: what cannot be read is told as such.

The rules stand in the order in which they are tried; the first that decides, decides. Letters are
A, B, C, ... in the order in which the options were shown. There is no fuzzy credit: an answer that
is right in substance, but names no option, stays unread.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Literal

Status = Literal["letter", "ambiguous", "refused", "empty", "unparsed", "error"]
"""``letter``: an option was named. ``error``: the model gave no answer at all."""

STATUSES: tuple[Status, ...] = ("letter", "ambiguous", "refused", "empty", "unparsed", "error")


@dataclass(frozen=True)
class Reading:
    """What was read in an answer, and how."""

    status: Status
    choice: int | None = None
    """Index of the option, for ``letter`` only."""
    rule: str = "none"
    """The rule that decided; ``marked/`` before it where it read the inside of a mark."""
    span: tuple[int, int] | None = None
    """Where in the normalised answer (:func:`normalised`) the rule looked."""


_THINKING = r"think|thinking|thought|reasoning|reflection|scratchpad"
_BLOCK = re.compile(rf"<({_THINKING})>.*?</\1>", re.S | re.I)
_OPENED = re.compile(rf"<(?:{_THINKING})>", re.I)
_CLOSED = re.compile(rf"</(?:{_THINKING})>", re.I)

_MARKS = (
    re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.S | re.I),
    re.compile(r"""["']answer["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s,}"']+))""", re.I),
)
_LATEX = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")

_DECLARED = re.compile(
    r"""(?<!\bnot\ )(?<!n't\ )(?<!\bnever\ )
    \b(?i:(?:final\ |correct\ |best\ |right\ )?answer|correct\ (?:option|choice)|choose|select)\b
    (?:[\s*_:="'`]|\b(?i:is|are|would|should|must|be|the|option|choice|letter)\b)*""",
    re.X,
)
_REASONS = "because|since|as|given|due|based|for|which|or|and"
_LETTER = re.compile(
    rf"""[(\[{{*_$"'`]*\ ?([A-Z])(?![\w]|[-'’]\w)(?!\ +(?!(?:{_REASONS})\b)[a-z])""", re.X
)
_OR = re.compile(
    r"""[\s)\]}*_$"'`.]*(?:\b(?:or|and)\b|[/&])\s*(?i:option\s+)?[(\[{*_$"'`]*[A-Z]\b"""
)
_OPTION = r"(?:(?i:option|choice)\s+)?"
_DECORATION = r"""[\s()\[\]{}.:*_$"'`“”‘’]*"""
_ALONE = re.compile(rf"{_DECORATION}(?:(?i:option|choice)\s{_DECORATION})?([A-Za-z]){_DECORATION}")
_FIRST = re.compile(rf"""[*_$"'`]*{_OPTION}[(\[{{]?([A-Z])[*_$"'`]*(?:[)\]}}.:]|\ [-–—]|\s*\n)""")
_BRACKETED = re.compile(r"[(\[{][\s*_]*([A-Z])[\s*_]*[)\]}]")
_WORD = re.compile(r"[^\W\d_]+")

_REFUSED = re.compile(
    r"""\b(?:
        (?:cannot|can\ not|can['’]t|unable\ to|not\ able\ to|won['’]t|will\ not|not\ qualified\ to)
        \ (?:\w+\ ){0,2}(?:interpret|analy[sz]e|view|see|diagnose|provide|assist|help|determine|
            answer|read|assess|evaluate|give|identify|comply|comment|access|examine|make|offer)
        | as\ an?\ (?:ai|language\ model|text-based)
        | i['’]?\ ?a?m\ sorry
        | (?:consult|see|ask)\ (?:a|an|your)\ (?:\w+\ )?(?:doctor|physician|radiologist|
            professional|provider)
    )\b""",
    re.X | re.I,
)


def normalised(text: str) -> str | None:
    """The answer without its reasoning, or None where the reasoning does not end.

    Unicode NFKC, entities written out, blocks such as ``<think>..</think>`` dropped. Where only the
    end of such a block stands there (chat templates put its start into the prompt), all before it
    is reasoning.
    """
    text = html.unescape(unicodedata.normalize("NFKC", text))
    text = _BLOCK.sub(" ", text)
    *_, last = [0, *(match.end() for match in _CLOSED.finditer(text))]
    text = text[last:]
    return None if _OPENED.search(text) else text.strip()


def read_answer(text: str | None, options: Sequence[str]) -> Reading:
    """The option that an answer names.

    Args:
        text: what the model said; None where the call failed.
        options: in the order shown, at most 26.

    Raises:
        ValueError: no options, or more than there are letters.
    """
    if not 0 < len(options) <= len(ascii_uppercase):
        raise ValueError(f"{len(options)} options; there have to be 1 to {len(ascii_uppercase)}")
    if text is None:
        return Reading("error")
    plain = normalised(text)
    if plain is None:
        return Reading("unparsed", rule="open reasoning")
    if not plain:
        return Reading("empty", rule="empty")
    reader = _Reader(tuple(_folded(option) for option in options))
    if marked := _marked(plain):
        inside, start = marked
        reading = reader.read(inside)
        span = reading.span and (reading.span[0] + start, reading.span[1] + start)
        status = "unparsed" if reading.status == "empty" else reading.status
        return replace(reading, status=status, rule=f"marked/{reading.rule}", span=span)
    return reader.read(plain)


def _marked(text: str) -> tuple[str, int] | None:
    """Inside and place of the last marked final answer."""
    found = [
        (match.start(), match[group], match.start(group))
        for pattern in _MARKS
        for match in pattern.finditer(text)
        for group in [match.lastindex or 1]
    ]
    if not found:
        return None
    _, inside, start = max(found)
    return _LATEX.sub(r"\1", inside), start


def _folded(text: str) -> str:
    """For comparing option texts: case, spaces, quotes and final punctuation do not count."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.split()).strip(" .!;,*_\"'`“”‘’")


@dataclass(frozen=True)
class _Reader:
    """Rules 3 to 10, for one list of folded options."""

    options: tuple[str, ...]

    @property
    def closed(self) -> bool:
        return set(self.options) == {"yes", "no"}

    def read(self, text: str) -> Reading:
        for rule in self._decisions(text):
            if rule is not None:
                return rule
        if refusal := _REFUSED.search(text):
            return Reading("refused", rule="refusal", span=refusal.span())
        return Reading("unparsed" if text.strip() else "empty")

    def _decisions(self, text: str) -> Iterator[Reading | None]:
        yield self._declared(text)
        yield self._alone(text)
        yield self._first(text)
        yield self._bracketed(text)
        yield self._whole(text)
        yield self._first_word(text) if self.closed else self._inside(text)

    def _lettered(self, letter: str, rule: str, span: tuple[int, int]) -> Reading:
        index = ascii_uppercase.index(letter.upper())
        if index < len(self.options):
            return Reading("letter", index, rule, span)
        return Reading("unparsed", rule=rule, span=span)

    def _declared(self, text: str) -> Reading | None:
        last = None
        for declared in _DECLARED.finditer(text):
            last = _LETTER.match(text, declared.end()) or last
        if last is None:
            return None
        if _OR.match(text, last.end()):
            return Reading("ambiguous", rule="declared", span=last.span(1))
        return self._lettered(last[1], "declared", last.span(1))

    def _alone(self, text: str) -> Reading | None:
        match = _ALONE.fullmatch(text)
        return match and self._lettered(match[1], "letter alone", match.span(1))

    def _first(self, text: str) -> Reading | None:
        match = _FIRST.match(text)
        if not match:
            return None
        reading = self._lettered(match[1], "letter first", match.span(1))
        rest = text[match.end() :]
        named = self._named(rest)
        others = {*self._letters(rest), *(named if len(named) == 1 else ())} - {reading.choice}
        if reading.choice is not None and others:
            return Reading("ambiguous", rule="letter first", span=match.span(1))
        return reading

    def _letters(self, text: str) -> dict[int, tuple[int, int]]:
        """Options whose letters stand in brackets; other letters there mean something else."""
        found = {}
        for match in _BRACKETED.finditer(text):
            index = ascii_uppercase.index(match[1])
            if index < len(self.options):
                found[index] = match.span(1)
        return found

    def _bracketed(self, text: str) -> Reading | None:
        return _only(self._letters(text), "letter in brackets")

    def _whole(self, text: str) -> Reading | None:
        folded = _folded(text)
        same = {i: (0, len(text)) for i, option in enumerate(self.options) if option == folded}
        return _only(same, "option alone")

    def _first_word(self, text: str) -> Reading | None:
        """For yes and no: ``no`` is an ordinary word, so only the first one counts.

        The first of the answer, or of what is declared as the answer.
        """
        starts = [0, *(match.end() for match in _DECLARED.finditer(text))]
        for start in reversed(starts):
            word = _WORD.search(text, start)
            if word and word[0].casefold() in self.options:
                choice = self.options.index(word[0].casefold())
                return Reading("letter", choice, "first word", word.span())
        return None

    def _inside(self, text: str) -> Reading | None:
        return _only(self._named(text), "option inside")

    def _named(self, text: str) -> dict[int, tuple[int, int]]:
        """Options whose texts stand in a text as whole words, the longest first."""
        if self.closed:
            reading = self._first_word(text)
            return {reading.choice: reading.span} if reading else {}  # type: ignore[dict-item]
        found: dict[int, tuple[int, int]] = {}
        for index in sorted(range(len(self.options)), key=lambda i: -len(self.options[i])):
            words = r"\s+".join(map(re.escape, self.options[index].split()))
            if not words:
                continue
            pattern = re.compile(rf"(?<!\w){words}(?!\w)", re.I)
            if match := pattern.search(text):
                found[index] = match.span()
                text = pattern.sub(lambda m: "\0" * len(m[0]), text)
        return found


def _only(found: dict[int, tuple[int, int]], rule: str) -> Reading | None:
    """One option is a decision, several are none, and no option leaves it to the next rule."""
    if len(found) > 1:
        return Reading("ambiguous", rule=rule)
    for index, span in found.items():
        return Reading("letter", index, rule, span)
    return None
