"""What all tests share: no network, no folder of the user's, and corpora that are built once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock

_HOME = Path(tempfile.mkdtemp(prefix="chexinstruct-tests-"))

# Before anything is imported that reads them; processes that tests start inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(_HOME / "huggingface")
os.environ["HF_DATASETS_CACHE"] = str(_HOME / "datasets")
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ["CHEXINSTRUCT_CACHE"] = str(_HOME / "cache")

with suppress(ImportError):  # the environments of trainers and harnesses have no property tests
    from hypothesis import HealthCheck, settings

    # The same examples in every run, and no limit to their time: a busy machine is no failure.
    settings.register_profile(
        "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("same")


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], None]], Path]:
    """Makes a folder once a test run, also where several processes of pytest-xdist share the run.

    Tests must leave the folder as it is.
    """
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, write: Callable[[Path], None]) -> Path:
        folder, done = root / f"once-{name}", root / f"once-{name}.done"
        with FileLock(root / f"once-{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                write(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def data_root(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The synthetic releases of all sources, one folder a source, as their publishers ship them."""
    from chexinstruct.source import registry

    def write(root: Path) -> None:
        for key, source in registry().items():
            (root / key).mkdir()
            source.sample.write(root / key)

    return made_once("data", write)


@pytest.fixture(scope="session")
def demo(data_root: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The shipped demo manifest, built from all synthetic releases; ``corpus`` and ``cache``."""
    from chexinstruct.build import BuildOptions, build
    from chexinstruct.manifest import load_manifest

    def write(folder: Path) -> None:
        options = BuildOptions(cache=folder / "cache", on_missing_image="skip")
        build(load_manifest("demo"), data_root, folder / "corpus", options)

    return made_once("demo", write)


@pytest.fixture(scope="session")
def few(data_root: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """All tasks of four sources (:data:`build_support.FEW`); ``corpus`` and ``cache``."""
    from build_support import FEW, recipe

    from chexinstruct.build import BuildOptions, build

    def write(folder: Path) -> None:
        options = BuildOptions(cache=folder / "cache", on_missing_image="skip")
        build(recipe(sources=FEW), data_root, folder / "corpus", options)

    return made_once("few", write)
