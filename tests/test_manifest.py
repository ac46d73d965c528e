from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from chexinstruct.config import ConfigError, shipped
from chexinstruct.coverage import named_pairs
from chexinstruct.errors import CallError
from chexinstruct.manifest import Leaks, Manifest, Sampling, load_manifest
from chexinstruct.reports import DEFAULT_LEAKS, LEAK_CLASSES
from chexinstruct.source import registry as sources
from chexinstruct.source import terms
from chexinstruct.tasks import registry as tasks

SHIPPED = sorted(
    path.name.removesuffix(".yaml")
    for path in shipped("manifests").iterdir()
    if path.name.endswith(".yaml")
)


def written(folder: Path, **content: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "version": "1.0.0", **content}))
    return path


def test_the_manifests_are_shipped() -> None:
    assert set(SHIPPED) == {"chexinstruct-v1", "chexinstruct-v2", "demo", "full", "open"}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_manifests_load_under_their_own_names(name: str) -> None:
    assert load_manifest(name).name == name


def test_a_manifest_is_found_by_path(tmp_path: Path) -> None:
    path = written(tmp_path, images={"mode": "store", "size": 320}, seed=7)
    manifest = load_manifest(path)
    assert (manifest.images.mode, manifest.images.size, manifest.seed) == ("store", 320, 7)
    assert load_manifest(str(path)) == manifest


