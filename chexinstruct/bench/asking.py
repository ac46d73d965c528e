"""From items to questions: options in some rotation, pictures as they are or taken away."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from chexinstruct.bench.item import BenchImage, BenchItem
from chexinstruct.bench.models.contract import ModelError, Picture, Question
from chexinstruct.bench.opening import Bench, item_digest
from chexinstruct.bench.prompts import Prompt, Style
from chexinstruct.draw import key

Pictures = Literal["shown", "blank", "shuffled", "none"]
"""``blank``: grey, of the same size. ``shuffled``: those of another item of the same task and
source. ``none``: the text alone. What a model earns so, it earns without looking."""

_GREY = 128


def rotated(options: tuple[str, ...], by: int) -> tuple[str, ...]:
    """The options with the first ``by`` of them at the end."""
    return options[by:] + options[:by]


@dataclass(frozen=True)
class Ask:
    """One thing to ask: an item, with its options in one rotation."""

    item: BenchItem
    rotation: int
    options: tuple[str, ...]
    prompt: Prompt
    digest: str
    """Of the item."""


class Asker:
    """Makes the questions of a run.

    Args:
        bench: its items are asked.
        style: the words.
        dialect: of boxes.
        pictures: what is shown.
        rotations: of the options, so many of each choice item, at least 1.
        seed: of the exchange of pictures.
    """

    def __init__(
        self,
        bench: Bench,
        style: Style,
        *,
        dialect: str,
        pictures: Pictures = "shown",
        rotations: int = 1,
        seed: int = 0,
    ) -> None:
        self._bench, self._style, self._dialect = bench, style, dialect
        self._kind, self._rotations = pictures, rotations
        self._donors = _donors(bench, seed) if pictures == "shuffled" else {}

    def asks(self) -> Iterator[Ask]:
        """All of them, in the order of the bench.

        Raises:
            ConfigError: the style has no words for an item.
        """
        for item in self._bench.items:
            digest = item_digest(item)
            for rotation in range(min(self._rotations, len(item.options)) or 1):
                options = rotated(item.options, rotation)
                prompt = self._style.prompt(item, options, self._dialect)
                yield Ask(item, rotation, options, prompt, digest)

    def question(self, ask: Ask) -> Question:
        """What is given to the model.

        Raises:
            ChexinstructError: a picture is missing, or no other item has pictures to lend.
        """
        item = ask.item
        return Question(
            id=item.id,
            task=item.task,
            source=item.source,
            form=item.form,
            system=ask.prompt.system,
            text=ask.prompt.text,
            pictures=self._pictures(item),
            options=ask.options,
        )

    def _pictures(self, item: BenchItem) -> tuple[Picture, ...]:
        if self._kind == "none" or not item.images:
            return ()
        if self._kind == "blank":
            return tuple(Picture("blank", _grey(image)) for image in item.images)
        shown = item.images
        if self._kind == "shuffled":
            if item.id not in self._donors:
                raise ModelError("no other item of the task has as many pictures to lend")
            shown = self._donors[item.id]
        return tuple(Picture(image.id, self._bench.picture(image)) for image in shown)


def _grey(image: BenchImage) -> bytes:
    data = io.BytesIO()
    Image.new("L", (image.width, image.height), _GREY).save(data, "PNG")
    return data.getvalue()


def _donors(bench: Bench, seed: int) -> dict[str, tuple[BenchImage, ...]]:
    """Pictures for each item, of the next one on a ring that belongs to somebody else."""
    rings: dict[tuple[str, str, int], list[BenchItem]] = {}
    for item in sorted(bench.items, key=lambda item: key(seed, "shuffled", item.id)):
        rings.setdefault((item.task, item.source, len(item.images)), []).append(item)
    donors = {}
    for ring in rings.values():
        for at, item in enumerate(ring):
            others = (o for o in ring[at + 1 :] + ring[:at] if _strange(o, item))
            if other := next(others, None):
                donors[item.id] = other.images
    return donors


def _strange(one: BenchItem, other: BenchItem) -> bool:
    """Neither the person nor any picture is the same."""
    same = {image.sha256 for image in one.images} & {image.sha256 for image in other.images}
    return one.cluster != other.cluster and not same
