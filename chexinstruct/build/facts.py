"""The facts of candidates in files, so that what becomes a row is not worked out twice.

One record each, in the order of the candidates; read again of those that become rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chexinstruct.build.cache import whole_file
from chexinstruct.build.records import Records, encode
from chexinstruct.schema import Facts

BATCH = 2048
"""Facts that are held, compressed and read as one."""

COLUMNS = pa.schema([pa.field("facts", pa.binary(), nullable=False)])

_DECODE = msgspec.msgpack.Decoder(Facts).decode


class FactsWriter:
    """Writes facts a batch at a time: a chunk of studies may have a hundred megabytes of them."""

    def __init__(self, writer: pa.RecordBatchFileWriter) -> None:
        self._writer = writer
        self._batch: list[bytes] = []

    def add(self, facts: Facts) -> None:
        """The next facts of the file."""
        self._batch.append(encode(facts))
        if len(self._batch) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if self._batch:
            column = pa.array(self._batch, COLUMNS.field(0).type)
            self._writer.write_batch(pa.record_batch([column], schema=COLUMNS))
            self._batch.clear()


@contextmanager
def facts_writer(path: Path) -> Iterator[FactsWriter]:
    """A writer of the file, which stands under its name when the block ends without an error."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        whole_file(path) as draft,
        pa.OSFile(str(draft), "wb") as sink,
        pa.ipc.new_file(sink, COLUMNS, options=options) as file,
    ):
        writer = FactsWriter(file)
        yield writer
        writer.flush()


def read_facts(
    paths: Sequence[Path], counts: Sequence[int], wanted: npt.NDArray[np.int32]
) -> Iterator[Facts]:
    """Some of the facts of several files, one batch in memory.

    Args:
        paths: the files, as if they were one.
        counts: facts in each.
        wanted: places of the facts, rising.
    """
    ends = np.array(list(accumulate(counts)), dtype=np.int64)
    files = np.searchsorted(ends, wanted, side="right")
    for number in np.unique(files).tolist():
        inside = wanted[files == number] - (ends[number] - counts[number])
        with pa.memory_map(str(paths[number])) as mapped:
            reader = pa.ipc.open_file(mapped)
            batches = inside // BATCH
            for batch in np.unique(batches).tolist():
                records = Records(reader.get_batch(batch).column(0), _DECODE)
                for place in (inside[batches == batch] % BATCH).tolist():
                    yield records[place]
