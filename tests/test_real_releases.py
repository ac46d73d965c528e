"""Published figures, counted in real releases; run with ``CHEXINSTRUCT_DATA_ROOT=/data pytest``.

The data root holds one folder a source key. Sources that are not there are skipped; pictures are
not needed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from sample_releases import Table
from task_context import FakeContext, run

from chexinstruct.bench.build import BenchOptions, build_bench
from chexinstruct.bench.folder import read_items
from chexinstruct.bench.item import BenchItem
from chexinstruct.build import BuildOptions
from chexinstruct.chexbench.choosing import PartLine
from chexinstruct.chexbench.recipe import RecipeName, chexbench
from chexinstruct.release import Release
from chexinstruct.reports import POLICIES, filter_text, find_leaks, sentences
from chexinstruct.schema import Study
from chexinstruct.source import registry
from chexinstruct.tasks import registry as tasks

ROOT = os.environ.get("CHEXINSTRUCT_DATA_ROOT")
pytestmark = pytest.mark.skipif(ROOT is None, reason="CHEXINSTRUCT_DATA_ROOT is not set")

# label: present, absent, uncertain; pictures of train.csv (Irvin 2019)
CHEXPERT = {
    "enlarged cardiomediastinum": (10_798, 21_638, 12_403),
    "cardiomegaly": (27_000, 11_116, 8_087),
    "lung opacity": (105_581, 6_599, 5_598),
    "lung lesion": (9_186, 1_270, 1_488),
    "edema": (52_246, 20_726, 12_984),
    "consolidation": (14_783, 28_097, 27_742),
    "pneumonia": (6_039, 2_799, 18_770),
    "atelectasis": (33_376, 1_328, 33_739),
    "pneumothorax": (19_448, 56_341, 3_145),
    "pleural effusion": (86_187, 35_396, 11_628),
    "other pleural abnormality": (3_523, 316, 2_653),
    "fracture": (9_040, 2_512, 642),
    "support devices": (116_001, 6_137, 1_079),
}
# pictures of Data_Entry_2017_v2020.csv (Wang 2017)
NIH = {
    "infiltration": 19_894,
    "pleural effusion": 13_317,
    "atelectasis": 11_559,
    "nodule": 6_331,
    "mass": 5_782,
    "pneumothorax": 5_302,
    "consolidation": 4_667,
    "pleural thickening": 3_385,
    "cardiomegaly": 2_776,
    "emphysema": 2_516,
    "edema": 2_303,
    "pulmonary fibrosis": 1_686,
    "pneumonia": 1_431,
    "hernia": 227,
}


def opened(key: str) -> Release:
    folder = Path(str(ROOT)) / key
    if not folder.is_dir():
        pytest.skip(f"no {key} in the data root")
    return Release.open(folder, source=key)


def studies(key: str) -> Iterator[Study]:
    release = opened(key)
    yield from registry()[key].loader.studies(release, {})
    unexpected = {reason: n for (reason, known), n in release.reject_counts.items() if not known}
    assert not unexpected


def people(found: list[Study]) -> int:
    return len({study.people[0] for study in found})


def test_nih_chestxray14() -> None:
    found = list(studies("nih_chestxray14"))
    assert (len(found), people(found)) == (112_120, 30_805)
    views = Counter(image.view for study in found for image in study.images)
    assert views == {"PA": 67_310, "AP": 44_810}
    assert Counter(study.sex for study in found) == {"M": 63_340, "F": 48_780}
    labels = Counter(label.finding for study in found for label in study.labels)
    assert {name: labels[name] for name in NIH} == NIH
    assert sum(len(study.regions) for study in found) == 984


def test_chexpert() -> None:
    states: Counter[tuple[str, str]] = Counter()
    found: Counter[str] = Counter()
    persons: set[str] = set()
    views: Counter[str | None] = Counter()
    for study in studies("chexpert"):
        if study.split != "train":
            continue
        persons.update(study.people)
        found["studies"] += 1
        found["pictures"] += len(study.images)
        views.update(image.view for image in study.images)
        for label in study.labels:
            states[label.finding, label.state] += len(study.images)
    assert (found["pictures"], found["studies"], len(persons)) == (223_414, 187_641, 64_540)
    assert (views["AP"], views["PA"], views["LATERAL"]) == (161_590, 29_420, 32_387)
    for name, counts in CHEXPERT.items():
        said = tuple(states[name, state] for state in ("present", "absent", "uncertain"))
        assert said == counts, name


def test_padchest() -> None:
    """160,861 rows less those that the card says are set aside: other examinations and views."""
    found = list(studies("padchest"))
    assert len(found) == 108_820
    assert sum(len(study.images) for study in found) == 158_911
    assert all(study.report is None or not study.report.sections for study in found)


def test_rsna_pneumonia() -> None:
    found = list(studies("rsna_pneumonia"))
    states = Counter(
        label.state for study in found for label in study.labels if label.finding == "pneumonia"
    )
    assert states == {"absent": 20_672, "present": 6_012}
    boxes = Counter(len(study.regions) for study in found)
    assert sum(count * n for count, n in boxes.items()) == 9_555
    assert (boxes[2], boxes[3], boxes[4]) == (3_266, 119, 13)
    if (Path(str(ROOT)) / "rsna_pneumonia/rsna_nih_matches.csv").exists():
        linked = [s for s in found if any(p.startswith("nih_chestxray14:") for p in s.people)]
        assert len(linked) == 26_684 - 98
        assert len({p for s in linked for p in s.people if p.startswith("nih")}) == 11_410


def test_siim_pneumothorax() -> None:
    found = list(studies("siim_pneumothorax"))
    assert len(found) == 12_047
    assert sum(bool(study.regions) for study in found) == 2_669
    assert sum(len(study.regions) for study in found) == 3_576


def test_vindr_cxr() -> None:
    found = list(studies("vindr_cxr"))
    assert len(found) == 15_000
    boxes = list(chain.from_iterable(study.regions for study in found))
    assert len(boxes) == 36_096
    readers: dict[tuple[str, str | None], set[str | None]] = {}
    for box in boxes:
        readers.setdefault((box.image, box.label), set()).add(box.reader)
    assert Counter(map(len, readers.values())) == {1: 6_540, 2: 3_559, 3: 5_266}


def test_openi() -> None:
    found = [study for study in studies("openi") if study.report]
    sections = Counter(frozenset(s.report.sections) for s in found if s.report)
    both, findings, impression = (
        sum(n for names, n in sections.items() if wanted <= names)
        for wanted in ({"findings", "impression"}, {"findings"}, {"impression"})
    )
    # One impression stands under two headings at once, "Chest. Right shoulder.", and is left out.
    assert (both, findings, impression) == (3_419 - 1, 3_425, 3_921 - 1)


LEAKS = {
    "prior": r"prior|previous|before|stable|unchanged|interval|again|since|increas|decreas|improv"
    r"|wors|new(?:ly)?\b|resol|persist|remain|re-?demons|still|no\s+longer|remov|replaced|progress"
    r"|recurr|evol|similar|larger|smaller|today|current|baseline|earlier|former|residual|compar"
    r"|developing|(?:has|have)\s+developed|constant|continu|enlarging|clearing|follow-?\s?up"
    r"|(?:no|interval|significant)\s+change",
    "modality": r"ct|cat\s+scan|mri?|ultraso|sonogr|fluoro|mammogr|angiogr|pet|tomogr|scout|outside"
    r"|echocardi|bone\s+scan|nuclear",
    "time": r"\d+:\d\d|\d+\s*[ap]\.?m\b|hours?|yesterday|overnight|days?|weeks?|months?|ago|morning"
    r"|\d+/\d+/\d+|(?:19|20)\d\d\b|january|february|april|june|july|august|september|october"
    r"|november|december",
    "call": r"discuss|telephon|phone|paged|notif|communicat|inform|convey|physician|clinician|nurse"
    r"|dr\.|e-?mail|called|aware|dictat|radiologist|message|referring|end\s+of\s+report",
    "part": r"knees?\b|ankles?\b|hips?\b|pelvis|feet\b|foot\b|wrists?\b|elbows?\b|forearms?\b"
    r"|patella",
    "mask": r"x{3,}|_{2,}|\w*xxxx\w*|\[\*",
    "reference": r"above|below|as\s+(?:described|noted|mentioned)"
    r"|see\s+(?:the\s+)?(?:above|below|full|findings)|refer\s+to|(?:findings|impression)\s*(?:section|:)|aforement|comment",
}
"""What no picture shows, by beginnings of words; written apart from the filter's cues."""
NO_LEAK = {
    "another part": r"remain(?:der|ing)\s+(?:of|osseous|portions|lungs)",
    "two sides, or places": r"worst|(?:worse|larger|smaller)\s+(?:than|in|on)"
    r"|asymmetric\s+compared\s+to",
    "what was left in place": r"residual\s+(?:radiopaque|left\s+lung\s+aeration)",
    "a doubt": r"continued\s+(?:clinical\s+)?concern",
    "a ratio": r"ct\s+ratio",
    "a place": r"outside\s+of\s+the\s+patient|(?:above|below)\s+the\s+(?:left\s+|right\s+)?"
    r"(?:carina|hemidiaphragm)",
}
"""Wordings of Open-i that hold such a word and speak of the picture."""
IMAGE_TASKS = tuple(
    f"{part}{section}_generation{more}"
    for part, more in (("", ""), ("", "_with_indication"), ("local_", ""))
    for section in ("findings", "impression")
)


