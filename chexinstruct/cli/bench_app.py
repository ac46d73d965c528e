"""The sub-application of the benchmark."""

from __future__ import annotations

import typer

from chexinstruct.cli.app import app

bench_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build CheXbench, run models on it, and score them.",
)
app.add_typer(bench_app, name="bench")
