"""The verb that hands a corpus to trainers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, Corpus, Sources, Splits, Tasks
from chexinstruct.cli.printing import print_json


class _WithFormats(TyperCommand):
    """Lists the formats in its help; they are loaded for that alone."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the formats below the options."""
        from chexinstruct.export import FORMATS

        with formatter.section("Formats"):
            formatter.write_dl([(known.name, known.what) for known in FORMATS.values()])


@app.command("export", cls=_WithFormats)
def export_(
    corpus: Corpus,
    format: Annotated[str, typer.Option(help="Of the trainer; the names stand below.")],
    out: Annotated[Path, typer.Option(help="Folder of the export.")],
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    boxes: Annotated[
        str | None, typer.Option(help="Box dialect, where the format leaves a choice.")
    ] = None,
    resize_like: Annotated[
        str | None,
        typer.Option(
            metavar="MIN:MAX", help="min_pixels:max_pixels of the trainer, for boxes in pixels."
        ),
    ] = None,
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Leave out the rows with pictures.")
    ] = False,
    shard_size: Annotated[int, typer.Option(min=1, help="Megabytes of a data file.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Write a corpus in the form that a trainer reads.

    Example: chexinstruct export corpus --format ms-swift --split train --out swift
    """
    from chexinstruct.export import export_corpus

    made = export_corpus(
        corpus,
        out,
        format,
        tasks=task or (),
        sources=source or (),
        splits=[str(name) for name in split or ()],
        boxes=boxes,
        resize_like=resize_like,
        text_only=text_only,
        shard_size=shard_size * 1_000_000,
        progress=sys.stderr.isatty(),
    )
    if as_json:
        print_json(made)
        return
    rows = ", ".join(f"{name} {count:,}" for name, count in made.rows.items())
    print(f"{made.format}: {sum(made.rows.values()):,} of {made.read:,} rows ({rows})")
    for reason, count in made.refused.items():
        print(f"refused, {reason}: {count:,}")
    print(f"Boxes are in the dialect {made.boxes}. README.md in {out} tells how to train.")
