"""Arrays in files without a name."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from build_support import FEW, contents, recipe, small_disk

from chexinstruct.build import BuildOptions, build, spill
from chexinstruct.build.spill import blank, parts, spilled

FILL = f"""
import sys
from pathlib import Path
from chexinstruct.build.spill import blank
try:
    blank(1_000_000, "u8", Path(sys.argv[1]))[:] = 1
except OSError as error:
    sys.exit(0 if error.errno == {errno.ENOSPC} else 1)
"""


def test_arrays_come_back_and_leave_nothing(tmp_path: Path) -> None:
    for array in (np.arange(300_000, dtype=np.uint64)[::2], np.zeros(0, np.int8)):
        copy = spilled(array, tmp_path)
        assert copy.dtype == array.dtype
        assert copy.tolist() == array.tolist()
    zeros = blank(200_000, np.int64, tmp_path)
    assert len(zeros) == 200_000 and not zeros.any()
    zeros[7] = 1
    assert zeros.sum() == 1
    assert not list(tmp_path.iterdir())


def test_parts_are_all_of_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "PART", 3)
    for length in range(8):
        items = list(range(length))
        assert [item for part in parts(length) for item in items[part]] == items


def test_a_corpus_is_the_same_in_small_parts(
    few: Path, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "PART", 7)
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    build(recipe(sources=FEW), data_root, tmp_path / "corpus", options)
    assert contents(tmp_path / "corpus") == contents(few / "corpus")


def test_no_room_is_an_error_and_no_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path)]
    inside = small_disk(tmp_path, "256k")
    done = subprocess.run([*inside, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
