"""RadNLI (Miura et al., NAACL 2021): two lists of sentence pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import msgspec

from chexinstruct.release import Release
from chexinstruct.schema import Origin, Pair, Split, Study
from chexinstruct.source import Parent

LISTS: tuple[tuple[str, Split], ...] = (("dev", "validation"), ("test", "test"))

Relation = Literal["entailment", "neutral", "contradiction"]
RELATIONS: dict[str, Relation] = {label: label for label in get_args(Relation)}


class Line(msgspec.Struct):
    """An object of the JSON Lines files, as far as it is read."""

    pair_id: str
    sentence1: str
    sentence2: str
    gold_label: str


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a pair, in the order of the two files.

    Both files number their pairs alike, so ids carry the name of the list. A pair and its reverse
    stand in one file, and so in one split.
    """
    for name, split in LISTS:
        file = release.find(f"radnli_{name}_v1.jsonl")
        seen: set[str] = set()
        for number, line in release.jsonl(file, Line):
            premise, hypothesis = line.sentence1.strip(), line.sentence2.strip()
            relation = RELATIONS.get(line.gold_label.strip())
            if not (premise and hypothesis):
                release.reject(file, number, "empty_sentence")
            elif relation is None:
                release.reject(file, number, "unknown_label", f"none of {', '.join(RELATIONS)}")
            elif line.pair_id in seen:
                release.reject(file, number, "duplicate_id", "its pair_id stands before")
            else:
                seen.add(line.pair_id)
                key = f"{name}-{line.pair_id}"
                yield Study(
                    source=release.source,
                    id=key,
                    split=split,
                    split_origin=f"radnli_{name}_v1.jsonl",
                    pairs=(
                        Pair(
                            id=key,
                            kind="inference",
                            first=premise,
                            second=hypothesis,
                            relation=relation,
                        ),
                    ),
                    origin=Origin(file=file, row=number),
                )
