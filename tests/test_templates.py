from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined
from task_context import worded

from chexinstruct.config import ConfigError, load_yaml, shipped
from chexinstruct.draw import Draw
from chexinstruct.errors import CallError
from chexinstruct.reports.organs import ORGANS
from chexinstruct.schema import Facts, Region
from chexinstruct.tasks import registry
from chexinstruct.tasks.labels import specific
from chexinstruct.tasks.misc import KINDS
from chexinstruct.tasks.text import EXAMINATIONS, LANGUAGES
from chexinstruct.tasks.wording import named, with_article
from chexinstruct.templating import STYLES, OptionStyles, Template, Templates
from chexinstruct.vocabulary import FINDINGS

FILES = sorted(
    path.name.removesuffix(".yaml")
    for path in shipped("templates").iterdir()
    if path.name.endswith(".yaml") and path.name != STYLES
)
LEAST = 10
"""Phrasings at least, of every form."""
BARE = "plain"
"""The form that shows a question in another language than English, and nothing else."""
NEAR = 0.85
"""Two phrasings that share more of their words than this are one."""
ONE_PICTURE = {
    "abnormality_detection",
    "abnormality_grounding",
    "caption_generation",
    "chest_tube_segmentation",
    "foreign_object_detection",
    "grounded_captioning",
    "grounded_diagnosis",
    "grounded_phrase_extraction",
    "phrase_extraction_and_grounding",
    "phrase_grounding",
    "pneumothorax_segmentation",
    "rib_fracture_segmentation",
    "view_classification",
}
"""Tasks that always show one picture."""
TWO_PICTURES = {"difference_vqa", "temporal_image_classification", "view_matching"}
"""Tasks that always show two, besides those on a progression."""
TEXT_ONLY = {
    "findings_summarization",
    "named_entity_recognition",
    "natural_language_inference",
    "report_evaluation",
    "temporal_sentence_similarity",
    "text_qa",
}


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


def forms(task: str) -> dict[str, tuple[str, ...]]:
    """The phrasings of every form but the bare one."""
    return {n: form.phrasings for n, form in template(task).forms.items() if n != BARE}


@pytest.mark.parametrize("task", FILES)
def test_there_are_enough_phrasings(task: str) -> None:
    counts = {name: len(texts) for name, texts in forms(task).items()}
    assert min(counts.values()) >= LEAST, counts


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w'-]+", text.casefold()))


@pytest.mark.parametrize("task", FILES)
def test_no_two_phrasings_of_a_form_are_alike(task: str) -> None:
    for name, texts in forms(task).items():
        for one, other in combinations(texts, 2):
            likeness = len(words(one) & words(other)) / len(words(one) | words(other))
            assert likeness <= NEAR, (name, one, other)


@pytest.mark.parametrize("task", FILES)
def test_phrasings_differ_in_length_and_kind(task: str) -> None:
    for name, texts in forms(task).items():
        lengths = sorted(len(re.sub(r"\{\{.*?\}\}", "", text).split()) for text in texts)
        assert 2 * lengths[0] <= lengths[-1], (name, lengths)
        asking = [text for text in texts if "?" in text]
        assert len(asking) < len(texts), f"{name} is all questions"


@pytest.mark.parametrize("task", sorted(set(FILES) - ONE_PICTURE))
def test_studies_of_several_pictures_are_not_called_one(task: str) -> None:
    """A chest X-ray may have two views; a radiograph, an image or a film is one of them."""
    two = task in TWO_PICTURES or "progression" in task
    one = r"(?<!frontal )(?<!lateral )\b(this|the) (chest )?(radiograph|image|picture|film)\b"
    for form, text in phrasings(task):
        if not two:
            assert not re.search(one + r"|\b(frontal|lateral)\b", text, re.I), (form, text)


@pytest.mark.parametrize("task", sorted(ONE_PICTURE))
def test_one_picture_is_not_called_several(task: str) -> None:
    for form, text in phrasings(task):
        assert not re.search(r"\b(images|radiographs shown|pictures|both views)\b", text), (
            form,
            text,
        )


@pytest.mark.parametrize("task", sorted(TEXT_ONLY))
def test_where_nothing_is_shown_nothing_is_to_be_looked_at(task: str) -> None:
    shown = r"\b(this|the) (chest X-ray(?! report)|radiograph|image|study|picture)\b|you see\b"
    for form, text in phrasings(task):
        assert not re.search(shown, text.replace("You see one section", "")), (form, text)


SOURCES = re.compile(
    r"\b(?:MIMIC|CheXpert|Che[Xx]inst\w+|CheXagent|NIH|ChestX-?ray14|PadChest|BIMCV|VinDr|RSNA|SIIM"
    r"|CANDID|COVIDx|BRAX|ROCO|Open-?[iI]|SLAKE|VQA|Rad-?ReStruct|RadGraph|RadNLI|ReXVal|RadQA"
    r"|MS-CXR|TBX11K|dataset|corpus|benchmark)\b"
)


@pytest.mark.parametrize("task", FILES)
def test_no_phrasing_tells_where_a_row_comes_from(task: str) -> None:
    for form, text in phrasings(task):
        assert not SOURCES.search(text), (form, text)


PLURALS = [name for name, known in FINDINGS.items() if known.plural]


