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


def word_scores(answers: Sequence[str], references: Sequence[str]) -> TextScores:
    """ROUGE, BLEU and chrF.

    Args:
        answers: as the model gave them; empty where it gave none.
        references: of the same items, none empty once cleaned.
    """
    scores = TextScores()
    said, right = [cleaned(text) for text in answers], [cleaned(text) for text in references]
    for package, metrics, score in (
        ("rouge_score", ROUGE, _rouge),
        ("sacrebleu", ("bleu", "chrf"), _sacrebleu),
    ):
        if find_spec(package) is None:
            reason = "not computed: install it with: pip install 'chexinstruct[bench]'"
            scores.not_computed |= dict.fromkeys(metrics, reason)
        else:
            score(said, right, scores)
    return scores


def _rouge(answers: Sequence[str], references: Sequence[str], scores: TextScores) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    kinds = ("rouge1", "rouge2", "rougeL")
    scorer = RougeScorer(list(kinds), use_stemmer=True)
    found = [scorer.score(right, said) for said, right in zip(answers, references, strict=True)]
    for metric, kind in zip(ROUGE, kinds, strict=True):
        scores.items[metric] = [one[kind].fmeasure for one in found]


def _sacrebleu(answers: Sequence[str], references: Sequence[str], scores: TextScores) -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    for order in (1, 2, 3, 4):
        bleu = BLEU(max_ngram_order=order)
        scores.whole[f"bleu_{order}"] = bleu.corpus_score(answers, [references]).score / 100
        scores.signatures[f"bleu_{order}"] = str(bleu.get_signature())
    chrf = CHRF()
    scores.whole["chrf"] = chrf.corpus_score(answers, [references]).score / 100
    scores.signatures["chrf"] = str(chrf.get_signature())
    sentence = BLEU(effective_order=True)
    pairs = list(zip(answers, references, strict=True))
    scores.items["sentence_bleu"] = [sentence.sentence_score(a, [r]).score / 100 for a, r in pairs]
    scores.items["sentence_chrf"] = [chrf.sentence_score(a, [r]).score / 100 for a, r in pairs]
