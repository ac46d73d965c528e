"""Write docs/sample.md: rows of a corpus of openly licensed releases, as a reader sees them.

    .venv/bin/python docs/sample.py DATA_ROOT

``DATA_ROOT`` holds the releases as their publishers ship them; the tables will do. Only texts whose
licence lets everyone pass them on are shown, and no picture.
"""

from __future__ import annotations

import html
import sys
import tempfile
from pathlib import Path

from chexinstruct.build import BuildOptions, build
from chexinstruct.corpus import show
from chexinstruct.manifest import load_manifest, overridden
from chexinstruct.source import registry, terms
from chexinstruct.tasks import registry as tasks_known

PAGE = Path(__file__).with_name("sample.md")
SOURCES = ["medvqa_2019", "nih_chestxray14", "slake"]
A_TASK = 4
MOST = 40


def _plain(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return html.escape(text, quote=False).replace("*", "\\*").replace("_", "\\_")


def main() -> None:
    """Build the corpus and write the page."""
    known, named = registry(), tasks_known()
    assert all(terms(key, known).redistribution == "yes" for key in SOURCES)
    recipe = overridden(load_manifest("open", ()), sources=SOURCES, images="none")
    lines = [
        "# A sample of a corpus\n",
        "What `open.yaml` makes of three real releases, without the pictures: rows drawn by seed",
        "from each task, as `chexinstruct show` prints them. Made by `docs/sample.py`.\n",
        "Their terms:\n",
        *(f"- {known[key].card.name}: {known[key].card.license_name}" for key in SOURCES),
        "",
    ]
    shown = 0
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "corpus"
        lock = build(recipe, sys.argv[1], out, BuildOptions(cache=Path(scratch) / "cache"))
        tasks = sorted({line.task for line in lock.ledger if line.rows})
        for task in tasks:
            lines.append(f"## {named[task].title}\n")
            for row in [s.example for s in show(out, task=task, n=A_TASK, seed=5)]:
                if shown == MOST:
                    break
                shown += 1
                lines.append(f"`{row.id}`\n")
                lines += [f"> {_plain(line)}  " for line in row.instruction.splitlines()]
                lines += ["", *(f"**{_plain(line)}**  " for line in row.response.splitlines())]
                lines.append("")
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(f"wrote {PAGE.name}: {shown} rows")


if __name__ == "__main__":
    main()
