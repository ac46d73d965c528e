"""Pushing a corpus to a server that speaks the Hub's API; huggingface_hub itself is the client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from corpus_support import build_small, copy, edit_rows, rows_of, write_table
from hub_server import ORGANISATION, TOKEN, USER, Cut, Hub, Request, hub_server
from huggingface_hub import HfApi, constants
from typer.testing import CliRunner

from chexinstruct.cli import app
from chexinstruct.corpus import filter_corpus, open_corpus, standings, verify
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub import Pushed, promise, push
from chexinstruct.hub.guard import guard
from chexinstruct.hub.recipe import RECIPE_FILES
from chexinstruct.schema import LOCK
from chexinstruct.source import registry

# A warning of huggingface_hub at itself, whenever it uploads a large file without Xet.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = f"{USER}/corpus"
CREDENTIALED = ("ms_cxr", "radnli")
OPEN = ("nih_chestxray14", "slake")
WORDS = f"I may share {', '.join(CREDENTIALED)} with everyone who can read {REPO}"
NIH = "data/image_classification/train-nih_chestxray14-00000-of-00001.parquet"


@pytest.fixture(scope="module", params=["embed", "store"])
def corpus(request: pytest.FixtureRequest, made_once: Callable[..., Path]) -> Path:
    """A corpus of which two sources may be passed on, and two may not."""
    mode: str = request.param
    return made_once(f"hub-{mode}", lambda folder: build_small(folder, mode) and None) / mode


@pytest.fixture(scope="module")
def embedded(made_once: Callable[..., Path]) -> Path:
    return made_once("hub-embed", lambda folder: build_small(folder, "embed") and None) / "embed"


@pytest.fixture(scope="module")
def free(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of it everyone may have."""
    folder = tmp_path_factory.mktemp("free") / "corpus"
    filter_corpus(embedded, folder, redistributable=True)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its servers speak another language
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with hub_server() as server:
        yield server


def to(hub: Hub, path: Path, repo: str = REPO, **options: Any) -> Pushed:
    return push(path, repo, api=HfApi(endpoint=hub.url, token=TOKEN), **options)


def test_push_of_what_everyone_may_have(free: Path, hub: Hub) -> None:
    found = to(hub, free)
    repo = hub.repos[REPO]
    expected = {
        path.relative_to(free).as_posix(): path.read_bytes()
        for path in free.rglob("*")
        if path.is_file()
    }
    assert set(expected) >= {"README.md", "LICENSES.md", "croissant.json", LOCK}
    assert {k: v for k, v in repo.files.items() if k != ".gitattributes"} == expected
    assert repo.tags == {"v1.2.0": repo.head} == {found.tag: found.commit}
    assert not repo.private and not found.private
    data, papers = list(repo.commits.values())[1:]  # the first is the empty repository
    assert "README.md" not in data and LOCK not in data and NIH in data
    assert papers == repo.files
    assert found.rows == len(rows_of(free, ["id"])) and found.files == len(expected)


def test_private_push_with_words(corpus: Path, hub: Hub) -> None:
    found = to(hub, corpus, private=True, words=WORDS)
    assert hub.repos[REPO].private and found.private
    files = open_corpus(corpus)
    names = {file.name for file in (*files.files, *files.images)}
    assert names <= set(hub.repos[REPO].files)
    assert not any(name.startswith(("rejects", "links", ".")) for name in hub.repos[REPO].files
                   if name != ".gitattributes")  # fmt: skip


