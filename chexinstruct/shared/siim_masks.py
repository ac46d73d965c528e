"""Masks of a picture as tables in the form of SIIM-ACR Pneumothorax write them: one row a mask."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from chexinstruct.errors import ReleaseError
from chexinstruct.regions import counts_from_the_start, rle_box, siim_runs_to_rle
from chexinstruct.release import Release, Row
from chexinstruct.schema import Frame, Region

NONE_DRAWN = "-1"


def siim_masks(
    release: Release,
    table: str,
    rows: Sequence[Row],
    *,
    image: str,
    finding: str,
    frame: Frame,
    none: Collection[str] = (NONE_DRAWN,),
) -> tuple[Region, ...] | None:
    """The regions of one finding in one picture, in the order of its rows.

    Rows that cannot be read, and rows that contradict one another, are rejected. A mask that stands
    there twice is taken once.

    Args:
        release: where the rows come from.
        table: path of the table.
        rows: all rows of the picture, at least one; the column ``mask`` holds the run lengths, see
            :func:`~chexinstruct.regions.siim_runs_to_rle`.
        image: key of the picture.
        finding: canonical name of what was drawn.
        frame: the grid that the run lengths count.
        none: values of ``mask`` that say that nothing was found.

    Returns:
        Empty where nothing was found; None when a row is not to be trusted, since a mask may then
        be missing.

    Raises:
        ReleaseError: a mask runs past the grid and would fit it if its offsets counted from the
            first pixel: the table has another form than the one read here.
    """
    negative = [row for row in rows if row["mask"] in none]
    masks: dict[tuple[int, ...], Region] = {}
    sound = True
    for row in rows:
        if row["mask"] in none:
            continue
        try:
            rle = siim_runs_to_rle(row["mask"], frame)
            box = rle_box(rle, frame)
        except ValueError as error:
            if counts_from_the_start(row["mask"], frame):
                raise ReleaseError(
                    release.source,
                    "its masks count from the first pixel and not from the end of the run before",
                    file=table,
                    row=row.line,
                    fix="use the publisher's own table, or tell us where this one comes from",
                ) from None
            release.reject(table, row.line, "bad_mask", str(error))
            sound = False
            continue
        if rle in masks:
            release.reject(table, row.line, "repeated_mask", expected=True)
        region = Region(image=image, shape="mask", box=box, frame=frame, rle=rle, label=finding)
        masks.setdefault(rle, region)
    if negative and len(negative) < len(rows):
        detail = f"no {finding}, where another row of the picture draws one"
        release.reject(table, negative[0].line, "contradictory_rows", detail)
        sound = False
    return tuple(masks.values()) if sound else None
