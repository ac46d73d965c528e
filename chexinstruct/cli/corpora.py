"""Verbs on a built corpus."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.app import app
from chexinstruct.cli.parameters import AsJson, Corpus, Sources, Splits, Tasks, numbers_of
from chexinstruct.cli.printing import print_json, rows_table


@app.command("filter")
def filter_(
    corpus: Corpus,
    out: Annotated[Path, typer.Option(help="Folder of the new corpus.")],
    task: Tasks = None,
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="coarse, fine, text, qa or misc; repeatable."),
    ] = None,
    source: Sources = None,
    split: Splits = None,
    redistributable: Annotated[
        bool, typer.Option("--redistributable", help="Only rows that everyone may have.")
    ] = False,
    license: Annotated[
        list[str] | None,
        typer.Option("--license", help="Only open, registered or credentialed rows; repeatable."),
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", help="Only rows in this one; repeatable.")
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help="Only rows whose pictures are all of these; repeatable."),
    ] = None,
    finding: Annotated[
        list[str] | None,
        typer.Option("--finding", help="Only rows that ask about this one; repeatable."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help="Only rows with this condition on their columns, in SQL."),
    ] = None,
    exclude_ids: Annotated[
        Path | None,
        typer.Option(
            help="File of withdrawals: row ids, source/study, source/picture, patient digests."
        ),
    ] = None,
) -> None:
    """Make a smaller corpus of one, without opening pictures.

    Example: chexinstruct filter corpus --family fine --split train --out grounding
    """
    from chexinstruct.corpus import filter_corpus

    lock = filter_corpus(
        corpus,
        out,
        tasks=task or (),
        families=family or (),
        sources=source or (),
        splits=[str(name) for name in split or ()],
        redistributable=redistributable,
        licenses=license or (),
        languages=language or (),
        views=view or (),
        findings=finding or (),
        where=where,
        exclude_ids=exclude_ids,
        tell=lambda note: print(note, file=sys.stderr),
    )
    print(rows_table(lock))


@app.command("stats")
def stats_(
    corpus: Corpus,
    plots: Annotated[Path | None, typer.Option(help="Folder to write SVG plots to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Report on the quality of a corpus: what to look at, counts, priors, lengths, repeats.

    Example: chexinstruct stats corpus --plots figures
    """
    from chexinstruct.corpus import render_stats, stats

    found = stats(corpus, plots=plots)
    if as_json:
        print_json(found)
    else:
        print(render_stats(found))


@app.command("show")
def show_(
    corpus: Corpus,
    id: Annotated[str | None, typer.Argument(help="Id of a row; default: some rows.")] = None,
    task: Annotated[str | None, typer.Option(help="Rows of this task.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows.")] = 1,
    seed: Annotated[int, typer.Option(help="Which rows.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print rows.

    Example: chexinstruct show corpus --task view_classification -n 3
    """
    from chexinstruct.corpus import render_example, show

    rows = show(corpus, id, task=task, n=n, seed=seed)
    if as_json:
        print_json(rows)
    else:
        print("\n\n".join(render_example(row) for row in rows))


@app.command("verify")
def verify_(corpus: Corpus, as_json: AsJson = False) -> None:
    """Check a corpus against its lock, for leaks, and row by row.

    Example: chexinstruct verify corpus
    """
    from chexinstruct.corpus import verify

    findings = verify(corpus)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            print(f"{finding.level}: {finding.check}: {finding.message}")
    if any(finding.level == "failed" for finding in findings):
        raise typer.Exit(1)


@app.command("audit")
def audit_(
    corpus: Corpus,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode pictures.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Look for people and pictures that stand in several splits, by ids and by pixels.

    Example: chexinstruct audit corpus --workers 8
    """
    from chexinstruct.corpus import audit, render_audit

    found = audit(corpus, workers=workers)
    if as_json:
        print_json(found)
    else:
        print(render_audit(found))
    if not found.passed:
        raise typer.Exit(1)


@app.command("mix")
def mix_(
    corpora: Annotated[list[Path], typer.Argument(help="Folders of built corpora.")],
    out: Annotated[Path, typer.Option(help="Folder of the new corpus.")],
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", help="TASK=SHARE or TASK/SOURCE=SHARE of train; repeatable."),
    ] = None,
    repeats: Annotated[
        list[str] | None,
        typer.Option("--repeats", help="NAME=N: its rows may stand there N times; repeatable."),
    ] = None,
    total: Annotated[int | None, typer.Option(help="Rows of train.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which rows are taken.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="YAML file in place of weights, repeats, total and seed.")
    ] = None,
) -> None:
    """Make one corpus of several, with so many rows of train of each task and source.

    Example: chexinstruct mix corpus --weights view_classification=0.3 --weights vqa=0.7 --out mix
    """
    from chexinstruct.corpus import make_plan, mix_corpora, read_plan
    from chexinstruct.errors import CallError

    if plan is not None and any((weights, repeats, total, seed is not None)):
        raise CallError("--plan says it all; leave out --weights, --repeats, --total and --seed")
    asked = (
        read_plan(plan)
        if plan is not None
        else make_plan(
            weights=numbers_of("--weights", weights),
            repeats=numbers_of("--repeats", repeats),
            total=total,
            seed=seed,
        )
    )
    lock = mix_corpora(corpora, out, asked)
    print(rows_table(lock))
    for share in lock.mixed[-1].shares:
        again = f", {share.repeated:,} of them repeated" if share.repeated else ""
        print(
            f"{share.name}: {share.rows:,} rows of train ({share.share:.1%}) "
            f"of {share.available:,}{again}"
        )


@app.command("diff")
def diff_(
    before: Annotated[Path, typer.Argument(help="Folder of the one corpus.")],
    after: Annotated[Path, typer.Argument(help="Folder of the other.")],
    rows: Annotated[Path | None, typer.Option(help="CSV file to write: the rows.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell rows added, removed, changed and moved, why, and the version that this calls for.

    Example: chexinstruct diff corpus-1.2.0 corpus --rows changes.csv
    """
    from chexinstruct.corpus import diff, render_difference

    found = diff(before, after, rows=rows)
    if as_json:
        print_json(found)
    else:
        print(render_difference(found))