@pytest.mark.parametrize(
    ("license", "redistribution", "source"),
    [
        pytest.param("credentialed", "no", None, id="credentialed"),
        pytest.param("registered", "no", None, id="registered"),
        pytest.param("open", "no", None, id="no derivatives"),
        pytest.param("open", "unknown", None, id="licence of one picture unknown"),
        pytest.param("credentialed", "yes", None, id="credentialed, whatever else"),
        pytest.param("open", "yes", "openi", id="the card forbids it"),
        pytest.param("open", "yes", "mimic_nle", id="a parent's card forbids it"),
        pytest.param("open", "yes", "never_heard_of", id="a source that nobody knows"),
    ],
)
def test_one_row_keeps_a_corpus_in(
    license: str, redistribution: str, source: str | None, free: Path, tmp_path: Path, hub: Hub
) -> None:
    damaged = copy(free, tmp_path / "corpus")

    def edit(rows: list[dict[str, Any]]) -> None:
        rows[-1] |= {"license": license, "redistribution": redistribution}
        rows[-1] |= {"source": source} if source else {}

    edit_rows(damaged, NIH, edit)
    with pytest.raises(CallError) as refusal:
        to(hub, damaged)
    told = str(refusal.value)
    assert told.startswith("1 rows may not be passed on: ")
    assert f"{source or 'nih_chestxray14'} (" in told and ": 1 rows. " in told
    assert all(way in told for way in ("--recipe", "--open-only", "--private", "--i-may-share"))
    assert hub.requests == []


def test_refusal_names_sources_and_counts(embedded: Path, hub: Hub) -> None:
    rows = rows_of(embedded, ["source"])
    with pytest.raises(CallError) as refusal:
        to(hub, embedded)
    for source in CREDENTIALED:
        n = sum(row["source"] == source for row in rows)
        assert f"{source} (credentialed): {n:,} rows" in str(refusal.value)
    assert not any(source in str(refusal.value) for source in OPEN)
    assert WORDS in str(refusal.value)
    assert hub.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"private": True},
        {"private": True, "words": "yes"},
        {"private": True, "words": WORDS.replace("radnli", "")},
        {"private": True, "words": WORDS.replace(REPO, f"{USER}/other")},
        {"words": WORDS},
    ],
    ids=["none", "any", "of fewer sources", "of another repository", "public"],
)
def test_words_must_fit(options: dict[str, Any], embedded: Path, hub: Hub) -> None:
    with pytest.raises(CallError, match="may not be passed on"):
        to(hub, embedded, **options)
    assert hub.requests == []


def test_open_only_leaves_the_rows_that_everyone_may_have(corpus: Path, hub: Hub) -> None:
    before = set(corpus.parent.rglob("*"))
    to(hub, corpus, what="open")
    assert set(corpus.parent.rglob("*")) == before  # nothing is left behind
    sent = hub.repos[REPO].files
    sources = {name.split("-")[1] for name in sent if name.startswith("data/")}
    assert sources == set(OPEN)
    assert not any(b"ms_cxr" in sent[name] for name in ("croissant.json", "LICENSES.md"))
    assert {name.split("-")[0] for name in sent if name.startswith("images/")} <= {
        f"images/{source}" for source in OPEN
    }


def test_open_only_divides_files(corpus: Path, tmp_path: Path, hub: Hub) -> None:
    """Rows of one file under several terms, as where every picture has a licence of its own."""
    mixed = copy(corpus, tmp_path / "corpus")
    held: list[dict[str, Any]] = []

    def edit(rows: list[dict[str, Any]]) -> None:
        pictures = sorted({row["image_ids"][0] for row in rows})
        for row in rows:
            if row["image_ids"][0] in pictures[::2]:
                row["redistribution"] = "unknown"
                held.append(row)
        assert 0 < len(held) < len(rows)

    edit_rows(mixed, NIH, edit)
    to(hub, mixed, what="open")
    down = tmp_path / "down"
    for name, content in hub.repos[REPO].files.items():
        (down / name).parent.mkdir(parents=True, exist_ok=True)
        (down / name).write_bytes(content)
    rows = rows_of(down, ["id", "source", "redistribution", "license", "image_ids"])
    assert {row["redistribution"] for row in rows} == {"yes"}
    expected = {row["id"] for row in rows_of(mixed) if row["redistribution"] == "yes"}
    assert {row["id"] for row in rows} == expected
    assert not {row["id"] for row in held} & expected
    assert [f.check for f in verify(down) if f.level == "failed"] == []
    line = next(
        e for e in open_corpus(down).lock.ledger
        if (e.task, e.source, e.split) == ("image_classification", "nih_chestxray14", "train")
    )  # fmt: skip
    assert line.candidate_reasons["not_redistributable"] == len(held)
    stored = {
        key
        for path in (down / "images").rglob("*.parquet")
        for key in pq.read_table(path, columns=["image_id"])["image_id"].to_pylist()
    }
    named = {key for row in rows for key in row["image_ids"]}
    gone = {key for row in held for key in row["image_ids"]} - named
    if corpus.name == "store":
        assert stored == named and gone  # pictures of the rows that stay, and of no others


