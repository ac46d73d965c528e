"""Text metrics that need the weights of a model, by the packages of their authors.

Nothing is fetched: where a package or a file is missing, the metric is told as not computed, with
what is missing and where it belongs, and all others go on. Scores can be added later, on another
machine, since they are made from the saved answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from chexinstruct.bench.text_metrics import TextScores, cleaned

_INSTALL = "install it with: pip install 'chexinstruct[bench-clinical]'"


def clinical_scores(answers: Sequence[str], references: Sequence[str]) -> TextScores:
    """F1-CheXbert and RadGraph F1, as far as their weights are there.

    Args:
        answers: as the model gave them; empty where it gave none.
        references: of the same items.
    """
    scores = TextScores()
    said, right = [cleaned(text) for text in answers], [cleaned(text) for text in references]
    metrics: dict[str, tuple[str, Path, Callable[[list[str], list[str], TextScores], None]]] = {
        "f1_chexbert": (
            "f1chexbert",
            Path(platformdirs.user_cache_dir("chexbert")) / "chexbert.pth",
            _chexbert,
        ),
        "radgraph_f1": ("radgraph", _radgraph_home() / "radgraph" / "weights.th", _radgraph),
    }
    for metric, (package, weights, score) in metrics.items():
        if find_spec(package) is None:
            scores.not_computed[metric] = f"not computed: no package {package}; {_INSTALL}"
        elif not weights.exists():
            scores.not_computed[metric] = (
                f"not computed: no weights; put them at {weights} (docs/bench-runs.md)"
            )
        else:
            try:
                score(said, right, scores)
            except Exception as error:  # third-party code: its failure is not the run's
                scores.not_computed[metric] = f"not computed: {package}: {type(error).__name__}"
    return scores


def _chexbert(answers: list[str], references: list[str], scores: TextScores) -> None:
    """Micro and macro F1 over 14 and over 5 observations.

    Uncertain counts as positive. A label that neither side has counts 0 in the macro mean, as in
    scikit-learn.
    """
    from f1chexbert import F1CheXbert

    _, _, fourteen, five = F1CheXbert()(hyps=answers, refs=references)
    for name, report in (("14", fourteen), ("5", five)):
        for mean in ("micro", "macro"):
            scores.whole[f"f1_chexbert_{mean}_{name}"] = float(report[f"{mean} avg"]["f1-score"])


def _radgraph_home() -> Path:
    return Path(platformdirs.user_cache_dir("radgraph-weights"))


def _radgraph(answers: list[str], references: list[str], scores: TextScores) -> None:
    """Entities with label and whether they have a relation: the level ``partial``."""
    from radgraph import F1RadGraph

    scorer = F1RadGraph(
        reward_level="partial", model_type="radgraph", model_cache_dir=str(_radgraph_home())
    )
    _, values, _, _ = scorer(hyps=answers, refs=references)
    scores.items["radgraph_f1_partial"] = [float(value) for value in values]
