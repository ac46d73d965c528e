"""Questions that come with a release and are answered yes or no."""

from __future__ import annotations

from collections.abc import Iterator

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.chexbench.rules.views import others
from chexinstruct.schema import Question, Study


def slake(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """The English closed questions with the answers yes and no."""
    for question in study.questions:
        if question.language != "en":
            yield Refused("language")
        elif question.form == "open":
            yield Refused("open_question")
        elif question.split != study.split:
            yield Refused("question_of_another_split")
        else:
            yield _item(question, study, asking)


def rad_restruct(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """The first question on each area and kind of thing, on the first frontal picture.

    All studies are asked the same, so each question is a group whose answers are balanced. Under
    ``clean`` no question is asked whose answer the same report speaks against.
    """
    for question in study.questions:
        if question.attributes.get("level") != "area":
            yield Refused("follow_up_question")
        elif asking.strict and question.doubt:
            yield Refused(question.doubt)
        else:
            yield _item(question, study, asking, group=question.text)


def _item(
    question: Question, study: Study, asking: Asking, *, group: str = ""
) -> Candidate | Refused:
    side = ", ".join(question.answers).casefold()
    if side not in asking.part.sides:
        return Refused("other_answer")
    pictures = {image.key: image for image in study.images}
    images = asking.at_hand(tuple(pictures[key] for key in question.images[:1]))
    if not images:
        return Refused("missing_image")
    return Candidate(
        study=study,
        key=question.id,
        side=side,
        group=group,
        images=images,
        question=question.text,
        options=others(side, tuple(asking.part.sides.values())),
        slices=tuple(
            (name, question.attributes[name])
            for name in ("content_type", "path")
            if name in question.attributes
        ),
    )
