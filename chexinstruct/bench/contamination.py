"""What a bench shares with the train split of a corpus: persons, studies, pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from chexinstruct.bench.opening import Bench
from chexinstruct.build.holdout import read_persons
from chexinstruct.build.people import patient_digest
from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus, row_groups
from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.pictures import embedded, stored
from chexinstruct.corpus.verifying import picture_roots
from chexinstruct.source import registry

HOLD = "build the corpus with holdout_bench: BENCH in its manifest"


def contamination(bench: Bench, path: str | Path) -> list[Finding]:
    """Look for the bench in the train rows of a corpus.

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
        patient_digest(int(number, 16), seed)
        for study in read_persons(bench.path)
        for number in study.persons
    }
    studies = {(item.source, item.study_id) for item in bench.items}
    pictures = {
        (roots.get(item.source, item.source), image.id)
        for item in bench.items
        for image in item.images
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
    return [
        _shared("corpus_persons", "persons", persons & patients_there),
        _shared("corpus_studies", "studies", studies & studies_there),
        _shared("corpus_pictures", "pictures by their names", pictures & pictures_there),
        _bytes(bench, corpus, pictures_there),
    ]


def _shared(check: str, what: str, both: Collection[object]) -> Finding:
    faults = [f"{what} of the bench in the corpus's train split: {len(both):,}; {HOLD}"]
    return judged(check, faults if both else [], f"no {what} of the bench in train")


def _bytes(bench: Bench, corpus: Corpus, train: Collection[tuple[str, str]]) -> Finding:
    """Whether a picture of the bench stands in train, under whatever name."""
    check = "corpus_picture_bytes"
    settings = corpus.lock.manifest["images"]
    if bench.lock.images is None or settings["mode"] == "none":
        message = "the bench or the corpus has no pictures"
        return Finding(check=check, level="not checked", message=message)
    if any(settings[name] != value for name, value in bench.lock.images.items()):
        message = "pictures of bench and corpus were normalised in different ways"
        return Finding(check=check, level="not checked", message=message)
    ours = {int(image.sha256[:16], 16) for item in bench.items for image in item.images}
    found = {digest for digest in _digests(corpus, train) if digest in ours}
    return _shared(check, "pictures by their bytes", found)


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
