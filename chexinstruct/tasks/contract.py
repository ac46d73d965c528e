"""What a task is: declared needs, and a function from a study to facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from chexinstruct.draw import Draw
from chexinstruct.reports import LeakClass
from chexinstruct.schema import Facts, LabelSet, Record, Study

T = TypeVar("T")

Family = Literal["coarse", "fine", "text", "qa", "misc"]

FAMILIES: dict[Family, str] = {
    "coarse": "coarse-grained image understanding",
    "fine": "fine-grained image understanding",
    "text": "text generation",
    "qa": "question answering",
    "misc": "miscellaneous",
}


class Drop(Record, frozen=True, kw_only=True):
    """Something a task looked at and left out; counted, never silent."""

    reason: str
    """snake_case; a study without any facts is counted under its first reason."""


class Policies(Protocol):
    """The named schemes a manifest chose."""

    @property
    def consensus(self) -> str:
        """How readers are merged: a scheme of :func:`chexinstruct.regions.consensus`."""

    @property
    def uncertain(self) -> str:
        """``source`` (each label set's own policy), ``ignore``, ``present`` or ``absent``."""

    @property
    def text(self) -> str:
        """``clean`` (sentences that leak are dropped) or ``raw``."""

    @property
    def leaks(self) -> tuple[LeakClass, ...]:
        """The classes of sentences that ``clean`` drops where a target may not hold them."""


class Other:
    """Another person's study. Those who are asked about nearby are offered the same one."""

    __slots__ = ("_told", "study")

    def __init__(self, study: Study) -> None:
        self.study = study
        self._told: dict[str, Any] = {}

    def told(self, name: str, tell: Callable[[Study], T]) -> T:
        """What a function says of the study, worked out once under a name."""
        if name not in self._told:
            self._told[name] = tell(self.study)
        told: T = self._told[name]
        return told


class Context(Protocol):
    """All that a task may know beyond its study."""

    @property
    def policies(self) -> Policies:
        """The named schemes of the manifest."""

    def draw(self, *names: object) -> Draw:
        """Chance seeded by (corpus seed, task, source, study, names)."""

    def label_sets(self) -> Sequence[LabelSet]:
        """The label sets that were applied to the study and may be asked about."""

    def prior(self) -> Study | None:
        """The person's study just before this one, of the same source and split."""

    def negatives(self, pool: str) -> Iterator[Other]:
        """Other people's studies of the same source and split that stand in a pool of the task.

        At most :data:`STEPS` of them: those that follow in the order of the corpus, once round. It
        is as good a draw as any, for persons stand there in the order of a hash.
        """


STEPS = 16
"""How many others are looked at before a task gives up with ``no_negative``."""

FactsFunction = Callable[[Study, Context], Iterator[Facts | Drop]]


@dataclass(frozen=True)
class Task:
    """A kind of question, defined once for all sources."""

    key: str
    family: Family
    title: str
    needs: tuple[str, ...]
    """Names of :data:`chexinstruct.tasks.needs.NEEDS`; a study that lacks one is counted under the
    first it lacks."""
    facts: FactsFunction
    pools: Callable[[Study], Sequence[str]] | None = None
    """Names of the pools of negatives that a study stands in."""


def task(
    key: str,
    family: Family,
    title: str,
    *,
    needs: tuple[str, ...],
    pools: Callable[[Study], Sequence[str]] | None = None,
) -> Callable[[FactsFunction], Task]:
    """Make a task of a function; its docstring says what the question is."""

    def wrap(facts: FactsFunction) -> Task:
        return Task(key, family, title, needs, facts, pools)

    return wrap
