"""The verb that hands a bench to other harnesses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from chexinstruct.cli.bench_app import bench_app
from chexinstruct.cli.parameters import AsJson, Sources, Tasks
from chexinstruct.cli.printing import print_json


class _WithFormats(TyperCommand):
    """Lists the formats in its help; they are loaded for that alone."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the formats below the options."""
        from chexinstruct.bench.harness import HARNESSES

        with formatter.section("Formats"):
            formatter.write_dl([(known.name, known.what) for known in HARNESSES.values()])


@bench_app.command("export", cls=_WithFormats)
def export_(
    bench: Annotated[Path, typer.Argument(help="Folder of a bench.")],
    format: Annotated[str, typer.Option(help="Of the harness; the names stand below.")],
    out: Annotated[Path, typer.Option(help="Folder of the export.")],
    style: Annotated[
        str | None,
        typer.Option(help="Prompt style by name, or the YAML file of one; default letters."),
    ] = None,
    task: Tasks = None,
    source: Sources = None,
    as_json: AsJson = False,
) -> None:
    """Write a bench as tasks of another evaluation harness.

    Example: chexinstruct bench export bench --format lmms-eval --out bench-lmms
    """
    from chexinstruct.bench.harness import export_bench

    made = export_bench(bench, out, format, style=style, tasks=task or (), sources=source or ())
    if as_json:
        print_json(made)
        return
    for name, count in made.items.items():
        print(f"{name}: {count:,}")
    for reason, count in made.left_out.items():
        print(f"left out, {reason}: {count:,}")
    if not made.publishable:
        print(f"Not to be published: it holds items of {', '.join(made.restricted)}.")
    print(f"README.md in {out} tells how to run it.")
