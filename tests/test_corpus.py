"""A corpus opened, filtered, counted and shown."""

from __future__ import annotations

import hashlib
from itertools import product
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import yaml
from corpus_support import TASKS, build_small, copy, edit_lock, edit_rows, relock, rows_of

from chexinstruct.corpus import (
    Corpus,
    filter_corpus,
    open_corpus,
    render_example,
    show,
    verify,
)
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.schema import LOCK

VQA = "data/close_ended_vqa/{}-slake-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for mode in ("embed", "store"):
        build_small(folder, mode)
    return folder


@pytest.fixture
def embed(built: Path) -> Path:
    return built / "embed"


def data_files(corpus: Path) -> dict[str, Path]:
    return {str(p.relative_to(corpus)): p for p in sorted(corpus.rglob("*.parquet"))}


# Opening


def test_open_tells_what_a_corpus_holds(embed: Path) -> None:
    corpus = open_corpus(embed)
    assert corpus.tasks() == sorted(TASKS)
    assert corpus.sources() == ["ms_cxr", "nih_chestxray14", "radnli", "slake"]
    assert corpus.splits() == ["train", "validation", "test"]
    assert {file.name for file in corpus.files} == data_files(embed).keys()
    (file,) = corpus.select(tasks=["close_ended_vqa"], splits=["test"])
    assert (file.task, file.split, file.source) == ("close_ended_vqa", "test", "slake")


def test_rows_come_by_name_and_with_the_columns_asked_for(embed: Path) -> None:
    corpus = open_corpus(embed)
    batches = list(corpus.rows(["id", "response"], sources=["slake"], splits=["test", "train"]))
    assert all(batch.schema.names == ["id", "response"] for batch in batches)
    expected = [
        row["id"]
        for row in rows_of(embed, ["id", "source"])
        if row["source"] == "slake" and row["split"] != "validation"
    ]
    assert sorted(id for b in batches for id in b["id"].to_pylist()) == sorted(expected)


def test_rows_come_a_row_group_at_a_time(embed: Path, tmp_path: Path) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    table = pq.read_table(corpus / VQA.format("train"))
    pq.write_table(table, corpus / VQA.format("train"), row_group_size=5)
    sizes = [len(b) for b in open_corpus(corpus).rows(["id"], sources=["slake"], splits=["train"])]
    assert sum(sizes) == len(table) and max(sizes) == 5


@pytest.mark.parametrize("name", ["tasks", "sources", "splits"])
def test_unknown_names_are_answered_with_the_known_ones(name: str, embed: Path) -> None:
    corpus = open_corpus(embed)
    known = {"tasks": "close_ended_vqa", "sources": "slake", "splits": "train"}[name]
    with pytest.raises(CallError, match=f"'nonsense'.*{known}"):
        corpus.select(**{name: ["nonsense"]})
    with pytest.raises(CallError, match="nonsense"):
        list(corpus.rows(["nonsense"]))


def test_a_folder_without_a_lock_is_no_corpus(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ChexinstructError, match=r"no corpus at .* run the build again"):
            open_corpus(place)


def test_a_lock_cannot_name_files_elsewhere(embed: Path, tmp_path: Path) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    edit_lock(
        corpus, lambda lock: lock["shards"][0].update(name="../../train-slake-00000-of-00001")
    )
    with pytest.raises(ChexinstructError, match="not the name of a corpus file"):
        open_corpus(corpus)


def test_a_lock_that_is_none_is_told(embed: Path, tmp_path: Path) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    (corpus / LOCK).write_text('{"chexinstruct": "0.1.0"}')
    with pytest.raises(ChexinstructError, match="not a lock that this version reads"):
        open_corpus(corpus)


# Filtering


def held(corpus: Corpus) -> set[tuple[str, str, str]]:
    return {(file.task, file.source, file.split) for file in corpus.files}


