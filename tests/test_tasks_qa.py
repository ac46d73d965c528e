from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace
from task_context import FakeContext, FakePolicies, over_seeds, run, worded

from chexinstruct.schema import Facts, Image, Question, Study, Turn
from chexinstruct.tasks import FAMILIES, Task
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.tasks.qa import (
    NOT_ANSWERABLE,
    close_ended_vqa,
    difference_vqa,
    open_ended_vqa,
    text_qa,
)
from chexinstruct.templating import Templates

TASKS = (open_ended_vqa, close_ended_vqa)
"""About pictures."""


def question(text: str = "Is there an effusion?", *answers: str, **more: Any) -> Question:
    content: dict[str, Any] = {"id": "q1", "form": "closed", "images": ("a",)}
    return Question(text=text, answers=answers, **(content | more))


def open_(*answers: str, **more: Any) -> Question:
    return question("Where is the opacity?", *answers, form="open", **more)


def study(*questions: Question, keys: str = "a") -> Study:
    images = tuple(Image(key=key, path=key) for key in keys)
    return Study(source="made_up", id="s1", images=images, questions=questions)


def one(task: Task, asked: Question, seed: int = 0) -> Facts:
    (fact,), drops = run(task, study(asked), FakeContext(seed))
    assert drops == []
    return fact


@pytest.mark.parametrize("task", (*TASKS, text_qa), ids=lambda task: task.key)
def test_a_task_is_declared_with_known_words(task: Task) -> None:
    assert task.family in FAMILIES
    assert set(task.needs) <= set(NEEDS)


def test_open_questions_go_to_one_task_and_closed_ones_to_the_other() -> None:
    made = study(open_("Left base", id="o"), question("Effusion?", "Yes", id="c"))
    assert [f.key for f in run(open_ended_vqa, made, FakeContext())[0]] == ["o"]
    assert [f.key for f in run(close_ended_vqa, made, FakeContext())[0]] == ["c"]


def test_a_question_that_can_be_asked_both_ways_goes_to_both_tasks() -> None:
    asked = replace(open_("left base", options=("left base", "right base")), form="either")
    assert one(open_ended_vqa, asked).options == ()
    assert one(close_ended_vqa, asked).options == ("left base", "right base")


@pytest.mark.parametrize("options", [(), ("yes", "no")])
def test_yes_and_no_are_balanced_where_all_studies_are_asked_alike(options: Any) -> None:
    for answer in ("yes", "no"):
        asked = question("Edema?", answer, options=options, group="any edema")
        for seed in range(10):
            assert one(close_ended_vqa, asked, seed).balance == f"any edema/{answer.title()}"
        assert one(close_ended_vqa, replace(asked, group=None)).balance is None
    other = question("Which side?", "left", options=("left", "right"), group="side")
    assert one(close_ended_vqa, other).balance is None


def test_answers_that_hold_commas_are_told_apart() -> None:
    several = ("aorta, thoracic", "heart")
    fact = one(open_ended_vqa, open_(*several))
    assert fact.slots["answer"] == "aorta, thoracic; heart"
    asked = question("Where?", *several, options=(*several, "hilum"), several=True)
    template = Templates().load("close_ended_vqa")
    for seed in range(40):
        fact = one(close_ended_vqa, asked, seed)
        (row,) = worded(template, fact, FakeContext(seed).draw())
        assert ", thoracic" not in row.response or "; " in row.response


def test_an_open_question_is_answered_in_the_words_of_the_release() -> None:
    fact = one(open_ended_vqa, open_("left base", attributes={"z": "POS", "a": "ö"}))
    assert fact.form == "open"
    assert fact.slots == {
        "question": "Where is the opacity?",
        "history": "",
        "answer": "left base",
    }
    assert fact.answers == ("left base",)
    assert [i.key for i in fact.images] == ["a"]
    assert fact.attributes == '{"a":"ö","z":"POS"}'
    assert json.loads(fact.attributes) == {"a": "ö", "z": "POS"}


def test_several_answers_are_joined() -> None:
    fact = one(open_ended_vqa, open_("left base", "right apex"))
    assert fact.slots["answer"] == "left base, right apex"
    assert fact.answers == ("left base", "right apex")
    assert fact.attributes is None


def test_other_wordings_are_accepted_and_not_written() -> None:
    fact = one(open_ended_vqa, open_("PA", references=("pa", "PA", "frontal")))
    assert fact.slots["answer"] == "PA"
    assert fact.answers == ("PA", "pa", "frontal")
    asked = question("Which?", "a", options=("a", "b"), references=("A",))
    assert one(close_ended_vqa, asked).answers == ("a",)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_question_shows_its_own_pictures_in_its_own_order(task: Task) -> None:
    form = "open" if task is open_ended_vqa else "closed"
    made = study(question("Edema?", "yes", form=form, images=("c", "a")), keys="abc")
    (fact,), _ = run(task, made, FakeContext())
    assert [i.key for i in fact.images] == ["c", "a"]


