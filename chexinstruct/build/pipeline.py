"""A build: the stages, one after the other."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chexinstruct.build.asked import asked_sources, asked_tasks, check_names
from chexinstruct.build.cache import default_cache, digest, private_folder
from chexinstruct.build.candidates import candidates
from chexinstruct.build.executor import Executor
from chexinstruct.build.finished import WORK
from chexinstruct.build.holdout import held_persons
from chexinstruct.build.index import Indexed, index
from chexinstruct.build.inputs import Inputs, choose
from chexinstruct.build.ledger import line, new_lock
from chexinstruct.build.link import Linked, link
from chexinstruct.build.missing import Missing, refuse_missing
from chexinstruct.build.people import resolve, shared_persons
from chexinstruct.build.pictures import Pictured, normalise_all
from chexinstruct.build.seal import seal
from chexinstruct.build.select import plan_all
from chexinstruct.build.setting import BuildOptions, Rules, Setting
from chexinstruct.build.shards import write_shards
from chexinstruct.build.store import store_all
from chexinstruct.build.studies import Loaded, load_all, open_studies
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.manifest import Manifest
from chexinstruct.schema import SPLITS, Lock, SourceAccount
from chexinstruct.schema.lock import SharedPersons
from chexinstruct.source import registry
from chexinstruct.tasks import registry as task_registry
from chexinstruct.templating import Templates

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def build(
    manifest: Manifest, data_root: str | Path, out: str | Path, options: BuildOptions | None = None
) -> Lock:
    """Build a corpus, or what of it is not built yet.

    Args:
        manifest: the recipe.
        data_root: folder or URL that holds one folder a source key.
        out: folder of the corpus.
        options: how to run.

    Returns:
        The lock of the corpus: counts, ledger, and a digest for each file.

    Raises:
        ChexinstructError: told in one line; nothing half-written stands under its final name.
    """
    options = options or BuildOptions()
    folder = Path(out)
    rules = Rules(
        seed=manifest.seed,
        consensus=manifest.consensus,
        uncertain=manifest.uncertain,
        text=manifest.text,
        leaks=manifest.leaks.classes,
        languages=manifest.languages,
        pictures=manifest.images.mode != "none",
    )
    sources, tasks = registry(), task_registry()
    check_names(manifest, tasks, sources)
    with Executor(options.workers) as executor:
        setting = Setting(
            manifest=manifest,
            rules=rules,
            data_root=str(data_root),
            out=folder,
            cache=private_folder(options.cache or default_cache()),
            options=options,
            sources=sources,
            tasks=asked_tasks(manifest, tasks),
            templates=Templates(manifest.templates, manifest.options),
            executor=executor,
        )
        try:
            with FileLock(private_folder(private_folder(folder) / WORK) / "lock", timeout=0):
                return _run(setting)
        except Timeout:
            raise CallError(f"another build is writing to {folder}; wait for it to end") from None
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise ChexinstructError(
                f"no room to write: {os.strerror(error.errno)}; make room in {folder} and "
                f"{setting.cache} and build again, what is finished is kept"
            ) from error


def _run(setting: Setting) -> Lock:
    inputs = choose(
        asked_sources(setting.manifest, setting.tasks),
        setting.sources,
        setting.data_root,
        setting.options.source_dirs,
        available=setting.options.available,
    )
    for task in setting.tasks:
        setting.templates.load(task)  # a wrong template is told before hours of work
    held_persons(setting.manifest.holdout_bench)  # and so is a bench that is not there
    loaded = load_all(setting, inputs.locations)
    linked = Linked.none()
    if setting.manifest.link == "pixels":
        linked = link(setting, inputs, loaded)
    indexed, shared = _index_all(setting, inputs, loaded, linked)
    refuse_missing(
        setting,
        {
            key: Missing(item.counted.pictures, item.counted.missing, item.counted.first_missing)
            for key, item in indexed.items()
        },
    )
    pairs = [pair for key, item in indexed.items() for pair in candidates(setting, key, item)]
    planned, mixture = plan_all(setting, pairs)
    pictured: Pictured | None = None
    if setting.rules.pictures:
        used = {id(plan.references): plan.references for plan in planned}
        pictured = normalise_all(setting, used.values(), inputs.locations)
    shards = write_shards(setting, planned, indexed, pictured)
    stored = []
    if pictured is not None and setting.manifest.images.mode == "store":
        stored = store_all(setting, pictured)
    bad = pictured.bad if pictured else {}
    lock = new_lock(
        manifest=_resolved(setting),
        sources=[
            _account(setting, key, loaded[key], indexed[key], bad) for key in sorted(inputs.asked)
        ],
        ledger=[
            line(pair.task.key, pair.source, SPLITS[split], tally)
            for pair in sorted(pairs, key=lambda pair: (pair.task.key, pair.source))
            for split, tally in sorted(pair.tallies.items())
        ],
        shards=shards,
        pictures=stored,
        skipped_sources=dict.fromkeys(inputs.skipped, "release not found"),
        shared=shared,
        links=linked.accounts,
        mixture=mixture,
    )
    rejects = {key: said.rejects for key, said in loaded.items() if said.rejects}
    seal(setting.out, lock, setting.sources, setting.tasks, rejects, bad, linked.matches)
    return lock


def _index_all(
    setting: Setting, inputs: Inputs, loaded: Mapping[str, Loaded], linked: Linked
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
        held=held_persons(setting.manifest.holdout_bench),
    )
    indexed = {key: index(setting, key, loaded[key], people[key]) for key in sorted(inputs.asked)}
    return indexed, shared_persons(people, tables, linked.ties)


def _resolved(setting: Setting) -> dict[str, Any]:
    """The manifest as it stands in the lock: no path of this machine; templates and the persons of
    a bench by digest."""
    content = setting.manifest.model_dump(mode="json", exclude={"templates", "holdout_bench"})
    if setting.manifest.templates is not None:
        content["templates"] = {name: setting.templates.digest(name) for name in setting.tasks}
    if setting.manifest.holdout_bench is not None:
        held = held_persons(setting.manifest.holdout_bench)
        content["holdout_bench"] = {"persons": len(held), "digest": digest(held.tolist())}
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
        studies_key=said.key,
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
