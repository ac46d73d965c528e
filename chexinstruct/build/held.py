"""The people of a bench, whom a corpus keeps out of train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chexinstruct.build.cache import digest
from chexinstruct.build.holdout import numbers_of, read_persons
from chexinstruct.build.inputs import Inputs, MissingInputs
from chexinstruct.build.items import Asked, draw_items, item_inputs, persons_of
from chexinstruct.build.people import NOBODY, Number
from chexinstruct.build.setting import Setting
from chexinstruct.build.studies import Loaded
from chexinstruct.chexbench.recipe import RecipeName, chexbench
from chexinstruct.chexbench.splits import digest_of


@dataclass(frozen=True)
class Held:
    """Who is kept out of train."""

    persons: Number = field(default_factory=NOBODY.copy)
    """Sorted."""
    told: dict[str, Any] | None = None
    """What the lock says of it; None: nobody is."""


@dataclass(frozen=True)
class Holdout:
    """The bench that a manifest names, before any table is read."""

    folder: Path | None = None
    """Of a built bench."""
    recipe: RecipeName | None = None
    """Of a bench that needs not be built: as ``bench build --no-images`` makes it by default."""
    inputs: Inputs = field(default_factory=lambda: Inputs({}, frozenset(), {}))
    """The releases that the items of the recipe come from."""

    @classmethod
    def of(cls, setting: Setting) -> Holdout:
        """What the manifest of a build says.

        Raises:
            MissingInputs: a release that the recipe needs is not there.
            CallError: there is no bench in the folder.
        """
        named = setting.manifest.holdout_bench
        if named is None:
            return cls()
        if isinstance(named, Path):
            read_persons(named)  # told before hours of work
            return cls(folder=named)
        asked = _asked(named)
        try:
            inputs = item_inputs(setting, asked, available=setting.options.available)
        except MissingInputs as error:
            raise MissingInputs(f"holdout_bench {named}: {error}") from None
        return cls(recipe=named, inputs=inputs)

    def held(self, setting: Setting, loaded: Mapping[str, Loaded]) -> Held:
        """Who is in the bench.

        Args:
            setting: of the build.
            loaded: the study tables of all sources of ``inputs``, and others.
        """
        if self.folder is not None:
            persons = numbers_of(read_persons(self.folder))
            return Held(persons, {"persons": len(persons), "digest": digest(persons.tolist())})
        if self.recipe is None:
            return Held()
        asked = _asked(self.recipe)
        items = draw_items(setting, asked, self.inputs, loaded)
        ids = [one.id(item) for one in items.chosen for item in one.items]
        studies = (
            (one.asking.part.source, item.study.id) for one in items.chosen for item in one.items
        )
        persons = numbers_of(persons_of(items, studies))
        told = {
            "recipe": asked.recipe,
            "version": chexbench().version,
            "edition": asked.edition,
            "seed": asked.seed,
            "items": len(ids),
            "digest": digest_of(ids),
            "persons": len(persons),
            "skipped_sources": dict.fromkeys(sorted(self.inputs.skipped), "release not found"),
        }
        return Held(persons, told)


def _asked(recipe: RecipeName) -> Asked:
    return Asked(recipe=recipe, pictures=False)
