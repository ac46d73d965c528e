"""How near a generated text is to its reference, by words alone; all numbers are in 0..1.

Texts are cleaned as CheXbench's published code cleans them: text in square brackets and bold marks
go, spaces are joined, letters are made small. An empty answer scores 0 and stays in every mean.
Sources: ROUGE (Lin 2004) by ``rouge-score`` with stemming; BLEU and chrF by ``sacrebleu``, whose
signature is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

ROUGE = ("rouge_1", "rouge_2", "rouge_l")

_BRACKETS = re.compile(r"\[[^\]]*\]")


def cleaned(text: str) -> str:
    """The text as it is scored."""
    return " ".join(_BRACKETS.sub(" ", text).replace("**", " ").split()).lower()


@dataclass
class TextScores:
    """Scores of one set of answers."""

    items: dict[str, list[float]] = field(default_factory=dict)
    """Metric -> its value for each item, in order."""
    whole: dict[str, float] = field(default_factory=dict)
    """Metrics of the set as a whole, such as corpus BLEU."""
    signatures: dict[str, str] = field(default_factory=dict)
    not_computed: dict[str, str] = field(default_factory=dict)
    """Metric -> what is missing, and where to put it."""

    def merge(self, other: TextScores) -> None:
        """Take up the scores of further metrics."""
        self.items |= other.items
        self.whole |= other.whole
        self.signatures |= other.signatures
        self.not_computed |= other.not_computed


_PACKAGES = {"rouge_score": ROUGE, "sacrebleu": ("bleu", "chrf")}


def item_scores(answers: Sequence[str], references: Sequence[str]) -> TextScores:
    """ROUGE, BLEU and chrF of each answer.

    Args:
        answers: as the model gave them; empty where it gave none.
        references: of the same items, none empty once cleaned.
    """
    scores = TextScores(not_computed=_missing())
    pairs = [(cleaned(a), cleaned(r)) for a, r in zip(answers, references, strict=True)]
    if "rouge_l" not in scores.not_computed:
        from rouge_score.rouge_scorer import RougeScorer

        kinds = ("rouge1", "rouge2", "rougeL")
        scorer = RougeScorer(list(kinds), use_stemmer=True)
        found = [scorer.score(right, said) for said, right in pairs]
        for metric, kind in zip(ROUGE, kinds, strict=True):
            scores.items[metric] = [one[kind].fmeasure for one in found]
    if "bleu" not in scores.not_computed:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

        for name, one in (("sentence_bleu", BLEU(effective_order=True)), ("sentence_chrf", CHRF())):
            scores.items[name] = [one.sentence_score(a, [r]).score / 100 for a, r in pairs]
    return scores


def set_scores(answers: Sequence[str], references: Sequence[str]) -> TextScores:
    """BLEU and chrF of a set of answers as a whole.

    Args:
        answers: as the model gave them; empty where it gave none.
        references: of the same items, none empty once cleaned.
    """
    scores = TextScores(not_computed=_missing())
    if "bleu" in scores.not_computed:
        return scores
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    said, right = [cleaned(text) for text in answers], [cleaned(text) for text in references]
    metrics = {f"bleu_{order}": BLEU(max_ngram_order=order) for order in (1, 2, 3, 4)}
    for name, metric in (metrics | {"chrf": CHRF()}).items():
        scores.whole[name] = metric.corpus_score(said, [right]).score / 100
        scores.signatures[name] = str(metric.get_signature())
    return scores


def _missing() -> dict[str, str]:
    reason = "not computed: install it with: pip install 'chexinstruct[bench]'"
    missing = (m for package, m in _PACKAGES.items() if find_spec(package) is None)
    return {metric: reason for metrics in missing for metric in metrics}
