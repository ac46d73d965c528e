"""The verb that shows a corpus to people."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import Corpus, Sources, Splits, Tasks


@app.command("view")
def view_(
    corpus: Corpus,
    port: Annotated[int, typer.Option(min=0, max=65535, help="To listen on; 0: any free one.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a sample as one HTML file instead of serving a page."),
    ] = None,
    n: Annotated[
        int, typer.Option("-n", min=1, help="Rows of each task and source in the sample.")
    ] = 2,
    seed: Annotated[int, typer.Option(help="Which rows the sample takes.")] = 0,
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
) -> None:
    """Browse a corpus in a page that this machine serves to you alone, or write a sample page.

    Example: chexinstruct view corpus
    """
    from chexinstruct.errors import CallError
    from chexinstruct.view import open_viewer, write_sample

    if html is not None:
        made = write_sample(
            corpus,
            html,
            n=n,
            seed=seed,
            tasks=task or (),
            sources=source or (),
            splits=[str(name) for name in split or ()],
        )
        print(f"{html}: {made.rows:,} rows, {made.pictures:,} pictures, {made.bytes:,} bytes")
        if made.left_out:
            print(f"{made.left_out:,} rows did not fit; name tasks or sources, or a smaller -n")
        bound = ", ".join(f"{count:,} {name}" for name, count in made.licenses.items())
        print(f"It holds text and pictures of the corpus ({bound}): it may go where they may.")
        return
    if task or source or split:
        raise CallError("--task, --source and --split choose rows of --html; the page has filters")
    with open_viewer(corpus, port=port) as viewer:
        print(f"Open {viewer.url}\nWho knows this address can read the corpus. End with Ctrl-C.")
        if "SSH_CONNECTION" in os.environ:
            print(f"From your own machine: ssh -N -L {viewer.port}:127.0.0.1:{viewer.port} HOST")
        sys.stdout.flush()
        if not no_browser and _has_screen():
            import webbrowser

            webbrowser.open(viewer.ticket)
        viewer.wait()


def _has_screen() -> bool:
    """Whether a browser would open in a window; one in the terminal would take it over."""
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
