"""Rows of masks as SIIM-ACR tables have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.schema import Region
from chexinstruct.shared.siim_masks import siim_masks

FRAME = (10, 10)


def read(
    folder: Path, *masks: str, none: tuple[str, ...] = ("-1",)
) -> tuple[tuple[Region, ...] | None, Release]:
    (folder / "t.csv").write_text("m\n" + "".join(f'"{mask}"\n' for mask in masks))
    release = Release.open(folder, source="demo")
    rows = list(release.table("t.csv", {"mask": "m"}))
    found = siim_masks(
        release, "t.csv", rows, image="i", finding="pneumothorax", frame=FRAME, none=none
    )
    return found, release


def test_each_row_is_a_region_and_a_repeated_one_is_one(tmp_path: Path) -> None:
    found, release = read(tmp_path, "12 3", "50 5 5 5", "12 3")
    assert found is not None
    assert [r.box for r in found] == [(1, 2, 2, 5), (5, 0, 7, 5)]
    assert {(r.image, r.label, r.shape, r.frame) for r in found} == {
        ("i", "pneumothorax", "mask", FRAME)
    }
    assert [(r.reason, r.row, r.expected) for r in release.rejects] == [("repeated_mask", 4, True)]


def test_none_is_what_the_caller_says(tmp_path: Path) -> None:
    assert read(tmp_path, "-1", " -1")[0] == ()
    assert read(tmp_path, "-1", "n/a", none=("-1", "n/a"))[0] == ()
    found, release = read(tmp_path, "n/a")
    assert found is None
    assert release.reject_counts == {("bad_mask", False): 1}


def test_rows_that_contradict_each_other_give_nothing(tmp_path: Path) -> None:
    found, release = read(tmp_path, "12 3", "-1")
    assert found is None
    assert [(r.reason, r.row) for r in release.rejects] == [("contradictory_rows", 3)]


@pytest.mark.parametrize("mask", ["97 4", "12 3 90 4", "40 5 60 5"])
def test_few_runs_past_the_grid_are_a_damaged_row(tmp_path: Path, mask: str) -> None:
    found, release = read(tmp_path, mask, "12 3")
    assert found is None
    assert release.reject_counts == {("bad_mask", False): 1}


@pytest.mark.parametrize("mask", ["30 4 40 4 50 4", "31 4 41 4 97 4"])
def test_masks_of_the_absolute_form_stop_the_release(tmp_path: Path, mask: str) -> None:
    with pytest.raises(ReleaseError, match=r"demo: t\.csv, row 2: .*first pixel"):
        read(tmp_path, mask)
