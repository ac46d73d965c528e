"""Phrasings: sandboxed Jinja turns a task's facts into an instruction and a response.

A template file holds, for one task, one entry a form: phrasings of the instruction, and either
wordings of the response or ``options: true``, in which case the options are shown in a drawn style
(``_styles.yaml``) and the response is the right option in that style.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Annotated, Literal, NamedTuple, get_args

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field
from xxhash import xxh3_128_hexdigest

from chexinstruct.config import ConfigError, load_yaml, shipped
from chexinstruct.draw import Draw
from chexinstruct.errors import CallError
from chexinstruct.regions import BOX_DIALECTS, format_boxes, unit, visible_box
from chexinstruct.schema import Box, Facts, Option, Region, joined

STYLES = "_styles.yaml"
INLINE_LIMIT = 60
"""Characters; longer options, and options with punctuation inside, stand on lines of their own."""
KEPT_TEXTS = 256
"""Rendered texts that are kept of each phrasing."""
FEW_OPTIONS = 4
"""Of so many there are few orders, so that what is shown of them is kept."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Form(_Model):
    """One form of a task's question."""

    options: bool = False
    """Show the options of the facts; the right one is the response."""
    phrasings: Annotated[tuple[str, ...], Field(min_length=1)]
    responses: tuple[str, ...] = ()


class Template(_Model):
    """The content of a template file."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    forms: dict[str, Form]


Labels = Literal["upper", "lower", "digit", "none"]
Answer = Literal["label", "marked", "text"]


class Style(_Model):
    """How options are written."""

    labels: Labels
    mark: Annotated[str, Field(pattern=r"^[^{}]*(\{label\}[^{}]*)?\{text\}$")]
    """How a label and its option stand together, with ``{label}`` and ``{text}``."""
    layout: Literal["lines", "inline"]
    lead: str
    """What stands before the options."""
    answer: Answer
    """The response: the label alone, label and text as shown, or the text alone."""
    single: str
    """Closing sentence when one option is right."""
    several: str
    """Closing sentence when several may be right."""

    @property
    def bare(self) -> bool:
        """Whether options carry no labels."""
        return self.labels == "none"

    def marks(self, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of so many options, and what stands before each of them."""
        return _marks(self.labels, self.mark, count)

    def inline(self, shown: Sequence[str]) -> bool:
        """Whether these options can stand in one line."""
        return self.layout == "inline" and not any(
            len(text) > INLINE_LIMIT or "," in text or ";" in text for text in shown
        )

    def written(
        self, labels: Sequence[str], marked: Sequence[str], shown: Sequence[str]
    ) -> Sequence[str]:
        """How each option is written in a response."""
        if self.answer == "label":
            return [f"({label})" for label in labels] if "({label})" in self.mark else labels
        return marked if self.answer == "marked" else shown


