"""How well predicted boxes cover reference boxes. Boxes are corners in 0..1 of one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from chexinstruct.bench.statistics import Floats, Statistic
from chexinstruct.regions import BOX_DIALECTS, area, clip, iou, parse_boxes
from chexinstruct.schema import Box

ACCURACY_AT = (0.3, 0.5, 0.7)
MAP_AT = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75)
"""The thresholds whose mean ChEX (2024) calls mAP."""

_OPENINGS = {"chexagent2": re.compile(r"<\|box\|>")}
_BRACKET = re.compile(r"\[\s*-?\.?\d")


@dataclass(frozen=True)
class Boxes:
    """What an answer holds: boxes in the order written, None for each that is malformed.

    Malformed: cut off, not four numbers, turned inside out, without area, or outside the picture.
    """

    written: tuple[Box | None, ...]

    @property
    def valid(self) -> list[Box]:
        """Cut to the picture."""
        return [box for box in self.written if box is not None]

    @property
    def malformed(self) -> int:
        """How many could not be used."""
        return self.written.count(None)


def read_boxes(text: str | None, dialect: str) -> Boxes:
    """The boxes of an answer, each cut to the picture.

    Args:
        text: what the model said; None where the call failed.
        dialect: a name of :data:`chexinstruct.regions.BOX_DIALECTS`.

    Raises:
        CallError: the dialect is unknown.
    """
    boxes = parse_boxes(text or "", dialect)
    found = iter(boxes)
    pattern, opening = BOX_DIALECTS[dialect].pattern, _OPENINGS.get(dialect, _BRACKET)
    written: list[Box | None] = []
    for start in opening.finditer(text or ""):
        whole = pattern.match(text or "", start.start())
        written.append(clip(next(found), (1, 1)) if whole else None)
    return Boxes(tuple(written))


def union_area(boxes: Sequence[Box]) -> float:
    """Area that at least one of the boxes covers, exact: the plane is cut at all their edges."""
    edges = sorted({x for box in boxes for x in (box[0], box[2])})
    total = 0.0
    for left, right in pairwise(edges):
        spans = sorted((b[1], b[3]) for b in boxes if b[0] <= left and b[2] >= right)
        covered, reached = 0.0, -np.inf
        for top, bottom in spans:
            covered += max(0.0, bottom - max(top, reached))
            reached = max(reached, bottom)
        total += covered * (right - left)
    return total


def overlap_and_union(a: Sequence[Box], b: Sequence[Box]) -> tuple[float, float]:
    """Areas that both, and at least one, of two regions cover; a region is a union of boxes."""
    crossed = [
        (max(p[0], q[0]), max(p[1], q[1]), min(p[2], q[2]), min(p[3], q[3])) for p in a for q in b
    ]
    overlap = union_area([box for box in crossed if area(box) > 0])
    return overlap, union_area([*a, *b])


@dataclass(frozen=True)
class Located:
    """One item: what was predicted against what is right."""

    first: float
    """IoU of the first predicted and the first reference box."""
    overlap: float
    union: float
    """Areas of the two regions, 0..1 of the picture."""
    hits: npt.NDArray[np.bool_]
    """(thresholds of MAP_AT, predicted boxes): whether a box took a reference box for itself."""
    references: int

    @property
    def region_iou(self) -> float:
        """IoU of all predicted against all reference boxes, as regions."""
        return self.overlap / self.union if self.union else 0.0


def locate(predicted: Boxes, references: Sequence[Box]) -> Located:
    """Compare the boxes of one item.

    Boxes take reference boxes greedily in the order written, each the best that is left, at an IoU
    of at least the threshold. A malformed box takes none.
    """
    written = predicted.written
    first = written[0] if written else None
    overlap, union = overlap_and_union(predicted.valid, references)
    ious = np.array([[iou(box, r) if box else 0.0 for r in references] for box in written])
    hits = np.zeros((len(MAP_AT), len(written)), bool)
    for row, threshold in enumerate(MAP_AT):
        free = np.ones(len(references), bool)
        for column in range(len(written)):
            masked = np.where(free, ious[column], -1.0)
            best = int(masked.argmax())
            if masked[best] >= threshold:
                hits[row, column], free[best] = True, False
    return Located(
        iou(first, references[0]) if first else 0.0, overlap, union, hits, len(references)
    )


def average_precision(items: Sequence[Located], threshold: float) -> Statistic:
    """AP over all boxes of all items: area under precision, all points interpolated.

    Boxes carry no confidence, so their rank is their place in the answer; boxes of equal rank are
    counted together, and so the order of items does not matter.

    Args:
        items: at least one.
        threshold: of MAP_AT.
    """
    row = MAP_AT.index(threshold)
    owner = np.array([i for i, item in enumerate(items) for _ in range(item.hits.shape[1])], int)
    rank = np.array([k for item in items for k in range(item.hits.shape[1])], int)
    hit = np.concatenate([item.hits[row] for item in items]).astype(float)
    references = np.array([item.references for item in items], float)
    ranks = range(int(rank.max()) + 1 if len(rank) else 0)

    def statistic(weights: Floats) -> Floats:
        every, right = np.zeros(len(weights)), np.zeros(len(weights))
        precision, recall = [], []
        total = weights @ references
        for k in ranks:
            here = rank == k
            drawn = weights[:, owner[here]]
            every, right = every + drawn.sum(1), right + drawn @ hit[here]
            precision.append(right / np.maximum(every, 1))
            recall.append(right / np.maximum(total, 1))
        value, best, later = np.zeros(len(weights)), np.zeros(len(weights)), None
        for p, r in zip(reversed(precision), reversed(recall), strict=True):
            if later is not None:
                value += best * (later - r)
            best, later = np.maximum(best, p), r
        return value + best * later if later is not None else value

    return statistic


def mean_average_precision(items: Sequence[Located]) -> Statistic:
    """Mean of AP over the thresholds of MAP_AT."""
    parts = [average_precision(items, threshold) for threshold in MAP_AT]
    return lambda weights: np.mean([part(weights) for part in parts], axis=0)
