"""The quality report of a corpus and its plots, made once for the same data files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from chexinstruct.build.cache import code_digest, digest, read_json, whole_file, write_json
from chexinstruct.build.ledger import MEASURING, library_versions
from chexinstruct.quality import TITLES, Quality, Run, in_turn, measure
from chexinstruct.schema import Lock
from chexinstruct.source import Source, picture_root

REPORT = "quality.json"
"""Its file in the corpus."""
PLOTS = "plots"
"""The folder of its plots."""


class Kept(msgspec.Struct, kw_only=True):
    """What the report file of a corpus holds."""

    key: str
    """Changes with the data files, our code and the libraries; the same on every machine."""
    plots: dict[str, str]
    """SHA-256 by name of the file."""
    quality: Quality
    """Without texts: only data files hold those."""

    def plot_paths(self) -> list[str]:
        """The plots as paths in the corpus, in the order in which they are read."""
        names = [f"{title}.svg" for title in TITLES]
        return [f"{PLOTS}/{name}" for name in names if name in self.plots]


def describe(
    folder: Path,
    lock: Lock,
    sources: Mapping[str, Source],
    data: Callable[[], AbstractContextManager[Path]] | None = None,
    run: Run = in_turn,
) -> Kept:
    """Measure and draw a corpus, unless its report stands already, for these very data files.

    Report and plots are not in the lock: they follow from the data files, which are, and may be
    made anew by another version of the libraries without the corpus being another.

    Args:
        folder: of the corpus.
        lock: what stands in them.
        sources: the registry.
        data: gives a folder that holds the data files, where it is another; called only to measure.
        run: runs the jobs that count the rows.

    Raises:
        ChexinstructError: a data file cannot be read.
    """
    roots = {account.source: picture_root(account.source, sources) for account in lock.sources}
    files = [(shard.name, shard.sha256) for shard in lock.shards]
    code = code_digest("chexinstruct.quality")
    key = digest(sorted(files), roots, code, library_versions(MEASURING))
    kept = _read(folder / REPORT)
    if kept is None or kept.key != key or not _stand(folder / PLOTS, kept.plots):
        from chexinstruct.quality.plots import draw  # matplotlib loads slowly

        with data() if data else nullcontext(folder) as measured:
            quality = measure(measured, lock, roots, run)
        plots = draw(quality)
        for name, content in plots.items():
            with whole_file(folder / PLOTS / name) as draft:
                draft.write_bytes(content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in plots.items()}
        kept = Kept(key=key, plots=digests, quality=quality.unquoted())
        write_json(folder / REPORT, kept)
    for path in (folder / PLOTS).glob("*"):
        if path.name not in kept.plots:
            path.unlink()
    return kept


def _read(path: Path) -> Kept | None:
    """The report; None too where another version of this program wrote it otherwise."""
    try:
        found: Kept | None = read_json(path, Kept)
    except msgspec.DecodeError:
        return None
    return found


def _stand(folder: Path, plots: Mapping[str, str]) -> bool:
    try:
        return all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
            for name, sha256 in plots.items()
        )
    except OSError:
        return False
