"""Tables, lists and JSON of a release."""

import gzip
import io
import tracemalloc
import zipfile
from itertools import groupby
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Limits, Release


def release(folder: Path, name: str, content: bytes | str, **limits: int) -> Release:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Release.open(folder, source="demo", limits=Limits(**limits))


NIH = (
    "Image Index,Finding Labels,Patient Gender,OriginalImage[Width,Height],\n"
    "1.png,Mass|Nodule, M ,2682,2749,\n"
    "2.png,No Finding,F,2500,2048,\n"
)


def test_nih_header_whose_bracketed_columns_are_two(tmp_path: Path) -> None:
    demo = release(tmp_path, "t.csv", NIH)
    assert demo.header("t.csv")[3:] == ["OriginalImage[Width", "Height]", ""]
    columns = {
        "image": "Image Index",
        "sex": ("Patient Sex", "Patient Gender"),
        "w": "OriginalImage[Width",
    }
    rows = list(demo.table("t.csv", columns, optional={"view": "View Position"}))
    assert rows[0] == {"image": "1.png", "sex": "M", "w": "2682", "view": ""}
    assert [row.line for row in rows] == [2, 3]


def test_nih_boxes_have_three_columns_without_a_name(tmp_path: Path) -> None:
    text = (
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Mass,1,2,3,4\nb.png,Mass,1,2,3,4,,,\n"
    )
    rows = list(release(tmp_path, "b.csv", text).table("b.csv", {"x": "Bbox [x", "h": "h]"}))
    assert rows == [{"x": "1", "h": "4"}, {"x": "1", "h": "4"}]
    everything = next(release(tmp_path, "b.csv", text).table("b.csv", None))
    assert list(everything) == ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]"]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_byte_order_mark_crlf_quotes_and_blank_lines(tmp_path: Path, name: str) -> None:
    data = '\ufeffid, text \r\n1,"a, ""b""\r\nc"\r\n\r\n2,é\r\n'.encode()
    demo = release(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    rows = list(demo.table(name, {"id": "id", "text": "text"}))
    assert rows == [{"id": "1", "text": 'a, "b"\r\nc'}, {"id": "2", "text": "é"}]
    assert [row.line for row in rows] == [2, 5]
    assert not demo.rejects


def test_tabs_by_suffix_and_by_choice(tmp_path: Path) -> None:
    for name, text, delimiter in (
        ("t.tsv", "a\tb\n1\t2,3\n", None),
        ("t.txt", "a|b\n1|2,3\n", "|"),
    ):
        demo = release(tmp_path, name, text)
        assert list(demo.table(name, {"b": "b"}, delimiter=delimiter)) == [{"b": "2,3"}]
        assert demo.header(name, delimiter=delimiter) == ["a", "b"]


def test_a_table_of_a_tar_is_read_from_its_bytes(tmp_path: Path) -> None:
    release = Release.open(tmp_path, source="demo")
    rows = release.table(
        "tables.tar.gz/a.tsv", {"name": "n", "list": "l"}, content=b'n\tl\nx\t"[1\t2]"\ny\n'
    )
    assert list(rows) == [{"name": "x", "list": "[1\t2]"}]
    (reject,) = release.rejects
    assert (reject.path, reject.row, reject.reason) == (
        "tables.tar.gz/a.tsv",
        3,
        "wrong_field_count",
    )


def test_short_and_long_rows_are_rejected_with_their_line(tmp_path: Path) -> None:
    demo = release(tmp_path, "t.csv", 'a,b\n1\n1,2,3\n1,2,,\n"x\ny\n1,2\n')
    assert list(demo.table("t.csv", {"b": "b"})) == [{"b": "2"}]
    assert [(reject.row, reject.reason) for reject in demo.rejects] == [
        (2, "wrong_field_count"),
        (3, "wrong_field_count"),
        (5, "unclosed_quote"),  # the open quotation mark swallows the last row
    ]


def test_a_row_that_swallowed_others_says_so(tmp_path: Path) -> None:
    demo = release(tmp_path, "t.csv", 'a,b\n"x,1\ny,2\nz",3,4\n5,6\n')
    assert [row["a"] for row in demo.table("t.csv", {"a": "a"})] == ["5"]
    assert demo.rejects[0].detail == "3 fields, expected 2, down to line 4"


def test_undecodable_row_is_rejected_and_others_kept(tmp_path: Path) -> None:
    demo = release(tmp_path, "t.csv", b"a,b\n1,caf\xe9\n2,caf\xc3\xa9\n")
    assert list(demo.table("t.csv", {"b": "b"})) == [{"b": "café"}]
    assert (demo.rejects[0].row, demo.rejects[0].reason) == (2, "undecodable")
    rows = list(demo.table("t.csv", {"b": "b"}, encoding="latin-1"))
    assert rows[0] == {"b": "café"}


def test_missing_column_names_file_spellings_and_header(tmp_path: Path) -> None:
    demo = release(tmp_path, "t.csv", f"id,label,{'secret ' * 20}\n1,2,3\n")
    with pytest.raises(ReleaseError) as caught:
        list(demo.table("t.csv", {"id": "id", "sex": ("Sex", "Gender")}))
    message = str(caught.value)
    assert message.startswith(
        "demo: t.csv, row 1: no column 'Sex' or 'Gender'; its columns are: id, label, "
    )
    assert "secret" not in message  # so long a name may be the text of a row
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<!DOCTYPE html>\n<html>", "sign in"),
        ("version https://git-lfs.github.com/spec/v1\noid x\n", "git lfs pull"),
        ("", "empty, where a header was expected"),
        ("id,id\n1,2\n", "several columns are called 'id'"),
        (b"\xff\xfei\0d\0", "the header is not utf-8-sig"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: str | bytes, expected: str) -> None:
    with pytest.raises(ReleaseError, match=expected):
        list(release(tmp_path, "t.csv", content).table("t.csv", {"id": "id"}))


@pytest.mark.parametrize(
    "content",
    ["a,b\n1," + "x" * 2000, 'a,b\n1,"' + "x\n" * 1000],
    ids=["line", "quotation mark not closed"],
)
def test_size_of_a_row_is_bounded(tmp_path: Path, content: str) -> None:
    with pytest.raises(ReleaseError, match=r"t\.csv, row \d+: .* more than 1,000 characters"):
        list(release(tmp_path, "t.csv", content, line=1000).table("t.csv", None))


def test_field_limit_of_the_csv_module_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="more than 131,072 characters"):
        list(release(tmp_path, "t.csv", "a\n" + "x" * 200_000).table("t.csv", None))


