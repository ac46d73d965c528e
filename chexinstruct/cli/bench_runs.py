"""Verbs that run models on a bench, score them, and compare them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chexinstruct.cli.bench_app import bench_app
from chexinstruct.cli.parameters import AsJson, Sources, Tasks
from chexinstruct.cli.printing import print_json
from chexinstruct.errors import CallError


class Mode(StrEnum):
    """How a choice is made."""

    generate = "generate"
    likelihood = "likelihood"


class Pictures(StrEnum):
    """What a model is shown."""

    shown = "shown"
    blank = "blank"
    shuffled = "shuffled"
    none = "none"


class Shape(StrEnum):
    """How a local model is asked."""

    chat = "chat"
    chexagent2 = "chexagent2"


Runs = Annotated[list[Path], typer.Argument(help="Folders of runs.")]
WhereBench = Annotated[
    Path | None, typer.Option("--bench", help="Folder of the bench, if it was moved.")
]
WhichCorpus = Annotated[
    Path | None,
    typer.Option("--corpus", help="Corpus that the model was trained on; shared items are told."),
]
Resamples = Annotated[int, typer.Option(min=100, help="Of the bootstrap.")]


@bench_app.command("run")
def run_(
    bench: Annotated[Path, typer.Argument(help="Folder of a bench.")],
    model: Annotated[
        str,
        typer.Option(
            help="endpoint:NAME, transformers:PATH, callable:MODULE:FUNCTION, answers:FILE, or a "
            "baseline such as question-prior."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    style: Annotated[
        str, typer.Option(help="Prompt style by name, or the YAML file of one.")
    ] = "letters",
    mode: Annotated[
        Mode, typer.Option(help="Let it answer, or score the options.")
    ] = Mode.generate,
    dialect: Annotated[str, typer.Option(help="How boxes are written.")] = "chexagent2",
    pictures: Annotated[Pictures, typer.Option(help="What is shown.")] = Pictures.shown,
    permute: Annotated[
        str | None, typer.Option(help="Ask each choice under N rotations of its options, or all.")
    ] = None,
    task: Tasks = None,
    source: Sources = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Items a task and source.")] = None,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    endpoint: Annotated[
        str | None, typer.Option(help="Base URL of a server of chat completions.")
    ] = None,
    key_variable: Annotated[
        str | None, typer.Option(help="Environment variable that holds its key.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for one call.")] = 120.0,
    workers: Annotated[int, typer.Option(min=1, help="Questions to the server at once.")] = 4,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE of the request, VALUE in YAML; repeatable."),
    ] = None,
    approved: Annotated[
        str | None,
        typer.Option(help="Why the server may be sent credentialed items; it is recorded."),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 512,
    shape: Annotated[Shape, typer.Option(help="How a local model is asked.")] = Shape.chat,
    device: Annotated[str | None, typer.Option(help="Of torch.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Of torch, e.g. bfloat16.")] = None,
    remote_code: Annotated[
        bool, typer.Option("--remote-code", help="Run Python that comes with the model.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Cache folder; default $CHEXINSTRUCT_CACHE or your own.")
    ] = None,
    corpus: WhichCorpus = None,
    resamples: Resamples = 2000,
    as_json: AsJson = False,
) -> None:
    """Ask a model all questions of a bench and score it, or go on with a run.

    Example: chexinstruct bench run bench --model endpoint:NAME --endpoint URL --out runs/name
    """
    from chexinstruct.bench.models import ModelOptions, baselines, load_model, request_fields
    from chexinstruct.bench.running import RunOptions, run
    from chexinstruct.bench.scoring import score

    options = ModelOptions(
        endpoint=endpoint,
        key_variable=key_variable,
        timeout=timeout,
        workers=workers,
        fields=request_fields(assignments or ()),
        shape=shape.value,
        device=device,
        dtype=dtype,
        max_new_tokens=max_new_tokens,
        remote_code=remote_code,
    )
    ended = run(
        bench,
        model if model in baselines.FORMS else load_model(model, options),
        out,
        RunOptions(
            style=style,
            mode=mode.value,
            dialect=dialect,
            pictures=pictures.value,
            rotations=_rotations(permute),
            tasks=tuple(task or ()),
            sources=tuple(source or ()),
            limit=limit,
            seed=seed,
            approved=approved,
            corpus=corpus,
            cache=cache,
            progress=sys.stderr.isatty(),
        ),
    )
    scores = score(out, bench, resamples=resamples, seed=seed)
    if as_json:
        print_json(scores)
        return
    _print_scores(out)
    print(f"\n{ended.asked:,} questions asked now.", end="")
    if ended.failed:
        print(f" {ended.failed:,} got no answer and count as wrong; run again to ask them again.")
    else:
        print()


def _rotations(permute: str | None) -> int:
    if permute is None:
        return 1
    if permute == "all":
        return 26  # as many as there are letters; each item takes as many as it has options
    if not permute.isdecimal() or int(permute) < 1:
        raise CallError(f"--permute {permute}: write a number of rotations, or all")
    return int(permute)


def _print_scores(run: Path) -> None:
    from chexinstruct.bench.markdown import overview
    from chexinstruct.bench.reporting import read_scored

    print(overview(read_scored([run])))


@bench_app.command("score")
def score_(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    bench: WhereBench = None,
    corpus: WhichCorpus = None,
    resamples: Resamples = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Score the answers of a run once more, without any model.

    Example: chexinstruct bench score runs/name
    """
    from chexinstruct.bench.scoring import score

    scores = score(run, bench, corpus=corpus, resamples=resamples, seed=seed)
    if as_json:
        print_json(scores)
    else:
        _print_scores(run)


@bench_app.command("compare")
def compare_(
    a: Annotated[Path, typer.Argument(help="Folder of a run.")],
    b: Annotated[Path, typer.Argument(help="Folder of another one.")],
    bench: WhereBench = None,
    resamples: Resamples = 2000,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare two runs on the items that both have.

    Example: chexinstruct bench compare runs/one runs/other
    """
    from chexinstruct.bench.comparing import compare, render_comparison

    found = compare(a, b, bench=bench, resamples=resamples, seed=seed)
    if as_json:
        print_json(found)
    else:
        print(render_comparison(found))


@bench_app.command("report")
def report_(
    runs: Runs,
    html: Annotated[Path | None, typer.Option(help="Write a page for readers.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the whole as Markdown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put the scores of runs side by side.

    Example: chexinstruct bench report runs/one runs/other --html report.html
    """
    from chexinstruct.bench.markdown import markdown as as_markdown
    from chexinstruct.bench.markdown import overview
    from chexinstruct.bench.page import page
    from chexinstruct.bench.reporting import read_scored

    scored = read_scored(runs)
    if html is not None:
        html.write_text(page(scored), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(as_markdown(scored), encoding="utf-8")
    if as_json:
        print_json({run.label: run.scores for run in scored})
    elif html is None and markdown is None:
        print(as_markdown(scored), end="")
    else:
        print(overview(scored))
