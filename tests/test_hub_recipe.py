"""Recipes: what stands in them and what does not, and corpora built from them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from corpus_support import build_small, copy, edit_lock, edit_rows, rows_of
from hub_server import TOKEN, USER, Hub, hub_server
from huggingface_hub import HfApi, constants
from typer.testing import CliRunner

from chexinstruct.build import BuildOptions
from chexinstruct.cli import app
from chexinstruct.corpus import filter_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub import compare, make_recipe, push, read_recipe, rebuild, recipe_keys
from chexinstruct.hub.recipe import RECIPE_FILES
from chexinstruct.schema import LOCK

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = f"{USER}/recipe"
NIH = "data/image_classification/train-nih_chestxray14-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def built(made_once: Callable[..., Path]) -> Path:
    """The corpus, its releases and its cache."""
    return made_once("hub-embed", lambda folder: build_small(folder, "embed") and None)


@pytest.fixture(scope="module")
def corpus(built: Path) -> Path:
    return built / "embed"


@pytest.fixture(scope="module")
def recipe(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe") / "recipe"
    make_recipe(corpus, folder)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with hub_server() as server:
        yield server


def texts(content: bytes, name: str, folder: Path) -> str:
    """What can be read in a file, Parquet unpacked; and its bytes."""
    found = content.decode("utf-8", errors="ignore")
    if name.endswith(".parquet"):
        (folder / "file.parquet").write_bytes(content)
        table = pq.read_table(folder / "file.parquet")
        found += "\n".join(str(value) for column in table.columns for value in column.to_pylist())
    return found


def test_pushed_recipe_holds_nothing_of_the_corpus(demo: Path, tmp_path: Path, hub: Hub) -> None:
    """All sources, all tasks; everything that was sent, and everything that stands there."""
    corpus = demo / "corpus"
    push(corpus, REPO, what="recipe", api=HfApi(endpoint=hub.url, token=TOKEN))
    files = {k: v for k, v in hub.repos[REPO].files.items() if k != ".gitattributes"}
    assert set(files) == set(RECIPE_FILES)
    sent = "\n".join(texts(content, name, tmp_path) for name, content in files.items())
    others = [r.body for r in hub.requests if r.body not in files.values()]
    sent += b"\n".join(others).decode("utf-8", errors="ignore")

    rows = rows_of(corpus)
    assert len({row["source"] for row in rows}) > 30
    cards = Path(__file__).parents[1] / "sources"
    public = "\n".join(path.read_text() for path in cards.glob("*/card.yaml"))
    # One word may be the name of a finding, of a task or of an option: it says nothing of a row.
    said = {t for row in rows for t in (row["instruction"], row["response"])}
    told = [text for text in said if " " in text.strip() and text in sent]
    assert [text for text in told if text not in public] == []
    assert [text for text in said if len(text) > 40 and text in sent] == []
    for column in ("patient", "origin", "study_id"):
        values = {str(row[column]) for row in rows if row[column] and len(str(row[column])) > 7}
        assert values and [value for value in values if value in sent] == []
    names = {key for row in rows for key in row["image_ids"] if len(key) > 7}
    assert names and [name for name in names if name in sent] == []
    ids = {row["id"] for row in rows}
    assert [id for id in ids if id in sent] == []
    pictures = [p["bytes"][-60:] for row in rows for p in row["images"]]
    assert pictures and not any(part in content for part in pictures for content in files.values())
    for place in (str(tmp_path), str(demo), str(Path.home()), "/tmp/"):
        assert place not in sent
    assert not re.search(r"\b(19|20)\d\d-[01]\d-[0-3]\d\b", "\n".join(
        texts(content, name, tmp_path) for name, content in files.items() if "digests" in name
    ))  # fmt: skip
    assert "rebuild" in files["README.md"].decode()


def test_digests_cannot_be_guessed_without_the_rows(recipe: Path, corpus: Path) -> None:
    """Neither id nor content is found by a plain digest, and the keys are not in the recipe."""
    there = pq.read_table(recipe / "digests/rows.parquet").to_pylist()
    rows = rows_of(corpus)
    assert len(there) == len(rows)
    digests = {row[name] for row in there for name in ("id", "row")}
    plain = {
        hashlib.new(kind, text.encode()).hexdigest()[:32]
        for row in rows
        for text in (row["id"], f"id {row['id']}", row["response"], row["patient"] or "")
        for kind in ("sha256", "md5", "sha1", "blake2b")
    }
    assert digests.isdisjoint(plain)
    keys = recipe_keys(corpus)
    assert len(set(keys.values())) == len({row["source"] for row in rows})
    assert not any(key in json.dumps(there) for key in keys.values())
    right = {(row["source"], row["id"]) for row in there}
    named = {
        (row["source"], hmac.digest(bytes.fromhex(keys[row["source"]]),
         f"id {row['id']}".encode(), "sha256").hex()[:32])
        for row in rows
    }  # fmt: skip
    assert named == right  # with the keys, they are found


def test_rebuilt_corpus_is_the_same_byte_by_byte(built: Path, recipe: Path, tmp_path: Path) -> None:
    options = BuildOptions(cache=built / "cache")
    found = rebuild(recipe, built / "raw", tmp_path / "out", options)
    assert found.same_bytes and found.same_rows and found.files == []
    for path in (built / "embed" / "data").rglob("*.parquet"):
        name = path.relative_to(built / "embed")
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()


def test_recipe_is_rebuilt_from_the_hub(built: Path, tmp_path: Path, hub: Hub) -> None:
    api = HfApi(endpoint=hub.url, token=TOKEN)
    push(built / "embed", REPO, what="recipe", api=api)
    hub.repos[REPO].commit({"README.md": b"something else"})  # after the tag
    options = BuildOptions(cache=built / "cache")
    found = rebuild(REPO, built / "raw", tmp_path / "out", options, revision="v1.2.0", api=api)
    assert found.same_bytes
    with pytest.raises(ChexinstructError, match="no recipe"):
        rebuild(REPO, built / "raw", tmp_path / "new", options, api=api)


def test_recipe_of_a_filtered_corpus(built: Path, tmp_path: Path) -> None:
    filter_corpus(built / "embed", tmp_path / "half", sources=["nih_chestxray14", "ms_cxr"])
    filter_corpus(tmp_path / "half", tmp_path / "quarter", redistributable=True)
    make_recipe(tmp_path / "quarter", tmp_path / "recipe")
    options = BuildOptions(cache=built / "cache")
    found = rebuild(tmp_path / "recipe", built / "raw", tmp_path / "out", options)
    assert found.same_bytes
    assert {row["source"] for row in rows_of(tmp_path / "out")} == {"nih_chestxray14"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_changed_release_is_told(built: Path, recipe: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(built / "raw", raw)
    origins = [r["origin"] for r in rows_of(built / "embed") if r["source"] == "nih_chestxray14"]
    name, _, last = max(origins, key=lambda at: int(at.rpartition(":")[2])).rpartition(":")
    lines = (raw / "nih_chestxray14" / name).read_text().splitlines(keepends=True)
    del lines[int(last) - 1]
    (raw / "nih_chestxray14" / name).write_text("".join(lines))
    found = rebuild(recipe, raw, tmp_path / "out", BuildOptions(cache=tmp_path / "cache"))
    assert not found.same_bytes and not found.same_rows
    assert any("nih_chestxray14: studies" in line and "version" in line for line in found.why)
    by_source = {source.source: source for source in found.sources}
    assert by_source["radnli"].is_same and by_source["slake"].is_same
    nih = by_source["nih_chestxray14"]
    assert not nih.is_same and nih.studies_gone > 0


def reencoded(corpus: Path, to: Path) -> Path:
    """The same rows and other bytes, as another version of pyarrow and Pillow writes them."""
    other = copy(corpus, to)

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            for picture in row["images"]:
                picture["bytes"] += b"\0"

    edit_rows(other, NIH, change)
    edit_lock(other, lambda lock: lock["libraries"].update(pillow="99.0"))
    return other


def test_other_libraries_give_the_same_rows(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    found = compare(recipe, reencoded(corpus, tmp_path / "corpus"))
    assert not found.same_bytes and found.same_rows
    assert found.files == [NIH]
    assert any(line.startswith("pillow: ") and line.endswith("99.0 here") for line in found.why)
    assert found.pictures is not None and found.pictures.changed > 0
    assert found.pictures.gone == found.pictures.new == 0


def test_keys_tell_which_rows_changed(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    other = copy(corpus, tmp_path / "corpus")
    edit_rows(other, NIH, lambda rows: rows[0].update(response="Something else."))
    blind = {source.source: source for source in compare(recipe, other).sources}
    assert not blind["nih_chestxray14"].keyed and blind["nih_chestxray14"].same == 0
    assert blind["slake"].is_same
    seeing = {s.source: s for s in compare(recipe, other, keys=recipe_keys(corpus)).sources}
    nih = seeing["nih_chestxray14"]
    assert nih.keyed and nih.changed == 1 and nih.same == nih.rows - 1
    with pytest.raises(CallError, match="keys"):
        compare(recipe, other, keys={"slake": "no key"})


def test_own_templates_are_asked_for(recipe: Path, built: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe, tmp_path / "recipe")
    path = tmp_path / "recipe" / "recipe.lock.json"
    lock = json.loads(path.read_text())
    lock["manifest"]["templates"] = {"image_classification": "0123"}
    path.write_text(json.dumps(lock))
    with pytest.raises(CallError, match="--templates"):
        rebuild(tmp_path / "recipe", built / "raw", tmp_path / "out")


def test_what_is_no_recipe(corpus: Path, recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match="chexinstruct recipe"):
        read_recipe(corpus)
    with pytest.raises(CallError, match="not an empty folder"):
        make_recipe(corpus, recipe)
    with pytest.raises(ChexinstructError, match="no corpus"):
        filter_corpus(recipe, tmp_path / "x", sources=["slake"])
    with pytest.raises(CallError, match="neither a folder nor"):
        rebuild(tmp_path / "nowhere", tmp_path, tmp_path / "out")


def test_command_line(built: Path, corpus: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    out, keys = str(tmp_path / "recipe"), tmp_path / "keys.json"
    made = run(app, ["recipe", str(corpus), "--out", out, "--keys", str(keys)])
    assert made.exit_code == 0 and json.loads(keys.read_text()) == recipe_keys(corpus)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    places = ["--data-root", str(built / "raw"), "--cache", str(built / "cache")]
    again = run(app, ["rebuild", out, *places, "--out", str(tmp_path / "out")])
    assert again.exit_code == 0 and "The same corpus" in again.output
    edit_rows(tmp_path / "out", NIH, lambda rows: rows.pop())
    assert (tmp_path / "out" / LOCK).is_file()
    assert not compare(out, tmp_path / "out").same_rows