@cache
def _marks(kind: str, mark: str, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    labels: Sequence[str]
    if kind == "none":
        labels = [""] * count
    elif kind == "digit" or count > len(ascii_uppercase):
        labels = [str(i + 1) for i in range(count)]
    else:
        labels = (ascii_uppercase if kind == "upper" else ascii_lowercase)[:count]
    return tuple(labels), tuple(mark.format(label=label, text="") for label in labels)


class OptionStyles(_Model):
    """Which of the styles are drawn."""

    labels: Annotated[tuple[Labels, ...], Field(min_length=1)] = get_args(Labels)
    answers: Annotated[tuple[Answer, ...], Field(min_length=1)] = get_args(Answer)


class Styles(_Model):
    """The content of ``_styles.yaml``."""

    version: str
    styles: Annotated[tuple[Style, ...], Field(min_length=1)]


class Rendered(NamedTuple):
    """The texts of the rows of one set of facts, an item a phrasing."""

    instructions: list[str]
    responses: list[str]
    templates: list[str]
    options: tuple[Option, ...]
    """Of all of the rows: they are drawn once."""


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.globals.clear()
    return environment


_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
"""All that a phrasing is made of: text, variables and conditions. Loops, filters, calls, attributes
and assignments could run for ever, fill memory or reach into Python."""


class _Compiled:
    """A Jinja text compiled once: a pattern where it has no conditions, else a macro."""

    __slots__ = ("arguments", "place", "write")

    def __init__(self, environment: ImmutableSandboxedEnvironment, text: str, place: str) -> None:
        self.place = place
        self.write: Callable[[Mapping[str, str]], str]
        """The variables -> the text; KeyError: it uses one that is not there."""
        try:
            parsed = environment.parse(text)
            for node in parsed.find_all(nodes.Node):
                if not isinstance(node, _ALLOWED):
                    raise ConfigError(
                        f"{place}: {type(node).__name__.lower()} is not allowed; "
                        "a phrasing has text, variables and conditions only"
                    )
            if (pattern := _pattern(parsed)) is not None:
                self.arguments = tuple(node.name for node in parsed.find_all(nodes.Name))
                self.write = _filled(pattern)
            else:
                self.arguments = tuple(sorted(meta.find_undeclared_variables(parsed)))
                self.write = _macro(environment, text, self.arguments)
            self.write({name: name for name in self.arguments})
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise ConfigError(f"{place}: {type(error).__name__}: {error}") from None


def _pattern(parsed: nodes.Template) -> str | None:
    """The text with ``%(name)s`` for each variable, which is filled in a tenth of a macro's time;
    None where the text has conditions."""
    parts = []
    for output in parsed.body:
        for node in output.nodes if isinstance(output, nodes.Output) else [output]:
            match node:
                case nodes.TemplateData(data=data):
                    parts.append(data.replace("%", "%%"))
                case nodes.Name(name=name):
                    parts.append(f"%({name})s")
                case _:
                    return None
    return "".join(parts)


def _filled(pattern: str) -> Callable[[Mapping[str, str]], str]:
    """Fills a pattern; white space around the text is taken away."""
    bare = pattern.strip()
    if bare.startswith("%(") or bare.endswith(")s"):  # a variable may bring some
        return lambda variables: (pattern % variables).strip()
    return bare.__mod__


def _macro(
    environment: ImmutableSandboxedEnvironment, text: str, names: tuple[str, ...]
) -> Callable[[Mapping[str, str]], str]:
    """The text as a macro of its own variables, ten times as fast as a template's ``render``."""
    body = f"{{% macro text({', '.join(names)}) %}}{text}{{% endmacro %}}"
    macro: Callable[..., str] = environment.from_string(body).module.text  # type: ignore[attr-defined]

    # Few findings, views and answers fill most rows: the same text is not made twice.
    @lru_cache(maxsize=KEPT_TEXTS)
    def written(*values: str) -> str:
        return macro(*values).strip()

    return lambda variables: written(*[variables[name] for name in names])


class _CompiledForm:
    __slots__ = ("names", "numbers", "options", "phrasings", "responses")

    def __init__(
        self, environment: ImmutableSandboxedEnvironment, form: Form, place: str, name: str
    ) -> None:
        if form.options == bool(form.responses):
            raise ConfigError(f"{place}: give either options: true or responses")
        self.options = form.options
        self.numbers = range(len(form.phrasings))
        self.names = [f"{name}/{i}" for i in self.numbers]
        self.phrasings = [
            _Compiled(environment, text, f"{place}, phrasing {i}")
            for i, text in enumerate(form.phrasings)
        ]
        self.responses = [
            _Compiled(environment, text, f"{place}, response {i}")
            for i, text in enumerate(form.responses)
        ]
        for phrasing in self.phrasings if form.options else ():
            if "options" not in phrasing.arguments:
                raise ConfigError(f"{phrasing.place}: does not show {{{{ options }}}}")

    def unknown(self, name: str, variables: Iterable[str]) -> ConfigError:
        """Says which text uses a variable that the task does not give."""
        place = next(
            text.place for text in (*self.phrasings, *self.responses) if name in text.arguments
        )
        known = ", ".join(sorted(variables))
        return ConfigError(
            f"{place}: uses {name!r}, which the task does not give; it gives {known}"
        )


class TaskTemplate:
    """The compiled template of one task."""

    def __init__(self, task: str, template: Template, styles: Sequence[Style], digest: str) -> None:
        self.task = task
        self.version = template.version
        self.digest = digest
        """Changes when a phrasing or a style changes."""
        self.styles = styles
        self._shown = lru_cache(maxsize=4096)(self._show)
        environment = _environment()
        self.forms = {
            name: _CompiledForm(
                environment,
                form,
                f"template {task}, form {name}",
                f"{task}@{template.version}/{name}",
            )
            for name, form in template.forms.items()
        }

    def phrasings(self, form: str) -> int:
        """How many phrasings a form has."""
        return len(self._form(form).phrasings)

    def _form(self, name: str) -> _CompiledForm:
        try:
            return self.forms[name]
        except KeyError:
            raise ConfigError(
                f"template {self.task}: has no form {name!r}; it has {', '.join(self.forms)}"
            ) from None

    def render(self, facts: Facts, draw: Draw, dialect: str, *, count: int = 1) -> Rendered:
        """The texts of ``count`` rows of one set of facts, each with a phrasing of its own.

        Args:
            facts: what the task found.
            draw: chance for the order and style of options and for the phrasing.
            dialect: how boxes are written (:data:`chexinstruct.regions.BOX_DIALECTS`).
            count: how many phrasings; no more than the form has.
        """
        form = self._form(facts.form)
        variables = {name: _escaped(text) for name, text in facts.slots.items()}
        if facts.asked:
            variables["asked_boxes"] = boxes_text(facts.asked, dialect, None)
        if facts.found or facts.named:
            variables["found_boxes"] = boxes_text(facts.found, dialect, facts.named)
        options: tuple[Option, ...] = ()
        if form.options:
            options, variables["options"], closing, response = self._options(facts, draw)
        indices = draw.sample(form.numbers, min(count, len(form.numbers)))
        try:
            instructions = [form.phrasings[index].write(variables) for index in indices]
            if form.options:
                responses = [response] * len(indices)
                if closing:
                    instructions = [f"{text}\n{closing}" for text in instructions]
            else:
                drawn = [draw.choice(form.responses) for _ in indices]
                written = {response: response.write(variables) for response in set(drawn)}
                responses = [written[response] for response in drawn]
        except KeyError as error:
            raise form.unknown(error.args[0], variables) from None
        return Rendered(instructions, responses, [form.names[index] for index in indices], options)

    def _options(self, facts: Facts, draw: Draw) -> tuple[tuple[Option, ...], str, str, str]:
        """The options, their block in the instruction, the closing sentence and the response."""
        shown = tuple(map(_escaped, draw.shuffled(facts.options)))
        number = draw.below(len(self.styles))
        style = self.styles[number]
        show = self._shown if len(shown) <= FEW_OPTIONS else self._show
        block, written, options = show(number, shown)
        right = set(map(_escaped, facts.answers))
        response = joined([w for w, text in zip(written, shown, strict=True) if text in right])
        closing = style.several if facts.form in MULTIPLE else style.single
        return options, block, closing, response

    def _show(
        self, number: int, shown: tuple[str, ...]
    ) -> tuple[str, Sequence[str], tuple[Option, ...]]:
        """In a style: the options' block, how a response writes each, and the options as rows."""
        style = self.styles[number]
        labels, marks = style.marks(len(shown))
        marked = [mark + text for mark, text in zip(marks, shown, strict=True)]
        if style.inline(shown):
            block = f"{style.lead} " if style.lead else ""
            block += (", " if style.bare else " ").join(marked)
        else:
            # A bare list on lines needs a sign that each line is an option.
            lines = [f"- {text}" for text in shown] if style.bare else marked
            block = "\n".join([style.lead, *lines] if style.lead else lines)
        return block, style.written(labels, marked, shown), tuple(map(_option, labels, shown))


@lru_cache(maxsize=4096)
def _option(label: str, text: str) -> Option:
    return Option(label=label, text=text)


MULTIPLE = frozenset({"list"})
"""Forms in which several options may be right."""


def _escaped(text: str) -> str:
    """Text of a release with the marks that mean something to models broken up."""
    if "<" not in text:
        return text
    return text.replace("<|", "< |").replace("<image>", "< image>")


def unit_box(region: Region) -> Box:
    """The box of what of the region lies in the picture, in 0..1 of it.

    Raises:
        ValueError: the size of its pixel grid is not known, or nothing of it lies inside.
    """
    box = visible_box(region)
    if box is None or region.frame is None:
        raise ValueError("a region that lies outside its frame has no place in the picture")
    return unit(box, region.frame)


def boxes_text(
    regions: Sequence[Region], dialect: str, named: Literal["label", "phrase"] | None
) -> str:
    """Boxes in the order of their top left corners, side by side; phrases one after the other."""
    placed = sorted((unit_box(r), getattr(r, named) if named else None) for r in regions)
    if named == "phrase":
        phrases = [r.phrase for r in regions]
        placed.sort(key=lambda item: phrases.index(item[1]))
    return BOX_DIALECTS[dialect].separator.join(
        format_boxes([box], dialect, label=_escaped(name) if name else None) for box, name in placed
    )


class Templates:
    """All templates of a build: the shipped ones, and a user's folder laid over them.

    Args:
        overlay: the user's folder.
        options: which styles of options are drawn; None: all.

    Raises:
        CallError: there is no such folder, or no style is left.
    """

    def __init__(self, overlay: Path | None = None, options: OptionStyles | None = None) -> None:
        if overlay is not None and not overlay.is_dir():
            raise CallError(f"templates: {overlay} is not a folder")
        self._folders: list[Path | Traversable] = [shipped("templates")]
        if overlay is not None:
            self._folders.insert(0, overlay)
        options = options or OptionStyles()
        self._styles = tuple(
            style
            for style in load_yaml(self._file(STYLES), Styles).styles
            if style.labels in options.labels and style.answer in options.answers
        )
        if not self._styles:
            raise CallError(
                f"options: no style of {STYLES} has labels {' or '.join(options.labels)} and "
                f"answers {' or '.join(options.answers)}"
            )

    def _file(self, name: str) -> Path | Traversable:
        for folder in self._folders:
            if (path := folder / name).is_file():
                return path
        raise ConfigError(f"templates: no {name} in {self._folders[0]}")

    def digest(self, task: str) -> str:
        """Of the task's file and the styles."""
        data = b"".join(self._file(n).read_bytes() for n in (f"{task}.yaml", STYLES))
        return xxh3_128_hexdigest(data)

    def load(self, task: str) -> TaskTemplate:
        """The compiled template of a task.

        Raises:
            ConfigError: the file is missing or wrong; file, form and phrasing are named.
        """
        template = load_yaml(self._file(f"{task}.yaml"), Template)
        return TaskTemplate(task, template, self._styles, self.digest(task))
