"""The viewer over HTTP: who is let in, which rows are found, and which pictures are shown."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from corpus_support import copy, rows_of
from hypothesis import given
from hypothesis import strategies as st
from view_support import DRAWING, IMAGE, LONG, SCRIPT, VQA, Asker, hostile, regroup

from chexinstruct.corpus import open_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.regions import format_boxes
from chexinstruct.schema import RegionRow
from chexinstruct.view import matches as matching
from chexinstruct.view import open_viewer
from chexinstruct.view.choice import FACETS
from chexinstruct.view.spans import pieces

Made = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="module")
def built(made_once: Made) -> Path:
    return made_once("hostile", hostile)


@pytest.fixture(scope="module")
def rows(built: Path) -> list[dict[str, Any]]:
    """All rows in the order of the corpus, with what a choice looks at."""
    held = {row["id"]: row for row in rows_of(built / "corpus")}
    found = []
    for file in open_corpus(built / "corpus").files:
        for batch in open_corpus(built / "corpus").rows(["id"], tasks=[file.task]):
            found += [held.pop(id) for id in batch["id"].to_pylist() if id in held]
    return found


@pytest.fixture(scope="module")
def asker(built: Path) -> Iterator[Asker]:
    with open_viewer(built / "corpus") as viewer:
        yield Asker(viewer.url)


# Who is let in


@pytest.mark.parametrize(
    "target", ["/", "/api/rows", "/wrong/api/rows", "/%2e%2e/", "//", "/open/", "/open/None"]
)
def test_without_the_key_nothing_is_told(target: str, asker: Asker) -> None:
    response, body = asker.send(target)
    assert response.status == 404
    assert json.loads(body).keys() == {"error"} and b"small" not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "evil:80@localhost"]
)
def test_a_name_that_is_not_of_this_machine_is_turned_away(host: str, asker: Asker) -> None:
    response, body = asker.send(f"{asker.base}api/about", headers={"Host": host})
    assert response.status == 403 and b"small" not in body


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_a_tunnel_may_have_another_port(host: str, asker: Asker) -> None:
    assert asker.send(f"{asker.base}api/about", headers={"Host": host})[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_nothing_is_answered_but_get(method: str, asker: Asker) -> None:
    response, _ = asker.send(f"{asker.base}api/about", method=method)
    assert (response.status, response.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "path", ["", "style.css", "api/rows", "api/row?number=0", "thumb/0/0/0", "nowhere", "../.."]
)
def test_every_answer_is_kept_from_caches_frames_and_other_sites(path: str, asker: Asker) -> None:
    headers = asker.send(asker.base + path)[0].headers
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_address_for_the_command_line_of_a_browser_leads_in_once(built: Path) -> None:
    with open_viewer(built / "corpus") as viewer:
        ticket = viewer.ticket.partition(f":{viewer.port}")[2]
        first, _ = Asker(viewer.url).send(ticket)
        assert first.status == 302 and viewer.url.endswith(first.headers["Location"])
        assert Asker(viewer.url).send(ticket)[0].status == 404


def test_only_the_files_of_the_page_are_served(asker: Asker) -> None:
    for path in ("../server.py", "page/app.js", "..%2fserver.py", "sample.html", "/etc/passwd"):
        assert asker.get(path)[0] == 404
    page = asker.get("")[1].decode()
    for name in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert asker.get(name)[0] == 200


def test_a_port_that_is_taken_is_told(built: Path) -> None:
    with open_viewer(built / "corpus") as viewer, pytest.raises(CallError, match="choose another"):
        open_viewer(built / "corpus", port=viewer.port)


def test_the_command_writes_nothing_and_ends_with_an_interrupt(built: Path, tmp_path: Path) -> None:
    corpus = built / "corpus"
    before = {p: p.stat().st_mtime_ns for p in corpus.rglob("*")}
    for name in ("home", "temporary", "here"):
        (tmp_path / name).mkdir()
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", "from chexinstruct.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "view", str(corpus), "--no-browser"],
        cwd=tmp_path / "here",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    asker = Asker(process.stdout.readline().split()[1])
    assert asker.every(text="the")
    assert asker.json("facets") and asker.get("thumb/0/0/0")[0] == 200
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (0, "")  # no log: addresses and searches are private
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert {p: p.stat().st_mtime_ns for p in corpus.rglob("*")} == before


# Which rows are found


def test_pages_give_every_row_once_in_order(asker: Asker, rows: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in asker.every()] == [row["id"] for row in rows]
    assert asker.json("about")["rows"] == len(rows)
    assert asker.json("rows", start=10**6)["rows"] == []


def values(row: dict[str, Any], facet: str) -> set[str]:
    if facet == "view":
        return {view or "" for view in row["metadata"]["views"]}
    return {(row["metadata"] if facet == "finding" else row)[facet] or ""}


def brute(rows: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [
        row for row in rows if all(values(row, name) & set(held) for name, held in query.items())
    ]


QUERIES: list[dict[str, list[str]]] = [
    {"task": ["phrase_grounding", "natural_language_inference"]},
    {"source": ["slake"], "split": ["test", "validation"]},
    {"view": ["PA"], "source": ["nih_chestxray14"]},
    {"view": [""]},
    {"finding": ["mass", ""], "split": ["train"]},
    {"finding": [SCRIPT]},
    {"license": ["credentialed"], "language": ["en"]},
    {"language": ["tlh"]},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_filters_find_what_a_look_at_every_row_finds(
    query: dict[str, list[str]], asker: Asker, rows: list[dict[str, Any]]
) -> None:
    expected = brute(rows, query)
    assert [row["id"] for row in asker.every(**query)] == [row["id"] for row in expected]
    if query != {"language": ["tlh"]}:
        assert expected


@pytest.mark.parametrize("query", [{}, *QUERIES], ids=str)
def test_counts_of_a_facet_are_those_under_all_other_facets(
    query: dict[str, list[str]], asker: Asker, rows: list[dict[str, Any]]
) -> None:
    found = asker.json("facets", **query)
    for facet in FACETS:
        others = brute(rows, {name: held for name, held in query.items() if name != facet})
        counted = Counter(value for row in others for value in values(row, facet))
        assert found[facet] == counted


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("RADIOGRAPH", ["radiograph"]),
        ("this  image", ["this", "image"]),
        ('"this image"', ["this image"]),
        ("100%", ["100%"]),  # no patterns
        ("o_space", ["o_space"]),
        ("' OR 1=1 --", ["'", "or", "1=1", "--"]),
        ("طبيعية", ["طبيعية"]),
        ('"', ['"']),
        ("</SCRIPT>", ["</script>"]),
    ],
)
def test_search_finds_all_words_in_question_or_answer(
    text: str, terms: list[str], asker: Asker, rows: list[dict[str, Any]]
) -> None:
    expected = [
        row["id"]
        for row in rows
        if all(t in row["instruction"].lower() or t in row["response"].lower() for t in terms)
    ]
    assert [row["id"] for row in asker.every(text=text)] == expected
    assert bool(expected) == ("1=1" not in text)


def test_an_id_or_its_beginning_finds_its_rows(asker: Asker, rows: list[dict[str, Any]]) -> None:
    id = rows[-1]["id"]
    assert next(row["id"] for row in asker.every(text=f" {id} ")) == id
    study = "/".join(id.split("/")[:3])
    expected = [row["id"] for row in rows if row["id"].startswith(study)]
    assert [row["id"] for row in asker.every(text=study)] == expected
    assert asker.every(text=id, source="slake") == []


def test_first_rows_come_before_a_search_ends(
    built: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone over file by file, with few enough rows a query, the result is the same."""
    monkeypatch.setattr(matching, "FIRST", 1)
    monkeypatch.setattr(matching, "LAST", 1)
    expected = [row["id"] for row in brute(rows, {"language": ["en"]})]
    with open_viewer(built / "corpus") as viewer:
        asker = Asker(viewer.url)
        for start in (len(expected) - 3, 0, 20):
            page = asker.json("row", language="en", number=start)
            assert page["detail"]["row"]["id"] == expected[start]
        assert [row["id"] for row in asker.every(language="en")] == expected


