"""Questions that a release asks more than once of the same pictures."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from chexinstruct.release import Release
from chexinstruct.schema import Question


def unequivocal(
    release: Release, questions: Iterable[tuple[Question, Hashable]], *, known: bool
) -> Iterator[Question]:
    """The questions of one study, each once, in the order in which they are first asked.

    Two are the same if they name the same pictures and have the same wording or the same meaning;
    the case of letters does not matter, nor does it in answers.
    Of those that agree the first is kept, and the others are the expected reject
    ``duplicate_question``. Of those whose answers differ none is kept (``contradictory_answers``):
    nothing says which is right.

    Args:
        release: takes the rejects, at the questions' origins.
        questions: each with what it means; the text where nothing else tells.
        known: whether the official release is known to contradict itself.
    """
    groups: list[list[Question]] = []
    place: dict[Hashable, int] = {}
    for question, meaning in questions:
        pictures = (question.prior, question.images)
        keys = ((*pictures, "text", question.text.casefold()), (*pictures, "meaning", meaning))
        at = next((place[key] for key in keys if key in place), len(groups))
        if at == len(groups):
            groups.append([])
        groups[at].append(question)
        for key in keys:
            place.setdefault(key, at)
    for first, *others in groups:
        if all(_answers(other) == _answers(first) for other in others):
            yield first
            for other in others:
                _reject(release, other, "duplicate_question", "it was asked before", expected=True)
        else:
            for one in (first, *others):
                _reject(
                    release,
                    one,
                    "contradictory_answers",
                    "the same question has another answer elsewhere",
                    expected=known,
                )


def _answers(question: Question) -> set[str]:
    return {answer.casefold() for answer in question.answers}


def _reject(
    release: Release, question: Question, reason: str, detail: str, *, expected: bool
) -> None:
    assert question.origin is not None, "a question that is compared says where it stands"
    release.reject(question.origin.file, question.origin.row, reason, detail, expected=expected)