@cache
def openi() -> list[Study]:
    return [study for study in studies("openi") if study.report]


@pytest.mark.parametrize("task", IMAGE_TASKS)
def test_openi_targets_hold_no_leak(task: str) -> None:
    """The structured form among them. Messages quote no text, and name the class and the study."""
    section = "findings" if "findings" in task else "impression"
    needs = {section, "indication"} if "with_indication" in task else {section}
    allowed = re.compile("|".join(NO_LEAK.values()), re.IGNORECASE)
    leaks = {
        name: re.compile(rf"\b(?:{cues})" + (r"\b" if name == "modality" else ""), re.IGNORECASE)
        for name, cues in LEAKS.items()
    }
    found, targets = set(), 0
    for study in openi():
        if not study.images or not study.report or not needs <= study.report.sections.keys():
            continue
        for facts in run(tasks()[task], study, FakeContext())[0]:
            targets += 1
            text = allowed.sub(" ", facts.answers[0])
            found |= {
                (study.id, facts.key, name) for name, cue in leaks.items() if cue.search(text)
            }
    assert targets > 2_000
    assert not found


@pytest.mark.parametrize(
    ("section", "mask", "prior", "emptied_by_masks", "emptied"),
    [
        # An independent count of the archive, with a simple splitter of sentences and a longer list
        # of cues ("change" of any kind): of finding sentences 12.6 % masked and 10.1 % more that
        # speak of priors, 9 and 33 reports emptied; of impression sentences 11.1 % and 7.9 %, 112
        # and 232. Ours has fewer impression sentences: a number of a list is none, nor is the
        # heading of an examination ("Chest.").
        ("findings", 0.124, 0.069, 9, 33),
        ("impression", 0.132, 0.089, 138, 300),
    ],
)
def test_openi_drop_rates(
    section: str, mask: float, prior: float, emptied_by_masks: int, emptied: int
) -> None:
    texts = [
        s.report.sections[section] for s in openi() if s.report and section in s.report.sections
    ]
    # Sentences by their own words: those that go with the one before are counted below.
    first = [
        next(iter(find_leaks(sentence, ("deidentified", "prior"))), None)
        for text in texts
        for sentence in sentences(text)
    ]
    count = len(first)
    assert first.count("deidentified") / count == pytest.approx(mask, abs=0.002)
    assert first.count("prior") / count == pytest.approx(prior, abs=0.005)
    masked = [filter_text(text, ("deidentified",)) for text in texts]
    both = [filter_text(text, ("deidentified", "prior")) for text in texts]
    hanging = sum(sum(k.dropped.values()) for k in both) - sum(name is not None for name in first)
    assert 0 < hanging / count < 0.015
    # More impressions are emptied than in that count: by what goes with the sentence before, and
    # since a heading that stays is no text.
    assert sum(not k.text for k in masked) == pytest.approx(emptied_by_masks, abs=5)
    assert sum(not k.text for k in both) == pytest.approx(emptied, abs=10)
    rare = Counter[str]()
    for text in texts:
        rare.update(filter_text(text, POLICIES["image_target"]).dropped)
    for name in ("time", "communication", "other_image", "cross_reference", "view"):
        assert rare[name] < 0.01 * count, name