def test_many_may_ask_at_once(asker: Asker) -> None:
    paths = ["facets", "rows?text=the", "rows?language=en", "row?number=3", "row?view=PA"] * 20
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda path: asker.send(f"{asker.base}api/{path}"), paths))
    assert [response.status for response, _ in answers] == [200] * len(paths)
    told = {path: body for path, (_, body) in zip(paths[:5], answers, strict=False)}
    assert [body for _, body in answers] == [told[path] for path in paths]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("api/rows?start=-1", 400),
        ("api/rows?start=1e9", 400),
        ("api/rows?start=%D9%A3", 400),
        ("api/rows?text=" + "x" * 201, 400),
        ("api/rows?" + "task=a&" * 600, 400),
        ("api/row?number=100000", 404),
        ("api/row?task=nonsense", 404),
        ("picture/0/0", 404),
        ("picture/-1/0/0", 404),
        ("picture/0/0/-1", 404),
        ("picture/0/0/7", 404),
        ("picture/999/0/0", 404),
        ("api/nonsense", 404),
    ],
)
def test_a_wrong_question_is_told(path: str, status: int, asker: Asker) -> None:
    response, body = asker.send(asker.base + path)
    assert response.status == status and json.loads(body)["error"]


# What is shown of a row


def one(asker: Asker, id: str) -> dict[str, Any]:
    found: dict[str, Any] = asker.json("row", text=id)
    assert found["detail"]["row"]["id"] == id
    return found


