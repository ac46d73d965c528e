"""No word of a report, question or caption leaves the rows of a corpus and the private cache."""

from __future__ import annotations

import gzip
import io
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chexinstruct.source import registry

MARK = "zqxvmark"
"""A word that no release holds."""
LITTLE = re.compile(rb"(?<=[a-z,:] )(the|is|de) ")
"""Words of sentences."""
TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml")


def marked(text: bytes, name: str) -> bytes:
    """Sentences with a little word hold the mark as well; names of columns stay as they are."""
    header, end, rest = b"", b"", text
    if name.removesuffix(".gz").endswith((".csv", ".tsv")):
        header, end, rest = text.partition(b"\n")
    return header + end + LITTLE.sub(MARK.encode() + rb" \1 ", rest)


def plant(path: Path) -> None:
    name = path.name.lower()
    if name.startswith(("annotations_", "image_labels_")):
        return  # the names of labels hold such words too, and a name that is not known is told
    if name.endswith(TEXTS):
        path.write_bytes(marked(path.read_bytes(), name))
    elif name.endswith(tuple(f"{end}.gz" for end in TEXTS)):
        path.write_bytes(gzip.compress(marked(gzip.decompress(path.read_bytes()), name), mtime=0))
    elif name.endswith(".zip"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
            for member in old.infolist():
                content = old.read(member)
                if member.filename.endswith(TEXTS):
                    content = marked(content, member.filename)
                new.writestr(member, content)
        path.write_bytes(buffer.getvalue())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A corpus of marked releases, and all that its build said."""
    home = tmp_path_factory.mktemp("privacy")
    for key, source in registry().items():
        (home / "releases" / key).mkdir(parents=True)
        source.sample.write(home / "releases" / key)
    for path in sorted((home / "releases").rglob("*")):
        if path.is_file():
            plant(path)
    return home, build(home)


def build(home: Path) -> str:
    call = [sys.executable, "-c", "from chexinstruct.cli import main; main()", "build", "full"]
    call += ["--data-root", str(home / "releases"), "--out", str(home / "corpus")]
    call += ["--cache", str(home / "cache"), "--images", "none"]
    said = subprocess.run(call, capture_output=True, text=True, check=False)
    return f"{said.returncode}\n{said.stdout}\n{said.stderr}"


def test_the_marks_reach_the_rows(built: tuple[Path, str]) -> None:
    home, said = built
    assert said.startswith("0\n"), said
    tasks = {
        path.parent.name
        for path in (home / "corpus/data").rglob("*.parquet")
        if MARK in str(pq.read_table(path).to_pylist())
    }
    assert {"findings_generation", "findings_summarization", "text_qa"} <= tasks


def test_nothing_else_holds_them(built: tuple[Path, str]) -> None:
    home, said = built
    assert MARK not in said
    for path in sorted((home / "corpus").rglob("*")):
        if path.is_file() and path.suffix != ".parquet":
            assert MARK.encode() not in path.read_bytes(), path.relative_to(home)


def test_the_cache_is_the_users_own(built: tuple[Path, str]) -> None:
    home, _ = built
    assert stat.S_IMODE((home / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("chexpert/*plus*.csv", b'"a quotation mark that is never closed ' + MARK.encode()),
        ("radqa/*train*.json", b"{ " + MARK.encode()),
        ("rexval/*.csv", b"," * 40 + MARK.encode() + b"\n"),
    ],
)
def test_an_error_quotes_no_text(built: tuple[Path, str], file: str, damage: bytes) -> None:
    home, _ = built
    found = sorted((home / "releases").glob(file.replace("/", "/**/")))
    if not found:
        pytest.skip(f"no {file} in the sample")
    before = found[0].read_bytes()
    try:
        found[0].write_bytes(before + damage)
        assert MARK not in build(home)
        for path in (home / "corpus/rejects").glob("*"):
            assert MARK.encode() not in path.read_bytes(), path.name
    finally:
        found[0].write_bytes(before)
