"""What holds of every task, over the studies of all synthetic releases, as a build sees them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest
from pathlib import Path

import pytest
from task_context import Row, worded

from chexinstruct.build.engine import SourceView, StudyContext
from chexinstruct.build.executor import Processes
from chexinstruct.build.home import LocalHome
from chexinstruct.build.index import NEED_BITS, index
from chexinstruct.build.people import resolve
from chexinstruct.build.setting import BuildOptions, Rules, Setting
from chexinstruct.build.studies import load_all, open_studies
from chexinstruct.draw import Draw, key
from chexinstruct.images import to_unit
from chexinstruct.manifest import Manifest
from chexinstruct.regions import BOX_DIALECTS, parse_boxes, visible_box
from chexinstruct.schema import Box, Facts, Image, Region, Study
from chexinstruct.source import build_order, registry
from chexinstruct.tasks import FAMILIES, Drop, Task
from chexinstruct.tasks import registry as task_registry
from chexinstruct.tasks.contract import Other
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.templating import TaskTemplate, Templates
from chexinstruct.vocabulary import canonical

TASKS = task_registry()
LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "zh")
GOLDEN = Path(__file__).parent / "golden" / "examples"
EXAMPLES = 3
"""Golden examples of each pair of source and task."""
RENEW = "RENEW_GOLDEN=1 pytest tests/test_contract_tasks.py -k golden"


class Recording(StudyContext):
    """The context of a build, which also notes the other studies that were shown."""

    __slots__ = ("others",)

    def __init__(self, view: SourceView, task: Task, row: int, study: Study) -> None:
        super().__init__(view, task, row, study)
        self.others: list[Study] = []

    def negatives(self, pool: str) -> Iterator[Other]:
        for other in super().negatives(pool):
            self.others.append(other.study)
            yield other


@dataclass(frozen=True)
class Layout:
    """One source in one layout, as the tasks of a build see it."""

    key: str
    variant: str
    official: bool
    """Whether it is the publisher's own layout."""
    view: SourceView
    rows: list[int]

    def split(self, study_id: str) -> int:
        return next(int(self.view.split[r]) for r in self.rows if self.view.study(r).id == study_id)


@dataclass(frozen=True)
class Found:
    """What a task made of a study that carries what it needs."""

    release: Layout
    study: Study
    context: Recording
    items: list[Facts | Drop]

    @property
    def facts(self) -> list[Facts]:
        return [item for item in self.items if isinstance(item, Facts)]

    def __repr__(self) -> str:
        return f"{self.release.key} ({self.release.variant}) {self.study.id}"


def write_releases(root: Path, number: int) -> dict[str, str]:
    """The releases in their ``number``-th layout, where they have so many, and their parents."""
    layouts = {k: s.sample.VARIANTS[number:][:1] for k, s in registry().items()}
    wanted = {k: names[0] for k, names in layouts.items() if names}
    for name in build_order(set(wanted), registry()):
        variant = wanted.setdefault(name, registry()[name].sample.VARIANTS[0])
        (root / name).mkdir(parents=True)
        registry()[name].sample.write(root / name, variant)
    return wanted


def views(root: Path, cache: Path, variants: dict[str, str], official: bool) -> list[Layout]:
    """The first stages of a build over a data root."""
    manifest = Manifest(name="contract", version="1.0.0", languages=LANGUAGES)
    rules = Rules(
        seed=manifest.seed,
        consensus=manifest.consensus,
        uncertain=manifest.uncertain,
        text=manifest.text,
        languages=manifest.languages,
        pictures=True,
    )
    known = registry()
    with Processes(1) as executor:
        setting = Setting(
            manifest=manifest,
            rules=rules,
            data_root=str(root),
            home=LocalHome(root / "out"),
            cache=cache,
            options=BuildOptions(),
            sources=known,
            tasks=TASKS,
            templates=Templates(),
            executor=executor,
        )
        order = build_order(set(variants), known)
        loaded = load_all(setting, {name: str(root / name) for name in order})
        tables = {name: open_studies(said.table) for name, said in loaded.items()}
        people = resolve(tables, known, seed=0, shares=manifest.shares, policy="clean")
        found = {name: index(setting, name, loaded[name], people[name]) for name in order}
    return [
        Layout(
            name,
            variants[name],
            official,
            SourceView(item.files, known[name].card.label_sets, rules),
            item.rows.tolist(),
        )
        for name, item in sorted(found.items())
    ]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Layout]:
    """Every source in every layout."""
    home = tmp_path_factory.mktemp("tasks")
    layouts = max(len(source.sample.VARIANTS) for source in registry().values())
    found = []
    for number in range(layouts):
        root = home / str(number)
        variants = write_releases(root, number)
        found += views(root, home / "cache", variants, official=number == 0)
    return found