def test_filter_keeps_what_was_asked_for_and_is_a_corpus(embed: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    lock = filter_corpus(embed, out, families=["qa"], tasks=["phrase_grounding"], splits=["train"])
    corpus = open_corpus(out)
    assert msgspec.to_builtins(corpus.lock) == msgspec.to_builtins(lock)
    assert held(corpus) == {
        ("close_ended_vqa", "slake", "train"),
        ("phrase_grounding", "ms_cxr", "train"),
    }
    assert not [f for f in verify(out) if f.level == "failed"]
    for name, path in data_files(out).items():
        assert path.samefile(embed / name)  # not one byte was copied
    before, after = (
        [line for line in open_corpus(p).lock.ledger if line.task in lock.filtered[0].tasks]
        for p in (embed, out)
    )
    assert after == [line for line in before if line.split == "train"] == lock.ledger
    assert {account.source for account in lock.sources} == {line.source for line in lock.ledger}


def test_filter_leaves_its_parent_as_it_is_and_says_where_it_comes_from(
    embed: Path, tmp_path: Path
) -> None:
    before = (embed / LOCK).read_bytes()
    filter_corpus(embed, tmp_path / "one", sources=["slake", "radnli"])
    lock = filter_corpus(tmp_path / "one", tmp_path / "two", sources=["slake"], splits=["test"])
    assert (embed / LOCK).read_bytes() == before
    first, second = lock.filtered
    assert first.parent == hashlib.sha256(before).hexdigest()
    assert second.parent == hashlib.sha256((tmp_path / "one" / LOCK).read_bytes()).hexdigest()
    assert (first.sources, second.sources, second.splits) == (
        ["radnli", "slake"],
        ["slake"],
        ["test"],
    )
    card = (tmp_path / "two" / "README.md").read_text()
    assert first.parent in card and second.parent in card
    configs = yaml.safe_load(card.split("---")[1])["configs"]
    assert [config["config_name"] for config in configs] == ["close_ended_vqa"]
    assert [file["split"] for file in configs[0]["data_files"]] == ["test"]


def test_filter_gives_the_same_bytes_every_time(embed: Path, tmp_path: Path) -> None:
    for name, sources in (("one", ["slake", "radnli"]), ("two", ["radnli", "slake"])):
        filter_corpus(embed, tmp_path / name, sources=sources)
    one, two = (
        {p.relative_to(r): p.read_bytes() for p in r.rglob("*") if p.is_file()}
        for r in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two


def blank_pictures(path: Path) -> int:
    """Overwrite the bytes of all pictures of a data file; how many bytes that were."""
    data, blanked = bytearray(path.read_bytes()), 0
    meta = pq.read_metadata(path)
    for group, column in product(range(meta.num_row_groups), range(meta.num_columns)):
        chunk = meta.row_group(group).column(column)
        if chunk.path_in_schema.startswith("images.") and chunk.path_in_schema.endswith("bytes"):
            start, size = chunk.dictionary_page_offset, chunk.total_compressed_size
            data[start : start + size] = bytes(size)
            blanked += size
    path.write_bytes(data)
    return blanked


def test_filter_opens_no_picture_and_no_file_that_goes(embed: Path, tmp_path: Path) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    for name, path in data_files(corpus).items():
        if "phrase_grounding" in name:
            assert blank_pictures(path) > 1000
        else:
            path.write_bytes(bytes(path.stat().st_size))
    filter_corpus(corpus, tmp_path / "out", families=["fine"])
    assert all("phrase_grounding" in name for name in data_files(tmp_path / "out"))


def test_filter_keeps_the_stored_pictures_that_rows_name(built: Path, tmp_path: Path) -> None:
    for source, release in (("slake", "slake"), ("ms_cxr", "mimic_cxr"), ("radnli", None)):
        out = tmp_path / source
        lock = filter_corpus(built / "store", out, sources=[source])
        kept = {
            name.split("/")[1].partition("-")[0] for name in data_files(out) if "images" in name
        }
        assert kept == ({release} if release else set())
        assert {file.name for file in lock.pictures} == {
            n for n in data_files(out) if "images" in n
        }
        assert not [f for f in verify(out) if f.level == "failed"]


def test_stored_pictures_of_another_source_go_though_a_name_is_the_same(
    built: Path, tmp_path: Path
) -> None:
    corpus = copy(built / "store", tmp_path / "corpus")
    name = next(row["image_ids"][0] for row in rows_of(corpus) if row["source"] == "slake")
    stored = corpus / "images/nih_chestxray14-00000-of-00001.parquet"
    table = pq.read_table(stored)
    rows = table.to_pylist()
    rows[0]["image_id"] = name
    pq.write_table(table.from_pylist(rows, schema=table.schema), stored)
    relock(corpus, str(stored.relative_to(corpus)))
    lock = filter_corpus(corpus, tmp_path / "out", sources=["slake"])
    assert [file.name for file in lock.pictures] == ["images/slake-00000-of-00001.parquet"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"tasks": ["nonsense"]}, "close_ended_vqa"),
        ({"families": ["text"]}, "coarse, fine, misc, qa"),
        ({"sources": ["chexpert"]}, "nih_chestxray14"),
        ({"splits": ["dev"]}, "train, validation, test"),
        ({"tasks": ["phrase_grounding"], "sources": ["slake"]}, "at once"),
        ({}, "name the tasks"),
    ],
)
def test_filter_of_nothing_writes_nothing(
    asked: dict[str, list[str]], told: str, embed: Path, tmp_path: Path
) -> None:
    with pytest.raises(CallError, match=told):
        filter_corpus(embed, tmp_path / "out", **asked)
    assert not list(tmp_path.iterdir())


