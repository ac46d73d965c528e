"""ReXVal (Yu et al., Patterns 2023): errors that radiologists counted in candidate reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release, Row
from chexinstruct.schema import ErrorCounts, ErrorKind, Origin, Study
from chexinstruct.source import Parent

PARENT = "mimic_cxr"
REPORTS = "50_samples_gt_and_candidates.csv"
RATINGS = "6_valid_raters_per_rater_error_categories.csv"

CANDIDATES = ("radgraph", "bertscore", "s_emb", "bleu")
"""The metrics by which a candidate was chosen among the train impressions; columns of the table."""
REPORT_COLUMNS = {"study": "study_id", "reference": "gt_report", **{c: c for c in CANDIDATES}}
RATING_COLUMNS = {
    "number": "study_number",
    "candidate": "candidate_type",
    "kind": "error_category",
    "significant": "clinically_significant",
    "rater": "rater_index",
    "errors": "num_errors",
}
KINDS: dict[str, ErrorKind] = {str(n): kind for n, kind in enumerate(get_args(ErrorKind), start=1)}
"""By the number that the table gives it."""
YES_NO = {"true": True, "1": True, "false": False, "0": False}

Counts = dict[bool, dict[ErrorKind, int]]
"""Errors by significance and kind."""
Ratings = dict[tuple[str, str], dict[str, Counts]]
"""By number of the study and candidate: counts by rater."""


class Reports(NamedTuple):
    """A row of the table of reports."""

    row: Row
    position: int
    study: str


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study of MIMIC-CXR each, with the counts of every rater for each of its candidates."""
    table, ratings_table = release.find(REPORTS), release.find(RATINGS)
    rejected = release.reject_counts.total()
    found = [
        Reports(row, position, _id(row["study"]))
        for position, row in enumerate(release.table(table, REPORT_COLUMNS))
    ]
    if release.reject_counts.total() > rejected:
        raise ReleaseError(
            release.source,
            "rows cannot be read, and the ratings go by their positions",
            file=table,
            fix="take the file of the release again",
        )
    ratings = _ratings(release, ratings_table)
    name = _naming(release, ratings_table, found, {number for number, _ in ratings})
    seen: set[str] = set()
    for reports in found:
        row, study = reports.row, f"s{reports.study}"
        if study in seen:
            release.reject(table, row.line, "duplicate_study", f"{study} stands before")
            continue
        seen.add(study)
        counts = tuple(_counts(release, table, reports, ratings, name))
        if not counts:
            continue
        exam = parents[PARENT].get(study) if PARENT in parents else None
        if exam is None:
            detail = f"{study} is not in {PARENT}, so its patient is not held out of training"
            release.reject(table, row.line, "patient_unknown", detail, expected=True)
        elif exam.split not in (None, "test"):
            detail = f"{study} is {exam.split} in {PARENT}; its patient is held out"
            release.reject(table, row.line, "split_differs", detail, expected=True)
        yield Study(
            source=release.source,
            id=study,
            people=exam.people if exam else (),
            split="test",
            split_origin="benchmark",
            holdout=True,
            error_counts=counts,
            origin=Origin(file=table, row=row.line),
        )


def _id(cell: str) -> str:
    """A study id, which some tools have turned into a float."""
    return cell.removeprefix("s").removesuffix(".0")


def _ratings(release: Release, table: str) -> Ratings:
    found: Ratings = {}
    for row in release.table(table, RATING_COLUMNS):
        kind = KINDS.get(row["kind"].removesuffix(".0"))
        significant = YES_NO.get(row["significant"].lower().removesuffix(".0"))
        errors = row["errors"].removesuffix(".0")
        if row["candidate"] not in CANDIDATES:
            detail = f"none of {', '.join(CANDIDATES)}"
            release.reject(table, row.line, "unknown_candidate", detail)
        elif kind is None:
            release.reject(table, row.line, "unknown_category", "not 1 to 6")
        elif significant is None:
            release.reject(table, row.line, "unknown_significance", "not True or False")
        elif not errors.isdecimal():
            release.reject(table, row.line, "bad_count", "not a number of errors")
        else:
            raters = found.setdefault((_id(row["number"]), row["candidate"]), {})
            counts = raters.setdefault(_id(row["rater"]), {True: {}, False: {}})[significant]
            if kind in counts:
                detail = "the rater counted these errors before"
                release.reject(table, row.line, "duplicate_count", detail)
            else:
                counts[kind] = int(errors)
    return found


def _naming(
    release: Release, table: str, reports: list[Reports], numbers: set[str]
) -> dict[int, str]:
    """What the ratings call the study of each row: its position from 0, or else from 1, or its id.

    Raises:
        ReleaseError: the numbers tell none of the three apart.
    """
    last = len(reports)
    for first in (0, 1):
        way = {r.position: str(r.position + first) for r in reports}
        # Only a number at the end of the range tells the two apart.
        if numbers <= set(way.values()) and str(first * last) in numbers:
            return way
    way = {r.position: r.study for r in reports}
    if numbers and numbers <= set(way.values()):
        return way
    raise ReleaseError(
        release.source,
        f"study_number holds neither positions of the {len(reports)} rows of {REPORTS} nor their "
        "study ids",
        file=table,
        fix="take both tables of one version of ReXVal",
    )


def _counts(
    release: Release, table: str, reports: Reports, ratings: Ratings, name: dict[int, str]
) -> Iterator[ErrorCounts]:
    row = reports.row
    reference = " ".join(row["reference"].split())
    for candidate in CANDIDATES:
        text = " ".join(row[candidate].split())
        raters = ratings.get((name[reports.position], candidate), {})
        if not (reference and text):
            release.reject(table, row.line, "empty_report", candidate)
        elif not raters:
            release.reject(table, row.line, "not_rated", candidate)
        else:
            for rater, counts in sorted(raters.items()):
                yield ErrorCounts(
                    id=candidate,
                    reference=reference,
                    candidate=text,
                    annotator=rater,
                    significant=counts[True],
                    insignificant=counts[False],
                )
