"""Downloads of releases that need no account: resumable, checked, and easy on the servers."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from tqdm import tqdm

from chexinstruct import __version__
from chexinstruct.draw import key
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.source import Download, Source

AGENT = f"chexinstruct/{__version__}"
PART = ".part"
"""What an unfinished file ends in."""
VALIDATOR = ".part.etag"
"""Beside it: the tag of the file that the part is of, so that two files are never joined."""
BLOCK = 1 << 20
TRIES = 6
"""Failures in a row, without a byte between them, after which a download is given up."""
REDIRECTS = 8
TIMEOUT = (20, 60)
"""Seconds to connect, and between two reads."""
LONGEST_WAIT = 600.0
BUSY = (408, 425, 429, 500, 502, 503, 504)


class FetchError(ChexinstructError):
    """A download that could not be finished."""


class _Again(Exception):
    """The attempt failed in a way that may pass."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Fetched:
    """A file of a release that is here now."""

    file: str
    size: int
    state: str
    """``downloaded``, or ``was here``."""
    checked: bool
    """Whether its bytes were held against a checksum of the card."""


def fetch(
    source: Source,
    data_root: str | Path,
    *,
    tables_only: bool = False,
    progress: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Fetched]:
    """Download the files of a release that its card lists, or what of them is not here yet.

    One file after the other over one connection. An unfinished file keeps its bytes under
    ``NAME.part``; calling again goes on there.

    Args:
        source: its card lists what to download.
        data_root: the files go into the folder of the source key in it.
        tables_only: leave pictures out.
        progress: show a bar on the error stream.
        sleep: waits between attempts.

    Raises:
        CallError: the release needs an account, or its card knows no address.
        FetchError: told with the file and what to do; what is finished stays.
    """
    card = source.card
    steps = " ".join(f"({n}) {step}" for n, step in enumerate(card.access, 1))
    if not card.downloads:
        why = (
            "has files that need no account, but no address of them is known"
            if card.license == "open"
            else f"is {card.license}: it needs an account or an agreement of your own"
        )
        raise CallError(f"{card.key} {why}. How to get it: {steps}")
    wanted = [item for item in card.downloads if not (tables_only and item.pictures)]
    if not wanted:
        raise CallError(f"{card.key} has no download without pictures; leave --tables-only out")
    folder = Path(data_root) / card.key
    with requests.Session() as session:
        session.headers["User-Agent"] = AGENT
        session.headers["Accept-Encoding"] = "identity"  # sizes and ranges are of the file itself
        session.trust_env = True  # proxies of the user
        return [_fetch(session, item, folder, progress=progress, sleep=sleep) for item in wanted]


def _pause(item: Download, failures: int) -> float:
    """Seconds to wait, twice as many at most after each failure; spread, so that users who lost the
    same server at the same time do not come back together."""
    share = key(item.url, os.getpid(), failures) / 2**64
    return 0.5 + share * (2.0**failures - 0.5)


def _fetch(
    session: requests.Session,
    item: Download,
    folder: Path,
    *,
    progress: bool,
    sleep: Callable[[float], None],
) -> Fetched:
    target = folder / item.file
    part = target.with_name(target.name + PART)
    if target.exists():
        _check(item, target, f"move {target} away to download it anew; it is not overwritten")
        return Fetched(item.file, target.stat().st_size, "was here", _has_sum(item))
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    with tqdm(
        desc=item.file, total=item.size, unit="B", unit_scale=True, file=sys.stderr,
        disable=not progress,
    ) as bar:  # fmt: skip
        while True:
            before = _size(part)
            try:
                _attempt(session, item, part, bar)
                break
            except _Again as error:
                failures = 1 if _size(part) > before else failures + 1
                if failures >= TRIES:
                    raise FetchError(
                        f"{item.file}: {error}, {TRIES} times in a row; run the same command again "
                        f"to go on, or download {item.url} by hand"
                    ) from error
                wait = error.wait if error.wait is not None else _pause(item, failures)
                sleep(min(wait, LONGEST_WAIT))
    try:
        _check(item, part, "what came is thrown away; run the same command to download it anew")
    except FetchError:
        _forget(part)
        raise
    part.replace(target)
    part.with_name(target.name + VALIDATOR).unlink(missing_ok=True)
    return Fetched(item.file, target.stat().st_size, "downloaded", _has_sum(item))


