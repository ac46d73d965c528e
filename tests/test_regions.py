from __future__ import annotations

from itertools import pairwise
from math import atan2, pi
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from msgspec.structs import replace

from chexinstruct.errors import CallError
from chexinstruct.regions import (
    BOX_DIALECTS,
    CONSENSUS_SCHEMES,
    ELLIPSE_POINTS,
    EXPORT_DIALECTS,
    QWEN_PIXELS,
    Mask,
    Ring,
    area,
    clip,
    clip_ring,
    consensus,
    counts_from_the_start,
    decode_rle,
    ellipse_ring,
    encode_rle,
    format_boxes,
    iou,
    is_degenerate,
    outline,
    parse_boxes,
    polygon_area,
    polygon_box,
    resized_like_qwen,
    rle_box,
    rle_polygons,
    siim_runs_to_rle,
    union_box,
    unit,
    visible_box,
    xywh_to_box,
)
from chexinstruct.schema import Box, Frame, Region

SIIM = (1024, 1024)
RECTANGLE = "102600 60" + " 964 60" * 49
"""Columns 100 to 149, rows 200 to 259."""


def corners(low: int, high: int) -> st.SearchStrategy[Box]:
    """Boxes of whole numbers and positive area."""
    side = st.tuples(st.integers(low, high), st.integers(low, high)).filter(lambda s: s[0] != s[1])
    return st.tuples(side, side).map(
        lambda xy: (float(min(xy[0])), float(min(xy[1])), float(max(xy[0])), float(max(xy[1])))
    )


def spread(scale: int) -> st.SearchStrategy[Box]:
    return corners(0, scale).map(lambda box: unit(box, (scale, scale)))


# ---------------------------------------------------------------------------------------- boxes


def test_a_box_is_cut_to_its_frame() -> None:
    assert clip((-5, 10, 30, 250), (200, 100)) == (0, 10, 30, 100)
    assert clip((200, 10, 230, 20), (200, 100)) is None
    assert clip((10, 20, 10, 40), (200, 100)) is None


def test_unit_coordinates_divide_by_the_right_side() -> None:
    assert unit((20, 10, 60, 50), (200, 100)) == (0.1, 0.1, 0.3, 0.5)
    assert unit((150, -10, 260, 50), (200, 100)) == (0.75, 0, 1, 0.5)
    with pytest.raises(ValueError, match="200 x 100"):
        unit((300, 0, 310, 5), (200, 100))


def test_overlap_of_known_boxes() -> None:
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert iou((3, 3, 3, 3), (3, 3, 3, 3)) == 0


@given(corners(-20, 20), corners(-20, 20))
def test_overlap_is_symmetric_and_within_bounds(a: Box, b: Box) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1
    assert iou(a, a) == 1
    assert area(union_box([a, b])) >= max(area(a), area(b))


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (float("nan"), 5), (float("inf"), 5)])
def test_a_box_without_positive_size_is_refused(size: tuple[float, float]) -> None:
    assert xywh_to_box(1, 2, 3, 4) == (1, 2, 4, 6)
    with pytest.raises(ValueError, match="positive size"):
        xywh_to_box(1, 2, *size)


# ---------------------------------------------------------------------------------------- masks


def test_siim_rectangle() -> None:
    rle = siim_runs_to_rle(RECTANGLE, SIIM)
    assert sum(rle) == 1024 * 1024
    assert rle_box(rle, SIIM) == (100, 200, 150, 260)
    mask = decode_rle(rle, SIIM)
    assert mask.sum() == 50 * 60
    assert mask[200:260, 100:150].all()
    assert rle_polygons(rle, SIIM) == (((100, 200), (150, 200), (150, 260), (100, 260)),)


