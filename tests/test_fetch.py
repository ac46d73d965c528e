"""Downloads from a real server on loopback that misbehaves as servers do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from build_support import source
from typer.testing import CliRunner

from chexinstruct.cli import app
from chexinstruct.errors import CallError
from chexinstruct.fetch import AGENT, TRIES, FetchError, fetch
from chexinstruct.source import Source

CONTENT = bytes(range(256)) * 20_000
"""5 MB, so that it comes in several blocks."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@dataclass
class Server:
    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off."""
    says: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers that carry no content."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and headers of each request."""
    sent: int = 0
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append((handler.path, dict(handler.headers)))
        if self.says:
            code, headers = self.says.pop(0)
            handler.send_response(code)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = 0
        told = handler.headers.get("Range")
        same = handler.headers.get("If-Range") in (None, self.etag)
        if told and self.ranges and same:
            start = int(told.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.content):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(self.content)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            last = len(self.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        else:
            handler.send_response(200)
        if self.etag:
            handler.send_header("ETag", self.etag)
        body = self.content[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        part = body[: self.cuts.pop(0)] if self.cuts else body
        handler.wfile.write(part)
        self.sent += len(part)
        handler.close_connection = len(part) < len(body) or handler.close_connection


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def release(server: Server, **content: Any) -> Source:
    item = {"url": f"{server.url}/tables/train.csv", "file": "tables/train.csv", "what": "rows"}
    return source("a", downloads=({**item, **content},))


@pytest.fixture
def waits() -> list[float]:
    return []


Get = Callable[[Source], Path]


@pytest.fixture
def get(tmp_path: Path, waits: list[float]) -> Get:
    def run(wanted: Source) -> Path:
        (found,) = fetch(wanted, tmp_path, sleep=waits.append)
        return tmp_path / "a" / found.file

    return run


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_download_is_whole_and_leaves_nothing_else(server: Server, tmp_path: Path) -> None:
    (found,) = fetch(release(server, sha256=SHA256, md5=MD5, size=len(CONTENT)), tmp_path)
    assert (found.state, found.checked, found.size) == ("downloaded", True, len(CONTENT))
    assert (tmp_path / "a/tables/train.csv").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["train.csv"]
    ((_, headers),) = server.asked
    assert headers["User-Agent"] == AGENT and AGENT.startswith("chexinstruct/")


def test_cut_connections_go_on_where_they_broke(
    server: Server, get: Get, waits: list[float]
) -> None:
    server.cuts = [2_000_000, 1_500_000]
    assert get(release(server, sha256=SHA256)).read_bytes() == CONTENT
    ranges = [headers.get("Range") for _, headers in server.asked]
    assert ranges[0] is None and all(str(told).startswith("bytes=") for told in ranges[1:])
    # Nothing comes twice but the ends of blocks that were not written yet.
    assert len(waits) == 2 and server.sent <= len(CONTENT) + 2 * (1 << 20)


def test_killed_download_is_resumed_by_the_next_call(server: Server, get: Get) -> None:
    server.cuts = [3_000_000] + [0] * (TRIES * 2)
    with pytest.raises(FetchError, match="run the same command again"):
        get(release(server))
    server.cuts, server.sent = [], 0
    assert get(release(server, sha256=SHA256)).read_bytes() == CONTENT
    assert server.sent < len(CONTENT)


def test_server_without_ranges_starts_anew(server: Server, get: Get) -> None:
    server.ranges, server.cuts = False, [2_000_000]
    assert get(release(server, sha256=SHA256)).read_bytes() == CONTENT


def test_file_that_changed_meanwhile_is_not_joined(server: Server, get: Get) -> None:
    server.cuts = [3_000_000] + [0] * (TRIES * 2)
    with pytest.raises(FetchError):
        get(release(server))
    server.cuts = []
    server.content, server.etag = CONTENT[::-1], '"two"'
    assert get(release(server)).read_bytes() == CONTENT[::-1]


def test_shorter_file_than_the_part_starts_anew(server: Server, tmp_path: Path, get: Get) -> None:
    (tmp_path / "a/tables").mkdir(parents=True)
    (tmp_path / "a/tables/train.csv.part").write_bytes(b"x" * (len(CONTENT) + 5))
    assert get(release(server)).read_bytes() == CONTENT


def test_whole_part_needs_no_bytes(server: Server, tmp_path: Path, get: Get) -> None:
    (tmp_path / "a/tables").mkdir(parents=True)
    (tmp_path / "a/tables/train.csv.part").write_bytes(CONTENT)
    assert get(release(server, sha256=SHA256)).read_bytes() == CONTENT
    assert server.sent == 0


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"md5": "0" * 32}, {"size": 7}])
def test_wrong_bytes_never_get_the_name(
    server: Server, tmp_path: Path, get: Get, wrong: dict[str, Any]
) -> None:
    with pytest.raises(FetchError, match=r"of the release|as released"):
        get(release(server, **wrong))
    assert leftovers(tmp_path) == []


