from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from chexinstruct.config import ConfigError, shipped
from chexinstruct.errors import CallError
from chexinstruct.manifest import Manifest, Sampling, load_manifest

SHIPPED = sorted(
    path.name.removesuffix(".yaml")
    for path in shipped("manifests").iterdir()
    if path.name.endswith(".yaml")
)


def written(folder: Path, **content: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "version": "1.0.0", **content}))
    return path


def test_demo_and_full_are_shipped() -> None:
    assert {"demo", "full"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_manifests_load_under_their_own_names(name: str) -> None:
    assert load_manifest(name).name == name


def test_a_manifest_is_found_by_path(tmp_path: Path) -> None:
    path = written(tmp_path, images={"mode": "store", "size": 320}, seed=7)
    manifest = load_manifest(path)
    assert (manifest.images.mode, manifest.images.size, manifest.seed) == ("store", 320, 7)
    assert load_manifest(str(path)) == manifest


def test_an_unknown_name_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="no shipped manifest 'dmeo'; there are demo, full"):
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
