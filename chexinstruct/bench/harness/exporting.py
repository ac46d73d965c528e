"""A bench written anew for a harness."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from inspect import getsource
from pathlib import Path
from string import ascii_uppercase

from chexinstruct import __version__
from chexinstruct.bench.harness import hooks
from chexinstruct.bench.harness.account import HarnessExport, readme
from chexinstruct.bench.harness.contract import Cell, Harness, Row, Shown
from chexinstruct.bench.harness.hooks.loading import load_scoring
from chexinstruct.bench.harness.inspect_ai import INSPECT
from chexinstruct.bench.harness.lm_eval import LM_EVAL
from chexinstruct.bench.harness.lmms_eval import LMMS_EVAL
from chexinstruct.bench.harness.vlmevalkit import VLMEVALKIT
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.opening import Bench, open_bench
from chexinstruct.bench.prompts import Prompt, Style, load_style
from chexinstruct.bench.text_metrics import cleaned
from chexinstruct.build.cache import write_json
from chexinstruct.corpus.deriving import check_target, drafted
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.export.account import MANIFEST, licenses, measured
from chexinstruct.export.sinks import Record, Sink
from chexinstruct.source import registry

HARNESSES = {harness.name: harness for harness in (LM_EVAL, LMMS_EVAL, VLMEVALKIT, INSPECT)}
"""Name -> harness."""

STYLE = "letters"
"""The prompt style of ``bench run`` where none is named."""

SCORING = "chexbench_scoring"
"""Package in an export that reads answers: copies of our own modules, so that nothing differs."""

_COPIED = ("answers", "text_metrics")
_ONE_FILE = 1 << 62


class _LeftOut(Exception):
    """An item cannot be exported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def export_bench(
    bench: Path,
    out: Path,
    format: str,
    *,
    style: str | None = None,
    tasks: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> HarnessExport:
    """Write the items of a bench as tasks of a harness.

    Every item is checked before it is written: as many pictures, and marks of them, as the item
    has; the right answer among the options; every option in the prompt. What fails, and what the
    harness cannot score as we do, is left out and counted by reason.

    Args:
        bench: its folder; it stays as it is.
        out: an empty folder, or one that is not there yet; readable by its owner alone. It appears
            when the export is whole.
        format: a name of :data:`HARNESSES`.
        style: prompt style by name or path; None: ``letters``, or the harness's own words.
        tasks: keys; none: all. So for ``sources``.

    Raises:
        CallError: an unknown name, a style where the harness has its own words, ``out`` cannot be
            taken.
        ChexinstructError: the bench is damaged or has no pictures, or no item is left.
    """
    harness = HARNESSES.get(format)
    if harness is None:
        raise CallError(f"unknown format {format!r}; there are {', '.join(HARNESSES)}")
    if harness.own_words and style is not None:
        raise CallError(f"--style {style}: {harness.name} asks in words of its own")
    part = open_bench(bench).part(tasks=tasks, sources=sources)
    words = load_style(style or STYLE)
    check_target(bench, out)
    with drafted(out) as draft:
        work = _Work(part, harness, words, draft)
        work.write()
        restricted = dict(sorted(work.restricted.items()))
        export = HarnessExport(
            format=harness.name,
            chexinstruct=__version__,
            bench=part.digest,
            tasks=sorted(set(tasks)),
            sources=sorted(set(sources)),
            style="" if harness.own_words else words.name,
            style_version="" if harness.own_words else words.content.version,
            style_digest="" if harness.own_words else words.digest,
            read=len(part.items),
            items=dict(sorted(work.written.items())),
            left_out=dict(sorted(work.left_out.items())),
            publishable=not restricted,
            restricted=restricted,
            files=[measured(draft, name, n) for s in work.sinks.values() for name, n in s.files],
            pictures=sum(path.is_file() for path in (draft / "images").rglob("*")),
        )
        if not export.items:
            told = ", ".join(f"{reason} {n:,}" for reason, n in export.left_out.items())
            raise ChexinstructError(f"no item of {bench} is left: {told}")
        _describe(draft, export, work)
    return export


@dataclass
class _Work:
    """The items of a bench on their way into the files of an export."""

    bench: Bench
    harness: Harness
    style: Style
    folder: Path
    sinks: dict[str, Sink] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    restricted: Counter[str] = field(default_factory=Counter)
    used: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))

    def write(self) -> None:
        """All items, in their order."""
        try:
            for item in self.bench.items:
                try:
                    self._write(item)
                except _LeftOut as left:
                    self.left_out[left.reason] += 1
        finally:
            for sink in self.sinks.values():
                sink.close()

    def _write(self, item: BenchItem) -> None:
        row = self._row(item)
        record = self.harness.record(row)
        if fault := problem(record, row, self.harness):
            raise _LeftOut(fault)
        if not self.harness.inside:
            for picture in row.pictures:
                path = self.folder / picture.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture.data)
        part = self.harness.part(row)
        if part not in self.sinks:
            self.sinks[part] = self.harness.sink(self.folder, part, _ONE_FILE)
        self.sinks[part].add(record)
        known = self.cells.get(row.cell)
        most = max(len(row.pictures), known.pictures if known else 0)
        self.cells[row.cell] = Cell(row.cell, item.form, most, row.prompt.system)
        self.written[row.cell] += 1
        self.used[item.source][item.license, item.redistribution] += 1
        if item.license == "credentialed" or item.redistribution != "yes":
            self.restricted[item.source] += 1

    def _row(self, item: BenchItem) -> Row:
        """An item with words and pictures.

        Raises:
            _LeftOut: the harness cannot score it, or there is nothing to score it by.
            ChexinstructError: the bench has no pictures, or one of them is damaged.
        """
        if item.form not in self.harness.forms:
            raise _LeftOut(f"{item.form}_not_scored_by_{self.harness.name}")
        if item.form == "choice":
            if len(item.options) > len(ascii_uppercase):
                raise _LeftOut("too_many_options")
            if item.answer is None or not 0 <= item.answer < len(item.options):
                raise _LeftOut("answer_not_among_options")
        if item.form == "text" and not cleaned(item.reference or ""):
            raise _LeftOut("no_reference")
        if not all(image.file for image in item.images):
            raise ChexinstructError(
                f"{self.bench.path} was built without pictures; build it again with them"
            )
        if self.harness.own_words:
            prompt = Prompt("", item.question or "")
        else:
            # Boxes are left out everywhere, so that their dialect says nothing.
            prompt = self.style.prompt(item, item.options, "unit")
        shown = tuple(
            Shown(
                f"images/{image.sha256[:2]}/{image.sha256}{Path(image.file).suffix}",
                self.bench.picture(image),
            )
            for image in item.images
        )
        row = Row(item, prompt, shown)
        if reason := self.harness.refuses(row):
            raise _LeftOut(reason)
        return row


