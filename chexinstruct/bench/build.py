"""A bench from raw releases: the same studies, persons and pictures as a corpus has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chexinstruct.bench.candidates import Asking, Candidate, Refused
from chexinstruct.bench.drawing import draw
from chexinstruct.bench.folder import (
    BenchLock,
    PartLine,
    SourceLine,
    SplitLine,
    seal,
    start,
)
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.make import Maker
from chexinstruct.bench.recipe import Edition, Part, RecipeName, Views, chexbench, parts_of
from chexinstruct.bench.rules import RULES
from chexinstruct.bench.splits import digest_of, test_ids
from chexinstruct.build.boxes import Lost
from chexinstruct.build.cache import default_cache, local_cache, private_folder
from chexinstruct.build.executor import Processes
from chexinstruct.build.holdout import BenchStudy
from chexinstruct.build.home import LocalHome
from chexinstruct.build.inputs import Inputs, choose, locate, present
from chexinstruct.build.ledger import made_by
from chexinstruct.build.missing import Missing, refuse_missing
from chexinstruct.build.people import People, resolve
from chexinstruct.build.pictures import Shelf, normalise_all, open_shelf
from chexinstruct.build.references import write_reference
from chexinstruct.build.setting import BuildOptions, Rules, Setting
from chexinstruct.build.studies import StudyTable, load_all, open_studies
from chexinstruct.draw import key
from chexinstruct.images import ImageSettings
from chexinstruct.manifest import Manifest, Pictures
from chexinstruct.schema import SPLITS, Study
from chexinstruct.source import registry, terms
from chexinstruct.templating import OptionStyles, Templates

COMPANIONS = ("nih_chestxray14",)
"""Read where they are there, for what they tell of persons: RSNA's pictures are theirs."""

TEST = SPLITS.index("test")


@dataclass(frozen=True)
class BenchOptions:
    """What a bench holds."""

    recipe: RecipeName = "core"
    edition: Edition = "v2"
    seed: int = 0
    views: Views = "frontal"
    pictures: bool = True
    """False: items name their pictures, and none is needed."""
    images: ImageSettings = field(default_factory=ImageSettings)


@dataclass
class _Chosen:
    """A part with what was drawn for it."""

    asking: Asking
    line: PartLine
    eligible: int = 0
    items: list[Candidate] = field(default_factory=list)


def build_bench(
    data_root: str | Path,
    out: str | Path,
    options: BenchOptions | None = None,
    run: BuildOptions | None = None,
) -> BenchLock:
    """Build the items of CheXbench from the releases in a data root.

    Args:
        data_root: folder or URL that holds one folder a source key.
        out: folder of the bench; what a bench there held before is replaced.
        options: what the bench holds.
        run: how to run, as for a corpus.

    Returns:
        The lock of the bench, which accounts for every study and candidate.

    Raises:
        ChexinstructError: told in one line; no lock is written then.
    """
    options, run = options or BenchOptions(), run or BuildOptions()
    sources = registry()
    manifest = Manifest(
        name="chexbench",
        version="1.0.0",
        seed=options.seed,
        images=Pictures(
            mode="embed" if options.pictures else "none", **options.images.model_dump()
        ),
    )
    with Processes(run.workers) as executor:
        setting = Setting(
            manifest=manifest,
            rules=Rules(
                seed=options.seed,
                consensus=manifest.consensus,
                uncertain=manifest.uncertain,
                text=manifest.text,
                languages=manifest.languages,
                pictures=options.pictures,
            ),
            data_root=str(data_root),
            home=LocalHome(Path(out)),
            cache=private_folder(local_cache(run.cache or default_cache())),
            options=run,
            sources=sources,
            tasks={},
            templates=Templates(None, OptionStyles()),
            executor=executor,
        )
        return _build(setting, Path(out), options)


