"""What CheXbench is made of: its parts, read from ``chexbench.yaml`` beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chexinstruct.config import load_yaml
from chexinstruct.schema import Split

Edition = Literal["v1", "v2"]
"""Which paper's tasks: arXiv 2401.12208 version 1 or 2."""

RecipeName = Literal["core", "full", "clean"]
"""``core``: as many items as were published; ``full``: every eligible study; ``clean``: of them,
those whose person stands in test wherever the person is known, asked as safely as can be."""

RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)

Views = Literal["frontal", "any"]
"""Which picture stands for a study where one is shown: its first frontal one, or any."""

Form = Literal["choice", "boxes", "text"]
"""What an answer is: one of the options, boxes in the picture, or free text."""

Count = Annotated[int, Field(ge=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Model):
    """Which candidates of a part become items."""

    splits: tuple[Split, ...] = ("test",)
    """Of the release."""
    pictures: tuple[int, ...] = ()
    """Ids of the only studies; none: all."""
    per_side: Count | dict[str, Count] | None = None
    """Most items of each side within each group; None or a side that is not named: all."""
    total: Count | None = None
    balance: bool = False
    """As many of each side; where one is missing, none of the others."""
    by_group: bool = False
    """``per_side`` and ``balance`` hold within each group of candidates (a finding, a question)."""


class Part(_Model):
    """One task asked of one source under one rule."""

    task: str
    subtask: str | None = None
    source: str
    rule: str
    editions: tuple[Edition, ...] = ("v1", "v2")
    question: str | None = None
    """With ``{finding}`` or ``{phrase}`` where the rule fills one in; None: the release's own
    question, or none at all."""
    sides: dict[str, str] = {}
    """Classes of answers, and how each is worded as an option."""
    findings: tuple[str, ...] = ()
    """Canonical names that are asked for."""
    headings: dict[str, str] = {}
    """Index headings that are asked for, and their wording."""
    codes: dict[str, str | None] = {}
    """Index terms with ``{x}`` for the side, and the options' wording; None: no item has it."""
    frontal: bool = False
    """Its pictures are frontal by the making of the release, whether or not a table says so."""
    unsplit: bool = False
    """The release has no split, and no list stands for one: all of it is asked."""
    with_parent: bool = False
    """Its pictures must be in the test split of the release that they lie in."""
    core: Choice = Choice()
    full: Choice = Choice()
    clean: Choice = Choice()
    published: int | None = None
    answers: dict[str, int] = {}
    """Published items by side."""

    def choice(self, recipe: RecipeName) -> Choice:
        """What the recipe takes."""
        chosen: Choice = getattr(self, recipe)
        return chosen

    @property
    def name(self) -> str:
        """``task/subtask/source``, without what it has not."""
        return "/".join(filter(None, (self.task, self.subtask, self.source)))


class Listed(_Model):
    """A split by pictures that papers share and no release has."""

    pictures: int
    """Of the release that the digest is of."""
    test: str
    """Digest of the ids of the test pictures."""


class Parts(_Model):
    """The content of ``chexbench.yaml``."""

    version: str
    """Changes when some part or rule does, so that other items come of the same releases."""
    splits: dict[str, Listed]
    findings: tuple[str, ...]
    headings: dict[str, str]
    parts: tuple[Part, ...]
    totals: dict[str, int]
    """Published items of tasks for which they are not known by source."""

    @model_validator(mode="before")
    @classmethod
    def _blocks(cls, content: Any) -> Any:
        """Each part with the fields of its block."""
        content = dict(content)
        content["parts"] = [
            {**{name: value for name, value in block.items() if name != "parts"}, **part}
            for block in content.pop("blocks", ())
            for part in block["parts"]
        ]
        return content


@cache
def chexbench() -> Parts:
    """All parts of both editions."""
    return load_yaml(files("chexinstruct.chexbench") / "chexbench.yaml", Parts)


def parts_of(edition: Edition) -> list[Part]:
    """The parts of an edition, in the order of its items."""
    return [part for part in chexbench().parts if edition in part.editions]
