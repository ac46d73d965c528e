"""What several readers of one picture agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np

from chexinstruct.errors import CallError
from chexinstruct.regions.boxes import clip, iou, union_box
from chexinstruct.schema import Box, Region

UPSTREAM_IOU = 0.1
MAJORITY_IOU = 0.4
"""The overlap above which the VinBigData challenge on VinDr-CXR counts a box as found."""


@dataclass(frozen=True)
class Consensus:
    """What stands of the regions of a picture under a scheme."""

    regions: tuple[Region, ...]
    left_out: tuple[Region, ...] = ()
    """Boxes that no majority confirmed, or that lie outside their frame."""

    @property
    def disputed(self) -> tuple[str, ...]:
        """Findings that somebody drew and of which nothing stands: neither present nor absent."""
        standing = {region.label for region in self.regions}
        return tuple(sorted({r.label for r in self.left_out if r.label} - standing))


def _merge_into_first(boxes: list[Region]) -> list[list[Region]]:
    """Single pass: a box joins the first group whose *first* box it overlaps, not its hull."""
    groups: list[list[Region]] = []
    for region in boxes:
        for group in groups:
            if iou(region.box, group[0].box) > UPSTREAM_IOU:
                group.append(region)
                break
        else:
            groups.append([region])
    return groups


def _merge_agreeing(boxes: list[Region]) -> list[list[Region]]:
    """Groups of one box a reader, any two of which overlap, closest pairs joined first."""
    boxes = sorted(boxes, key=lambda region: (region.box, region.reader or "", region.name or ""))
    groups = [[region] for region in boxes]
    group_of = list(range(len(boxes)))
    close = sorted(
        (-overlap, i, j)
        for i, j in combinations(range(len(boxes)), 2)
        if (overlap := iou(boxes[i].box, boxes[j].box)) > MAJORITY_IOU
    )
    for _, i, j in close:
        a, b = groups[group_of[i]], groups[group_of[j]]
        if a is not b and all(
            p.reader != q.reader and iou(p.box, q.box) > MAJORITY_IOU for p in a for q in b
        ):
            a += b
            b.clear()
            group_of = [group_of[i] if g == group_of[j] else g for g in group_of]
    return [group for group in groups if group]


def _median_box(boxes: Sequence[Box]) -> Box:
    x1, y1, x2, y2 = np.median(np.array(boxes, dtype=np.float64), axis=0).tolist()
    return (x1, y1, x2, y2)


@dataclass(frozen=True)
class _Scheme:
    group: Callable[[list[Region]], list[list[Region]]]
    box: Callable[[Sequence[Box]], Box]
    majority: bool


_SCHEMES = {
    "all": None,
    "upstream": _Scheme(_merge_into_first, union_box, False),
    "majority": _Scheme(_merge_agreeing, _median_box, True),
}
CONSENSUS_SCHEMES = tuple(_SCHEMES)


def consensus(regions: Sequence[Region], scheme: str, *, readers: int) -> Consensus:
    """What stands of the regions of one picture that was read by several people.

    Only boxes that name their reader are compared, each finding by itself; polygons, masks,
    regions with a phrase and boxes without a reader pass as they are. Schemes:

    - ``all``: every box of every reader.
    - ``upstream``: the boxes of all readers, in the order given; a box joins the first earlier box
      of its finding with which its IoU is above 0.1, and each such group becomes its hull. The
      first box is compared as it was drawn, not as it has grown: read so, the rule of the original
      CheXinstruct gives its 20,734 boxes on the VinDr-CXR training table of the Kaggle challenge.
    - ``majority``: a finding stands when more than half of the readers drew it, at places where
      more than half of them drew boxes any two of which have an IoU above 0.4; each such group of
      one box a reader becomes the median of its edges. The order given plays no part.

    Boxes are cut to their frame first, where it is known.

    Args:
        regions: of one picture.
        scheme: one of :data:`CONSENSUS_SCHEMES`.
        readers: how many people read the picture, those who drew nothing counted in.

    Raises:
        CallError: the scheme is unknown.
        ValueError: more people drew than read.
    """
    try:
        rule = _SCHEMES[scheme]
    except KeyError:
        raise CallError(
            f"unknown consensus scheme {scheme!r}; there are {', '.join(CONSENSUS_SCHEMES)}"
        ) from None
    if rule is None:
        return Consensus(tuple(regions))
    standing: list[Region] = []
    left_out: list[Region] = []
    drawn: dict[str, list[Region]] = {}
    for region in regions:
        if region.shape != "box" or region.phrase is not None or region.reader is None:
            standing.append(region)
        elif (box := clip(region.box, region.frame) if region.frame else region.box) is None:
            left_out.append(region)
        else:
            drawn.setdefault(region.label or "", []).append(
                msgspec.structs.replace(region, box=box)
            )
    people = len({region.reader for boxes in drawn.values() for region in boxes})
    if people > readers:
        raise ValueError(f"{people} people drew boxes in a picture that {readers} read")
    merged: list[Region] = []
    for boxes in drawn.values():
        for group in rule.group(boxes):
            if rule.majority and 2 * len(group) <= readers:
                left_out += group
            elif len(group) == 1:
                merged += group
            else:
                merged.append(
                    msgspec.structs.replace(
                        group[0], box=rule.box([region.box for region in group]), reader=None
                    )
                )
    if rule.majority:  # the table's order must not show through
        merged.sort(key=_by_place)
        left_out.sort(key=_by_place)
    return Consensus((*standing, *merged), tuple(left_out))


def _by_place(region: Region) -> tuple[str, Box, str]:
    return (region.label or "", region.box, region.reader or "")
