"""Reading answers to multiple-choice questions."""

from __future__ import annotations

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.bench.answers import STATUSES, normalised, read_answer
from chexinstruct.bench.legacy import legacy_choice

SIDES = ("left pleural effusion", "right pleural effusion")
YES_NO = ("yes", "no")
VIEWS = ("PA", "AP", "lateral")

FIXTURES = [
    (SIDES, "B", "B"),
    (SIDES, "(b)", "B"),
    (SIDES, "B.", "B"),
    (SIDES, "**B**", "B"),
    (SIDES, "$B$", "B"),
    (SIDES, "ANSWER: (B)", "B"),
    (SIDES, r"\boxed{B}", "B"),
    (SIDES, "Right pleural effusion.", "B"),
    (SIDES, "B) right pleural effusion", "B"),
    (SIDES, "B) left pleural effusion", "ambiguous"),
    (SIDES, "(A) or (B)", "ambiguous"),
    (SIDES, "I first thought (A). The answer is B", "B"),
    (SIDES, "A chest X-ray shows a right pleural effusion", "B"),
    (SIDES, "Both sides", "unparsed"),
    (SIDES, "The effusion is on the right", "unparsed"),
    (SIDES, "C", "unparsed"),
    (SIDES, "", "empty"),
    (SIDES, "I cannot interpret medical images", "refused"),
    (SIDES, "<think>(A)</think> B", "B"),
    (SIDES, "<think>(A) maybe", "unparsed"),
    (SIDES, "The answer is a right pleural effusion", "B"),
    (YES_NO, "No, there is none", "B"),
    (YES_NO, "Yes.", "A"),
    (YES_NO, "no evidence of pneumothorax", "B"),
    (YES_NO, "Normal", "unparsed"),
    (YES_NO, "I am not sure, no image was given", "unparsed"),
    (VIEWS, "PA", "A"),
    (VIEWS, "AP view", "B"),
    (VIEWS, "Frontal", "unparsed"),
]
"""The answers that any parser of this benchmark has to read alike."""

FURTHER = [
    (SIDES, None, "error"),
    (SIDES, " \n", "empty"),
    (SIDES, "Ｂ", "B"),
    (SIDES, "&lt;answer&gt;B&lt;/answer&gt;", "B"),
    (SIDES, "reasoning (A) ... </think>\n\n(B)", "B"),
    (SIDES, '{"reasoning": "not (A)", "answer": "B"}', "B"),
    (SIDES, '```json\n{"answer": "right pleural effusion"}\n```', "B"),
    (SIDES, r"$\boxed{\text{B}}$", "B"),
    (SIDES, r"\boxed{A}, no: \boxed{B}", "B"),
    (SIDES, r"\boxed{}", "unparsed"),
    (SIDES, "The answer is B because the costophrenic angle is blunted.", "B"),
    (SIDES, "The answer is A because the costophrenic angle is blunted.", "A"),
    (SIDES, "The answer is A or B", "ambiguous"),
    (SIDES, "The answer is (A) or (B)", "ambiguous"),
    (SIDES, "**Answer:** B", "B"),
    (SIDES, "The correct answer is option (B).", "B"),
    (SIDES, "I would not choose A.", "unparsed"),
    (SIDES, "Option B", "B"),
    (SIDES, "B\n\nThe left side is clear.", "B"),
    (SIDES, "B - right pleural effusion", "B"),
    (SIDES, "A right pleural effusion", "B"),
    (SIDES, "Marker (R). It is (B).", "B"),
    (SIDES, "left pleural effusion and right pleural effusion", "ambiguous"),
    (SIDES, "A: as an AI, I cannot be sure", "A"),
    (("effusion", "no effusion"), "There is no effusion here", "B"),
    (("yes", "no"), "The answer is no.", "B"),
    (("yes", "no"), "A. Yes, there is no pneumothorax", "A"),
    (("yes", "no"), "A. No", "ambiguous"),
    (("yes", "no"), "I'm sorry, but I can't help with that.", "refused"),
    (("one", "one"), "one", "ambiguous"),
]


@pytest.mark.parametrize(("options", "text", "expected"), FIXTURES + FURTHER)
def test_answer_is_read_as_written(
    options: tuple[str, ...], text: str | None, expected: str
) -> None:
    reading = read_answer(text, options)
    told = reading.status if reading.choice is None else ascii_uppercase[reading.choice]
    assert told == expected, reading


FORMS = [
    "{}",
    "({})",
    "{}.",
    "**{}**",
    "Answer: {}",
    "The answer is ({}).",
    "{}) {}",
    r"So it is \boxed{{{}}}",
    "<think>maybe (A), maybe (B)</think>\n{}",
    '{{"answer": "{}"}}',
    "I choose {}",
]
TEXTS = ("left effusion", "right effusion", "no effusion", "effusion", "cardiomegaly")


@given(st.permutations(TEXTS), st.sampled_from(FORMS), st.sampled_from(TEXTS))
def test_order_of_options_does_not_change_what_is_read(
    shown: list[str], form: str, meant: str
) -> None:
    letter = ascii_uppercase[shown.index(meant)]
    assert read_answer(form.format(letter, meant), shown).choice == shown.index(meant)
    assert read_answer(f"It shows {meant}.", shown).choice == shown.index(meant)


PIECES = st.sampled_from(
    [
        *("A", "B", "(", ")", "C", ".", ":", " ", "\n", "<think>", "</think>", "\\boxed{", "}"),
        *("answer", " is ", "yes", "no", "left", "<answer>", '{"answer": ', '"', "or", "not", "**"),
    ]
)
ANYTHING = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join))


@given(ANYTHING, st.sampled_from([SIDES, YES_NO, VIEWS, TEXTS]))
def test_any_text_gives_a_status_and_a_letter_only_with_an_option(
    text: str, options: tuple[str, ...]
) -> None:
    reading = read_answer(text, options)
    assert reading.status in STATUSES
    assert (reading.status == "letter") == (reading.choice in range(len(options)))
    if reading.span is not None:
        start, end = reading.span
        assert 0 <= start <= end <= len(normalised(text) or "")


def test_reading_a_long_answer_takes_no_time() -> None:
    for text in ("answer is " * 20_000, "(" * 100_000, "**" * 50_000, "\\boxed{" * 20_000):
        assert read_answer(text, SIDES).status in ("unparsed", "letter")


def test_legacy_reads_round_brackets_only_and_its_guess_is_seeded() -> None:
    assert legacy_choice("so (B) it is", 2, seed=0, item="x") == (1, False)
    assert legacy_choice("(C)", 2, seed=0, item="x") == (2, False)
    guesses = [legacy_choice("B.", 2, seed=0, item=str(i)) for i in range(400)]
    assert all(guessed for _, guessed in guesses)
    assert 150 < sum(choice for choice, _ in guesses) < 250
    assert guesses == [legacy_choice("B.", 2, seed=0, item=str(i)) for i in range(400)]
    assert guesses != [legacy_choice("B.", 2, seed=1, item=str(i)) for i in range(400)]
