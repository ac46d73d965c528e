"""The same bytes whatever the workers, kills and caches; and nothing done twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from build_support import FEW, contents, copied, data_files, recipe, without_keys
from processes import end, members

from chexinstruct.build import BuildOptions, build, candidates, index
from chexinstruct.config import shipped
from chexinstruct.datacard import CARD
from chexinstruct.errors import CallError
from chexinstruct.schema import LOCK


def made(data_root: Path, out: Path, cache: Path, workers: int = 1, **manifest: Any) -> None:
    options = BuildOptions(workers=workers, cache=cache, on_missing_image="skip")
    build(recipe(**{"sources": FEW, **manifest}), data_root, out, options)


@pytest.fixture
def again(few: Path, tmp_path: Path) -> Path:
    """A copy of the built corpus and of its cache, to build on; time stamps are kept."""
    shutil.copytree(few, tmp_path / "again")
    return tmp_path / "again"


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_two_workers_make_the_same_bytes(few: Path, data_root: Path, tmp_path: Path) -> None:
    made(data_root, tmp_path / "elsewhere" / "out", tmp_path / "cache", workers=2)
    assert contents(tmp_path / "elsewhere" / "out") == contents(few / "corpus")


def test_other_time_stamps_and_chunks_make_the_same_bytes(
    few: Path, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the releases, looked at in jobs of seven studies."""
    for key in FEW:
        shutil.copytree(data_root / key, tmp_path / "data" / key, copy_function=shutil.copyfile)
    monkeypatch.setattr(index, "CHUNK", 7)
    monkeypatch.setattr(candidates, "CHUNK", 7)
    made(tmp_path / "data", tmp_path / "out", tmp_path / "cache")
    first, second = contents(few / "corpus"), contents(tmp_path / "out")
    assert without_keys(first.pop(LOCK)) == without_keys(second.pop(LOCK))
    assert first == second


def test_a_second_build_changes_nothing(again: Path, data_root: Path) -> None:
    before = contents(again / "corpus")
    written = data_files(again / "corpus")
    cached = {path: path.stat().st_mtime_ns for path in (again / "cache").rglob("*")}
    made(data_root, again / "corpus", again / "cache")
    assert contents(again / "corpus") == before
    assert data_files(again / "corpus") == written
    assert {path: path.stat().st_mtime_ns for path in (again / "cache").rglob("*")} == cached


def test_a_moved_cache_still_serves(again: Path, few: Path, data_root: Path) -> None:
    (again / "cache").rename(again / "moved")
    shutil.rmtree(again / "corpus")
    cached = set((again / "moved").rglob("*"))
    made(data_root, again / "corpus", again / "moved")
    assert contents(again / "corpus") == contents(few / "corpus")
    assert set((again / "moved").rglob("*")) == cached


def test_a_lost_or_cut_file_is_written_anew(again: Path, few: Path, data_root: Path) -> None:
    lost, cut = sorted((again / "corpus" / "data" / "view_classification").iterdir())[:2]
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    written = data_files(again / "corpus")
    made(data_root, again / "corpus", again / "cache")
    assert contents(again / "corpus") == contents(few / "corpus")
    told = {path.relative_to(again / "corpus").as_posix() for path in (lost, cut)}
    assert changed(written, data_files(again / "corpus")) == told


def test_a_changed_phrasing_rewrites_the_shards_of_its_task(
    again: Path, data_root: Path, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    text = (shipped("templates") / "view_classification.yaml").read_text(encoding="utf-8")
    (overlay / "view_classification.yaml").write_text(text.replace("?", " please?"))
    written = data_files(again / "corpus")
    before = contents(again / "corpus")
    made(data_root, again / "corpus", again / "cache", templates=overlay)
    told = changed(written, data_files(again / "corpus"))
    assert told
    assert {Path(name).parent.name for name in told} == {"view_classification"}
    made(data_root, again / "corpus", again / "cache")
    assert contents(again / "corpus") == before


def test_a_changed_picture_rewrites_the_shards_of_its_source(
    again: Path, data_root: Path, tmp_path: Path
) -> None:
    root = copied(data_root, tmp_path / "data", *FEW)
    picture, other = sorted((root / "nih_chestxray14").rglob("0000000[12]_000.png"))
    picture.write_bytes(other.read_bytes())
    written = data_files(again / "corpus")
    made(root, again / "corpus", again / "cache")
    told = changed(written, data_files(again / "corpus"))
    assert told
    assert all("-nih_chestxray14-" in name for name in told)


def test_files_that_a_smaller_corpus_lacks_are_removed(again: Path, data_root: Path) -> None:
    before = contents(again / "corpus")
    made(data_root, again / "corpus", again / "cache", tasks=["natural_language_inference"])
    names = [name for name in contents(again / "corpus") if name.startswith("data/")]
    assert {name.split("/")[1] for name in names} == {"natural_language_inference"}
    assert not (again / "corpus" / "data" / "view_classification").exists()
    made(data_root, again / "corpus", again / "cache")
    assert contents(again / "corpus") == before


def test_other_seeds_give_other_corpora(again: Path, few: Path, data_root: Path) -> None:
    made(data_root, again / "corpus", again / "cache", seed=1)
    name = "data/view_classification/train-mimic_cxr-00000-of-00001.parquet"
    assert contents(again / "corpus")[name] != contents(few / "corpus")[name]


BUILD = """
import sys
from pathlib import Path
sys.path[:0] = [f"{sys.argv[1]}/tests", f"{sys.argv[1]}/benchmarks"]
from test_build_repeat import made
if __name__ == "__main__":
    root, out, cache = map(Path, sys.argv[2:5])
    made(root, out, cache, workers=2, phrasings=int(sys.argv[5]))
"""


def until(condition: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_a_killed_build_goes_on_and_gives_the_same_bytes(
    few: Path, data_root: Path, tmp_path: Path
) -> None:
    """Stopped in the middle it keeps other builds out; killed it leaves no worker behind."""
    out, cache, script = tmp_path / "out", tmp_path / "cache", tmp_path / "script.py"
    script.write_text(BUILD)
    for phrasings in (1, 5, 10):
        # A larger job where this machine was too fast for the smaller one.
        shutil.rmtree(out, ignore_errors=True)
        call = [script, Path(__file__).parents[1], data_root, out, cache, str(phrasings)]
        running = subprocess.Popen([sys.executable, *call], start_new_session=True)
        markers = out / ".build" / "shards"
        assert until(lambda: any(markers.rglob("*.json")) or running.poll() is not None, 60)  # noqa: B023
        running.send_signal(signal.SIGSTOP)
        if not (out / LOCK).exists():
            break
        running.kill()
        running.wait()
    with pytest.raises(CallError, match="another build is writing"):
        made(data_root, out, cache, phrasings=phrasings)
    running.kill()
    running.wait()
    orphans_end = until(lambda: not members(running.pid), 10)
    end(running.pid)
    assert orphans_end
    done = {path: path.stat().st_mtime_ns for path in (out / "data").rglob("[!.]*.parquet")}
    marked = len(list(markers.rglob("*.json")))
    made(data_root, out, cache, phrasings=phrasings)
    kept = [path for path, written in done.items() if path.stat().st_mtime_ns == written]
    assert len(kept) >= marked > 0
    assert not list(out.rglob("*.tmp"))
    assert (out / CARD).exists()
    if phrasings == 1:
        expected = few / "corpus"
    else:
        expected = tmp_path / "undisturbed"
        made(data_root, expected, tmp_path / "cold", phrasings=phrasings)
    assert contents(out) == contents(expected)
