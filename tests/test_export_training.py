"""What the README of an export says, done by the trainers: ``pytest -m readers``.

Needs one of the dependency groups ``readers-trl``, ``readers-llama-factory`` and ``readers-swift``,
on a CPU. A trainer that is not installed is skipped. Each takes two steps with a tiny model, on
rows with no picture, one and two, and then an evaluation.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from tiny_model import save_tiny_model

from chexinstruct.export import export_corpus

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]

TASKS = ("phrase_grounding", "view_matching", "text_qa", "difference_vqa")
MODEL = "Qwen/Qwen3-VL-4B-Instruct"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_tiny_model(tmp_path / "model")
    return tmp_path / "model"


def export(demo: Path, folder: Path, name: str) -> str:
    """Export some rows; the code of the README."""
    export_corpus(demo / "corpus", folder, name, tasks=TASKS, splits=["train", "validation"])
    lines = (folder / "README.md").read_text().splitlines()
    return dedent("\n".join(line for line in lines if line.startswith("    ") or not line))


def run(command: list[str], folder: Path) -> None:
    programs = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def check_trained(folder: Path) -> None:
    """Two steps with a loss, and a loss on the validation split."""
    state = json.loads(max(folder.rglob("trainer_state.json")).read_text())
    assert state["global_step"] == 2
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    assert len(losses) == 2 and all(math.isfinite(loss) and loss > 0 for loss in losses)


def test_trl_trains(demo: Path, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl", minversion="1.0")  # LLaMA-Factory brings an older one
    code = export(demo, tmp_path / "trl", "trl")
    for said, small in (
        (MODEL, str(model)),
        (
            "bf16=True",
            'bf16=False, use_cpu=True, max_steps=2, logging_steps=1, eval_strategy="steps", '
            'eval_steps=2, report_to="none"',
        ),
    ):
        assert code.count(said) == 1
        code = code.replace(said, small)
    run([sys.executable, "-c", code], tmp_path / "trl")
    check_trained(tmp_path / "trl")


def test_llama_factory_trains(demo: Path, model: Path, tmp_path: Path) -> None:
    if find_spec("llamafactory") is None:
        pytest.skip("llamafactory is not installed")
    settings = yaml.safe_load(export(demo, tmp_path / "lf", "llama-factory"))
    assert settings["model_name_or_path"] == MODEL and settings["eval_dataset"]
    settings |= {
        "model_name_or_path": str(model),
        "template": "qwen2_vl",
        "bf16": False,
        "do_eval": True,
        "max_steps": 2,
        "logging_steps": 1,
        "report_to": "none",
    }
    (tmp_path / "lf" / "train.yaml").write_text(yaml.safe_dump(settings))
    run(["llamafactory-cli", "train", "train.yaml"], tmp_path / "lf")
    check_trained(tmp_path / "lf")
    assert (tmp_path / "lf" / "out" / "eval_results.json").exists()


def test_swift_trains(demo: Path, model: Path, tmp_path: Path) -> None:
    if find_spec("swift") is None:
        pytest.skip("ms-swift is not installed")
    code = export(demo, tmp_path / "swift", "ms-swift")
    install, _, command = code.strip().partition("\n")
    assert install.startswith("pip install ") and MODEL in command
    command = command.replace(MODEL, f"{model} --model_type qwen2_vl --template qwen2_vl")
    command = command.replace("bfloat16", "float32") + " --max_steps 2 --logging_steps 1"
    run(["bash", "-c", command], tmp_path / "swift")
    check_trained(tmp_path / "swift")