def test_siim_mask_that_ends_in_the_last_pixel_has_no_tail() -> None:
    assert siim_runs_to_rle("0 2 1 3", (2, 3)) == (0, 2, 1, 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3 2 4", "pairs"),
        ("", "pairs"),
        ("-1", "pairs"),
        ("-1 5", "negative offset"),
        ("3 0", "without length"),
        ("3 -2", "without length"),
        ("3 2.5", "whole numbers"),
        ("90 11", "1 pixels past its 10 x 10 grid"),
    ],
)
def test_siim_text_that_is_no_mask(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        siim_runs_to_rle(text, (10, 10))


@given(hnp.arrays(np.bool_, (12, 12)))
def test_pairs_that_count_from_the_start_are_told_from_the_relative_form(mask: Mask) -> None:
    rle = encode_rle(mask)
    edges = np.cumsum(rle).tolist()
    runs = list(zip(edges[::2], rle[1::2], strict=False))
    absolute = " ".join(f"{start} {length}" for start, length in runs)
    assert counts_from_the_start(absolute, (12, 12)) == (len(runs) > 2)


@pytest.mark.parametrize("text", [RECTANGLE, "0 2 1 3", "5 1 9 1 12", "5 1 9 1 30 x", "1 9 90 9"])
def test_other_pairs_do_not_count_from_the_start(text: str) -> None:
    assert not counts_from_the_start(text, SIIM)


def test_run_lengths_must_fit_the_frame() -> None:
    with pytest.raises(ValueError, match="10 x 10"):
        rle_box((3, 5), (10, 10))
    with pytest.raises(ValueError, match="empty"):
        rle_box((100,), (10, 10))


masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


@given(masks)
def test_run_lengths_round_trip(mask: Mask) -> None:
    height, width = mask.shape
    rle = encode_rle(mask)
    assert (decode_rle(rle, (width, height)) == mask).all()
    assert all(count > 0 for count in rle[1:])


@given(masks.filter(lambda m: bool(m.any())))
def test_box_from_runs_is_that_of_the_pixels(mask: Mask) -> None:
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    tight = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert rle_box(encode_rle(mask), (width, height)) == tight


def windings(rings: tuple[tuple[tuple[float, float], ...], ...], x: float, y: float) -> int:
    """How often the rings run clockwise (on the screen) around a point, crossings to its right."""
    total = 0
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise((*ring, ring[0])):
            assert (x1 == x2) != (y1 == y2)
            if x1 == x2 > x and min(y1, y2) < y < max(y1, y2):
                total += 1 if y2 > y1 else -1
    return total


@given(masks.filter(lambda m: bool(m.any())))
def test_outlines_hold_the_mask_exactly(mask: Mask) -> None:
    height, width = mask.shape
    rings = rle_polygons(encode_rle(mask), (width, height))
    for y in range(height):
        for x in range(width):
            assert windings(rings, x + 0.5, y + 0.5) == mask[y, x]
    assert polygon_area(rings) == mask.sum()
    assert polygon_box(rings) == rle_box(encode_rle(mask), (width, height))
    for ring in rings:
        for (x0, y0), (x1, y1), (x2, y2) in zip(
            ring, (*ring[1:], ring[0]), (*ring[2:], *ring[:2]), strict=True
        ):
            assert (x0 == x1) != (x1 == x2) and (y0 == y1) != (y1 == y2), "corners only"


def picture(*rows: str) -> tuple[tuple[int, ...], tuple[int, int]]:
    mask = np.array([[c == "#" for c in row] for row in rows])
    return encode_rle(mask), (mask.shape[1], mask.shape[0])


def test_islands_and_holes_are_rings_of_their_own() -> None:
    rings = rle_polygons(*picture("###.#", "#.#..", "###.."))
    assert rings == (
        ((0, 0), (3, 0), (3, 3), (0, 3)),
        ((1, 1), (1, 2), (2, 2), (2, 1)),
        ((4, 0), (5, 0), (5, 1), (4, 1)),
    )


@pytest.mark.parametrize("rows", [("#.", ".#"), (".#", "#.")])
def test_pixels_that_touch_at_a_corner_are_two_islands(rows: tuple[str, ...]) -> None:
    rings = rle_polygons(*picture(*rows))
    assert [polygon_area((ring,)) for ring in rings] == [1, 1]


# ---------------------------------------------------------------------- polygons, ellipses, places

FRAME = (40, 30)
LARGE = (1024, 1024)
points = st.tuples(st.integers(-20, 60).map(float), st.integers(-20, 50).map(float))
polygons = st.lists(points, min_size=3, max_size=8).map(tuple)


def place(shape: str, box: Box, frame: Frame = FRAME, *, ring: Ring = ()) -> Region:
    return Region(
        image="i",
        shape=shape,  # type: ignore[arg-type]
        box=polygon_box((ring,)) if ring else box,
        frame=frame,
        rings=(ring,) if ring else (),
        label="nodule",
    )


def turns(ring: Ring, x: float, y: float) -> int:
    """How often a ring of any slope runs around a point that lies on none of its edges."""
    total = 0
    for (x1, y1), (x2, y2) in pairwise((*ring, *ring[:1])):
        if (y1 < y) != (y2 < y) and x1 + (y - y1) / (y2 - y1) * (x2 - x1) > x:
            total += 1 if y2 > y1 else -1
    return total


@given(polygons)
def test_a_cut_polygon_holds_the_same_points_of_the_frame_and_none_besides(ring: Ring) -> None:
    cut = clip_ring(ring, FRAME)
    # Off the lines between whole numbers, so that no point lies on an edge by design.
    for x in (0.137, 7.211, 20.319, 33.473, 39.859):
        for y in (0.071, 5.323, 14.659, 24.253, 29.913):
            assert turns(cut, x, y) == turns(ring, x, y)
    assert all(0 <= x <= FRAME[0] and 0 <= y <= FRAME[1] for x, y in cut)


def test_a_polygon_inside_its_frame_stays_as_released() -> None:
    ring = ((0.0, 5.0), (40.0, 3.0), (12.5, 30.0))
    assert clip_ring(ring, FRAME) == ring
    region = place("polygon", (0, 0, 1, 1), ring=ring)
    assert outline(region) == (ring,)
    assert visible_box(region) == region.box == (0, 3, 40, 30)


def test_the_box_of_a_cut_polygon_is_tight_around_what_is_left() -> None:
    # A triangle whose tip, beyond the right edge, is also its lowest point.
    region = place("polygon", (0, 0, 1, 1), ring=((30.0, 0.0), (50.0, 20.0), (30.0, 10.0)))
    assert region.box == (30, 0, 50, 20)
    assert visible_box(region) == (30, 0, 40, 15)
    assert outline(region) == (((30, 0), (40, 10), (40, 15), (30, 10)),)


@pytest.mark.parametrize(
    "ring",
    [
        ((50.0, 0.0), (60.0, 0.0), (60.0, 20.0)),
        ((40.0, 0.0), (50.0, 10.0), (40.0, 20.0)),  # touches the edge
        ((39.0, -30.0), (90.0, 20.0), (90.0, -30.0)),  # its box overlaps the frame, it does not
    ],
)
def test_a_polygon_outside_has_no_place(ring: Ring) -> None:
    region = place("polygon", (0, 0, 1, 1), ring=ring)
    assert visible_box(region) is None
    assert outline(region) == ()


@given(polygons)
def test_a_polygon_that_does_not_cross_itself_covers_no_more_than_the_frame(ring: Ring) -> None:
    middle = (sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring))
    around = tuple(sorted(set(ring), key=lambda p: atan2(p[1] - middle[1], p[0] - middle[0])))
    assume(len(around) > 2)
    rings = outline(place("polygon", (0, 0, 1, 1), ring=around))
    assert polygon_area(rings) <= FRAME[0] * FRAME[1] * (1 + 1e-9)