def run(task: Task, releases: list[Layout]) -> list[Found]:
    needed = sum(NEED_BITS[need] for need in task.needs)
    found = []
    for release in releases:
        for row in release.rows:
            if int(release.view.masks[row]) & needed == needed:
                study = release.view.study(row)
                context = Recording(release.view, task, row, study)
                found.append(Found(release, study, context, list(task.facts(study, context))))
    return found


@pytest.fixture(scope="module", params=TASKS.values(), ids=list(TASKS))
def task(request: pytest.FixtureRequest) -> Task:
    chosen: Task = request.param
    return chosen


@pytest.fixture(scope="module")
def found(task: Task, releases: list[Layout]) -> list[Found]:
    return run(task, releases)


@pytest.fixture(scope="module")
def template(task: Task) -> TaskTemplate:
    return Templates().load(task.key)


def test_task_is_described(task: Task) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]*", task.key) and TASKS[task.key] is task
    assert task.family in FAMILIES and task.facts.__module__ == f"chexinstruct.tasks.{task.family}"
    assert task.title and task.facts.__doc__
    assert task.needs and set(task.needs) <= NEEDS.keys()
    assert len(set(task.needs)) == len(task.needs)


def test_some_source_feeds_the_task(found: list[Found]) -> None:
    feeding = {item.release.key for item in found if item.release.official and item.facts}
    assert feeding


def test_every_study_gives_facts_or_a_reason(found: list[Found]) -> None:
    for item in found:
        assert item.items, item
        for one in item.items:
            assert isinstance(one, Facts | Drop)
            assert isinstance(one, Facts) or re.fullmatch("[a-z][a-z0-9_]*", one.reason)
        keys = [facts.key for facts in item.facts]
        assert len(set(keys)) == len(keys), item
        assert all(name and name == name.strip() for name in keys)


def test_facts_are_the_same_every_time(
    task: Task, releases: list[Layout], found: list[Found]
) -> None:
    again = run(task, releases[::-1])
    said = {repr(item): item.items for item in found}
    assert {repr(item): item.items for item in again} == said


def test_other_layouts_ask_the_same_of_the_same_study(found: list[Found]) -> None:
    """Facts follow from the study: where it is the same, so are they, save for other studies."""
    official = {(f.release.key, f.study.id): f for f in found if f.release.official}
    for item in found:
        first = official.get((item.release.key, item.study.id))
        if first is None or first.study != item.study:
            continue
        if first.context.others or first.context.prior() != item.context.prior():
            continue
        assert item.items == first.items


def test_pictures_are_of_the_study_its_prior_or_another_person(found: list[Found]) -> None:
    for item in found:
        prior = item.context.prior()
        mine = {*item.study.images, *(prior.images if prior else ())}
        for other in item.context.others:
            assert other.source == item.study.source
            assert set(other.people).isdisjoint(item.study.people) or not other.people
            assert item.release.split(other.id) == item.release.split(item.study.id)
        theirs = {image for other in item.context.others for image in other.images}
        for facts in item.facts:
            assert set(facts.images) <= mine | theirs, item
            assert len(set(facts.images)) == len(facts.images)
            assert all(image.path is not None for image in facts.images)


def test_regions_lie_in_the_pictures_shown(found: list[Found]) -> None:
    for item in found:
        for facts in item.facts:
            shown = {image.key for image in facts.images}
            for region in (*facts.asked, *facts.found):
                assert region.image in shown
                assert region.frame is not None and to_unit(region.box, region.frame)
            if facts.named is not None:
                assert all(getattr(region, facts.named) for region in facts.found)


