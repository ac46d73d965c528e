"""Texts against references."""

from __future__ import annotations

from pathlib import Path

import pytest

from chexinstruct.bench import clinical_metrics, text_metrics
from chexinstruct.bench.clinical_metrics import clinical_scores
from chexinstruct.bench.text_metrics import cleaned, item_scores, set_scores

REFERENCE = "there is no pleural effusion or pneumothorax"


def test_rouge_of_a_published_pair() -> None:
    scores = item_scores(["no pleural effusion. no pneumothorax."], [REFERENCE])
    found = {name: round(values[0], 4) for name, values in scores.items.items() if "rouge" in name}
    assert found == {"rouge_1": 0.6667, "rouge_2": 0.4, "rouge_l": 0.6667}


def test_the_same_text_is_perfect_and_an_empty_one_is_nothing() -> None:
    text = "[1] The heart is **mildly** enlarged, and the lungs are clear."
    same, empty = "the heart is mildly enlarged, and the lungs are clear.", ""
    for name, (first, second) in item_scores([same, empty], [text, text]).items.items():
        assert (round(first, 6), second) == (1, 0), name
    scores = set_scores([same, empty], [text, text])
    assert 0 < scores.whole["bleu_4"] < 1
    assert all(0 <= value <= 1 for value in scores.whole.values())
    assert "version:" in scores.signatures["bleu_4"]


def test_cleaning() -> None:
    assert cleaned(" The [___]  **Heart**\nis  big ") == "the heart is big"


def test_missing_package_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = text_metrics.find_spec
    monkeypatch.setattr(text_metrics, "find_spec", lambda n: None if n == "sacrebleu" else real(n))
    assert item_scores(["a b"], ["a b"]).items["rouge_l"] == [1.0]
    scores = set_scores(["a b"], ["a b"])
    assert "chexinstruct[bench]" in scores.not_computed["bleu"] and scores.whole == {}


def test_missing_weights_are_named_and_never_a_zero(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clinical_metrics, "find_spec", lambda name: name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scores = clinical_scores(["a"], ["a"])
    assert scores.items == scores.whole == {}
    assert str(tmp_path / "chexbert" / "chexbert.pth") in scores.not_computed["f1_chexbert"]
    assert scores.not_computed["radgraph_f1"].startswith("not computed: no weights")
