"""A small synthetic bench: items of all three forms, and pictures that tell the answer."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
from PIL import Image

from chexinstruct.bench.folder import ITEMS, LOCK, BenchLock
from chexinstruct.bench.item import BenchBox, BenchImage, BenchItem, Construction
from chexinstruct.bench.models import Question, Reply
from chexinstruct.build.ledger import made_by
from chexinstruct.regions import format_boxes

CLUES = (40, 200)
"""Grey of a picture whose answer is the first or the second option's meaning."""


def picture(root: Path, name: str, grey: int) -> BenchImage:
    data = io.BytesIO()
    shade = Image.new("L", (24, 16), grey)
    shade.putpixel((0, 0), sum(name.encode()) % 256)
    shade.save(data, "PNG")
    file = root / "images" / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.getvalue())
    return BenchImage(
        id=name,
        file=f"images/{name}.png",
        sha256=hashlib.sha256(data.getvalue()).hexdigest(),
        width=24,
        height=16,
        view="PA" if sum(name.encode()) % 2 else "AP",
    )


def items(root: Path) -> list[BenchItem]:
    """40 choice items of two sources, 8 of boxes, 8 of text."""

    def make(task: str, source: str, number: int, form: str, **fields: object) -> BenchItem:
        base = {
            "id": f"{task}/{source}/{number}/a",
            "task": task,
            "source": source,
            "form": form,
            "split": "test",
            "study_id": str(number),
            "cluster": f"{source}-{number // 2}",
            "license": "open",
            "redistribution": "yes",
            "construction": Construction(rule="synthetic@1", seed=0, candidates=99),
            "sex": ("female", "male")[number % 2],
            "age": 20.0 + 3 * number if number % 5 else None,
        }
        return BenchItem(**(base | fields))  # type: ignore[arg-type]

    made = []
    for number in range(24):
        right = number % 3 == 0
        made.append(
            make(
                *("visual_question_answering", "slake", number, "choice"),
                question=f"Is finding {number % 4} present?",
                options=("yes", "no") if number % 2 else ("no", "yes"),
                answer=int(right == bool(number % 2 == 0)),
                images=(picture(root, f"vqa{number}", CLUES[right]),),
                slices=(("finding", f"finding {number % 4}"),),
            )
        )
    for number in range(16):
        right = number % 2 == 0
        made.append(
            make(
                *("fine_grained_reasoning", "openi", number, "choice"),
                subtask="side" if number < 10 else "severity",
                question="Which finding is in this chest X-ray?",
                options=("left pleural effusion", "right pleural effusion"),
                answer=int(right),
                images=(picture(root, f"side{number}", CLUES[right]),),
            )
        )
    for number in range(8):
        made.append(
            make(
                *("phrase_grounding", "ms_cxr", number, "boxes"),
                phrase="small left effusion",
                boxes=(BenchBox(image=0, x1=0.1 * (number % 4), y1=0.2, x2=0.6, y2=0.8),),
                images=(picture(root, f"box{number}", 90),),
                license="credentialed",
                redistribution="no",
            )
        )
        made.append(
            make(
                *("findings_summarization", "mimic_cxr", number, "text"),
                context=(("findings", f"Synthetic findings number {number}."),),
                reference="" if number == 7 else f"Impression {number}: no acute process.",
                license="credentialed",
                redistribution="no",
            )
        )
    return made


def write_bench(root: Path) -> Path:
    """The bench in a folder."""
    return write_items(root, items(root))


def write_items(root: Path, found: Sequence[BenchItem]) -> Path:
    """A bench of these items, as a build leaves it; their pictures stand there already."""
    root.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(item) + b"\n" for item in found)
    (root / ITEMS).write_bytes(lines)
    lock = BenchLock(
        **made_by(),
        edition="v2",
        recipe="core",
        version="1.0.0",
        seed=0,
        views="any",
        images=None,
        sources=[],
        skipped_sources={},
        parts=[],
        splits=[],
        items=len(found),
        files={},
    )
    (root / LOCK).write_bytes(msgspec.json.encode(lock))
    return root


def seeing(question: Question) -> str | Reply:
    """A model that looks: it reads the grey of the picture."""
    if question.form == "boxes":
        return format_boxes([(0.1, 0.2, 0.6, 0.8)], "chexagent2", "effusion")
    if question.form == "text":
        return Reply("no acute process", finish="stop")
    light = question.pictures[0].open().getpixel((5, 5))[0]  # type: ignore[index]
    meant = {
        ("no", "yes"): ("no", "yes"),
        ("left pleural effusion", "right pleural effusion"): (
            "left pleural effusion",
            "right pleural effusion",
        ),
    }[tuple(sorted(question.options))][light > 120]  # type: ignore[index]
    return f"The answer is ({'ABCD'[question.options.index(meant)]})."