def _build(setting: Setting, folder: Path, options: BenchOptions) -> BenchLock:
    parts = parts_of(options.edition)
    inputs = _inputs(setting, parts)
    parts = [part for part in parts if part.source in inputs.asked]
    start(folder)
    loaded = load_all(setting, inputs.locations)
    tables = {name: open_studies(said.table) for name, said in loaded.items()}
    people = resolve(
        tables,
        setting.sources,
        seed=options.seed,
        shares=setting.manifest.shares,
        policy="clean",
    )
    listed = {name: _listed(name, tables[name]) for name in chexbench().splits if name in tables}
    chosen = []
    missing: dict[str, Missing] = {}
    for part in parts:
        asking = Asking(
            part=part,
            seed=options.seed,
            strict=options.recipe == "clean",
            views=options.views,
            pictures=options.pictures,
            label_sets=setting.sources[part.source].card.label_sets,
            tables=tables,
        )
        ids = listed[part.source][1] if part.source in listed else None
        chosen.append(_choose(asking, options.recipe, people[part.source], ids, missing))
    refuse_missing(setting, missing)
    _drop_copies(chosen)
    shelf = _shelf(setting, chosen, inputs) if options.pictures else None
    items = _items(setting, folder, chosen, tables, people, shelf)
    lock = BenchLock(
        **made_by(),
        edition=options.edition,
        recipe=options.recipe,
        seed=options.seed,
        views=options.views,
        images=options.images.model_dump() if options.pictures else None,
        sources=[
            SourceLine(source=name, studies_key=said.key, studies=said.studies)
            for name, said in sorted(loaded.items())
        ],
        skipped_sources=dict.fromkeys(inputs.skipped, "release not found"),
        parts=[one.line for one in chosen],
        splits=[line for line, _ in listed.values()],
        items=len(items),
        files={},
    )
    return seal(folder, lock, items, _persons(items, tables, people))


def _inputs(setting: Setting, parts: Sequence[Part]) -> Inputs:
    """Where the releases are; companions come along where they are there."""
    asked = tuple(dict.fromkeys(part.source for part in parts))
    places = setting.data_root, setting.options.source_dirs
    inputs = choose(asked, setting.sources, *places, available=setting.options.available)
    along = {name: locate(*places, name) for name in COMPANIONS}
    there = present(along.values())
    locations = inputs.locations | {name: at for name, at in along.items() if at in there}
    return Inputs(locations, inputs.asked, inputs.skipped)


def _listed(name: str, table: StudyTable) -> tuple[SplitLine, frozenset[str]]:
    """The test part of a release that has no split of its own."""
    ids = table.table["id"].to_pylist()
    test = test_ids(ids)
    whole = chexbench().splits[name]
    line = SplitLine(
        source=name,
        rule="train_test_split 0.3, then 0.5, random_state 0, pictures by id",
        pictures=len(ids),
        test=len(test),
        digest=digest_of(test),
        expected=whole.test if len(ids) == whole.pictures else None,
    )
    return line, frozenset(test)


def _choose(
    asking: Asking,
    recipe: RecipeName,
    people: People,
    listed: frozenset[str] | None,
    missing: dict[str, Missing],
) -> _Chosen:
    """The items of a part, before their pictures are looked at."""
    part = asking.part
    choice = part.choice(recipe)
    rule, version = RULES[part.rule]
    left_out: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    candidates: list[Candidate] = []
    used = 0
    table = asking.tables[part.source]
    for row in _test_rows(asking, people, choice.splits, listed, left_out):
        study = table[row]
        if choice.pictures and study.id not in map(str, choice.pictures):
            left_out["not_among_the_pictures"] += 1
            continue
        if part.with_parent and not _parent_tests(study, asking):
            left_out["parent_not_in_test"] += 1
            continue
        used += 1
        _count_missing(study, part, missing)
        made = list(rule(study, asking)) or [Refused("nothing_to_ask")]
        reasons.update(one.reason for one in made if isinstance(one, Refused))
        candidates += [one for one in made if isinstance(one, Candidate)]
    candidates.sort(key=lambda one: _natural(one.study.id))
    sides = _sides(part)
    drawn = draw(candidates, choice, asking.rank, sides=sides, groups=part.findings)
    line = PartLine(
        task=part.task,
        subtask=part.subtask,
        source=part.source,
        rule=f"{part.rule}/{version}",
        studies=len(table),
        used=used,
        left_out=dict(sorted(left_out.items())),
        candidates=len(candidates) + reasons.total(),
        items=0,
        reasons=dict(reasons + drawn.reasons),
        answers={},
        shortfall=drawn.shortfall,
        published=part.published,
    )
    return _Chosen(asking, line, len(candidates), drawn.items)


def _test_rows(
    asking: Asking,
    people: People,
    splits: Sequence[str],
    listed: frozenset[str] | None,
    left_out: Counter[str],
) -> list[int]:
    """The rows of the source's table on the test side.

    That is the release's own test split; where it has none, the listed one; where there is no such
    list, all of it. Under ``clean`` the person must stand in test as well, as the people stage has
    it over all sources.
    """
    columns = asking.tables[asking.part.source].table
    by_release = listed is None and not asking.part.unsplit
    rows = []
    for row, (split, id) in enumerate(
        zip(columns["split"].to_pylist(), columns["id"].to_pylist(), strict=True)
    ):
        if by_release and split not in splits:
            left_out[f"split_{split}" if split else "no_split"] += 1
        elif listed is not None and id not in listed:
            left_out["not_in_the_listed_test_part"] += 1
        elif asking.strict and people.split[row] != TEST:
            left_out["person_not_in_test"] += 1
        else:
            rows.append(row)
    return rows