@given(polygons)
def test_place_of_a_polygon(ring: Ring) -> None:
    region = place("polygon", (0, 0, 1, 1), ring=ring)
    box, rings = visible_box(region), outline(region)
    assert (box is None) == (not rings)
    if box is not None:
        assert box == polygon_box(rings)
        assert clip(box, FRAME) == box


@given(corners(-900, 1900))
def test_an_ellipse_is_a_ring_with_its_box_and_area(box: Box) -> None:
    ring = ellipse_ring(box)
    assert len(set(ring)) == ELLIPSE_POINTS
    assert polygon_box((ring,)) == box
    assert polygon_area((ring,)) == pytest.approx(area(box) * pi / 4, rel=0.002)
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    for x, y in ring:
        across, down = (x - centre[0]) / (box[2] - box[0]), (y - centre[1]) / (box[3] - box[1])
        assert across**2 + down**2 == pytest.approx(0.25, rel=1e-6)


def test_an_ellipse_runs_clockwise_from_its_left_end() -> None:
    ring = ellipse_ring((10, 10, 30, 20))
    quarter = ELLIPSE_POINTS // 4
    assert ring[::quarter] == ((10, 15), (20, 10), (30, 15), (20, 20))


def test_place_of_an_ellipse_that_reaches_over_the_edge() -> None:
    half = place("ellipse", (-10, 10, 10, 20))  # its centre on the left edge
    assert visible_box(half) == (0, 10, 10, 20)
    assert polygon_area(outline(half)) == pytest.approx(20 * 10 * pi / 8, rel=0.002)
    # Less than half of it is left, so that the part is lower than the ellipse is.
    rest = visible_box(place("ellipse", (-15, 10, 5, 20)))
    assert rest == pytest.approx((0, 15 - 5 * 0.75**0.5, 5, 15 + 5 * 0.75**0.5), abs=0.02)
    assert visible_box(place("ellipse", (-10, -10, 1, 1))) is None  # only its empty corner


