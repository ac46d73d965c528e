"""The card of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from chexinstruct.licenses import LICENSES
from chexinstruct.markdown import table
from chexinstruct.schema import SPLITS, Lock
from chexinstruct.source import Source

FILES = (
    ("manifest.yaml", "The choices."),
    ("recipe.lock.json", "Versions, counts, and the SHA-256 of every file of the corpus."),
    (
        "digests/rows.parquet",
        "For every row its source, task and split, and keyed digests of its id and its content. "
        "The key is made of the rows themselves.",
    ),
    (
        "digests/pictures.parquet",
        "SHA-256 of every picture, and a digest of its name. Not there if the corpus has none.",
    ),
    (
        "digests/studies.parquet",
        "A digest of every study of each split: the first 32 digits of the SHA-256 of "
        "`source/study`. It tells whether a study that you know is in the corpus.",
    ),
)
"""What stands in a recipe."""


def recipe_card(lock: Lock, used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """The whole card: what the recipe holds, and how to build the corpus from it."""
    name, version = lock.manifest["name"], lock.manifest["version"]
    front = yaml.safe_dump(
        {
            "pretty_name": f"Recipe of {name} {version}",
            "license": "other",
            "license_name": "terms-of-the-sources",
            "license_link": LICENSES,
            "tags": ["medical", "radiology", "chest-x-ray", "chexinstruct", "recipe"],
            "viewer": False,
        },
        sort_keys=False,
        allow_unicode=True,
    )
    steps = "".join(
        f"{number}. {step}\n"
        for number, step in enumerate(
            (
                f"`pip install chexinstruct=={lock.chexinstruct}`",
                "Get the releases of the sources below, under your own agreements, into one folder "
                "with a folder a source. `chexinstruct sources KEY` tells how, "
                "`chexinstruct check /data/releases` what is still missing.",
                "`chexinstruct rebuild THIS --data-root /data/releases --out corpus`, where THIS "
                "is this folder, or the name of this repository on the Hub.",
            ),
            start=1,
        )
    )
    parts = [
        f"---\n{front}---\n",
        f"# Recipe of {name} {version}\n",
        f"{lock.manifest['description']}\n",
        "This is no data set. It is what is needed to build one, an instruction corpus of chest "
        "radiographs, from releases that you have yourself, and to tell that it is the same: the "
        "manifest, the lock, and digests. It holds no text of a release or of the corpus, no "
        "picture, no names of persons, studies or pictures, and no dates.\n",
        "## Build it\n",
        steps,
        "With the same releases and the library versions of the lock, all files are the same byte "
        "by byte. Otherwise the comparison tells what differs, row by row where it can.\n",
        "## Sources\n",
        _sources_table(lock, used, sources),
        f"[{LICENSES}]({LICENSES}) has their terms. They hold for the corpus that you build.\n",
        "## Rows of the corpus\n",
        _rows_table(lock),
        "## Files\n",
        table(["file", "what it holds"], FILES),
    ]
    return "\n".join(parts)


def _sources_table(lock: Lock, used: Sequence[str], sources: Mapping[str, Source]) -> str:
    studies = {account.source: account.studies for account in lock.sources}
    return table(
        ["source", "name", "access", "home", "studies in the release that was used"],
        [
            [
                key,
                sources[key].card.name,
                sources[key].card.license,
                sources[key].card.home,
                studies.get(key, 0),
            ]
            for key in used
            if key in sources
        ],
    )


def _rows_table(lock: Lock) -> str:
    sums: dict[str, dict[str, int]] = {}
    for line in lock.ledger:
        sums.setdefault(line.task, dict.fromkeys(SPLITS, 0))[line.split] += line.rows
    return table(
        ["task", *SPLITS],
        [[task, *by.values()] for task, by in sums.items() if any(by.values())],
    )