def faults(text: str) -> list[str]:
    """What is wrong with the wording of a rendered text."""
    found = {
        "a before a vowel": r"\ba (?=[aeiou])(?!uni|use|usual|one\b)",
        "an before a consonant": r"\ban (?=[b-df-gj-np-tv-z])",
        "two articles": r"\b(?:an?|the|any|each|every) (?:an?|the|any)\b",
        "a word twice": r"\b(\w+) \1\b",
        "an article before a plural": rf"\ban? (?:{'|'.join(PLURALS)})\b",
        "two spaces": r"[^\S\n]{2}",
        "a space before a mark": r" [.,;?!]",
        "two marks": r"[.,;?!][.,;!]|\.\?",
    }
    wrong = [name for name, pattern in found.items() if re.search(pattern, text, re.I)]
    if any(text.count(a) != text.count(b) for a, b in ("()", "[]", "{}")) or text.count('"') % 2:
        wrong.append("a bracket or a quotation mark without its fellow")
    if not re.search(r"[.?!:\]]\"?$", text):
        wrong.append("no end of the sentence")
    return wrong


def test_what_is_wrong_is_noticed() -> None:
    assert faults('Is there "a nodule" (or edema)?') == []
    for text in (
        "Is there a opacity?",
        "Is there an nodule?",
        "Show the a nodule.",
        "Is is there?",
        "Show a support devices.",
        "Show  it.",
        "Show it .",
        "Show it..",
        "Show (it.",
        "Show it",
    ):
        assert len(faults(text)) == 1, text


VALUES: dict[str, list[dict[str, str]]] = {
    "finding": [named(name) for name in specific(tuple(FINDINGS))],
    "organ": [{"organ": organ} for organ in ORGANS],
    "language": [{"language": language} for language in LANGUAGES.values()],
    "kind": [{"kind": kind} for kind in KINDS.values()],
    "examination": [{"examination": name} for name in EXAMINATIONS.values()],
    "heading": [{"heading": name} for name in ("Findings", "Impression", "Passage")],
    "diagnosis": [
        {"diagnosis": text} for text in ("edema", "edema, atelectasis and possible pneumonia")
    ],
}
"""All that the slots with a vocabulary of their own may hold."""
REST = {"history": "", "options": "Options: Yes, No.", "asked_boxes": "[1, 2]"}


@pytest.mark.parametrize("task", FILES)
def test_every_phrasing_is_right_with_every_value(task: str) -> None:
    for name, form in Templates().load(task).forms.items():
        for phrasing in form.phrasings:
            slots = {slot: REST.get(slot, "It is so.") for slot in phrasing.arguments}
            varied = [slot for slot in VALUES if {slot, f"a_{slot}"} & slots.keys()]
            for slot in varied:
                slots |= VALUES[slot][0]
            for values in [v for slot in varied for v in VALUES[slot]] or [{}]:
                text = phrasing.write(slots | values)
                assert faults(text) == [], (name, text)


@pytest.mark.parametrize(
    ("finding", "phrase"),
    [
        ("nodule", "a nodule"),
        ("endotracheal tube", "an endotracheal tube"),
        ("end-on vessel", "an end-on vessel"),
        ("tortuous aorta", "a tortuous aorta"),
        ("pneumothorax", "a pneumothorax"),
        ("edema", "edema"),
        ("subcutaneous emphysema", "subcutaneous emphysema"),
        ("support devices", "support devices"),
        ("multiple nodules", "multiple nodules"),
        ("pleural plaques", "pleural plaques"),
        ("COVID-19", "COVID-19"),
    ],
)
def test_a_finding_has_an_article_where_it_can_be_counted(finding: str, phrase: str) -> None:
    assert with_article(finding) == phrase


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


def says(text: str, values: dict[str, str]) -> str:
    """What Jinja itself makes of a text."""
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text).render(values).strip()


def test_a_variable_that_the_task_does_not_give_is_told_with_its_place() -> None:
    loaded = Templates().load("view_classification")
    facts = Facts(key="a", form="free", images=(), slots={"view": "AP"}, answers=("AP",))
    said = r"view_classification, form free, (phrasing|response) \d+: uses 'answer', which the task"
    with pytest.raises(ConfigError, match=said + " does not give; it gives view"):
        loaded.render(facts, Draw(0), "chexagent2", count=loaded.phrasings("free"))


@pytest.mark.parametrize("task", FILES)
def test_texts_say_what_jinja_says(task: str) -> None:
    written, compiled = template(task).forms, Templates().load(task).forms
    for name, form in compiled.items():
        texts = [*written[name].phrasings, *written[name].responses]
        for text, made in zip(texts, [*form.phrasings, *form.responses], strict=True):
            values = {slot: f" 100 %s of {{{{ {slot} }}}}\n" for slot in made.arguments}
            assert made.write(values) == says(text, values), (name, text)


@pytest.mark.parametrize(
    "phrasing",
    [
        "100 % of {{ answer }}, %s, %(answer)s, {answer}",
        "{{ answer }}{{ answer }} %%",
        "{{ 'x' }}?",
    ],
)
def test_marks_of_patterns_are_text(tmp_path: Path, phrasing: str) -> None:
    loaded = overlaid(tmp_path, one_form(phrasing)).load("view_matching")
    facts = Facts(key="yes", form="yes_no", slots={"answer": "50 %d"}, answers=("Yes",))
    (row,) = worded(loaded, facts, Draw(0))
    assert row.instruction == says(phrasing, {"answer": "50 %d"})


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
    for row in worded(loaded, facts, Draw(1), count=loaded.phrasings("ground")):
        assert "{{ 7 * 7 }}" in row.instruction
        assert "<|box|>" not in row.instruction
        assert "<image>" not in row.instruction


def test_styles_that_are_asked_for_are_the_only_ones_drawn() -> None:
    facts = Facts(key="a", form="choice", options=("AP view", "PA view"), answers=("PA view",))
    options = OptionStyles(labels=("digit",), answers=("label",))
    loaded = Templates(options=options).load("view_classification")
    anything = Templates().load("view_classification")
    asked, free = (
        {row.response for n in range(60) for row in worded(each, facts, Draw(n))}
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
