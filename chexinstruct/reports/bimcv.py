"""Reports as the BIMCV prepares them: Spanish, lower case, no accents, full stops set apart."""

from __future__ import annotations

import re

SECTIONS = ("indication", "findings", "impression")

_STOP = re.compile(r"(?:(?<=\s)|^)\.+(?=\s|$)")
_PLACEHOLDER = re.compile(r"\bnombrepropio\b", re.IGNORECASE)
# "Hallazgos compatibles con ..." is a sentence; as a heading the word stands alone or has a colon.
_HEADING = re.compile(
    r"(?:informe|hallazgos|descripcion|resultados?)(?:\s+radiologicos?)?\s*(?::\s*|$)",
    re.IGNORECASE,
)
_INDICATION = re.compile(
    r"(?:juicio\s+clinico|datos\s+clinicos|sospecha\s+clinica|indicacion"
    r"|motivo(?:\s+de(?:\s+la)?\s+(?:consulta|peticion|exploracion|solicitud))?)\b\s*:?\s*",
    re.IGNORECASE,
)
_IMPRESSION = re.compile(
    r"(?:conclusion(?:es)?|impresion(?:\s+diagnostica)?|juicio\s+diagnostico|resumen"
    r"|diagnostico(?:\s+radiologico)?(?=\s*:))\b\s*:?\s*",
    re.IGNORECASE,
)


def clean_bimcv(text: str) -> dict[str, str]:
    """The sections of a report: ``indication`` and ``impression``, where told, and ``findings``.

    The release tells no sections apart. A sentence that begins with "juicio clinico" and the like
    gives the reason of the examination, not what was seen. With one that begins with "conclusion"
    or "impresion" the impression starts, and it lasts to the end. Sentences get their capital and
    their full stop, as other releases have them; headings, and sentences of nothing but the
    placeholder ``nombrepropio``, go. A placeholder inside a sentence stays. Sections without text
    are absent.
    """
    found: dict[str, list[str]] = {}
    seen = "findings"
    for piece in _STOP.split(" ".join(text.split())):
        sentence = _HEADING.sub("", piece.strip(), count=1)
        if concluded := _IMPRESSION.match(sentence):
            seen, sentence = "impression", sentence[concluded.end() :]
        name = seen
        if told := _INDICATION.match(sentence):
            name, sentence = "indication", sentence[told.end() :]
        if any(map(str.isalpha, _PLACEHOLDER.sub("", sentence))):
            found.setdefault(name, []).append(_as_sentence(sentence.strip()))
    return {name: " ".join(found[name]) for name in SECTIONS if name in found}


def _as_sentence(text: str) -> str:
    ended = text if text.endswith((".", "?", "!")) else text + "."
    return ended[0].upper() + ended[1:]
