"""Question answering: native questions of a release about pictures, or about a passage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from chexinstruct.reports.cues import DEIDENTIFIED
from chexinstruct.schema import Facts, Image, Question, Study, joined
from chexinstruct.tasks.contract import Context, Drop, Policies, task
from chexinstruct.tasks.needs import (
    QuestionTest,
    closed_question,
    difference_question,
    open_question,
)

YES_NO = {"yes": "Yes", "no": "No"}

NOT_ANSWERABLE = "Not answerable"
"""The answer to a question whose passage does not hold one; every phrasing asks for it by name."""


class _Asked(NamedTuple):
    question: Question
    images: tuple[Image, ...]


def _asked(study: Study, kind: QuestionTest) -> Iterator[_Asked | Drop]:
    """The study's questions of one kind with their pictures: prior first, then as named."""
    pictures = {image.key: image for image in study.images}
    for question in filter(kind, study.questions):
        keys = (*question.prior, *question.images)
        images = tuple(pictures[key] for key in keys if key in pictures)
        if not any(answer.strip() for answer in question.answers):
            yield Drop(reason="no_answer")
        elif question.doubt is not None:
            yield Drop(reason=question.doubt)
        elif len(images) < len(keys):
            yield Drop(reason="missing_picture")
        else:
            yield _Asked(question, images)


def _facts(
    asked: _Asked,
    form: str,
    *,
    answers: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    balance: str | None = None,
) -> Facts:
    """The facts of a question; ``answers`` in other words than the release's own.

    Other wordings that count as right are accepted answers, but never options.
    """
    question = asked.question
    answers = answers or question.answers
    accepted = answers if options else tuple(dict.fromkeys((*answers, *question.references)))
    earlier = "".join(f"Q: {turn.question}\nA: {turn.answer}\n" for turn in question.history)
    return Facts(
        key=question.id,
        form=form,
        images=asked.images,
        slots={
            "question": question.text,
            "history": f"{earlier}\n" if earlier else "",
            "answer": joined(answers),
        },
        options=options,
        answers=accepted,
        history=question.history,
        balance=balance,
        language=question.language,
        attributes=_attributes(question),
    )


def _attributes(question: Question) -> str | None:
    if not question.attributes:
        return None
    return msgspec.json.encode(question.attributes, order="sorted").decode()


@task(
    "open_ended_vqa",
    "qa",
    "Open-ended visual question answering",
    needs=("images", "open_questions"),
)
def open_ended_vqa(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Answer an open question about pictures.

    Questions in another language than English stand alone, in the form ``plain``.
    """
    for asked in _asked(study, open_question):
        if isinstance(asked, Drop):
            yield asked
        else:
            yield _facts(asked, "open" if asked.question.language == "en" else "plain")


@task(
    "close_ended_vqa",
    "qa",
    "Close-ended visual question answering",
    needs=("images", "closed_questions"),
)
def close_ended_vqa(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Answer a closed question about pictures.

    Yes/no questions are asked with and without options, and balanced where the release puts them to
    all its studies alike. Options of the release are shown, as
    ``choice`` where one of them is right and ``list`` where several may be; other closed questions
    take a short answer. Questions in another language than English stand alone.
    """
    for asked in _asked(study, closed_question):
        yield asked if isinstance(asked, Drop) else _closed(asked, context)


def _closed(asked: _Asked, context: Context) -> Facts | Drop:
    question = asked.question
    if question.language != "en":
        # What the styles say about options is English.
        if question.options:
            return Drop(reason="options_not_in_english")
        return _facts(asked, "plain")
    options = question.options
    answers = question.answers
    if (
        len(answers) == 1
        and (answer := YES_NO.get(_folded(answers[0])))
        and (not options or sorted(map(_folded, options)) == sorted(YES_NO))
    ):
        balance = None if question.group is None else f"{question.group}/{answer}"
        if context.draw(question.id).chance(0.5):
            options = tuple(YES_NO.values())
            return _facts(
                asked, "yes_no_options", answers=(answer,), options=options, balance=balance
            )
        return _facts(asked, "yes_no", answers=(answer,), balance=balance)
    if not options:
        return _facts(asked, "short")
    if len(options) == 1:
        return Drop(reason="single_option")
    if len(set(options)) < len(options):
        return Drop(reason="equal_options")
    if not set(answers) <= set(options):
        return Drop(reason="answer_not_among_options")
    form = "list" if question.several or len(answers) > 1 else "choice"
    return _facts(asked, form, options=options)


@task(
    "difference_vqa",
    "qa",
    "Difference visual question answering",
    needs=("images", "difference_questions"),
)
def difference_vqa(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Answer a question that compares a prior with a current picture, shown in this order."""
    for asked in _asked(study, difference_question):
        if isinstance(asked, Drop):
            yield asked
        elif asked.question.language != "en":
            # Which picture is the earlier one is said in English.
            yield Drop(reason="question_not_in_english")
        elif len(asked.images) > 2:
            yield Drop(reason="several_pictures")
        else:
            yield _facts(asked, "compare")


def _folded(text: str) -> str:
    return text.strip().rstrip(".").casefold()


@task("text_qa", "qa", "Text question answering", needs=("text_questions",))
def text_qa(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Answer a question from a passage, or say that it holds no answer; no picture is shown."""
    for question in study.questions:
        if question.context is not None and not question.images:
            yield _from_passage(question, question.context, context.policies)


def _from_passage(question: Question, passage: str, policies: Policies) -> Facts | Drop:
    if question.language != "en":
        return Drop(reason="not_in_english")
    if question.answers:
        accepted = (joined(question.answers), *question.references)
        if policies.text == "clean" and "deidentified" in policies.leaks:
            # A mask in the passage hides a name or a date; in the answer it hides the answer.
            accepted = tuple(text for text in accepted if not DEIDENTIFIED.search(text))
        if not accepted:
            return Drop(reason="masked_answer")
    else:
        accepted = (NOT_ANSWERABLE,)
    return Facts(
        key=question.id,
        form="passage",
        slots={
            "heading": (question.section or "passage").capitalize(),
            "passage": passage,
            "question": question.text,
            "not_answerable": NOT_ANSWERABLE,
            "answer": accepted[0],
        },
        answers=tuple(dict.fromkeys(accepted)),
        attributes=_attributes(question),
    )