def test_filter_takes_only_an_empty_folder_elsewhere(embed: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    (tmp_path / "link").symlink_to(embed)
    for out in (embed, embed / "small", tmp_path / "link", tmp_path / "taken"):
        with pytest.raises(CallError, match="folder"):
            filter_corpus(embed, out, sources=["slake"])
    (tmp_path / "empty").mkdir()
    filter_corpus(embed, tmp_path / "empty", sources=["slake"])
    assert open_corpus(tmp_path / "empty").sources() == ["slake"]


def test_filter_of_a_damaged_corpus_leaves_nothing_behind(embed: Path, tmp_path: Path) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    (corpus / VQA.format("validation")).unlink()
    with pytest.raises(ChexinstructError, match=r"validation-slake.*verify"):
        filter_corpus(corpus, tmp_path / "out", sources=["slake"])
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


# Rows to look at


def test_show_finds_every_row_by_its_id(embed: Path) -> None:
    for row in rows_of(embed)[::7]:
        (shown,) = show(embed, row["id"])
        assert shown.example.id == row["id"]
        assert shown.split == row["split"]
        assert shown.example.response == row["response"]
        assert [note.length for note in shown.pictures] == [len(p["bytes"]) for p in row["images"]]
        assert all(note.size and min(note.size) == 64 for note in shown.pictures)
        assert all(picture.bytes is None for picture in shown.example.images)


def test_show_draws_by_the_seed(embed: Path) -> None:
    total = len(rows_of(embed, ["id"]))

    def ids(**asked: object) -> list[str]:
        return [shown.example.id for shown in show(embed, **asked)]  # type: ignore[arg-type]

    assert ids(n=5, seed=1) == ids(n=5, seed=1)
    assert len({tuple(ids(n=5, seed=seed)) for seed in range(10)}) == 10
    assert len(set(ids(n=total + 5))) == total
    assert {id.partition("/")[0] for id in ids(task="phrase_grounding", n=9)} == {
        "phrase_grounding"
    }


@pytest.mark.parametrize(
    "id", ["nonsense", "close_ended_vqa/slake/nonsense", "text_qa/radqa/1/1", ""]
)
def test_show_says_that_an_id_is_unknown(id: str, embed: Path) -> None:
    with pytest.raises(CallError, match="has no row"):
        show(embed, id)
    with pytest.raises(CallError, match="at least one"):
        show(embed, n=0)


def test_shown_text_tells_the_row_and_gives_the_terminal_no_commands(
    embed: Path, tmp_path: Path
) -> None:
    corpus = copy(embed, tmp_path / "corpus")
    (row,) = show(corpus, task="phrase_grounding")
    text = render_example(row)
    place = row.example.regions[0]
    for told in (row.example.id, row.example.instruction, f"({place.x1:.3f}, {place.y1:.3f})"):
        assert told in text
    edit_rows(
        corpus,
        VQA.format("test"),
        lambda rows: rows[0].update(response="clear\x1b[2J\rlungs\n\tno effusion"),
    )
    hostile = pq.read_table(corpus / VQA.format("test"), columns=["id"])["id"][0].as_py()
    text = render_example(show(corpus, hostile)[0])
    assert r"clear\x1b[2J\rlungs" in text
    assert "\x1b" not in text and "\r" not in text
