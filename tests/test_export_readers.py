"""Exports read by the code of the trainers themselves: ``pytest -m readers``.

Needs one of the dependency groups ``readers-trl``, ``readers-llama-factory`` and ``readers-swift``,
on a CPU. A reader that is not installed is skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from corpus_support import rows_of
from datasets import load_dataset

from chexinstruct.export import export_corpus
from chexinstruct.regions import resized_like_qwen

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]

Export = Callable[[str], Path]


@pytest.fixture(scope="module")
def exported(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = tmp_path_factory.mktemp("exports")

    def make(name: str) -> Path:
        if not (folder / name).exists():
            export_corpus(demo / "corpus", folder / name, name, shard_size=100_000)
        return folder / name

    return make


@pytest.fixture(scope="module")
def origin(demo: Path) -> dict[str, dict[str, Any]]:
    columns = ["id", "image_ids", "regions", "history"]
    return {row["id"]: row for row in rows_of(demo / "corpus", columns)}


@pytest.fixture
def no_sound() -> Iterator[None]:
    """LLaMA-Factory imports torchaudio, of which there is not a build for every PyTorch."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        stub = ModuleType("torchaudio")
        stub.__spec__ = ModuleSpec("torchaudio", None)
        sys.modules["torchaudio"] = stub
    yield


def test_trl_fills_every_place_of_a_picture(
    exported: Export, origin: dict[str, dict[str, Any]]
) -> None:
    trl = pytest.importorskip("trl.data_utils")
    pytest.importorskip("trl", minversion="1.0")
    folder = exported("trl")
    rows = load_dataset("parquet", data_files=str(folder / "data/train-*.parquet"), split="train")
    counts = set()
    for row in rows:
        assert trl.is_conversational(row)
        prompt = trl.prepare_multimodal_messages(row["prompt"], images=row["images"])
        completion = trl.prepare_multimodal_messages(row["completion"])
        parts = [part for turn in prompt for part in turn["content"]]
        shown = [part["image"].size for part in parts if part["type"] == "image"]
        assert len(shown) == len(origin[row["id"]]["image_ids"])
        assert len(prompt) == 1 + 2 * len(origin[row["id"]]["history"])
        assert [turn["role"] for turn in completion] == ["assistant"]
        counts.add(len(shown))
    assert {0, 1, 2} <= counts


@pytest.mark.usefixtures("no_sound")
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_llama_factory_finds_pictures_and_turns(
    split: str, exported: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")  # it pins other libraries' upper bounds
    pytest.importorskip("llamafactory")
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    folder = str(exported("llama-factory"))
    (entry,) = get_dataset_list([f"chexinstruct_{split}"], folder)
    rows = _load_single_dataset(
        entry,
        ModelArguments(model_name_or_path="none"),
        DataArguments(dataset_dir=folder, media_dir=folder),
        Seq2SeqTrainingArguments(output_dir=str(tmp_path), report_to="none"),
    )
    told = sum(
        len(path.read_bytes().splitlines()) for path in Path(folder, "data", split).iterdir()
    )
    assert len(rows) == told
    for row in rows:
        assert row["_response"] and row["_prompt"][-1]["role"] == "user"
        pictures = row["_images"] or []
        assert all(Path(picture).is_file() for picture in pictures)
        assert sum(turn["content"].count("<image>") for turn in row["_prompt"]) == len(pictures)


def test_swift_keeps_the_boxes(exported: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = exported("ms-swift")
    monkeypatch.setenv("ROOT_IMAGE_DIR", str(folder))
    swift = pytest.importorskip("swift.dataset")
    files = sorted(str(path) for path in (folder / "data/train").iterdir())
    rows, _ = swift.load_dataset(files, num_proc=1)
    assert len(rows) == sum(len(Path(file).read_bytes().splitlines()) for file in files)
    boxed = 0
    for row in rows:
        text = "".join(message["content"] for message in row["messages"])
        boxes = (row["objects"] or {"bbox": []})["bbox"]
        assert text.count("<bbox>") == len(boxes)
        assert text.count("<image>") == len(row["images"])
        assert all(os.path.isfile(folder / image["path"]) for image in row["images"])  # noqa: PTH113
        assert all(0 <= side <= 1 for box in boxes for side in box)
        boxed += len(boxes)
    assert boxed


@pytest.mark.parametrize("limits", [(3_136, 12_845_056), (784, 50_176), (3_136, 1_003_520)])
def test_pictures_are_resized_like_transformers_does(limits: tuple[int, int]) -> None:
    qwen = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    for width in range(28, 3000, 61):
        for height in range(28, 3000, 67):
            if max(width, height) <= 200 * min(width, height):
                theirs = qwen.smart_resize(height, width, 28, *limits)
                assert resized_like_qwen((width, height), limits) == (theirs[1], theirs[0])
