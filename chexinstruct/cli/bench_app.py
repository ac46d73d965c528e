"""The group of verbs on benches: ``chexinstruct bench VERB``."""

from __future__ import annotations

import typer

from chexinstruct.cli.app import app

bench = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="CheXbench: items from raw releases, models asked, answers scored.",
)
app.add_typer(bench, name="bench")
