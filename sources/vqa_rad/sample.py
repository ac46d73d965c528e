"""A tiny VQA-RAD with every quirk of the files; questions are invented, pictures are phantoms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("osf", "lower_case", "mevf")

Row = dict[str, Any]

HEAD = 90001
"""No chest: its questions are left out."""
UNASKED = 90099
"""Its picture is there, and no question is."""
MISSING = 90012
"""Its picture is not there."""

BOTH = 90010
"""Train and test questions were asked of it, so it is a test picture."""
TRAIN = (90002, 90003, 90004, 90005, 90006, 90007, MISSING)
TEST = (BOTH, 90011, 90013)
"""90011 has lost its only test question."""


def write(folder: Path, variant: str = "osf") -> None:
    """``osf``: the publisher's; ``lower_case``: renamed copies of it; ``mevf``: two files."""
    rows = _rows()
    names = {
        "osf": ("VQA_RAD Dataset Public.json", "VQA_RAD Image Folder"),
        "lower_case": ("vqa_rad_dataset_public.json", "images"),
    }
    if variant == "mevf":
        for name, test in (("trainset.json", False), ("testset.json", True)):
            save(folder, {name: _json(list(_mevf(rows, test)))})
        pictures = "images"
    else:
        table, pictures = names[variant]
        save(folder, {table: _json(rows)})
    numbers = sorted({HEAD, UNASKED, *TRAIN, *TEST} - {MISSING})
    content = {n: encode(radiograph(72 + n % 5, 80, n), ".jpg", mode="RGB") for n in numbers}
    save(folder, {f"{pictures}/synpic{n}.jpg": content[n] for n in numbers})


def _json(rows: list[Row]) -> str:
    return json.dumps(rows, indent=1)


def _rows() -> list[Row]:
    """The records in the order of their numbers, of which the first is text."""
    rows = [
        _row(HEAD, "Is the midline of the brain shifted?", "Yes", organ="HEAD"),
        *_ordinary(),
        *_pair(
            BOTH,
            ("Is the cardiac shadow too wide?", "Yes"),
            ("Is the heart of more than normal width?", "yes"),
            test=True,
        ),
        _row(BOTH, "How many chest tubes are in place?", 2, kind="OPEN", test=True, type="COUNT"),
        # Asked in both lists, with the answer in another case.
        _row(BOTH, "Which lung is collapsed?", "Left Lung", kind="OPEN", type="POS"),
        _row(BOTH, "Which lung is collapsed?", "left lung", kind="OPEN", test=True, type="POS"),
        _row(BOTH, "Is there a chest tube?", "Yes"),
        _row(90011, "Is there air below the diaphragm?", "No"),
        _row(90011, "What do the two round shadows mean?", "Yes", test=True),
        _row(90013, "Is this an AP or a PA film?", "PA", test=True, type="PLANE"),
        _row(90013, "Is the film of the chest or of the abdomen?", "  Chest film ", test=True),
        *_broken(),
    ]
    for number, row in enumerate(rows):
        row["qid"] = number or str(number)
    rows[-1].pop("question_rephrase")
    return rows


def _ordinary() -> Iterator[Row]:
    for number in TRAIN:
        yield from _pair(
            number,
            ("Do you see a pneumothorax?", "No"),
            ("Is there air in the pleural space?", "No"),
        )
        yield _row(number, "What kind of picture is this?", "X-ray", kind="OPEN", type="MODALITY")
    yield _row(90002, "Is the trachea in the middle?", "Midline", kind="OPEN", type="ATRIB")
    yield _row(90003, "Where is the opacity?", "Right base.", kind="OPEN", type="POS, PRES")
    yield _row(90004, "Is the opacity on the right or on the left?", "Left", type="POS")
    yield _row(90005, "Are the nodules larger or smaller than 5 cm?", "smaller", type="SIZE")


def _broken() -> Iterator[Row]:
    """What the conversion of the release has damaged, and what answers nothing."""
    yield _row(90006, "What is to be seen?", "lungs \thear t\tand ribs", kind="OPEN")
    yield _row(90006, 'What is the hump" beside the heart?"', "Aorta", kind="OPEN")
    yield _row(90006, "Might the plaques be of asbestos?", "Not sure")
    yield _row(90007, "Is the aortic knob enlarged?", "No")
    yield _row(90007, "Is the aortic knob enlarged?", "No", phrase="para")
    yield _row(90007, "Is the left hilum dense?", "Yes")


def _pair(
    number: int, first: tuple[str, str], other: tuple[str, str], *, test: bool = False
) -> Iterator[Row]:
    """A question and its paraphrase; the answer type of the second has a blank at its end."""
    link = f"00000000-0000-4000-8000-{number:012d}"
    yield _row(number, *first, test=test) | {"qid_linked_id": link, "question_rephrase": other[0]}
    yield _row(number, *other, test=test, phrase="para", kind="CLOSED ") | {
        "qid_linked_id": link,
        "question_rephrase": first[0],
        "evaluation": "evaluated",
    }


def _row(
    number: int,
    question: str,
    answer: str | int,
    *,
    kind: str = "CLOSED",
    test: bool = False,
    phrase: str = "freeform",
    type: str = "PRES",
    organ: str = "CHEST",
) -> Row:
    # The end of a case's number drifts, as where a spreadsheet fills a column.
    case = f"{number:08x}-1111-4222-8333-0000000000{10 + len(question) % 80}"
    return {
        "qid": -1,
        "phrase_type": f"test_{phrase}" if test else phrase,
        "qid_linked_id": f"00000000-0000-4000-9000-{len(question):012d}",
        "image_case_url": f"https://medpix.nlm.nih.gov/case?id={case}",
        "image_name": f"synpic{number}.jpg",
        "image_organ": organ,
        "evaluation": "not evaluated",
        "question": question,
        "question_rephrase": "NULL",
        "question_relation": "NULL",
        "question_frame": "NULL",
        "question_type": type,
        "answer": answer,
        "answer_type": kind,
    }


def _mevf(rows: list[Row], test: bool) -> Iterator[Row]:
    """The eight keys, other numbers, no mark of the list; a templated question after each pair."""
    keys = ("image_name", "image_organ", "answer", "answer_type", "question_type", "question")
    for number, row in enumerate(rows):
        listed = row["phrase_type"].startswith("test_")
        kept = {key: row[key] for key in keys}
        if listed == test:
            phrase = row["phrase_type"].removeprefix("test_")
            yield {"qid": 2 * number, **kept, "phrase_type": phrase}
        if row["phrase_type"] == "para" and not test:
            framed = {**kept, "question": "Is/Are there a pneumothorax in/on the lung?"}
            yield {"qid": 2 * number + 1, **framed, "phrase_type": "frame"}