def problem(record: Record, row: Row, harness: Harness) -> str | None:
    """Why a record must not be written, read from the record itself; None: it may."""
    item = row.item
    if harness.shown(record) != len(item.images):
        return "pictures_differ_from_item"
    options, target = harness.target(record)
    if tuple(options) != item.options or target != row.target:
        return "answer_differs_from_item"
    if item.form != "choice":
        return None
    if len({option.casefold().strip() for option in options}) < len(options):
        return "options_alike"
    if not harness.own_words and not all(option in row.prompt.text for option in options):
        return "options_not_in_prompt"
    return None


def _describe(folder: Path, export: HarnessExport, work: _Work) -> None:
    """Task files, code and terms beside the data; the manifest last."""
    harness = work.harness
    for name, content in harness.tasks(list(work.cells.values())).items():
        (folder / name).write_text(content, encoding="utf-8")
    if harness.code:
        package = folder / SCORING
        package.mkdir()
        (package / "__init__.py").write_text(_hook("scoring"), encoding="utf-8")
        for name in _COPIED:
            text = (files("chexinstruct.bench") / f"{name}.py").read_text(encoding="utf-8")
            (package / f"{name}.py").write_text(text, encoding="utf-8")
    for name, module in harness.code.items():
        (folder / name).write_text(_hook(module), encoding="utf-8")
    (folder / "LICENSES.md").write_text(licenses(work.used, registry()), encoding="utf-8")
    (folder / "README.md").write_text(readme(export, harness), encoding="utf-8")
    if not export.publishable:
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    write_json(folder / MANIFEST, export)


def _hook(module: str) -> str:
    """Code for an export, which has our modules beside it under another name."""
    text = (files(hooks) / f"{module}.py").read_text(encoding="utf-8")
    loading = f"from {load_scoring.__module__} import {load_scoring.__name__}\n"
    text = text.replace(loading, f"\n{getsource(load_scoring)}\n")
    return text.replace("from chexinstruct.bench.", "from .")