def test_covidx_cxr3() -> None:
    found = list(studies("covidx_cxr3"))
    sides = Counter(
        (study.split, label.state)
        for study in found
        for label in study.labels
        if label.finding == "COVID-19"
    )
    assert sides == {
        ("train", "present"): 16_490,
        ("train", "absent"): 13_992,
        ("test", "present"): 200,
        ("test", "absent"): 200,
    }
    assert people(found) == 17_026


def test_slake() -> None:
    english = Counter(
        question.split or study.split
        for study in studies("slake")
        for question in study.questions
        if question.language == "en"
    )
    assert english == {"train": 1_423, "validation": 338, "test": 361}


def test_vqa_rad() -> None:
    """794 questions on chests less the 13 that are damaged, undecided or asked twice."""
    found = list(studies("vqa_rad"))
    assert (len(found), people(found)) == (107, 107)
    assert Counter(study.split for study in found) == {"train": 34, "test": 73}
    questions = [question for study in found for question in study.questions]
    assert Counter(q.split for q in questions) == {"train": 620 - 10, "test": 174 - 3}
    assert Counter(q.form for q in questions) == {"closed": 511 - 7, "open": 283 - 6}
    closed = [q.answers[0].casefold() for q in questions if q.form == "closed"]
    assert sum(answer in ("yes", "no") for answer in closed) == 368 + 109 - 5


