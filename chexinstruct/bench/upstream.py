"""The authors' own item file (``data.json`` of StanfordAIMI/chexbench) as a bench of ours.

Its fields are those that the published evaluation code reads: ``data_source``, ``slice``,
``image_path`` (a list, or names joined by ``|``), ``question``, ``option_0`` to ``option_3``,
``answer``, and sections of reports. It tells no id, no patient, no split and no terms.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chexinstruct.bench.folder import (
    BenchLock,
    Imported,
    digest_of,
    picture_name,
    seal,
    start,
)
from chexinstruct.bench.item import BenchBox, BenchImage, BenchItem, Construction
from chexinstruct.build.boxes import Lost
from chexinstruct.build.cache import whole_file
from chexinstruct.build.holdout import BenchStudy
from chexinstruct.build.ledger import made_by
from chexinstruct.chexbench.choosing import PartLine
from chexinstruct.draw import key
from chexinstruct.errors import ChexinstructError
from chexinstruct.images import BadImage, ImageSettings, normalise
from chexinstruct.source import Terms, registry, terms

TASKS = {
    "View Classification": "view_classification",
    "Binary Disease Classification": "binary_disease_classification",
    "Single Disease Identification": "single_disease_identification",
    "Multiple Disease Identification": "multiple_disease_identification",
    "Temporal Classification": "temporal_classification",
    "Visual Question Answering": "visual_question_answering",
    "Fine-Grained Reasoning": "fine_grained_reasoning",
    "Phrase Grounding": "phrase_grounding",
    "Findings Generation": "findings_generation",
    "Findings Summarization": "findings_summarization",
}
"""Keys of the file and ours; the file of the first paper has another name for one."""
RENAMED = {"Image-Text Reasoning": "fine_grained_reasoning"}
SOURCES = {
    "mimiccxr": "mimic_cxr",
    "chexpert": "chexpert",
    "openi": "openi",
    "slake": "slake",
    "radrestruct": "rad_restruct",
    "rsna": "rsna_pneumonia",
    "siim": "siim_pneumothorax",
    "mscxr": "ms_cxr",
    "mscxrt": "ms_cxr_t",
}
"""By the letters of ``data_source``."""
UNKNOWN = Terms("credentialed", "no")
"""Of items whose source is none of these."""

PERSONS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"p\d\d/p(\d{8})/(s\d{8})/"), "mimic_cxr:{0}", "{1}"),
    (re.compile(r"(patient\d{5})/(study\d+)/"), "chexpert:{0}", "{0}/{1}"),
    (re.compile(r"CXR(\d+)_(?:1_)?IM-"), "openi:{0}", "CXR{0}"),
    (re.compile(r"xmlab(\d+)"), "slake:{0}", "{0}"),
)
"""What the path of a picture tells of its person and study."""
BOX = re.compile(r"\((\d+),\s*(\d+)\),\s*\((\d+),\s*(\d+)\)")
GRID = 100
"""Of the boxes in answers."""


@dataclass
class _Pictures:
    """The pictures of the file, each normalised once."""

    root: Path
    folder: Path
    settings: ImageSettings
    made: dict[str, BenchImage | str] = field(default_factory=dict)
    """By name in the file: the picture, or why there is none."""

    def get(self, name: str) -> BenchImage:
        if name not in self.made:
            self.made[name] = self._make(name)
        found = self.made[name]
        if isinstance(found, str):
            raise Lost(found)
        return found

    def _make(self, name: str) -> BenchImage | str:
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()):
            return "path_outside_the_folder"
        if not path.is_file():
            return "missing_image"
        try:
            picture = normalise(path.read_bytes(), self.settings)
        except BadImage as error:
            return error.reason
        suffix = ".jpg" if self.settings.format == "jpeg" else ".png"
        file = picture_name("upstream", Path(name).with_suffix("").as_posix(), suffix)
        with whole_file(self.folder / file) as draft:
            draft.write_bytes(picture.data)
        return BenchImage(
            id=_key(name),
            file=file,
            sha256=picture.sha256,
            width=picture.width,
            height=picture.height,
        )


def import_upstream(
    file: str | Path, root: str | Path, out: str | Path, settings: ImageSettings | None = None
) -> BenchLock:
    """Take over the authors' items.

    Args:
        file: their ``data.json``.
        root: the folder that its picture paths start from.
        out: folder of the bench.
        settings: how pictures are normalised.

    Returns:
        The lock; ``upstream`` in it names the missing pictures and counts what was left out.

    Raises:
        ChexinstructError: the file is not theirs.
    """
    path, folder, settings = Path(file), Path(out), settings or ImageSettings()
    content = _content(path)
    start(folder)
    pictures = _Pictures(Path(root), folder, settings)
    items: list[BenchItem] = []
    persons: dict[tuple[str, str], BenchStudy] = {}
    told: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    lines: dict[tuple[str, str], PartLine] = {}
    for name, task, number, row in _rows(content, path):
        source = _source(row, task)
        told[f"{task}/{source}"] += 1
        line = lines.setdefault((task, source), _line(task, source))
        line.studies += 1
        line.used += 1
        line.candidates += 1
        try:
            item = _item(row, task, source, number, pictures)
        except Lost as error:
            lost[error.reason] += 1
            line.reasons[error.reason] = line.reasons.get(error.reason, 0) + 1
            continue
        except (KeyError, TypeError, ValueError) as error:
            raise ChexinstructError(
                f"{path}: {name}, item {number}: {type(error).__name__}: a field is missing or of "
                "another kind than the published code reads"
            ) from None
        items.append(item)
        line.items += 1
        persons.setdefault((source, item.study_id), _persons(row, item))
    lock = BenchLock(
        **made_by(),
        edition="v2",
        recipe="upstream",
        version="",
        seed=0,
        views="upstream",
        images=settings.model_dump(),
        sources=[],
        skipped_sources={},
        parts=list(lines.values()),
        splits=[],
        items=len(items),
        files={},
        upstream=Imported(
            sha256=digest_of(path),
            items=dict(told),
            lost=dict(sorted(lost.items())),
            missing=sorted(n for n, made in pictures.made.items() if made == "missing_image"),
        ),
    )
    return seal(folder, lock, items, [persons[name] for name in sorted(persons)])


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))  # NaN stands for what is not there
    except (OSError, ValueError) as error:
        kind = type(error).__name__
        raise ChexinstructError(f"{path}: cannot be read as JSON ({kind})") from None
    if not isinstance(content, dict):
        raise ChexinstructError(f"{path}: not the item file of CheXbench: no mapping of tasks")
    if strange := sorted(content.keys() - {*TASKS, *RENAMED}):
        raise ChexinstructError(
            f"{path}: not the item file of CheXbench: unknown tasks {', '.join(strange[:3])}"
        )
    return content


def _rows(
    content: Mapping[str, Any], path: Path
) -> Iterator[tuple[str, str, int, Mapping[str, Any]]]:
    for name, rows in content.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ChexinstructError(f"{path}: {name} is no list of items")
        for number, row in enumerate(rows):
            yield name, {**TASKS, **RENAMED}[name], number, row


def _item(
    row: Mapping[str, Any], task: str, source: str, number: int, pictures: _Pictures
) -> BenchItem:
    names = _names(row)
    images = tuple(pictures.get(name) for name in names)
    study = _study(names) or (images[0].id if images else str(number))
    if source == "rad_restruct":
        study = study.removeprefix("CXR")
    person = _person(names)
    options = tuple(row[f"option_{n}"] for n in range(4) if isinstance(row.get(f"option_{n}"), str))
    answer: int | None = None
    boxes: tuple[BenchBox, ...] = ()
    reference: str | None = None
    context: tuple[tuple[str, str], ...] = ()
    if options:
        answer = int(row["answer"])
        if not 0 <= answer < len(options):
            raise Lost("answer_is_no_option")
    elif task == "phrase_grounding":
        boxes = tuple(_boxes(str(row["answer"])))
        if not boxes:
            raise Lost("no_box")
    elif task == "findings_generation":
        context = (("indication", _text(row, "section_indication") or "None"),)
        reference = _text(row, "section_findings")
    elif task == "findings_summarization":
        context = (("findings", _text(row, "section_findings")),)
        reference = _text(row, "section_impression")
    else:
        raise Lost("no_options")
    if reference == "":
        raise Lost("no_reference")
    known = registry()
    own = terms(source, known) if source in known else UNKNOWN
    return BenchItem(
        id=f"{task}/{source}/{number}",
        task=task,
        subtask=_text(row, "slice") or None if task == "fine_grained_reasoning" else None,
        source=source,
        form="choice" if options else "boxes" if boxes else "text",
        split="test",
        study_id=study,
        cluster=person or f"{source}/{study}",
        images=images,
        question=_text(row, "question") or None,
        context=context,
        options=options,
        answer=answer,
        reference=reference,
        boxes=boxes,
        slices=(("slice", _text(row, "slice")),) if _text(row, "slice") else (),
        license=own.license,
        redistribution=own.redistribution,
        construction=Construction(
            rule="upstream/1", seed=0, candidates=1, note="the file tells no split; taken for test"
        ),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    """A field, or an empty text where it is null or NaN."""
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _names(row: Mapping[str, Any]) -> list[str]:
    value = row.get("image_path")
    names = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(name).strip() for name in names if str(name).strip()]


def _key(name: str) -> str:
    """A picture's name in its source: of SLAKE the folder, of CheXpert three parts."""
    path = Path(name)
    if found := re.search(r"xmlab\d+", name):
        return found[0]
    if found := re.search(r"patient\d{5}/study\d+/view\d+_\w+", name):
        return found[0]
    return path.stem


