"""A context for tests of tasks: real draws, and the other studies it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from chexinstruct.draw import Draw, key
from chexinstruct.reports import DEFAULT_LEAKS, LeakClass
from chexinstruct.schema import Facts, LabelSet, Option, Study
from chexinstruct.tasks import Drop, Task
from chexinstruct.tasks.contract import Other
from chexinstruct.templating import TaskTemplate


@dataclass(frozen=True)
class FakePolicies:
    consensus: str = "majority"
    uncertain: str = "source"
    text: str = "clean"
    leaks: tuple[LeakClass, ...] = DEFAULT_LEAKS


@dataclass(frozen=True)
class FakeContext:
    seed: int = 0
    policies: FakePolicies = FakePolicies()
    sets: Sequence[LabelSet] = ()
    earlier: Study | None = None
    others: Sequence[Study] = ()
    """Studies of every pool, in the order in which they are offered."""
    asked: list[str] = field(default_factory=list)
    """The pools that were asked for."""

    def draw(self, *names: object) -> Draw:
        return Draw(key(self.seed, *names))

    def label_sets(self) -> Sequence[LabelSet]:
        return self.sets

    def prior(self) -> Study | None:
        return self.earlier

    def negatives(self, pool: str) -> Iterator[Other]:
        self.asked.append(pool)
        return map(Other, self.others)


def run(task: Task, study: Study, context: FakeContext) -> tuple[list[Facts], list[str]]:
    """The facts and the reasons of drops, each in order; keys of facts must differ."""
    items = list(task.facts(study, context))
    assert items, "a task yields at least one Facts or Drop"
    facts = [item for item in items if isinstance(item, Facts)]
    assert len({f.key for f in facts}) == len(facts)
    return facts, [item.reason for item in items if isinstance(item, Drop)]


def over_seeds(
    task: Task, study: Study, make: Callable[[int], FakeContext], seeds: int = 200
) -> list[Facts]:
    """The facts under many seeds."""
    return [f for seed in range(seeds) for f in run(task, study, make(seed))[0]]


class Row(NamedTuple):
    """The texts of one row."""

    instruction: str
    response: str
    template: str
    options: tuple[Option, ...]


def worded(
    template: TaskTemplate, facts: Facts, draw: Draw, dialect: str = "chexagent2", count: int = 1
) -> list[Row]:
    """The rows that a template makes of one set of facts."""
    made = template.render(facts, draw, dialect, count=count)
    texts = zip(made.instructions, made.responses, made.templates, strict=True)
    return [Row(*text, made.options) for text in texts]
