"""The sentences of MIMIC-CXR reports by the numbers that MIMIC-NLE gives them.

MIMIC-NLE (Kayser et al., MICCAI 2022) names its explanations by study and sentence number. The
numbers come from its extraction script, which cuts with the ``sentencizer`` of a blank English
pipeline of spaCy 2.3.5 (MIT license). That component is repeated here from its published rules, so
that numbers do not depend on an installed library: spaCy 3 would count otherwise, because it does
not end a sentence at ":" and ";". The rules hold for text in ASCII and Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import category

from chexinstruct.reports.mimic import section_mimic

_ENDS = frozenset(".!?:;")
"""A token that is one of them ends a sentence."""

# Classes of characters, as the rules of the tokenizer use them.
_LOWER, _UPPER = "a-zß-öø-ÿ", "A-ZÀ-ÖØ-Þ"
_LETTER = _LOWER + _UPPER
_QUOTES = "'\"”“`‘´’‚,„»«"  # the comma is among them
_MARKS = r"…,:;!?¿¡()\[\]{}<>_#*&·"
_SYMBOLS = "¦©®°"
_UNITS = (
    "[kdcm]?m[²³]?|[nµ]m|[kmµ]?g|m/s|km/h|kmh|mph|ha|yd|in|ft|lb|oz|h?Pa|mbar|[mkgt]b|[MKGT]B"
    "|[tTGMK%]"
)

_PREFIX = re.compile(rf"\.\.+|\+(?![0-9])|[§%=—–$£¥{_MARKS}{_QUOTES}{_SYMBOLS}]")
_SUFFIX = re.compile(
    rf"(?:\.\.+|['’][sS]|[—–{_MARKS}{_QUOTES}{_SYMBOLS}]|(?<=[0-9])\+|(?<=°[FfCcKk])\."
    rf"|(?<=[0-9])(?:{_UNITS}|(?:US|C|A)?[$£€¥])"
    rf"|(?<=[0-9{_LOWER}%²+|{_MARKS}{_QUOTES}-])\.|(?<=[{_UPPER}][{_UPPER}])\.)\Z"
)
_INFIX = re.compile(
    rf"\.\.+|[…{_SYMBOLS}]|(?<=[0-9])[+*^-](?=[0-9-])"
    rf"|(?<=[{_LOWER}{_QUOTES}])\.(?=[{_UPPER}{_QUOTES}])"
    rf"|(?<=[{_LETTER}])(?:,|--?-?|–|——?|~)(?=[{_LETTER}])|(?<=[{_LETTER}0-9])[:<>=/](?=[{_LETTER}])"
)
_ADDRESS = re.compile(
    r"(?:[\w+.-]{2,}://)?(?:\S+(?::\S*)?@)?"
    r"(?:(?:[A-Za-z0-9\xa1-\uffff][A-Za-z0-9\xa1-\uffff_-]{0,62})?[A-Za-z0-9\xa1-\uffff]\.)+"
    rf"[{_LOWER}]{{2,63}}(?::\d{{2,5}})?(?:[/?#]\S*)?"
)
"""Taken for the address of a page, and left whole: "lobe.there" too."""

_ABBREVIATED = """
a.m. p.m. e.g. E.g. E.G. i.e. I.e. I.E. v.s. vs. co. Co. Corp. Inc. Ltd. Bros. Adm. Dr. Gen. Gov.
Jr. Messrs. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. Mt. D.C. N.C. N.D. N.H. N.J. N.M. N.Y.
S.C. Ak. Ala. Ariz. Ark. Calif. Colo. Conn. Del. Fla. Ga. Ia. Id. Ill. Ind. Kan. Kans. Ky. La.
Mass. Md. Mich. Minn. Miss. Mo. Mont. Neb. Nebr. Nev. Okla. Ore. Pa. Tenn. Va. Wash. Wis. Jan.
Feb. Mar. Apr. May. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec.
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_WHOLE = re.compile(
    r"[a-zäöü]\.|(?:[1-9]|1[0-2])[ap]\.m\.|<space>"
    r"|['’](?:[sS]|d|ll|re|em|[cC](?:ause|o[sz]|uz)|nuff|bout)"
    # Faces: a piece that looks like one is not taken apart.
    r"|:-?(?:\){1,3}|\({1,3}|[\]}/|PpOo0*3>XxD])|:1|:\(\)|:['’]-?[()]|:o\)|>:[(o]|;(?:-?[)D]|_;)"
    r"|\(-?[:;]|\[-?:|\(o:|\)-?:|>\.[<>]|<\.<|\._\.|\(\._\.\)|v\.v|V\.V|o\.[oO0]|O\.[oO]|0\.[o0]"
    r"|\(-8|[(\[\]]=|=[()\[\]]|\((?:\^_\^|>_<)\)"
)


