"""Boxes against boxes, with pixels counted one by one as the second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.bench.grounding import (
    MAP_AT,
    Boxes,
    average_precision,
    locate,
    mean_average_precision,
    overlap_and_union,
    read_boxes,
    union_area,
)
from chexinstruct.bench.statistics import value_of
from chexinstruct.regions import BOX_DIALECTS, format_boxes
from chexinstruct.schema import Box

GRID = 12
FULL: Box = (0.0, 0.0, 1.0, 1.0)
LEFT: Box = (0.0, 0.0, 0.5, 1.0)
RIGHT: Box = (0.5, 0.0, 1.0, 1.0)


@st.composite
def box(draw: st.DrawFn) -> Box:
    x1, y1 = draw(st.integers(0, GRID - 1)), draw(st.integers(0, GRID - 1))
    x2, y2 = draw(st.integers(x1 + 1, GRID)), draw(st.integers(y1 + 1, GRID))
    return (x1 / GRID, y1 / GRID, x2 / GRID, y2 / GRID)


def painted(boxes: list[Box]) -> np.ndarray:
    picture = np.zeros((GRID, GRID), bool)
    for one in boxes:
        x1, y1, x2, y2 = (round(GRID * edge) for edge in one)
        picture[y1:y2, x1:x2] = True
    return picture


@given(st.lists(box(), max_size=6), st.lists(box(), max_size=6))
def test_regions_are_as_large_as_their_pixels(a: list[Box], b: list[Box]) -> None:
    overlap, union = overlap_and_union(a, b)
    assert overlap == pytest.approx((painted(a) & painted(b)).sum() / GRID**2)
    assert union == pytest.approx((painted(a) | painted(b)).sum() / GRID**2)
    assert union_area(a) == pytest.approx(painted(a).sum() / GRID**2)


@given(st.lists(box(), min_size=1, max_size=5))
def test_the_reference_itself_is_perfect(boxes: list[Box]) -> None:
    found = locate(Boxes(tuple(boxes)), boxes)
    assert found.first == pytest.approx(1) and found.region_iou == pytest.approx(1)
    assert value_of(mean_average_precision([found]), 1) == pytest.approx(1)


@given(st.lists(box(), min_size=1, max_size=4), st.lists(box(), min_size=1, max_size=4))
def test_scores_stay_in_range_and_more_boxes_never_add_precision(
    predicted: list[Box], references: list[Box]
) -> None:
    found = locate(Boxes(tuple(predicted)), references)
    assert 0 <= found.first <= 1 and 0 <= found.region_iou <= 1 + 1e-12
    by_threshold = [value_of(average_precision([found], t), 1) for t in MAP_AT]
    assert by_threshold == sorted(by_threshold, reverse=True)
    padded = locate(Boxes((None, *predicted)), references)
    assert padded.first == 0 and padded.region_iou == found.region_iou
    assert value_of(average_precision([padded], 0.5), 1) <= by_threshold[2] + 1e-12


def test_no_box_is_nothing_and_no_earlier_box_is_used() -> None:
    assert read_boxes("I see none.", "chexagent2").written == ()
    assert read_boxes(None, "chexagent2").written == ()
    found = locate(Boxes(()), [FULL])
    assert (found.first, found.region_iou) == (0, 0)
    assert value_of(mean_average_precision([found]), 1) == 0


@pytest.mark.parametrize("dialect", sorted(BOX_DIALECTS))
def test_written_boxes_are_read_again(dialect: str) -> None:
    boxes = [(0.1, 0.2, 0.5, 0.6), (0.5, 0.5, 0.9, 0.9)]
    text = "There: " + format_boxes(boxes, dialect, "effusion") + " and here."
    found = read_boxes(text, dialect)
    assert found.malformed == 0
    assert np.allclose(found.valid, boxes, atol=0.011)


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("<|box|>(50,10),(20,40)<|/box|>", "chexagent2"),
        ("<|box|>(10,10),(10,40)<|/box|>", "chexagent2"),
        ("<|box|>(10,10),(20)<|/box|>", "chexagent2"),
        ("<|box|>(10,10),(20,", "chexagent2"),
        ("<|box|>(-10,10),(20,30)<|/box|>", "chexagent2"),
        ("[100, 200, 300]", "qwen"),
        ("[0.1, 0.2, 0.3, ", "unit"),
        ("[100, 200, 300, 400]", "unit"),
    ],
)
def test_malformed_box_is_counted_and_covers_nothing(text: str, dialect: str) -> None:
    found = read_boxes(text, dialect)
    assert (found.valid, found.malformed) == ([], 1)


def test_a_box_over_the_edge_is_cut_and_order_is_kept() -> None:
    text = "<|box|>(50,0),(20,9)<|/box|><|box|>(50,0),(140,100)<|/box|>"
    assert read_boxes(text, "chexagent2").written == (None, RIGHT)


def test_average_precision_by_hand() -> None:
    """Ranks: first boxes of both items (one of two right), then the second of item 0 (right)."""
    both = locate(Boxes((LEFT, RIGHT)), [LEFT, RIGHT])
    wrong = locate(Boxes((LEFT,)), [RIGHT])
    # precision 1/2 at recall 1/3, then 2/3 at recall 2/3: interpolated 2/3 up to recall 2/3
    expected = 2 / 3 * 2 / 3
    assert value_of(average_precision([both, wrong], 0.5), 2) == pytest.approx(expected)
    assert value_of(average_precision([wrong, both], 0.5), 2) == pytest.approx(expected)


def test_a_reference_is_taken_once() -> None:
    twice = locate(Boxes((LEFT, LEFT)), [LEFT])
    assert twice.hits[0].tolist() == [True, False]


def test_weights_count_an_item_as_often_as_it_was_drawn() -> None:
    right, wrong = locate(Boxes((LEFT,)), [LEFT]), locate(Boxes((LEFT,)), [RIGHT])
    statistic = average_precision([right, wrong], 0.5)
    drawn = statistic(np.array([[2.0, 0.0], [0.0, 2.0], [3.0, 1.0]]))
    again = value_of(average_precision([right, right, right, wrong], 0.5), 4)
    assert drawn.tolist() == pytest.approx([1, 0, again])
