"""The items of CheXbench from the releases of a data root, before any picture is looked at.

A bench is made of them, and a corpus keeps their people out of train.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chexinstruct.build.holdout import BenchStudy
from chexinstruct.build.inputs import Inputs, choose, locate, present
from chexinstruct.build.people import People, resolve
from chexinstruct.build.setting import Setting
from chexinstruct.build.studies import Loaded, StudyTable, open_studies
from chexinstruct.chexbench.choosing import Choosing, Chosen, SplitLine
from chexinstruct.chexbench.recipe import Edition, RecipeName, Views, parts_of
from chexinstruct.draw import key
from chexinstruct.manifest import Shares
from chexinstruct.schema import SPLITS

COMPANIONS = ("nih_chestxray14",)
"""Read where they are there, for what they tell of persons: RSNA's pictures are theirs."""

TEST = SPLITS.index("test")


@dataclass(frozen=True)
class Asked:
    """Which items."""

    recipe: RecipeName = "core"
    edition: Edition = "v2"
    seed: int = 0
    views: Views = "frontal"
    pictures: bool = True
    """False: items name their pictures, and none is needed."""


@dataclass(frozen=True)
class BenchItems:
    """The items, and what they were drawn from."""

    chosen: list[Chosen]
    splits: list[SplitLine]
    tables: dict[str, StudyTable]
    people: dict[str, People]


def item_inputs(setting: Setting, asked: Asked, *, available: bool) -> Inputs:
    """Where the releases are that the items come from; companions come along if they are there.

    Raises:
        MissingInputs: a release is not there, and ``available`` is not set.
    """
    wanted = tuple(dict.fromkeys(part.source for part in parts_of(asked.edition)))
    places = setting.data_root, setting.options.source_dirs
    inputs = choose(wanted, setting.sources, *places, available=available)
    along = {name: locate(*places, name) for name in COMPANIONS}
    there = present(along.values())
    locations = inputs.locations | {name: at for name, at in along.items() if at in there}
    return Inputs(locations, inputs.asked, inputs.skipped)


def draw_items(
    setting: Setting, asked: Asked, inputs: Inputs, loaded: Mapping[str, Loaded]
) -> BenchItems:
    """The items of those parts whose releases are there.

    Args:
        setting: its registry alone counts, so that a corpus and a bench get the same items.
        asked: which ones.
        inputs: of :func:`item_inputs`.
        loaded: the study tables of these, and others.
    """
    tables = {name: open_studies(loaded[name].table) for name in inputs.locations}
    people = resolve(
        tables,
        setting.sources,
        seed=asked.seed,
        shares=Shares(),
        policy="clean",
        folder=setting.cache,
    )
    choosing = Choosing(
        recipe=asked.recipe,
        seed=asked.seed,
        views=asked.views,
        pictures=asked.pictures,
        tables=tables,
        tests={name: who.split == TEST for name, who in people.items()},
        label_sets={name: setting.sources[name].card.label_sets for name in tables},
    )
    parts = [part for part in parts_of(asked.edition) if part.source in inputs.asked]
    chosen, splits = choosing.choose(parts)
    return BenchItems(chosen, splits, tables, people)


def persons_of(items: BenchItems, studies: Iterable[tuple[str, str]]) -> list[BenchStudy]:
    """The persons of studies.

    Args:
        items: with the tables of their sources.
        studies: source and id, in any order; each is told once, and all in order.
    """
    wanted: dict[str, set[str]] = {}
    for source, id in studies:
        wanted.setdefault(source, set()).add(id)
    found = []
    for source, ids in sorted(wanted.items()):
        columns, person = items.tables[source].table, items.people[source].person
        rows = {id: row for row, id in enumerate(columns["id"].to_pylist()) if id in ids}
        for id in sorted(ids):
            names = columns["people"][rows[id]].as_py()
            numbers = {key("person", name) for name in names} | {int(person[rows[id]])}
            persons = [f"{n:016x}" for n in sorted(numbers)]
            found.append(BenchStudy(source=source, study_id=id, persons=persons))
    return found
