"""Models: a server on loopback that fails in every way, functions, files, and baselines."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench_support import items

from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.models import (
    ModelDownError,
    ModelError,
    ModelOptions,
    ModelUnusableError,
    Picture,
    Question,
    load_model,
)
from chexinstruct.bench.models import baselines as b
from chexinstruct.bench.models.endpoint import Endpoint, is_loopback
from chexinstruct.errors import CallError

PNG = b"\x89PNG not a real one"
GOOD = {"choices": [{"message": {"content": "(B)"}, "finish_reason": "stop"}], "usage": None}
QUESTION = Question(
    id="q",
    task="t",
    source="s",
    form="choice",
    system="Be brief.",
    text="Which?",
    pictures=(Picture("p", PNG),),
    options=("left", "right"),
)
Behaviour = Callable[[BaseHTTPRequestHandler, int], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def good(handler: BaseHTTPRequestHandler, call: int) -> None:
    send(handler, 200, json.dumps(GOOD).encode())


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Base URL, and the requests that came."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {k.lower(): v for k, v in self.headers.items()}
            seen.append({"path": self.path, "body": json.loads(body), "headers": headers})
            with suppress(OSError):  # the client may have gone
                behave(self, len(seen))

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}/v1", seen
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def endpoint(url: str, **options: Any) -> Endpoint:
    return Endpoint("m", url, **({"backoff": 0.01, "timeout": 0.5, "attempts": 3} | options))


def test_a_question_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy must not see loopback calls
    monkeypatch.setenv("BENCH_KEY", "secret")
    with server(good) as (url, seen):
        model = endpoint(url, key_variable="BENCH_KEY", fields={"top_p": 1, "max_tokens": None})
        reply = model.answer(QUESTION)
    assert (reply.text, reply.finish) == ("(B)", "stop")
    (request,) = seen
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == "Bearer secret"
    body = request["body"]
    assert body.keys() == {"model", "temperature", "top_p", "messages"}
    system, user = body["messages"]
    assert system["content"] == "Be brief."
    picture, text = user["content"]
    assert text["text"] == "Which?"
    kind, _, data = picture["image_url"]["url"].partition(",")
    assert (kind, base64.b64decode(data)) == ("data:image/png;base64", PNG)
    assert "secret" not in json.dumps(dict(model.identity))


def test_failures_that_pass_are_waited_out() -> None:
    def behave(handler: BaseHTTPRequestHandler, call: int) -> None:
        if call == 1:
            send(handler, 503)
        elif call == 2:
            send(handler, 429, Retry_After="0.2")
        elif call == 3:
            time.sleep(0.6)  # longer than the time-out
        else:
            good(handler, call)

    with server(behave) as (url, seen):
        start = time.monotonic()
        assert endpoint(url, attempts=4).answer(QUESTION).text == "(B)"
        assert time.monotonic() - start > 0.7
    assert len(seen) == 4


def drip(handler: BaseHTTPRequestHandler, call: int) -> None:
    """Never silent for long, and never done."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("behave", "error", "told", "calls"),
    [
        (lambda h, _: send(h, 500), ModelDownError, "HTTP 500, 3 times", 3),
        (drip, ModelDownError, "no answer within 0.2 s, 2 times", 2),
        (lambda h, _: send(h, 401), ModelUnusableError, "key is not accepted", 1),
        (lambda h, _: send(h, 404), ModelUnusableError, "no such model", 1),
        (lambda h, _: send(h, 400), ModelError, "HTTP 400", 1),
        (lambda h, _: send(h, 200, b"<html>"), ModelError, "not JSON", 1),
        (lambda h, _: send(h, 200, b'{"choices": []}'), ModelError, "no message", 1),
        (lambda h, _: send(h, 307, Location="http://x.test/"), ModelError, "HTTP 307", 1),
    ],
)
def test_failures_that_stay(
    behave: Behaviour, error: type[Exception], told: str, calls: int
) -> None:
    options = {"timeout": 0.2, "attempts": 2} if behave is drip else {}
    with server(behave) as (url, seen), pytest.raises(error, match=told):
        endpoint(url, **options).answer(QUESTION)
    assert len(seen) == calls


def test_no_server_is_told() -> None:
    with server(good) as (url, _):
        pass
    with pytest.raises(ModelDownError, match="ConnectionRefusedError, 2 times"):
        endpoint(url, attempts=2).answer(QUESTION)


def test_only_greedy_answers_are_kept_for_later() -> None:
    assert endpoint("http://localhost/v1").repeatable
    assert not endpoint("http://localhost/v1", fields={"temperature": 0.7}).repeatable
    assert not endpoint("http://localhost/v1", fields={"temperature": None}).repeatable


