"""A bench for exports to harnesses, and a model whose scores on it are known beforehand."""

from __future__ import annotations

from pathlib import Path

from bench_support import items, picture, write_items

from chexinstruct.bench.item import BenchItem, Construction

VQA = "visual_question_answering_slake"
FINE = "fine_grained_reasoning_openi"
TIME = "temporal_classification_ms_cxr_t"
TEXT = "findings_summarization_mimic_cxr"

ACCURACY = {VQA: 6 / 24, FINE: 8 / 16, TIME: 1 / 3}
"""What :func:`said` earns: the 8 items whose answer is yes, less the 2 of finding 3; every other
item, where right and left take turns; the second of three, where the answer is the second."""

MEAN = sum(ACCURACY.values()) / 3
PARSED = {VQA: 18 / 24, FINE: 1.0, TIME: 2 / 3}


def harness_bench(root: Path) -> Path:
    """The small bench, with items of two pictures."""
    found = items(root)
    for number in range(3):
        found.append(
            BenchItem(
                id=f"temporal_classification/ms_cxr_t/{number}/a",
                task="temporal_classification",
                source="ms_cxr_t",
                form="choice",
                split="test",
                study_id=str(number),
                cluster=f"ms_cxr_t-{number}",
                images=(picture(root, f"old{number}", 30), picture(root, f"new{number}", 220)),
                question=f"How did it change, in the case of number {number}?",
                options=("improved", "stable", "worsened"),
                answer=number,
                license="credentialed",
                redistribution="no",
                construction=Construction(rule="synthetic@1", seed=0, candidates=3),
            )
        )
    return write_items(root, found)


def said(prompt: str) -> str:
    """The answer of a model that does not look, in the ways in which models answer.

    It reads the question, and the letters only where it names an option by its letter. Of the items
    with the findings 0 to 3, six each, those with finding 3 have no answer that can be read.
    """
    if "finding 3" in prompt:
        return "It may be (A) or (B)."
    if "finding" in prompt and "present" in prompt:
        return "<think>Perhaps (B).</think>\n**Answer: yes**"
    if "number 0" in prompt and "change" in prompt:
        return "I cannot interpret medical images."
    if "change" in prompt:
        return "The answer is (B)."
    if "pleural effusion" in prompt:
        return "Right pleural effusion."
    return "no acute process"
