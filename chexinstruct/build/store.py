"""Pictures written once for the whole corpus, for manifests with ``images: {mode: store}``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chexinstruct.build.cache import whole_file
from chexinstruct.build.pictures import Pictured, Stored, Wanted, open_shelf
from chexinstruct.build.setting import Setting
from chexinstruct.schema import StoredFile


@dataclass(frozen=True)
class StoreJob:
    """Some pictures of a release, to be written once for the whole corpus."""

    release: str
    wanted: tuple[Wanted, ...]
    shelf: str
    path: str
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


def store_pictures(job: StoreJob) -> tuple[str, int]:
    """Write the readable ones of some pictures as Parquet; gives the file's SHA-256 and size."""
    shelf = open_shelf(job.shelf)
    with whole_file(Path(job.path)) as draft:
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
        return sha256, draft.stat().st_size


def store_all(setting: Setting, pictured: Pictured) -> list[StoredFile]:
    """Write all pictures of a build, by release and in the order of their keys."""
    jobs = []
    for release, items in pictured.wanted.items():
        ordered = sorted(items, key=lambda item: item.key)
        count = -(-len(ordered) // STORE_PICTURES)
        jobs += [
            StoreJob(
                release,
                tuple(ordered[number * STORE_PICTURES : (number + 1) * STORE_PICTURES]),
                str(pictured.shelf),
                str(setting.out / "images" / f"{release}-{number:05d}-of-{count:05d}.parquet"),
                setting.manifest.images.suffix,
            )
            for number in range(count)
        ]
    made = dict(setting.run("image files", store_pictures, jobs))
    return [
        StoredFile(
            name=f"images/{Path(job.path).name}", sha256=made[number][0], size=made[number][1]
        )
        for number, job in enumerate(jobs)
    ]