def test_gz_cut_short_is_an_error_not_the_end(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{i},{i * 7919}\n" for i in range(5000))
    demo = release(tmp_path, "t.csv.gz", gzip.compress(text.encode())[:-2000])
    with pytest.raises(ReleaseError, match=r"t\.csv\.gz: .*cut short; download it again"):
        list(demo.table("t.csv.gz", {"a": "a"}))


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\r\n,'), max_size=3)


@settings(max_examples=40)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=40), st.sampled_from([0, 1]))
def test_grouped_equals_sorting_in_memory(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str, str]], memory_mb: int
) -> None:
    folder = tmp_path_factory.mktemp("t")
    text = "a,b,c\n" + "".join(f'"{a}","{b}","{c}"\n' for a, b, c in cells)
    demo = release(folder, "t.csv", text)
    rows = list(demo.table("t.csv", None))
    assert len(rows) == len(cells)

    def key(row: dict[str, str]) -> tuple[str, ...]:
        return row["b"], row["a"]

    naive = [(k, list(group)) for k, group in groupby(sorted(rows, key=key), key)]
    found = list(demo.grouped("t.csv", None, by=("b", "a"), memory_mb=memory_mb))
    assert found == naive
    lines = [[row.line for row in group] for _, group in found]
    assert lines == [[row.line for row in group] for _, group in naive]


def test_grouped_by_a_part_of_a_cell(tmp_path: Path) -> None:
    """Study 10 comes after study 9, and a row without the part is left out."""
    text = "path\ntrain/p1/study10/a.jpg\nother/p1/study9/a.jpg\nnone\ntrain/p1/study10/b.jpg\n"
    demo = release(tmp_path, "t.csv", text)

    def derive(row: dict[str, str]) -> dict[str, str] | None:
        _, _, number = row["path"].partition("study")
        return {"study": number.partition("/")[0].zfill(4)} if number else None

    groups = demo.grouped("t.csv", {"path": "path"}, by="study", derive=derive)
    assert [(key, [row.line for row in rows]) for key, rows in groups] == [
        (("0009",), [3]),
        (("0010",), [2, 5]),
    ]


def test_grouped_holds_no_more_than_its_memory(tmp_path: Path) -> None:
    n, keys, filler = 12_000, 500, "x" * 2000  # 24 MB
    text = "study,n,text\n" + "".join(f"s{i * 7919 % keys:03d},{i},{filler}\n" for i in range(n))
    demo = release(tmp_path, "t.csv", text)
    del text
    found: list[str] = []
    tracemalloc.start()
    try:
        for (key,), rows in demo.grouped("t.csv", None, by="study", memory_mb=4):
            found.append(key)
            assert len(rows) == n // keys
            assert [int(row["n"]) for row in rows] == [row.line - 2 for row in rows]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [f"s{i:03d}" for i in range(keys)]
    assert peak < 8 << 20


def test_grouped_leaves_no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    demo = release(tmp_path, "t.csv", "a,b\n1,2\n2,3\n")
    groups = demo.grouped("t.csv", None, by="a", memory_mb=0)
    next(groups)
    assert all(path.stat().st_mode & 0o077 == 0 for path in spill.iterdir())
    groups.close()  # type: ignore[attr-defined]
    assert not list(spill.iterdir())


