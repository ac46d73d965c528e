"""CXR-LT 2023 and 2024 (Holste et al. 2024, Lin et al. 2025): labels of MIMIC-CXR's pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release, Row
from chexinstruct.release.paths import newest
from chexinstruct.schema import Label, Origin, Split, Study
from chexinstruct.shared import chexpert_labels
from chexinstruct.source import Parent
from chexinstruct.vocabulary import NO_FINDING, canonical

PARENT = "mimic_cxr"

TABLE = re.compile(
    r"(?:labels|(?P<split>train|development|test)(?P<later>_labeled|_task[123])*)\.csv(?:\.gz)?"
)
GOLD = "test_labeled_task2.csv"
"""Read by people; the development table of task 2 repeats the labels of the program."""
KEYS = {"image": "dicom_id", "subject": "subject_id", "study": "study_id"}

COMMON = (
    "Calcification of the Aorta",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural Thickening",
    "Pneumomediastinum",
    "Pneumoperitoneum",
    "Subcutaneous Emphysema",
    "Tortuous Aorta",
)
"""New in 2023: what CheXpert's labels do not hold."""
RARE = (
    "Adenopathy",
    "Azygos Lobe",
    "Clavicle Fracture",
    "Fissure",
    "Granuloma",
    "Hydropneumothorax",
    "Infarction",
    "Kyphosis",
    "Lobar Atelectasis",
    "Pulmonary Embolism",
    "Pulmonary Hypertension",
    "Rib Fracture",
    "Round(ed) Atelectasis",
    "Tuberculosis",
)
"""New in 2024."""
ZERO_SHOT = ("Bulla", "Cardiomyopathy", "Hilum", "Osteopenia", "Scoliosis")
CHEXPERT = chexpert_labels.FINDINGS
GROUPS = (COMMON, RARE, ZERO_SHOT, CHEXPERT)
"""A table holds all columns of a group or none."""
SPELLINGS = {"Round(ed) Atelectasis": ("Round(ed) Atelectasis", "Rounded Atelectasis")}
NORMAL = ("No Finding", "Normal")
"""The name in 2023 and that in 2024, which is given more sparingly."""

SPLITS: dict[str, Split] = {"train": "train", "development": "validation", "test": "test"}
"""The weaker first."""

STUDY = re.compile(r"5\d{7}")


class Table(NamedTuple):
    """A file of labels, known by its name and its columns."""

    path: str
    edition: str
    split: str | None
    """None: a column tells it."""
    columns: dict[str, str]
    """Of labels: our name -> the file's; empty: labels were kept back."""
    gold: bool


