"""Exports of a bench loaded and scored by the harnesses themselves: ``pytest -m readers``.

Needs one of the dependency groups ``readers-lm-eval``, ``readers-lmms-eval``, ``readers-inspect``
and ``readers-vlmeval``, on a CPU. A harness that is not installed is skipped. Each is run to the
end with a scripted model, and has to give the scores that were counted by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness_support import ACCURACY, FINE, MEAN, PARSED, TEXT, TIME, VQA, harness_bench, said

from chexinstruct.bench.harness import export_bench
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.opening import open_bench

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]

Export = Callable[[str], Path]
SYSTEM = "You are a helpful assistant."


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return harness_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def origin(bench: Path) -> dict[str, BenchItem]:
    return {item.id: item for item in open_bench(bench).items}


@pytest.fixture
def exported(bench: Path, tmp_path: Path) -> Export:
    """Moved after it was written: an export may lie anywhere."""

    def make(name: str) -> Path:
        style = None if name == "vlmevalkit" else "chexbench_v2"
        export_bench(bench, tmp_path / "first", name, style=style)
        return (tmp_path / "first").rename(tmp_path / name)

    return make


def test_lm_eval_scores_as_counted_by_hand(exported: Export) -> None:
    pytest.importorskip("lm_eval")
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    class Scripted(LM):  # type: ignore[misc]
        MULTIMODAL = True
        asked: list[Any]

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            self.asked = [request.args for request in requests]
            return [said(request.args[0]) for request in requests]

        def loglikelihood(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    out = exported("lm-eval")
    manager = TaskManager(include_path=str(out), include_defaults=False)
    model = Scripted()
    results = simple_evaluate(model, tasks=["chexbench"], task_manager=manager)["results"]
    for cell, accuracy in ACCURACY.items():
        assert results[f"chexbench_{cell}"]["acc,none"] == pytest.approx(accuracy)
        assert results[f"chexbench_{cell}"]["parse_rate,none"] == pytest.approx(PARSED[cell])
    assert results["chexbench"]["acc,none"] == pytest.approx(MEAN)
    for text, _, held in model.asked:
        assert text.startswith(SYSTEM)
        assert text.count("<image>") == len(held["visual"])
    assert sorted(len(held["visual"]) for *_, held in model.asked) == [1] * 40 + [2] * 3

    text = simple_evaluate(Scripted(), tasks=[f"chexbench_{TEXT}"], task_manager=manager)
    assert text["results"][f"chexbench_{TEXT}"]["rouge_l,none"] == pytest.approx(0.75)


@pytest.mark.parametrize("kind", ["simple", "chat"])
def test_lmms_eval_scores_as_counted_by_hand(
    kind: str, exported: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lmms_eval")
    from lmms_eval.api.model import lmms
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    asked: list[tuple[str, list[Any]]] = []

    class Scripted(lmms):  # type: ignore[misc]
        is_simple = kind == "simple"

        def generate_until(self, requests: list[Any]) -> list[str]:
            return [said(self._shown(*request.args)) for request in requests]

        def _shown(self, *args: Any) -> str:
            if self.is_simple:
                text, _, to_visual, number, task, split = args
                asked.append((text, to_visual(self.task_dict[task][split][number])))
                return str(text)
            _, to_messages, _, number, task, split = args
            *system, user = to_messages(self.task_dict[task][split][number])
            assert [turn["content"][0]["text"] for turn in system] == [SYSTEM]
            *pictures, words = user["content"]
            asked.append((words["text"], [picture["url"] for picture in pictures]))
            return str(words["text"])

        def loglikelihood(self, requests: list[Any]) -> Any:
            raise NotImplementedError

        generate_until_multi_round = loglikelihood

    manager = TaskManager(
        include_path=str(exported("lmms-eval")), include_defaults=False, model_name="scripted"
    )
    names = ["chexbench", f"chexbench_{TEXT}"]
    found = simple_evaluate(model=Scripted(), tasks=names, task_manager=manager, batch_size=1)
    results = found["results"]
    for cell, accuracy in ACCURACY.items():
        assert results[f"chexbench_{cell}"]["accuracy,none"] == pytest.approx(accuracy)
        assert results[f"chexbench_{cell}"]["parse_rate,none"] == pytest.approx(PARSED[cell])
    # Two items of each patient, one right and one wrong: patients do not differ at all.
    clustered = results[f"chexbench_{FINE}"]["accuracy_stderr_clustered,none"]
    assert clustered < results[f"chexbench_{FINE}"]["accuracy_stderr_clt,none"] / 3
    assert results["chexbench"]["accuracy,none"] == pytest.approx(MEAN)
    assert results[f"chexbench_{TEXT}"]["rouge_l,none"] == pytest.approx(0.75)
    assert sorted(len(pictures) for _, pictures in asked) == [0] * 7 + [1] * 40 + [2] * 3
    (old, new) = next(pictures for _, pictures in asked if len(pictures) == 2)
    assert (old.getpixel((5, 5)), new.getpixel((5, 5))) == ((30,) * 3, (220,) * 3)


def test_inspect_scores_as_counted_by_hand(
    exported: Export,
    origin: dict[str, BenchItem],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("inspect_ai")
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    shown: list[int] = []

    def answer(messages: list[Any], *_: Any) -> ModelOutput:
        (user,) = [message for message in messages if message.role == "user"]
        assert [m.text for m in messages if m.role == "system"] == [SYSTEM]
        shown.append(sum(part.type == "image" for part in user.content))
        output = ModelOutput.from_content("mockllm", said(user.text))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    def run(**arguments: Any) -> Any:
        (log,) = inspect_eval(
            "chexbench.py",
            model=get_model("mockllm/model", custom_outputs=answer),
            task_args=arguments,
            log_dir=str(tmp_path / "logs"),
            display="none",
        )
        assert log.status == "success", log.error
        return log

    monkeypatch.chdir(exported("inspect"))
    log = run()
    metrics = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    right = sum(ACCURACY[cell] * n for cell, n in ((VQA, 24), (FINE, 16), (TIME, 3)))
    assert metrics["accuracy"] == pytest.approx(right / 43)
    assert metrics["mean of tasks and sources"] == pytest.approx(MEAN)
    assert {cell: metrics[cell] for cell in ACCURACY} == pytest.approx(ACCURACY)
    assert sorted(shown) == [1] * 40 + [2] * 3
    for sample in log.samples:
        score = sample.scores["choice"]
        assert tuple(sample.choices) == origin[sample.id].options
        assert score.explanation in ("letter", "ambiguous", "refused")
        if score.value == "C":
            assert score.answer == sample.target

    found = run(form="text").results.scores[0].metrics
    assert found["mean"].value == pytest.approx(0.75)


def test_vlmevalkit_scores_as_counted_by_hand(
    exported: Export,
    origin: dict[str, BenchItem],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kit reads answers by its own rules, so that this model gives letters alone."""
    pytest.importorskip("vlmeval")
    from PIL import Image

    out = exported("vlmevalkit")
    monkeypatch.setenv(
        "LMUData", str(out)
    )  # before the import: the kit reads it late, others early
    from vlmeval.dataset import build_dataset

    dataset = build_dataset("CheXbench")
    assert type(dataset).__name__ == "CustomMCQDataset" and len(dataset) == 43
    for number in range(len(dataset)):
        row = dataset[number]
        item = origin[row["id"]]
        *pictures, words = dataset.build_prompt(number)
        sizes = [Image.open(picture["value"]).size for picture in pictures]
        assert sizes == [(image.width, image.height) for image in item.images]
        assert item.question in words["value"]
        for letter, option in zip("ABC", item.options, strict=False):
            assert f"\n{letter}. {option}\n" in words["value"]
    predictions = dataset.data.drop(columns="image").assign(prediction="A")
    file = tmp_path / "scripted_CheXbench.xlsx"
    predictions.to_excel(file, index=False)
    scores = dataset.evaluate(str(file), model="exact_matching", nproc=1)
    choices = [item for item in origin.values() if item.form == "choice"]
    assert scores["Overall"][0] == pytest.approx(sum(i.answer == 0 for i in choices) / 43)
    assert scores[TIME][0] == pytest.approx(1 / 3)
