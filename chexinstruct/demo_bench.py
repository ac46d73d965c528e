"""CheXbench from the synthetic releases: baselines, two toys, and the report on them.

No model is needed for it. One toy looks at the symmetry of a picture and nothing else; the other
is a file of answers that was written from the key. The synthetic releases are small, so that most
tasks have too few items to judge anything by; SLAKE is written in the size of the benchmark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from chexinstruct.bench.build import BenchOptions, build_bench
from chexinstruct.bench.comparing import compare, render_comparison
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.markdown import markdown
from chexinstruct.bench.models import Model, Question, load_model
from chexinstruct.bench.opening import open_bench
from chexinstruct.bench.page import page
from chexinstruct.bench.reporting import Scored, read_scored
from chexinstruct.bench.running import RunOptions, run
from chexinstruct.bench.scoring import score
from chexinstruct.build import BuildOptions
from chexinstruct.chexbench.recipe import parts_of
from chexinstruct.draw import Draw, key
from chexinstruct.images import ImageSettings
from chexinstruct.regions import format_boxes
from chexinstruct.synthetic import encode, radiograph, save

BASELINES = (
    "random",
    "majority",
    "question-prior",
    "longest-option",
    "shortest-option",
    "whole-picture",
    "other-reference",
)
RESAMPLES = 500
SPARED = 40
"""The answers made from the key are wrong for about one item in so many."""
LATERAL = "Is this a lateral view?"
MIRRORED = 0.72
"""Correlation of a picture with its mirror image, which frontal phantoms exceed."""
NORMAL = "No acute cardiopulmonary abnormality."


class BenchDemo(msgspec.Struct, frozen=True, kw_only=True):
    """What was made."""

    bench: str
    items: int
    runs: list[str]
    report: str
    """The page; the same as Markdown and as JSON stand beside it."""
    overview: str
    """Results and a comparison of the two toys, as Markdown."""


def demo_bench(releases: Path, corpus: Path, out: Path, options: BuildOptions) -> BenchDemo:
    """Build the bench, run the baselines and the toys on it, and write the report.

    Args:
        releases: the data root.
        corpus: built from them; what it shares with the bench is told.
        out: folder of bench, runs and report.
        options: of the build.
    """
    bench, runs, slake = out / "bench", out / "runs", out / "slake"
    write_slake(slake)
    options = replace(options, source_dirs={"slake": str(slake)})
    lock = build_bench(releases, bench, BenchOptions(images=ImageSettings(size=256)), options)
    answers = out / "made-up-answers.jsonl"
    answers.write_bytes(b"".join(_made_up(open_bench(bench).items)))
    toy = load_model(f"callable:{__name__}:symmetry")
    models: dict[str, tuple[Model | str, RunOptions]] = {
        "made-up": (load_model(f"answers:{answers}"), RunOptions(corpus=corpus)),
        "symmetry": (toy, RunOptions()),
        "symmetry-blank": (toy, RunOptions(pictures="blank")),
        **{name: (name, RunOptions()) for name in BASELINES},
    }
    for name, (model, asked) in models.items():
        run(bench, model, runs / name, asked)
        score(runs / name, resamples=RESAMPLES)
    scored = read_scored([runs / name for name in models])
    shown = _write(scored, out)
    difference = compare(runs / "symmetry-blank", runs / "symmetry", resamples=RESAMPLES)
    told = render_comparison(difference)
    return BenchDemo(
        bench=str(bench),
        items=lock.items,
        runs=[str(runs / name) for name in models],
        report=str(shown),
        overview=f"symmetry with blank pictures (A) and with the pictures (B):\n\n{told}",
    )


def _write(scored: list[Scored], out: Path) -> Path:
    shown = out / "report.html"
    shown.write_text(page(scored), encoding="utf-8")
    shown.with_suffix(".md").write_text(markdown(scored), encoding="utf-8")
    content = {run.label: run.scores for run in scored}
    shown.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(content)))
    return shown


def symmetry(question: Question) -> str:
    """A toy that looks at one thing: a frontal chest is about its own mirror image.

    It tells lateral from frontal so. It knows nothing else: it says no where it can, and takes the
    first of other options.
    """
    if question.form == "text":
        return NORMAL
    if question.form == "boxes":
        return ""
    options = list(question.options)
    choice = options.index("no") if "no" in options else 0
    if "lateral" in options:
        frontal = next(n for n, option in enumerate(options) if option != "lateral")
        choice = options.index("lateral") if _is_lateral(question) else frontal
    elif question.text.startswith(LATERAL):
        choice = options.index("yes" if _is_lateral(question) else "no")
    return f"({'ABCD'[choice]})"


def _is_lateral(question: Question) -> bool:
    grey = np.asarray(question.pictures[0].open().convert("L"), dtype=np.float64)
    if grey.std() == 0:
        return False
    return bool(np.corrcoef(grey.ravel(), grey[:, ::-1].ravel())[0, 1] < MIRRORED)


def write_slake(folder: Path) -> None:
    """A synthetic SLAKE of the pictures that CheXbench asks, phantoms with three questions each.

    One question can be answered from the phantom. The two others cannot, and have one answer more
    often than the other, as questions of the real one do.
    """
    (part,) = (part for part in parts_of("v2") if part.source == "slake")
    rows: list[dict[str, object]] = []
    for number in part.choice("core").pictures:
        draw = Draw(key("slake", number))
        lateral = draw.below(9) < 4
        picture = encode(radiograph(160, 192, number, lateral=lateral), ".jpg")
        save(folder, {f"imgs/xmlab{number}/source.jpg": picture})
        for text, holds in (
            (LATERAL, lateral),
            ("Is the heart enlarged?", draw.below(10) < 3),
            ("Is there a pleural effusion?", draw.below(10) < 3),
        ):
            rows.append(
                {
                    "img_id": number,
                    "img_name": f"xmlab{number}/source.jpg",
                    "question": text,
                    "answer": "Yes" if holds else "No",
                    "q_lang": "en",
                    "location": "Lung",
                    "modality": "X-Ray",
                    "answer_type": "CLOSED",
                    "base_type": "vqa",
                    "content_type": "Position" if text == LATERAL else "Abnormality",
                    "triple": ["vhead", "_", "_"],
                    "qid": len(rows),
                }
            )
    for name, content in (("train", []), ("validate", []), ("test", rows)):
        save(folder, {f"{name}.json": json.dumps(content)})


def _made_up(items: tuple[BenchItem, ...]) -> Iterator[bytes]:
    """The key, spoilt here and there."""
    for item in items:
        spoilt = Draw(key("made-up", item.id)).below(SPARED) == 0
        if item.form == "choice":
            assert item.answer is not None
            choice = (item.answer + spoilt) % len(item.options)
            said = f"({'ABCD'[choice]})"
        elif item.form == "boxes":
            boxes = [(box.x1, box.y1, box.x2, box.y2) for box in item.boxes]
            said = "" if spoilt else format_boxes(boxes, "chexagent2")
        else:
            said = NORMAL if spoilt else item.reference or ""
        yield msgspec.json.encode({"id": item.id, "answer": said}) + b"\n"
