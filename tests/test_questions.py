from __future__ import annotations

from pathlib import Path

from chexinstruct.release import Release
from chexinstruct.schema import Origin, Question
from chexinstruct.shared.questions import unequivocal


def kept(folder: Path, *asked: tuple[str, str, str], known: bool = True) -> tuple[str, Release]:
    """What is left of questions told as wording, meaning and answers; numbered from 0."""
    release = Release.open(folder, source="made_up")
    questions = [
        (
            Question(
                id=str(i),
                text=text,
                answers=tuple(answers),
                form="open",
                images=("a",),
                origin=Origin(file="table.csv", row=i),
            ),
            meaning,
        )
        for i, (text, meaning, answers) in enumerate(asked)
    ]
    left = unequivocal(release, questions, known=known)
    return "".join(question.id for question in left), release


def test_the_first_of_questions_that_agree_is_kept(tmp_path: Path) -> None:
    asked = [("Where?", "w", "xy"), ("Why?", "?", "x"), ("where?", "other", "Yx")]
    left, release = kept(tmp_path, *asked, ("At which place?", "w", "xy"))
    assert left == "01"
    assert release.reject_counts == {("duplicate_question", True): 2}
    assert [reject.row for reject in release.rejects] == [2, 3]


def test_of_questions_that_disagree_none_is_kept(tmp_path: Path) -> None:
    asked = [("Where?", "w", "x"), ("Why?", "?", "x"), ("where?", "w", "x"), ("Site?", "w", "y")]
    for known in (True, False):
        left, release = kept(tmp_path, *asked, known=known)
        assert left == "1"
        assert release.reject_counts == {("contradictory_answers", known): 3}


def test_other_pictures_make_another_question(tmp_path: Path) -> None:
    release = Release.open(tmp_path, source="made_up")
    asked = [
        Question(id=f"{image}{prior}", text="T", answers=(image,), form="open", images=(image,))
        for image, prior in ("ab", "bb")
    ]
    left = unequivocal(release, [(question, "m") for question in asked], known=False)
    assert [question.id for question in left] == ["ab", "bb"]