def test_loopback_is_told_by_name_and_number_alone() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    hosts = ("api.example.org", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "")
    assert not any(map(is_loopback, hosts))
    assert endpoint("https://api.example.org/v1").remote == "api.example.org"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("gpt", {}, "question-prior"),
        ("endpoint:x", {}, "--endpoint"),
        ("endpoint:x", {"endpoint": "ftp://x"}, "write http"),
        ("endpoint:x", {"endpoint": "http://u:p@x/v1"}, "write http"),
        ("endpoint:x", {"endpoint": "http://x", "key_variable": "NO_SUCH_KEY"}, "holds no key"),
        ("callable:json", {}, "MODULE:FUNCTION"),
        ("callable:json:nothing", {}, "nothing"),
        ("callable:no/such.py:f", {}, "no/such.py"),
        ("answers:no/such.jsonl", {}, "No such file"),
    ],
)
def test_wrong_names_of_models(name: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(CallError, match=told):
        load_model(name, ModelOptions(**options))


def test_a_function_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def good(question):\n    return question.options[-1]\n"
        "def bad(question):\n    return 1 / 0\n"
        "def wrong(question):\n    return None\n"
    )
    assert load_model(f"callable:{file}:good").answer(QUESTION).text == "right"
    with pytest.raises(ModelDownError, match="ZeroDivisionError"):
        load_model(f"callable:{file}:bad").answer(QUESTION)
    with pytest.raises(ModelError, match="NoneType"):
        load_model(f"callable:{file}:wrong").answer(QUESTION)


def test_answers_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"id": "q", "answer": "(A)", "model": "x"}\n')
    model = load_model(f"answers:{file}")
    assert model.answer(QUESTION).text == "(A)"
    with pytest.raises(ModelError, match="no answer"):
        model.answer(replace(QUESTION, id="other"))
    file.write_text('{"id": "q", "answer": "(A)"}\n{"id": "q", "answer": "(B)"}\n')
    with pytest.raises(CallError, match="line 2: the id q"):
        load_model(f"answers:{file}")
    file.write_text('{"id": "q"}\n')
    with pytest.raises(CallError, match="line 1"):
        load_model(f"answers:{file}")


def choice(tmp_path: Path, *rows: tuple[str, tuple[str, ...], int]) -> list[BenchItem]:
    """Items of (question, options, answer)."""
    model = next(item for item in items(tmp_path) if item.form == "choice")
    return [
        msgspec.structs.replace(model, id=str(n), question=q, options=o, answer=a)
        for n, (q, o, a) in enumerate(rows)
    ]


def test_question_prior_leaves_the_item_itself_out(tmp_path: Path) -> None:
    yes_no, no_yes = ("yes", "no"), ("no", "yes")
    made = choice(
        tmp_path,
        ("effusion?", yes_no, 0),
        ("Effusion? ", no_yes, 1),  # yes again: letters do not matter, nor does case
        ("effusion?", yes_no, 1),  # no: the others say yes
        ("alone?", yes_no, 0),  # no other: a guess
        ("tie?", yes_no, 0),
        ("tie?", yes_no, 0),
        ("tie?", yes_no, 1),
        ("tie?", yes_no, 1),  # each sees 1 against 2
    )
    assert b.question_prior(made) == [0.5, 0.5, 0, 0.5, 0, 0, 0, 0]
    assert b.question_prior(made[:2]) == [1, 1]


def test_other_baselines_are_exact(tmp_path: Path) -> None:
    made = choice(
        tmp_path,
        ("a", ("x", "long", "even longer"), 2),
        ("b", ("x", "long", "same"), 1),
        ("c", ("x", "y"), 0),
        ("d", ("x", "z"), 0),
    )
    assert b.random(made) == [1 / 3, 1 / 3, 0.5, 0.5]
    assert b.first_option(made) == [0, 0, 1, 1]
    assert b.majority(made) == [0, 0, 1, 1]
    assert b.longest_option(made) == [1, 0.5, 0.5, 0.5]
    assert b.shortest_option(made) == [0, 0, 0.5, 0.5]


def test_majority_of_unique_answers_is_no_leak(tmp_path: Path) -> None:
    made = choice(tmp_path, *((f"q{n}", (f"a{n}", f"b{n}"), 0) for n in range(50)))
    assert sum(b.majority(made)) / 50 == pytest.approx(0.51)
    assert sum(b.question_prior(made)) / 50 == 0.5


def test_text_of_somebody_else(tmp_path: Path) -> None:
    texts = [item for item in items(tmp_path) if item.form == "text"]
    others = b.other_references(texts, seed=1)
    clusters = {item.reference: item.cluster for item in texts}
    assert all(clusters[o] != item.cluster for o, item in zip(others, texts, strict=True))
    assert others != b.other_references(texts, seed=2)
    assert b.other_references(texts[:1], seed=1) == [""]
