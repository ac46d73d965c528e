"""Items of CheXbench: rules on studies, draws, benches of the synthetic releases, checks."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from build_support import names, placed, source, study, table
from sklearn.model_selection import train_test_split
from typer.testing import CliRunner

from chexinstruct.bench.build import BenchOptions, build_bench
from chexinstruct.bench.contamination import shared_with as found_in
from chexinstruct.bench.folder import ITEMS, LOCK
from chexinstruct.bench.markdown import markdown
from chexinstruct.bench.models import load_model
from chexinstruct.bench.opening import Bench, open_bench
from chexinstruct.bench.page import page
from chexinstruct.bench.reporting import read_scored
from chexinstruct.bench.running import RunOptions, run
from chexinstruct.bench.scores import SCORES
from chexinstruct.bench.scoring import score
from chexinstruct.bench.upstream import import_upstream
from chexinstruct.bench.verify import verify_bench
from chexinstruct.build import BuildOptions, build
from chexinstruct.build.holdout import read_persons
from chexinstruct.build.inputs import MissingInputs
from chexinstruct.build.people import resolve
from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.chexbench.drawing import draw
from chexinstruct.chexbench.recipe import Choice, Part, chexbench, parts_of
from chexinstruct.chexbench.rules import RULES
from chexinstruct.chexbench.splits import digest_of
from chexinstruct.chexbench.splits import test_ids as listed_test_ids
from chexinstruct.cli import app
from chexinstruct.draw import key
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub import make_recipe, rebuild
from chexinstruct.images import ImageSettings
from chexinstruct.manifest import Manifest, Shares, load_manifest
from chexinstruct.schema import Image, Label, Region, Study
from chexinstruct.source import registry
from chexinstruct.sources.chexpert import sample as chexpert
from chexinstruct.sources.mimic_cxr import sample as mimic
from chexinstruct.sources.rad_restruct import sample as rad_restruct

SMALL = ImageSettings(size=64)


def part(task: str, source: str, subtask: str | None = None, edition: str = "v2") -> Part:
    (found,) = (
        p
        for p in chexbench().parts
        if (p.task, p.source, p.subtask) == (task, source, subtask) and edition in p.editions
    )
    return found


def asking(of: Part, *, seed: int = 0, strict: bool = False, **content: Any) -> Asking:
    content = {"views": "frontal", "pictures": False, **content}
    sets = registry()[of.source].card.label_sets
    return Asking(part=of, seed=seed, strict=strict, label_sets=sets, **content)


def outcomes(found: Study, how: Asking) -> list[Candidate | Refused]:
    return list(RULES[how.part.rule][0](found, how))


def only(found: Study, how: Asking) -> Candidate | Refused:
    (outcome,) = outcomes(found, how)
    return outcome


FRONTAL = Image(key="f", path="f.png", view="PA")
LATERAL = Image(key="l", path="l.png", view="LATERAL")


# Rules


SMALL_EFFUSION = "small left pleural effusion", "small right pleural effusion"
LOWER_LOBE = "left lower lobe pulmonary atelectasis", "left upper lobe pulmonary atelectasis"
TORTUOUS = "mildly tortuous thoracic aorta", "severely tortuous thoracic aorta"
LUMBAR = "Scoliosis/lumbar vertebrae/severe"


@pytest.mark.parametrize(
    ("subtask", "codes", "expected"),
    [
        ("side", ["Pleural Effusion/left/small"], SMALL_EFFUSION),
        ("side", ["Pleural Effusion/left/small", "Opacity/right/patchy"], SMALL_EFFUSION),
        ("side", ["Opacity/right", "Opacity/right"], "several_listed_codes"),
        ("side", ["Opacity/right", "Deformity/ribs/left"], "several_listed_codes"),
        ("side", ["Opacity"], "no_listed_code"),
        ("region", ["Pulmonary Atelectasis/lower lobe/left"], LOWER_LOBE),
        ("region", ["Pulmonary Atelectasis/left"], "no_listed_code"),
        ("severity", ["Aorta, Thoracic/tortuous/mild", "Cardiomegaly"], TORTUOUS),
        ("severity", [LUMBAR], "no_wording"),
        ("severity", [LUMBAR, "Cardiomegaly/mild"], "several_listed_codes"),
    ],
)
def test_fine_grained_takes_reports_with_exactly_one_listed_code(
    subtask: str, codes: list[str], expected: tuple[str, str] | str
) -> None:
    how = asking(part("fine_grained_reasoning", "openi", subtask))
    found = only(study("CXR1", codes=tuple(codes), images=(FRONTAL,)), how)
    assert (found.reason if isinstance(found, Refused) else found.options) == expected
    bare = only(study("CXR1", codes=tuple(codes)), how)
    assert isinstance(bare, Refused)


def test_the_lists_of_codes_have_their_published_lengths() -> None:
    lengths = {p.subtask: len(p.codes) for p in parts_of("v2") if p.rule == "fine_grained"}
    assert lengths == {"side": 25, "region": 2, "severity": 13}


def test_the_picture_of_a_study_is_its_first_frontal_one() -> None:
    of = part("fine_grained_reasoning", "openi", "side")
    both = study("CXR1", codes=("Opacity/left",), images=(LATERAL, FRONTAL))
    lateral = study("CXR1", codes=("Opacity/left",), images=(LATERAL,))
    untold = study("CXR1", codes=("Opacity/left",), images=(Image(key="u", path="u.png"),))
    assert only(both, asking(of)).images == (FRONTAL,)  # type: ignore[union-attr]
    assert only(lateral, asking(of)).images == (LATERAL,)  # type: ignore[union-attr]
    assert only(lateral, asking(of, strict=True)) == Refused("no_frontal_image")
    assert only(untold, asking(of, strict=True)) == Refused("projection_not_known")
    drawn = [only(both, asking(of, seed=seed, views="any")) for seed in range(40)]
    shown = Counter(one.images for one in drawn if isinstance(one, Candidate))
    assert shown.keys() == {(FRONTAL,), (LATERAL,)} and min(shown.values()) > 8
    gone = msgspec.structs.replace(FRONTAL, path=None)
    missing = study("CXR1", codes=("Opacity/left",), images=(gone,))
    assert only(missing, asking(of, pictures=True)) == Refused("missing_image")
    assert isinstance(only(missing, asking(of)), Candidate)


def labelled(**states: str) -> Study:
    labels = [
        Label(finding=name.replace("_", " "), state=state)  # type: ignore[arg-type]
        for name, state in states.items()
    ]
    return study("s1", labels=tuple(labels), label_sets=("chexpert",), images=(LATERAL, FRONTAL))


def test_an_uncertain_finding_is_neither_answer_nor_option() -> None:
    of = part("single_disease_identification", "mimic_cxr")
    said = labelled(edema="present", fracture="uncertain", pneumonia="absent")
    named = set()
    for seed in range(100):
        found = only(said, asking(of, seed=seed))
        assert isinstance(found, Candidate)
        assert found.options[0] == "edema" and len(set(found.options)) == 4
        assert found.images == (FRONTAL, LATERAL)
        named.update(found.options)
    assert named == {*of.findings} - {"fracture"}
    strict = [only(said, asking(of, seed=seed, strict=True)) for seed in range(100)]
    safe = {option for one in strict if isinstance(one, Candidate) for option in one.options}
    assert safe < named and "lung opacity" not in safe  # edema is one
    assert all(one.images == (FRONTAL,) for one in strict if isinstance(one, Candidate))


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ({"edema": "uncertain", "pneumonia": "absent"}, "no_finding"),
        ({"edema": "present", "pneumonia": "present"}, "several_findings"),
    ],
)
def test_single_wants_exactly_one_finding(states: dict[str, str], reason: str) -> None:
    of = part("single_disease_identification", "mimic_cxr")
    assert only(labelled(**states), asking(of)) == Refused(reason)
    assert only(study("s1", images=(FRONTAL,)), asking(of)) == Refused("no_labels")


def test_wrong_sets_are_as_large_as_the_right_one_and_never_true() -> None:
    of = part("multiple_disease_identification", "mimic_cxr")
    present = {"atelectasis", "edema", "pleural effusion"}
    said = labelled(**{name.replace(" ", "_"): "present" for name in present}, fracture="uncertain")
    wrong = Counter[int]()
    for seed in range(200):
        found = only(said, asking(of, seed=seed))
        assert isinstance(found, Candidate)
        assert found.options[0] == "atelectasis, edema, pleural effusion"
        assert len(set(found.options)) == 4
        for option in found.options[1:]:
            findings = set(option.split(", "))
            assert len(findings) == 3 and findings <= {*of.findings} - {"fracture"}
            assert findings - present
            wrong[len(findings - present)] += 1
    assert wrong.keys() == {1, 2, 3}
    most = labelled(**{name.replace(" ", "_"): "present" for name in of.findings})
    assert only(most, asking(of)) == Refused("too_few_wrong_options")


def test_binary_asks_what_is_said_and_clean_denies_nothing_that_overlaps() -> None:
    of = part("binary_disease_classification", "chexpert")
    said = labelled(pneumonia="present", consolidation="absent", edema="uncertain")
    found = outcomes(said, asking(of))
    asked = {c.group: c.side for c in found if isinstance(c, Candidate)}
    assert asked == {"pneumonia": "yes", "consolidation": "no"}
    refused = Counter(c.reason for c in found if isinstance(c, Refused))
    assert refused == {"uncertain": 1, "not_mentioned": 9}
    strict = outcomes(said, asking(of, strict=True))
    assert [c.group for c in strict if isinstance(c, Candidate)] == ["pneumonia"]
    assert Refused("overlapping_finding") in strict


def test_a_phrase_is_one_item_with_all_its_boxes() -> None:
    of = part("phrase_grounding", "ms_cxr")

    def region(phrase: str, x: float) -> Region:
        box = (x, 10.0, x + 20, 30.0)
        return Region(
            image="f", shape="box", box=box, frame=(100, 50), phrase=phrase, label="edema"
        )

    said = study("s", images=(FRONTAL,), regions=(region("a", 0), region("b", 5), region("a", 60)))
    found = [c for c in outcomes(said, asking(of)) if isinstance(c, Candidate)]
    assert [(c.phrase, len(c.regions)) for c in found] == [("a", 2), ("b", 1)]
    assert len({c.key for c in found}) == 2 and "a" in str(found[0].question)


# Draws


def candidates(sides: str, group: str = "") -> list[Candidate]:
    return [
        Candidate(study=study(f"s{group}{n}"), key="k", side=side, group=group)
        for n, side in enumerate(sides)
    ]


def test_draws_do_not_depend_on_order_and_hardly_on_other_studies() -> None:
    how = asking(part("binary_disease_classification", "siim_pneumothorax"))
    pool = candidates("yn" * 200)
    choice = Choice(per_side=50)

    def ids(found: list[Candidate]) -> set[str]:
        return {c.study.id for c in draw(found, choice, how.rank, sides=("y", "n")).items}

    first = ids(pool)
    assert len(first) == 100 and ids(pool[::-1]) == first
    assert len(first - ids(pool[:-2])) <= 2
    other = asking(how.part, seed=1)
    assert {c.study.id for c in draw(pool, choice, other.rank, sides=("y", "n")).items} != first


def test_quotas_shortfalls_and_balance() -> None:
    how = asking(part("visual_question_answering", "rad_restruct"))
    pool = [*candidates("yynnnnn", "a"), *candidates("ynn", "b"), *candidates("nnn", "c")]

    def drawn(**choice: Any) -> tuple[dict[tuple[str, str], int], dict[str, int], dict[str, int]]:
        found = draw(pool, Choice(**choice), how.rank, sides=("y", "n"), groups=("a", "b", "c"))
        assert len(found.items) + found.reasons.total() == len(pool)
        counts = Counter((c.group, c.side) for c in found.items)
        return dict(counts), dict(found.reasons), found.shortfall

    assert drawn()[1:] == ({}, {})
    counts, reasons, short = drawn(balance=True, by_group=True)
    assert counts == {("a", "y"): 2, ("a", "n"): 2, ("b", "y"): 1, ("b", "n"): 1}
    assert reasons == {"one_sided": 3, "not_drawn": 4} and short == {}
    counts, _, short = drawn(balance=True, by_group=True, total=5)
    assert sum(counts.values()) == 4 and short == {"all": 1}
    counts, _, _ = drawn(balance=True)
    assert sum(n for (_, side), n in counts.items() if side == "n") == 3
    _, _, short = drawn(per_side=2, by_group=True)
    assert short == {"b/y": 1, "c/y": 2}
    counts, reasons, short = drawn(per_side={"n": 4})
    assert sum(counts.values()) == 3 + 4 and short == {}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 101, 1000, 12_047])
def test_the_listed_split_is_that_of_scikit_learn(n: int) -> None:
    ids = [f"{i:05d}" for i in range(n)]
    if n < 4:  # scikit-learn refuses to leave a part empty
        assert len(listed_test_ids(ids)) <= 1
        return
    _, aside = train_test_split(ids, test_size=0.3, random_state=0)
    test, _ = train_test_split(aside, test_size=0.5, random_state=0)
    assert listed_test_ids(reversed(ids)) == sorted(test)


# Benches of the synthetic releases


@pytest.fixture(scope="module")
def benches(data_root: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """``core`` with pictures, ``full``, ``clean`` and ``v1`` without; ``cache``."""

    def write(folder: Path) -> None:
        run = BuildOptions(cache=folder / "cache", on_missing_image="skip")
        for name, options in {
            "core": BenchOptions(images=SMALL),
            "full": BenchOptions(recipe="full", pictures=False),
            "clean": BenchOptions(recipe="clean", pictures=False),
            "v1": BenchOptions(edition="v1", pictures=False),
        }.items():
            build_bench(data_root, folder / name, options, run)

    return made_once("benches", write)


@pytest.fixture(scope="module")
def core(benches: Path) -> Bench:
    return open_bench(benches / "core")


def of(bench: Bench, task: str, source: str) -> list[Any]:
    return [i for i in bench.items if (i.task, i.source) == (task, source)]


@pytest.mark.parametrize("name", ["core", "full", "clean", "v1"])
def test_a_bench_holds_what_is_promised(benches: Path, name: str) -> None:
    found = verify_bench(benches / name)
    assert [f for f in found.findings if f.level == "failed"] == []
    checked = {f.check for f in found.findings if f.level == "ok"}
    assert checked >= {"files", "ids_unique", "items", "asked_once", "accounts"}
    assert ("pictures" in checked) == (name == "core")
    expected = {p.name for p in parts_of("v1" if name == "v1" else "v2")}
    bench = open_bench(benches / name)
    lines = {"/".join(filter(None, (p.task, p.subtask, p.source))) for p in bench.lock.parts}
    assert lines == expected
    assert all(item.construction.rule.endswith("/1") for item in bench.items)


def test_views_are_counted_by_study_and_class(benches: Path) -> None:
    def expected(classes: dict[str, str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for exam in mimic.EXAMS:
            if exam.split == "test":
                found.update({classes[view] for view in exam.views if view in classes})
        return found

    full = of(open_bench(benches / "full"), "view_classification", "mimic_cxr")
    classes = {"AP": "AP", "PA": "PA", "LATERAL": "lateral", "LL": "lateral"}
    assert Counter(i.options[i.answer] for i in full) == expected(classes)
    assert all(set(i.options) == {"AP", "PA", "lateral"} for i in full)
    first = of(open_bench(benches / "v1"), "view_classification", "mimic_cxr")
    assert Counter(i.options[i.answer] for i in first) == expected(classes | {"LL": "left lateral"})
    assert all(len(i.options) == 4 for i in first)


def test_every_finding_of_the_radiologists_is_asked(core: Bench) -> None:
    exams = [exam for exam in chexpert.EXAMS if exam.side == "test"]
    found = of(core, "binary_disease_classification", "chexpert")
    assert len(found) == 12 * len(exams)
    yes = sum((exam.labels or "").count("+") for exam in exams)
    devices = sum("Support Devices" in (exam.labels or "") for exam in exams)
    none = sum("No Finding" in (exam.labels or "") for exam in exams)
    assert Counter(i.options[i.answer] for i in found)["yes"] == yes - devices - none


def test_first_questions_are_balanced_by_text(benches: Path) -> None:
    said: dict[str, Counter[str]] = {}
    for exam in (exam for exam in rad_restruct.EXAMS if exam.split == "test"):
        for text, answers, history, *_ in rad_restruct.questions(exam):
            if not history:
                said.setdefault(text, Counter()).update(answers)
    found = of(open_bench(benches / "full"), "visual_question_answering", "rad_restruct")
    counts: dict[str, Counter[str]] = {}
    for item in found:
        counts.setdefault(item.question, Counter())[item.options[item.answer]] += 1
        assert len(item.images) == 1
    rarest = {text: min(c["yes"], c["no"]) for text, c in said.items()}
    assert {text: (c["yes"], c["no"]) for text, c in counts.items()} == {
        text: (n, n) for text, n in rarest.items() if n
    }
    assert counts
    clean = open_bench(benches / "clean").lock.parts
    (line,) = (part for part in clean if part.source == "rad_restruct")
    assert line.reasons["contradicted_no"] > 0


def test_two_pictures_are_shown_the_earlier_one_first(core: Bench) -> None:
    found = of(core, "temporal_classification", "ms_cxr_t")
    assert len(found) == 3  # those of the row whose studies are test in MIMIC-CXR
    assert {i.options[i.answer] for i in found} == {"improved", "stable", "worsened"}
    for item in found:
        assert [i.id for i in item.images] == [
            mimic.dicom_id(50000008, 1),
            mimic.dicom_id(50000000, 1),
        ]
    line = next(p for p in core.lock.parts if p.source == "ms_cxr_t")
    assert line.left_out["parent_not_in_test"] > 0


def test_boxes_are_fractions_and_texts_are_those_of_the_release(core: Bench) -> None:
    found = of(core, "phrase_grounding", "ms_cxr")
    assert found and all(i.boxes and i.phrase and i.form == "boxes" for i in found)
    generated = of(core, "findings_generation", "mimic_cxr")
    reports = {f"s{exam.study}" for exam in mimic.EXAMS if exam.split == "test"}
    assert {i.study_id for i in generated} <= reports
    assert all(i.reference and i.context[0][0] == "indication" for i in generated)
    assert all(1 <= len(i.images) <= 2 and i.question is None for i in generated)
    for item in of(core, "findings_summarization", "mimic_cxr"):
        assert not item.images and "___" not in str(item.reference)


def test_slake_core_is_the_published_pictures_and_clean_is_test_alone(benches: Path) -> None:
    """No sample picture is one of the 36; all of validation and test are in full."""
    assert of(open_bench(benches / "core"), "visual_question_answering", "slake") == []
    full = of(open_bench(benches / "full"), "visual_question_answering", "slake")
    assert Counter(i.split for i in full) == {"validation": 2 * 2, "test": 3 * 2}
    clean = of(open_bench(benches / "clean"), "visual_question_answering", "slake")
    assert {i.id for i in clean} == {i.id for i in full if i.split == "test"}


def test_clean_holds_nobody_who_stands_outside_test(benches: Path) -> None:
    bench = open_bench(benches / "clean")
    persons = {number for one in read_persons(bench.path) for number in one.persons}
    for number in (exam.number for exam in rad_restruct.EXAMS if exam.split == "train"):
        assert f"{key('person', f'openi:{number}'):016x}" not in persons
    assert persons


def test_items_name_patients_by_digests_of_the_seed(
    benches: Path, data_root: Path, tmp_path: Path
) -> None:
    run = BuildOptions(cache=benches / "cache", on_missing_image="skip")
    lock = build_bench(data_root, tmp_path / "b", BenchOptions(seed=3, images=SMALL), run)
    other, first = open_bench(tmp_path / "b"), open_bench(benches / "core")
    assert lock.seed == 3
    mine = {i.study_id: i.patient for i in of(other, "findings_generation", "mimic_cxr")}
    theirs = {i.study_id: i.patient for i in of(first, "findings_generation", "mimic_cxr")}
    assert mine.keys() == theirs.keys() and not set(mine.values()) & set(theirs.values())
    ours = of(first, "findings_generation", "mimic_cxr")
    assert all(i.cluster == i.patient for i in ours)


def test_workers_change_no_byte_and_the_right_option_stands_anywhere(
    benches: Path, data_root: Path, tmp_path: Path
) -> None:
    run = BuildOptions(workers=2, cache=tmp_path / "cache", on_missing_image="skip")
    build_bench(data_root, tmp_path / "b", BenchOptions(images=SMALL), run)
    first, again = (open_bench(folder) for folder in (benches / "core", tmp_path / "b"))
    assert (tmp_path / "b" / ITEMS).read_bytes() == (benches / "core" / ITEMS).read_bytes()
    assert first.lock.files == again.lock.files
    places = Counter(i.answer for i in first.items if len(i.options) == 2)
    assert min(places[0], places[1]) > 0.3 * places.total()


def test_missing_pictures_and_sources_are_told_before_anything_is_built(
    data_root: Path, benches: Path, tmp_path: Path
) -> None:
    with pytest.raises(ChexinstructError, match="on-missing-image skip"):
        build_bench(data_root, tmp_path / "b", run=BuildOptions(cache=benches / "cache"))
    assert not (tmp_path / "b" / LOCK).exists()
    shutil.copytree(data_root / "slake", tmp_path / "raw/slake")
    run = BuildOptions(cache=benches / "cache", available=True)
    with pytest.raises(ChexinstructError, match="not found"):
        build_bench(tmp_path / "raw", tmp_path / "c", run=BuildOptions(cache=benches / "cache"))
    options = BenchOptions(recipe="full", pictures=False)
    lock = build_bench(tmp_path / "raw", tmp_path / "c", options, run)
    assert "openi" in lock.skipped_sources and lock.images is None
    assert {p.source for p in lock.parts} == {"slake"}
    told = {gap.what: gap.why for gap in verify_bench(tmp_path / "c").gaps}
    assert "not found" in told["fine_grained_reasoning/side/openi"]
    items = open_bench(tmp_path / "c").items
    assert all(image.id and not image.file for item in items for image in item.images)


def test_a_folder_with_other_files_is_refused(data_root: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CallError, match="other files"):
        build_bench(data_root, tmp_path, BenchOptions(pictures=False))
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(CallError, match="no bench at"):
        open_bench(tmp_path)


# Checks


@pytest.fixture
def damaged(core: Bench, tmp_path: Path) -> Path:
    shutil.copytree(core.path, tmp_path / "bench")
    return tmp_path / "bench"


def failed(path: Path) -> set[str]:
    return {f.check for f in verify_bench(path).findings if f.level == "failed"}


def test_damage_is_found(damaged: Path) -> None:
    picture = next((damaged / "images").rglob("*.jpg"))
    picture.write_bytes(b"other")
    assert failed(damaged) == {"pictures"}
    picture.unlink()
    lines = (damaged / ITEMS).read_text().splitlines()
    item = json.loads(lines[0])
    lines[0] = json.dumps(item | {"answer": 9})
    (damaged / ITEMS).write_text("\n".join([*lines, lines[1]]) + "\n")
    expected = {"files", "pictures", "items", "ids_unique", "asked_once", "accounts"}
    assert failed(damaged) == expected
    (damaged / ITEMS).write_text("{\n")
    with pytest.raises(ChexinstructError, match="line 1"):
        open_bench(damaged)


def test_gaps_are_told_with_reasons(core: Bench) -> None:
    gaps = {gap.what: gap for gap in verify_bench(core.path).gaps}
    side = gaps["fine_grained_reasoning/side/openi"]
    assert side.published == 293 and side.found < 293 and "no_listed_code" in side.why
    assert gaps["fine_grained_reasoning/side/openi, answer right"].published == 157
    assert gaps["findings_generation"].published == 2_451


# Corpora


def small(**content: Any) -> Manifest:
    return Manifest.model_validate(
        {
            "name": "small",
            "version": "1.0.0",
            "sources": ("openi", "rad_restruct", "slake"),
            "tasks": ("close_ended_vqa", "findings_generation"),
            "images": {"size": 64},
            **content,
        }
    )


def corpus(raw: Path, folder: Path, cache: Path, **content: Any) -> Path:
    build(small(**content), raw, folder, BuildOptions(cache=cache, on_missing_image="skip"))
    return folder


def shared_with(bench: Bench, path: Path) -> dict[str, str]:
    found = verify_bench(bench.path, corpus=path).findings
    return {f.check: f.level for f in found if f.check.startswith("corpus_")}


def scores_without_what_is_shared(core: Bench, leaky: Path, safe: Path, folder: Path) -> None:
    """A model that knows the key of what it was trained on, and errs on all else."""
    known = {item.id for item in core.items} & found_in(core, leaky).items
    lines = []
    for item in core.items:
        if item.form == "choice" and item.answer is not None:
            right = (item.answer + (item.id not in known)) % len(item.options)
            lines.append(json.dumps({"id": item.id, "answer": f"({'ABCD'[right]})"}))
    (folder / "answers.jsonl").write_text("\n".join(lines))
    out = folder / "run"
    model = load_model(f"answers:{folder / 'answers.jsonl'}")
    run(core.path, model, out, RunOptions(sources=("openi", "rad_restruct"), corpus=leaky))
    scores = score(out, resamples=100)
    assert scores.contamination is not None and scores.contamination.corpus == "small 1.0.0"
    assert str(leaky) not in (out / SCORES).read_text()
    shared = 0
    for cell in scores.cells:
        assert cell.shared is not None and len(cell.shared.found) == 4
        shared += cell.shared.items
        if cell.shared.among:
            assert cell.shared.among.value == 1
        if cell.shared.without:
            assert cell.shared.without.value == 0
    assert shared > 0
    for told in (markdown(read_scored([out])), page(read_scored([out]))):
        assert "items that share something with the train split of small 1.0.0" in told
    clean = score(out, corpus=safe, resamples=100)
    assert all(cell.shared is not None and not cell.shared.items for cell in clean.cells)
    shutil.move(leaky, folder / "moved")
    away = score(out, resamples=100)  # elsewhere a run is scored without its corpus
    assert away.contamination is not None and len(away.contamination.not_checked) == 4
    assert "Not checked: persons, it is not here" in markdown(read_scored([out]))


@pytest.mark.parametrize("mode", ["embed", "store", "none"])
def test_a_corpus_that_holds_the_bench_out_shares_nothing(
    core: Bench, data_root: Path, benches: Path, tmp_path: Path, mode: str
) -> None:
    images = {"size": 64, "mode": mode}
    cache = benches / "cache"
    leaky = corpus(data_root, tmp_path / "leaky", cache, seed=5, images=images)
    bytes_ = "not checked" if mode == "none" else "failed"
    assert shared_with(core, leaky) == {
        "corpus_persons": "failed",
        "corpus_studies": "failed",
        "corpus_pictures": "failed",
        "corpus_picture_bytes": bytes_,
    }
    safe = corpus(
        data_root, tmp_path / "safe", cache, seed=5, images=images, holdout_bench=core.path
    )
    assert set(shared_with(core, safe).values()) <= {"ok", "not checked"}
    if mode == "embed":
        scores_without_what_is_shared(core, leaky, safe, tmp_path)
    assert shared_with(core, safe)["corpus_persons"] == "ok"
    lock = json.loads((safe / "chexinstruct.lock.json").read_bytes())
    assert lock["manifest"]["holdout_bench"]["persons"] > 0
    assert str(core.path) not in json.dumps(lock)


@pytest.mark.parametrize("policy", ["clean", "official"])
def test_held_persons_stand_nowhere_in_train(tmp_path: Path, policy: str) -> None:
    tables = {
        "a": table(
            tmp_path,
            [
                study("train", "p:1", split="train"),
                study("val", "p:2", split="validation"),
                study("other", "p:3", split="train"),
            ],
            "a",
        ),
        "b": table(tmp_path, [study(f"free{n}", f"q:{n}") for n in range(20)], "b"),
    }
    held = np.array(
        [key("person", name) for name in ("p:1", "p:2", "z:9", *(f"q:{n}" for n in range(20)))],
        dtype=np.uint64,
    )
    plain = placed(tables, policy=policy)
    drawn = names(tables["b"], plain["b"])
    assert "train" in drawn.values()
    known = {name: source(name) for name in tables}
    found = resolve(tables, known, seed=0, shares=Shares(), policy=policy, held=np.sort(held))
    assert names(tables["a"], found["a"]) == {
        "train": "held_out",
        "val": "validation",
        "other": "train",
    }
    moved = {id: "test" if split == "train" else split for id, split in drawn.items()}
    assert names(tables["b"], found["b"]) == moved


def test_a_recipe_holds_its_people_out_by_name(
    benches: Path, data_root: Path, tmp_path: Path
) -> None:
    """The items are those of a bench without pictures, and nothing of it is written."""
    cache = benches / "cache"
    build_bench(
        data_root, tmp_path / "bench", BenchOptions(pictures=False), BuildOptions(cache=cache)
    )
    bench = open_bench(tmp_path / "bench")
    content = {"seed": 5, "images": {"size": 64, "mode": "none"}}
    named = corpus(data_root, tmp_path / "named", cache, holdout_bench="core", **content)
    assert set(shared_with(bench, named).values()) <= {"ok", "not checked"}
    lock = json.loads((named / "chexinstruct.lock.json").read_bytes())
    told = lock["manifest"]["holdout_bench"]
    listed = {key: told[key] for key in ("recipe", "version", "edition", "seed", "skipped_sources")}
    assert listed == {
        "recipe": "core",
        "version": chexbench().version,
        "edition": "v2",
        "seed": 0,
        "skipped_sources": {},
    }
    assert told["items"] == len(bench.items)
    assert told["digest"] == digest_of(item.id for item in bench.items)
    by_path = corpus(data_root, tmp_path / "path", cache, holdout_bench=bench.path, **content)
    assert [file.read_bytes() for file in sorted(named.rglob("*.parquet"))] == [
        file.read_bytes() for file in sorted(by_path.rglob("*.parquet"))
    ]
    card = (named / "README.md").read_text(encoding="utf-8")
    assert f"the persons of {told['items']} items of CheXbench (core" in card
    make_recipe(named, tmp_path / "recipe")
    again = rebuild(tmp_path / "recipe", data_root, tmp_path / "again", BuildOptions(cache=cache))
    assert again.same_bytes
    make_recipe(by_path, tmp_path / "unsaid")
    with pytest.raises(CallError, match="holdout_bench=FOLDER"):
        rebuild(tmp_path / "unsaid", data_root, tmp_path / "other")


def test_a_recipe_by_name_needs_its_releases(data_root: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("openi", "rad_restruct", "slake"):
        (few / name).symlink_to(data_root / name)
    with pytest.raises(MissingInputs, match=r"^holdout_bench clean: .*rsna.*--available"):
        corpus(few, tmp_path / "c", tmp_path / "cache", holdout_bench="clean")
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip", available=True)
    recipe = small(images={"mode": "none"}, holdout_bench="full")
    told = build(recipe, few, tmp_path / "c", options).manifest["holdout_bench"]
    assert told["persons"] > 0 and "rsna_pneumonia" in told["skipped_sources"]
    assert "slake" not in told["skipped_sources"]


def test_a_name_is_no_path(tmp_path: Path) -> None:
    for written, read in {"core": "core", "./core": tmp_path / "core"}.items():
        (tmp_path / "m.yaml").write_text(
            f"name: m\nversion: 1.0.0\nholdout_bench: {written}\n", encoding="utf-8"
        )
        assert load_manifest(tmp_path / "m.yaml").holdout_bench == read
    assert load_manifest("full", ["holdout_bench=clean"]).holdout_bench == "clean"


def test_a_bench_that_is_not_there_is_told_at_once(data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="no bench at"):
        corpus(data_root, tmp_path / "c", tmp_path / "cache", holdout_bench=tmp_path / "none")


# The authors' own file


def upstream(root: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    nan = float("nan")
    unused = {"option_2": nan, "option_3": None}
    left = {"option_0": "left effusion", "option_1": "right effusion", **unused}
    asked = {"data_source": "OpenI", "slice": "side", "question": "Which?", **left}
    yield (
        "Fine-Grained Reasoning",
        [
            {**asked, "image_path": "NLMCXR_png/CXR2_IM-0652-1001.png", "answer": 1},
            {**asked, "image_path": "NLMCXR_png/CXR77_IM-1.png", "answer": 0},
            {**asked, "image_path": "NLMCXR_png/CXR2_IM-0652-1001.png", "answer": 2},
        ],
    )
    both = "NLMCXR_png/CXR4_IM-2050-1001.png|NLMCXR_png/CXR4_IM-2050-2001.png"
    three = {"option_0": "improved", "option_1": "stable", "option_2": "worsened"}
    yield (
        "Temporal Classification",
        [{"data_source": "MS-CXR-T", "question": "How?", "image_path": both, "answer": 0, **three}],
    )
    box = "<|box|>(10,20),(30,40)<|/box|>"
    yield (
        "Phrase Grounding",
        [
            {
                "data_source": "MS-CXR",
                "question": "Where?",
                "image_path": ["NLMCXR_png/CXR5_IM-2117-1001.png"],
                "answer": box,
            }
        ],
    )
    yield (
        "Findings Summarization",
        [{"section_findings": "Clear lungs.", "section_impression": "Normal."}],
    )


def test_the_authors_file_is_taken_over(data_root: Path, tmp_path: Path) -> None:
    content = dict(upstream(data_root))
    (tmp_path / "data.json").write_text(json.dumps(content))
    root = data_root / "openi"
    lock = import_upstream(tmp_path / "data.json", root, tmp_path / "b", SMALL)
    told = lock.upstream
    assert told is not None
    assert told.lost == {"answer_is_no_option": 1, "missing_image": 1}
    assert told.missing == ["NLMCXR_png/CXR77_IM-1.png"]
    bench = open_bench(tmp_path / "b")
    assert [item.id for item in bench.items] == [
        "fine_grained_reasoning/openi/0",
        "temporal_classification/ms_cxr_t/0",
        "phrase_grounding/ms_cxr/0",
        "findings_summarization/mimic_cxr/0",
    ]
    first, temporal, grounding, summary = bench.items
    assert first.options == ("left effusion", "right effusion") and first.answer == 1
    assert first.study_id == "CXR2" and first.slices == (("slice", "side"),)
    assert [i.id for i in temporal.images] == ["CXR4_IM-2050-1001", "CXR4_IM-2050-2001"]
    (drawn,) = grounding.boxes
    assert (drawn.x1, drawn.y1, drawn.x2, drawn.y2) == (0.1, 0.2, 0.3, 0.4)
    assert summary.reference == "Normal." and summary.license == "credentialed"
    found = verify_bench(tmp_path / "b")
    assert [f for f in found.findings if f.level == "failed"] == []
    gaps = {gap.what: gap for gap in found.gaps}
    assert "missing_image 1" in gaps["fine_grained_reasoning/openi"].why


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "no mapping of tasks"),
        ("{", "cannot be read as JSON"),
        ('{"Riddles": []}', "unknown tasks Riddles"),
        ('{"Visual Question Answering": [1]}', "no list of items"),
        ('{"Visual Question Answering": [{"option_0": "a", "option_1": "b"}]}', "item 0: KeyError"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(ChexinstructError, match=problem):
        import_upstream(tmp_path / "data.json", tmp_path, tmp_path / "b")
    assert not (tmp_path / "b" / LOCK).exists()


def test_a_path_that_climbs_is_no_picture(tmp_path: Path, data_root: Path) -> None:
    shutil.copy(data_root / "openi/NLMCXR_png/CXR2_IM-0652-1001.png", tmp_path / "x.png")
    row = {"image_path": "../x.png", "option_0": "a", "option_1": "b", "answer": 0, "question": "?"}
    content = {"Visual Question Answering": [{**row, "data_source": "SLAKE"}]}
    (tmp_path / "data.json").write_text(json.dumps(content))
    (tmp_path / "root").mkdir()
    lock = import_upstream(tmp_path / "data.json", tmp_path / "root", tmp_path / "b")
    assert lock.upstream is not None and lock.upstream.lost == {"path_outside_the_folder": 1}


# The command line


def test_the_verbs(data_root: Path, benches: Path, tmp_path: Path) -> None:
    run = CliRunner()
    call = ["bench", "build", "--data-root", str(data_root), "--out", str(tmp_path / "b")]
    call += ["--no-images", "--recipe", "full", "--cache", str(benches / "cache")]
    made = run.invoke(app, call)
    assert made.exit_code == 0, made.output
    assert "fine_grained_reasoning/side" in made.output
    checked = run.invoke(app, ["bench", "verify", str(tmp_path / "b")])
    assert checked.exit_code == 0 and "gap: view_classification/mimic_cxr" in checked.output
    (tmp_path / "b" / "persons.jsonl").write_text("")
    broken = run.invoke(app, ["bench", "verify", str(tmp_path / "b"), "--json"])
    assert broken.exit_code == 1
    assert {f["level"] for f in json.loads(broken.output)["findings"]} >= {"failed", "ok"}
