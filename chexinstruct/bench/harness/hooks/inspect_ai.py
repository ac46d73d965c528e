"""CheXbench in inspect_ai."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, grouped, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate

from chexinstruct.bench.harness.hooks.loading import load_scoring

HERE = Path(__file__).resolve().parent

scoring = load_scoring(__file__)


@scorer(
    metrics=[
        accuracy(),
        stderr(cluster="cluster"),
        grouped(accuracy(), "cell", all="groups", all_label="mean of tasks and sources"),
    ]
)
def choice() -> Scorer:
    """Exact accuracy; an answer that cannot be read is wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        options = [one.value for one in state.choices]
        said = state.output.completion
        right, status, letter = scoring.score_choice(said, options, state.metadata["answer"])
        return Score(value="C" if right else "I", answer=letter, explanation=status)

    return score


@scorer(
    metrics=[
        mean(),
        stderr(cluster="cluster"),
        grouped(mean(), "cell", all="groups", all_label="mean of tasks and sources"),
    ]
)
def rouge_l() -> Scorer:
    """ROUGE-L against the reference, 0..1."""

    async def score(state: TaskState, target: Target) -> Score:
        said = state.output.completion
        return Score(value=scoring.score_text(said, target.text), answer=said)

    return score


def _sample(item: dict[str, Any]) -> Sample:
    pictures = [ContentImage(image=str(HERE / name)) for name in item["images"]]
    user = ChatMessageUser(content=[*pictures, ContentText(text=item["text"])])
    system = [ChatMessageSystem(content=item["system"])] if item["system"] else []
    return Sample(
        id=item["id"],
        input=[*system, user],
        choices=item["options"] or None,
        target=item["target"],
        metadata={name: item[name] for name in ("task", "source", "cell", "cluster", "answer")},
    )


@task
def chexbench(form: str = "choice") -> Task:
    """CheXbench.

    Args:
        form: ``choice`` for questions with options, ``text`` for free answers.
    """
    lines = (HERE / "items.jsonl").read_text(encoding="utf-8").splitlines()
    items = [item for item in map(json.loads, lines) if item["form"] == form]
    return Task(
        dataset=MemoryDataset([_sample(item) for item in items], name=f"chexbench_{form}"),
        solver=generate(),
        scorer=choice() if form == "choice" else rouge_l(),
        config=GenerateConfig(temperature=0, max_tokens=512),
    )