@pytest.mark.parametrize("shape", ["box", "ellipse", "mask"])
@given(corners(0, 1024))
def test_every_shape_has_a_tight_box_an_outline_and_unit_coordinates(shape: str, box: Box) -> None:
    x1, y1, x2, y2 = map(int, box)
    mask = np.zeros(LARGE, dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    region = place(shape, box, LARGE)
    if shape == "mask":
        region = replace(region, rle=encode_rle(mask), box=rle_box(encode_rle(mask), LARGE))
    assert visible_box(region) == box
    rings = outline(region)
    assert bool(rings) == (shape != "box")
    if rings:
        assert polygon_box(rings) == box
        share = pi / 4 if shape == "ellipse" else 1
        assert polygon_area(rings) == pytest.approx(area(box) * share, rel=0.002)
    back = [n * 1024 for n in unit(box, LARGE)]
    assert back == list(box)  # a power of two divides without loss


def test_a_place_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="without a frame"):
        visible_box(replace(place("box", (0, 0, 1, 1)), frame=None))


# -------------------------------------------------------------------------------------- readers


def drawn(
    box: Box, reader: str | None = "R1", label: str = "nodule or mass", frame: Frame | None = None
) -> Region:
    return Region(image="i", shape="box", frame=frame, box=box, reader=reader, label=label)


def boxes(regions: tuple[Region, ...]) -> list[Box]:
    return [region.box for region in regions]


def test_upstream_compares_with_the_first_box_as_drawn() -> None:
    # The third box overlaps the hull of the first two, not the first.
    chain = [drawn((0, 0, 10, 10)), drawn((6, 0, 16, 10), "R2"), drawn((12, 0, 22, 10), "R3")]
    found = consensus(chain, "upstream", readers=3)
    assert boxes(found.regions) == [(0, 0, 16, 10), (12, 0, 22, 10)]
    assert [region.reader for region in found.regions] == [None, "R3"]
    # In another order the middle box comes first, and all three are one.
    again = consensus([chain[1], chain[0], chain[2]], "upstream", readers=3)
    assert boxes(again.regions) == [(0, 0, 22, 10)]


def test_upstream_keeps_what_one_reader_drew_and_merges_within_a_finding_only() -> None:
    regions = [drawn((0, 0, 10, 10)), drawn((0, 0, 10, 10), "R2", "edema")]
    assert consensus(regions, "upstream", readers=3).regions == tuple(regions)


def test_majority_wants_two_of_three() -> None:
    agreed = [drawn((0, 0, 10, 10)), drawn((2, 0, 12, 10), "R2")]
    alone = [drawn((50, 50, 60, 60), "R3"), drawn((5, 5, 9, 9), "R3", "pneumothorax")]
    found = consensus([*agreed, *alone], "majority", readers=3)
    assert boxes(found.regions) == [(1, 0, 11, 10)]
    assert found.regions[0].label == "nodule or mass"
    assert found.left_out == tuple(alone)
    assert found.disputed == ("pneumothorax",)


def test_majority_takes_the_median_of_three() -> None:
    three = [
        drawn((0, 0, 10, 10)),
        drawn((1, 0, 11, 10), "R2"),
        drawn((1, 2, 14, 10), "R3"),
    ]
    assert boxes(consensus(three, "majority", readers=3).regions) == [(1, 0, 11, 10)]


def test_readers_who_drew_nothing_count() -> None:
    agreed = [drawn((0, 0, 10, 10)), drawn((0, 0, 10, 10), "R2")]
    assert consensus(agreed, "majority", readers=3).regions
    assert consensus(agreed, "majority", readers=4).disputed == ("nodule or mass",)


def test_agreement_on_the_finding_but_not_on_the_place_is_disputed() -> None:
    apart = [drawn((0, 0, 10, 10)), drawn((40, 40, 50, 50), "R2")]
    found = consensus(apart, "majority", readers=3)
    assert found.regions == ()
    assert found.disputed == ("nodule or mass",)
    assert found.left_out == tuple(apart)


def test_two_boxes_of_one_reader_do_not_back_each_other() -> None:
    twice = [drawn((0, 0, 10, 10)), drawn((0, 0, 10, 10))]
    assert consensus(twice, "majority", readers=3).regions == ()


def test_a_single_reader_is_the_majority() -> None:
    regions = [drawn((0, 0, 10, 10)), drawn((1, 0, 11, 10))]
    assert consensus(regions, "majority", readers=1).regions == tuple(regions)


