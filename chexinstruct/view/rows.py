"""The rows that stand at given places, without their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chexinstruct.corpus import Corpus
from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import Example
from chexinstruct.view.engine import Engine, paths
from chexinstruct.view.matches import Place

EXCERPT = 240
"""Characters of a text in a list."""


class Excerpt(msgspec.Struct, kw_only=True, frozen=True):
    """A row in a list."""

    file: int
    row: int
    id: str
    task: str
    source: str
    split: str
    instruction: str
    """Cut, as is the response."""
    response: str
    pictures: int
    regions: int


@dataclass(frozen=True)
class Rows:
    """Reads rows of a corpus."""

    corpus: Corpus
    engine: Engine

    def excerpts(self, places: Sequence[Place]) -> list[Excerpt]:
        """The beginnings of rows, in the order asked for.

        Raises:
            ChexinstructError: a file cannot be read, or has fewer rows than the lock says.
        """
        wanted: dict[int, list[int]] = {}
        for place in places:
            wanted.setdefault(place.file, []).append(place.row)
        found: dict[Place, Excerpt] = {}
        for number, rows in wanted.items():
            file = self.corpus.files[number]
            for record in self.engine.records(
                f"SELECT id, left(instruction, {EXCERPT}) AS instruction, "
                f"left(response, {EXCERPT}) AS response, len(image_ids) AS pictures, "
                "len(regions) AS regions, file_row_number AS row "
                f"FROM {_at(rows)}",
                [paths([file])],
            ):
                found[Place(number, record["row"])] = Excerpt(
                    file=number, task=file.task, source=file.source, split=file.split, **record
                )
        missing = [place for place in places if place not in found]
        if missing:
            raise self._short(missing[0])
        return [found[place] for place in places]

    def example(self, place: Place) -> Example:
        """A whole row, ``images`` left empty.

        Raises:
            ChexinstructError: the file cannot be read, or has fewer rows than the lock says.
        """
        record = self._record(place, "* EXCLUDE (images, file_row_number)")
        try:
            return msgspec.convert({**record, "images": ()}, Example)
        except msgspec.ValidationError:
            raise ChexinstructError(
                f"{self.corpus.files[place.file].name}: its columns are not those of this version; "
                "build the corpus again"
            ) from None

    def picture_names(self, place: Place) -> list[str]:
        """``image_ids`` of a row.

        Raises:
            ChexinstructError: the file cannot be read, or has fewer rows than the lock says.
        """
        names: list[str] = self._record(place, "image_ids")["image_ids"]
        return names

    def _record(self, place: Place, columns: str) -> dict[str, Any]:
        records = self.engine.records(
            f"SELECT {columns} FROM {_at([place.row])}",
            [paths([self.corpus.files[place.file]])],
        )
        if not records:
            raise self._short(place)
        return records[0]

    def _short(self, place: Place) -> ChexinstructError:
        return ChexinstructError(
            f"{self.corpus.files[place.file].name} has fewer rows than the lock says; "
            "`chexinstruct verify` tells more"
        )


def _at(rows: Sequence[int]) -> str:
    numbers = ", ".join(str(int(row)) for row in rows)
    return (
        f"(SELECT * FROM read_parquet(?, file_row_number = true) "
        f"WHERE file_row_number IN ({numbers}))"
    )
