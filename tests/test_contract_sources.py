"""What holds of every source, in every layout of its release.

The checks look sources up when they run, so that they hold of sources of other packages too;
``test_contract_broken.py`` runs them on sources that are broken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pydicom
import pytest
import yaml
from sample_releases import Loaded, Samples, variants

from chexinstruct.build.studies import StudyTable, load_studies
from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.reports import SECTIONS
from chexinstruct.schema import Study
from chexinstruct.shared.anatomy import PLACES
from chexinstruct.source import Source, build_order, registry
from chexinstruct.vocabulary import NO_FINDING, canonical

KEY = re.compile(r"[a-z][a-z0-9_]*")
PERSON = re.compile(r"[a-z][a-z0-9_]*:\S(?:.*\S)?")
DRAWN = {
    "box": {"box", "mixed"},
    "ellipse": {"mixed"},
    "polygon": {"mask", "mixed"},
    "mask": {"mask"},
}
"""What a label set says was drawn, by the shape of a region."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module", params=variants(), ids="-".join)
def loaded(request: pytest.FixtureRequest, samples: Samples) -> Loaded:
    return samples.load(*request.param)


@pytest.fixture(scope="module", params=registry().values(), ids=list(registry()))
def source(request: pytest.FixtureRequest) -> Source:
    chosen: Source = request.param
    return chosen


@pytest.fixture(scope="module")
def official(source: Source, samples: Samples) -> Loaded:
    """The publisher's own layout."""
    return samples.load(source.key)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# The package and its card


def test_package_is_whole(source: Source) -> None:
    names = {path.name for path in files(source.package).iterdir()}
    assert {"__init__.py", "card.yaml", "loader.py", "sample.py"} <= names
    assert source.package.rpartition(".")[2] == source.key
    for module in (source.loader, source.sample):
        assert module.__doc__


def test_card_tells_all_that_a_user_needs(source: Source) -> None:
    card = source.card
    for text in (card.name, card.summary, card.license_name, card.terms, card.citation, card.split):
        assert len(text) > 2 and text == text.strip()
    assert card.home.startswith("https://")
    for texts in (card.versions, card.access, card.files, card.languages):
        assert texts
    assert re.search(r"\b(19|20)\d\d\b", card.citation)
    assert all(re.fullmatch("[a-z]{2}", language) for language in card.languages)
    assert all(count.n > 0 and count.origin for count in card.counts)
    assert card.editions, "check cannot tell a whole release from a part of it"
    assert len({edition.name for edition in card.editions}) == len(card.editions)
    assert all(edition.rows or edition.files for edition in card.editions)
    for bad in card.known_bad:
        assert not PurePosixPath(bad.path).is_absolute() and "\\" not in bad.path


