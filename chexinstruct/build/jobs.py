"""What a worker can be asked to do; each job is idempotent and knows all it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chexinstruct.build.candidates import CandidatesJob, Tally, find_candidates
from chexinstruct.build.index import Looked, LookJob, look
from chexinstruct.build.shards import Shard, ShardJob, build_shard
from chexinstruct.build.studies import Loaded, load_studies, studies_key
from chexinstruct.release import Release
from chexinstruct.source import Source, registry
from chexinstruct.tasks import registry as task_registry


@cache
def _sources() -> dict[str, Source]:
    return registry()


@dataclass(frozen=True)
class LoadJob:
    """Load the studies of a source whose parents are loaded."""

    source: str
    location: str
    cache: Path
    parents: Mapping[str, tuple[str, Path]]
    """Stage key and table of each parent."""


def load(job: LoadJob) -> Loaded:
    """Scan the release and write its study table, unless it stands in the cache."""
    source = _sources()[job.source]
    with Release.open(job.location, source=job.source) as release:
        listing = release.digest()
    key = studies_key(source, listing, {name: k for name, (k, _) in job.parents.items()})
    tables = {name: path for name, (_, path) in job.parents.items()}
    return load_studies(source, job.location, job.cache, key, tables)


def look_at(job: LookJob) -> Looked:
    """Note what studies carry."""
    return look(job, task_registry())


def candidates(job: CandidatesJob) -> dict[str, dict[int, Tally]]:
    """Find what could be asked of studies."""
    return find_candidates(job, task_registry())


def shard(job: ShardJob) -> Shard:
    """Write a shard."""
    return build_shard(job, task_registry())