def test_a_row_is_told_whole(asker: Asker, rows: list[dict[str, Any]]) -> None:
    for row in rows[::9]:
        told = one(asker, row["id"])["detail"]
        for name in ("instruction", "response"):
            assert "".join(piece["text"] for piece in told[name]) == row[name]
        assert told["row"]["origin"] == row["origin"] and told["split"] == row["split"]
        assert told["row"]["regions"] == row["regions"]
        assert [(o["label"], o["text"]) for o in told["options"]] == [
            (o["label"], o["text"]) for o in row["options"]
        ]


def test_right_options_are_marked(asker: Asker, rows: list[dict[str, Any]]) -> None:
    asked = [row for row in rows if row["options"]]
    planted = next(row for row in asked if row["origin"] == IMAGE)
    right = {o["text"]: o["right"] for o in one(asker, planted["id"])["detail"]["options"]}
    assert right == {IMAGE: False, "50% < |of": True}
    for row in asked[5::20]:
        marked = [o["text"] for o in one(asker, row["id"])["detail"]["options"] if o["right"]]
        assert sorted(marked) == sorted(row["answers"])


def test_boxes_in_texts_are_tied_to_their_regions(asker: Asker, rows: list[dict[str, Any]]) -> None:
    planted, *others = [row for row in rows if row["task"] == "phrase_grounding"]
    for row in others:
        boxes = [p for p in one(asker, row["id"])["detail"]["response"] if p.get("box")]
        tied = [number for box in boxes for number in box["regions"]]
        answers = [n for n, region in enumerate(row["regions"]) if region["role"] == "answer"]
        assert sorted(tied) == answers and answers
    *_, last = (p for p in one(asker, planted["id"])["detail"]["response"] if p.get("box"))
    assert last == {"text": "<|box|>(1,2),(3,4)<|/box|>", "box": True}  # no region has it


BOX = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)
AROUND = st.sampled_from(["", "<|ref|>", "a <|box|>(1,2)", "[1, 2]", "😀 é"])


def region(box: tuple[float, float, float, float]) -> RegionRow:
    x1, y1, x2, y2 = box
    return RegionRow(
        image=0, role="answer", label=None, phrase=None, x1=x1, y1=y1, x2=x2, y2=y2, rings=()
    )


@given(
    boxes=st.lists(BOX, max_size=4),
    texts=st.lists(AROUND, min_size=5),
    dialect=st.sampled_from(["chexagent2", "unit", "qwen"]),
)
def test_pieces_are_the_text_and_find_every_box(
    boxes: list[tuple[float, float, float, float]], texts: list[str], dialect: str
) -> None:
    regions = list(map(region, boxes))
    text = "".join(
        texts[number] + format_boxes([box], dialect, "mass") for number, box in enumerate(boxes)
    )
    cut = pieces(text + texts[-1], regions, dialect)
    assert "".join(piece.text for piece in cut) == text + texts[-1]
    found = [piece for piece in cut if piece.box]
    assert [number in piece.regions for number, piece in enumerate(found)] == [True] * len(boxes)


