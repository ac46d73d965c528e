"""What a bench shares with the train split of a corpus: persons, studies, pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from chexinstruct.bench.item import BenchImage, BenchItem
from chexinstruct.bench.opening import Bench
from chexinstruct.build.holdout import read_persons
from chexinstruct.build.people import patient_digest
from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus, row_groups
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.pictures import embedded, stored
from chexinstruct.corpus.verifying import picture_roots
from chexinstruct.source import registry

HOLD = "build the corpus with holdout_bench in its manifest"
LINK = "where they have other names, link: pixels finds those of other sources"

WHAT = {
    "persons": "persons",
    "studies": "studies",
    "pictures": "pictures by their names",
    "picture_bytes": "pictures by their bytes",
}
"""By what an item can be found in a corpus; each is a check of its own."""


@dataclass(frozen=True)
class Shared:
    """What of a bench stands in the train split of a corpus."""

    corpus: Corpus
    found: dict[str, frozenset[str]]
    """Ids of the items, by how they were found: the keys of WHAT that could be looked at."""
    not_checked: dict[str, str]
    """The other keys, and why."""

    @property
    def items(self) -> frozenset[str]:
        """Ids of all of them."""
        return frozenset().union(*self.found.values())


def shared_with(bench: Bench, path: str | Path) -> Shared:
    """Look for the items of a bench in the train rows of a corpus.

    Persons are compared by number: those of the bench are digested with the corpus's seed, as its
    column ``patient`` is. Pictures are compared by name within their release, and by their bytes
    where both were normalised alike.

    Raises:
        ChexinstructError: there is no corpus, or a file of it is damaged.
    """
    corpus = open_corpus(path)
    roots = picture_roots(corpus, registry())
    seed = int(corpus.lock.manifest["seed"])
    persons = {
        (study.source, study.study_id): {patient_digest(int(n, 16), seed) for n in study.persons}
        for study in read_persons(bench.path)
    }
    patients_there: set[str] = set()
    studies_there: set[tuple[str, str]] = set()
    pictures_there: set[tuple[str, str]] = set()
    for file in _train(corpus):
        root = roots[file.source]
        for _, rows in row_groups(file.path, ["study_id", "patient", "image_ids"]):
            patients_there.update(filter(None, rows["patient"].to_pylist()))
            studies_there.update((file.source, id) for id in rows["study_id"].to_pylist())
            pictures_there.update((root, id) for ids in rows["image_ids"].to_pylist() for id in ids)
    found = {
        "persons": _ids(
            bench, lambda i: persons.get((i.source, i.study_id), set()) & patients_there
        ),
        "studies": _ids(bench, lambda i: {(i.source, i.study_id)} & studies_there),
        "pictures": _ids(
            bench,
            lambda i: {(roots.get(i.source, i.source), p.id) for p in i.images} & pictures_there,
        ),
    }
    if why := _not_alike(bench, corpus):
        return Shared(corpus, found, {"picture_bytes": why})
    ours = {_first_bits(image) for item in bench.items for image in item.images}
    bytes_there = ours.intersection(_digests(corpus, pictures_there))
    found["picture_bytes"] = _ids(bench, lambda i: set(map(_first_bits, i.images)) & bytes_there)
    return Shared(corpus, found, {})


def _ids(bench: Bench, shares: Callable[[BenchItem], Collection[object]]) -> frozenset[str]:
    return frozenset(item.id for item in bench.items if shares(item))


def _first_bits(image: BenchImage) -> int:
    return int(image.sha256[:16] or "0", 16)


def contamination(bench: Bench, path: str | Path) -> list[Finding]:
    """The checks of a bench against the train split of a corpus, one a way of finding it there.

    Raises:
        ChexinstructError: there is no corpus, or a file of it is damaged.
    """
    shared = shared_with(bench, path)
    findings = []
    for key, what in WHAT.items():
        if why := shared.not_checked.get(key):
            findings.append(Finding(check=f"corpus_{key}", level="not checked", message=why))
            continue
        both = shared.found[key]
        parts = Counter(f"{i.task}/{i.source}" for i in bench.items if i.id in both)
        told = ", ".join(f"{part} {n:,}" for part, n in sorted(parts.items()))
        advice = f"{HOLD}; {LINK}" if key == "picture_bytes" else HOLD
        fault = f"{len(both):,} items have {what} in the corpus's train split ({told}); {advice}"
        fine = f"no {what} of the bench in train"
        findings.append(judged(f"corpus_{key}", [fault] if both else [], fine))
    return findings


def _not_alike(bench: Bench, corpus: Corpus) -> str | None:
    """Why pictures cannot be compared by their bytes."""
    settings = corpus.lock.manifest["images"]
    if bench.lock.images is None or settings["mode"] == "none":
        return "the bench or the corpus has no pictures"
    if any(settings[name] != value for name, value in bench.lock.images.items()):
        return "pictures of bench and corpus were normalised in different ways"
    return None


def _train(corpus: Corpus) -> list[CorpusFile]:
    return [file for file in corpus.files if file.split == "train"]


def _digests(corpus: Corpus, train: Collection[tuple[str, str]]) -> Iterator[int]:
    """First 64 bits of the SHA-256 of every picture of train."""
    if corpus.images:
        for stored_file in corpus.images:
            for picture in stored(stored_file):
                if (stored_file.release, picture.id) in train:
                    yield picture.digest
    else:
        for file in _train(corpus):
            for shown in embedded(file):
                yield shown.digest
