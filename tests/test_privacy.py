"""Text of releases that ask for an agreement stays in the data of a corpus and the private cache.

A marker takes the place of common words in all texts of the synthetic releases. It is as long as
they are, so that offsets into the texts still fit.
"""

from __future__ import annotations

import gzip
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sample_releases import Samples

from chexinstruct.errors import ReleaseError
from chexinstruct.source import registry

RESTRICTED = [key for key, source in registry().items() if source.card.license != "open"]
MARKER = b"zqx"
WORD = re.compile(rb"(?<=[ \"'])(?:the|and|any|with|con|sin|del|los|las|una)(?= )", re.IGNORECASE)
TEXTS = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl")
WORDLESS = {
    "brax",
    "covidx_cxr3",
    "cxr_lt",
    "rsna_pneumonia",
    "siim_pneumothorax",
    "vindr_cxr",
    "vindr_pcxr",
}
"""Those that release labels and no texts; names of labels may be quoted."""
SPEAKING = {*RESTRICTED} - WORDLESS - {"padchest"}
"""Those whose texts become rows. Reports of PadChest come as stems of words, and become none."""


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Change a text file, a packed one, or the text files of a zip archive; whether it differs."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            old = {info.filename: archive.read(info) for info in archive.infolist()}
        new = {n: change(data) if n.endswith(TEXTS) else data for n, data in old.items()}
        if new != old:
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in new.items():
                    archive.writestr(name, data)
        return new != old
    packed = path.suffix == ".gz"
    if not path.name.removesuffix(".gz").endswith(TEXTS):
        return False
    before = path.read_bytes()
    plain = gzip.decompress(before) if packed else before
    after = change(plain)
    if after != plain:
        path.write_bytes(gzip.compress(after) if packed else after)
    return after != plain


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def mark(data: bytes) -> bytes:
    """The marker in place of common words, save in a header of columns."""
    line = b"" if data[:1] in (b"{", b"[") else data.partition(b"\n")[0]
    return line + WORD.sub(lambda word: MARKER.ljust(len(word[0]), b"z"), data[len(line) :])


def holds(data: bytes) -> bool:
    return MARKER in data.lower()


@pytest.fixture(scope="module")
def marked(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The restricted releases with the marker in their texts."""
    root = tmp_path_factory.mktemp("marked")
    for key in RESTRICTED:
        shutil.copytree(data_root / key, root / key)
        if key not in WORDLESS:
            for path in files(root / key):
                rewrite(path, mark)
    return root


def build(data: Path, home: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(Path(sys.executable).with_name("chexinstruct")), "build", "full", "--available"]
    command += ["--data-root", str(data), "--out", str(home / "corpus")]
    command += ["--cache", str(home / "cache"), "--images", "none", *more]
    return subprocess.run(command, capture_output=True, check=False)


def test_restricted_text_is_nowhere_but_in_data_and_cache(marked: Path, tmp_path: Path) -> None:
    done = build(marked, tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert not holds(done.stdout + done.stderr)
    corpus, speaking = tmp_path / "corpus", set()
    for path in files(corpus):
        if path.is_relative_to(corpus / "data"):
            for row in pq.read_table(
                path, columns=["source", "instruction", "response"]
            ).to_pylist():
                if holds(f"{row['instruction']} {row['response']}".encode()):
                    speaking.add(row["source"])
        else:
            assert not holds(path.read_bytes()), path.relative_to(corpus)
        assert not holds(path.name.encode())
    assert speaking >= SPEAKING
    assert any(holds(path.read_bytes()) for path in files(tmp_path / "cache"))
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def after_marker(insert: bytes) -> Callable[[bytes], bytes]:
    """Put something after the first marker."""
    return lambda data: re.sub(rb"(?i)zqx", lambda found: found[0] + insert, data, count=1)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: re.split(rb"(?i)(?<=zqx)", data, maxsplit=1)[0],
    "bytes": after_marker(b"\xff\xfe"),
    "quote": after_marker(b'"'),
    "fields": after_marker(b'","x","y'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_messages_about_damaged_rows_quote_none_of_their_text(
    damage: str, marked: Path, tmp_path: Path
) -> None:
    samples, spoke = Samples(tmp_path), set()
    for key in sorted(SPEAKING):
        folder = tmp_path / "damaged" / key
        shutil.copytree(marked / key, folder)
        changed = [path for path in files(folder) if rewrite(path, DAMAGES[damage])]
        if not changed:  # it speaks with the sentences of its parent
            continue
        try:
            rejects = samples.read(key, damage, folder).release.rejects
        except ReleaseError as error:
            assert not holds(str(error).encode()), key
            spoke.add(key)
        else:
            assert not any(holds(repr(reject).encode()) for reject in rejects), key
            spoke.update([key] if rejects else [])
    assert len(spoke) > len(SPEAKING) // 2


@pytest.mark.parametrize(("key", "damage"), [("radqa", "cut"), ("chexpert", "quote")])
def test_a_build_that_stops_quotes_no_text(
    key: str, damage: str, marked: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / key
    shutil.copytree(marked / key, folder)
    for path in files(folder):
        rewrite(path, DAMAGES[damage])
    done = build(tmp_path / "data", tmp_path, "--source", key)
    assert done.returncode == 1
    assert key.encode() in done.stderr
    assert not holds(done.stdout + done.stderr)
