"""MS-CXR-T (Bannur et al., CVPR 2023): changes between pictures of MIMIC-CXR, and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec.structs import replace

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Columns, Release, Row
from chexinstruct.schema import Comparison, Image, Origin, Pair, Study
from chexinstruct.source import Parent
from chexinstruct.vocabulary import canonical

PARENT = "mimic_cxr"
IMAGES = "MS_CXR_T_temporal_image_classification_v*.csv"
SENTENCES = "MS_CXR_T_temporal_sentence_similarity_v*.csv"

FINDINGS = ("consolidation", "edema", "pleural_effusion", "pneumonia", "pneumothorax")
COLUMNS: Columns = {
    "study": "study_id",
    "prior_study": "previous_study_id",
    "image": "dicom_id",
    "prior_image": "previous_dicom_id",
    **{name: f"{name}_progression" for name in FINDINGS},
}
QUALITY: Columns = {f"{name}_quality": f"{name}_label_quality" for name in FINDINGS}
SENTENCE_COLUMNS: Columns = {"first": "sentence_1", "second": "sentence_2", "relation": "category"}

Change = Literal["improving", "stable", "worsening"]
CHANGES: dict[str, Change] = {c: c for c in ("improving", "stable", "worsening")}
Relation = Literal["paraphrase", "contradiction"]
RELATIONS: dict[str, Relation] = {r: r for r in ("paraphrase", "contradiction")}


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """Pairs of pictures, then pairs of sentences, each in the order of their table."""
    images = release.find(IMAGES, required=False)
    sentences = release.find(SENTENCES, required=False)
    if images is None and sentences is None:
        raise ReleaseError(
            release.source,
            f"neither {IMAGES} nor {SENTENCES} found",
            fix="download the two tables of MS-CXR-T into its folder",
        )
    if images:
        yield from _pairs_of_pictures(release, images, parents[PARENT])
    if sentences:
        yield from _pairs_of_sentences(release, sentences)


def _pairs_of_pictures(release: Release, table: str, parent: Parent) -> Iterator[Study]:
    seen: set[str] = set()
    for row in release.table(table, COLUMNS, optional=QUALITY):
        exam, prior = (parent.get(f"s{_number(row[c])}") for c in ("study", "prior_study"))
        image, before = _image(exam, row["image"]), _image(prior, row["prior_image"])
        if exam is None or prior is None or image is None or before is None:
            detail = f"a picture or study of the pair is not in {PARENT}"
            release.reject(table, row.line, "not_in_parent", detail, expected=True)
            continue
        if exam.people != prior.people:
            release.reject(table, row.line, "two_persons", "the studies are of two persons")
            continue
        key = f"{exam.id}_{prior.id}"
        comparisons = tuple(_comparisons(release, table, row, before, image))
        if not comparisons:
            continue
        if key in seen:
            release.reject(table, row.line, "duplicate_pair", "the pair of studies stands before")
            continue
        seen.add(key)
        yield Study(
            source=release.source,
            id=key,
            people=exam.people,
            split="test",
            split_origin="benchmark",
            holdout=True,
            age=exam.age,
            sex=exam.sex,
            images=(
                replace(before, release=PARENT, role="prior"),
                replace(image, release=PARENT),
            ),
            comparisons=comparisons,
            origin=Origin(file=table, row=row.line),
        )


def _number(cell: str) -> str:
    """A study id, which some tools have turned into a float."""
    return cell.removeprefix("s").removesuffix(".0")


def _image(exam: Study | None, path: str) -> Image | None:
    """The study's picture that a path names, with or without a suffix."""
    key = path.rpartition("/")[2].removesuffix(".jpg").removesuffix(".dcm")
    return next((image for image in exam.images if image.key == key), None) if exam else None


def _comparisons(
    release: Release, table: str, row: Row, before: Image, image: Image
) -> Iterator[Comparison]:
    for name in FINDINGS:
        cell = row[name].lower()
        if not cell:
            continue
        if cell not in CHANGES:
            detail = f"{name} is none of {', '.join(CHANGES)}"
            release.reject(table, row.line, "unknown_change", detail)
            continue
        yield Comparison(
            id=name,
            finding=canonical(name),
            change=CHANGES[cell],
            prior=(before.key,),
            current=(image.key,),
            quality=row[f"{name}_quality"].lower() or None,
        )


def _pairs_of_sentences(release: Release, table: str) -> Iterator[Study]:
    for row in release.table(table, SENTENCE_COLUMNS):
        relation = RELATIONS.get(row["relation"].lower())
        if relation is None:
            release.reject(table, row.line, "unknown_relation", f"none of {', '.join(RELATIONS)}")
            continue
        if not (row["first"] and row["second"]):
            release.reject(table, row.line, "empty_sentence")
            continue
        key = f"sentences-{row.line - 1}"
        yield Study(
            source=release.source,
            id=key,
            split="test",
            split_origin="benchmark",
            holdout=True,
            pairs=(
                Pair(
                    id=key,
                    kind="similarity",
                    first=" ".join(row["first"].split()),
                    second=" ".join(row["second"].split()),
                    relation=relation,
                ),
            ),
            origin=Origin(file=table, row=row.line),
        )