def test_boxes_are_cut_to_the_frame_before_they_are_compared() -> None:
    regions = [
        drawn((0, 0, 10, 10), frame=(10, 10)),
        drawn((0, 0, 40, 10), "R2", frame=(10, 10)),
        drawn((20, 0, 40, 10), "R3", frame=(10, 10)),
    ]
    for scheme in ("upstream", "majority"):
        found = consensus(regions, scheme, readers=3)
        assert boxes(found.regions) == [(0, 0, 10, 10)]
        assert found.left_out == (regions[2],)


@pytest.mark.parametrize("scheme", CONSENSUS_SCHEMES)
def test_what_no_reader_signed_or_what_is_no_box_passes(scheme: str) -> None:
    regions = (
        drawn((0, 0, 10, 10), None),
        drawn((0, 0, 10, 10), None),
        replace(drawn((0, 0, 10, 10)), phrase="right apical nodule"),
        replace(drawn((0, 0, 10, 10)), shape="mask", rle=(0, 100), frame=(10, 10)),
    )
    assert consensus(regions, scheme, readers=3).regions == regions


def test_unknown_scheme_and_impossible_readers() -> None:
    with pytest.raises(CallError, match="all, upstream, majority"):
        consensus([], "fusion", readers=3)
    with pytest.raises(ValueError, match="2 people drew"):
        consensus([drawn((0, 0, 1, 1)), drawn((0, 0, 1, 1), "R2")], "majority", readers=1)


crowds = st.lists(
    st.builds(
        drawn,
        corners(0, 12),
        st.sampled_from(["R1", "R2", "R3"]),
        st.sampled_from(["nodule or mass", "edema"]),
    ),
    max_size=10,
)


@given(crowds, st.randoms(use_true_random=False))
def test_the_order_of_the_table_does_not_move_a_majority(
    crowd: list[Region], chance: Random
) -> None:
    mixed = list(crowd)
    chance.shuffle(mixed)
    assert consensus(mixed, "majority", readers=3) == consensus(crowd, "majority", readers=3)


@given(crowds)
def test_majority_boxes_are_backed_and_nothing_is_lost(crowd: list[Region]) -> None:
    found = consensus(crowd, "majority", readers=3)
    for region in found.regions:
        near = {r.reader for r in crowd if r.label == region.label and iou(r.box, region.box) > 0.2}
        assert len(near) >= 2
    drawn_findings = {region.label for region in crowd}
    assert {region.label for region in found.regions} | set(found.disputed) == drawn_findings
    assert not {region.label for region in found.regions} & set(found.disputed)


# ----------------------------------------------------------------------------------------- text


def test_chexagent2_form() -> None:
    two = [(0.5, 0.5, 0.75, 1.0), (0.1, 0.2, 0.15, 0.26)]
    assert format_boxes(two, "chexagent2") == (
        "<|box|>(10,20),(15,26)<|/box|><|box|>(50,50),(75,100)<|/box|>"
    )
    assert format_boxes([(0.1, 0.2, 0.15, 0.26)], "chexagent2", "nodule {x}") == (
        "<|ref|>nodule {x}<|/ref|><|box|>(10,20),(15,26)<|/box|>"
    )
    assert format_boxes([], "chexagent2", "nodule") == ""


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (0.0059, 0),  # cut to 5 thousandths, and half goes to even
        (0.006, 1),
        (0.015, 2),
        (0.025, 2),
        (0.29, 29),
        (0.9949, 99),
        (0.995, 100),
        (1, 100),
    ],
)
def test_chexagent2_grid_is_that_of_the_original(value: float, number: int) -> None:
    assert f"({number},0)," in format_boxes([(value, 0, 1, 1)], "chexagent2")


def test_other_forms() -> None:
    pair = [(0.5, 0.5, 0.75, 1.0), (0.1, 0.2, 0.155, 0.26)]
    assert format_boxes(pair, "qwen") == "[100, 200, 155, 260], [500, 500, 750, 1000]"
    assert format_boxes(pair[:1], "unit", "nodule") == "nodule [0.50, 0.50, 0.75, 1.00]"


def test_boxes_are_found_in_the_midst_of_prose() -> None:
    text = "Two: <|box|>(10,20),(15,26)<|/box|> and <|box|> (5, 6), (7, 8) <|/box|>, (1,2),(3,4)."
    assert parse_boxes(text, "chexagent2") == [(0.1, 0.2, 0.15, 0.26), (0.05, 0.06, 0.07, 0.08)]
    assert parse_boxes("a [1] at [.1,0.2, 0.30 ,1]", "unit") == [(0.1, 0.2, 0.3, 1)]
    assert parse_boxes("none", "qwen") == []


