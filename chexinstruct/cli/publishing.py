"""Verbs that publish a corpus, and that build one which was published."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, Corpus, SourceDirs, places_of
from chexinstruct.cli.printing import print_json
from chexinstruct.errors import CallError

Keys = Annotated[
    Path | None,
    typer.Option(help="File for the keys of the digests, for colleagues with the same rights."),
]


@app.command("push")
def push_(
    corpus: Corpus,
    repo: Annotated[str, typer.Argument(help="NAMESPACE/NAME of a data set repository.")],
    recipe: Annotated[
        bool, typer.Option("--recipe", help="How to build it, and none of its content.")
    ] = False,
    open_only: Annotated[
        bool, typer.Option("--open-only", help="Only the rows that everyone may have.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Stop unless the repository is private.")
    ] = False,
    i_may_share: Annotated[
        str | None,
        typer.Option(
            help="The words that let other rows go to a private repository; "
            "without the right ones, the refusal tells them."
        ),
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="The namespace, where it is not your own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a corpus on the Hugging Face Hub, or go on with a push that broke off.

    Example: chexinstruct push corpus alice/my-corpus --recipe
    """
    from chexinstruct.hub import push

    if recipe and open_only:
        raise CallError("--recipe and --open-only exclude each other: take one")
    found = push(
        corpus,
        repo,
        what="recipe" if recipe else "open" if open_only else "corpus",
        private=private,
        words=i_may_share,
        organisation=organisation,
        say=lambda line: print(line, file=sys.stderr),
    )
    if as_json:
        print_json(found)
        return
    seen = "private" if found.private else "public"
    print(
        f"{found.url} ({seen}) has {found.tag}: {found.files:,} files, {found.size:,} bytes, "
        f"all with the digests that they should have (commit {found.commit[:8]})"
    )


@app.command("recipe")
def recipe_(
    corpus: Corpus,
    out: Annotated[Path, typer.Option(help="Folder of the recipe.")],
    keys: Keys = None,
) -> None:
    """Write down how to build a corpus, with digests and none of its content, to be published.

    Example: chexinstruct recipe corpus --out corpus-recipe
    """
    from chexinstruct.hub import make_recipe, recipe_keys

    if keys is not None and keys.exists():
        raise CallError(f"{keys} is there already; name another file for the keys")
    made = make_recipe(corpus, out)
    if keys is not None:
        with os.fdopen(os.open(keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(recipe_keys(corpus), file, indent=1)
    print(f"The recipe is in {out}: {', '.join(sorted((*made.data, *made.papers)))}")


@app.command("rebuild")
def rebuild_(
    recipe: Annotated[str, typer.Argument(help="Folder of a recipe, or its repository.")],
    data_root: Annotated[str, typer.Option(help="Folder with one folder a source key.")],
    out: Annotated[Path, typer.Option(help="Folder of the corpus.")],
    revision: Annotated[
        str | None, typer.Option(help="Of the repository, e.g. v1.2.0; default: the newest.")
    ] = None,
    keys: Keys = None,
    templates: Annotated[
        Path | None, typer.Option(help="Templates of the corpus's own, from its author.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    source_dir: SourceDirs = None,
    cache: Annotated[
        Path | None, typer.Option(help="Cache folder; default $CHEXINSTRUCT_CACHE or your own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a corpus from a recipe, and tell whether it is the same.

    Example: chexinstruct rebuild alice/my-corpus --data-root /data/releases --out corpus
    """
    from chexinstruct.build import BuildOptions
    from chexinstruct.hub import rebuild, render_comparison

    options = BuildOptions(
        workers=workers,
        cache=cache,
        progress=sys.stderr.isatty(),
        source_dirs=places_of(source_dir),
    )
    found = rebuild(
        recipe,
        data_root,
        out,
        options,
        revision=revision,
        templates=templates,
        keys=_read_keys(keys),
    )
    if as_json:
        print_json(found)
    else:
        print(render_comparison(found))
    if not found.same_rows:
        raise typer.Exit(1)


def _read_keys(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CallError(f"{path}: no keys can be read from it") from None
    if not isinstance(keys, dict):
        raise CallError(f"{path}: no keys can be read from it")
    return keys
