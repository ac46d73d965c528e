"""A corpus written anew for a trainer."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from chexinstruct import __version__
from chexinstruct.corpus.deriving import check_target, drafted
from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.export.account import MANIFEST, Export, licenses, measured, readme
from chexinstruct.export.boxes import BoxWriter, limits_of
from chexinstruct.export.formats import FORMATS, Format
from chexinstruct.export.formats.base import Marker
from chexinstruct.export.marks import has_marks
from chexinstruct.export.pictures import Embedded, Stored, put
from chexinstruct.export.rows import interleaved, leading, rows_of
from chexinstruct.export.samples import COLUMNS, Sample, sample_of
from chexinstruct.export.sinks import Record, Sink
from chexinstruct.export.texts import Refused, written
from chexinstruct.places import local_only
from chexinstruct.regions import QWEN_PIXELS, box_dialect
from chexinstruct.schema import LOCK
from chexinstruct.source import registry

SHARD_SIZE = 500_000_000
"""Bytes after which another data file is begun."""

_UNPACKED = ".pictures"


def export_corpus(
    path: str | Path,
    out: str | Path,
    format: str,
    *,
    tasks: Sequence[str] = (),
    sources: Sequence[str] = (),
    splits: Sequence[str] = (),
    boxes: str | None = None,
    resize_like: str | None = None,
    text_only: bool = False,
    shard_size: int = SHARD_SIZE,
    progress: bool = False,
) -> Export:
    """Write the rows of a corpus in the form that a trainer reads.

    Every row is checked before it is written: pictures and their marks are as many, the boxes can
    be read back from the texts, and no text holds a mark that a tokenizer takes for a command. What
    cannot be written so is refused, and counted by reason. Memory does not grow with the corpus.
    The same corpus gives the same bytes.

    Args:
        path: the corpus; it stays as it is.
        out: an empty folder, or one that is not there yet; readable by its owner alone. It appears
            when the export is whole.
        format: a name of :data:`chexinstruct.export.FORMATS`.
        tasks: keys; none: all. So for ``sources`` and ``splits``.
        boxes: a name of :data:`chexinstruct.regions.EXPORT_DIALECTS`; None: the format's, or the
            corpus' own.
        resize_like: ``min_pixels:max_pixels`` of the trainer, for boxes in pixels (Qwen2.5-VL).
        text_only: leave out the rows with pictures; what a corpus without pictures can give.
        shard_size: bytes after which another data file is begun, where the reader takes several.
        progress: show a bar on stderr.

    Raises:
        CallError: an unknown name, a choice that the format does not have, ``out`` cannot be taken.
        ChexinstructError: ``path`` is no corpus, a file of it cannot be read, or no row is left.
    """
    corpus = open_corpus(path)
    chosen = _format(format)
    marker = _marker(chosen, corpus, boxes, resize_like)
    target = local_only(out, "what is written", "copy it with the tool of the store when it stands")
    check_target(corpus.path, target)
    _check_pictures(corpus, chosen, text_only)
    files = corpus.select(tasks=tasks, sources=sources, splits=splits)
    with drafted(target) as draft:
        work = _Work(corpus, chosen, marker, draft, text_only, shard_size)
        work.write(files, progress)
        export = Export(
            format=chosen.name,
            chexinstruct=__version__,
            corpus=f"{corpus.lock.manifest['name']} {corpus.lock.manifest['version']}",
            lock=hashlib.sha256((corpus.path / LOCK).read_bytes()).hexdigest(),
            tasks=sorted(set(tasks)),
            sources=sorted(set(sources)),
            splits=sorted(set(splits)),
            text_only=text_only,
            boxes=marker.dialect if isinstance(marker, BoxWriter) else "objects",
            resize_like=_limits(marker),
            read=work.read,
            rows=dict(work.rows),
            refused=dict(sorted(work.refused.items())),
            pictures=work.pictures(),
            files=[measured(draft, name, rows) for s in work.sinks() for name, rows in s.files],
        )
        if not export.files:
            raise ChexinstructError(f"no row of {corpus.path} is left: {_told(export.refused)}")
        _describe(draft, export, chosen, work)
    return export


@dataclass
class _Work:
    """The rows of a corpus on their way into the files of an export."""

    corpus: Corpus
    format: Format
    marker: Marker
    folder: Path
    text_only: bool
    shard_size: int
    read: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    used: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    parts: dict[str, Sink] = field(default_factory=dict)

    def write(self, files: Sequence[CorpusFile], progress: bool) -> None:
        """All rows, split by split."""
        source = self._pictures(files)
        columns = (*COLUMNS, *source.columns)
        total = sum(file.shard.rows for file in files)
        try:
            with tqdm(total=total, unit=" rows", disable=not progress) as bar:
                for split in self.corpus.splits():
                    groups = interleaved([file for file in files if file.split == split])
                    leads = {} if self.format.sink.typed or self.text_only else leading(groups)
                    for group, ids in leads.items():
                        for row in rows_of(group, columns):
                            if row["id"] in ids:
                                self._row(row, split, source, lead=True)
                                bar.update()
                    for group in groups:
                        for row in rows_of(group, columns):
                            if row["id"] not in leads.get(group, ()):
                                self._row(row, split, source)
                                bar.update()
                    self._finish()
        finally:
            for sink in self.parts.values():
                sink.close()
            shutil.rmtree(self.folder / _UNPACKED, ignore_errors=True)

    def sinks(self) -> list[Sink]:
        """In the order of their names."""
        return [self.parts[name] for name in sorted(self.parts)]

    def pictures(self) -> int:
        """Files of pictures."""
        return sum(path.is_file() for path in (self.folder / "images").rglob("*"))

    def _pictures(self, files: Sequence[CorpusFile]) -> Embedded | Stored:
        if self.text_only or not self.corpus.images:
            return Embedded()
        return Stored(self.folder / _UNPACKED, self.corpus, files, registry())

    def _finish(self) -> None:
        for sink in self.parts.values():
            sink.finish()

    def _row(
        self, row: Mapping[str, Any], split: str, source: Embedded | Stored, *, lead: bool = False
    ) -> None:
        self.read += 1
        try:
            sample, record = self._record(row, split, source)
        except Refused as refusal:
            self.refused[refusal.reason] += 1
            return
        if not self.format.inside:
            for picture in sample.pictures:
                put(self.folder, picture)
        part = self.format.part(sample)
        if part not in self.parts:
            self.parts[part] = self.format.sink(self.folder, part, self.shard_size)
        if lead:
            self.parts[part].leads.append(record)
        else:
            self.parts[part].add(record)
        self.rows[split] += 1
        self.used[sample.source][sample.license, sample.redistribution] += 1

    def _record(
        self, row: Mapping[str, Any], split: str, source: Embedded | Stored
    ) -> tuple[Sample, Record]:
        """What a row becomes.

        Raises:
            Refused: it cannot be exported.
        """
        count = len(row["image_ids"])
        if self.text_only and count:
            raise Refused("has_pictures")
        if count < self.format.least:
            raise Refused("no_picture")
        if self.format.most is not None and count > self.format.most:
            raise Refused("too_many_pictures")
        pictures = source.of(row) if count else []
        sample = sample_of(row, split, pictures, self.corpus.lock.manifest["box_dialect"])
        record = self.format.record(
            sample,
            lambda text: written(text, lambda places: self.marker.write(places, sample.pictures)),
        )
        if (fault := problem(record, sample, self.format, self.marker)) is not None:
            raise Refused(fault)
        return sample, record


def problem(record: Record, sample: Sample, format: Format, marker: Marker) -> str | None:
    """Why a record must not be written, read from the record itself; None: it may."""
    texts = format.texts(record)
    if not all(text.strip() for text in texts):
        return "empty_text"
    names = [picture.name for picture in sample.pictures]
    if format.shown(record) != names:
        return "pictures_differ_from_row"
    text = "\n".join(texts)
    if format.mark is not None:
        if text.count(format.mark) != len(names):
            return "marks_differ_from_pictures"
        text = text.replace(format.mark, "")
    if sample.places and not marker.reads_back(text, sample.places, sample.pictures):
        return "boxes_cannot_be_read_back"
    return "control_mark" if has_marks(marker.without_boxes(text)) else None


def _format(name: str) -> Format:
    try:
        return FORMATS[name]
    except KeyError:
        raise CallError(f"unknown format {name!r}; there are {', '.join(FORMATS)}") from None


def _marker(
    format: Format, corpus: Corpus, boxes: str | None, resize_like: str | None
) -> Marker | BoxWriter:
    fixed = format.marker is not None or (format.boxes is not None and not format.other_boxes)
    if boxes is not None and fixed and boxes != format.boxes:
        raise CallError(f"--boxes {boxes}: {format.name} has boxes in one way only")
    if format.marker is not None:
        marker: Marker | BoxWriter = format.marker
        canvas = None
    else:
        dialect = boxes or format.boxes or corpus.lock.manifest["box_dialect"]
        canvas = box_dialect(dialect).canvas
        marker = BoxWriter(dialect, limits_of(resize_like) if resize_like else QWEN_PIXELS)
    if resize_like is not None and canvas != "pixels":
        raise CallError("--resize-like is for boxes in pixels: add --boxes qwen2.5-vl")
    return marker


def _limits(marker: Marker | BoxWriter) -> list[int] | None:
    if isinstance(marker, BoxWriter) and box_dialect(marker.dialect).canvas == "pixels":
        return list(marker.limits)
    return None


def _check_pictures(corpus: Corpus, format: Format, text_only: bool) -> None:
    if text_only and format.least:
        raise CallError(f"--text-only: {format.name} takes no row without a picture")
    if not text_only and corpus.lock.manifest["images"]["mode"] == "none":
        raise CallError(
            f"{corpus.path} was built without pictures (images: none); build it with embed or "
            "store, or export its rows of text alone with --text-only"
        )


def _told(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in refused.items()) or "none chosen"


def _describe(folder: Path, export: Export, format: Format, work: _Work) -> None:
    """The files beside the data; the manifest last."""
    parts = {name: [file for file, _ in work.parts[name].files] for name in sorted(work.parts)}
    for name, content in format.extras(parts).items():
        _json(folder / name, content)
    (folder / "LICENSES.md").write_text(licenses(work.used, registry()), encoding="utf-8")
    (folder / "README.md").write_text(readme(export, format), encoding="utf-8")
    _json(folder / MANIFEST, export)


def _json(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