def nle_sentences(report: str) -> list[str]:
    """The sentences of findings and impression, so that a number of MIMIC-NLE is an index here.

    A number of a list ("1.") is a sentence, and so is a heading ("Lungs:"). Outer blanks are taken
    off, and a sentence may be empty.

    Args:
        report: the file as released, damaged neither in its blanks nor in its line breaks.
    """
    kept = [s.text for s in section_mimic(report).ordered if s.name in ("findings", "impression")]
    # Lines are indented by a blank, which takes the place of the line break.
    return split("".join(section.replace("\n", "") for section in kept).replace("  ", " "))


def split(text: str) -> list[str]:
    """The sentences of a text as spaCy 2.3.5 cuts it, outer blanks taken off.

    After a token that ends a sentence the next one that is not all punctuation begins another.
    """
    starts = [0]
    ended = False
    for start, token in _tokens(text):
        if token in _ENDS:
            ended = True
        elif ended and not _all_punctuation(token):
            starts.append(start)
            ended = False
    stops = [*starts[1:], len(text)]
    return [text[a:b].strip() for a, b in zip(starts, stops, strict=True)] if text else []


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Each token with its place; of a run of blanks, what follows the first blank is a token."""
    for run in re.finditer(r"\s+|\S+", text):
        start, chunk = run.start(), run[0]
        if not chunk.isspace():
            for token in _pieces(chunk):
                yield start, token
                start += len(token)
        elif start == 0 or chunk[0] != " ":
            yield start, chunk
        elif len(chunk) > 1:
            yield start + 1, chunk[1:]


@lru_cache(maxsize=1 << 16)
def _pieces(chunk: str) -> tuple[str, ...]:
    """The tokens of text without blanks: affixes are taken off, then the rest is cut inside."""
    before: list[str] = []
    after: list[str] = []
    rest = chunk
    while rest and not _whole(rest):
        prefix, suffix = _PREFIX.match(rest), _SUFFIX.search(rest)
        start = prefix.end() if prefix else 0
        stop = suffix.start() if suffix else len(rest)
        if start and _whole(rest[start:]):
            stop = len(rest)
        elif stop < len(rest) and _whole(rest[:stop]):
            start = 0
        elif start > stop:  # both would take the same characters
            stop = len(rest)
        if start:
            before.append(rest[:start])
        if stop < len(rest):
            after.append(rest[stop:])
        if not start and stop == len(rest):
            break
        rest = rest[start:stop]
    return (*before, *_inner(rest), *reversed(after))


def _whole(text: str) -> bool:
    return text in _ABBREVIATIONS or _WHOLE.fullmatch(text) is not None


def _inner(text: str) -> Iterator[str]:
    if not text:
        return
    start = 0
    if not _whole(text) and not _ADDRESS.fullmatch(text):
        for found in _INFIX.finditer(text):
            if found.start() == 0:
                continue
            if found.start() > start:
                yield text[start : found.start()]
            yield found[0]
            start = found.end()
    if text[start:]:
        yield text[start:]


@lru_cache(maxsize=1 << 12)
def _all_punctuation(token: str) -> bool:
    return all(category(character).startswith("P") for character in token)