def _source(row: Mapping[str, Any], task: str) -> str:
    said = re.sub(r"[^a-z0-9]+", "_", _text(row, "data_source").casefold()).strip("_")
    letters = said.replace("_", "")
    for name, source in SOURCES.items():
        if letters in (name, source.replace("_", "")):
            return source
    if not said and task == "findings_summarization":
        return "mimic_cxr"  # whose items alone do not name their source
    return said or "unknown"


def _told(names: list[str]) -> tuple[str, str] | None:
    for name in reversed(names):
        for pattern, person, study in PERSONS:
            if found := pattern.search(name):
                return person.format(*found.groups()), study.format(*found.groups())
    return None


def _study(names: list[str]) -> str | None:
    found = _told(names)
    return found[1] if found else None


def _person(names: list[str]) -> str | None:
    found = _told(names)
    return f"{key('person', found[0]):016x}" if found else None


def _persons(row: Mapping[str, Any], item: BenchItem) -> BenchStudy:
    """A study of nobody is a person of its own, as in the people stage."""
    own = "\x1f".join((item.source, item.study_id))
    number = _person(_names(row)) or f"{key('person', own):016x}"
    return BenchStudy(source=item.source, study_id=item.study_id, persons=[number])


def _boxes(answer: str) -> Iterator[BenchBox]:
    for found in BOX.finditer(answer):
        x1, y1, x2, y2 = (min(int(n), GRID) / GRID for n in found.groups())
        if x1 < x2 and y1 < y2:
            yield BenchBox(image=0, x1=x1, y1=y1, x2=x2, y2=y2)


def _line(task: str, source: str) -> PartLine:
    return PartLine(
        task=task,
        subtask=None,
        source=source,
        rule="upstream/1",
        studies=0,
        used=0,
        left_out={},
        candidates=0,
        items=0,
        reasons={},
        answers={},
        shortfall={},
        published=None,
    )