def test_medvqa_2019() -> None:
    """Of the test list 2 pictures; with the other lists 136 of train and 23 of validation."""
    found = list(studies("medvqa_2019"))
    split = Counter(study.split for study in found)
    assert split["test"] == 2
    assert split["train"] in (0, 136)
    assert split["validation"] in (0, 23)


def test_rad_restruct() -> None:
    """Every question of the files is asked, or left out by name."""
    release = opened("rad_restruct")
    parents = {"openi": Table(list(studies("openi")))}
    found = list(registry()["rad_restruct"].loader.studies(release, parents))
    assert Counter(s.split for s in found) == {"train": 2_877, "validation": 360, "test": 360}
    assert sum(len(study.images) for study in found) == 3_720
    assert release.reject_counts == {("not_stated", True): 7_192}
    asked = [question for study in found for question in study.questions]
    assert len(asked) + release.reject_counts.total() == 176_855
    assert Counter(q.doubt for q in asked if q.doubt) == {"contradicted_no": 21_231}
    answers = Counter(question.answers for question in asked if question.group)
    assert answers == {("yes",): 10_186, ("no",): 152_071}
    assert sum(len(question.options) == 1 for question in asked) == 57 + 196


BenchOf = Callable[..., tuple[dict[str, PartLine], list[BenchItem]]]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> BenchOf:
    """Parts and items of benches without pictures of what is in the data root, each built once."""
    root, home = Path(str(ROOT)), tmp_path_factory.mktemp("benches")

    @cache
    def built(
        recipe: RecipeName = "core", form: str = "openi"
    ) -> tuple[dict[str, PartLine], list[BenchItem]]:
        out = home / f"{recipe}-{form}"
        lock = build_bench(
            root,
            out,
            BenchOptions(recipe=recipe, pictures=False),
            BuildOptions(
                cache=home / "cache", available=True, source_dirs={"openi": str(root / form)}
            ),
        )
        assert lock.items == sum(part.items for part in lock.parts)
        assert all(line.expected in (None, line.digest) for line in lock.splits)
        parts = {"/".join(filter(None, (p.task, p.subtask, p.source))): p for p in lock.parts}
        return parts, read_items(out)

    return built


