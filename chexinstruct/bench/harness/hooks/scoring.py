"""Scores answers as ``chexinstruct bench score`` does, wherever this folder is copied to."""

from __future__ import annotations

from collections.abc import Sequence

from chexinstruct.bench.answers import read_answer
from chexinstruct.bench.text_metrics import cleaned


def score_choice(said: str | None, options: Sequence[str], answer: int) -> tuple[float, str, str]:
    """1.0 for the right option, else 0.0; the status of the reading; the letter read, or nothing.

    An answer that cannot be read is wrong.
    """
    reading = read_answer(said, options)
    letter = "" if reading.choice is None else chr(ord("A") + reading.choice)
    return float(reading.choice == answer), reading.status, letter


def score_text(said: str | None, reference: str) -> float:
    """ROUGE-L of an answer, 0..1, both texts cleaned as CheXbench's published code cleans them.

    Raises:
        RuntimeError: the package rouge-score is missing.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise RuntimeError("ROUGE-L needs a package: pip install rouge-score") from None
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    return float(scorer.score(cleaned(reference), cleaned(said or ""))["rougeL"].fmeasure)
