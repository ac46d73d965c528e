"""How long `chexinstruct view` takes to open a corpus, to page, to search and to show pictures.

The command is started as a user starts it, and asked over HTTP as its page asks. Opening ends with
the first list of rows. Places, facets and words are drawn by keyed chance, so two runs of one
corpus ask the same.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from chexinstruct.draw import Draw, key

WORDS = ("cardiomegaly", "kyphosis", '"left lateral"', "pneumothorax effusion", "qqqq")
"""Frequent and rare ones, a phrase, two words, and one that stands nowhere."""


class Page:
    """A connection that is kept open, as that of a browser."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.base = parts.path
        self.connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=120)

    def get(self, path: str, **query: object) -> bytes:
        self.connection.request("GET", f"{self.base}{path}?{urlencode(query)}")
        response = self.connection.getresponse()
        body = response.read()
        if response.status not in (200, 404):
            sys.exit(f"{path} {query}: {response.status} {body[:200]!r}")
        return body

    def json(self, path: str, **query: object) -> Any:
        return json.loads(self.get(path, **query))


@contextmanager
def served(corpus: Path) -> Iterator[Page]:
    run = "from chexinstruct.cli import main; main()"
    command = [sys.executable, "-c", run, "view", str(corpus), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Page(process.stdout.readline().split()[1])
    finally:
        process.terminate()
        process.wait()


def told(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(
        f"{what:<44} {1000 * statistics.median(seconds):7.0f} {1000 * p95:7.0f} "
        f"{1000 * ordered[-1]:7.0f}  ms ({len(seconds)})"
    )


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def finished(page: Page, query: dict[str, object]) -> None:
    """Until the whole corpus has been searched."""
    while not page.json("api/rows", **query)["done"]:
        time.sleep(0.01)


def measure(corpus: Path, rounds: int) -> None:
    opening = []
    for _ in range(5):
        begun = time.perf_counter()
        with served(corpus) as page:
            page.get("")
            page.json("api/about")
            page.json("api/rows")
            opening.append(time.perf_counter() - begun)
    print(f"{'':<44} {'median':>7} {'p95':>7} {'most':>7}")
    told("open, until the first rows are there", opening)
    draw = Draw(key("benchmark"))
    with served(corpus) as page:
        counting = timed(lambda: page.json("api/facets"))
        about, facets = page.json("api/about"), page.json("api/facets")
        rows = about["rows"]
        told("count all facets, once", [counting])
        told(
            "facets", [timed(lambda: page.json("api/facets", split="train")) for _ in range(rounds)]
        )
        starts = [draw.below(rows) for _ in range(rounds)]
        told(
            "a page of 50 rows, at a random place",
            [timed(lambda s=s: page.json("api/rows", start=s)) for s in starts],
        )
        told(
            "the page after it",
            [timed(lambda s=s: page.json("api/rows", start=s + 50)) for s in starts],
        )
        numbers = [draw.below(rows) for _ in range(rounds)]
        told(
            "one row, at a random place",
            [timed(lambda n=n: page.json("api/row", number=n)) for n in numbers],
        )
        told(
            "the row after it",
            [timed(lambda n=n: page.json("api/row", number=min(n + 1, rows - 1))) for n in numbers],
        )
        choices: list[dict[str, object]] = [
            {name: value}
            for name in ("task", "source", "license", "view", "finding", "language")
            for value in facets[name]
        ]
        fresh = [choices.pop(draw.below(len(choices))) for _ in range(min(rounds, len(choices)))]
        told(
            "first page of a new filter",
            [timed(lambda q=q: page.json("api/rows", **q)) for q in fresh],
        )
        for word in WORDS:
            query: dict[str, object] = {"text": word}
            told(f"search {word}: first page", [timed(lambda q=query: page.json("api/rows", **q))])
            finished(page, query)
            found = page.json("api/rows", **query)["found"]
            if found:
                places = [draw.below(found) for _ in range(rounds)]
                told(
                    f"  random page of its {found:,} rows",
                    [
                        timed(lambda s=s, q=query: page.json("api/rows", **q, start=s))
                        for s in places
                    ],
                )
        whole = [timed(lambda w=w: finished(page, {"text": f"{w} zz"})) for w in ("a", "e", "no")]
        told("search of all rows", whole)
        if about["images"] != "none":
            shown = [page.json("api/row", number=n) for n in numbers]
            paths = [f"{one['place'][0]}/{one['place'][1]}/0" for one in shown]
            for kind in ("picture", "thumb"):
                told(
                    f"{kind} of a row at a random place",
                    [timed(lambda p=p, k=kind: page.get(f"{k}/{p}")) for p in paths],
                )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    size = sum(file.stat().st_size for file in corpus.rglob("*.parquet")) / 2**20
    print(f"{rows:,} rows, {about['files']} files, {size:,.0f} MB; peak resident memory {peak} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, load {load}, Python {sys.version.split()[0]}")
    measure(arguments.corpus, arguments.rounds)


if __name__ == "__main__":
    main()