class Line(NamedTuple):
    """A row and where it stands."""

    table: Table
    row: Row


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study of MIMIC-CXR each, by study id; last those that only rows without one name."""
    tables = _tables(release)
    parent, splits = parents[PARENT], _OwnSplits(release)
    nameless: dict[str, list[Line]] = {}
    streams = [_lines(release, table) for table in tables]
    for study, group in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        lines = [line for _, lines in group for line in lines]
        if study:
            lines += nameless.pop(study, [])
            yield from _study(release, parent.get(f"s{study}"), lines, splits)
            continue
        for line in lines:  # blank sorts first
            exam = parent.with_image(line.row["image"])
            nameless.setdefault(exam.id[1:] if exam else "", []).append(line)
    for study, lines in sorted(nameless.items()):
        yield from _study(release, parent.get(f"s{study}"), lines, splits)


def _tables(release: Release) -> list[Table]:
    """The tables of both editions, whatever folder holds them; of several of a name the newest."""
    release.find("labels.csv", "train_labeled.csv", "train.csv", "*_labeled_task?.csv", "test.csv")
    names: dict[str, list[str]] = {}
    for path in release.find_all("*.csv"):
        name = path.rpartition("/")[2]
        if not TABLE.fullmatch(name):
            release.reject(path, None, "unknown_table", "no file of CXR-LT", expected=True)
        elif not set(KEYS.values()) <= set(release.header(path)):
            # the edition of 2026 shows other pictures
            release.reject(path, None, "unknown_table", "not of MIMIC-CXR", expected=True)
        else:
            names.setdefault(name.removesuffix(".gz"), []).append(path)
    tables = []
    for name, paths in sorted(names.items()):
        path = newest(paths)
        for other in paths:
            if other != path:
                detail = f"{path} is read"
                release.reject(other, None, "duplicate_table", detail, expected=True)
        tables.append(_table(release, path, name))
    return tables


def _table(release: Release, path: str, name: str) -> Table:
    header = release.header(path)
    columns: dict[str, str] = {}
    for group in GROUPS:
        found = {
            label: spelling
            for label in group
            for spelling in SPELLINGS.get(label, (label,))
            if spelling in header
        }
        if found and len(found) < len(group):
            lost = ", ".join(repr(label) for label in group if label not in found)
            raise ReleaseError(
                release.source,
                f"no column {lost}, though others of their group are there",
                file=path,
                row=1,
                fix="take the file of the release that the source's card names",
            )
        columns |= found
    normal = [spelling for spelling in NORMAL if spelling in header]
    if columns and normal:
        columns[NO_FINDING] = normal[0]
    kind = TABLE.fullmatch(name)
    assert kind is not None
    edition = "2024" if kind["later"] or kind["split"] is None else "2023"
    return Table(path, edition, kind["split"], columns, name == GOLD)


def _lines(release: Release, table: Table) -> Iterator[tuple[str, list[Line]]]:
    """The rows of a table by study id, which some tables hold as floats."""
    columns = {**KEYS, **table.columns}
    groups = release.grouped(
        table.path, columns, by="study", optional={"split": "split"}, memory_mb=32
    )
    for (cell,), rows in groups:
        study = cell.removesuffix(".0")
        if study and not STUDY.fullmatch(study):
            for row in rows:
                release.reject(table.path, row.line, "bad_id", "no study_id 5...")
        else:
            yield study, [Line(table, row) for row in rows]


class _OwnSplits:
    """The splits of CXR-LT itself: said to be by patient, which is checked."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._known: dict[tuple[str, str], str] = {}

    def of(self, lines: Iterable[Line]) -> dict[str, str]:
        """The split of a study by edition, the newer last."""
        found: dict[str, str] = {}
        order = list(SPLITS)
        for table, row in lines:
            split = table.split or row["split"]
            if split not in SPLITS:
                if split:
                    detail = f"not one of {', '.join(SPLITS)}"
                    self._release.reject(table.path, row.line, "unknown_split", detail)
                continue
            person = (table.edition, row["subject"].removesuffix(".0"))
            if self._known.setdefault(person, split) != split:
                detail = "its subject has another split in this edition"
                self._release.reject(table.path, row.line, "split_differs", detail, expected=True)
            found[table.edition] = max(split, found.get(table.edition, split), key=order.index)
        return dict(sorted(found.items()))


def _study(
    release: Release, exam: Study | None, lines: Sequence[Line], splits: _OwnSplits
) -> Iterator[Study]:
    """The study of MIMIC-CXR that rows name, unless none of them fits it."""
    pictures = {image.key for image in exam.images} if exam else set()
    fitting = []
    for line in lines:
        table, row = line
        if exam is None or row["image"] not in pictures:
            detail = f"{row['image']} is not in {PARENT}"
            release.reject(table.path, row.line, "not_in_parent", detail, expected=True)
        elif exam.people != (f"{PARENT}:{row['subject'].removesuffix('.0')}",):
            release.reject(table.path, row.line, "id_mismatch", f"another subject in {PARENT}")
        else:
            fitting.append(line)
    if exam is None or not fitting:
        return
    named = {line.row["image"] for line in fitting}
    own = splits.of(fitting)
    split, origin = exam.split, exam.split_origin
    if split is None and own:
        split = SPLITS[list(own.values())[-1]]
    told = ["CXR-LT " + ", ".join(f"{e}: {name}" for e, name in own.items())] if own else []
    applied, labels = _labels(release, fitting, exam)
    first = fitting[0]
    yield Study(
        source=release.source,
        id=exam.id,
        people=exam.people,
        split=split,
        split_origin="; ".join([*([origin] if origin else []), *told]) if split else None,
        images=tuple(replace(i, release=PARENT) for i in exam.images if i.key in named),
        label_sets=applied,
        labels=labels,
        origin=Origin(file=first.table.path, row=first.row.line),
    )


