"""Any server that speaks the chat completions protocol: vLLM, SGLang, llama.cpp, OpenAI and others.

Questions go to the host that the user named and to no other: redirects are refused, and a server on
this machine is never asked through a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from chexinstruct.bench.models.contract import (
    Model,
    ModelDownError,
    ModelError,
    ModelUnusableError,
    Question,
    Reply,
)
from chexinstruct.draw import Draw, key
from chexinstruct.errors import CallError

_UNUSABLE = {401: "the key is not accepted", 403: "access is denied", 404: "no such model or path"}
_LONGEST_WAIT = 120.0
_LARGEST_ANSWER = 16 << 20


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or number alone; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Endpoint(Model):
    """A model behind ``URL/chat/completions``.

    Args:
        name: of the model, as the server knows it.
        url: base, such as ``http://127.0.0.1:8000/v1``.
        key_variable: environment variable that holds the key; None: no key is sent.
        timeout: seconds for one whole call.
        attempts: calls of one question before it is given up, at least 1.
        backoff: seconds before the second call; they double, up to two minutes.
        workers: questions at once.
        fields: further fields of the request, over our own; None takes one out.

    Raises:
        CallError: the URL is none, or the variable is not set.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        key_variable: str | None = None,
        timeout: float = 120.0,
        attempts: int = 6,
        backoff: float = 1.0,
        workers: int = 4,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise CallError(f"--endpoint {url}: write http://HOST:PORT/v1 or https://HOST/v1")
        self._name, self._url = name, url.rstrip("/") + "/chat/completions"
        self._timeout, self._attempts, self._backoff = timeout, attempts, backoff
        self.workers = workers
        loopback = is_loopback(parts.hostname)
        self.remote = None if loopback else parts.hostname
        own = {"model": name, "temperature": 0, "max_tokens": 512}
        self._fields = {k: v for k, v in {**own, **(fields or {})}.items() if v is not None}
        self.repeatable = self._fields.get("temperature") == 0
        self.identity = {"kind": "endpoint", "name": name, "url": url, "fields": self._fields}
        self._headers = {"Content-Type": "application/json"}
        if key_variable is not None:
            if not (secret := os.environ.get(key_variable)):
                raise CallError(f"the environment variable {key_variable} holds no key")
            self._headers["Authorization"] = f"Bearer {secret}"
        proxies = [urllib.request.ProxyHandler({})] if loopback else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def answer(self, question: Question) -> Reply:
        """Ask, again after failures that may pass: time-outs, rate limits, errors of the server."""
        body = json.dumps({**self._fields, "messages": _messages(question)}).encode()
        jitter = Draw(key(self._name, question.id))
        problem = ""
        for attempt in range(self._attempts):
            wait = 0.0
            try:
                return _reply(self._post(body))
            except urllib.error.HTTPError as error:
                with error:
                    if error.code in _UNUSABLE:
                        raise ModelUnusableError(
                            f"{self._url}: HTTP {error.code}: {_UNUSABLE[error.code]}"
                        ) from None
                    if error.code < 500 and error.code not in (408, 425, 429):
                        raise ModelError(f"HTTP {error.code}") from None
                    problem, wait = f"HTTP {error.code}", _asked_wait(error.headers)
            except TimeoutError:
                problem = f"no answer within {self._timeout:g} s"
            except (OSError, HTTPException) as error:  # URLError is an OSError
                problem = f"no connection: {type(getattr(error, 'reason', error)).__name__}"
            if attempt + 1 < self._attempts:
                pause = self._backoff * 2**attempt * (1 + jitter.below(1000) / 1000)
                time.sleep(min(max(pause, wait), _LONGEST_WAIT))
        raise ModelDownError(f"{problem}, {self._attempts} times")

    def _post(self, body: bytes) -> Any:
        """The JSON of the answer; the time-out holds for the whole call, not for each packet."""
        end = time.monotonic() + self._timeout
        request = urllib.request.Request(self._url, body, self._headers)
        response: HTTPResponse
        with self._opener.open(request, timeout=self._timeout) as response:
            read = bytearray()
            while part := response.read1(1 << 16):
                read += part
                if time.monotonic() > end:
                    raise TimeoutError
                if len(read) > _LARGEST_ANSWER:
                    raise ModelError("the answer is too long to be one")
        try:
            return json.loads(read)
        except ValueError:
            raise ModelError("the server's answer is not JSON") from None


def _asked_wait(headers: Any) -> float:
    """Seconds that the server asks to wait."""
    try:
        return max(0.0, float(headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0  # a date: the doubling waits do


def _messages(question: Question) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    for picture in question.pictures:
        data = base64.b64encode(picture.data).decode()
        url = f"data:{picture.media_type};base64,{data}"
        content.append({"type": "image_url", "image_url": {"url": url}})
    content.append({"type": "text", "text": question.text})
    system = [{"role": "system", "content": question.system}] if question.system else []
    return [*system, {"role": "user", "content": content}]


def _reply(answer: Any) -> Reply:
    try:
        choice = answer["choices"][0]
        content = choice["message"]["content"]
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        usage = answer.get("usage") or {}
        return Reply(
            text=str(content or ""),
            finish=choice.get("finish_reason"),
            tokens_in=usage.get("prompt_tokens"),
            tokens_out=usage.get("completion_tokens"),
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ModelError("the server's answer holds no message") from None
