"""Which rows of a corpus may be passed on: told by the rows themselves, not by the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.corpus.files import Corpus
from chexinstruct.schema import Redistribution
from chexinstruct.source import Source, strictest_word, terms

COLUMNS = ("source", "license", "redistribution")


class Standing(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of one source under the same terms."""

    source: str
    license: str
    """As the rows say; so for ``redistribution``."""
    redistribution: str
    card: str
    """What today's card of the source and those of its parents say; ``no`` of an unknown source."""
    rows: int

    @property
    def may_leave(self) -> bool:
        """Whether everyone may have these rows. ``unknown`` counts as ``no``."""
        return (
            self.redistribution == "yes" and self.card == "yes" and self.license != "credentialed"
        )

    @property
    def why_not(self) -> str:
        """The terms that keep these rows in, in words."""
        if self.license == "credentialed":
            return "credentialed"
        word = strictest_word([self.redistribution, self.card])
        return f"{self.license}, redistribution {word}"


def standings(corpus: Corpus, sources: Mapping[str, Source]) -> list[Standing]:
    """The terms of all rows, by source; three columns are read, and no picture.

    Raises:
        ChexinstructError: a file cannot be read.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for batch in corpus.rows(COLUMNS):
        found = pa.table([batch[name] for name in COLUMNS], names=list(COLUMNS))
        for row in found.group_by(list(COLUMNS)).aggregate([([], "count_all")]).to_pylist():
            counts[tuple(str(row[name]) for name in COLUMNS)] += row["count_all"]  # type: ignore[index]
    return [
        Standing(
            source=source,
            license=license,
            redistribution=redistribution,
            card=card_word(source, sources),
            rows=rows,
        )
        for (source, license, redistribution), rows in sorted(counts.items())
    ]


def card_word(source: str, sources: Mapping[str, Source]) -> Redistribution:
    """What the cards of a source and of its parents say today."""
    return terms(source, sources).redistribution if source in sources else "no"


def leaving(rows: pa.Table, sources: Mapping[str, Source]) -> pa.ChunkedArray:
    """Which rows everyone may have, told by the columns :data:`COLUMNS`."""
    named = pc.unique(rows["source"]).to_pylist()
    allowed = [key for key in named if key is not None and card_word(key, sources) == "yes"]
    fits = pc.and_(
        pc.equal(rows["redistribution"], "yes"), pc.not_equal(rows["license"], "credentialed")
    )
    known = pc.is_in(rows["source"], value_set=pa.array(allowed, pa.string()))
    return pc.fill_null(pc.and_(fits, known), False)
