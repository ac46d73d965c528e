"""Draw the picture of the README: rows of the demo corpus with their boxes.

    .venv/bin/python docs/picture.py

builds the demo in a temporary folder and writes ``docs/examples.jpg``. Everything in it is
synthetic: the phantoms of the sample releases show nobody, and their texts are made up.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

from chexinstruct.demo import demo

TARGET = Path(__file__).with_name("examples.jpg")
TASKS = (
    ("abnormality_detection", "vindr_cxr"),
    ("phrase_grounding", "ms_cxr"),
    ("pneumothorax_segmentation", "siim_pneumothorax"),
    ("grounded_diagnosis", "nih_chestxray14"),
    ("progression_findings_generation", "mimic_cxr"),
    ("close_ended_vqa", "slake"),
)
COLUMNS, WIDTH, HEIGHT, TEXT, GAP = 3, 400, 330, 215, 14
"""Tiles a row; pixels of a tile's picture and of its text, and between tiles."""
SIZE = 14
"""Pixels of the letters."""
QUESTION, ANSWER, INK, PAPER = "#ffb000", "#35c5ff", "#1d1d1f", "#ffffff"


def _row(corpus: Path, task: str, source: str) -> dict[str, Any]:
    """The first train row of a task, with regions if any row has them."""
    (path,) = (corpus / "data" / task).glob(f"train-{source}-*.parquet")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return max(rows, key=lambda row: len(row["regions"]))


def _outlined(picture: dict[str, Any], regions: list[dict[str, Any]], height: int) -> Image.Image:
    """One picture of a row at the height of a tile, with its boxes and outlines."""
    image = Image.open(io.BytesIO(picture["bytes"])).convert("RGB")
    width = round(image.width * height / image.height)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    for region in regions:
        color = QUESTION if region["role"] == "question" else ANSWER
        edges = [region["x1"] * width, region["y1"] * height]
        edges += [region["x2"] * width, region["y2"] * height]
        draw.rectangle(edges, outline=color, width=3)
        for ring in region["rings"]:
            points = [(x * width, y * height) for x, y in zip(ring[::2], ring[1::2], strict=True)]
            draw.line([*points, points[0]], fill=color, width=2)
    return image


def _wrapped(text: str, font: ImageFont.FreeTypeFont, lines: int) -> str:
    """The text in lines that fit a tile, each named box on its own; long ones end in dots."""
    wrapped: list[str] = []
    for line in text.replace("<|/box|><|ref|>", "<|/box|>\n<|ref|>").splitlines():
        wrapped.append("")
        for word in line.split():
            longer = f"{wrapped[-1]} {word}".strip()
            if font.getlength(longer) <= WIDTH:
                wrapped[-1] = longer
            else:
                wrapped.append(word)
    return "\n".join(wrapped if len(wrapped) <= lines else [*wrapped[: lines - 1], "..."])


def _tile(row: dict[str, Any], font: ImageFont.FreeTypeFont) -> Image.Image:
    tile = Image.new("RGB", (WIDTH, HEIGHT + TEXT), PAPER)
    shown = [
        _outlined(picture, [r for r in row["regions"] if r["image"] == number], HEIGHT)
        for number, picture in enumerate(row["images"])
    ]
    scale = min(1.0, (WIDTH - 6 * (len(shown) - 1)) / sum(image.width for image in shown))
    left = 0
    for image in shown:
        size = round(image.width * scale), round(image.height * scale)
        tile.paste(image.resize(size), (left, (HEIGHT - size[1]) // 2))
        left += size[0] + 6
    draw = ImageDraw.Draw(tile)
    title = f"{row['task']} · {row['source']}"
    draw.text((0, HEIGHT + 5), title, font=font, fill="#777777")
    question = _wrapped(f"Q: {row['instruction']}", font, 9)
    draw.text((0, HEIGHT + 27), question, font=font, fill=INK)
    below = draw.textbbox((0, HEIGHT + 27), question, font=font)[3] + 6
    draw.text((0, below), _wrapped(f"A: {row['response']}", font, 5), font=font, fill="#00568a")
    return tile


def sheet(corpus: Path) -> Image.Image:
    """The contact sheet."""
    font = ImageFont.load_default(SIZE)
    assert isinstance(font, ImageFont.FreeTypeFont)
    rows = -(-len(TASKS) // COLUMNS)
    size = (
        COLUMNS * (WIDTH + GAP) + GAP,
        rows * (HEIGHT + TEXT + GAP) + GAP,
    )
    paper = Image.new("RGB", size, PAPER)
    for number, (task, source) in enumerate(TASKS):
        down, across = divmod(number, COLUMNS)
        place = (GAP + across * (WIDTH + GAP), GAP + down * (HEIGHT + TEXT + GAP))
        paper.paste(_tile(_row(corpus, task, source), font), place)
    return paper


def main() -> None:
    """Build the demo and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        made = demo(Path(folder))
        sheet(Path(made.corpus)).save(TARGET, quality=88, optimize=True)


if __name__ == "__main__":
    main()
