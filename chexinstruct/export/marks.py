"""Marks that trainers and tokenizers take for commands, kept out of the text of releases.

Reports, questions and answers of a release may hold ``<image>``, ``<loc0001>`` or ``<|im_start|>``
by chance or by malice. All exports break such marks up with a space, as the templates of the corpus
do, and none refuses the row: the sentence stays readable, and no row is lost to an accident of its
text. What is exported is then checked for marks that nobody meant to write.
"""

from __future__ import annotations

import re

_STARTS = re.compile(
    r"<(?=[|｜])"  # <|im_start|>, <|box|>, and the wide bars of DeepSeek
    r"|<(?=/?\w[\w.:-]*>)"  # <image>, <bbox>, <ref-object>, <loc0001>, </s>, <0x0A>
    r"|\[(?=/?(?:INST|IMG|IMG_BREAK|IMG_END|SYSTEM_PROMPT)\])"  # of Mistral and its relatives
)


def broken_up(text: str) -> str:
    """The text with a space after the first character of each mark; twice is the same as once."""
    return _STARTS.sub(lambda found: found.group() + " ", text)


def has_marks(text: str) -> bool:
    """Whether a tokenizer or trainer may take a part of the text for a command."""
    return _STARTS.search(text) is not None
