"""An S3 server on loopback that fails on request and counts what it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
SLOW_DOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""
INTERNAL = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"""


class S3:
    """The server; moto keeps the buckets in memory of this process."""

    def __init__(self) -> None:
        self._moto: Application = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and range of each request."""
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.fail_every = 0
        """Every n-th request on an object fails; 0: none."""
        self.failed = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> S3:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def forget(self) -> None:
        """Count from zero."""
        self.requests.clear()
        self.sent = self.failed = 0

    def asked(self, method: str, part: str) -> list[tuple[str, str, str]]:
        """The requests of a method whose path has that part."""
        return [one for one in self.requests if one[0] == method and part in one[1]]

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self._lock:
            self.requests.append((method, path, environ.get("HTTP_RANGE", "")))
            number = len(self.requests)
            fails = self.fail_every and number % self.fail_every == 0
            self.failed += bool(fails)
        if fails:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            slow = number % (2 * self.fail_every) == 0
            body = SLOW_DOWN if slow else INTERNAL
            status = "503 Slow Down" if slow else "500 Internal Server Error"
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start(status, headers)
            return [b"" if method == "HEAD" else body]
        chunks: Any = self._moto(environ, start)
        body = b"".join(chunks)
        with self._lock:
            self.sent += len(body)
        return [body]