@pytest.mark.parametrize("mode", ["corpus", "store"])
def test_pictures_are_those_of_the_row(mode: str, built: Path, tmp_path: Path) -> None:
    embedded = {row["id"]: row["images"] for row in rows_of(built / "embed", ["id", "images"])}
    corpus = copy(built / mode, tmp_path / "corpus")
    if mode == "corpus":
        regroup(corpus, VQA, 5)
    with open_viewer(corpus) as viewer:
        asker = Asker(viewer.url)
        shown = [row for row in asker.every() if row["pictures"]]
        assert {row["source"] for row in shown} == {"slake", "nih_chestxray14", "ms_cxr"}
        for row in shown:
            for number, picture in enumerate(embedded[row["id"]]):
                status, body = asker.get(f"picture/{row['file']}/{row['row']}/{number}")
                assert (status, body) == (200, picture["bytes"])
        status, body = asker.get(f"thumb/{shown[0]['file']}/{shown[0]['row']}/0")
        assert status == 200 and body.startswith(b"\xff\xd8\xff")


def test_a_corpus_without_pictures_says_so(built: Path) -> None:
    with open_viewer(built / "none") as viewer:
        asker = Asker(viewer.url)
        assert asker.json("about")["images"] == "none"
        assert max(row["pictures"] for row in asker.every()) == 1
        assert asker.get("picture/0/0/0")[0] == 404


def test_lists_hold_the_beginning_of_long_texts(asker: Asker) -> None:
    (row,) = asker.every(text="no_space_")
    assert LONG.startswith(row["response"]) and len(row["response"]) < 500


def test_a_damaged_file_is_told_without_its_texts(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "corpus", tmp_path / "corpus")
    (corpus / VQA).write_bytes(b"PAR1 secret report text")
    with open_viewer(corpus) as viewer:
        asker = Asker(viewer.url)
        for path in ("api/rows?source=slake", "api/rows?text=the", "api/facets"):
            response, body = asker.send(asker.base + path)
            assert response.status == 500 and b"chexinstruct verify" in body
            assert b"secret" not in body
        assert asker.every(source="radnli")


def test_rows_that_the_lock_promises_and_the_file_lacks_are_told(
    built: Path, tmp_path: Path
) -> None:
    corpus = copy(built / "corpus", tmp_path / "corpus")
    shutil.copy(corpus / VQA.replace("train", "test"), corpus / VQA)
    with open_viewer(corpus) as viewer:
        _, body = Asker(viewer.url).get("api/rows", task="close_ended_vqa", count=200)
    assert b"fewer rows than the lock says" in body


def test_a_folder_that_is_no_corpus_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match="no corpus at"):
        open_viewer(tmp_path)


# What became of the rest


def test_the_funnel_is_that_of_the_lock(asker: Asker, built: Path) -> None:
    found = asker.json("funnel")
    lock = json.loads((built / "corpus" / "chexinstruct.lock.json").read_bytes())
    for name in ("sources", "ledger", "shared", "links", "skipped_sources"):
        assert found[name] == lock[name]


def test_rejects_are_counted_and_listed_by_reason(asker: Asker) -> None:
    found = asker.json("rejects")
    counts = {(c["source"], c["reason"], c["expected"]): c["count"] for c in found["counts"]}
    assert counts["slake", "bad_row", False] == 151 and counts["slake", "gone", True] == 1
    assert found["found"] == sum(counts.values())
    chosen = asker.json("rejects", source="slake", reason="bad_row", start=100)
    assert (chosen["found"], len(chosen["items"])) == (151, 51)
    assert {item["detail"] for item in chosen["items"]} == {SCRIPT}


def test_a_corpus_without_lists_of_rejects_has_none(built: Path, tmp_path: Path) -> None:
    corpus = copy(built / "corpus", tmp_path / "corpus")
    shutil.rmtree(corpus / "rejects")
    with open_viewer(corpus) as viewer:
        assert Asker(viewer.url).json("rejects")["found"] == 0


def test_views_and_findings_of_hostile_names_are_facets(asker: Asker) -> None:
    found = asker.json("facets")
    assert found["finding"][SCRIPT] == 1 and found["view"][DRAWING] == 1
