"""The table of licences that lies beside the data of a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chexinstruct.markdown import table
from chexinstruct.source import Source, permits, terms

LICENSES = "LICENSES.md"
"""Its file in the corpus."""

HEAD = (
    "source",
    "licence",
    "access",
    "commercial use",
    "derivatives",
    "redistribution",
    "online services",
)


def license_table(used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """What each source and those that it builds on allow, the strictest word of each."""
    rows = []
    for key in used:
        strict, allowed = terms(key, sources), permits(key, sources)
        parents = ", ".join(sources[key].card.parents)
        rows.append(
            [
                f"{key} (on {parents})" if parents else key,
                sources[key].card.license_name,
                strict.license,
                allowed.commercial,
                allowed.derivatives,
                strict.redistribution,
                allowed.online_services,
            ]
        )
    return table(HEAD, rows)


def licenses(used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """The whole file: the table, what its words mean, and the terms of every source in a sentence.

    Args:
        used: sources of the rows.
        sources: the registry.
    """
    shown = set(used)
    queue = list(used)
    while queue:
        parents = set(sources[queue.pop()].card.parents) - shown
        shown |= parents
        queue += parents
    told = [
        f"- **{key}**: {card.name}, {card.license_name}. {card.terms} <{card.home}>"
        for key, card in ((key, sources[key].card) for key in sorted(shown))
    ]
    return "\n".join(
        [
            "# Licences\n",
            "The rows of each source stand under the terms of that source and of those that it "
            "builds on. The columns `license` and `redistribution` of every row have the strictest "
            "words.\n",
            license_table(used, sources),
            "- Access: `open` needs no account, `registered` an account, `credentialed` training "
            "and a signed agreement.",
            "- Commercial use: other than for research or teaching.",
            "- Derivatives: changed copies, to be passed on.",
            "- Online services: sending text or pictures to services of others, such as language "
            "models behind an API.",
            "- `unknown`: the terms do not say, or differ from part to part. Take it as no, and "
            "ask.\n",
            "This is a reading of the terms, no advice. The terms themselves decide.\n",
            "## Terms\n",
            "\n".join(told) + "\n",
        ]
    )
