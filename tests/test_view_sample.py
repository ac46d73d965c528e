"""The sample page: which rows it holds, and that it is one safe file, always the same."""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from corpus_support import rows_of
from typer.testing import CliRunner
from view_support import LONG, hostile

from chexinstruct.cli import app
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.view import write_sample

Made = Callable[[str, Callable[[Path], None]], Path]
ALL = 1000


@pytest.fixture(scope="module")
def corpus(made_once: Made) -> Path:
    return made_once("hostile", hostile) / "corpus"


class Elements(HTMLParser):
    """The elements of a page, and what stands in its data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.data = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        self._inside = ("id", "data") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def read(page: Path) -> tuple[Elements, Any]:
    elements = Elements()
    elements.feed(page.read_text(encoding="utf-8"))
    return elements, json.loads(elements.data)


def test_it_holds_rows_of_each_task_and_source_with_their_pictures(
    corpus: Path, tmp_path: Path
) -> None:
    made = write_sample(corpus, tmp_path / "page.html", n=2)
    _, data = read(tmp_path / "page.html")
    shown = [item["detail"]["row"] for item in data["rows"]]
    pairs = Counter((row["task"], row["source"]) for row in shown)
    assert len(pairs) == 4 and set(pairs.values()) == {2} and made.rows == 8
    held = {row["id"]: row for row in rows_of(corpus)}
    for item in data["rows"]:
        row = item["detail"]["row"]
        assert row["response"] == held[row["id"]]["response"]
        assert len(item["pictures"]) == len(held[row["id"]]["images"])
        assert all(data["pictures"][name].startswith("data:image/") for name in item["pictures"])
    assert made.licenses == dict(Counter(row["license"] for row in shown))


def test_no_text_of_the_corpus_becomes_markup(corpus: Path, tmp_path: Path) -> None:
    write_sample(corpus, tmp_path / "page.html", n=ALL)
    elements, data = read(tmp_path / "page.html")
    assert elements.tags["script"] == 2 and elements.tags["style"] == 1
    assert not elements.tags.keys() & {"img", "svg", "b", "link", "iframe"}
    assert len(data["rows"]) == len(rows_of(corpus, ["id"]))
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name == "src"]
    assert LONG in {item["detail"]["row"]["response"] for item in data["rows"]}


def test_the_same_seed_gives_the_same_bytes_and_another_other_rows(
    corpus: Path, tmp_path: Path
) -> None:
    pages = [tmp_path / f"{number}.html" for number in range(3)]
    for page, seed in zip(pages, (1, 1, 2), strict=True):
        write_sample(corpus, page, n=3, seed=seed)
    one, two, other = (page.read_bytes() for page in pages)
    assert one == two != other


def test_a_file_has_a_largest_size_and_says_what_was_left_out(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    whole = write_sample(corpus, page, n=ALL)
    assert whole.left_out == 0 and whole.bytes == page.stat().st_size
    part = write_sample(corpus, page, n=ALL, max_bytes=whole.bytes // 3)
    assert page.stat().st_size == part.bytes <= whole.bytes // 3
    assert part.rows + part.left_out == whole.rows and part.left_out
    _, data = read(page)
    assert data["left_out"] == part.left_out
    pairs = {(r["detail"]["row"]["task"], r["detail"]["row"]["source"]) for r in data["rows"]}
    assert len(pairs) == 4  # a first row of each comes before any second
    with pytest.raises(CallError, match="no row fits"):
        write_sample(corpus, page, max_bytes=1000)


def test_a_file_is_for_its_owner_alone(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("an old page")
    page.chmod(0o644)
    write_sample(corpus, page, n=1)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_rows_can_be_chosen(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_sample(corpus, page, n=ALL, sources=["slake"], splits=["test"])
    _, data = read(page)
    found = {(r["detail"]["row"]["source"], r["detail"]["split"]) for r in data["rows"]}
    assert found == {("slake", "test")}
    with pytest.raises(CallError, match="nonsense"):
        write_sample(corpus, page, tasks=["nonsense"])


def test_stored_pictures_are_put_in_too(corpus: Path, tmp_path: Path) -> None:
    made = write_sample(corpus.parent / "store", tmp_path / "page.html", sources=["slake"])
    assert made.pictures
    made = write_sample(corpus.parent / "none", tmp_path / "page.html", sources=["slake"])
    assert made.pictures == 0 and made.rows


def test_a_place_that_cannot_be_written_is_told(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match="cannot be written"):
        write_sample(corpus, tmp_path / "nowhere" / "page.html", n=1)


def test_the_command_writes_it_and_says_what_it_holds(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    call = ["view", str(corpus), "--html", str(page), "-n", "1", "--task", "phrase_grounding"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0 and "1 rows" in done.output and "1 credentialed" in done.output
    _, data = read(page)
    assert [row["detail"]["row"]["task"] for row in data["rows"]] == ["phrase_grounding"]
    served = CliRunner().invoke(app, ["view", str(corpus), "--task", "phrase_grounding"])
    assert isinstance(served.exception, CallError)  # it would be passed over in silence
