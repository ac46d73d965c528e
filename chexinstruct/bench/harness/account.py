"""What an export of a bench says of itself."""

from __future__ import annotations

import msgspec

from chexinstruct.bench.harness.contract import Harness
from chexinstruct.export.account import ExportedFile


class HarnessExport(msgspec.Struct, kw_only=True, frozen=True):
    """What was exported, and what was not."""

    format: str
    chexinstruct: str
    """Version that exported."""
    bench: str
    """Digest of the items that were read."""
    tasks: list[str]
    """As asked for; empty: all. So for sources."""
    sources: list[str]
    style: str
    """Prompt style; empty where the harness asks in words of its own. So for the next two."""
    style_version: str
    style_digest: str
    read: int
    """Items; those written and those left out."""
    items: dict[str, int]
    """Written, by task and source."""
    left_out: dict[str, int]
    """By reason."""
    publishable: bool
    """False: terms of a source do not let its items be passed on, or do not say."""
    restricted: dict[str, int]
    """Items of such sources."""
    files: list[ExportedFile]
    """Data files."""
    pictures: int
    """Files of pictures beside them; 0 where they lie in the data files."""


def readme(export: HarnessExport, harness: Harness) -> str:
    """How to run an export."""
    items = "\n".join(f"- {name}: {count:,}" for name, count in export.items.items())
    left = "; ".join(f"{reason} {count:,}" for reason, count in export.left_out.items()) or "none"
    asked = f"style {export.style} {export.style_version}" if export.style else "the harness's own"
    return (
        f"# CheXbench for {export.format}\n\n"
        + _notice(export)
        + f"{harness.guide}\n\nItems by task and source:\n\n{items}\n\n"
        f"Left out: {left}. Prompts: {asked}. "
        "Terms: LICENSES.md. What was exported, with digests: export.json.\n"
    )


def _notice(export: HarnessExport) -> str:
    if export.publishable:
        return ""
    told = ", ".join(f"{source} ({count:,} items)" for source, count in export.restricted.items())
    return (
        f"**Do not publish or pass on this folder, and send none of it to a service of others:** "
        f"it holds items of {told}, whose terms forbid that or do not allow it. Run it on models "
        "that you host, or that an agreement covers. `.gitignore` keeps it out of repositories.\n\n"
    )