def test_lines_of_a_list(tmp_path: Path) -> None:
    demo = release(tmp_path, "l.txt", b"\xef\xbb\xbfa.png\r\n\r\n b.png \nx\t\n\xff\nlast")
    assert list(demo.lines("l.txt")) == [(1, "a.png"), (3, "b.png"), (4, "x\t"), (6, "last")]
    assert (demo.rejects[0].row, demo.rejects[0].reason) == (5, "undecodable")


class Item(msgspec.Struct):
    id: int


def test_json_whole(tmp_path: Path) -> None:
    demo = release(tmp_path, "a.json", b'\xef\xbb\xbf[{"id": 1, "text": "x"}]', json=1000)
    assert demo.json("a.json") == [{"id": 1, "text": "x"}]
    assert demo.json("a.json", list[Item]) == [Item(1)]
    for content, problem in (
        ('[{"id": "x"}]', r"Expected `int`, got `str` - at `\$\[0\]\.id`"),
        ('[{"id": 1},', "truncated"),
        ("[" + " " * 1000, "more than the 1,000 bytes"),
    ):
        demo = release(tmp_path, "a.json", content, json=1000)
        with pytest.raises(ReleaseError, match=rf"demo: a\.json: .*{problem}"):
            demo.json("a.json", list[Item])


def test_jsonl_rejects_bad_lines_and_needs_no_final_newline(tmp_path: Path) -> None:
    demo = release(tmp_path, "a.jsonl", '{"id": 1}\n\n{"id": \n{"id": "secret"}\n{"id": 2}')
    assert list(demo.jsonl("a.jsonl", Item)) == [(1, Item(1)), (5, Item(2))]
    assert [reject.row for reject in demo.rejects] == [3, 4]
    assert "secret" not in repr(demo.rejects)


class Texts(msgspec.Struct):
    """A column that is needed, and two that need not be there."""

    paths: list[str]
    text: str | None = None
    note: str = "none"


def packed(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, row_group_size=2)
    return buffer.getvalue()


def test_parquet_rows_are_of_the_type_and_other_columns_are_not_read(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"picture": b"x" * 1000, "text": "one", "paths": ["a", "b"]},
        {"picture": b"", "text": None, "paths": []},
        {"picture": b"", "text": "secret", "paths": None},
        {"picture": b"", "text": "four", "paths": ["c"]},
    ]
    demo = release(tmp_path, "a.parquet", packed(rows))
    assert list(demo.parquet("a.parquet", Texts)) == [
        (1, Texts(["a", "b"], "one")),
        (2, Texts([])),
        (4, Texts(["c"], "four")),
    ]
    assert [(reject.row, reject.reason) for reject in demo.rejects] == [(3, "bad_row")]
    assert "secret" not in repr(demo.rejects)


def test_parquet_in_a_zip_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.parquet", packed([{"paths": ["a"]}]))
    demo = Release.open(tmp_path, source="demo")
    assert list(demo.parquet("a.zip/a.parquet", Texts)) == [(1, Texts(["a"]))]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "damaged or cut short"),
        (b"version https://git-lfs.github.com/spec/v1\n", "damaged or cut short"),
        (packed([{"paths": ["a"] * 99}])[:-40], "damaged or cut short"),
        (packed([{"text": "a", "secret" * 9: "b"}]), r"no column 'paths'; its columns are: text, "),
        (packed([{"paths": ["a"] * 4_000_000}]), "grows over 200 times"),
    ],
    ids=["empty", "pointer", "cut", "column", "bomb"],
)
def test_parquet_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    demo = release(tmp_path, "a.parquet", content, ratio_from=1_000_000)
    with pytest.raises(ReleaseError, match=rf"demo: a\.parquet: .*{problem}") as caught:
        list(demo.parquet("a.parquet", Texts))
    assert "secret" not in str(caught.value)


def test_parquet_is_read_in_pieces(tmp_path: Path) -> None:
    table = pa.table({"paths": [[f"{n}" * 200] for n in range(40_000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    demo = Release.open(tmp_path, source="demo")
    before = pa.total_allocated_bytes()
    for number, _ in demo.parquet("a.parquet", Texts):
        if number % 5000 == 0:
            assert pa.total_allocated_bytes() - before < table.nbytes / 10
    assert number == 40_000


def test_text_in_the_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    demo = release(tmp_path, "a.txt", "\ufeff d\xe9j\xe0\r\n")
    assert demo.text("a.txt") == " d\xe9j\xe0\r\n"
    demo = release(tmp_path, "b.txt", b"abc\xe9")
    with pytest.raises(ReleaseError, match="not utf-8-sig text at byte 3"):
        demo.text("b.txt")
    assert demo.text("b.txt", encoding="latin-1") == "abc\xe9"
