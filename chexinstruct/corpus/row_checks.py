"""Checks of texts, options, regions and terms, and of what may not stand in two splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from chexinstruct.corpus.findings import Finding, judged
from chexinstruct.corpus.tables import Numbers, Rows
from chexinstruct.schema import LicenseClass, Redistribution


@dataclass(frozen=True)
class _RowCheck:
    name: str
    wrong: str
    """SQL condition of a row that should not be."""
    fault: str
    """What such rows are; their number follows."""
    fine: str


def _names(kind: object) -> str:
    return ", ".join(f"'{name}'" for name in get_args(kind))


_IN_TEXT = (
    r"(^|[\s\"''(=])(/(home|Users|root|tmp|mnt|media|srv|var|opt|data|scratch|Volumes|workspace)/"
    r"|[A-Za-z]:\\|file://)"
)
"""A path of some machine inside a text; single quotes doubled for SQL."""
_AS_NAME = r"^(/|[A-Za-z]:|file:)|\\|(^|/)\.\.(/|$)"
"""A name that should be a POSIX path inside a release, and is absolute, climbs or is Windows'."""

_CHECKS = (
    _RowCheck(
        "rows_in_their_files",
        "task IS DISTINCT FROM file_task OR source IS DISTINCT FROM file_source "
        "OR NOT coalesce(starts_with(id, concat(file_task, '/', file_source, '/')), false)",
        "rows that name another task or source than their file",
        "id, task and source of every row are those of its file",
    ),
    _RowCheck(
        "texts_not_empty",
        "NOT coalesce("
        r"regexp_matches(instruction, '\S') AND regexp_matches(response, '\S'), false)",
        "rows with an empty instruction or response",
        "no instruction and no response is empty",
    ),
    _RowCheck(
        "options_hold_answers",
        "len(options) > 0 AND NOT coalesce(len(answers) > 0 AND list_has_all("
        "[option.text FOR option IN options], [shown(answer) FOR answer IN answers]), false)",
        "rows with options and not the right ones among them",
        "wherever there are options, the right ones are among them",
    ),
    _RowCheck(
        "regions",
        "len([1 FOR r IN regions IF NOT coalesce("
        "r.x1 >= 0 AND r.x1 < r.x2 AND r.x2 <= 1 AND r.y1 >= 0 AND r.y1 < r.y2 AND r.y2 <= 1 "
        "AND r.image >= 0 AND r.image < len(image_ids), false)]) > 0",
        "rows with a region that is empty, outside its picture or on no picture of the row",
        "every region lies in its picture and has a width and a height",
    ),
    _RowCheck(
        "no_local_paths",
        " OR ".join(
            [
                f"regexp_matches(concat_ws(' ', {text}), '{_IN_TEXT}')"
                for text in (
                    "instruction",
                    "response",
                    "array_to_string(answers, ' ')",
                    "array_to_string([option.text FOR option IN options], ' ')",
                    "array_to_string([concat(t.question, ' ', t.answer) FOR t IN history], ' ')",
                    "metadata.attributes",
                )
            ]
            + [
                f"coalesce(regexp_matches({name}, '{_AS_NAME}'), false)"
                for name in ("origin", "study_id")
            ]
            + [f"len([1 FOR name IN image_ids IF regexp_matches(name, '{_AS_NAME}')]) > 0"]
        ),
        "rows with a path of some machine, or a name that is no path inside a release",
        "no text and no name holds a path of a machine",
    ),
    _RowCheck(
        "terms_known",
        f"coalesce(license NOT IN ({_names(LicenseClass)}), true) "
        f"OR coalesce(redistribution NOT IN ({_names(Redistribution)}), true)",
        "rows whose licence class or redistribution is no known value",
        "licence class and redistribution of every row are known values",
    ),
)

_COLUMNS = [
    "id",
    "task",
    "source",
    "study_id",
    "image_ids",
    "instruction",
    "response",
    "options",
    "answers",
    "history",
    "regions",
    "license",
    "redistribution",
    "metadata",
    "origin",
]