Cells = dict[str, dict[str, set[str]]]
"""Column -> edition -> what stands in it."""


def _cells(release: Release, lines: Iterable[Line]) -> Cells:
    cells: Cells = {}
    for table, row in lines:
        said = {name: row[name].removesuffix(".0") for name in table.columns}
        if not any(said.values()):
            continue  # kept back
        if not set(said.values()) <= {"0", "1"}:
            release.reject(table.path, row.line, "unknown_label_value", "not 1 or 0")
            continue
        for name, cell in said.items():
            cells.setdefault(name, {}).setdefault(table.edition, set()).add(cell)
    return cells


def _labels(
    release: Release, lines: Sequence[Line], exam: Study
) -> tuple[tuple[str, ...], tuple[Label, ...]]:
    """The label sets that were applied to a study, and its labels.

    Labels were mined from the report, so they should be the same for all its pictures, and for
    both editions. Where they are not nobody knows better: the finding is uncertain.
    """
    gold = _cells(release, (line for line in lines if line.table.gold))
    mined = _cells(release, (line for line in lines if not line.table.gold))
    applied: dict[str, tuple[str, ...]] = {}
    if gold.keys() >= set(COMMON):
        applied["gold"] = COMMON
    elif mined.keys() >= {*COMMON, *RARE, *ZERO_SHOT}:
        applied["edition_2024_all"] = COMMON + RARE + ZERO_SHOT
    elif mined.keys() >= {*COMMON, *RARE}:
        applied["edition_2024"] = COMMON + RARE
    elif mined.keys() >= set(COMMON):
        applied["edition_2023"] = COMMON
    if "edition_2024_all" not in applied and mined.keys() >= set(ZERO_SHOT):
        applied["zero_shot"] = ZERO_SHOT
    if not applied:
        return (), ()
    asked: dict[str, Label] = {}
    for name in (name for names in applied.values() for name in names):
        source = gold if "gold" in applied and name in COMMON else mined
        said = set().union(*source[name].values())
        if "1" in said:
            label = Label(finding=canonical(name), name=name)
            asked[name] = label if said == {"1"} else replace(label, state="uncertain")
    _count_doubts(release, lines[0], mined)
    context = tuple(_context(mined, gold, exam))
    if not (asked or context):
        context = tuple(_normality({**mined, **gold}.get(NO_FINDING, {})))
    return (*applied, "chexpert"), (*asked.values(), *context)


def _count_doubts(release: Release, first: Line, cells: Cells) -> None:
    """Count a study whose rows contradict one another, within an edition or across both."""
    doubts: dict[str, list[str]] = {"labels_differ": [], "editions_differ": []}
    for name in (*COMMON, *RARE, *ZERO_SHOT):
        said = list(cells.get(name, {}).values())
        if any(len(one) > 1 for one in said):
            doubts["labels_differ"].append(name)
        elif len(set().union(*said)) > 1:
            doubts["editions_differ"].append(name)
    for reason, names in doubts.items():
        if names:
            release.reject(
                first.table.path,
                first.row.line,
                reason,
                ", ".join(names),
                expected=reason == "editions_differ",
            )


def _context(mined: Cells, gold: Cells, exam: Study) -> Iterator[Label]:
    """What CXR-LT or MIMIC-CXR says is there, or may be, of the findings of CheXpert's labels."""
    present = set()
    for name in CHEXPERT:
        cells = [*mined.get(name, {}).values(), *gold.get(name, {}).values()]
        if any("1" in said for said in cells):
            present.add(canonical(name))
            yield Label(finding=canonical(name), name=name)
    for label in exam.labels:
        if label.state != "absent" and label.finding not in present:
            yield label


def _normality(cells: dict[str, set[str]]) -> Iterator[Label]:
    """Of a study without any finding: whether the tables call it normal, if they do not."""
    said = set().union(*cells.values())
    if said != {"1"}:
        yield Label(finding=NO_FINDING, state="absent" if said == {"0"} else "uncertain")