def test_an_unknown_name_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="no shipped manifest 'dmeo'; there are chexinstruct-v1, "):
        load_manifest("dmeo")
    with pytest.raises(CallError, match="no manifest at"):
        load_manifest(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"box_dialect": "pascal"}, "'pascal' is not one of chexagent2"),
        ({"consensus": "loudest"}, "'loudest' is not one of"),
        ({"shares": {"train": 0.9}}, "must add up to 1"),
        ({"shares": {"train": 1.2, "validation": -0.1, "test": -0.1}}, "less than or equal to 1"),
        ({"split_policy": "dirty"}, "'clean' or 'official'"),
        ({"images": {"mode": "link"}}, "'embed', 'store' or 'none'"),
        ({"link": "text"}, "'none' or 'pixels'"),
        ({"images": {"sise": 256}}, "images.sise"),
        ({"version": "1.0"}, "version"),
        ({"name": "my corpus"}, "name"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"phrasings": 0}, "phrasings"),
        ({"splits": ["train", "dev"]}, "splits.1"),
        ({"splits": []}, "splits"),
        ({"sampling": {"view_matching": {"cap": -1}}}, "sampling.view_matching.cap"),
        ({"sampling": {"view_matching": {"keep": 1.5}}}, "sampling.view_matching.keep"),
        ({"task": "all"}, "task: Extra inputs"),
        ({"pairs": {"view_matching": "openi"}}, "pairs"),
        ({"pairs": "some"}, "'all'"),
        ({"leave_out": {"view_matching": "why"}}, "leave_out.view_matching"),
        ({"leave_out": {"view_matching/openi": ""}}, "leave_out.view_matching/openi"),
        ({"mixture": {"weights": {}}}, "mixture.total: Field required"),
        ({"mixture": {"total": 0}}, "mixture.total"),
        ({"mixture": {"total": 9, "weights": {"text_qa": -1}}}, "mixture.weights.text_qa"),
        ({"mixture": {"total": 9, "weights": {"text_qa": float("inf")}}}, "finite number"),
        ({"options": {"labels": ["roman"]}}, "options.labels.0"),
        ({"options": {"answers": []}}, "options.answers"),
        ({"leaks": {"priors": False}}, "leaks.priors: Extra inputs"),
        ({"sampling": {"view_matching": {"phrasings": 11}}}, "view_matching.phrasings"),
        ({"extends": "dmeo"}, "line 1: extends: no shipped manifest 'dmeo'"),
        ({"extends": "none.yaml"}, "line 1: extends: no manifest at"),
        ({"extends": ["full"]}, "line 1: extends: give the name or the path of one manifest"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    path = written(tmp_path, **content)
    with pytest.raises(ConfigError) as caught:
        load_manifest(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: line ")
    assert "\n" not in message
    assert words in message


def test_the_narrowest_sampling_holds() -> None:
    manifest = Manifest(
        name="m",
        version="1.0.0",
        sampling={
            "nih": Sampling(cap=1),
            "view": Sampling(cap=2),
            "view/nih": Sampling(cap=3),
        },
    )
    caps = {
        (task, source): manifest.sampling_of(task, source).cap
        for task in ("view", "other")
        for source in ("nih", "openi")
    }
    assert caps == {
        ("view", "nih"): 3,
        ("view", "openi"): 2,
        ("other", "nih"): 1,
        ("other", "openi"): None,
    }
    assert manifest.sampling_of("other", "openi") == Sampling()


def test_a_pair_is_built_if_it_is_asked_for_and_not_left_out() -> None:
    manifest = Manifest(
        name="m",
        version="1.0.0",
        pairs={"view": ("nih", "openi"), "text": ("openi",)},
        leave_out={"view/openi": "All of them are PA."},
    )
    asked = {(t, s) for t in ("view", "text", "other") for s in ("nih", "openi")}
    assert {pair for pair in asked if manifest.builds(*pair)} == {
        ("view", "nih"),
        ("text", "openi"),
    }
    all_pairs = manifest.model_copy(update={"pairs": "all"})
    assert {pair for pair in asked if not all_pairs.builds(*pair)} == {("view", "openi")}


def test_phrasings_of_a_pair_take_the_place_of_those_of_all() -> None:
    manifest = Manifest(
        name="m", version="1.0.0", phrasings=2, sampling={"view": Sampling(phrasings=5)}
    )
    assert manifest.phrasings_of("view", "openi") == 5
    assert manifest.phrasings_of("text", "openi") == 2


def test_every_class_of_leaks_can_be_switched() -> None:
    assert tuple(Leaks.model_fields) == LEAK_CLASSES
    assert Leaks().classes == DEFAULT_LEAKS
    chosen = {*DEFAULT_LEAKS, "history"} - {"view"}
    assert Leaks(view=False, history=True).classes == tuple(c for c in LEAK_CLASSES if c in chosen)


# Extension


def files(folder: Path, **texts: str) -> Path:
    """Manifests by name; gives the path of ``own``."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "own.yaml"


BASE = """\
name: base
version: 3.0.0
description: Of the base.
limit: 7
tasks: [view_matching, text_qa]
sampling:
  view_matching: {cap: 5, keep: 0.5}
  text_qa: {cap: 6}
leave_out:
  view_matching/brax: Why not.
"""


def test_a_manifest_is_laid_over_what_it_extends(tmp_path: Path) -> None:
    own = files(
        tmp_path,
        base=BASE,
        own="extends: base.yaml\nname: own\nversion: 1.0.0\nlimit: null\ntasks: [text_qa]\n"
        "sampling:\n  view_matching: {cap: 9}\n  openi: {cap: 1}\n"
        "leave_out: {view_matching/brax: null}\n",
    )
    assert load_manifest(own) == Manifest(
        name="own",
        version="1.0.0",
        tasks=("text_qa",),
        sampling={
            "view_matching": Sampling(cap=9, keep=0.5),
            "text_qa": Sampling(cap=6),
            "openi": Sampling(cap=1),
        },
    )


def test_extension_goes_on_through_shipped_manifests_and_folders(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    files(tmp_path / "below", middle="extends: full\nname: middle\nversion: 1.0.0\nseed: 4\n")
    own = files(tmp_path, own="extends: below/middle.yaml\nname: own\nversion: 1.0.0\nlimit: 2\n")
    manifest, full = load_manifest(own), load_manifest("full")
    assert (manifest.name, manifest.seed, manifest.limit) == ("own", 4, 2)
    assert manifest.leave_out == full.leave_out != {}
    assert manifest.description == ""


def test_templates_lie_beside_the_manifest_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    files(tmp_path / "below", base="name: base\nversion: 1.0.0\ntemplates: mine\n")
    own = files(tmp_path, own="extends: below/base.yaml\nname: own\nversion: 1.0.0\n")
    assert load_manifest(own).templates == tmp_path / "below" / "mine"


@pytest.mark.parametrize("missing", ["name: own\n", "version: 1.0.0\n"])
def test_name_and_version_are_never_taken_over(tmp_path: Path, missing: str) -> None:
    own = files(tmp_path, base=BASE, own=f"extends: base.yaml\n{missing}")
    with pytest.raises(ConfigError, match=r"own.yaml: line 1: \w+: Field required$"):
        load_manifest(own)


def test_a_circle_of_manifests_is_an_error(tmp_path: Path) -> None:
    own = files(
        tmp_path,
        own="name: own\nversion: 1.0.0\nextends: other.yaml\n",
        other="extends: ./own.yaml\nname: other\nversion: 1.0.0\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_manifest(own)
    assert str(caught.value) == (
        f"{tmp_path / 'other.yaml'}: line 1: extends: manifests extend one another in a circle: "
        "own.yaml -> other.yaml -> own.yaml"
    )
    with pytest.raises(ConfigError, match=r"circle: self.yaml -> self.yaml"):
        files(tmp_path, self="extends: self.yaml\n")
        load_manifest(tmp_path / "self.yaml")


def test_a_manifest_that_holds_no_fields_cannot_be_extended(tmp_path: Path) -> None:
    own = files(tmp_path, base="- a\n", own="extends: base.yaml\nname: own\nversion: 1.0.0\n")
    with pytest.raises(
        ConfigError, match=r"own.yaml: line 1: extends: .*base.yaml holds no fields"
    ):
        load_manifest(own)


def test_an_error_names_the_file_and_the_line_that_said_it(tmp_path: Path) -> None:
    own = files(
        tmp_path,
        base=BASE.replace("cap: 6", "cap: six"),
        own="extends: base.yaml\nname: own\nversion: 1.0.0\nbox_dialect: pascal\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_manifest(own, ["consensus=loudest", "limit=0"])
    message = str(caught.value)
    assert f"{tmp_path / 'base.yaml'}: line 8: sampling.text_qa.cap: " in message
    assert f"{own}: line 4: box_dialect: " in message
    assert "--set consensus=loudest: consensus: " in message
    assert "--set limit=0: limit: " in message
    assert "\n" not in message


def test_assignments_are_laid_over_the_manifest_in_their_order(tmp_path: Path) -> None:
    own = files(tmp_path, own=BASE)
    said = ["limit=1", "limit=2", "sampling.text_qa.cap=1", "images.mode=none", "leave_out=null"]
    changed = load_manifest(own, said)
    assert (changed.limit, changed.images.mode, changed.leave_out) == (2, "none", {})
    assert changed.sampling["text_qa"].cap == 1
    assert changed.sampling["view_matching"] == Sampling(cap=5, keep=0.5)
    assert load_manifest(own, ["limit=null"]).limit is None


def test_an_assignment_that_does_not_fit_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"^--set sampling.x.caps=1: sampling.x.caps: Extra inputs"):
        load_manifest("full", ["sampling.x.caps=1"])
    with pytest.raises(CallError, match=r"^--set extends=full: extends: Extra inputs"):
        load_manifest("full", ["extends=full"])


# What is shipped


@pytest.mark.parametrize(
    ("name", "counts"), [("chexinstruct-v2", (37, 80, 32)), ("chexinstruct-v1", (32, 64, 31))]
)
def test_pairs_of_the_original_are_as_many_as_were_counted(
    name: str, counts: tuple[int, int, int]
) -> None:
    """v1: two of the 66 drawn pairs are MIMIC-CXR-Struct beside MIMIC-CXR, and report generation
    goes under findings and impression."""
    manifest = load_manifest(name)
    assert isinstance(manifest.pairs, dict)
    named = [(task, source) for task, keys in manifest.pairs.items() for source in keys]
    assert len(named) == len(set(named)), "a pair is named twice"
    assert (len(manifest.pairs), len(named), len({source for _, source in named})) == counts


def test_what_the_builder_added_to_the_first_version() -> None:
    first, builder = (named_pairs(load_manifest(f"chexinstruct-{v}")) for v in ("v1", "v2"))
    assert first - builder == {("findings_generation", "bimcv_covid19")}
    assert {s for _, s in builder} - {s for _, s in first} == {"radgraph"}
    added = {task for task, source in builder - first if source != "chexpert"}
    assert added == {
        "findings_generation_with_indication",
        "impression_generation",  # of BIMCV-COVID19
        "impression_generation_with_indication",
        "local_progression_findings_generation",
        "local_progression_impression_generation",
        "named_entity_recognition",
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_manifests_name_what_there_is(name: str) -> None:
    """Names of the original that are not here yet may be named before they come."""
    manifest = load_manifest(name)
    original = named_pairs(load_manifest("chexinstruct-v2"))
    named = named_pairs(manifest) | {tuple(pair.split("/")) for pair in manifest.leave_out}
    listed = set() if manifest.sources == "all" else set(manifest.sources)
    unknown_sources = ({source for _, source in named} | listed) - sources().keys()
    unknown_tasks = {task for task, _ in named} - tasks().keys()
    assert unknown_sources <= {source for _, source in original}
    assert unknown_tasks <= {task for task, _ in original}
    assert manifest.sampling == {} and manifest.mixture is None


def test_open_has_the_sources_that_need_no_account() -> None:
    listed = load_manifest("open").sources
    known = sources()
    wanted = {key for key in known if terms(key, known).license == "open"}
    assert wanted == {key for key in listed if key in known}
    assert listed == tuple(sorted(set(listed)))