def row_findings(rows: Rows) -> Iterator[Finding]:
    """The checks that look at one row at a time; all rows are read once."""
    wanted = ", ".join(
        f"count(*) FILTER ({check.wrong}), coalesce(min(id) FILTER ({check.wrong}), 'without id')"
        for check in _CHECKS
    )
    ((*answers,),) = rows.ask(_COLUMNS, f"SELECT {wanted} FROM rows")
    for number, check in enumerate(_CHECKS):
        count, first = answers[2 * number : 2 * number + 2]
        faults = [f"{check.fault}: {count:,}, the first {first}"] if count else []
        yield judged(check.name, faults, check.fine)


@dataclass(frozen=True)
class _SharedCheck:
    name: str
    columns: tuple[str, ...]
    table: str
    """SQL of a table with ``id``, ``split`` and ``key``."""
    fault: str
    """What such keys are; their number follows."""
    fine: str


_UNIQUE = _SharedCheck(
    "ids_unique",
    ("id",),
    "SELECT id, split, text_key(id) AS key FROM rows WHERE id IS NOT NULL",
    "rows with the id of an earlier one",
    "no id stands twice",
)

# A picture's name counts within its release: those of a source and of the source it builds on are
# the same pictures.
_ONE_SPLIT = (
    _SharedCheck(
        "patients_in_one_split",
        ("id", "patient"),
        "SELECT id, split, text_key(patient) AS key FROM rows WHERE patient IS NOT NULL",
        "patients in several splits",
        "no patient stands in two splits",
    ),
    _SharedCheck(
        "pictures_in_one_split",
        ("id", "image_ids"),
        """
        SELECT id, split, text_key(concat(root, chr(31), image)) AS key
        FROM (SELECT id, split, root, unnest(image_ids) AS image FROM rows)
        """,
        "pictures in several splits by their names",
        "no picture stands in two splits by its name",
    ),
    _SharedCheck(
        "questions_in_one_split",
        ("id", "instruction", "image_ids"),
        """
        SELECT id, split, text_key(joined(root, instruction, image_ids)) AS key
        FROM rows WHERE len(image_ids) > 0
        """,
        "questions about the same pictures in several splits",
        "no question about the same pictures stands in two splits",
    ),
)


def unique_finding(rows: Rows) -> Finding:
    """The check that no id stands twice."""
    return _compared(rows, _UNIQUE, rows.kinds(_UNIQUE.columns, _UNIQUE.table).repeated())


def one_split_findings(rows: Rows, note: str) -> Iterator[Finding]:
    """The checks of what may not stand in two splits.

    Args:
        rows: of the corpus.
        note: is said beside leaks between splits.
    """
    for check in _ONE_SPLIT:
        crossing = rows.kinds(check.columns, check.table).across_splits()
        yield _compared(rows, check, crossing, note)


def _compared(rows: Rows, check: _SharedCheck, wrong: Numbers, note: str = "") -> Finding:
    faults = []
    if len(wrong):
        examples = rows.ask(
            check.columns,
            f"SELECT split, min(id) FROM ({check.table}) WHERE key = {wrong[0]} "
            "GROUP BY split ORDER BY split",
        )
        told = " and ".join(f"{id} ({split})" for split, id in examples)
        faults = [f"{check.fault}: {len(wrong):,}, for example {told}{note}"]
    return judged(check.name, faults, check.fine)


def unnamed_finding(rows: Rows) -> Finding:
    """Whether the check of patients looks at every row with pictures."""
    ((count, first),) = rows.ask(
        ["id", "patient", "image_ids"],
        "SELECT count(*), min(id) FROM rows WHERE patient IS NULL AND len(image_ids) > 0",
    )
    if count:
        message = f"rows with pictures and without a patient: {count:,}, the first {first}"
        return Finding(check="patients_named", level="not checked", message=message)
    fine = "every row with pictures names its patient"
    return Finding(check="patients_named", level="ok", message=fine)