STEP = {"chexagent2": 0.01, "unit": 0.01, "qwen": 0.001, "square": 0.01, "paligemma": 1 / 1024}


@pytest.mark.parametrize("dialect", BOX_DIALECTS)
@given(st.lists(spread(7919), min_size=1, max_size=4), st.sampled_from([None, "nodule"]))
def test_boxes_survive_the_text_within_one_step(
    dialect: str, given_boxes: list[Box], label: str | None
) -> None:
    read = parse_boxes(format_boxes(given_boxes, dialect, label), dialect)
    assert len(read) == len(given_boxes)
    for before, after in zip(sorted(given_boxes), read, strict=True):
        assert after == pytest.approx(before, abs=STEP[dialect])
        assert all(0 <= value <= 1 for value in after)
        assert is_degenerate(before, dialect) == (area(after) == 0)
    assert [b[0] for b in read] == sorted(b[0] for b in read)


SIZES = st.tuples(st.integers(28, 3000), st.integers(28, 3000))


@pytest.mark.parametrize("dialect", EXPORT_DIALECTS)
@given(st.lists(spread(7919), min_size=1, max_size=4), st.sampled_from([None, "nodule"]), SIZES)
def test_boxes_of_exports_survive_the_text_within_one_step(
    dialect: str, given_boxes: list[Box], label: str | None, size: tuple[int, int]
) -> None:
    read = parse_boxes(format_boxes(given_boxes, dialect, label, size), dialect, size)
    assert len(read) == len(given_boxes)
    for before, after in zip(sorted(given_boxes), read, strict=True):
        for side, (a, b) in enumerate(zip(before, after, strict=True)):
            extent = size[side % 2]
            # A step of the square is one in the longer side, a step of pixels is one pixel.
            scaled = max(size) / extent if dialect == "square" else 1
            step = 1 / extent if dialect == "qwen2.5-vl" else STEP[dialect] * scaled
            assert a == pytest.approx(b, abs=step * 1.0001)


def test_paligemma_form() -> None:
    pair = [(0.5, 0.25, 0.75, 1.0), (0.0, 0.1, 0.2, 0.3)]
    assert format_boxes(pair, "paligemma", "nodule") == (
        "<loc0102><loc0000><loc0307><loc0204> nodule ; <loc0256><loc0512><loc1023><loc0768> nodule"
    )


def test_pixels_are_those_of_the_picture_as_the_processor_resized_it() -> None:
    size = resized_like_qwen((512, 640))
    assert size == (504, 644)
    assert format_boxes([(0.5, 0.5, 1, 1)], "qwen2.5-vl", size=size) == "[252, 322, 504, 644]"
    with pytest.raises(CallError, match="size of the picture"):
        format_boxes([(0, 0, 1, 1)], "qwen2.5-vl")


def test_a_padded_picture_lies_in_the_middle_of_its_square() -> None:
    assert format_boxes([(0, 0, 1, 1)], "square", size=(300, 600)) == "[0.25, 0.00, 0.75, 1.00]"
    assert format_boxes([(0, 0, 1, 1)], "square", size=(601, 301)) == "[0.00, 0.25, 1.00, 0.75]"


@given(SIZES, st.sampled_from([QWEN_PIXELS, (784, 50_176), (3_136, 1_003_520)]))
def test_resized_pictures_have_whole_patches_and_keep_the_limits(
    size: tuple[int, int], limits: tuple[int, int]
) -> None:
    width, height = resized_like_qwen(size, limits)
    assert width % 28 == height % 28 == 0
    if max(size) < 20 * min(size):  # else one patch may be more than the shape allows
        assert limits[0] <= width * height <= limits[1]
    if limits[0] <= size[0] * size[1] <= limits[1] // 2:
        assert abs(width - size[0]) <= 28 and abs(height - size[1]) <= 28


def test_a_box_smaller_than_the_grid_is_degenerate() -> None:
    assert is_degenerate((0.5, 0.1, 0.5004, 0.9), "chexagent2")
    assert not is_degenerate((0.5, 0.1, 0.503, 0.9), "qwen")


def test_unknown_dialect() -> None:
    with pytest.raises(CallError, match="chexagent2, unit, qwen"):
        format_boxes([], "yolo")