@pytest.mark.parametrize("form", ["openi", "openi_kaggle"])
def test_fine_grained_reasoning_is_the_published_one(form: str, bench: BenchOf) -> None:
    """The 380 items by block and answer, from the XML files and from the tables of Kaggle."""
    opened(form)
    parts, _ = bench("core", form)
    side, region, severity = (
        parts[f"fine_grained_reasoning/{block}/openi"] for block in ("side", "region", "severity")
    )
    assert (side.items, side.answers) == (293, {"right": 157, "left": 136})
    assert (region.items, region.answers) == (29, {"lower": 19, "upper": 10})
    assert (severity.items, severity.answers) == (58, {"mild": 31, "severe": 27})
    assert severity.reasons["not_drawn"] == 299 - 31
    assert side.reasons.get("no_image", 0) == side.studies - 3_851
    multiple = parts["multiple_disease_identification/openi"]
    assert multiple.items == multiple.published == 807


def test_the_headings_of_open_i_are_its_most_frequent_findings() -> None:
    found = [study for study in studies("openi") if study.images]
    counts = Counter(
        head for study in found for head in {c.partition("/")[0].strip() for c in study.codes}
    )
    no_finding = {
        *("normal", "No Indexing", "Technical Quality of Image Unsatisfactory"),
        *("Lung", "Thoracic Vertebrae", "Spine", "Aorta", "Aorta, Thoracic", "Diaphragm"),
        *("Costophrenic Angle", "Cardiac Shadow"),
    }
    ordered = [head for head, _ in counts.most_common() if head not in no_finding]
    assert ordered[:20] == list(chexbench().headings)


def test_slake_of_chexbench_is_the_published_one(bench: BenchOf) -> None:
    opened("slake")
    part = "visual_question_answering/slake"
    parts, items = bench()
    assert (parts[part].items, parts[part].answers) == (123, {"yes": 77, "no": 46})
    splits = Counter(item.split for item in items if item.source == "slake")
    assert splits == {"validation": 59, "test": 64}
    full, clean = bench("full")[0][part], bench("clean")[0][part]
    assert (full.items, full.used, clean.items) == (180, 57, 96)


def test_the_pool_of_rad_restruct_of_chexbench(bench: BenchOf) -> None:
    opened("rad_restruct")
    parents = {"openi": Table(list(studies("openi")))}
    found = registry()["rad_restruct"].loader.studies(opened("rad_restruct"), parents)
    pool = Counter(
        question.answers
        for study in found
        if study.split == "test"
        for question in study.questions
        if question.attributes["level"] == "area"
    )
    assert pool == {("yes",): 456, ("no",): 10_080 - 456}
    part = "visual_question_answering/rad_restruct"
    full = bench("full")[0][part]
    assert full.answers == {"yes": 456, "no": 456}
    assert full.candidates - full.reasons["follow_up_question"] == 10_080
    core = bench()[0][part]
    assert core.answers == {"yes": 57, "no": 57}


def test_roco() -> None:
    """Every caption of the lists is a study or has a reason; figures counted with this rule."""
    found = list(studies("roco"))
    lists = Counter(study.split for study in found)
    assert (lists["validation"], lists["test"]) == (408, 412)
    sides: dict[str, set[str | None]] = {}
    for study in found:
        sides.setdefault(study.people[0], set()).add(study.split)
    assert sum({"validation", "test"} <= side for side in sides.values()) == 21
