"""Single rows of a corpus, to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from textwrap import indent

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus, opened, read_batches
from chexinstruct.corpus.pictures import picture_size
from chexinstruct.corpus.text import printable
from chexinstruct.draw import Draw, key
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import Example, Frame, from_arrow


class PictureNote(msgspec.Struct, kw_only=True, frozen=True):
    """What is told of a picture instead of its bytes."""

    path: str
    length: int
    """Bytes."""
    size: Frame | None
    """Width and height in pixels; None: not a JPEG or PNG."""


class Shown(msgspec.Struct, kw_only=True, frozen=True):
    """A row to look at."""

    split: str
    file: str
    """Path inside the corpus."""
    example: Example
    """Without the bytes of its pictures."""
    pictures: list[PictureNote]
    """Empty where the corpus holds no pictures or stores them apart."""


def show(
    path: str | Path, id: str | None = None, *, task: str | None = None, n: int = 1, seed: int = 0
) -> list[Shown]:
    """The row of an id, or some rows by chance.

    Args:
        path: the corpus.
        id: of the row; None: rows are drawn.
        task: draw from, or look in, this task alone.
        n: rows to draw; fewer where there are not so many.
        seed: of the draw; the same seed gives the same rows of the same corpus.

    Raises:
        CallError: no row has the id, or no task the name, or ``n`` is less than 1.
        ChexinstructError: there is no corpus, or a file of it cannot be read.
    """
    corpus = open_corpus(path)
    files = corpus.select(tasks=[task] if task else ())
    if id is not None:
        return [_shown(*_find(corpus, files, id))]
    if n < 1:
        raise CallError(f"cannot show {n} rows; ask for at least one")
    return [_shown(file, row) for file, row in _drawn(files, n, seed)]


def _find(corpus: Corpus, files: Sequence[CorpusFile], id: str) -> tuple[CorpusFile, int]:
    """File and row of an id; only ids are read, and only where they can be."""
    # Ids begin with task and source, so the files that can hold one are few.
    task, _, rest = id.partition("/")
    source = rest.partition("/")[0]
    for file in files:
        if (file.task, file.source) == (task, source):
            start = 0
            for batch in read_batches(file.path, ["id"]):
                at = pc.index(batch["id"], id).as_py()
                if at >= 0:
                    return file, start + at
                start += len(batch)
    raise CallError(
        f"{corpus.path} has no row {id!r}; ids read task/source/study/key, "
        "and without an id rows are shown by chance"
    )


def _drawn(files: Sequence[CorpusFile], n: int, seed: int) -> Iterator[tuple[CorpusFile, int]]:
    """Rows by chance, each equally likely, in the order of the corpus."""
    ends = list(accumulate(file.shard.rows for file in files))
    total = ends[-1] if ends else 0
    draw = Draw(key("show", seed))
    chosen: set[int] = set()
    while len(chosen) < min(n, total):
        chosen.add(draw.below(total))
    for number in sorted(chosen):
        at = int(np.searchsorted(ends, number, side="right"))
        yield files[at], number - (ends[at] - files[at].shard.rows)


def _shown(file: CorpusFile, row: int) -> Shown:
    example = from_arrow(_read_row(file, row), Example)[0]
    notes = [
        PictureNote(path=p.path, length=len(p.bytes or b""), size=picture_size(p.bytes or b""))
        for p in example.images
    ]
    bare = tuple(msgspec.structs.replace(p, bytes=None) for p in example.images)
    return Shown(
        split=file.split,
        file=file.name,
        example=msgspec.structs.replace(example, images=bare),
        pictures=notes,
    )


def _read_row(file: CorpusFile, row: int) -> pa.Table:
    """One row of a file with all its columns; reads one row group."""
    with opened(file.path) as parquet:
        start = row
        for group in range(parquet.num_row_groups):
            count = parquet.metadata.row_group(group).num_rows
            if start < count:
                return parquet.read_row_group(group).slice(start, 1)
            start -= count
    raise ChexinstructError(
        f"{file.path}: has fewer rows than the lock says; `chexinstruct verify` tells more"
    )


def render_example(shown: Shown) -> str:
    """The row as text for a terminal; control characters of its texts are spelt out."""
    row = shown.example
    facts = [
        ("id", row.id),
        ("task", f"{row.task} ({row.family}), form {row.form}"),
        ("split", shown.split),
        ("source", f"{row.source}, study {row.study_id}"),
        ("patient", row.patient),
        ("language", row.language),
        ("template", row.template),
        ("terms", f"{row.license}, redistribution: {row.redistribution}"),
        ("origin", row.origin),
        ("file", shown.file),
        *((name, str(value)) for name, value in _known(row)),
    ]
    lines = [f"{name:<13}{value}" for name, value in facts if value]
    notes = dict(enumerate(shown.pictures))
    lines += [
        f"{f'picture {number}':<13}{name}{_size(notes.get(number))}"
        for number, name in enumerate(row.image_ids)
    ]
    for place in row.regions:
        name = place.phrase or place.label or "no name"
        corners = f"({place.x1:.3f}, {place.y1:.3f}) to ({place.x2:.3f}, {place.y2:.3f})"
        lines.append(f"{'region':<13}{place.role}, picture {place.image}: {name}, {corners}")
    for turn in row.history:
        lines += ["earlier", _block(f"{turn.question}\n{turn.answer}")]
    lines += ["instruction", _block(row.instruction), "response", _block(row.response)]
    if row.answers and row.answers != (row.response,):
        lines.append(f"{'answers':<13}{'; '.join(row.answers)}")
    return printable("\n".join(lines))


def _block(text: str) -> str:
    return indent(printable(text), "    ")


def _known(row: Example) -> Iterator[tuple[str, object]]:
    """What the metadata knows of the row."""
    for name, value in msgspec.structs.asdict(row.metadata).items():
        if name == "views":
            value = ", ".join(view or "unknown" for view in value)
        if value is not None and value != "":
            yield name.replace("_", " ")[:12], value


def _size(note: PictureNote | None) -> str:
    if note is None:
        return ""
    shape = f"{note.size[0]} x {note.size[1]} pixels" if note.size else "not a JPEG or PNG"
    return f" ({shape}, {note.length:,} bytes)"
