"""A bench from raw releases: the same studies, persons and pictures as a corpus has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chexinstruct.bench.folder import BenchLock, SourceLine, seal, start
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.make import Maker
from chexinstruct.build.boxes import Lost
from chexinstruct.build.cache import cache_folder
from chexinstruct.build.executor import Processes
from chexinstruct.build.home import LocalHome
from chexinstruct.build.inputs import Inputs
from chexinstruct.build.items import Asked, BenchItems, draw_items, item_inputs, persons_of
from chexinstruct.build.ledger import made_by
from chexinstruct.build.missing import Missing, refuse_missing
from chexinstruct.build.people import People
from chexinstruct.build.pictures import Shelf, normalise_all, open_shelf
from chexinstruct.build.references import write_reference
from chexinstruct.build.setting import BuildOptions, Rules, Setting
from chexinstruct.build.studies import StudyTable, load_all
from chexinstruct.chexbench.choosing import Chosen, sides_of
from chexinstruct.chexbench.recipe import chexbench
from chexinstruct.images import ImageSettings
from chexinstruct.manifest import Manifest, Pictures
from chexinstruct.source import registry, terms
from chexinstruct.templating import OptionStyles, Templates


@dataclass(frozen=True)
class BenchOptions(Asked):
    """What a bench holds."""

    images: ImageSettings = field(default_factory=ImageSettings)


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
            cache=cache_folder(run.cache),
            options=run,
            sources=sources,
            tasks={},
            templates=Templates(None, OptionStyles()),
            executor=executor,
        )
        return _build(setting, Path(out), options)


def _build(setting: Setting, folder: Path, options: BenchOptions) -> BenchLock:
    inputs = item_inputs(setting, options, available=setting.options.available)
    start(folder)
    loaded = load_all(setting, inputs.locations)
    found = draw_items(setting, options, inputs, loaded)
    refuse_missing(setting, _missing(found.chosen))
    shelf = _shelf(setting, found.chosen, inputs) if options.pictures else None
    items = _items(setting, folder, found, shelf)
    lock = BenchLock(
        **made_by(),
        edition=options.edition,
        recipe=options.recipe,
        version=chexbench().version,
        seed=options.seed,
        views=options.views,
        images=options.images.model_dump() if options.pictures else None,
        sources=[
            SourceLine(source=name, studies_key=said.content, studies=said.studies)
            for name, said in sorted(loaded.items())
        ],
        skipped_sources=dict.fromkeys(inputs.skipped, "release not found"),
        parts=[one.line for one in found.chosen],
        splits=found.splits,
        items=len(items),
        files={},
    )
    persons = persons_of(found, ((item.source, item.study_id) for item in items))
    return seal(folder, lock, items, persons)


def _missing(chosen: Sequence[Chosen]) -> dict[str, Missing]:
    """Pictures that are not there, by source."""
    missing: dict[str, Missing] = {}
    for one in chosen:
        source = one.asking.part.source
        before = missing.get(source, Missing(0, 0, None))
        missing[source] = Missing(
            before.pictures + one.pictures,
            before.missing + one.missing,
            before.first or one.first_missing,
        )
    return missing


def _shelf(setting: Setting, chosen: Sequence[Chosen], inputs: Inputs) -> Shelf:
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
    found: BenchItems,
    shelf: Shelf | None,
) -> list[BenchItem]:
    """The items in the order of the parts; the accounts are closed."""
    items: list[BenchItem] = []
    written: set[str] = set()
    for one in found.chosen:
        part, line = one.asking.part, one.line
        maker = Maker(
            chosen=one,
            terms=terms(part.source, setting.sources),
            persons=_numbers(found.tables[part.source], found.people[part.source]),
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
        line.answers = {side: answers[side] for side in dict.fromkeys((*sides_of(part), *answers))}
    return items


def _numbers(table: StudyTable, people: People) -> dict[str, int]:
    """Number of the person by study, where the release tells one."""
    ids, named = table.table["id"].to_pylist(), table.table["people"].to_pylist()
    return {
        id: int(number)
        for id, names, number in zip(ids, named, people.person, strict=True)
        if names
    }