def test_card_has_no_bare_yes_or_no(source: Source) -> None:
    """YAML reads them as true and false; ``needed`` is the one switch of a card."""

    def switches(value: Any, name: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from switches(item, key)
        elif isinstance(value, list):
            for item in value:
                yield from switches(item, name)
        elif isinstance(value, bool):
            yield name

    raw = yaml.safe_load((files(source.package) / "card.yaml").read_text(encoding="utf-8"))
    assert set(switches(raw)) <= {"needed", "pictures"}


def test_label_sets_use_canonical_names(source: Source) -> None:
    for label_set in source.card.label_sets.values():
        assert label_set.findings == tuple(map(canonical, label_set.findings))
        assert len(set(label_set.findings)) == len(label_set.findings) > 0
        assert label_set.uncertain_by_finding.keys() <= set(label_set.findings)
        assert label_set.kind != "binary" or len(label_set.findings) == 1
        assert (label_set.drawn == "none") == (label_set.shape is None)


def test_other_sources_are_named_by_their_keys(source: Source) -> None:
    card = source.card
    others = [overlap.source for overlap in card.overlaps]
    assert len(set(others)) == len(others)
    assert all(KEY.fullmatch(key) and key != source.key for key in others)
    assert build_order({source.key}, registry())[-1] == source.key
    assert set(card.parents) <= set(others)
    assert card.split_authority is None or card.split_authority in card.parents
    assert set(card.requires).isdisjoint(card.uses) and all(card.uses.values())


def test_parents_know_their_children(source: Source) -> None:
    for parent in source.card.parents:
        assert source.key in {overlap.source for overlap in registry()[parent].card.overlaps}


def test_both_cards_of_an_overlap_say_what_shows_it(source: Source) -> None:
    known = registry()
    for overlap in source.card.overlaps:
        if overlap.source in known:
            back = {o.source: o.by for o in known[overlap.source].card.overlaps}
            assert back.get(source.key) == overlap.by, overlap.source


def test_files_of_the_card_are_those_of_the_releases(source: Source, samples: Samples) -> None:
    matched: Counter[str] = Counter()
    for variant in source.sample.VARIANTS:
        release = samples.load(source.key, variant).release
        for item in source.card.files:
            found = release.find_all(item.pattern)
            assert found or not item.needed, (variant, item.pattern)
            matched[item.pattern] += len(found)
    assert all(matched[item.pattern] for item in source.card.files), matched


# The sample release


def test_sample_is_the_same_bytes_every_time(loaded: Loaded, tmp_path: Path) -> None:
    loaded.source.sample.write(tmp_path, loaded.variant)
    assert content(tmp_path) == content(loaded.folder)


def test_sample_without_a_variant_is_the_publishers_layout(
    source: Source, official: Loaded, tmp_path: Path
) -> None:
    source.sample.write(tmp_path)
    assert content(tmp_path) == content(official.folder)
    assert len(set(source.sample.VARIANTS)) == len(source.sample.VARIANTS)


def test_sample_is_small(loaded: Loaded) -> None:
    data = content(loaded.folder)
    assert sum(map(len, data.values())) < 5_000_000
    assert 3 <= len(loaded.studies) <= 100


def test_sample_lacks_a_picture_and_holds_others(official: Loaded) -> None:
    own = [image for s in official.studies for image in s.images if image.release is None]
    if own:
        missing = [image for image in own if image.path is None]
        assert 0 < len(missing) < len(own) / 2


def test_sample_has_every_split_of_the_release(official: Loaded) -> None:
    card = official.source.card
    splits = {study.split for study in official.studies} - {None}
    if card.split.startswith("none"):
        assert not splits
        return
    if splits == {"test"}:
        assert all(study.holdout for study in official.studies), "a benchmark is held out"
        return
    # Challenges hold back the labels of their test pictures; then there is no test study.
    assert len(splits) > 1
    assert (card.validation_share > 0) == ("validation" not in splits)


# What the loader gives


def test_other_place_gives_the_same_studies(
    loaded: Loaded, samples: Samples, tmp_path: Path
) -> None:
    """No order of the file system, no path of this machine, no state of the loader."""
    for name, data in reversed(content(loaded.folder).items()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    again = samples.read(loaded.source.key, loaded.variant, tmp_path)
    assert again.studies.studies == loaded.studies.studies
    assert again.release.rejects == loaded.release.rejects


def test_pixels_are_never_looked_at(loaded: Loaded, samples: Samples, tmp_path: Path) -> None:
    for name, data in content(loaded.folder).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if data.startswith(b"\x89PNG"):
            path.write_bytes(data[:33])  # signature and header
        elif data.startswith(b"\xff\xd8\xff"):
            path.write_bytes(data[: data.index(b"\xff\xda")])  # all before the first scan
        elif data[128:132] == b"DICM":
            with pydicom.dcmread(path, stop_before_pixels=True) as header:
                header.save_as(path)
    bare = samples.read(loaded.source.key, loaded.variant, tmp_path)
    assert bare.studies.studies == loaded.studies.studies
    assert bare.release.rejects == loaded.release.rejects


def test_what_a_source_only_uses_may_be_missing(loaded: Loaded, samples: Samples) -> None:
    card = loaded.source.card
    if not card.uses:
        return
    release = Release.open(loaded.folder, source=loaded.source.key)
    needed = {parent: samples.load(parent).studies for parent in card.requires}
    bare = list(loaded.source.loader.studies(release, needed))
    assert bare and {study.id for study in bare} <= {study.id for study in loaded.studies}
    told = Counter(reason for reason, expected in release.reject_counts if expected)
    assert bare == loaded.studies.studies or told, "what is lost has a reason"


def test_studies_fit_the_schema_and_survive_the_study_table(
    loaded: Loaded, samples: Samples, tmp_path: Path
) -> None:
    for study in loaded.studies:
        assert msgspec.convert(msgspec.to_builtins(study), Study) == study
    parents = {}
    for parent in loaded.source.card.parents:
        said = load_studies(
            registry()[parent], str(samples.load(parent).folder), tmp_path, "key", {}
        )
        parents[parent] = Path(said.table)
    said = load_studies(loaded.source, str(loaded.folder), tmp_path, "key", parents)
    assert list(StudyTable(Path(said.table))) == loaded.studies.studies


def test_ids_and_picture_keys_are_unique(loaded: Loaded) -> None:
    ids = Counter(study.id for study in loaded.studies)
    assert ids.most_common(1)[0][1] == 1
    keys = Counter(i.key for s in loaded.studies for i in s.images if i.role == "current")
    assert max(keys.values(), default=1) == 1
    for study in loaded.studies:
        assert study.source == loaded.source.key
        assert len({image.key for image in study.images}) == len(study.images)


def test_pictures_lie_in_the_release_that_is_named(loaded: Loaded, samples: Samples) -> None:
    files_of = {None: loaded.release.files}
    for key in loaded.source.card.parents:
        files_of[key] = samples.load(key).release.files
    for image in (image for study in loaded.studies for image in study.images):
        assert image.release in files_of
        assert image.path is None or image.path in files_of[image.release]
        assert (image.width is None) == (image.height is None)
        assert image.width is None or image.height is None or min(image.width, image.height) > 0
        assert (image.view is None) or image.view_source


def test_pictures_are_those_of_the_study(loaded: Loaded) -> None:
    for study in loaded.studies:
        keys = {image.key for image in study.images}
        named = [region.image for region in study.regions]
        named += [key for q in study.questions for key in (*q.prior, *q.images)]
        named += [key for c in study.comparisons for key in (*c.prior, *c.current)]
        named += [label.image for label in study.labels if label.image is not None]
        assert set(named) <= keys, study.id
        prior = {image.key for image in study.images if image.role == "prior"}
        for question in study.questions:
            assert set(question.prior) <= prior and prior.isdisjoint(question.images)
        for comparison in study.comparisons:
            assert comparison.prior and comparison.current
            assert set(comparison.prior) <= prior and prior.isdisjoint(comparison.current)


def test_parts_of_a_study_have_ids_of_their_own(loaded: Loaded) -> None:
    for study in loaded.studies:
        for parts in (
            study.questions,
            study.texts,
            study.pairs,
            study.entities,
            study.comparisons,
            study.explanations,
            study.error_counts,
        ):
            names = [(part.id, getattr(part, "annotator", None)) for part in parts]
            assert len(set(names)) == len(names)


def test_labels_belong_to_a_label_set_that_was_applied(loaded: Loaded) -> None:
    sets = loaded.source.card.label_sets
    for study in loaded.studies:
        assert set(study.label_sets) <= sets.keys()
        assert len(set(study.label_sets)) == len(study.label_sets)
        offered = {f for name in study.label_sets for f in sets[name].findings}
        for label in study.labels:
            assert label.finding in offered or (label.finding == NO_FINDING and label.reader)
            assert set(label.locations) <= PLACES.keys()
        for name in study.label_sets:
            if sets[name].kind == "exclusive":
                found = [x for x in study.labels if x.finding in sets[name].findings]
                assert sum(x.state == "present" for x in found) == 1


def test_every_label_set_is_applied_somewhere(source: Source, samples: Samples) -> None:
    applied = {
        name
        for variant in source.sample.VARIANTS
        for study in samples.load(source.key, variant).studies
        for name in study.label_sets
    }
    assert applied == source.card.label_sets.keys()


def test_regions_are_what_they_say(loaded: Loaded) -> None:
    sets = loaded.source.card.label_sets
    for study in loaded.studies:
        drawn = {sets[name].shape for name in study.label_sets} - {None}
        for region in study.regions:
            x1, y1, x2, y2 = region.box
            assert all(map(isfinite, region.box)) and x1 < x2 and y1 < y2
            assert region.frame is None or min(region.frame) > 0
            assert bool(region.rle) == (region.shape == "mask")
            assert bool(region.rings) == (region.shape == "polygon")
            assert region.label is None or region.label == canonical(region.label)
            assert region.label or region.phrase or region.name
            assert region.label is None or not drawn.isdisjoint(DRAWN[region.shape])


def test_sections_are_known_and_hold_text(loaded: Loaded) -> None:
    for study in loaded.studies:
        if study.report is None:
            continue
        assert study.report.release in (None, *loaded.source.card.parents)
        assert study.report.sections or study.report.raw
        assert study.report.sections.keys() <= set(SECTIONS)


def texts(study: Study) -> Iterator[str | None]:
    """Everything that could stand in a row."""
    if study.report is not None:
        yield from study.report.sections.values()
    yield from (text.text for text in study.texts)
    for pair in study.pairs:
        yield from (pair.first, pair.second)
    for question in study.questions:
        yield from (question.text, *question.answers, *question.options, *question.references)
        yield question.context
        for turn in question.history:
            yield from (turn.question, turn.answer)
    for region in study.regions:
        yield from (region.label, region.name, region.phrase)
    for label in study.labels:
        yield from (label.finding, label.name)
    yield from (explanation.text for explanation in study.explanations)
    yield from (entities.text for entities in study.entities)
    for count in study.error_counts:
        yield from (count.reference, count.candidate)
    yield from study.codes


def test_texts_have_no_outer_blanks_and_are_never_empty(loaded: Loaded) -> None:
    for study in loaded.studies:
        for text in texts(study):
            assert text is None or (text and text == text.strip()), study.id


def test_people_are_spaces_and_ids(loaded: Loaded) -> None:
    for study in loaded.studies:
        people = (*study.people, *study.quoted)
        assert all(PERSON.fullmatch(person) for person in people)
        assert len(set(people)) == len(people)
        assert study.people or not study.quoted
        # A picture shows somebody, known or not; only texts may be of nobody.
        assert study.people or not study.images


def test_splits_say_where_they_come_from(loaded: Loaded) -> None:
    for study in loaded.studies:
        assert (study.split is None) == (study.split_origin is None)
        assert study.split is not None or not study.holdout


def natural(text: str) -> list[tuple[int, str]]:
    """Runs of digits compare as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def test_order_compares_as_text(loaded: Loaded) -> None:
    """Studies that have the same person and different orders stand in time."""
    people: dict[tuple[str, ...], list[str]] = {}
    for study in loaded.studies:
        if study.order is not None:
            assert study.order.strip()
            people.setdefault(study.people, []).append(study.order)
    for orders in people.values():
        assert sorted(orders) == sorted(orders, key=natural)


def test_facts_of_the_patient_are_plausible(loaded: Loaded) -> None:
    for study in loaded.studies:
        assert study.age is None or 0 <= study.age <= 120
        assert study.language in loaded.source.card.languages
        assert {question.language for question in study.questions} <= set(
            loaded.source.card.languages
        )


def test_origin_is_a_file_of_the_release(loaded: Loaded) -> None:
    """Or a member of one of its archives."""
    for study in loaded.studies:
        assert study.origin is not None
        file = PurePosixPath(study.origin.file)
        assert any(str(path) in loaded.release.files for path in (file, *file.parents))
        assert study.origin.row is None or study.origin.row > 0


def phrases(text: str) -> set[tuple[str, ...]]:
    """All runs of four words."""
    words = re.findall(r"\w+", text.casefold())
    return set(zip(words, words[1:], words[2:], words[3:], strict=False))


def test_rejects_name_a_file_and_quote_no_report(loaded: Loaded, samples: Samples) -> None:
    studies = list(loaded.studies)
    for parent in loaded.source.card.parents:
        studies += samples.load(parent).studies
    told = [text for study in studies for text in texts(study) if text]
    told += [study.report.raw for study in studies if study.report and study.report.raw]
    secret = set().union(*map(phrases, told)) if told else set()
    listed = loaded.release.files
    for reject in loaded.release.rejects:
        path = PurePosixPath(reject.path)
        assert any(str(place) in listed for place in (path, *path.parents)), reject.path
        assert phrases(reject.detail).isdisjoint(secret)


def test_empty_folder_is_one_clear_error(source: Source, samples: Samples, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=rf"^{source.key}: [^\n]+; [^\n]+$"):
        samples.read(source.key, source.sample.VARIANTS[0], tmp_path)
