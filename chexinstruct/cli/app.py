"""The application that the verbs are declared on, and how errors become exit codes."""

from __future__ import annotations

import sys

import typer

from chexinstruct.errors import CallError, ChexinstructError, Unfinished

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Build the CheXinstruct instruction corpus from raw public chest X-ray releases.",
)


def main() -> None:
    """Run the command line.

    Exits with 0 (done), 1 (the data is wrong), 2 (the call is wrong) or 75 (a part of a build waits
    for others).
    """
    try:
        app()
    except CallError as error:
        _fail(error, 2)
    except Unfinished as error:
        _fail(error, 75)
    except ChexinstructError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again to go on", 130)


def _fail(error: object, code: int) -> None:
    print(f"chexinstruct: {error}", file=sys.stderr)
    sys.exit(code)
