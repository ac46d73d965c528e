"""A server that speaks as much of the Hub's HTTP API as huggingface_hub uses for data sets.

It keeps repositories in memory, as a git host does: commits of trees of blobs, large files apart.
Tests can look at every request that it got, make it fail, and change things behind a client's back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "Xq7" * 11
USER = "alice"
ORGANISATION = "hospital"
LARGE = 2_000
"""Bytes from which on a file is stored apart; Parquet always is."""


def git_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Commit -> path -> content."""
    head: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    """Paths that are stored apart."""

    def commit(self, files: dict[str, bytes]) -> str:
        seed = self.head + json.dumps({k: git_name(v) for k, v in sorted(files.items())})
        self.head = hashlib.sha1(f"{seed}{len(self.commits)}".encode()).hexdigest()
        self.commits[self.head] = files
        return self.head

    def resolve(self, revision: str) -> str | None:
        known = {"main": self.head, **self.tags}
        found = known.get(revision, revision)
        return found if found in self.commits else None

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.head]


@dataclass
class Request:
    method: str
    path: str
    body: bytes


class Hub:
    """What the server holds, and how it behaves."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        """Large files by SHA-256."""
        self.requests: list[Request] = []
        self.before: Callable[[Request], None] = lambda request: None
        """Called with every request before it is answered; raises :class:`Cut` to hang up."""
        self.url = ""
        self.lock = threading.Lock()

    def make(self, id: str, *, private: bool) -> Repo:
        repo = self.repos[id] = Repo(private)
        repo.commit({".gitattributes": b"*.parquet filter=lfs\n"})
        return repo

    def sent(self) -> list[Request]:
        """Requests that carried content, or that changed something."""
        return [r for r in self.requests if r.method != "GET" and "validate-yaml" not in r.path]


class Cut(Exception):
    """The server hangs up."""


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def _serve(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        request = Request(self.command, unquote(parts.path), body)
        self.query = parse_qs(parts.query)
        self.hub.requests.append(request)
        try:
            self.hub.before(request)
        except Cut:
            self.close_connection = True
            self.connection.close()
            return
        with self.hub.lock:
            self._answer(request)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline().strip(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, request: Request) -> None:
        path, body = request.path, request.body
        if path.startswith("/lfs/"):  # the address is the permission
            digest = path.removeprefix("/lfs/")
            if hashlib.sha256(body).hexdigest() != digest:
                return self._error(400)
            self.hub.blobs[digest] = body
            return self._json({})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._error(401)
        if path == "/api/whoami-v2":
            return self._json({"name": USER, "orgs": [{"name": ORGANISATION}], "type": "user"})
        if path == "/api/validate-yaml":
            return self._json({"warnings": [], "errors": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        for pattern, answer in (
            (r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?", self._info),
            (r"/api/datasets/([^/]+/[^/]+)/preupload/([^/]+)", self._preupload),
            (r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/(batch)", self._batch),
            (r"/api/datasets/([^/]+/[^/]+)/commit/([^/]+)", self._commit),
            (r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)", self._tree),
            (r"/api/datasets/([^/]+/[^/]+)/(refs)", self._refs),
            (r"/api/datasets/([^/]+/[^/]+)/tag/([^/]+)", self._tag),
            (r"/datasets/([^/]+/[^/]+)/resolve/([^/]+/.+)", self._resolve),
        ):
            found = re.fullmatch(pattern, path)
            if found:
                repo = self.hub.repos.get(found[1])
                if repo is None:
                    return self._error(404, {"X-Error-Code": "RepoNotFound"})
                return answer(repo, found[1], found[2] or "main", body)
        return self._error(404)

    def _create(self, asked: dict[str, Any]) -> None:
        id = f"{asked.get('organization') or USER}/{asked['name']}"
        if id in self.hub.repos:
            return self._error(409)
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.make(id, private=bool(private))
        self._json({"url": f"{self.hub.url}/datasets/{id}", "name": id})

    def _info(self, repo: Repo, id: str, revision: str, body: bytes) -> None:
        commit = repo.resolve(revision)
        if commit is None:
            return self._error(404, {"X-Error-Code": "RevisionNotFound"})
        self._json({"id": id, "sha": commit, "private": repo.private, "tags": [], "downloads": 0})

    def _preupload(self, repo: Repo, id: str, revision: str, body: bytes) -> None:
        answers = []
        for file in json.loads(body)["files"]:
            path = file["path"]
            is_large = path.endswith(".parquet") or file["size"] >= LARGE
            there = repo.files.get(path)
            oid = None
            if there is not None:
                is_apart = path in repo.large
                oid = hashlib.sha256(there).hexdigest() if is_apart else git_name(there)
            answers.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if is_large else "regular",
                    "shouldIgnore": False,
                    "oid": oid,
                }
            )
        self._json({"files": answers})

    def _batch(self, repo: Repo, id: str, _: str, body: bytes) -> None:
        objects = []
        for item in json.loads(body)["objects"]:
            answer: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.hub.blobs:
                href = f"{self.hub.url}/lfs/{item['oid']}?X-Amz-Signature=verysecret"
                answer["actions"] = {"upload": {"href": href}}
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: Repo, id: str, revision: str, body: bytes) -> None:
        files = dict(repo.files)
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                repo.large.discard(value["path"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.hub.blobs:
                    return self._error(400)
                files[value["path"]] = self.hub.blobs[value["oid"]]
                repo.large.add(value["path"])
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        commit = repo.commit(files)
        self._json(
            {
                "success": True,
                "commitOid": commit,
                "commitUrl": f"{self.hub.url}/datasets/{id}/commit/{commit}",
            }
        )

    def _tree(self, repo: Repo, id: str, revision: str, body: bytes) -> None:
        commit = repo.resolve(revision)
        if commit is None:
            return self._error(404, {"X-Error-Code": "RevisionNotFound"})
        items = []
        for path, content in sorted(repo.commits[commit].items()):
            item: dict[str, Any] = {
                "type": "file",
                "path": path,
                "size": len(content),
                "oid": git_name(content),
            }
            if path in repo.large:
                digest = hashlib.sha256(content).hexdigest()
                item["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
            items.append(item)
        self._json(items)

    def _refs(self, repo: Repo, id: str, _: str, body: bytes) -> None:
        self._json(
            {
                "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}],
                "converts": [],
                "tags": [
                    {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
                    for tag, commit in repo.tags.items()
                ],
            }
        )

    def _tag(self, repo: Repo, id: str, revision: str, body: bytes) -> None:
        tag, commit = json.loads(body)["tag"], repo.resolve(revision)
        if tag in repo.tags:
            return self._error(409)
        if commit is None:
            return self._error(404, {"X-Error-Code": "RevisionNotFound"})
        repo.tags[tag] = commit
        self._json({})

    def _resolve(self, repo: Repo, id: str, rest: str, body: bytes) -> None:
        revision, _, path = rest.partition("/")
        commit = repo.resolve(revision)
        content = repo.commits[commit].get(path) if commit else None
        if content is None:
            return self._error(404, {"X-Error-Code": "EntryNotFound"})
        self._reply(200, content, {"ETag": f'"{git_name(content)}"', "X-Repo-Commit": str(commit)})

    def _json(self, value: Any) -> None:
        self._reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, code: int, headers: dict[str, str] | None = None) -> None:
        self._reply(code, b"{}", {"Content-Type": "application/json", **(headers or {})})

    def _reply(self, code: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
