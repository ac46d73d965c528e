"""What of a published release a copy holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chexinstruct.cli import app
from chexinstruct.editions import Completeness, completeness
from chexinstruct.release import Release
from chexinstruct.source import Edition, registry
from chexinstruct.synthetic import save

SMALL = Edition(
    name="first", rows={"train.csv": 3}, files={"*.png|*.dcm": 4}, origin="counted for this test"
)
LARGE = Edition(
    name="second",
    rows={"train.csv": 5, "test.csv": 2},
    files={"*.png|*.dcm": 8},
    origin="counted for this test",
)


def table(rows: int) -> str:
    return "image,label\n" + "".join(f'{i},"a\nb"\n' for i in range(rows))


def held(folder: Path, files: dict[str, bytes | str]) -> Completeness:
    save(folder, files)
    return completeness(Release.open(folder, source="test"), [SMALL, LARGE])


def pictures(count: int, suffix: str = "png") -> dict[str, bytes | str]:
    return {f"images/{i}.{suffix}": b"x" for i in range(count)}


def test_whole_copy_is_complete_and_named(tmp_path: Path) -> None:
    found = held(tmp_path, {"train.csv": table(3), **pictures(4)})
    assert (found.status, found.edition, found.differing) == ("complete", "first", [])


def test_files_beyond_the_published_ones_do_no_harm(tmp_path: Path) -> None:
    found = held(tmp_path, {"train.csv": table(3), **pictures(6)})
    assert (found.status, found.edition) == ("complete", "first")


def test_picture_in_two_formats_counts_once(tmp_path: Path) -> None:
    found = held(tmp_path, {"train.csv": table(3), **pictures(2), **pictures(2, "dcm")})
    assert found.status == "partial"
    assert [item.told for item in found.differing] == ["*.png|*.dcm: 2 of 4 files (50.0%)"]


def test_missing_pictures_are_a_part_and_say_how_much(tmp_path: Path) -> None:
    found = held(tmp_path, {"train.csv": table(3)})
    assert (found.status, found.edition) == ("partial", "first")
    assert [item.told for item in found.differing] == ["*.png|*.dcm: none of 4 files"]


def test_missing_table_is_a_part(tmp_path: Path) -> None:
    found = held(tmp_path, {"train.csv": table(5), **pictures(8)})
    assert (found.status, found.edition) == ("partial", "second")
    assert [item.told for item in found.differing] == ["test.csv: none of 2 rows"]


@pytest.mark.parametrize("rows", [2, 4, 9])
def test_table_of_another_length_is_another_version(tmp_path: Path, rows: int) -> None:
    found = held(tmp_path, {"train.csv": table(rows), **pictures(4)})
    assert found.status == "different version"
    assert f"train.csv: {rows} of 3 rows" in found.differing[0].told


def test_nothing_that_is_counted_is_unknown(tmp_path: Path) -> None:
    found = held(tmp_path, {"notes.md": "empty"})
    assert (found.status, found.edition, found.counted) == ("unknown", None, [])
    assert completeness(Release.open(tmp_path, source="test"), []).status == "unknown"


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("list.txt", "a 1\nb 2\n\nc 3\n", 3),
        ("list.jsonl", "{}\n{}\n", 2),
        ("lines.json", '{"a": 1}\n{"a": 2}\n{"a": 3}\n', 3),
        ("list.json", '[{"a": 1}, {"a": 2}]', 2),
        ("by_key.json", '{"a": 1, "b": 2, "c": 3}', 3),
        ("squad.json", '{"data": [{"paragraphs": [{"qas": [1, 2]}, {"qas": [3]}]}]}', 3),
        ("no_squad.json", '{"version": 2, "data": [{"paragraphs": "none"}]}', 2),
        ("table.tsv", "a\tb\n1\t2\n", 1),
    ],
)
def test_rows_of_every_kind_of_file(tmp_path: Path, name: str, content: str, rows: int) -> None:
    save(tmp_path, {name: content})
    edition = Edition(name="one", rows={name: rows}, origin="counted for this test")
    assert completeness(Release.open(tmp_path, source="test"), [edition]).status == "complete"


def test_check_tells_the_version_in_words_and_in_json(tmp_path: Path) -> None:
    registry()["radnli"].sample.write(tmp_path / "radnli")
    said = CliRunner().invoke(app, ["check", str(tmp_path)]).output
    assert "radnli: ready, different version (1.0.0)" in said
    assert "of 480 rows" in said
    data = json.loads(CliRunner().invoke(app, ["check", str(tmp_path), "--json"]).output)
    (radnli,) = [item for item in data if item["source"] == "radnli"]
    assert radnli["completeness"]["status"] == "different version"
    assert {c["published"] for c in radnli["completeness"]["counted"]} == {480}


def test_damaged_table_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    save(tmp_path / "slake", {"train.json": "[", "validate.json": "[]", "test.json": "[]"})
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "train.json" in result.output and "unknown" not in result.output