def test_options_hold_the_answers(found: list[Found], template: TaskTemplate) -> None:
    for item in found:
        for facts in item.facts:
            assert facts.form in template.forms
            assert bool(facts.options) == template.forms[facts.form].options, item
            assert len(set(facts.options)) == len(facts.options) != 1
            if facts.options:
                assert facts.answers and set(facts.answers) <= set(facts.options)
            assert len(set(facts.answers)) == len(facts.answers)


def test_facts_name_what_they_were_made_of(found: list[Found]) -> None:
    for item in found:
        for facts in item.facts:
            assert facts.finding is None or facts.finding == canonical(facts.finding)
            asked = {s.name for s in item.context.label_sets()}
            assert facts.label_set is None or facts.label_set in asked
            assert facts.balance is None or re.fullmatch("[^/]+/[^/]+", facts.balance)
            assert facts.language in LANGUAGES
            texts = (*facts.slots.values(), *facts.options, *facts.answers)
            assert all(text == text.strip(" ") for text in texts)


# Characters that a template, or a missing value, leaves behind.
LEFT_OVER = re.compile(r"\{[{%#]|[}%#]\}|\b(?:None|nan|NaN|undefined|null)\b|<image>")


def check(row: Row, facts: Facts) -> None:
    for text in (row.instruction, row.response):
        assert text and text == text.strip()
        assert not LEFT_OVER.search(text), (row.template, text)
        assert not re.search(r"\n{3}|[ \t]\n", text), (row.template, text)
    for text in filter(None, facts.slots.values()):
        assert LEFT_OVER.search(text) is None
    right = [option for option in row.options if option.text in facts.answers]
    assert len(right) == (len(facts.answers) if facts.options else 0)
    for option in right:
        assert option.text in row.response or option.label in row.response
    assert {option.text for option in row.options} == set(facts.options)
    assert all(option.text in row.instruction for option in row.options)


def test_every_phrasing_can_be_rendered_with_every_facts(
    found: list[Found], template: TaskTemplate
) -> None:
    for item in found:
        for facts in item.facts:
            count = template.phrasings(facts.form)
            draw = Draw(key(item.study.id, facts.key))
            rows = worded(template, facts, draw, count=count)
            assert len({row.template for row in rows}) == count
            for row in rows:
                check(row, facts)


def test_every_wording_of_the_response_can_be_rendered_in_every_dialect(
    found: list[Found], template: TaskTemplate
) -> None:
    seen: set[tuple[object, ...]] = set()
    for item in found:
        for facts in item.facts:
            kind = (item.release.key, facts.form, *facts.slots, bool(facts.found), facts.named)
            if kind in seen:
                continue
            seen.add(kind)
            for dialect in BOX_DIALECTS:
                for seed in range(40):
                    (row,) = worded(template, facts, Draw(key(seed, dialect)), dialect)
                    check(row, facts)


def on_grid(regions: Sequence[Region], dialect: str, named: str | None) -> list[tuple[str, Box]]:
    """Name and box of each region in the order of the text, as exact as the dialect is.

    What lies in the picture is written; phrases stand one after the other, and otherwise the upper
    left corners tell.
    """
    form = BOX_DIALECTS[dialect]
    groups: dict[str | None, list[tuple[Box, str]]] = {}
    for region in regions:
        visible = visible_box(region)
        assert visible is not None and region.frame is not None
        (width, height), (x1, y1, x2, y2) = region.frame, visible
        exact = (x1 / width, y1 / height, x2 / width, y2 / height)
        group = region.phrase if named == "phrase" else None
        groups.setdefault(group, []).append((exact, getattr(region, named or "", None) or ""))
    found = []
    for group in groups.values():
        for exact, name in sorted(group):
            left, top, right, bottom = (form.grid(side) / form.scale for side in exact)
            found.append((name, (left, top, right, bottom)))
    return found