def test_filter_keeps_what_everyone_may_have(embedded: Path, tmp_path: Path) -> None:
    call = ["filter", str(embedded), "--redistributable", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, call).exit_code == 0
    assert {row["source"] for row in rows_of(tmp_path / "out")} == set(OPEN)
    assert "rows that may be passed on" in (tmp_path / "out" / "README.md").read_text()


def test_nothing_is_open(embedded: Path, tmp_path: Path, hub: Hub) -> None:
    filter_corpus(embedded, tmp_path / "closed", sources=["ms_cxr"])
    with pytest.raises(CallError, match="--recipe"):
        to(hub, tmp_path / "closed", what="open")
    assert hub.sent() == []


def test_namespace_must_be_the_users_own(free: Path, hub: Hub) -> None:
    theirs = f"{ORGANISATION}/corpus"
    with pytest.raises(CallError, match=f"--organisation {ORGANISATION}"):
        to(hub, free, theirs)
    for wrong in ("bob", "nobody"):
        with pytest.raises(CallError, match="--organisation"):
            to(hub, free, theirs, organisation=wrong)
    with pytest.raises(CallError, match="--organisation"):
        to(hub, free, "bob/corpus", organisation="bob")
    with pytest.raises(CallError, match="NAMESPACE/NAME"):
        to(hub, free, "corpus")
    assert hub.sent() == []
    to(hub, free, theirs, organisation=ORGANISATION)
    assert NIH in hub.repos[theirs].files


def test_private_push_stops_at_a_public_repository(embedded: Path, hub: Hub) -> None:
    hub.make(REPO, private=False)
    with pytest.raises(CallError, match="is public, and nothing was sent"):
        to(hub, embedded, private=True, words=WORDS)
    assert hub.sent() == []


@pytest.mark.parametrize("moment", ["first commit", "tag"])
def test_flip_of_visibility_is_noticed(moment: str, embedded: Path, hub: Hub) -> None:
    repo = hub.make(REPO, private=True)

    def flip(request: Request) -> None:
        if ("/commit/" if moment == "first commit" else "/tag/") in request.path:
            repo.private = False

    hub.before = flip
    with pytest.raises(ChexinstructError, match="IS PUBLIC NOW"):
        to(hub, embedded, private=True, words=WORDS)
    commits = [r for r in hub.requests if "/commit/" in r.path]
    assert len(commits) == (1 if moment == "first commit" else 2)


def test_push_that_lost_its_line_goes_on(free: Path, hub: Hub) -> None:
    def cut(request: Request) -> None:
        if "/commit/" in request.path:
            raise Cut

    hub.before = cut
    with pytest.raises(ChexinstructError, match="run the same command again"):
        to(hub, free)
    assert set(hub.repos[REPO].files) == {".gitattributes"}
    hub.before = lambda request: None
    hub.requests.clear()
    to(hub, free)
    assert NIH in hub.repos[REPO].files and "v1.2.0" in hub.repos[REPO].tags
    again = [r for r in hub.requests if r.path.startswith("/lfs/")]
    assert not any(r.path.removeprefix("/lfs/") in {f.sha256 for f in open_corpus(free).files}
                   for r in again)  # fmt: skip


def test_killed_push_goes_on(free: Path, hub: Hub) -> None:
    puts: list[Request] = []

    def stall(request: Request) -> None:
        if request.method == "PUT":
            puts.append(request)
            if len(puts) == 3:
                process.send_signal(signal.SIGKILL)
                raise Cut

    hub.before = stall
    process = command(hub, free)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert len(puts) >= 3 and set(hub.repos[REPO].files) == {".gitattributes"}
    hub.before = lambda request: None
    process = command(hub, free)
    more_out, more_err = process.communicate(timeout=60)
    assert process.returncode == 0, more_err
    assert f"{hub.url}/datasets/{REPO} (public) has v1.2.0" in more_out
    assert NIH in hub.repos[REPO].files and hub.repos[REPO].tags
    assert not any(TOKEN in text or "verysecret" in text for text in (out, err, more_out, more_err))