@pytest.mark.parametrize("form", ["open", "closed"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answers": ()}, "no_answer"),
        ({"answers": (" ",)}, "no_answer"),
        ({"images": ("a", "gone")}, "missing_picture"),
    ],
)
def test_a_question_that_cannot_be_asked_is_counted(
    form: Any, changes: dict[str, Any], reason: str
) -> None:
    task = open_ended_vqa if form == "open" else close_ended_vqa
    content = {"id": "q", "text": "Edema?", "form": form, "answers": ("yes",), "images": ("a",)}
    good = Question(**(content | {"id": "good"}))
    made = Study(
        source="made_up",
        id="s1",
        images=(Image(key="a", path="a"),),
        questions=(Question(**(content | changes)), good),
    )
    facts, drops = run(task, made, FakeContext())
    assert [f.key for f in facts] == ["good"]
    assert drops == [reason]


def test_questions_without_pictures_belong_to_other_tasks() -> None:
    made = study(open_("x", id="text", images=()), open_("y", id="picture"))
    facts, drops = run(open_ended_vqa, made, FakeContext())
    assert [f.key for f in facts] == ["picture"]
    assert drops == []


def carries(task: Task, made: Study) -> bool:
    return all(NEEDS[name].holds(made, {}) for name in task.needs)


def compared(**changes: Any) -> Study:
    """A study with a question on it and an earlier one, and nothing else to ask."""
    content = {"id": "d", "text": "What has changed?", "prior": ("old",), "form": "open"}
    asked = Question(
        **({"images": ("a",), "answers": ("the effusion is new.",)} | content | changes)
    )
    images = (Image(key="a", path="a"), Image(key="old", path="old", role="prior"))
    return Study(source="made_up", id="s1", images=images, questions=(asked,))


def test_a_question_on_two_studies_is_asked_with_the_prior_first_and_by_one_task_alone() -> None:
    for form in ("open", "closed"):
        made = compared(form=form)
        assert [task.key for task in (*TASKS, difference_vqa) if carries(task, made)] == [
            "difference_vqa"
        ]
    (fact,), drops = run(difference_vqa, made, FakeContext())
    assert drops == []
    assert [(i.key, i.role) for i in fact.images] == [("old", "prior"), ("a", "current")]
    assert fact.answers == ("the effusion is new.",)
    assert not carries(difference_vqa, study(open_("left base")))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answers": ()}, "no_answer"),
        ({"prior": ("gone",)}, "missing_picture"),
        ({"prior": ("old", "older")}, "several_pictures"),
        ({"language": "zh"}, "question_not_in_english"),
    ],
)
def test_a_comparison_that_cannot_be_asked_is_counted(changes: dict[str, Any], reason: str) -> None:
    made = compared(**changes)
    older = Image(key="older", path="older", role="prior")
    made = replace(made, images=(*made.images, older))
    assert run(difference_vqa, made, FakeContext()) == ([], [reason])


def test_every_phrasing_of_a_comparison_says_which_picture_is_the_earlier_one() -> None:
    (fact,), _ = run(difference_vqa, compared(), FakeContext())
    loaded = Templates().load("difference_vqa")
    count = loaded.phrasings("compare")
    assert count >= 12
    for row in worded(loaded, fact, FakeContext().draw(), count=count):
        text = row.instruction.replace("What has changed?", "")
        assert text != row.instruction
        assert re.search(r"reference image|Reference|reference \(", text) and "ain image" in text
        assert re.search(r"earlier|older|old\b|prior|precedes|order of time|before", text, re.I)
        assert re.search(r"first|1|before", text, re.I)
        assert row.response == "the effusion is new."


# --------------------------------------------------------------------------------------- closed


@pytest.mark.parametrize(
    ("released", "answer"),
    [("Yes", "Yes"), ("yes", "Yes"), (" no.", "No"), ("NO", "No")],
)
def test_yes_and_no_are_written_alike_with_and_without_options(released: str, answer: str) -> None:
    asked = question("Effusion?", released)
    facts = over_seeds(close_ended_vqa, study(asked), FakeContext)
    forms = Counter(f.form for f in facts)
    assert forms.keys() == {"yes_no", "yes_no_options"}
    assert min(forms.values()) > 60, "about half of 200"
    for fact in facts:
        assert fact.answers == (answer,)
        assert fact.slots["answer"] == answer
        assert fact.options == (("Yes", "No") if fact.form == "yes_no_options" else ())