def names_beside_boxes(text: str, dialect: str) -> list[str]:
    """What stands before each box of a text that is nothing but boxes and their names."""
    form = BOX_DIALECTS[dialect]
    before, after = form.label.split("{}")
    *pieces, rest = re.sub(form.pattern, "\0", text).split("\0")
    assert rest == ""
    named = [piece.removeprefix(form.separator if i else "") for i, piece in enumerate(pieces)]
    return [piece.removeprefix(before).removesuffix(after) for piece in named]


@pytest.mark.parametrize("dialect", BOX_DIALECTS)
def test_boxes_in_the_text_are_those_of_the_facts(
    found: list[Found], template: TaskTemplate, dialect: str
) -> None:
    for item in found:
        for facts in item.facts:
            asked = on_grid(facts.asked, dialect, None)
            answer = on_grid(facts.found, dialect, facts.named)
            grounded = bool(asked or answer or facts.named)
            count = template.phrasings(facts.form) if grounded else 1
            draw = Draw(key(item.study.id, facts.key, dialect))
            for row in worded(template, facts, draw, dialect, count=count):
                shown = parse_boxes(row.instruction, dialect)
                assert shown == [box for _, box in asked], (item, row)
                assert parse_boxes(row.response, dialect) == [box for _, box in answer], (item, row)
                if answer and facts.named:
                    told = names_beside_boxes(row.response, dialect)
                    assert told == [name for name, _ in answer], (item, row)


# The examples for reviewers


def indented(text: str) -> list[str]:
    return ["```text", *text.splitlines(), "```"]


def named(image: Image) -> str:
    return image.key if image.view is None else f"{image.key} ({image.view})"


def chosen(facts: list[tuple[Found, Facts]]) -> list[tuple[Found, Facts]]:
    """A few facts of one source that differ in form and in the side of the answer."""
    kinds: dict[tuple[str, str], list[tuple[Found, Facts]]] = {}
    for item, fact in facts:
        side = (fact.balance or "").rpartition("/")[2]
        kinds.setdefault((fact.form, side), []).append((item, fact))
    rounds = zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    return [pair for one in rounds for pair in one if pair is not None][:EXAMPLES]


def golden(task: Task, releases: list[Layout]) -> str:
    """A few examples of each source of a task, in Markdown."""
    template = Templates().load(task.key)
    lines = [
        f"# {task.title} (`{task.key}`)",
        "",
        "Made of the synthetic releases: no patient and no report of any of them is real.",
    ]
    by_source: dict[str, list[tuple[Found, Facts]]] = {}
    for item in sorted(run(task, releases), key=repr):
        by_source.setdefault(item.release.key, []).extend((item, f) for f in item.facts)
    for source, facts in sorted(by_source.items()):
        lines += ["", f"## {source}"] if facts else []
        for item, fact in chosen(facts):
            draw = Draw(key("golden", task.key, source, item.study.id, fact.key))
            (row,) = worded(template, fact, draw)
            lines += ["", f"{item.study.id}, {fact.key}, {fact.form}"]
            if fact.images:
                lines += ["", "Pictures: " + ", ".join(map(named, fact.images))]
            lines += ["", *indented(row.instruction), "", *indented(row.response)]
    asked = {fact.form for facts in by_source.values() for _, fact in facts}
    if left := [form for form in template.forms if form not in asked]:
        lines += ["", f"No synthetic release has what these forms ask for: {', '.join(left)}."]
    return "\n".join(lines) + "\n"


def test_golden_examples(releases: list[Layout]) -> None:
    official = [release for release in releases if release.official]
    texts = {f"{task.key}.md": golden(task, official) for task in TASKS.values()}
    if os.environ.get("RENEW_GOLDEN"):
        for path in GOLDEN.glob("*.md"):
            path.unlink()
        for name, text in texts.items():
            (GOLDEN / name).write_text(text, encoding="utf-8")
    before = {path.name: path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.md")}
    difference = [
        line
        for name in sorted(before.keys() | texts.keys())
        for line in unified_diff(
            before.get(name, "").splitlines(), texts.get(name, "").splitlines(), name, "now", n=1
        )
    ]
    shown = "\n".join(difference[:60])
    assert not difference, f"examples have changed; if that is right, run: {RENEW}\n{shown}"
