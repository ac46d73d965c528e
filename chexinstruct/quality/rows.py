"""The rows of a corpus: what is few as sums, and what may be much in files of numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from xxhash import xxh3_64_intdigest

from chexinstruct.quality.batch import Batch, kinds, used
from chexinstruct.quality.columns import batches, check, joined, mixed
from chexinstruct.quality.spool import Spool
from chexinstruct.quality.sums import DataFile, Sums
from chexinstruct.schema import SPLITS

_SPOOLS: Mapping[str, Mapping[str, Any]] = {
    # Rows of a pair that give one answer to one question, which is the key; among how many options.
    "asked": {
        "pair": np.uint16,
        "answer": np.uint64,
        "yes": np.int8,
        "form": np.uint16,
        "choices": np.uint32,
        "n": np.uint32,
    },
    # Rows of a pair; equal ones have one key.
    "kinds": {"pair": np.uint16, "split": np.uint8},
    # Rows of a pair; those with one question on the same pictures have one key.
    "shown": {"pair": np.uint16, "answer": np.uint64},
    # Responses of a pair, some of them several times, as in the next two.
    "said": {"pair": np.uint16},
    "people": {"pair": np.uint16, "split": np.uint8},
    "pictures": {"task": np.uint16},
}
_SHORTS = pa.schema([("pair", pa.uint16()), ("answer", pa.uint64()), ("short", pa.string())])


class Facts:
    """The rows of some files; a context manager.

    Pictures are never read.

    Args:
        files: whose rows.

    Attributes:
        pairs: tasks with their sources, sorted; elsewhere a number stands for a pair.
        sums: of what is few.
        spools: records of the rest, in a private folder until the end.
        forms: numbers of the forms.

    Raises:
        ChexinstructError: a file cannot be read, or has other columns than this version writes.
    """

    def __init__(self, files: Sequence[DataFile]) -> None:
        self.files = tuple(files)
        self.pairs = sorted({(file.task, file.source) for file in self.files})
        self.tasks = sorted({task for task, _ in self.pairs})
        self.sums = Sums()
        self.forms: dict[str, int] = {}

    def __enter__(self) -> Facts:
        for file in self.files:
            check(file.path)
        self._folder = tempfile.TemporaryDirectory(prefix="chexinstruct-")  # ours alone
        try:
            self._fill(Path(self._folder.name))
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def spool(self, name: str, columns: Mapping[str, Any]) -> Spool:
        """One more, of what follows from others."""
        return Spool(Path(self._folder.name) / name, columns)

    def _fill(self, folder: Path) -> None:
        self.spools = {name: self.spool(name, columns) for name, columns in _SPOOLS.items()}
        self._shorts = folder / "shorts.parquet"
        numbers = {pair: number for number, pair in enumerate(self.pairs)}
        with pq.ParquetWriter(self._shorts, _SHORTS) as shorts:
            for file in self.files:
                pair = numbers[file.task, file.source]
                for rows in batches(file.path):
                    batch = Batch(rows)
                    self.sums.add(batch, file, pair)
                    self._add(batch, file, pair)
                    shorts.write_table(_short_answers(batch, pair))

    def _add(self, batch: Batch, file: DataFile, pair: int) -> None:
        answer, own, split = batch.answer, np.uint64(pair), SPLITS.index(file.split)
        form = np.array([self._form(name) for name in batch.form.values.to_pylist()], np.uint16)
        forms = form[batch.form.codes]
        one, n = kinds(
            joined(batch.question, answer.hashes, forms.astype(np.uint64), batch.choices)
        )
        self.spools["asked"].add(
            mixed(batch.question[one] + own),
            pair=pair,
            answer=answer.hashes[one],
            yes=answer.known.yes[answer.codes[one]],
            form=forms[one],
            choices=batch.choices[one],
            n=n,
        )
        self.spools["kinds"].add(mixed(batch.same + own), pair=pair, split=split)
        self.spools["shown"].add(mixed(batch.shown + own), pair=pair, answer=answer.hashes)
        responses = batch.responses[used(batch.response.codes)]
        self.spools["said"].add(mixed(responses + own), pair=pair)
        self.spools["people"].add(batch.people[used(batch.patient.codes)], pair=pair, split=split)
        root = np.uint64(xxh3_64_intdigest(file.root.encode()))
        pictures = batch.picture[used(batch.pictures.codes)]
        self.spools["pictures"].add(mixed(pictures + root), task=self.tasks.index(file.task))

    def _form(self, name: str) -> int:
        return self.forms.setdefault(name, len(self.forms))

    def texts_of(self, answers: Mapping[int, int]) -> dict[int, str]:
        """The first in order of the texts of one answer of each pair, where they are short."""
        found: dict[int, str] = {}
        wanted = pa.array(answers.values(), pa.uint64())
        with pq.ParquetFile(self._shorts) as file:
            for batch in file.iter_batches():
                here = batch.filter(pc.is_in(batch["answer"], wanted))
                for pair, answer, text in zip(*(c.to_pylist() for c in here.columns), strict=True):
                    if answers[pair] == answer:
                        found[pair] = min(text, found.get(pair, text))
        return found


def _short_answers(batch: Batch, pair: int) -> pa.Table:
    known = batch.answer.known
    short = known.short.is_valid().to_numpy(zero_copy_only=False)
    texts = known.short.drop_null()
    pairs = np.full(len(texts), pair, np.uint16)
    return pa.table([pairs, known.hashes[short], texts], schema=_SHORTS)
