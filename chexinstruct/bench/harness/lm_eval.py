"""Tasks for lm-evaluation-harness: Parquet, a YAML file a task, and the functions they name."""

from __future__ import annotations

import json

from chexinstruct.bench.harness.contract import (
    GROUP,
    MAX_NEW_TOKENS,
    Cell,
    Harness,
    Row,
    held,
    told,
)
from chexinstruct.bench.harness.tables import Items, record
from chexinstruct.bench.harness.task_files import metrics, task_files

MARK = "<image>"
"""What stands in a prompt for each picture."""


def _refuses(row: Row) -> str | None:
    return "picture_mark_in_text" if MARK in row.prompt.text else None


def _lines(cell: Cell) -> list[str]:
    return [
        "custom_dataset: !function utils.load",
        f"dataset_kwargs: {{part: {cell.name}}}",
        # Only models with pictures take tasks that have this line, and they take no others.
        *(["doc_to_image: !function utils.doc_to_image"] if cell.pictures else []),
        "doc_to_text: !function utils.doc_to_text",
        "doc_to_target: target",
        *([f"description: {json.dumps(cell.system + chr(10) * 2)}"] if cell.system else []),
        "generation_kwargs:",
        f"  {{until: [], do_sample: false, temperature: 0.0, max_gen_toks: {MAX_NEW_TOKENS}}}",
        *metrics(cell, "acc", "mean"),
    ]


LM_EVAL = Harness(
    name="lm-eval",
    what="lm-evaluation-harness: Parquet, and YAML files of the tasks",
    forms=frozenset({"choice", "text"}),
    record=record,
    shown=held,
    target=told,
    sink=Items,
    refuses=_refuses,
    code={"utils.py": "lm_eval"},
    tasks=lambda cells: task_files(cells, _lines, "acc"),
    inside=True,
    guide=f"""\
    lm_eval --include_path EXPORT --tasks {GROUP} --model hf-multimodal \\
        --model_args pretrained=MODEL,max_images=2 --apply_chat_template --batch_size 1 \\
        --log_samples --output_path results

The group `{GROUP}` is all choices: `acc` of each task and source, and their mean, each with the
same weight. Models with pictures are `hf-multimodal` and `vllm-vlm`. Tasks of free text are run by
their own names and told by `rouge_l`. The standard error is over items, not over patients.
Hugging Face datasets keeps a copy of the items in its cache; `HF_DATASETS_CACHE` moves it.""",
)