def test_options_of_yes_and_no_are_a_yes_no_question() -> None:
    asked = question("Effusion?", "no", options=("yes", "no"))
    facts = over_seeds(close_ended_vqa, study(asked), FakeContext)
    assert {f.form for f in facts} == {"yes_no", "yes_no_options"}


def test_options_of_the_release_are_shown_as_they_are() -> None:
    fact = one(close_ended_vqa, question("Which?", "no", options=("yes", "no", "not sure")))
    assert fact.form == "choice"
    assert fact.options == ("yes", "no", "not sure")
    assert fact.answers == ("no",)


def test_several_right_options_make_a_list() -> None:
    fact = one(close_ended_vqa, question("Which?", "a", "c", options=("a", "b", "c")))
    assert fact.form == "list"
    assert fact.answers == ("a", "c")


@pytest.mark.parametrize("answers", [("a",), ("a", "c"), ("neither",)])
def test_a_list_is_known_by_the_question_and_not_by_its_answer(answers: tuple[str, ...]) -> None:
    options = ("a", "c", "neither")
    fact = one(close_ended_vqa, question("Which?", *answers, options=options, several=True))
    assert (fact.form, fact.answers) == ("list", answers)


def test_a_closed_answer_without_options_is_a_short_answer() -> None:
    fact = one(close_ended_vqa, question("Which side, left or right?", "Left"))
    assert (fact.form, fact.options, fact.slots["answer"]) == ("short", (), "Left")


@pytest.mark.parametrize(
    ("answers", "options", "reason"),
    [
        (("a",), ("a",), "single_option"),
        (("a",), ("a", "b", "b"), "equal_options"),
        (("d",), ("a", "b"), "answer_not_among_options"),
        (("a", "d"), ("a", "b"), "answer_not_among_options"),
    ],
)
def test_broken_options_are_counted(
    answers: tuple[str, ...], options: tuple[str, ...], reason: str
) -> None:
    asked = question("Which?", *answers, options=options)
    assert run(close_ended_vqa, study(asked), FakeContext()) == ([], [reason])


# -------------------------------------------------------------------------- language and history


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_question_in_another_language_stands_alone(task: Task) -> None:
    form = "open" if task is open_ended_vqa else "closed"
    fact = one(task, question("心脏在哪里?", "左侧", form=form, language="zh"))
    assert (fact.form, fact.language) == ("plain", "zh")
    (row,) = worded(Templates().load(task.key), fact, FakeContext().draw())
    assert (row.instruction, row.response) == ("心脏在哪里?", "左侧")


