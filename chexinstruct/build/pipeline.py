"""The stages of a build, one after the other."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from chexinstruct.build.asked import asked_sources, asked_tasks, check_names
from chexinstruct.build.cache import cache_folder
from chexinstruct.build.candidates import Pair, candidates
from chexinstruct.build.executor import Executor, give_back
from chexinstruct.build.finished import sealed
from chexinstruct.build.held import Held, Holdout
from chexinstruct.build.home import Home, home_of
from chexinstruct.build.index import Indexed, index
from chexinstruct.build.inputs import Inputs, choose
from chexinstruct.build.ledger import line, new_lock
from chexinstruct.build.link import Linked, link
from chexinstruct.build.missing import Missing, refuse_missing
from chexinstruct.build.parts import Share
from chexinstruct.build.people import resolve, shared_persons
from chexinstruct.build.pictures import Pictured, normalise_all
from chexinstruct.build.seal import seal
from chexinstruct.build.select import Planned, plan_all
from chexinstruct.build.setting import BuildOptions, Part, Rules, Setting
from chexinstruct.build.shards import share_of_shards, write_shards
from chexinstruct.build.store import store_all
from chexinstruct.build.studies import Loaded, load_all, open_studies
from chexinstruct.errors import ChexinstructError
from chexinstruct.manifest import Manifest
from chexinstruct.schema import SPLITS, Lock, MixtureShare, SourceAccount
from chexinstruct.schema.lock import SharedPersons
from chexinstruct.source import registry
from chexinstruct.tasks import registry as task_registry
from chexinstruct.templating import Templates

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def opened(
    manifest: Manifest,
    data_root: str | Path,
    out: str | Path,
    options: BuildOptions,
    executor: Executor,
) -> Iterator[Setting]:
    """What every stage of a build shares, while no other build writes to the corpus.

    Raises:
        CallError: another build is writing there.
        ChexinstructError: there is no room to write.
    """
    cache = cache_folder(options.cache)
    home = home_of(out, cache)
    setting = set_up(manifest, str(data_root), home, cache, options, executor)
    try:
        with setting.home.held(options.part):
            yield setting
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # The report sorts in the system's folder for such files.
        places = f"{setting.home.shown}, {setting.cache} and {tempfile.gettempdir()}"
        raise ChexinstructError(
            f"no room to write: {os.strerror(error.errno)}; make room in {places} and build "
            "again, what is finished is kept"
        ) from error


def set_up(
    manifest: Manifest,
    data_root: str,
    home: Home,
    cache: Path,
    options: BuildOptions,
    executor: Executor,
    *,
    listed: bool = False,
) -> Setting:
    """The setting of a build, or of a list of pictures; nothing is read yet.

    Raises:
        CallError: the manifest names what there is not.
    """
    sources, tasks = registry(), task_registry()
    check_names(manifest, tasks, sources)
    rules = Rules(
        seed=manifest.seed,
        consensus=manifest.consensus,
        uncertain=manifest.uncertain,
        text=manifest.text,
        leaks=manifest.leaks.classes,
        languages=manifest.languages,
        pictures=listed or manifest.images.mode != "none",
        listed=listed,
    )
    return Setting(
        manifest=manifest,
        rules=rules,
        data_root=data_root,
        home=home,
        cache=cache,
        options=options,
        sources=sources,
        tasks=asked_tasks(manifest, tasks),
        templates=Templates(manifest.templates, manifest.options),
        executor=executor,
    )


@dataclass(frozen=True)
class Prepared:
    """All that is known of a corpus before its pictures are made and its rows worded."""

    inputs: Inputs
    loaded: dict[str, Loaded]
    held: Held
    linked: Linked
    indexed: dict[str, Indexed]
    shared: list[SharedPersons]
    pairs: list[Pair]
    planned: list[Planned]
    mixture: list[MixtureShare]

    @property
    def references(self) -> list[tuple[str, ...]]:
        """The pictures that are used, those of each pair and split once."""
        return list({id(plan.references): plan.references for plan in self.planned}.values())


def prepare(setting: Setting) -> Prepared:
    """Run the stages that read tables and text, from the releases to the plan of shards.

    Where pictures are only listed, missing ones are no fault, and nobody is linked by pixels.
    """
    inputs = choose(
        asked_sources(setting.manifest, setting.tasks),
        setting.sources,
        setting.data_root,
        setting.options.source_dirs,
        available=setting.options.available,
    )
    for task in setting.tasks:
        setting.templates.load(task)  # a wrong template is told before hours of work
    holdout = Holdout.of(setting)  # and so is a bench that is not there
    read = load_all(setting, inputs.locations | holdout.inputs.locations)
    held = holdout.held(setting, read)
    loaded = {key: read[key] for key in inputs.locations}
    linked = Linked.none()
    if setting.manifest.link == "pixels" and not setting.rules.listed:
        linked = link(setting, inputs, loaded)
    indexed, shared = _index_all(setting, inputs, loaded, linked, held)
    give_back()
    if not setting.rules.listed:
        refuse_missing(
            setting,
            {
                key: Missing(
                    item.counted.pictures, item.counted.missing, item.counted.first_missing
                )
                for key, item in indexed.items()
            },
        )
    pairs = [pair for key, item in indexed.items() for pair in candidates(setting, key, item)]
    planned, mixture = plan_all(setting, pairs)
    return Prepared(inputs, loaded, held, linked, indexed, shared, pairs, planned, mixture)


def _pictured(setting: Setting, ready: Prepared) -> Pictured | None:
    if not setting.rules.pictures:
        return None
    return normalise_all(setting, ready.references, ready.inputs.locations)


def run_part(setting: Setting, part: Part) -> Share:
    """Make a part's share of the pictures and shards."""
    ready = prepare(setting)
    pictured = _pictured(setting, ready)
    return share_of_shards(setting, ready.planned, ready.indexed, pictured, part)