def _attempt(session: requests.Session, item: Download, part: Path, bar: Any) -> None:
    """One request, appended to the part; returns when the file is whole."""
    tag_file = part.with_name(part.name.removesuffix(PART) + VALIDATOR)
    have = _size(part)
    headers = {}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag_file.exists():
            headers["If-Range"] = tag_file.read_text(encoding="utf-8")
    try:
        with _follow(session, item, headers) as answer:
            start, total = _placed(answer, item, part, have)
            if start is None:
                return
            tag = answer.headers.get("ETag", "")
            if tag and not tag.startswith("W/"):  # a weak tag says nothing of bytes
                tag_file.write_text(tag, encoding="utf-8")
            else:
                tag_file.unlink(missing_ok=True)
            bar.total, bar.n = total, start
            with part.open("r+b" if part.exists() else "xb") as stream:
                stream.truncate(start)
                stream.seek(start)
                for block in answer.iter_content(BLOCK):
                    stream.write(block)
                    bar.update(len(block))
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Again(f"no connection ({type(error).__name__})") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _Again("the connection broke off") from error
    except requests.RequestException as error:
        raise FetchError(
            f"{item.file}: {item.url} cannot be asked for: {type(error).__name__}"
        ) from error
    if total is not None and _size(part) < total:
        raise _Again("the connection broke off")


def _placed(
    answer: requests.Response, item: Download, part: Path, have: int
) -> tuple[int | None, int | None]:
    """From which byte on the answer is, and how long the file is; no start: it is whole already."""
    code = answer.status_code
    if code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            _forget(part)
            raise _Again("the server sent another part than was asked for")
        return have, None if found[2] == "*" else int(found[2])
    if code == 200:  # the server knows no ranges, or the file has changed: from the start
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else item.size
    if code == 416:
        if answer.headers.get("Content-Range") == f"bytes */{have}":
            return None, have
        _forget(part)
        raise _Again("the file is shorter than its part here")
    if code in BUSY:
        raise _Again(f"the server answers {code}", _retry_after(answer))
    raise FetchError(
        f"{item.file}: {item.url} answers {code}; the address may have moved, look at the home page"
    )


def _follow(
    session: requests.Session, item: Download, headers: dict[str, str]
) -> requests.Response:
    """The answer behind all redirects, each of which has to be one that is expected."""
    url = item.url
    for _ in range(REDIRECTS):
        answer = session.get(
            url, headers=headers, stream=True, allow_redirects=False, timeout=TIMEOUT
        )
        if not answer.is_redirect:
            return answer
        answer.close()
        onward = urljoin(url, answer.headers["Location"])
        before, after = urlsplit(url), urlsplit(onward)
        if after.scheme not in ("http", "https") or (before.scheme, after.scheme) == (
            "https", "http",
        ):  # fmt: skip
            raise FetchError(f"{item.file}: {item.url} leads to an address that is not secure")
        if not _expected(item, after.hostname or ""):
            raise FetchError(
                f"{item.file}: {item.url} leads to {after.hostname}, which its card does not name; "
                "download it by hand if you trust it"
            )
        url = onward
    raise FetchError(f"{item.file}: {item.url} leads in a circle")


def _expected(item: Download, host: str) -> bool:
    domains = [urlsplit(item.url).hostname or "", *item.redirects]
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3): a number, or a date."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


def _check(item: Download, path: Path, fix: str) -> None:
    """Hold a file against what the card says of it."""
    size = path.stat().st_size
    if item.size is not None and size != item.size:
        raise FetchError(f"{item.file}: {size:,} bytes, not {item.size:,} as released; {fix}")
    for name, expected in (("sha256", item.sha256), ("md5", item.md5)):
        if expected is None:
            continue
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, name).hexdigest()
        if found != expected:
            raise FetchError(f"{item.file}: its {name} is not that of the release; {fix}")


def _has_sum(item: Download) -> bool:
    return item.sha256 is not None or item.md5 is not None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_name(part.name.removesuffix(PART) + VALIDATOR).unlink(missing_ok=True)