def _parent_tests(study: Study, asking: Asking) -> bool:
    """Whether the release that the pictures lie in has them in its test split."""
    parents = [
        asking.tables[image.release].with_image(image.key)
        for image in study.images
        if image.release is not None
    ]
    return bool(parents) and all(parent and parent.split == "test" for parent in parents)


def _count_missing(study: Study, part: Part, missing: dict[str, Missing]) -> None:
    gone = [image for image in study.images if image.path is None]
    before = missing.get(part.source, Missing(0, 0, None))
    missing[part.source] = Missing(
        before.pictures + len(study.images),
        before.missing + len(gone),
        before.first or (gone[0].key if gone else None),
    )


def _sides(part: Part) -> tuple[str, ...]:
    """The classes of answers that there should be."""
    if part.rule == "single":
        return tuple(part.headings.values()) or part.findings
    return tuple(dict.fromkeys(part.sides.values()))


def _natural(id: str) -> tuple[tuple[int, str], ...]:
    """Sort key in which CXR9 stands before CXR10."""
    parts = re.split(r"(\d+)", id)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _drop_copies(chosen: Sequence[_Chosen]) -> None:
    """Never two items on one question and picture, whatever parts they come from."""
    seen: set[object] = set()
    for one in chosen:
        kept = []
        for item in one.items:
            source = one.asking.part.source
            pictures = tuple((image.release or source, image.key) for image in item.images)
            asked = (one.asking.part.task, item.question, item.context, tuple(sorted(item.options)))
            if (pictures, asked) in seen:
                one.line.reasons["asked_before"] = one.line.reasons.get("asked_before", 0) + 1
            else:
                seen.add((pictures, asked))
                kept.append(item)
        one.items = kept


def _shelf(setting: Setting, chosen: Sequence[_Chosen], inputs: Inputs) -> Shelf:
    """The pictures of all items, normalised."""
    used = [
        [write_reference(image, one.asking.part.source) for image in item.images]
        for one in chosen
        for item in one.items
    ]
    return open_shelf(str(normalise_all(setting, used, inputs.locations).shelf))


def _items(
    setting: Setting,
    folder: Path,
    chosen: Sequence[_Chosen],
    tables: Mapping[str, StudyTable],
    people: Mapping[str, People],
    shelf: Shelf | None,
) -> list[BenchItem]:
    """The items in the order of the parts; the accounts are closed."""
    items: list[BenchItem] = []
    written: set[str] = set()
    for one in chosen:
        part, line = one.asking.part, one.line
        maker = Maker(
            asking=one.asking,
            rule=line.rule,
            candidates=one.eligible,
            terms=terms(part.source, setting.sources),
            persons=_numbers(tables[part.source], people[part.source]),
            folder=folder,
            shelf=shelf,
            settings=setting.manifest.images,
            written=written,
        )
        reasons = Counter(line.reasons)
        answers: Counter[str] = Counter()
        for candidate in one.items:
            try:
                items.append(maker.make(candidate))
            except Lost as lost:
                reasons[lost.reason] += 1
                continue
            line.items += 1
            if candidate.side:
                answers[candidate.side] += 1
        line.reasons = dict(sorted(reasons.items()))
        line.answers = {side: answers[side] for side in dict.fromkeys((*_sides(part), *answers))}
    return items


def _numbers(table: StudyTable, people: People) -> dict[str, int]:
    """Number of the person by study, where the release tells one."""
    ids, named = table.table["id"].to_pylist(), table.table["people"].to_pylist()
    return {
        id: int(number)
        for id, names, number in zip(ids, named, people.person, strict=True)
        if names
    }


def _persons(
    items: Sequence[BenchItem], tables: Mapping[str, StudyTable], people: Mapping[str, People]
) -> list[BenchStudy]:
    """Who is in the bench, by study."""
    wanted: dict[str, dict[str, None]] = {}
    for item in items:
        wanted.setdefault(item.source, {})[item.study_id] = None
    found = []
    for source, ids in sorted(wanted.items()):
        table = tables[source]
        rows = {id: row for row, id in enumerate(table.table["id"].to_pylist()) if id in ids}
        for id in sorted(ids):
            row = rows[id]
            names = table.table["people"][row].as_py()
            numbers = {key("person", name) for name in names} | {int(people[source].person[row])}
            found.append(
                BenchStudy(
                    source=source, study_id=id, persons=[f"{n:016x}" for n in sorted(numbers)]
                )
            )
    return found
