"""How pictures are shared among the jobs that normalise them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from chexinstruct.build.pictures import PACK, Wanted, plan
from chexinstruct.images import ImageSettings


@pytest.mark.parametrize(
    ("pictures", "packs"),
    [(0, 0), (1, 1), (16, 1), (17, 2), (1000, 32), (8192, 32), (8193, 33), (100_000, 391)],
)
def test_packs_are_even_and_enough_for_many_workers(
    tmp_path: Path, pictures: int, packs: int
) -> None:
    wanted = [Wanted(f"{number}.png", "") for number in range(pictures)]
    jobs = plan(tmp_path, "nih_chestxray14", "/data", wanted, ImageSettings())
    sizes = [len(job.wanted) for job in jobs]
    assert list(chain.from_iterable(job.wanted for job in jobs)) == wanted
    assert len({job.pack for job in jobs}) == len(jobs) == packs
    assert max(sizes, default=0) <= PACK
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