@contextmanager
def _imported(name: str, needed: bool) -> Iterator[None]:
    """Have a module that loads slowly when the block ends: it is imported beside it, for most of
    the block waits for workers."""
    with ThreadPoolExecutor(1) as beside:
        if needed:
            beside.submit(import_module, name)
        yield


def run(setting: Setting) -> Lock:
    """Run all stages, and return the lock that seals the corpus."""
    ready = prepare(setting)
    with _imported("chexinstruct.quality.plots", sealed(setting.home) is None):
        pictured = _pictured(setting, ready)
        shards = write_shards(setting, ready.planned, ready.indexed, pictured)
        stored = []
        if pictured is not None and setting.manifest.images.mode == "store":
            stored = store_all(setting, pictured)
    bad = pictured.bad if pictured else {}
    lock = new_lock(
        manifest=resolved(setting, ready.held),
        sources=[
            _account(setting, key, ready.loaded[key], ready.indexed[key], bad)
            for key in sorted(ready.inputs.asked)
        ],
        ledger=[
            line(pair.task.key, pair.source, SPLITS[split], tally)
            for pair in sorted(ready.pairs, key=lambda pair: (pair.task.key, pair.source))
            for split, tally in sorted(pair.tallies.items())
        ],
        shards=shards,
        pictures=stored,
        skipped_sources=dict.fromkeys(ready.inputs.skipped, "release not found"),
        shared=ready.shared,
        links=ready.linked.accounts,
        mixture=ready.mixture,
    )
    rejects = {key: said.rejects for key, said in ready.loaded.items() if said.rejects}
    seal(setting, lock, rejects, bad, ready.linked.matches)
    return lock


def _index_all(
    setting: Setting, inputs: Inputs, loaded: Mapping[str, Loaded], linked: Linked, held: Held
) -> tuple[dict[str, Indexed], list[SharedPersons]]:
    """People over all sources, then the index of each that was asked for."""
    tables = {key: open_studies(said.table) for key, said in loaded.items()}
    people = resolve(
        tables,
        setting.sources,
        seed=setting.manifest.seed,
        shares=setting.manifest.shares,
        policy=setting.manifest.split_policy,
        ties=linked.ties,
        held=held.persons,
        folder=setting.cache,
    )
    give_back()
    indexed = {key: index(setting, key, loaded[key], people[key]) for key in sorted(inputs.asked)}
    return indexed, shared_persons(people, tables, linked.ties, setting.cache)


def resolved(setting: Setting, held: Held) -> dict[str, Any]:
    """The manifest as it stands in the lock: no path of this machine; templates and the persons of
    a bench by digest."""
    content = setting.manifest.model_dump(mode="json", exclude={"templates", "holdout_bench"})
    if setting.manifest.templates is not None:
        content["templates"] = {name: setting.templates.digest(name) for name in setting.tasks}
    if held.told is not None:
        content["holdout_bench"] = held.told
    return content


def _account(
    setting: Setting,
    key: str,
    said: Loaded,
    item: Indexed,
    bad: Mapping[str, list[tuple[str, str, str]]],
) -> SourceAccount:
    reasons: dict[str, int] = {}
    for _, reason, _ in bad.get(key, ()):
        reasons[reason] = reasons.get(reason, 0) + 1
    found = {"studies": said.studies, "patients": item.counted.persons}
    return SourceAccount(
        source=key,
        studies_key=said.content,
        studies=said.studies,
        splits={name: item.counted.splits[name] for name in SPLITS},
        left_out=dict(sorted(item.counted.left_out.items())),
        pictures=item.counted.pictures,
        missing_pictures=item.counted.missing,
        bad_pictures=dict(sorted(reasons.items())),
        rejects=dict(sorted(said.reject_counts.items())),
        expected_rejects=dict(sorted(said.expected_counts.items())),
        expected=[
            {"what": c.what, "published": c.n, "found": found.get(c.what), "origin": c.origin}
            for c in setting.sources[key].card.counts
        ],
    )
