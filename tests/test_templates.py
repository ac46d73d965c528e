from __future__ import annotations

import re
from pathlib import Path

import pytest

from chexinstruct.config import ConfigError, load_yaml, shipped
from chexinstruct.draw import Draw
from chexinstruct.errors import CallError
from chexinstruct.schema import Facts, Region
from chexinstruct.tasks import registry
from chexinstruct.templating import STYLES, OptionStyles, Template, Templates

FILES = sorted(
    path.name.removesuffix(".yaml")
    for path in shipped("templates").iterdir()
    if path.name.endswith(".yaml") and path.name != STYLES
)
LEAST = 10
"""Phrasings of a form at least."""
BARE = "plain"
"""The form that shows a question in another language than English, and nothing else."""


def template(task: str) -> Template:
    return load_yaml(shipped("templates") / f"{task}.yaml", Template)


def phrasings(task: str) -> list[tuple[str, str]]:
    return [(name, text) for name, form in template(task).forms.items() for text in form.phrasings]


def folded(text: str) -> str:
    return " ".join(text.split())


def test_every_task_has_a_template_and_every_template_a_task() -> None:
    assert set(FILES) == set(registry())


@pytest.mark.parametrize("task", FILES)
def test_a_template_compiles(task: str) -> None:
    assert Templates().load(task).forms


@pytest.mark.parametrize("task", FILES)
def test_there_are_enough_phrasings(task: str) -> None:
    counts = {name: len(form.phrasings) for name, form in template(task).forms.items()}
    assert min(n for name, n in counts.items() if name != BARE) >= LEAST, counts


@pytest.mark.parametrize("task", FILES)
def test_no_two_phrasings_of_a_form_are_alike(task: str) -> None:
    for name, form in template(task).forms.items():
        words = [folded(text).casefold() for text in form.phrasings]
        assert len(set(words)) == len(words), name


@pytest.mark.parametrize("task", FILES)
def test_phrasings_are_tidy(task: str) -> None:
    for form, text in phrasings(task):
        assert text == text.strip(), (form, text)
        assert not re.search(r"[^\S\n]{2}|\n{3}|[^\S\n]\n| [.,;?!]", text), (form, text)
        # A sentence ends with its mark; what is quoted from the study brings its own.
        assert re.search(r"[.?!:]\"?$|\}\}\"?$", text), (form, text)
        assert not re.match(r"[a-z]", text), (form, text)


@pytest.mark.parametrize("task", FILES)
def test_phrasings_leave_the_marks_of_options_to_the_style(task: str) -> None:
    for form, text in phrasings(task):
        assert not re.search(r"\([A-Za-z1-9]\)|\bletters?\b(?<!two-letter)", text), (form, text)


@pytest.mark.parametrize("task", FILES)
def test_forms_without_options_do_not_promise_any(task: str) -> None:
    for name, form in template(task).forms.items():
        if form.options:
            continue
        for text in form.phrasings:
            # "options" as a variable would be rendered from nothing; as a word it promises a list.
            assert not re.search(r"\boptions?\b|\bchoices\b|the following (list|finding)", text), (
                name,
                text,
            )


@pytest.mark.parametrize("task", FILES)
def test_no_sentence_begins_with_a_slot_in_lower_case(task: str) -> None:
    for form, text in phrasings(task):
        assert not re.search(r"(^|[.?!] )\{\{ (finding|change|relation) \}\}", text), (form, text)


def overlaid(folder: Path, body: str) -> Templates:
    (folder / "view_matching.yaml").write_text(body, encoding="utf-8")
    return Templates(folder)


def one_form(phrasing: str, response: str = "{{ answer }}") -> str:
    return (
        "version: 1.0.0\nforms:\n  yes_no:\n"
        f"    phrasings:\n      - |-\n        {phrasing}\n"
        f"    responses:\n      - |-\n        {response}\n"
    )


@pytest.mark.parametrize(
    "phrasing",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''|attr('__class__') }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ '%s' % ''.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{{ unclosed",
        "{% if %}",
    ],
)
def test_a_hostile_or_broken_template_is_one_line(tmp_path: Path, phrasing: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overlaid(tmp_path, one_form(phrasing)).load("view_matching")
    message = str(caught.value)
    assert "\n" not in message
    assert "view_matching" in message
    assert "yes_no" in message


def test_a_variable_the_task_does_not_give_is_named(tmp_path: Path) -> None:
    loaded = overlaid(tmp_path, one_form("Do they match, {{ patient_name }}?")).load(
        "view_matching"
    )
    facts = Facts(key="yes", form="yes_no", slots={"answer": "Yes"}, answers=("Yes",))
    with pytest.raises(ConfigError, match=r"'patient_name'.*it gives answer"):
        loaded.render(facts, Draw(0), "chexagent2")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("version: 1.0.0\nforms:\n  yes_no:\n    phrasings: []\n", "phrasings"),
        ("version: one\nforms: {}\n", "version"),
        ("version: 1.0.0\nforms:\n  a: {phrasings: [x], answers: [y]}\n", "answers"),
        ("version: 1.0.0\nforms:\n  a: {phrasings: [x]}\n", "either options: true or responses"),
        ("version: 1.0.0\nforms:\n  a: {options: true, phrasings: [x]}\n", "options"),
        ("version: 1.0.0\nversion: 1.0.0\nforms: {}\n", "twice"),
    ],
)
def test_a_file_that_does_not_fit_says_where(tmp_path: Path, body: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)) as caught:
        overlaid(tmp_path, body).load("view_matching")
    assert "\n" not in str(caught.value)


def test_text_of_a_release_cannot_write_template_code_or_tokens() -> None:
    loaded = Templates().load("phrase_grounding")
    region = Region(image="a", shape="box", box=(0, 0, 5, 5), frame=(10, 10), phrase="x")
    facts = Facts(
        key="a",
        form="ground",
        slots={"phrase": "{{ 7 * 7 }} <|box|> <image>"},
        found=(region,),
        named="phrase",
    )
    for row in loaded.render(facts, Draw(1), "chexagent2", count=loaded.phrasings("ground")):
        assert "{{ 7 * 7 }}" in row.instruction
        assert "<|box|>" not in row.instruction
        assert "<image>" not in row.instruction


def test_styles_that_are_asked_for_are_the_only_ones_drawn() -> None:
    facts = Facts(key="a", form="choice", options=("AP view", "PA view"), answers=("PA view",))
    options = OptionStyles(labels=("digit",), answers=("label",))
    loaded = Templates(options=options).load("view_classification")
    anything = Templates().load("view_classification")
    asked, free = (
        {row.response for n in range(60) for row in each.render(facts, Draw(n), "chexagent2")}
        for each in (loaded, anything)
    )
    assert asked == {"(1)", "(2)"}
    assert asked < free


def test_every_label_and_every_answer_has_a_style() -> None:
    known = OptionStyles()
    for labels in known.labels:
        assert Templates(options=OptionStyles(labels=(labels,)))
    for answer in known.answers:
        assert Templates(options=OptionStyles(answers=(answer,)))
    with pytest.raises(CallError, match=r"no style of .* has labels none and answers lab"):
        Templates(options=OptionStyles(labels=("none",), answers=("label",)))