def test_english_words_about_options_are_kept_from_other_languages() -> None:
    asked = question("哪一侧?", "左", options=("左", "右"), language="zh")
    assert run(close_ended_vqa, study(asked), FakeContext()) == ([], ["options_not_in_english"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_earlier_turns_stand_before_the_question(task: Task) -> None:
    turns = (Turn(question="Any opacity?", answer="yes"), Turn(question="Where?", answer="base"))
    form = "open" if task is open_ended_vqa else "closed"
    fact = one(task, question("Which side?", "left", form=form, history=turns))
    assert fact.history == turns
    loaded = Templates().load(task.key)
    rows = worded(loaded, fact, FakeContext().draw(), count=loaded.phrasings(fact.form))
    told = "Q: Any opacity?\nA: yes\nQ: Where?\nA: base\n\n"
    for row in rows:
        assert row.instruction.startswith(told)
        assert "Which side?" in row.instruction.removeprefix(told)
        assert row.response == "left"


# ------------------------------------------------------------------------------------ rendering


def test_every_form_shows_the_question_unchanged_and_the_right_answer() -> None:
    text = "is there  a opacity in the lung (left)"
    pairs = [
        (open_ended_vqa, question(text, "yes", form="open")),
        (open_ended_vqa, question(text, "si", form="open", language="es")),
        *((close_ended_vqa, question(text, "no", id=str(i))) for i in range(20)),
        (close_ended_vqa, question(text, "mild", options=("mild", "severe"))),
        (close_ended_vqa, question(text, "a", "b", options=("a", "b", "c"))),
        (close_ended_vqa, question(text, "left")),
        (close_ended_vqa, question(text, "si", language="es")),
    ]
    forms = set()
    for task, asked in pairs:
        fact = one(task, asked)
        forms.add((task.key, fact.form))
        loaded = Templates().load(task.key)
        count = loaded.phrasings(fact.form)
        for row in worded(loaded, fact, FakeContext().draw(), count=count):
            assert text in row.instruction
            if row.options:
                assert {o.text for o in row.options} == set(fact.options)
            else:
                assert row.response == fact.slots["answer"]
    assert forms == {(t.key, form) for t in TASKS for form in Templates().load(t.key).forms}


def test_yes_no_phrasings_ask_for_yes_or_no() -> None:
    fact = Facts(
        key="q",
        form="yes_no",
        slots={"question": "Edema?", "history": "", "answer": "No"},
        answers=("No",),
    )
    rows = worded(Templates().load("close_ended_vqa"), fact, FakeContext().draw(), count=99)
    bare = [row for row in rows if "yes" not in row.instruction.casefold()]
    assert [row.instruction for row in bare] == ["Edema?"]


# ------------------------------------------------------------------------------------ passages

PASSAGE = "Small left pleural effusion. The mass is larger than on ___."


def passage(*answers: str, **more: Any) -> Question:
    content: dict[str, Any] = {"images": (), "form": "open", "context": PASSAGE}
    return question("How large is the effusion?", *answers, **(content | more))


def test_a_passage_is_asked_about_without_a_picture() -> None:
    made = study(passage("Small", section="findings", attributes={"n": "1"}))
    (fact,), drops = run(text_qa, made, FakeContext())
    assert drops == []
    assert fact.images == ()
    assert fact.slots == {
        "heading": "Findings",
        "passage": PASSAGE,
        "question": "How large is the effusion?",
        "not_answerable": NOT_ANSWERABLE,
        "answer": "Small",
    }
    assert fact.answers == ("Small",)
    assert fact.attributes == '{"n":"1"}'


def test_questions_about_pictures_and_about_passages_do_not_mix() -> None:
    about_picture = question("Effusion?", "Yes", id="p", context=PASSAGE)
    made = study(passage("Small", id="t"), about_picture, open_("x", id="o"))
    assert [f.key for f in run(text_qa, made, FakeContext())[0]] == ["t"]
    assert [f.key for f in run(close_ended_vqa, made, FakeContext())[0]] == ["p"]
    assert [f.key for f in run(open_ended_vqa, made, FakeContext())[0]] == ["o"]
    need = NEEDS["text_questions"].holds
    assert need(made, {})
    assert not need(study(about_picture), {})
    assert not need(study(passage("x", context=None)), {})


def test_an_unanswerable_question_has_a_fixed_answer() -> None:
    fact = one(text_qa, passage())
    assert fact.slots["answer"] == NOT_ANSWERABLE == fact.answers[0]
    assert len(fact.answers) == 1


@pytest.mark.parametrize("answers", [(), ("Small left pleural effusion",)])
def test_every_phrasing_names_the_way_out_and_shows_the_whole_passage(
    answers: tuple[str, ...],
) -> None:
    """Answerable or not, the instruction is the same: it gives nothing away."""
    template = Templates().load("text_qa")
    fact = one(text_qa, passage(*answers, section="impression"))
    bare = one(text_qa, passage(section="impression"))
    count = template.phrasings("passage")
    assert count >= 12
    rows = worded(template, fact, FakeContext().draw(), count=count)
    without = worded(template, bare, FakeContext().draw(), count=count)
    for row, other in zip(rows, without, strict=True):
        assert row.instruction == other.instruction
        assert f'"{NOT_ANSWERABLE}"' in row.instruction
        assert PASSAGE in row.instruction and "How large is the effusion?" in row.instruction
        assert "Impression" in row.instruction
        assert row.response == (answers[0] if answers else NOT_ANSWERABLE)


def test_all_accepted_answers_are_kept_and_the_first_is_the_response() -> None:
    fact = one(text_qa, passage("Small", references=("Small left", "Small")))
    assert fact.slots["answer"] == "Small"
    assert fact.answers == ("Small", "Small left")
    both = one(text_qa, passage("left", "right"))
    assert both.slots["answer"] == "left, right"


def test_a_masked_answer_is_none_to_learn() -> None:
    made = study(passage("larger than on ___", id="masked"), passage("Small", id="good"))
    facts, drops = run(text_qa, made, FakeContext())
    assert [f.key for f in facts] == ["good"]
    assert drops == ["masked_answer"]
    unmasked = FakeContext(policies=FakePolicies(leaks=("time",)))
    assert len(run(text_qa, made, unmasked)[0]) == 2, "the class is switched off"
    other = one(text_qa, passage("larger than on ___", references=("The mass is larger",)))
    assert other.slots["answer"] == "The mass is larger"
    assert other.answers == ("The mass is larger",)
    raw = FakeContext(policies=FakePolicies(text="raw"))
    assert len(run(text_qa, made, raw)[0]) == 2


def test_a_passage_in_another_language_is_not_asked_about_in_english() -> None:
    assert run(text_qa, study(passage("Klein", language="de")), FakeContext()) == (
        [],
        ["not_in_english"],
    )


def test_a_passage_of_no_known_section_is_called_a_passage() -> None:
    assert one(text_qa, passage("Small")).slots["heading"] == "Passage"
