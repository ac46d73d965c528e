"""The items of a part: test studies, what its rule makes of them, and the draw among these."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused, Studies
from chexinstruct.chexbench.drawing import draw
from chexinstruct.chexbench.recipe import Part, RecipeName, Views, chexbench
from chexinstruct.chexbench.rules import RULES
from chexinstruct.chexbench.splits import digest_of, test_ids
from chexinstruct.schema import LabelSet, Study


class PartLine(msgspec.Struct, kw_only=True):
    """The account of one part.

    studies = used + the sum of left_out; candidates = items + the sum of reasons.
    """

    task: str
    subtask: str | None
    source: str
    rule: str
    studies: int
    used: int
    """Studies that the rule looked at."""
    left_out: dict[str, int]
    candidates: int
    """What the rule made of them, items or not."""
    items: int
    reasons: dict[str, int]
    answers: dict[str, int]
    """Items by side, where the part has sides."""
    shortfall: dict[str, int]
    """Items that the recipe wants and that are not there, by side."""
    published: int | None


class SplitLine(msgspec.Struct, kw_only=True):
    """The test part of a release that has none of its own."""

    source: str
    rule: str
    pictures: int
    test: int
    digest: str
    """SHA-256 of the ids of the test pictures, one a line, sorted."""
    expected: str | None
    """Of the whole release; None: this copy has another number of pictures."""


@dataclass
class Chosen:
    """A part with what was drawn for it."""

    asking: Asking
    line: PartLine
    eligible: int
    """Candidates that could have been drawn."""
    items: list[Candidate]
    pictures: int
    """Named by the studies that the rule looked at."""
    missing: int
    """Of them, those whose file is not there."""
    first_missing: str | None

    def id(self, item: Candidate) -> str:
        """Of an item in its bench."""
        part = self.asking.part
        return f"{part.task}/{part.source}/{item.study.id}/{item.key}"


@dataclass(frozen=True)
class Choosing:
    """What is asked of all parts alike."""

    recipe: RecipeName
    seed: int = 0
    views: Views = "frontal"
    pictures: bool = True
    """False: items name their pictures, and none need be there."""
    tables: Mapping[str, Studies] = field(default_factory=dict)
    """By source; those of parents too."""
    tests: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """By source: for each row whether its person stands in test over all sources."""
    label_sets: Mapping[str, Mapping[str, LabelSet]] = field(default_factory=dict)
    """By source, of its card."""

    def choose(self, parts: Iterable[Part]) -> tuple[list[Chosen], list[SplitLine]]:
        """The items of the parts, and the test parts that were listed for it.

        No two items ask the same of the same pictures, whatever parts they come from.
        """
        listed = {
            name: _listed(name, self.tables[name])
            for name in chexbench().splits
            if name in self.tables
        }
        chosen = [
            self._chosen(part, listed[part.source][1] if part.source in listed else None)
            for part in parts
        ]
        _drop_copies(chosen)
        return chosen, [line for line, _ in listed.values()]

    def _chosen(self, part: Part, listed: Collection[str] | None) -> Chosen:
        asking = Asking(
            part=part,
            seed=self.seed,
            strict=self.recipe == "clean",
            views=self.views,
            pictures=self.pictures,
            label_sets=self.label_sets[part.source],
            tables=self.tables,
        )
        choice = part.choice(self.recipe)
        rule, version = RULES[part.rule]
        left_out: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        candidates: list[Candidate] = []
        used = pictures = 0
        missing: list[str] = []
        table = self.tables[part.source]
        for row in self._test_rows(asking, choice.splits, listed, left_out):
            study = table[row]
            if choice.pictures and study.id not in map(str, choice.pictures):
                left_out["not_among_the_pictures"] += 1
                continue
            if part.with_parent and not _parent_tests(study, asking):
                left_out["parent_not_in_test"] += 1
                continue
            used += 1
            pictures += len(study.images)
            missing += [image.key for image in study.images if image.path is None]
            made = list(rule(study, asking)) or [Refused("nothing_to_ask")]
            reasons.update(one.reason for one in made if isinstance(one, Refused))
            candidates += [one for one in made if isinstance(one, Candidate)]
        candidates.sort(key=lambda one: _natural(one.study.id))
        drawn = draw(candidates, choice, asking.rank, sides=sides_of(part), groups=part.findings)
        line = PartLine(
            task=part.task,
            subtask=part.subtask,
            source=part.source,
            rule=f"{part.rule}/{version}",
            studies=len(table),
            used=used,
            left_out=dict(sorted(left_out.items())),
            candidates=len(candidates) + reasons.total(),
            items=0,
            reasons=dict(reasons + drawn.reasons),
            answers={},
            shortfall=drawn.shortfall,
            published=part.published,
        )
        return Chosen(
            asking=asking,
            line=line,
            eligible=len(candidates),
            items=drawn.items,
            pictures=pictures,
            missing=len(missing),
            first_missing=missing[0] if missing else None,
        )

    def _test_rows(
        self,
        asking: Asking,
        splits: Sequence[str],
        listed: Collection[str] | None,
        left_out: Counter[str],
    ) -> list[int]:
        """The rows of the source's table on the test side.

        That is the release's own test split; where it has none, the listed one; where there is no
        such list, all of it. Under ``clean`` the person must stand in test as well, as the people
        stage has it over all sources.
        """
        source = asking.part.source
        columns = self.tables[source].table
        by_release = listed is None and not asking.part.unsplit
        rows = []
        for row, (split, id) in enumerate(
            zip(columns["split"].to_pylist(), columns["id"].to_pylist(), strict=True)
        ):
            if by_release and split not in splits:
                left_out[f"split_{split}" if split else "no_split"] += 1
            elif listed is not None and id not in listed:
                left_out["not_in_the_listed_test_part"] += 1
            elif asking.strict and not self.tests[source][row]:
                left_out["person_not_in_test"] += 1
            else:
                rows.append(row)
        return rows


def sides_of(part: Part) -> tuple[str, ...]:
    """The classes of answers that there should be."""
    if part.rule == "single":
        return tuple(part.headings.values()) or part.findings
    return tuple(dict.fromkeys(part.sides.values()))


def _listed(name: str, table: Studies) -> tuple[SplitLine, frozenset[str]]:
    """The test part of a release that has no split of its own."""
    ids = table.table["id"].to_pylist()
    test = test_ids(ids)
    whole = chexbench().splits[name]
    line = SplitLine(
        source=name,
        rule="train_test_split 0.3, then 0.5, random_state 0, pictures by id",
        pictures=len(ids),
        test=len(test),
        digest=digest_of(test),
        expected=whole.test if len(ids) == whole.pictures else None,
    )
    return line, frozenset(test)


def _parent_tests(study: Study, asking: Asking) -> bool:
    """Whether the release that the pictures lie in has them in its test split."""
    parents = [
        asking.tables[image.release].with_image(image.key)
        for image in study.images
        if image.release is not None
    ]
    return bool(parents) and all(parent and parent.split == "test" for parent in parents)


def _natural(id: str) -> tuple[tuple[int, str], ...]:
    """Sort key in which CXR9 stands before CXR10."""
    parts = re.split(r"(\d+)", id)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _drop_copies(chosen: Sequence[Chosen]) -> None:
    """Never two items on one question and picture, whatever parts they come from."""
    seen: set[object] = set()
    for one in chosen:
        kept = []
        for item in one.items:
            source = one.asking.part.source
            pictures = tuple((image.release or source, image.key) for image in item.images)
            asked = (one.asking.part.task, item.question, item.context, tuple(sorted(item.options)))
            if (pictures, asked) in seen:
                one.line.reasons["asked_before"] = one.line.reasons.get("asked_before", 0) + 1
            else:
                seen.add((pictures, asked))
                kept.append(item)
        one.items = kept
