"""The page's server: on the loopback interface alone, for who has the secret of its address.

Other users of the machine reach the same interface, and pages of the internet can make a browser
ask it. So the address holds a token that cannot be guessed, the name that the browser asked for
must be one of this machine, nothing is answered but GET, and no other site may read or frame an
answer.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

import msgspec

from chexinstruct.corpus import open_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.view.api import Answer, Api, Missing

HOST = "127.0.0.1"
_OURS = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
"""Names of this machine; the port may be that of a tunnel."""

PAGES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
    **{
        name: (name, "text/javascript; charset=utf-8")
        for name in ("dom.js", "example.js", "accounts.js", "app.js")
    },
}

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

IDLE = 60
"""Seconds after which a silent connection is closed."""


class Viewer:
    """A page about a corpus, served while the context lasts."""

    def __init__(self, api: Api, port: int) -> None:
        self._api = api
        self._token = secrets.token_urlsafe(24)
        self._ticket: str | None = secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        try:
            self._server = _Server((HOST, port), self)
        except (OSError, OverflowError) as error:
            api.close()
            why = getattr(error, "strerror", None) or "no such port"
            raise CallError(f"cannot listen on port {port}: {why}; choose another") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page; who knows it can read the corpus."""
        return f"http://{HOST}:{self.port}/{self._token}/"

    @property
    def ticket(self) -> str:
        """An address that leads to the page once.

        For the command line of a browser, which other users of the machine can see.
        """
        return f"http://{HOST}:{self.port}/open/{self._ticket}"

    def wait(self) -> None:
        """Serve until an interrupt (Ctrl-C), which is how a user ends it."""
        with suppress(KeyboardInterrupt):
            self._thread.join()

    def __enter__(self) -> Viewer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._api.close()

    def redeemed(self, ticket: str) -> bool:
        """Whether this is the ticket; it is so once."""
        with self._lock:
            good = self._ticket is not None and _same(ticket, self._ticket)
            if good:
                self._ticket = None
            return good

    def answer(self, target: str) -> Answer | str:
        """What a request is answered with; a text is the address to go to.

        Raises:
            Missing: there is nothing for this target, or not for who asks.
            CallError: the query is wrong.
            ChexinstructError: a file of the corpus cannot be read.
        """
        parts = urlsplit(target)
        first, _, rest = parts.path.removeprefix("/").partition("/")
        if first == "open" and self.redeemed(rest):
            return f"/{self._token}/"
        if not _same(first, self._token):
            raise Missing(
                "open the address that `chexinstruct view` printed; it holds a key to this page"
            )
        if rest in PAGES:
            name, kind = PAGES[rest]
            return Answer(page_file(name), kind)
        try:
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=500)
        except ValueError:
            raise CallError("too many choices") from None
        return self._api.answer(rest, query)


def open_viewer(path: str | Path, *, port: int = 0) -> Viewer:
    """A page about a corpus, to be served on this machine within a ``with`` block.

    Args:
        path: the corpus.
        port: to listen on; 0: any free one.

    Raises:
        CallError: the port is not to be had.
        ChexinstructError: there is no corpus.
    """
    return Viewer(Api(open_corpus(path)), port)


def page_file(name: str) -> bytes:
    """A file of the page, as it ships."""
    return files("chexinstruct.view").joinpath("page", name).read_bytes()


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False

    def __init__(self, address: tuple[str, int], viewer: Viewer) -> None:
        self.viewer = viewer
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is none of the user's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "chexinstruct"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True  # it would hold answers back by some 40 ms
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer a request."""
        if not _OURS.fullmatch(self.headers.get("Host", "")):
            self._fail(HTTPStatus.FORBIDDEN, "this page is only for this machine")
            return
        try:
            answer = self.server.viewer.answer(self.path)
        except Missing as error:
            self._fail(HTTPStatus.NOT_FOUND, str(error))
        except CallError as error:
            self._fail(HTTPStatus.BAD_REQUEST, str(error))
        except ChexinstructError as error:
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except Exception as error:  # a fault of ours; its words may quote the corpus
            told = f"a fault of the program ({type(error).__name__}); please report it"
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, told)
        else:
            if isinstance(answer, str):
                self._send(HTTPStatus.FOUND, Answer(b"", "text/plain"), location=answer)
            else:
                self._send(HTTPStatus.OK, answer)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Also for other methods and malformed requests: with the headers of all answers."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:  # what the library says to an unknown method
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self.close_connection = True
        self._fail(status, status.phrase)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: addresses hold the token, and searches may hold words of reports."""

    def _fail(self, status: HTTPStatus, told: str) -> None:
        self._send(status, Answer(msgspec.json.encode({"error": told}), "application/json"))

    def _send(self, status: HTTPStatus, answer: Answer, *, location: str | None = None) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        if location:
            self.send_header("Location", location)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
