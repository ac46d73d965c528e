"""Pictures written once for the whole corpus, for manifests with ``images: {mode: store}``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.build.cache import code_digest, digest
from chexinstruct.build.finished import finished, mark, unseal
from chexinstruct.build.home import Home
from chexinstruct.build.ledger import library_versions
from chexinstruct.build.pictures import Pictured, Stored, Wanted, open_shelf
from chexinstruct.build.setting import Setting
from chexinstruct.schema import StoredFile


@dataclass(frozen=True)
class StoreJob:
    """Some pictures of a release, to be written once for the whole corpus."""

    name: str
    """``images/<release>-00000-of-00002.parquet``."""
    home: Home
    key: str
    release: str
    wanted: tuple[Wanted, ...]
    shelf: str
    suffix: str


STORE_PICTURES = 5_000
"""Pictures of a stored file: at 70 to 100 kB each about 500 MB."""
STORE_GROUP = 150

STORE_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ]
).with_metadata(
    {
        "huggingface": json.dumps(
            {
                "info": {
                    "features": {
                        "source": {"dtype": "string", "_type": "Value"},
                        "image_id": {"dtype": "string", "_type": "Value"},
                        "image": {"_type": "Image"},
                    }
                }
            }
        )
    }
)


def store_pictures(job: StoreJob) -> StoredFile:
    """Write the readable ones of some pictures as Parquet."""
    shelf = open_shelf(job.shelf)
    with job.home.whole_file(job.name) as draft:
        with pq.ParquetWriter(draft, STORE_SCHEMA, compression="none") as writer:
            for start in range(0, len(job.wanted), STORE_GROUP):
                rows = []
                for item in job.wanted[start : start + STORE_GROUP]:
                    found = shelf.get(job.release, item.path)
                    if isinstance(found, Stored):
                        image = {"bytes": found.data, "path": f"{item.key}{job.suffix}"}
                        rows.append({"source": job.release, "image_id": item.key, "image": image})
                writer.write_table(pa.Table.from_pylist(rows, schema=STORE_SCHEMA))
        with draft.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return StoredFile(name=job.name, key=job.key, sha256=sha256, size=draft.stat().st_size)


def store_all(setting: Setting, pictured: Pictured) -> list[StoredFile]:
    """Write all pictures of a build that do not stand yet, by release and in the order of keys."""
    jobs = []
    for release, items in pictured.wanted.items():
        ordered = sorted(items, key=lambda item: item.key)
        count = -(-len(ordered) // STORE_PICTURES)
        for number in range(count):
            part = tuple(ordered[number * STORE_PICTURES : (number + 1) * STORE_PICTURES])
            jobs.append(_job(setting, pictured, release, part, f"{number:05d}-of-{count:05d}"))
    known = finished(setting.home, StoredFile)
    left = [job for job in jobs if job.name not in known or known[job.name].key != job.key]
    if left:
        unseal(setting.home)
    for _, made in setting.run("image files", store_pictures, left):
        mark(setting.home, made)
        known[made.name] = made
    return [known[job.name] for job in jobs]


def _job(
    setting: Setting, pictured: Pictured, release: str, part: tuple[Wanted, ...], number: str
) -> StoreJob:
    settings = setting.manifest.images
    name = f"images/{release}-{number}.parquet"
    code = code_digest("chexinstruct.build.store", "chexinstruct.headers", "chexinstruct.images")
    return StoreJob(
        name=name,
        home=setting.home,
        key=digest(part, settings.model_dump(), code, library_versions()),
        release=release,
        wanted=part,
        shelf=str(pictured.shelf),
        suffix=settings.suffix,
    )
