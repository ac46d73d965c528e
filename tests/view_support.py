"""A corpus whose texts try to break a page, and a way to ask a viewer."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from corpus_support import build_small, copy, edit_rows, relock

from chexinstruct.build.shards import parquet_options

VQA = "data/close_ended_vqa/train-slake-00000-of-00001.parquet"
GROUNDING = "data/phrase_grounding/train-ms_cxr-00000-of-00001.parquet"
SCRIPT = "</script><script>window.pwned = 1</script>"
IMAGE = "\"'><img src=x onerror='window.pwned = 2'>"
DRAWING = '"/><svg onload="window.pwned = 3"><!--'
RIGHT_TO_LEFT = "صورة الصدر طبيعية 100% {{data}} ${window.pwned = 4}"
LONG = "no_space_" * 20_000


def hostile(folder: Path) -> None:
    """Write ``corpus`` (embedded), ``store`` and ``none``; the first has hostile texts."""
    for mode in ("embed", "store", "none"):
        build_small(folder, mode)
    corpus = copy(folder / "embed", folder / "corpus")
    edit_rows(corpus, VQA, _plant_texts)
    edit_rows(corpus, GROUNDING, _plant_regions)
    (corpus / "rejects").mkdir(exist_ok=True)
    rejects = [
        {"file": "a.csv", "row": 3, "reason": "bad_row", "detail": SCRIPT, "expected": False},
        {"file": "b.csv", "row": None, "reason": "gone", "detail": "", "expected": True},
    ]
    lines = "".join(json.dumps(item) + "\n" for item in [*rejects, *rejects[:1] * 150])
    (corpus / "rejects" / "slake.jsonl").write_text(lines)


def _plant_texts(rows: list[dict[str, Any]]) -> None:
    rows[0] |= {"instruction": f"First. {SCRIPT}", "response": IMAGE, "origin": IMAGE}
    rows[0]["options"] = [{"label": "A", "text": IMAGE}, {"label": "B", "text": "50% < |of"}]
    rows[0]["answers"] = ["50% <|of"]
    rows[0]["history"] = [{"question": DRAWING, "answer": SCRIPT}]
    rows[0]["metadata"] |= {"attributes": json.dumps({SCRIPT: IMAGE}), "finding": SCRIPT}
    rows[0]["metadata"]["views"] = [DRAWING] * len(rows[0]["image_ids"])
    rows[1] |= {"instruction": RIGHT_TO_LEFT, "response": LONG}


def _plant_regions(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for region in row["regions"]:
            region |= {"phrase": DRAWING, "label": IMAGE}
    rows[0]["regions"].append({**rows[0]["regions"][0], "role": "question", "phrase": SCRIPT})
    rows[0]["regions"][-1] |= {"x1": 0.25, "y1": 0.5, "x2": 0.75, "y2": 0.875}
    rows[0]["regions"][-1]["rings"] = [[0.25, 0.5, 0.75, 0.5, 0.5, 0.875]]
    rows[0]["response"] += " and <|box|>(1,2),(3,4)<|/box|>"


def regroup(corpus: Path, name: str, rows: int) -> None:
    """Write a data file again in row groups of some rows."""
    table: pa.Table = pq.read_table(corpus / name)
    pq.write_table(table, corpus / name, row_group_size=rows, **parquet_options())
    relock(corpus, name)


class Asker:
    """Asks a viewer over HTTP."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.port = int(parts.port or 0)
        self.base = parts.path
        self.host = f"127.0.0.1:{self.port}"

    def send(
        self, target: str, *, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """The answer to a request for a target as it stands."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_host=True)
            for name, value in {"Host": self.host, **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> tuple[int, bytes]:
        """Status and body of a page under the token."""
        response, body = self.send(f"{self.base}{path}?{urlencode(query, doseq=True)}")
        return response.status, body

    def json(self, path: str, **query: object) -> Any:
        """What the API answers to a good request."""
        status, body = self.get(f"api/{path}", **query)
        assert status == 200, body
        return json.loads(body)

    def every(self, **query: object) -> list[dict[str, Any]]:
        """All rows that match, page by page."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.json("rows", **query, start=len(rows), count=7)
            rows += page["rows"]
            if page["done"] and len(rows) >= page["found"]:
                return rows