def command(hub: Hub, corpus: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("chexinstruct")), "push", str(corpus), REPO],
        env={
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", [NIH, "README.md"], ids=["large", "small"])
def test_tampering_is_found(name: str, free: Path, hub: Hub) -> None:
    def tamper(request: Request) -> None:
        repo = hub.repos.get(REPO)
        if "/tree/" in request.path and repo and "README.md" in repo.files:
            content = bytearray(repo.files[name])
            content[len(content) // 2] ^= 1
            repo.files[name] = bytes(content)

    hub.before = tamper
    with pytest.raises(ChexinstructError, match=f"{name} has another digest"):
        to(hub, free)
    assert hub.repos[REPO].tags == {}


def test_lost_file_is_found(free: Path, hub: Hub) -> None:
    def lose(request: Request) -> None:
        repo = hub.repos.get(REPO)
        if "/tree/" in request.path and repo and "README.md" in repo.files:
            repo.files.pop(NIH, None)

    hub.before = lose
    with pytest.raises(ChexinstructError, match="is not there"):
        to(hub, free)
    assert hub.repos[REPO].tags == {}


def test_push_again_sends_nothing(free: Path, hub: Hub) -> None:
    first = to(hub, free)
    hub.requests.clear()
    assert to(hub, free) == first
    assert hub.sent() == []


def test_version_stands_for_one_content(free: Path, tmp_path: Path, hub: Hub) -> None:
    to(hub, free)
    other = copy(free, tmp_path / "corpus")
    write_table(other, NIH, pq.read_table(other / NIH).slice(1))
    hub.requests.clear()
    with pytest.raises(CallError, match=r"has v1\.2\.0 already.*new version"):
        to(hub, other)
    assert hub.sent() == []


def test_next_version_takes_stale_data_away_and_leaves_other_files(
    free: Path, tmp_path: Path, hub: Hub
) -> None:
    to(hub, free)
    repo = hub.repos[REPO]
    stale = "data/old_task/train-openi-00000-of-00001.parquet"
    mine = {"data/notes.txt": b"mine", "figures/plot.parquet": b"mine", "paper.pdf": b"mine"}
    repo.commit({**repo.files, stale: b"old", **mine})
    later = copy(free, tmp_path / "corpus")
    lock = (later / LOCK).read_text().replace('"version": "1.2.0"', '"version": "1.3.0"')
    (later / LOCK).write_text(lock)
    to(hub, later)
    assert stale not in repo.files
    assert mine.items() <= repo.files.items()
    assert set(repo.tags) == {"v1.2.0", "v1.3.0"}


def test_recipe_takes_the_place_of_a_corpus(free: Path, tmp_path: Path, hub: Hub) -> None:
    to(hub, free)
    later = copy(free, tmp_path / "corpus")
    lock = (later / LOCK).read_text().replace('"version": "1.2.0"', '"version": "1.3.0"')
    (later / LOCK).write_text(lock)
    to(hub, later, what="recipe")
    assert set(hub.repos[REPO].files) == {".gitattributes", *RECIPE_FILES}
    assert NIH in hub.repos[REPO].commits[hub.repos[REPO].tags["v1.2.0"]]


def test_unknown_token_is_told_without_it(free: Path, hub: Hub) -> None:
    with pytest.raises(ChexinstructError, match="hf auth login") as error:
        push(free, REPO, api=HfApi(endpoint=hub.url, token="hf_" + "wrong" * 7))
    assert "wrong" not in str(error.value)
    assert hub.sent() == []


def test_missing_file_is_told_before_anything_is_sent(free: Path, tmp_path: Path, hub: Hub) -> None:
    damaged = copy(free, tmp_path / "corpus")
    with (damaged / NIH).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ChexinstructError, match="verify"):
        to(hub, damaged)
    assert hub.sent() == []


def test_promise_is_what_the_guard_takes(embedded: Path) -> None:
    rows = standings(open_corpus(embedded), registry())
    held = [row for row in rows if not row.may_leave]
    assert promise(held, REPO) == WORDS
    guard(rows, REPO, private=True, words=WORDS)
