"""The YAML head of a data set card, as the Hub and ``datasets`` read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from chexinstruct.licenses import LICENSES
from chexinstruct.schema import SPLITS, Lock, Shard
from chexinstruct.tasks import Task

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "coarse": ("image-classification", "zero-shot-image-classification"),
    "fine": ("object-detection", "image-segmentation"),
    "text": ("image-to-text", "summarization"),
    "qa": ("visual-question-answering", "question-answering"),
    "misc": ("text-generation",),
}
"""Families of tasks -> the Hub's words for them."""


def front_matter(lock: Lock, tasks: Mapping[str, Task]) -> str:
    """The head of the card, without the lines of dashes around it."""
    by_task: dict[str, dict[str, list[Shard]]] = {}
    for shard in lock.shards:
        # A split without a single row would keep datasets from loading any split of its task.
        if shard.rows:
            task, _, file = shard.name.partition("/")
            split = file.partition("-")[0]
            by_task.setdefault(task, {}).setdefault(split, []).append(shard)
    families = {tasks[task].family for task in by_task}
    content = {
        "pretty_name": f"{lock.manifest['name']} {lock.manifest['version']}",
        "license": "other",
        "license_name": "terms-of-the-sources",
        "license_link": LICENSES,
        "language": sorted({*lock.manifest["languages"]}),
        "size_categories": [size_category(sum(shard.rows for shard in lock.shards))],
        "task_categories": [
            "image-text-to-text",
            *(word for family, words in CATEGORIES.items() if family in families for word in words),
        ],
        "tags": ["medical", "radiology", "chest-x-ray", "chexinstruct", "croissant"],
        "configs": [
            *(_config(task, by_split) for task, by_split in by_task.items()),
            *([_STORED] if lock.pictures else ()),
        ],
        "dataset_info": [_info(task, by_split) for task, by_split in by_task.items()],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


_STORED = {
    "config_name": "images",
    "data_files": [{"split": "train", "path": "images/*.parquet"}],  # "all" means something else
}


def _config(task: str, by_split: Mapping[str, list[Shard]]) -> dict[str, Any]:
    return {
        "config_name": task,
        "data_files": [
            {"split": split, "path": f"data/{task}/{split}-*.parquet"}
            for split in SPLITS
            if split in by_split
        ],
    }


def _info(task: str, by_split: Mapping[str, list[Shard]]) -> dict[str, Any]:
    """Sizes; the features stand in the Parquet files themselves."""
    size = sum(shard.size for shards in by_split.values() for shard in shards)
    return {
        "config_name": task,
        "splits": [
            {
                "name": split,
                # Without it datasets passes over the numbers of rows. Of the files, not of the
                # tables that they become, which nobody knows without opening them.
                "num_bytes": sum(shard.size for shard in by_split[split]),
                "num_examples": sum(shard.rows for shard in by_split[split]),
            }
            for split in SPLITS
            if split in by_split
        ],
        "download_size": size,
        "dataset_size": size,
    }


def size_category(rows: int) -> str:
    """The Hub's word for a number of rows."""
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
    for power, name in enumerate(names, start=3):
        if rows < 10**power:
            return name
    return "100M<n<1B"
