"""Builds, whole or in part: the workers first, then the stages that they work for.

A worker is ready after half a second of imports, about as long as the stages take to be imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chexinstruct.build.parts import Share, executor_of
from chexinstruct.build.setting import BuildOptions
from chexinstruct.places import is_remote
from chexinstruct.schema import LOCK

if TYPE_CHECKING:
    from chexinstruct.manifest import Manifest
    from chexinstruct.schema import Lock


def build(
    manifest: Manifest, data_root: str | Path, out: str | Path, options: BuildOptions | None = None
) -> Lock:
    """Build a corpus, or what of it is not built yet.

    Args:
        manifest: the recipe.
        data_root: folder or URL that holds one folder a source key.
        out: folder of the corpus, or a URL of a store that fsspec knows.
        options: how to run, all of it but for ``part``, which :func:`build_part` is for.

    Returns:
        The lock of the corpus: counts, ledger, and a digest for each file.

    Raises:
        ChexinstructError: told in one line; nothing half-written stands under its final name.
    """
    options = options or BuildOptions()
    with executor_of(options, at_once=not _stands(out)) as executor:
        from chexinstruct.build.pipeline import opened, run

        with opened(manifest, data_root, out, options, executor) as setting:
            return run(setting)


def build_part(
    manifest: Manifest, data_root: str | Path, out: str | Path, options: BuildOptions
) -> Share:
    """Make one process's share of a corpus that several build together.

    Each of them reads the tables, or finds them read in the shared cache, makes its share of the
    pictures, waits for the others', and writes its share of the shards. Parts may run at once or
    one after the other, and again. :func:`build` then finds all of it made, does what is not, and
    seals the corpus.

    Raises:
        Unfinished: pictures of other parts are not there, and nobody seems to make them.
        ChexinstructError: as for :func:`build`.
    """
    assert options.part is not None
    with executor_of(options, at_once=not _stands(out)) as executor:
        from chexinstruct.build.pipeline import opened, run_part

        with opened(manifest, data_root, out, options, executor) as setting:
            return run_part(setting, options.part)


def _stands(out: str | Path) -> bool:
    """Whether a corpus is there already, so that mostly little is to be done."""
    return not is_remote(out) and (Path(out) / LOCK).exists()