def test_retry_after_is_honoured(server: Server, get: Get, waits: list[float]) -> None:
    server.says = [(429, {"Retry-After": "17"}), (503, {})]
    get(release(server))
    assert waits[0] == 17 and 0 < waits[1] <= 8


def test_absurd_retry_after_is_bounded_and_dates_are_read(
    server: Server, get: Get, waits: list[float]
) -> None:
    server.says = [
        (503, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}),
        (503, {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}),
        (503, {"Retry-After": "soon"}),
    ]
    get(release(server))
    assert waits[:2] == [600, 0] and 0 < waits[2] <= 10


def test_busy_server_is_given_up(server: Server, get: Get, waits: list[float]) -> None:
    server.says = [(503, {})] * 50
    with pytest.raises(FetchError, match="answers 503, 6 times in a row"):
        get(release(server))
    assert len(server.asked) == TRIES and len(waits) == TRIES - 1


def test_moved_address_is_told_at_once(server: Server, get: Get) -> None:
    server.says = [(404, {})]
    with pytest.raises(FetchError, match="answers 404; the address may have moved"):
        get(release(server))
    assert len(server.asked) == 1


def test_redirects_within_the_host_are_followed(server: Server, get: Get) -> None:
    server.says = [(302, {"Location": "/elsewhere/train.csv"})]
    assert get(release(server, sha256=SHA256)).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/tables/train.csv", "/elsewhere/train.csv"]


def test_redirect_to_another_host_needs_the_card(server: Server, get: Get) -> None:
    port = server.url.rpartition(":")[2]
    onward = (302, {"Location": f"http://localhost:{port}/mirror/train.csv"})
    server.says = [onward]
    with pytest.raises(FetchError, match="leads to localhost, which its card does not name"):
        get(release(server))
    assert len(server.asked) == 1
    server.says = [onward]
    assert get(release(server, redirects=("localhost",))).read_bytes() == CONTENT


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirect_to_another_protocol_is_refused(server: Server, get: Get, location: str) -> None:
    server.says = [(302, {"Location": location})]
    with pytest.raises(FetchError, match="not secure"):
        get(release(server))


def test_circle_of_redirects_ends(server: Server, get: Get) -> None:
    server.says = [(302, {"Location": "/tables/train.csv"})] * 50
    with pytest.raises(FetchError, match="circle"):
        get(release(server))


def test_finished_files_are_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    wanted = release(server, sha256=SHA256)
    fetch(wanted, tmp_path)
    (found,) = fetch(wanted, tmp_path)
    assert found.state == "was here" and len(server.asked) == 1


def test_differing_file_is_not_overwritten(server: Server, tmp_path: Path, get: Get) -> None:
    path = tmp_path / "a/tables/train.csv"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(FetchError, match="not overwritten"):
        get(release(server, sha256=SHA256))
    assert path.read_text() == "mine" and server.asked == []


def test_tables_only_leaves_pictures_out(server: Server, tmp_path: Path) -> None:
    table = {"url": f"{server.url}/t.csv", "file": "t.csv", "what": "rows"}
    pictures = {"url": f"{server.url}/p.zip", "file": "p.zip", "what": "p", "pictures": True}
    wanted = source("a", downloads=(table, pictures))
    assert [item.file for item in fetch(wanted, tmp_path, tables_only=True)] == ["t.csv"]
    assert leftovers(tmp_path) == ["t.csv"]
    with pytest.raises(CallError, match="no download without pictures"):
        fetch(source("a", downloads=(pictures,)), tmp_path, tables_only=True)


@pytest.mark.parametrize("file", ["../out.csv", "/etc/x", "a/../../x", "a\\b", "C:x"])
def test_card_cannot_write_outside_of_the_release(file: str) -> None:
    with pytest.raises(ValueError, match="file"):
        source("a", downloads=({"url": "https://example.org/x", "file": file, "what": ""},))


@pytest.mark.parametrize("key", ["mimic_cxr", "padchest", "object_cxr"])
def test_sources_without_addresses_are_refused_with_their_steps(key: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fetch", key, "--data-root", str(tmp_path)])
    assert isinstance(result.exception, CallError)
    told = str(result.exception)
    assert "How to get it: (1) " in told
    assert ("needs an account" in told) == (key != "object_cxr")
    assert list(tmp_path.iterdir()) == []


def test_unreachable_server_is_told(get: Get, waits: list[float]) -> None:
    with pytest.raises(FetchError, match="no connection"):
        get(release(Server(url="http://127.0.0.1:9")))
    assert len(waits) == TRIES - 1 and waits[-1] <= 2.0**TRIES
