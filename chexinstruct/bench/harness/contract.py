"""What a harness is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import ascii_uppercase

from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.prompts import Prompt
from chexinstruct.chexbench.recipe import Form
from chexinstruct.export.sinks import Record, Sink

GROUP = "chexbench"
"""What all tasks of choices together are called in a harness."""

MAX_NEW_TOKENS = 512
"""Of an answer, as in ``bench run``."""


@dataclass(frozen=True)
class Shown:
    """A picture of an item."""

    name: str
    """Path below the export for harnesses that want files, POSIX separators."""
    data: bytes


@dataclass(frozen=True)
class Row:
    """An item on its way out, in the words of a prompt style."""

    item: BenchItem
    prompt: Prompt
    pictures: tuple[Shown, ...]
    """In the order shown."""

    @property
    def cell(self) -> str:
        """Task and source: what our own scores are told by, too."""
        return f"{self.item.task}_{self.item.source}"

    @property
    def target(self) -> str:
        """The letter of the right option, or the text that an answer is compared with."""
        item = self.item
        return ascii_uppercase[item.answer] if item.answer is not None else item.reference or ""

    def fields(self) -> Record:
        """What harnesses with task files of ours are told, but for the pictures."""
        item = self.item
        return {
            "id": item.id,
            "task": item.task,
            "source": item.source,
            "cluster": item.cluster,
            "system": self.prompt.system,
            "text": self.prompt.text,
            "target": self.target,
            "options": list(item.options),
            "answer": item.answer,
        }


def held(record: Record) -> int:
    """Pictures of a record with :meth:`Row.fields`, which stand under ``images``."""
    return len(record["images"])


def told(record: Record) -> tuple[list[str], str]:
    """Its options and right answer."""
    return record["options"], record["target"]


@dataclass(frozen=True)
class Cell:
    """The rows of one task in one source, as far as a task file has to know them."""

    name: str
    form: Form
    pictures: int
    """The most that a row has."""
    system: str
    """Of the prompt style; the same for all rows."""


@dataclass(frozen=True)
class Harness:
    """How items are written for one harness."""

    name: str
    what: str
    """One line for ``--help``."""
    forms: frozenset[Form]
    """Forms of answers that it can score as we do."""
    record: Callable[[Row], Record]
    """An item in the harness's form."""
    shown: Callable[[Record], int]
    """Pictures of a record: what it holds and has marks for, whichever is less."""
    target: Callable[[Record], tuple[list[str], str]]
    """Options and right answer of a record."""
    sink: type[Sink]
    guide: str
    """How to run it, in Markdown; EXPORT stands for the folder."""
    part: Callable[[Row], str] = field(default=lambda row: row.cell)
    """Name of the data file that a row goes into."""
    refuses: Callable[[Row], str | None] = field(default=lambda row: None)
    """Why the harness cannot take a row."""
    code: Mapping[str, str] = field(default_factory=dict)
    """File of the export -> the module of hooks it is a copy of."""
    tasks: Callable[[list[Cell]], Mapping[str, str]] = field(default=lambda cells: {})
    """Task files: name -> content."""
    inside: bool = False
    """Whether pictures go into the data files, not beside them."""
    own_words: bool = False
    """Whether the harness asks in words of its own, so that no prompt style is used."""
