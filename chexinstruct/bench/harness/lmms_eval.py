"""Tasks for lmms-eval: Parquet, a YAML file a task, and the functions they name."""

from __future__ import annotations

from chexinstruct.bench.harness.contract import GROUP, MAX_NEW_TOKENS, Cell, Harness, held, told
from chexinstruct.bench.harness.tables import Items, record
from chexinstruct.bench.harness.task_files import metrics, task_files


def _lines(cell: Cell) -> list[str]:
    return [
        "dataset_path: parquet",
        f"dataset_kwargs: {{data_files: {{test: data/{cell.name}-00000.parquet}}}}",
        "doc_to_visual: !function utils.doc_to_visual",
        "doc_to_text: !function utils.doc_to_text",
        "doc_to_messages: !function utils.doc_to_messages",
        "doc_to_target: target",
        "generation_kwargs:",
        f"  {{do_sample: false, temperature: 0, max_new_tokens: {MAX_NEW_TOKENS}}}",
        *metrics(cell, "accuracy", "!function utils.mean"),
        "cluster_key: cluster",
    ]


LMMS_EVAL = Harness(
    name="lmms-eval",
    what="lmms-eval: Parquet, and YAML files of the tasks",
    forms=frozenset({"choice", "text"}),
    record=record,
    shown=held,
    target=told,
    sink=Items,
    code={"utils.py": "lmms_eval"},
    tasks=lambda cells: task_files(cells, _lines, "accuracy"),
    inside=True,
    guide=f"""\
    python -m lmms_eval --include_path EXPORT --tasks {GROUP} --model qwen2_5_vl \\
        --model_args pretrained=MODEL --batch_size 1 --log_samples --output_path results

The group `{GROUP}` is all choices. `accuracy_stderr_clustered` is the standard error over patients.
Models of lmms-eval's chat kind get the system text of the prompt style, its simple ones do not.
Tasks of free text are run by their own names, told by `rouge_l`, and need
`pip install rouge-score`. Hugging Face datasets keeps a copy of the items in its cache;
`HF_DATASETS_CACHE` moves it.""",
)
