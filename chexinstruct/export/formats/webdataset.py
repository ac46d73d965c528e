"""WebDataset shards: the files of the pictures, and a JSON file, of each row."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec
from xxhash import xxh3_64_hexdigest

from chexinstruct.export.formats.base import Format, Say, contents, messages, names
from chexinstruct.export.samples import Sample
from chexinstruct.export.sinks import Record, Tars


def record(sample: Sample, say: Say) -> dict[str, Any]:
    """Members ``<key>.json``, ``<key>.0.jpg``, ``<key>.1.jpg`` ...; keys hold no dots.

    The key is a digest of the row's id: ids hold slashes and whatever a release does.
    """
    key = xxh3_64_hexdigest(sample.id.encode())
    suffixes = [f"{n}{PurePosixPath(name).suffix}" for n, name in enumerate(names(sample))]
    content = {
        "id": sample.id,
        "task": sample.task,
        "source": sample.source,
        "language": sample.language,
        "license": sample.license,
        "redistribution": sample.redistribution,
        "images": suffixes,
        "messages": messages(sample, say),
        "boxes": [{"image": p.picture, "name": p.name, "box": list(p.box)} for p in sample.places],
    }
    pictures = zip(suffixes, sample.pictures, strict=True)
    return {
        "content": content,
        "names": names(sample),
        "files": {
            **{f"{key}.{suffix}": picture.data for suffix, picture in pictures},
            f"{key}.json": msgspec.json.encode(content),
        },
    }


def texts(record: Record) -> list[str]:
    """The texts of the messages."""
    return contents(record["content"])


def shown(record: Record) -> list[str]:
    """The names of the pictures that have a member."""
    return [name for name, _ in zip(record["names"], record["content"]["images"], strict=True)]


WEBDATASET = Format(
    name="webdataset",
    what="WebDataset shards of pictures and JSON, for any reader; also for Megatron-Energon",
    record=record,
    texts=texts,
    shown=shown,
    sink=Tars,
    inside=True,
    guide="""\
    import webdataset as wds

    rows = wds.WebDataset("data/train-{00000..00009}.tar", shardshuffle=100).shuffle(5000).decode()
    for row in rows:
        asked = row["json"]["messages"][0]["content"]
        pictures = [row[name] for name in row["json"]["images"]]

Rows of one task and source stand side by side, so shuffle shards and rows. `boxes` has the exact
boxes of the texts, in 0..1 of picture `image`, in the order of the texts.""",
)
